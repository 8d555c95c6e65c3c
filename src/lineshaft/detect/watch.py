"""The watch over the stored rows: feeds them to the alarms, in event time, and keeps what they say on disk.

Rows delivered again change nothing; after a crash the watch goes on where its last written step was. A condition that began
long ago, as values that come late say, is noted; it is told only if it still holds once they have caught up.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from sqlalchemy.engine import Connection

from lineshaft.assets import DERIVED, Assets, Property
from lineshaft.core import NS, Bus, Database, InvalidInput, Problem, SystemEvent, did_you_mean, now_ns
from lineshaft.detect.alarm import STANDING, Register, raised
from lineshaft.detect.alerts import Alerts
from lineshaft.detect.condition import Change, Condition, due, limits, walk
from lineshaft.detect.definition import Watched
from lineshaft.detect.events import AlarmRaised, FindingLabelled, FindingRaised
from lineshaft.detect.finding import Findings
from lineshaft.detect.firstout import Group, groups
from lineshaft.detect.fitting import definitions
from lineshaft.detect.kpi import Kpis, Span, kpis
from lineshaft.detect.lifecycle import HIDDEN, AlarmState
from lineshaft.detect.mixing import Mixtures, Remembers
from lineshaft.detect.rationalisation import Decision, Rationalisation
from lineshaft.detect.roll import sync
from lineshaft.detect.screen import Point, Rows, Screen
from lineshaft.detect.settings import AlarmsSettings
from lineshaft.detect.tables import alarms
from lineshaft.guard import Subject

EVENT = "detect:definitions"
KEEP_EVERY = 15.0
"""Seconds between two notes on disk of how far each alarm has seen: rows before that are late after a restart as well."""


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
        self,
        db: Database,
        assets: Assets,
        store: Numbers,
        bus: Bus,
        clock: Callable[[], float] = time.monotonic,
        *,
        settings: AlarmsSettings | None = None,
        wall: Callable[[], int] = now_ns,
    ) -> None:
        """`clock` tells silence, `wall` what is late."""
        chosen = settings or AlarmsSettings()
        self._db, self._assets, self._store, self._bus, self._clock = db, assets, store, bus, clock
        self._late_after, self._wall, self.operators = chosen.late(), wall, chosen.operators
        self._register = Register(db, bus, chosen.shelf())
        self._found = Findings(db, bus)
        self._reasons = Rationalisation(db, bus)
        self._alerts = Alerts(db, assets, self._register)
        bus.within(FindingRaised, self._alerts.found)
        bus.within(FindingLabelled, self._alerts.labelled)
        self._lock = threading.RLock()
        self._screen = Screen([], [])
        self._mixtures = Mixtures([], self._sids, store)
        self._suppressing: dict[int, bool] = {}
        self._problems: list[Problem] = []
        self._kept, self._kept_at = np.zeros(0, np.int64), 0.0

    # -- definitions

    def reload(self) -> list[Problem]:
        """Read all definitions again and go on with the states on disk; return what is wrong with those left out."""
        watched, self._problems = definitions(self._assets)
        with self._lock:
            self._keep_last()
            with self._db.begin() as tx:
                rolled = sync(self._db, self._assets, tx, watched)
            points = [_point(one, row) for one, row in rolled]
            watching = [
                (sid, number)
                for number, point in enumerate(points)
                if point.watched.when is None
                for sid in self._sids(point.watched.property)
            ]
            screen = Screen(points, watching, self._clock())
            screen.carry_on(self._screen)
            self._screen, self._mixtures = screen, Mixtures(points, self._sids, self._store)
            self._suppressing = {number: bool(row["suppressing"]) for number, (_, row) in enumerate(rolled)}
            self._look(watching)
            self._kept = self._screen.lasts()
        text = "; ".join(str(problem) for problem in self._problems)
        self._bus.tell(SystemEvent(EVENT, text or "all alarm definitions are in use", active=bool(self._problems)))
        return self._problems

    def problems(self) -> list[Problem]:
        """Return what was wrong with definitions at the last reload."""
        return list(self._problems)

    def _sids(self, one: Property) -> list[int]:
        found: list[int] = []
        for span in self._assets.spans(one.id):
            if span.source == DERIVED:
                found.append(int(self._store.derived_sid(one.id)))
            elif span.end_ns is None:
                found.append(int(self._store.sids(span.source, [span.tag])[0]))
        return found

    def _look(self, watching: Sequence[tuple[int, int]]) -> None:
        """Judge the values as they stand by definitions that are new, and by what suppresses an alarm."""
        judged, suppressed = self._mixtures.now()
        fresh = [(sid, number) for sid, number in watching if not self._screen.points[number].last]
        if isinstance(self._store, Remembers) and fresh:
            found = zip(fresh, *self._store.latest_sids([sid for sid, _ in fresh]), strict=True)
            judged += [
                Rows(number, np.array([ts]), np.array([value]), np.array([quality == 0]))
                for (_, number), ts, value, quality in found
                if np.isfinite(value)
            ]
        self._judge_all(judged, suppressed)

    def _judge_all(self, judged: list[Rows], suppressed: Mapping[int, bool]) -> None:
        turned = {number: on for number, on in suppressed.items() if on != self._suppressing[number]}
        if judged or turned:
            self._write(lambda tx: [*self._turn(tx, turned), *[self._judge(tx, one) for one in judged]])
        self._suppressing |= turned

    # -- the watch

    def on_rows(self, rows: pa.RecordBatch) -> None:
        """Judge stored rows (columns of STORED); whatever changes is durable before it is told."""
        with self._lock:
            touched = self._screen.let_through(rows)
            judged, suppressed = self._mixtures.take(rows)
            for one in judged:
                self._screen.take(one)
            try:
                self._judge_all([*touched, *judged], suppressed)
            except BaseException:
                self._mixtures.undo()
                raise
            self._screen.settle(self._clock())

    def _turn(self, tx: Connection, turned: Mapping[int, bool]) -> list[tuple[int, Point]]:
        for number, on in turned.items():
            point = self._screen.points[number]
            formula = point.watched.definition.suppress_when
            self._register.suppress(tx, self._register.get(point.id, tx), formula, on=on)
        return []

    def tick(self) -> None:
        """Let delays, silence and shelving run out where no new value comes; the node calls it about every second."""
        with self._lock:
            now = self._clock()
            waiting = [n for n in range(len(self._screen.points)) if self._may_be_due(n, now)]
            if waiting:
                self._write(lambda tx: [self._wait(tx, number, now) for number in waiting])
            if now - self._kept_at >= KEEP_EVERY:
                self._keep_last()
        with self._db.read() as look:
            expired = self._register.expired(look, now_ns())
        for alarm_id in expired:
            with self._db.begin() as tx:
                if self._register.get(alarm_id, tx)["state"] == AlarmState.SHELVED:
                    self._register.uncover(tx, alarm_id, "rule:shelving", "its time is over")

    def _keep_last(self) -> None:
        """Note on disk how far each alarm has seen, so that after a restart as well late rows are late."""
        lasts = self._screen.lasts()
        moved = [n for n in range(len(lasts)) if n >= len(self._kept) or lasts[n] != self._kept[n]]
        if moved:
            with self._db.begin() as tx:
                for number in moved:
                    here = alarms.update().where(alarms.c.id == self._screen.points[number].id)
                    tx.execute(here.values(last=int(lasts[number])))
        self._kept, self._kept_at = lasts, self._clock()

    def _write(self, judge: Callable[[Connection], list[tuple[int, Point]]]) -> None:
        """Run in one transaction and take the new standing over once it is committed."""
        with self._db.begin() as tx:
            judged = judge(tx)
        for number, point in judged:
            self._screen.points[number] = point
            self._screen.note(number)

    def _judge(self, tx: Connection, rows: Rows) -> tuple[int, Point]:
        point = self._screen.points[rows.number]
        ts, value = rows.ts[rows.good], rows.value[rows.good]
        if point.watched.silence is None:
            state, changes = walk(point.condition, point.limits, point.delays, ts, value, point.value)
        else:
            state, changes = _broken(point, rows)
        last = max(int(rows.ts[-1]), point.last)
        held = float(value[-1]) if len(value) else point.value
        new = replace(point, condition=state, last=last, good=bool(rows.good[-1]), value=held)
        return rows.number, self._keep(tx, point, new, changes)

    def _wait(self, tx: Connection, number: int, now: float) -> tuple[int, Point]:
        point = self._screen.points[number]
        silence = point.watched.silence
        if silence is not None:
            since = self._wall() - round((now - self._screen.alive(number)) * NS)
            at, quiet = since + silence, (now - self._screen.alive(number)) * NS >= silence
            changes = [Change(at, True, (self._wall() - since) / NS)] if quiet and not point.condition.active else []
            state = Condition(point.condition.active or quiet)
        else:
            at = self._screen.last(number) + round((now - self._screen.heard(number)) * NS)
            state, changes = due(point.condition, at, point.delays, point.value)
        good = None if self._is_stale(number, now) else point.good
        new = replace(point, condition=state, good=good, last=self._screen.last(number))
        return number, self._keep(tx, point, new, changes)

    def _keep(self, tx: Connection, old: Point, new: Point, changes: Sequence[Change]) -> Point:
        """Write what changed: the input, the condition, each beginning and end; return the point as it then is."""
        if (old.condition, old.good) == (new.condition, new.good) and not changes and not old.late:
            return new
        row = self._register.get(new.id, tx)
        if old.good != new.good:
            quality = "stale" if new.good is None else ("good" if new.good else "bad")
            row = self._register.input(tx, row, quality, new.last)
        for change in changes:
            past = change.active and self._is_past(change.at)
            row = self._register.past(tx, row, change) if past else self._register.changed(tx, row, change)
        untold = bool(row["active"]) and row["state"] not in (*STANDING, *HIDDEN)
        if untold and not self._is_past(new.last):  # the values have caught up and it holds: now it is told
            self._register.begin(tx, row, int(row["since"] or new.last), row["value"])
            untold = False
        here = alarms.update().where(alarms.c.id == new.id)
        tx.execute(here.values(active=new.condition.active, pending=new.condition.pending, last=new.last))
        return replace(new, late=untold)

    def _is_past(self, at: int) -> bool:
        return self._late_after is not None and self._wall() - at > self._late_after

    def _is_stale(self, number: int, now: float) -> bool:
        point = self._screen.points[number]
        after = point.watched.stale_after
        return point.good is not None and after is not None and (now - self._screen.heard(number)) * NS >= after

    def _may_be_due(self, number: int, now: float) -> bool:
        point = self._screen.points[number]
        if (point.condition.pending is not None and point.good is True) or self._is_stale(number, now):
            return True
        silence = point.watched.silence
        quiet = silence is not None and not point.condition.active and (now - self._screen.alive(number)) * NS >= silence
        return quiet or (point.late and not self._is_past(self._screen.last(number)))

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

    def show(
        self,
        tx: Connection,
        alarm_id: str,
        by: Subject,
        note: str = "",
        version: int | None = None,
        *,
        only: AlarmState | None = None,
    ) -> dict[str, Any]:
        """Bring a hidden alarm back as what it is by now; `only` one that is hidden in this way."""
        return self._register.uncover(tx, alarm_id, by.id, note, version, only)

    def is_normal(self, alarm_id: str, tx: Connection | None = None) -> bool:
        """Say whether the condition is over and its input can be trusted: what a return to service is verified by."""
        row = self._register.get(alarm_id, tx)
        return not row["active"] and row["pending"] is None and row["input"] == "good"

    def groups(self) -> list[Group]:
        """Return alarms that came together, each group with the one that was first."""
        return groups(self._register.list(active_only=False))

    def kpis(self, start: int, end: int, *, assets: Sequence[str] | None = None, positions: int | None = None) -> Kpis:
        """Return how well the alarms serve their operators over (start, end]; `assets` are those that count (all if None)."""
        return kpis(self._db, Span(start, end, self.operators if positions is None else positions), assets)

    def rationalise(
        self, tx: Connection, alarm_id: str, decision: Decision, by: Subject, version: int | None = None
    ) -> dict[str, Any]:
        """Add a rationalisation record to an alarm or alert; it counts at once."""
        return self._reasons.decide(tx, alarm_id, decision, by, version)

    def rationalisation(self, alarm_id: str) -> list[dict[str, Any]]:
        """Return an alarm's rationalisation records, newest first."""
        return self._reasons.of(alarm_id)

    def precision(self) -> list[dict[str, Any]]:
        """Return how often findings of each kind were right, asset by asset."""
        return self._found.precision()

    def returned(self, tx: Connection, asset: str) -> int:
        """End the alerts of findings of an asset that was repaired and is verified back in service; return how many."""
        return self._alerts.returned(tx, asset)

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


def _point(one: Watched, row: Mapping[str, Any]) -> Point:
    silence = one.silence
    rule = limits(one.operator(), one.limit, one.deadband) if silence is None else limits("==", 1.0, 0.0)
    active, pending = bool(row["active"]), row["pending"]
    return Point(
        id=row["id"],
        watched=one,
        limits=rule,
        delays=one.delays,
        condition=Condition(active, pending),
        last=row["last"],
        good=None if row["input"] in ("unknown", "stale") else row["input"] == "good",
        value=float("nan"),
        late=active and row["state"] not in (*STANDING, *HIDDEN),
    )


def _broken(point: Point, rows: Rows) -> tuple[Condition, list[Change]]:
    """Return whether a silence is over: a good value came, or with a heartbeat another value."""
    if not point.condition.active:
        return point.condition, []
    alive = rows.good
    if point.watched.definition.heartbeat is not None:
        alive = alive & (rows.value != point.value)
    first = np.flatnonzero(alive)
    if not len(first):
        return point.condition, []
    return Condition(), [Change(int(rows.ts[first[0]]), False, 0.0)]
