"""What a quality hold can do: lots are set aside with all that was made from them, inspected by a person, and released.

Both the hold and the release are decisions of high risk: whoever asked for the hold does not approve it, whoever inspected
does not release. A lot that was scrapped before is left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy.engine import Connection

from lineshaft.act.job import Action, Job, Look, RuleAction, Settled, WaitAction
from lineshaft.core import Conflict, parse_time
from lineshaft.guard import Subject
from lineshaft.production import Production

_QUALITY = Subject.rule("quality")


def _production(job: Job) -> Production:
    if job.rooms.production is None:
        raise Conflict("this node keeps no lots", code="cases.no-production")
    return job.rooms.production


def _named(job: Job, made: Production) -> list[str]:
    """Return the lot the event names, else those of the order that ran at the asset when it happened."""
    if job.names.get("lot"):
        return [str(job.names["lot"])]
    at = parse_time(str(job.names["at"]))
    running = {run.order for run in made.running(str(job.case["asset"]), at - 1, at)}
    ids = {str(row["id"]) for row in made.orders.list() if row["number"] in running}
    return [str(row["lot"]) for row in made.lots.list() if row["order_id"] in ids]


def _hold_draft(tx: Connection, job: Job) -> dict[str, Any]:
    made = _production(job)
    named = _named(job, made)
    for lot in named:
        made.lots.id_of(tx, lot)
    also = sorted({kin for lot in named for kin in made.lots.genealogy(lot)["went_into"]} - set(named))
    found = {"lots": named, "made_from_them": also, "why": str(job.names.get("reason") or job.names.get("name") or "")}
    asked = job.names.get("requested_by")
    return {**found, "proposed_by": asked} if asked else found


def _hold(tx: Connection, job: Job, proposal: Mapping[str, Any]) -> dict[str, Any]:
    held = _move(tx, _production(job), [*proposal["lots"], *proposal["made_from_them"]], "free", "hold")
    return {"lots": list(proposal["lots"]), "held": held, "count": len(held)}


def _inspected(_tx: Connection, job: Job) -> Look:
    """See whether every lot that was named has a verdict entered since it was set aside."""
    since = int((job.row or {}).get("opened") or 0)
    wanted = set(job.names["hold"]["lots"])
    verdicts: dict[str, bool] = {}
    by = ""
    for row in _production(job).quality.list(since, None):
        if row["lot"] in wanted and row["passed"] is not None and row["lot"] not in verdicts:  # newest first
            verdicts[row["lot"]], by = bool(row["passed"]), by or str(row["by"])
    if set(verdicts) != wanted:
        return None
    failed = sorted(lot for lot, passed in verdicts.items() if not passed)
    return Settled("done", by or _QUALITY.id, {"verdict": "scrap" if failed else "free", "failed": failed, "inspected_by": by})


def _release_draft(_tx: Connection, job: Job) -> dict[str, Any]:
    seen, held = job.names["inspection"], job.names["hold"]["held"]
    found = {"lots": held, "verdict": seen["verdict"], "failed": seen["failed"]}
    return {**found, "proposed_by": seen["inspected_by"]} if seen["inspected_by"] else found


def _release(tx: Connection, job: Job, proposal: Mapping[str, Any]) -> dict[str, Any]:
    """Free what passed; what failed, and what was made from it, is scrap."""
    made = _production(job)
    bad = set(proposal["failed"])
    bad |= {kin for lot in proposal["failed"] for kin in made.lots.genealogy(lot)["went_into"]}
    scrapped = _move(tx, made, [lot for lot in proposal["lots"] if lot in bad], "hold", "scrap")
    freed = _move(tx, made, [lot for lot in proposal["lots"] if lot not in bad], "hold", "free")
    return {"freed": freed, "scrapped": scrapped}


def _move(tx: Connection, made: Production, lots: Iterable[str], before: str, after: str) -> list[str]:
    now = {str(row["lot"]): str(row["state"]) for row in made.lots.list(tx)}
    moved = [lot for lot in dict.fromkeys(lots) if now.get(lot) == before]
    for lot in moved:
        made.lots.set_state(tx, lot, after)
    return moved


HOLD_ACTIONS: dict[str, Action] = {
    "lot.hold": RuleAction(_QUALITY, "production.hold", _hold_draft, _hold),
    "lot.inspect": WaitAction(_QUALITY, "cases.task", _inspected),
    "lot.release": RuleAction(_QUALITY, "production.release", _release_draft, _release, floor="high"),
}
