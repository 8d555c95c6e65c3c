"""The watch over the stored rows: feeds them to the alarms, in event time, and keeps what they say on disk.

Rows delivered again change nothing; after a crash the watch goes on where its last written step was. A condition that began
long ago, as values that come late say, is noted; it is told only if it still holds once they have caught up.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError

from lineshaft.assets import DERIVED, Assets, Property
from lineshaft.core import NS, Bus, Database, InvalidInput, Problem, SystemEvent, did_you_mean, now_ns
from lineshaft.detect.alarm import STANDING, Register, raised
from lineshaft.detect.alerts import Alerts
from lineshaft.detect.condition import Condition, limits
from lineshaft.detect.definition import Watched
from lineshaft.detect.events import AlarmRaised, FindingLabelled, FindingRaised
from lineshaft.detect.finding import Findings
from lineshaft.detect.firstout import Group, around, groups
from lineshaft.detect.fitting import definitions
from lineshaft.detect.gathering import MOST
from lineshaft.detect.judge import CAUGHT_UP, Judge, Turn
from lineshaft.detect.kpi import Kpis, Span, kpis
from lineshaft.detect.lifecycle import HIDDEN, AlarmState
from lineshaft.detect.mixing import Mixtures, Remembers
from lineshaft.detect.moving import follow
from lineshaft.detect.rationalisation import Decision, Rationalisation
from lineshaft.detect.roll import sync
from lineshaft.detect.screen import Point, Rows, Screen
from lineshaft.detect.settings import AlarmsSettings
from lineshaft.detect.tables import alarms
from lineshaft.guard import Subject

EVENT = "detect:definitions"
KEEP_EVERY = 15.0
"""Seconds between two notes on disk of how far each alarm has seen: rows before that are late after a restart as well."""
KEEP_COST = 0.01
"""Seconds longer for each alarm that was noted: many notes are many pages written, whether or not anything happened."""
MOST_WAITING = 2_000_000
"""So many rows wait at most while the database takes nothing; the oldest go first."""


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
        self._judge = Judge(self._register, self._time, self._late_after)
        self._suppressing: dict[int, bool] = {}
        self._waiting: deque[pa.RecordBatch] = deque()
        self._waiting_rows = 0
        self._written: set[int] = set()
        self._problems: list[Problem] = []
        self._kept, self._kept_at, self._keep_after = np.zeros(0, np.int64), 0.0, KEEP_EVERY

    def _time(self) -> int:
        return self._wall()

    # -- definitions

    def reload(self) -> list[Problem]:
        """Read all definitions again and go on with the states on disk; return what is wrong with those left out."""
        watched, self._problems = definitions(self._assets)
        with self._lock:
            self._keep_last()
            with self._db.begin() as tx:
                follow(tx, self._assets)
                rolled = sync(self._db, self._assets, tx, watched, self._register)
                self._alerts.follow(tx)
            points = [_point(one.watched, one.row) for one in rolled]
            watching = [
                (sid, number)
                for number, point in enumerate(points)
                if point.watched.when is None
                for sid in self._sids(point.watched.property)
            ]
            screen, before = Screen(points, watching, self._clock()), {point.id for point in self._screen.points}
            screen.carry_on(self._screen)
            self._screen, self._mixtures = screen, Mixtures(points, self._sids, self._store)
            self._suppressing = {number: bool(one.row["suppressing"]) for number, one in enumerate(rolled)}
            again = {number for number, one in enumerate(rolled) if one.changed or one.row["id"] in before}
            self._look(watching, again, {number for number, point in enumerate(points) if point.id not in before})
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

    def _look(self, watching: Sequence[tuple[int, int]], again: AbstractSet[int], started: AbstractSet[int]) -> None:
        """Judge the values as they stand: by definitions that are new, by those that are others now, and what suppresses.

        `again` are those that may be others, `started` those nobody watched until now.
        """
        now, points = self._clock(), self._screen.points
        judged, suppressed = self._mixtures.now(again)
        turns: dict[int, list[Turn]] = {number: [(None, on)] for number, on in suppressed.items()}
        for number, hides in self._suppressing.items():
            if hides and points[number].watched.suppress is None:
                turns[number] = [(None, False)]  # its design hides it no longer
        if isinstance(self._store, Remembers) and watching:
            found = zip(watching, *self._store.latest_sids([sid for sid, _ in watching]), strict=True)
            for (_, number), ts, value, quality in found:
                if number not in started:
                    continue
                good = float(value) if quality == 0 else float("nan")
                self._screen.recall(number, max(0.0, (self._wall() - int(ts)) / NS), good, now)
                if not points[number].last and np.isfinite(value):
                    judged.append(Rows(number, np.array([ts]), np.array([value]), np.array([quality == 0])))
            judged += self._texts(self._store, again | started)
        stand = [number for number in self._screen.turned() if number in again and points[number].watched.when is None]
        held = [(number, self._screen.moment(number, now), self._screen.held(number)) for number in stand]
        judged += [Rows(number, np.array([at]), np.array([value]), np.array([True])) for number, at, value in held]
        self._judge_all(judged, turns, again)

    def _texts(self, store: Remembers, numbers: AbstractSet[int]) -> list[Rows]:
        """Return what texts say that are judged by a rule that is new or another than before."""
        of = {n: point for n, point in enumerate(self._screen.points) if point.watched.text is not None and n in numbers}
        said = store.latest([point.watched.property.path for point in of.values()]) if of else ()
        return [
            Rows(
                number,
                np.array([max(int(one.ts), point.last)]),
                np.array([float(str(one.value) == point.watched.text)]),
                np.array([one.quality == 0]),
            )
            for (number, point), one in zip(of.items(), said, strict=True)
            if one is not None and one.value is not None
        ]

    def _judge_all(
        self, judged: Sequence[Rows], said: Mapping[int, Sequence[Turn]], again: AbstractSet[int] = frozenset()
    ) -> None:
        """Judge rows, and what the formulas that hide alarms said; `again` are points whose rows are values that stand."""
        turns = {number: turned for number, steps in said.items() if (turned := _turns(steps, on=self._suppressing[number]))}
        rows = {one.number: one for one in judged}

        def judge(tx: Connection, number: int) -> Point:
            point = self._screen.points[number]
            stands = number in again and bool(point.last)
            return self._judge.rows(tx, point, rows.get(number), turns.get(number, ()), stands=stands)

        try:
            self._write(sorted({*rows, *turns}), judge)
        finally:
            self._suppressing |= {number: steps[-1][1] for number, steps in turns.items() if number in self._written}

    # -- the watch

    def on_rows(self, rows: pa.RecordBatch) -> None:
        """Judge stored rows (columns of STORED); whatever changes is durable before it is told.

        While the database takes nothing, rows wait and are judged in their order as soon as it does.
        """
        with self._lock:
            self._waiting.append(rows)
            self._waiting_rows += rows.num_rows
            self._take()

    def _take(self) -> None:
        while self._waiting:
            try:
                self._take_one(self._waiting[0])
            except OperationalError:
                while self._waiting_rows > MOST_WAITING:
                    self._waiting_rows -= self._waiting.popleft().num_rows
                raise
            except BaseException:
                self._waiting_rows -= self._waiting.popleft().num_rows
                raise
            self._waiting_rows -= self._waiting.popleft().num_rows

    def _take_one(self, rows: pa.RecordBatch) -> None:
        touched = self._screen.let_through(rows)
        judged, said = self._mixtures.take(rows)
        for one in judged:
            self._screen.take(one)
        try:
            self._judge_all([*touched, *judged], said)
        except BaseException:
            self._mixtures.undo(self._written)
            raise
        self._screen.settle(self._clock())

    def tick(self) -> None:
        """Let delays, silence and shelving run out where no new value comes; the node calls it about every second."""
        with self._lock:
            self._take()
            now = self._clock()
            waiting = [number for number in self._screen.waiting(now) if self._is_due(number, now)]
            self._write(waiting, lambda tx, number: self._judge.wait(tx, self._screen, number, now))
            if now - self._kept_at >= self._keep_after:
                self._keep_last()
        with self._db.read() as look:
            expired = self._register.expired(look, now_ns())
        for alarm_id in expired:
            with self._db.begin() as tx:
                if self._register.held(tx, alarm_id)["state"] == AlarmState.SHELVED:
                    self._register.uncover(tx, alarm_id, "rule:shelving", "its time is over")

    def _is_due(self, number: int, now: float) -> bool:
        """Leave alone what only waits to be told and whose values have not caught up yet."""
        point = self._screen.points[number]
        if not point.late or point.condition.pending is not None or self._screen.is_stale(number, now):
            return True
        caught_up = now - self._screen.heard(number) >= CAUGHT_UP
        return caught_up or point.watched.silence is not None or not self._judge.is_past(self._screen.last(number))

    def _keep_last(self) -> None:
        """Note on disk how far each alarm has seen, so that after a restart as well late rows are late."""
        lasts = self._screen.lasts()
        moved = [n for n in range(len(lasts)) if n >= len(self._kept) or lasts[n] != self._kept[n]]
        if moved:
            query = alarms.update().where(alarms.c.id == sa.bindparam("of")).values(last=sa.bindparam("seen"))
            with self._db.begin() as tx:
                tx.execute(query, [{"of": self._screen.points[n].id, "seen": int(lasts[n])} for n in moved])
        self._kept, self._kept_at = lasts, self._clock()
        self._keep_after = max(KEEP_EVERY, len(moved) * KEEP_COST)

    def _write(self, numbers: Sequence[int], judge: Callable[[Connection, int], Point]) -> None:
        """Judge points, many in a transaction, and take their new standing over once it is committed."""
        self._written = set()
        for begin in range(0, len(numbers), MOST):
            some = numbers[begin : begin + MOST]
            with self._db.begin() as tx, self._register.gathering(tx, [self._screen.points[one].id for one in some]):
                judged = [(number, judge(tx, number)) for number in some]
            for number, point in judged:
                self._screen.points[number] = point
                self._screen.note(number)
            self._written |= set(some)

    # -- what people do, and what they read

    def alarms(
        self,
        active_only: bool = True,
        *,
        kind: str | None = "alarm",
        asset: str | None = None,
        scope: Sequence[str] = (),
        after: str | None = None,
        limit: int | None = None,
    ) -> list[dict[str, Any]]:
        """Return the operator's list (`kind="alert"`: maintenance's; None: both), or all alarms with their states."""
        return self._register.list(active_only=active_only, kind=kind, asset=asset, scope=scope, after=after, limit=limit)

    def place(self, row: Mapping[str, Any]) -> str:
        """Return where an alarm is in the list, to read on `after` it."""
        return self._register.place(row)

    def not_rationalised(self, assets: Sequence[str] | None = None) -> int:
        """Return how many operators' alarms have no rationalisation record."""
        return self._register.not_rationalised(assets)

    def alarm(self, alarm_id: str) -> dict[str, Any]:
        """Return one alarm."""
        return self._register.get(alarm_id)

    def alarms_of(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        """Return these alarms, in this order."""
        return self._register.of(ids)

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
        standing = self._register.list(active_only=True)
        return groups(self._register.began(around(int(row["raised"]) for row in standing)))

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

    def findings(
        self,
        *,
        asset: str | None = None,
        limit: int = 100,
        before: int | None = None,
        scope: Sequence[str] = (),
        after: int | None = None,
    ) -> list[dict[str, Any]]:
        """Return findings that began before and after a time, newest first."""
        return self._found.list(asset=asset, limit=limit, before=before, scope=scope, after=after)

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


def _turns(steps: Sequence[Turn], *, on: bool) -> list[Turn]:
    """Return the steps at which a formula that hides an alarm says something else than before."""
    found: list[Turn] = []
    for step in steps:
        if step[1] != (found[-1][1] if found else on):
            found.append(step)
    return found
