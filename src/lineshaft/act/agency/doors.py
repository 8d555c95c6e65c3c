"""What of act itself agents' tools use: proposals, each filed once under the key of its call, and the list of cases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.engine import Connection

from lineshaft.act.agency.toolbox import Doors, Look, Use
from lineshaft.core import iso
from lineshaft.guard import Command, Guard, Subject

Filed = dict[str, Any]


def tool_doors(
    guard: Guard,
    order: Callable[[Connection, Mapping[str, Any], Subject], Filed],
    purchase: Callable[[Connection, str, float, Subject, str], Filed],
    cases: Callable[..., list[dict[str, Any]]],
    manual: Look,
) -> Doors:
    """Return the tools' way into act."""

    def want(use: Use, said: Mapping[str, Any]) -> Mapping[str, Any]:
        draft = {**said, "note": said["reason"]}
        command = Command(use.subject, "work-orders.propose", "work-order", dict(said), use.key, str(said["asset"]))
        return guard.perform(command, lambda tx: {"proposal": order(tx, draft, use.subject)["id"], "state": "waits for a person"})

    def buy(use: Use, said: Mapping[str, Any]) -> Mapping[str, Any]:
        def run(tx: Connection) -> Filed:
            made = purchase(tx, said["part"], said["quantity"], use.subject, said["reason"])
            return {"purchase": made["number"], "state": "waits for a person"}

        return guard.perform(Command(use.subject, "purchases.propose", f"part:{said['part']}", dict(said), use.key), run)

    def known(_subject: Subject, path: str) -> list[dict[str, Any]]:
        names = ("number", "process", "asset", "title", "state", "outcome")
        return [{**{name: row[name] for name in names}, "opened": iso(row["opened"])} for row in cases(asset=path, limit=30)]

    return Doors(manual=manual, cases=known, order=want, purchase=buy)
