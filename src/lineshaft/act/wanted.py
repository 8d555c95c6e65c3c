"""Work orders somebody or something wants: laid before the people, made once one of them approves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Connection

from lineshaft.act.approval import Approvals
from lineshaft.core import InvalidInput, now_ns, parse_duration
from lineshaft.guard import Subject
from lineshaft.maintain import LISTS, Orders

WANTED = "work-order"
"""What the inbox calls such a proposal's task."""
KINDS = ("corrective", "preventive", "predictive", "inspection")


class Wanted:
    """Proposals of work orders, outside of any case."""

    def __init__(self, inbox: Approvals, orders: Orders, expiry: str) -> None:
        self._inbox, self._orders, self._expiry = inbox, orders, expiry

    def propose(self, tx: Connection, draft: Mapping[str, Any], by: Subject) -> dict[str, Any]:
        """File an order somebody wants: `asset`, `title`, and `kind`, `priority`, `failure_mode`, `note` if known."""
        title, asset = str(draft.get("title") or "").strip(), str(draft.get("asset") or "")
        mode = str(draft.get("failure_mode") or "")
        kind = str(draft.get("kind") or "corrective")
        if len(title) < 3 or not asset:
            raise InvalidInput("an order has an asset and a title", where="title", code="order.title")
        if kind not in KINDS or (mode and mode not in LISTS["mode"]):
            raise InvalidInput(f"'{kind}' '{mode}' is no kind and failure mode", where="kind", code="order.kind")
        proposal = {
            "asset": asset,
            "title": title[:200],
            "kind": kind,
            "priority": int(draft.get("priority") or 3),
            "failure_mode": mode,
            "note": str(draft.get("note") or "")[:2000],
        }
        expires = now_ns() + parse_duration(self._expiry)
        made = self._inbox.file(tx, f"Work order: {title}"[:300], proposal, by.id, expires, None, WANTED)
        return self._inbox.get(made, tx)

    def decided(self, tx: Connection, row: Mapping[str, Any], approved: bool, by: Subject) -> None:
        """Make the order a person approved."""
        if approved:
            draft = {name: value for name, value in row["proposal"].items() if name != "note"}
            self._orders.create(tx, by, **draft, state="triaged", note=row["proposal"]["note"] or row["reason"])
