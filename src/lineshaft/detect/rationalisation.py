"""The rationalisation record: what an alarm is for, as people decided it - cause, consequence, action, time, and so priority.

A record is added, never overwritten; the newest counts and lies over what the model file says. An alert becomes an operator's
alarm by such a record only: there must be something an operator can do, and a time to do it in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import Bus, Database, InvalidInput, NotFound, bump, new_id, now_ns
from lineshaft.detect.events import AlarmChanged
from lineshaft.detect.rank import Impact, priority_of
from lineshaft.detect.tables import alarms, records
from lineshaft.guard import Subject

BASIS = ("property", "operator", "limit", "unit", "condition", "latched")
"""What of the condition a decision rests on: if one of these changes, the record wants another look."""
LAID_OVER = ("kind", "priority", "impact", "respond_within", "cause", "consequence", "action")


@dataclass(frozen=True, slots=True)
class Decision:
    """What people say about an alarm: `respond_within` in ns."""

    kind: Literal["alarm", "alert"]
    impact: Impact
    respond_within: int
    cause: str
    consequence: str
    action: str
    note: str = ""


def decided(db: Database, tx: Connection) -> dict[str, dict[str, Any]]:
    """Return, by alarm, the columns its newest record lays over the definition."""
    rows = db.rows(sa.select(records).order_by(records.c.alarm_id, records.c.number), tx)
    return {row["alarm_id"]: {**{name: row[name] for name in LAID_OVER}, "rationalised": row["at"]} for row in rows}


class Rationalisation:
    """All records."""

    def __init__(self, db: Database, bus: Bus) -> None:
        self._db, self._bus = db, bus

    def of(self, alarm_id: str, tx: Connection | None = None) -> list[dict[str, Any]]:
        """Return an alarm's records, newest first; `outdated` where its condition is another by now."""
        rows = self._db.rows(sa.select(alarms).where(alarms.c.id == alarm_id), tx)
        if not rows:
            raise NotFound(f"there is no alarm {alarm_id}", code="alarms.unknown")
        query = sa.select(records).where(records.c.alarm_id == alarm_id).order_by(records.c.number.desc())
        basis = {name: rows[0][name] for name in BASIS}
        return [{**record, "outdated": record["basis"] != basis} for record in self._db.rows(query, tx)]

    def decide(
        self, tx: Connection, alarm_id: str, decision: Decision, by: Subject, version: int | None = None
    ) -> dict[str, Any]:
        """Add a record and let it count at once."""
        for name in ("cause", "consequence", "action"):
            if not getattr(decision, name).strip():
                hint = "an alarm without a cause, a consequence and something to do about it is none"
                raise InvalidInput(f"the {name} is missing", where=name, hint=hint, code="alarms.rationalise")
        if decision.respond_within <= 0:
            raise InvalidInput("there is no time to respond", where="respond_within", code="alarms.rationalise")
        before = self.of(alarm_id, tx)
        (row,) = self._db.rows(sa.select(alarms).where(alarms.c.id == alarm_id), tx)
        now = now_ns()
        said = {name: getattr(decision, name) for name in LAID_OVER if name != "priority"}
        said["priority"] = priority_of(decision.impact, decision.respond_within)
        record: dict[str, Any] = {"id": new_id(), "alarm_id": alarm_id, "number": len(before) + 1, "at": now, "by": by.id}
        record |= {**said, "note": decision.note, "basis": {name: row[name] for name in BASIS}}
        bump(tx, alarms, alarm_id, version, rationalised=now, **said)
        tx.execute(records.insert().values(**record))
        self._bus.tell_with(tx, AlarmChanged(alarm_id, row["asset"], row["name"], decision.kind, "rationalise", row["state"]))
        return {**record, "outdated": False}

    def open(self, rows: list[dict[str, Any]]) -> list[Mapping[str, Any]]:
        """Return which of these alarms nobody has rationalised."""
        return [row for row in rows if row["rationalised"] is None]
