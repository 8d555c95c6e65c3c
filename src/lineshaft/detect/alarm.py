"""The register of alarms: the durable state of each, its log, and what people do to it.

An alarm's row is its truth; every step writes the row and a line of log in one transaction and is told after the commit.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import NS, Bus, Conflict, Database, InvalidInput, NotFound, bump, iso, new_id, now_ns
from lineshaft.detect.condition import Change
from lineshaft.detect.events import AlarmChanged, AlarmCleared, AlarmRaised
from lineshaft.detect.gathering import Gathered
from lineshaft.detect.lifecycle import HIDDEN, SHOWN, AlarmState, after, hidden, uncovered
from lineshaft.detect.tables import alarms, log
from lineshaft.guard import Subject

STANDING = (AlarmState.UNACK, AlarmState.ACKED)
"""States of an alarm whose condition holds and was told."""

_BEGAN = sa.func.coalesce(alarms.c.raised, -1)
"""When an alarm began; one that never did comes last, whatever the database."""

BY_DESIGN = "rule:suppression"

EVIDENCE_BEFORE = 600 * NS
"""How much of the past a link to the evidence shows."""


class Register:
    """The rows of all alarms."""

    def __init__(self, db: Database, bus: Bus, longest_shelf: int = 7 * 86_400 * NS) -> None:
        self._db, self._bus, self._longest_shelf = db, bus, longest_shelf
        self._gathered: dict[Connection, Gathered] = {}

    @contextmanager
    def gathering(self, tx: Connection, ids: Collection[str]) -> Generator[None]:
        """Gather the steps of these alarms, and write them at the end: a flood of alarms is written at once."""
        self._gathered[tx] = gathered = Gathered(tx, ids)
        try:
            yield
            gathered.write(tx)
        finally:
            del self._gathered[tx]

    def get(self, alarm_id: str, tx: Connection | None = None) -> dict[str, Any]:
        """Return one alarm."""
        rows = self._db.rows(sa.select(alarms).where(alarms.c.id == alarm_id), tx)
        if not rows:
            raise NotFound(f"there is no alarm {alarm_id}", code="alarms.unknown")
        return rows[0]

    def held(self, tx: Connection, alarm_id: str) -> dict[str, Any]:
        """Return one alarm and hold its row until the transaction ends: a step sees what the step before it has left."""
        if tx in self._gathered and alarm_id in self._gathered[tx].rows:
            return self._gathered[tx].rows[alarm_id]
        rows = self._db.rows(sa.select(alarms).where(alarms.c.id == alarm_id).with_for_update(), tx)
        if not rows:
            raise NotFound(f"there is no alarm {alarm_id}", code="alarms.unknown")
        return rows[0]

    def list(
        self,
        *,
        active_only: bool = True,
        kind: str | None = "alarm",
        asset: str | None = None,
        scope: Sequence[str] = (),
        after: str | None = None,
        limit: int | None = None,
    ) -> list[dict[str, Any]]:
        """Return alarms, the most urgent and newest first; `kind=None` includes the alerts of maintenance.

        `scope` are the branches of the plant that count (all if empty), `after` the place of the last one that was read.
        """
        order = (alarms.c.priority, _BEGAN.desc(), alarms.c.asset, alarms.c.id)
        query = sa.select(alarms).where(~alarms.c.retired).order_by(*order).limit(limit)
        if active_only:
            query = query.where(alarms.c.state.in_(list(SHOWN)))
        if kind is not None:
            query = query.where(alarms.c.kind == kind)
        if asset is not None:
            query = query.where(alarms.c.asset == asset)
        if scope:
            below = [alarms.c.asset.startswith(f"{branch}/", autoescape=True) for branch in scope]
            query = query.where(sa.or_(alarms.c.asset.in_(list(scope)), *below))
        return self._db.rows(query if after is None else query.where(self._beyond(after)))

    def of(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        """Return these alarms, in this order."""
        known = {row["id"]: row for row in self._db.rows(sa.select(alarms).where(alarms.c.id.in_(list(ids))))}
        return [known[one] for one in ids if one in known]

    @staticmethod
    def place(row: Mapping[str, Any]) -> str:
        """Return where an alarm is in the list: one that has left the list meanwhile still says where to read on."""
        return f"{row['priority']}.{-1 if row['raised'] is None else row['raised']}.{row['id']}"

    def _beyond(self, place: str) -> sa.ColumnElement[bool]:
        priority, _, rest = place.partition(".")
        raised, _, alarm_id = rest.partition(".")
        known = self._db.rows(sa.select(alarms.c.asset).where(alarms.c.id == alarm_id))
        if not known or not priority.isdigit() or not raised.lstrip("-").isdigit() or len(raised) > 20:
            raise InvalidInput(
                "this page's token is unknown", where="after", hint="begin again without `after`", code="page.token"
            )
        values: list[Any] = [int(priority), int(raised), known[0]["asset"], alarm_id]
        columns = [alarms.c.priority, _BEGAN, alarms.c.asset, alarms.c.id]
        further = [alarms.c.priority > values[0], values[1] > _BEGAN, alarms.c.asset > values[2], alarms.c.id > values[3]]
        same = [column == value for column, value in zip(columns, values, strict=True)]
        return sa.or_(*(sa.and_(*same[:n], one) for n, one in enumerate(further)))

    def not_rationalised(self, assets: Collection[str] | None = None) -> int:
        """Return how many operators' alarms nobody has rationalised; of these assets, of all if None."""
        query = sa.select(alarms.c.asset, sa.func.count().label("number")).group_by(alarms.c.asset)
        open_ones = query.where(~alarms.c.retired, alarms.c.kind == "alarm", alarms.c.rationalised.is_(None))
        wanted = None if assets is None else set(assets)
        return sum(int(row["number"]) for row in self._db.rows(open_ones) if wanted is None or row["asset"] in wanted)

    def began(self, windows: Sequence[tuple[int, int]]) -> list[dict[str, Any]]:
        """Return a row for each time an operators' alarm began in one of these windows; one that is over again is `normal`."""
        found: list[dict[str, Any]] = []
        query = sa.select(alarms, log.c.at.label("began"), log.c.occurrence.label("then")).join(
            log, log.c.alarm_id == alarms.c.id
        )
        query = query.where(~alarms.c.retired, alarms.c.kind == "alarm", log.c.what == "raise", log.c.state == AlarmState.UNACK)
        for begin in range(0, len(windows), 50):
            within = [log.c.at.between(start, end) for start, end in windows[begin : begin + 50]]
            for row in self._db.rows(query.where(sa.or_(*within))):
                state = row["state"] if row["then"] == row["occurrence"] else AlarmState.NORMAL
                found.append({**row, "raised": row["began"], "state": state})
        return found

    def history(self, alarm_id: str, limit: int = 200) -> list[dict[str, Any]]:
        """Return an alarm's log, newest first."""
        query = sa.select(log).where(log.c.alarm_id == alarm_id).order_by(log.c.written.desc(), log.c.at.desc()).limit(limit)
        return self._db.rows(query)

    def acknowledge(self, tx: Connection, alarm_id: str, by: Subject, note: str, version: int | None) -> dict[str, Any]:
        """Somebody has seen it."""
        row = self.held(tx, alarm_id)
        state = after(row["state"], "acknowledge")
        values = {"state": state, "acknowledged": now_ns(), "acknowledged_by": by.id}
        return self._write(tx, row, "acknowledge", values, version, by=by.id, note=note)

    def reset(self, tx: Connection, alarm_id: str, by: Subject, note: str, version: int | None) -> dict[str, Any]:
        """Release a latched alarm whose condition is over."""
        row = self.held(tx, alarm_id)
        values = {"state": after(row["state"], "reset"), "tripped": 0}
        return self._write(tx, row, "reset", values, version, by=by.id, note=note)

    def hide(
        self,
        tx: Connection,
        alarm_id: str,
        by: Subject,
        state: AlarmState,
        reason: str,
        *,
        until: int | None = None,
        version: int | None = None,
    ) -> dict[str, Any]:
        """Shelve, suppress by design or take out of service: always with a reason, shelving with an end as well."""
        row, now = self.held(tx, alarm_id), now_ns()
        if not reason.strip():
            raise InvalidInput("hiding an alarm needs a reason", where="reason", code="alarms.reason")
        if state is AlarmState.SHELVED and (until is None or until <= now):
            raise InvalidInput("shelving ends at a time in the future", where="until", code="alarms.until")
        if until is not None and until > now + self._longest_shelf:
            hint = "take it out of service if it is away for longer"
            most = f"shelving ends within {self._longest_shelf / (3600 * NS):g} h"
            raise InvalidInput(most, where="until", hint=hint, code="alarms.until")
        values = {"state": hidden(row["state"], state), "hidden_until": until, "hidden_reason": reason, "hidden_by": by.id}
        return self._write(tx, row, state.value, values, version, by=by.id, note=reason)

    def suppress(
        self, tx: Connection, row: Mapping[str, Any], formula: str, *, on: bool, at: int | None = None
    ) -> dict[str, Any]:
        """Hide or show an alarm by its design: a formula says that it means nothing now, or that it does again."""
        if on:
            values: dict[str, Any] = {"suppressing": 1}
            if row["state"] not in HIDDEN:
                values |= {"state": AlarmState.SUPPRESSED, "hidden_reason": formula, "hidden_until": None, "hidden_by": BY_DESIGN}
            return self._write(tx, row, "suppress", values, None, by=BY_DESIGN, note=formula, at=at)
        new = self._write(tx, row, "unsuppress", {"suppressing": 0}, None, by=BY_DESIGN, note=formula, at=at)
        return self.uncover(tx, row["id"], BY_DESIGN, formula, at=at) if row["state"] == AlarmState.SUPPRESSED else new

    def uncover(
        self,
        tx: Connection,
        alarm_id: str,
        by: str,
        note: str,
        version: int | None = None,
        only: AlarmState | None = None,
        at: int | None = None,
    ) -> dict[str, Any]:
        """Show an alarm again as what it is by now; one that holds begins anew, one its design hides stays hidden by that."""
        row = self.held(tx, alarm_id)
        if row["state"] not in HIDDEN or (only is not None and row["state"] not in (only, AlarmState.SUPPRESSED)):
            raise Conflict(f"this alarm is {row['state']}, not {only or 'hidden'}", code="alarms.step")
        if row["state"] == AlarmState.SUPPRESSED and row["suppressing"]:
            hint = f"it comes back by itself when this is over: {row['hidden_reason']}"
            raise Conflict("this alarm is suppressed by design", hint=hint, code="alarms.step")
        values: dict[str, Any] = {"hidden_until": None, "hidden_reason": "", "hidden_by": None}
        if row["suppressing"]:
            values |= {"state": AlarmState.SUPPRESSED, "hidden_by": BY_DESIGN, "hidden_reason": "by design"}
            return self._write(tx, row, "unshelve", values, version, by=by, note=note)
        values["state"] = uncovered(row["active"], bool(row["tripped"]))
        shown = self._write(tx, row, "unshelve", values, version, by=by, note=note, at=at)
        if not row["active"]:
            return shown
        return self.begin(tx, shown, now_ns() if at is None else at, row["value"])

    def retire(self, tx: Connection, row: Mapping[str, Any]) -> None:
        """Take an alarm out whose definition is gone: nobody judges it from now on, so nothing of it stands any longer."""
        values: dict[str, Any] = {"retired": True, "active": False, "pending": None, "since": None, "tripped": 0}
        if row["state"] not in HIDDEN:
            values["state"] = AlarmState.NORMAL
        new = self._write(tx, row, "retire", values, None, note="its definition is gone")
        if row["active"]:
            self._cleared(tx, new, now_ns())

    def settle(self, tx: Connection, row: Mapping[str, Any], by: str, why: str) -> dict[str, Any]:
        """Bring an alert whose end somebody has judged to normal: what is judged was seen, and latches no longer."""
        values: dict[str, Any] = {"state": AlarmState.NORMAL, "tripped": 0}
        if row["acknowledged"] is None:
            values |= {"acknowledged": now_ns(), "acknowledged_by": by}
        return self._write(tx, row, "settle", values, None, by=by, note=why)

    def expired(self, tx: Connection, now: int) -> list[str]:
        """Return the shelved alarms whose time is over."""
        query = sa.select(alarms.c.id).where(alarms.c.state == AlarmState.SHELVED, alarms.c.hidden_until <= now)
        return [str(row.id) for row in tx.execute(query)]

    def changed(self, tx: Connection, row: Mapping[str, Any], change: Change) -> dict[str, Any]:
        """Write that the condition began or ended."""
        value = change.value if math.isfinite(change.value) else None
        if change.active:
            return self.begin(tx, row, change.at, value)
        values: dict[str, Any] = {"active": False, "since": None}
        if row["state"] not in (*STANDING, *HIDDEN):
            return self._write(tx, row, "past-clear", values, None, at=change.at, value=value)
        values |= {"cleared": change.at, "state": after(row["state"], "clear", latched=row["latched"])}
        new = self._write(tx, row, "clear", values, None, at=change.at, value=value)
        self._cleared(tx, new, change.at)
        return new

    def _cleared(self, tx: Connection, row: Mapping[str, Any], at: int) -> None:
        of = (row["id"], row["occurrence"] or "", row["asset_id"], row["asset"], row["name"], row["kind"])
        self._bus.tell_with(tx, AlarmCleared(*of, at))

    def past(self, tx: Connection, row: Mapping[str, Any], change: Change) -> dict[str, Any]:
        """Write that the condition began long ago, as values that come late say: noted, not told as if it were now."""
        value = change.value if math.isfinite(change.value) else None
        values = {"active": True, "value": value, "since": change.at}
        return self._write(tx, row, "past-raise", values, None, at=change.at, value=value)

    def input(self, tx: Connection, row: Mapping[str, Any], quality: str, at: int) -> dict[str, Any]:
        """Write that the input became good, bad or stale: while it is not good the condition is not judged."""
        return self._write(tx, row, f"input-{quality}", {"input": quality}, None, at=at)

    def begin(self, tx: Connection, row: Mapping[str, Any], at: int, value: float | None) -> dict[str, Any]:
        """Write that an alarm stands from now on, a new occurrence; a hidden one is only noted."""
        covered = row["state"] in HIDDEN
        values: dict[str, Any] = {"active": True, "value": value, "since": at, "tripped": int(row["latched"])}
        if not covered:
            values |= {
                "state": AlarmState.UNACK,
                "occurrence": new_id(),
                "raised": at,
                "cleared": None,
                "acknowledged": None,
                "acknowledged_by": None,
            }
        new = self._write(tx, row, "raise", values, None, at=at, value=value)
        if not covered and (new["origin"] != "finding" or new["kind"] == "alarm"):  # a finding tells of itself
            event = raised(new)
            self._bus.tell_with(tx, event)
        return new

    def _write(
        self,
        tx: Connection,
        row: Mapping[str, Any],
        what: str,
        values: Mapping[str, Any],
        version: int | None,
        *,
        by: str | None = None,
        note: str = "",
        at: int | None = None,
        value: float | None = None,
    ) -> dict[str, Any]:
        gathered, now = self._gathered.get(tx), now_ns()
        kept = gathered is not None and version is None and row["id"] in gathered.rows
        number = int(row["version"]) + 1 if kept else bump(tx, alarms, row["id"], version, **values)
        new: dict[str, Any] = {**row, **values, "version": number}
        line: dict[str, Any] = {
            "id": new_id(),
            "alarm_id": row["id"],
            "occurrence": new["occurrence"],
            "at": now if at is None else at,
            "written": now,
            "what": what,
            "state": new["state"],
            "kind": new["kind"],
            "priority": new["priority"],
            "value": value,
            "by": by,
            "note": note,
        }
        if gathered is not None and kept:
            gathered.put(new, line)
        else:
            tx.execute(log.insert().values(**line))
        self._bus.tell_with(tx, AlarmChanged(new["id"], new["asset"], new["name"], new["kind"], what, new["state"]))
        return new

    def note(self, tx: Connection, row: Mapping[str, Any], **values: Any) -> None:
        """Note where the condition of an alarm stands; that is no step of its life."""
        gathered = self._gathered.get(tx)
        if gathered is not None and row["id"] in gathered.rows:
            gathered.put({**row, **values})
        else:
            tx.execute(alarms.update().where(alarms.c.id == row["id"]).values(**values))


def raised(row: Mapping[str, Any]) -> AlarmRaised:
    """Return the event of an alarm that stands in the list, with the link to its evidence."""
    at = int(row["raised"])
    evidence = {
        "property": row["property"],
        "start": iso(at - EVIDENCE_BEFORE),
        "end": iso(at),
        "value": row["value"],
        "limit": row["limit"],
    }
    return AlarmRaised(
        alarm_id=row["id"],
        occurrence=row["occurrence"],
        asset_id=row["asset_id"],
        asset_path=row["asset"],
        name=row["name"],
        priority=row["priority"],
        kind=row["kind"],
        property_path=row["property"],
        operator=row["operator"],
        value=row["value"],
        limit=row["limit"],
        unit=row["unit"],
        at=at,
        failure_mode=row["failure_mode"],
        process=row["process"],
        evidence=evidence,
    )
