"""Writes to machines begin as proposals like everything else: a second person decides, silence is no.

Carrying an approved one out is the writer's (`connect.Writer`), within its allow-list and limits; here nothing is written.
"""

from __future__ import annotations

import math
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.act.approval import Approvals
from lineshaft.act.tables import approvals
from lineshaft.assets import Kind, Property
from lineshaft.core import Database, DataType, InvalidInput, now_ns, parse_duration
from lineshaft.guard import Subject

WRITE = "write"
"""What the inbox calls such a proposal's task."""


class Writes:
    """Proposals to write a value to a machine."""

    def __init__(self, db: Database, inbox: Approvals, expiry: str) -> None:
        self._db, self._inbox, self._expiry = db, inbox, expiry

    def propose(self, tx: Connection, target: Property, value: object, by: Subject, reason: str = "") -> dict[str, Any]:
        """File a proposal to write `value` to a measured property."""
        if target.kind is not Kind.MEASUREMENT:
            raise InvalidInput(
                f"{target.path} is {target.kind}, not measured",
                where="property",
                hint="only what a machine has can be written",
                code="writes.property",
            )
        proposal = {"property": target.path, "value": _typed(target, value), "unit": target.unit, "reason": reason}
        expires = now_ns() + parse_duration(self._expiry)
        made = self._inbox.file(tx, f"Write {value} to {target.path}", proposal, by.id, expires, None, WRITE)
        return _shown(self._inbox.get(made, tx))

    def list(self, state: str | None = None, limit: int = 100, before: int | None = None) -> list[dict[str, Any]]:
        """Return such proposals, newest first."""
        query = sa.select(approvals).where(approvals.c.task == WRITE, approvals.c.case_id.is_(None))
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
    return {**{name: row[name] for name in names}, **proposal, "decision_reason": row["reason"], "readback": None}
