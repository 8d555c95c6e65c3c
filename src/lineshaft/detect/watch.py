"""The watch over the stored rows: feeds them to the alarms, in event time, and keeps what they say on disk.

Rows delivered again change nothing; after a crash the watch goes on where its last written step was.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.assets import DERIVED, Assets
from lineshaft.core import Bus, Database, InvalidInput, Problem, SystemEvent, did_you_mean, new_id, now_ns, parse_duration
from lineshaft.detect.alarm import Register, raised
from lineshaft.detect.condition import Change, Condition, due, limits, walk
from lineshaft.detect.definition import Watched, definitions
from lineshaft.detect.events import AlarmRaised
from lineshaft.detect.finding import Findings
from lineshaft.detect.lifecycle import AlarmState
from lineshaft.detect.screen import Point, Rows, Screen
from lineshaft.detect.tables import alarms
from lineshaft.guard import Subject

EVENT = "detect:definitions"


class Numbers(Protocol):
    """What detect asks the store: the number of each series."""

    def sids(self, source: str, tags: Sequence[str], /) -> Any:
        """Return the numbers of a source's tags, giving new ones where needed."""
        ...

    def derived_sid(self, property_id: str, /) -> int:
        """Return the number of a derived property."""
        ...


class Detect:
    """Alarms and findings of the plant."""

    def __init__(
        self, db: Database, assets: Assets, store: Numbers, bus: Bus, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._db, self._assets, self._store, self._bus, self._clock = db, assets, store, bus, clock
        self._register = Register(db, bus)
        self._found = Findings(db, bus)
        self._lock = threading.RLock()
        self._screen = Screen([], [])
        self._problems: list[Problem] = []

    # -- definitions

    def reload(self) -> list[Problem]:
        """Read all definitions again and go on with the states on disk; return what is wrong with those left out."""
        watched, self._problems = definitions(self._assets)
        with self._lock:
            with self._db.begin() as tx:
                points = self._sync(tx, watched)
            watching = [(sid, number) for number, point in enumerate(points) for sid in self._sids(point.watched)]
            self._screen = Screen(points, watching)
        text = "; ".join(str(problem) for problem in self._problems)
        self._bus.tell(SystemEvent(EVENT, text or "all alarm definitions are in use", active=bool(self._problems)))
        return self._problems

    def problems(self) -> list[Problem]:
        """Return what was wrong with definitions at the last reload."""
        return list(self._problems)

    def _sids(self, watched: Watched) -> list[int]:
        found: list[int] = []
        for span in self._assets.spans(watched.property.id):
            if span.source == DERIVED:
                found.append(int(self._store.derived_sid(watched.property.id)))
            elif span.end_ns is None:
                found.append(int(self._store.sids(span.source, [span.tag])[0]))
        return found

    def _sync(self, tx: Connection, watched: Sequence[Watched]) -> list[Point]:
        """Write new and changed definitions to the rows, retire those that are gone, and return the points."""
        rows = {(row["asset_id"], row["name"]): row for row in self._db.rows(sa.select(alarms), tx)}
        points: list[Point] = []
        for one in watched:
            card = _card(one)
            row = rows.pop(one.key(), None)
            if row is None:
                row = {"id": new_id(), "version": 1, "active": False, "pending": None, "last": 0, "input": "unknown"}
                tx.execute(alarms.insert().values(**row, **card))
            elif any(row[name] != value for name, value in card.items()):
                tx.execute(alarms.update().where(alarms.c.id == row["id"]).values(version=alarms.c.version + 1, **card))
            points.append(self._point(one, row))
        gone = [row["id"] for row in rows.values() if not row["retired"]]
        if gone:
            tx.execute(alarms.update().where(alarms.c.id.in_(gone)).values(retired=True, version=alarms.c.version + 1))
        return points

    def _point(self, one: Watched, row: Mapping[str, Any]) -> Point:
        return Point(
            id=row["id"],
            watched=one,
            limits=limits(one.definition.operator, one.limit, one.definition.deadband),
            delays=one.definition.delays(),
            condition=Condition(row["active"], row["pending"]),
            last=row["last"],
            good=None if row["input"] in ("unknown", "stale") else row["input"] == "good",
            value=float("nan"),
            seen=self._clock(),
        )

    # -- the watch

    def on_rows(self, rows: pa.RecordBatch) -> None:
        """Judge stored rows (columns of STORED); whatever changes is durable before it is told."""
        with self._lock:
            touched = self._screen.let_through(rows)
            if touched:
                self._write(lambda tx: [self._judge(tx, one) for one in touched])
            self._screen.settle()

    def tick(self) -> None:
        """Let delays and shelving run out where no new value comes; the node calls it about every second."""
        with self._lock:
            now = self._clock()
            waiting = [n for n, point in enumerate(self._screen.points) if _may_be_due(point, now)]
            if waiting:
                self._write(lambda tx: [self._wait(tx, number, now) for number in waiting])
        with self._db.read() as look:
            expired = self._register.expired(look, now_ns())
        for alarm_id in expired:
            with self._db.begin() as tx:
                self._register.uncover(tx, alarm_id, "rule:shelving", "its time is over")

    def _write(self, judge: Callable[[Connection], list[tuple[int, Point]]]) -> None:
        """Run in one transaction and take the new standing over once it is committed."""
        with self._db.begin() as tx:
            judged = judge(tx)
        for number, point in judged:
            self._screen.points[number] = point
            self._screen.note(number)

    def _judge(self, tx: Connection, rows: Rows) -> tuple[int, Point]:
        point = self._screen.points[rows.number]
        state, changes = walk(point.condition, point.limits, point.delays, rows.ts[rows.good], rows.value[rows.good], point.value)
        last, good = int(rows.ts[-1]), bool(rows.good[-1])
        value = float(rows.value[rows.good][-1]) if rows.good.any() else point.value
        new = Point(point.id, point.watched, point.limits, point.delays, state, last, good, value, self._clock())
        self._keep(tx, point, new, changes)
        return rows.number, new

    def _wait(self, tx: Connection, number: int, now: float) -> tuple[int, Point]:
        point = self._screen.points[number]
        at = self._screen.last(number) + round((now - point.seen) * 1e9)
        state, changes = due(point.condition, at, point.delays, point.value)
        good = None if _is_stale(point, now) else point.good
        new = Point(point.id, point.watched, point.limits, point.delays, state, point.last, good, point.value, point.seen)
        self._keep(tx, point, new, changes)
        return number, new

    def _keep(self, tx: Connection, old: Point, new: Point, changes: Sequence[Change]) -> None:
        """Write what changed: the input, the condition, each beginning and end."""
        if (old.condition, old.good) == (new.condition, new.good) and not changes:
            return
        row = self._register.get(new.id, tx)
        if old.good != new.good:
            quality = "stale" if new.good is None else ("good" if new.good else "bad")
            row = self._register.input(tx, row, quality, new.last)
        for change in changes:
            row = self._register.changed(tx, row, change)
        here = alarms.update().where(alarms.c.id == new.id)
        tx.execute(here.values(active=new.condition.active, pending=new.condition.pending, last=new.last))

    # -- what people do, and what they read

    def alarms(self, active_only: bool = True, *, kind: str | None = "alarm", asset: str | None = None) -> list[dict[str, Any]]:
        """Return the operator's list (`kind="alert"`: maintenance's; None: both), or all alarms with their states."""
        return self._register.list(active_only=active_only, kind=kind, asset=asset)

    def alarm(self, alarm_id: str) -> dict[str, Any]:
        """Return one alarm."""
        return self._register.get(alarm_id)

    def history(self, alarm_id: str, limit: int = 200) -> list[dict[str, Any]]:
        """Return an alarm's log, newest first."""
        return self._register.history(alarm_id, limit)

    @staticmethod
    def raised(row: Mapping[str, Any]) -> AlarmRaised:
        """Return the event of an alarm that stands in the list, for whoever was not listening when it began."""
        return raised(row)

    def acknowledge(
        self, tx: Connection, alarm_id: str, by: Subject, note: str = "", version: int | None = None
    ) -> dict[str, Any]:
        """Somebody has seen it."""
        return self._register.acknowledge(tx, alarm_id, by, note, version)

    def reset(self, tx: Connection, alarm_id: str, by: Subject, note: str = "", version: int | None = None) -> dict[str, Any]:
        """Release a latched alarm whose condition is over."""
        return self._register.reset(tx, alarm_id, by, note, version)

    def shelve(
        self, tx: Connection, alarm_id: str, by: Subject, until: int, reason: str, version: int | None = None
    ) -> dict[str, Any]:
        """Put an alarm on the shelf until a time, for a reason; it comes back by itself."""
        return self._register.hide(tx, alarm_id, by, AlarmState.SHELVED, reason, until=until, version=version)

    def out_of_service(
        self, tx: Connection, alarm_id: str, by: Subject, reason: str, version: int | None = None
    ) -> dict[str, Any]:
        """Take an alarm out of service, for a reason, until somebody puts it back."""
        return self._register.hide(tx, alarm_id, by, AlarmState.OUT_OF_SERVICE, reason, version=version)

    def show(self, tx: Connection, alarm_id: str, by: Subject, note: str = "", version: int | None = None) -> dict[str, Any]:
        """Bring a hidden alarm back as what it is by now."""
        return self._register.uncover(tx, alarm_id, by.id, note, version)

    def is_normal(self, alarm_id: str, tx: Connection | None = None) -> bool:
        """Say whether the condition is over and its input can be trusted: what a return to service is verified by."""
        row = self._register.get(alarm_id, tx)
        return not row["active"] and row["pending"] is None and row["input"] == "good"

    def find(
        self,
        tx: Connection,
        asset: str,
        kind: str,
        score: float,
        *,
        by: Subject,
        sensors: Sequence[Mapping[str, Any]] = (),
        evidence: Mapping[str, Any] | None = None,
        failure_mode: str = "",
        at: int | None = None,
    ) -> dict[str, Any]:
        """File a finding about an asset of the plant."""
        if all(one.path != asset for one in self._assets.tree()):
            hint = did_you_mean(asset, [one.path for one in self._assets.tree()])
            raise InvalidInput(f"there is no asset '{asset}'", where="asset", hint=hint, code="findings.asset")
        return self._found.add(
            tx, asset, kind, score, by=by, sensors=sensors, evidence=evidence, failure_mode=failure_mode, at=at
        )

    def findings(self, *, asset: str | None = None, limit: int = 100, before: int | None = None) -> list[dict[str, Any]]:
        """Return findings, newest first."""
        return self._found.list(asset=asset, limit=limit, before=before)

    def finding(self, finding_id: str) -> dict[str, Any]:
        """Return one finding. Raises NotFound."""
        return self._found.get(finding_id)

    def label(self, tx: Connection, finding_id: str, label: str, by: Subject, version: int | None = None) -> dict[str, Any]:
        """Say what a finding turned out to be."""
        return self._found.label(tx, finding_id, label, by, version)


def _card(one: Watched) -> dict[str, Any]:
    """Return the columns of an alarm's row that come from its definition."""
    definition = one.definition
    return {
        "asset_id": one.asset.id,
        "asset": one.asset.path,
        "name": definition.name,
        "kind": definition.kind,
        "priority": definition.priority,
        "property": one.property.path,
        "unit": one.property.unit or "",
        "operator": definition.operator,
        "limit": one.limit,
        "latched": definition.latched,
        "failure_mode": definition.failure_mode,
        "process": definition.process,
        "cause": definition.cause,
        "consequence": definition.consequence,
        "action": definition.action,
        "retired": False,
    }


def _is_stale(point: Point, now: float) -> bool:
    after = point.watched.definition.stale_after
    return point.good is not None and after is not None and (now - point.seen) * 1e9 >= parse_duration(after)


def _may_be_due(point: Point, now: float) -> bool:
    return (point.condition.pending is not None and point.good is True) or _is_stale(point, now)
