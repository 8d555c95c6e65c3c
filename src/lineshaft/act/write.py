"""Writes to machines begin as proposals like everything else: a second person decides, silence is no.

What the hand (`carry.Hand`) would refuse is refused when it is proposed already: nobody decides about the impossible.
"""

from __future__ import annotations

import math
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.act.approval import Approvals
from lineshaft.act.carry import Hand
from lineshaft.act.tables import approvals, machine_writes
from lineshaft.assets import Kind, Property
from lineshaft.core import Database, DataType, InvalidInput, now_ns, parse_duration
from lineshaft.guard import Subject

WRITE = "write"
"""What the inbox calls such a proposal's task."""


_WITH_OUTCOME = sa.select(
    approvals,
    machine_writes.c.state.label("outcome"),
    machine_writes.c.before,
    machine_writes.c.after,
    machine_writes.c.why,
).select_from(approvals.outerjoin(machine_writes, machine_writes.c.id == approvals.c.id))


class Writes:
    """Proposals to write a value to a machine."""

    def __init__(self, db: Database, inbox: Approvals, expiry: str, hand: Hand | None = None) -> None:
        self._db, self._inbox, self._expiry, self._hand = db, inbox, expiry, hand

    def propose(self, tx: Connection, target: Property, value: object, by: Subject, reason: str = "") -> dict[str, Any]:
        """File a proposal to write `value` to a measured property."""
        expires = now_ns() + parse_duration(self._expiry)
        proposal = {"property": target.path, "value": self.check(target, value), "unit": target.unit, "reason": reason}
        made = self._inbox.file(tx, f"Write {value} to {target.path}", proposal, by.id, expires, None, WRITE)
        return self.get(made, tx)

    def targets(self) -> list[dict[str, Any]]:
        """Return what may be written at all."""
        return self._hand.targets() if self._hand is not None else []

    def check(self, target: Property, value: object) -> float | int | bool | str:
        """Return the value as it would be written. Raises with the reason when it may not be."""
        if target.kind is not Kind.MEASUREMENT:
            raise InvalidInput(
                f"{target.path} is {target.kind}, not measured",
                where="property",
                hint="only what a machine has can be written",
                code="writes.property",
            )
        typed = _typed(target, value)
        if self._hand is not None:
            self._hand.check(target.path, typed)
        return typed

    def get(self, approval_id: str, tx: Connection | None = None) -> dict[str, Any]:
        """Return one proposal and what became of it."""
        return _shown(self._db.rows(_WITH_OUTCOME.where(approvals.c.id == approval_id), tx)[0])

    def list(self, state: str | None = None, limit: int = 100, before: int | None = None) -> list[dict[str, Any]]:
        """Return such proposals, newest first."""
        query = _WITH_OUTCOME.where(approvals.c.task == WRITE, approvals.c.case_id.is_(None))
        if state:
            query = query.where(approvals.c.state == state)
        if before is not None:
            query = query.where(approvals.c.created < before)
        return [_shown(row) for row in self._db.rows(query.order_by(approvals.c.created.desc(), approvals.c.id).limit(limit))]


def _typed(target: Property, value: object) -> float | int | bool | str:
    """Return the value if it is one of the property's type."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    fits = {
        DataType.DOUBLE: is_number,
        DataType.INTEGER: is_number and isinstance(value, int),
        DataType.BOOLEAN: isinstance(value, bool),
        DataType.STRING: isinstance(value, str),
    }.get(target.type, False)
    if not fits or not isinstance(value, int | float | bool | str):
        raise InvalidInput(f"{value!r} is not of type {target.type}", where="value", code="writes.value")
    return value


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    names = ("id", "state", "proposed_by", "decided_by", "decided", "expires", "created", "version")
    proposal: dict[str, Any] = row["proposal"]
    became = {"outcome": row["outcome"], "before": row["before"], "readback": row["after"], "why": row["why"] or ""}
    return {**{name: row[name] for name in names}, **proposal, **became, "decision_reason": row["reason"]}
