"""Compute as the rest of the house sees it: compile, take rows, close windows, answer for OEE and stops."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import pyarrow as pa
from sqlalchemy.engine import Connection

from lineshaft.assets import Asset, Assets
from lineshaft.compute.books import Books, FormulaVersion
from lineshaft.compute.channels import History
from lineshaft.compute.downtime import Stop, Stops
from lineshaft.compute.machine import Machines, Plant, Readings, checked
from lineshaft.compute.metric import Metrics, Touched
from lineshaft.compute.oee import Oee
from lineshaft.compute.plan import Group, Plan, Problem, make
from lineshaft.compute.points import empty, raw, rows
from lineshaft.compute.settings import ComputeSettings
from lineshaft.compute.transform import NEVER, Transforms
from lineshaft.compute.watermark import Watermark
from lineshaft.core import NS, Bus, ConfigError, Database, InvalidInput, NotFound, SystemEvent, iso, now_ns
from lineshaft.store import Stored


class Store(History, Readings, Protocol):
    """What compute asks the store."""

    def latest_sids(self, sids: Any, /) -> Any:
        """Return (time, value, quality) of the newest row of series."""
        ...


_AT_ONCE = 86_400 * NS
"""Time computed by one call: a long stretch is worked off call by call, and the values of now go their way between."""


@dataclass(slots=True)
class _Handed:
    """What the last `close` gave out: written down when the next one shows that its rows have been taken."""

    marks: dict[str, int] = field(default_factory=dict[str, int])
    done: list[str] = field(default_factory=list[str])


class Compute:
    """All figures of the node. One thread (the pipeline) calls `on_rows` and `close`; any thread asks."""

    def __init__(
        self, assets: Assets, production: Plant, store: Store, db: Database, settings: ComputeSettings, bus: Bus
    ) -> None:
        self._assets = assets
        self._store = store
        self._settings = settings
        self._bus = bus
        self._books = Books(db)
        self._lock = threading.RLock()
        self._watermark = Watermark(settings.lateness_ns, settings.idle_ns)
        self._marks = self._books.marks()
        self._waiting: dict[str, tuple[int, int]] = self._books.touched()
        self._machines = Machines(assets, production, store, settings.micro_stop_ns)
        self._stops = Stops(db, self._machines)
        self._handed = _Handed()
        self._told: set[str] = set()
        self._restart = True
        self.clock = now_ns
        self.plan: Plan
        self._problems: list[Problem] = []
        self._transforms: Transforms
        self._metrics: Metrics
        self.reload()

    # --- compiling ---------------------------------------------------------------------------------------------

    def reload(self) -> None:
        """Compile all models anew; a formula that is wrong is reported and stops nothing else."""
        with self._lock:
            plan = make(self._assets)
            plan.channels.settle(self._store, [self._assets.spans(one.id) for one in plan.channels.properties])
            self.plan = plan
            self._transforms = Transforms(plan, self._store, self._failed)
            self._metrics = Metrics(plan, self._store, self._begin_marks(plan), self._failed)
            self._restart = False
            self._books.note_formulas(plan.formulas(), self.clock())
            self._hear_sources(plan)
            self._problems = [*plan.problems, *self._oee_problems()]
        self._tell(self._problems)

    def _oee_problems(self) -> list[Problem]:
        found: list[Problem] = []
        for version in self._assets.models():
            try:
                if version.body.oee:
                    checked(version)
            except (ConfigError, InvalidInput) as error:
                found.append(Problem(error.where or version.where("oee"), version.body.model, error.what, error.hint))
        return found

    def _begin_marks(self, plan: Plan) -> dict[str, int]:
        """After a start the last closed window is closed again: its rows may not have become durable."""
        if self._restart:
            known = {schedule.key: schedule for schedule in plan.schedules}
            for key, schedule in known.items():
                if key in self._marks:
                    self._marks[key] = schedule.grid.start_of(self._marks[key])
        return self._marks

    def _hear_sources(self, plan: Plan) -> None:
        """Set the clocks of sources not heard since the start by what the store has of them."""
        wanted = {source for schedule in plan.schedules for source in schedule.sources if not self._watermark.knows(source)}
        for source in wanted:
            tags = [span.tag for one in plan.channels.properties for span in self._assets.spans(one.id) if span.source == source]
            ts, _, _ = self._store.latest_sids(self._store.sids(source, tags))
            heard = ts[ts != NEVER]
            if len(heard):
                self._watermark.note(source, int(heard.max()), self.clock())

    def problems(self) -> list[Problem]:
        """Return what cannot be computed: where, what is wrong, how to mend it."""
        return list(self._problems)

    def _tell(self, problems: Sequence[Problem]) -> None:
        now = {f"compute:{p.where}:{p.property}": p for p in problems}
        for key in self._told - set(now):
            self._bus.tell(SystemEvent(key, "the formula is mended", active=False))
        for key, problem in now.items():
            place = "" if problem.position is None else f" (character {problem.position + 1})"
            name = problem.property.rsplit("/", 1)[-1]
            message = f"{problem.where}: '{name}' is not computed: {problem.what}{place}"
            self._bus.tell(SystemEvent(key, message, "error", hint=problem.hint))
        self._told = set(now)

    def _failed(self, group: Group, error: Exception) -> None:
        path = self.plan.channels.properties[int(group.out[0])].path
        message = f"'{path}' and {group.size - 1} others with its formula could not be computed: {error!r}"
        self._bus.tell(SystemEvent(f"compute:failed:{path}", message, "error"))

    def versions(self, path: str) -> list[FormulaVersion]:
        """Return the formulas a property ever had; a row's `code` names the model's version it was made with."""
        return self._books.versions(self._assets.property(path).id)

    # --- the way of a value ------------------------------------------------------------------------------------

    def on_rows(self, stored: Stored) -> pa.RecordBatch:
        """Return what the transforms make of new rows, as rows for the store."""
        with self._lock:
            if stored.rows.num_rows == 0:
                return empty()
            found = raw(stored.rows)
            if len(found.ts):
                self._watermark.note(stored.source, int(found.ts.max()), self.clock())
            fresh = self.plan.channels.of(found)
            if not len(fresh):
                return empty()
            newest = self._transforms.last.ts.copy()
            derived = self._transforms.process(fresh)
            self._metrics.begin(fresh)
            late = {**self._metrics.touch(fresh, newest)}
            _widen(late, self._metrics.touch(derived, newest))
            self._remember(late)
            return rows(derived, self.plan.channels.shapes) if len(derived) else empty()

    def _remember(self, late: Touched) -> None:
        """Write down which windows late values touch, before the rows count as processed."""
        if not late:
            return
        fresh: dict[str, tuple[int, int]] = {}
        for channel, (low, high) in late.items():
            one = self.plan.channels.properties[channel].id
            known = self._waiting.get(one, (low, high))
            fresh[one] = (min(low, known[0]), max(high, known[1]))
        changed = {one: span for one, span in fresh.items() if self._waiting.get(one) != span}
        self._waiting |= changed
        self._books.settle({}, (), changed)

    def close(self, now: int | None = None) -> pa.RecordBatch:
        """Close the windows whose time has come and recompute those that late values touched, as rows for the store.

        The rows must have been appended and shown before the next call.
        """
        with self._lock:
            moment = self.clock() if now is None else now
            self._books.settle(self._handed.marks, self._handed.done, self._waiting if self._handed.done else {})
            self._handed = _Handed()
            touched, rest = self._touched()
            done = self._metrics.close([self._limit(number, moment) for number in range(len(self.plan.schedules))], touched)
            marks = {s.key: m for s, m in zip(self.plan.schedules, self._metrics.marks, strict=True) if m != NEVER}
            changed = {key: mark for key, mark in marks.items() if self._marks.get(key) != mark}
            self._marks |= changed
            self._handed = _Handed(changed, list(self._waiting))
            self._waiting = rest
            return rows(done, self.plan.channels.shapes) if len(done) else empty()

    def _touched(self) -> tuple[Touched, dict[str, tuple[int, int]]]:
        """Return what is recomputed now, and what waits for the next call: a long history is worked off day by day."""
        found: Touched = {}
        rest: dict[str, tuple[int, int]] = {}
        for property_id, (low, high) in self._waiting.items():
            channel = self.plan.channels.find(property_id)
            if channel is None:
                continue
            found[channel] = (low, min(high, low + _AT_ONCE))
            if high > low + _AT_ONCE:
                rest[property_id] = (low + _AT_ONCE, high)
        return found, rest

    def _limit(self, number: int, now: int) -> int:
        """Return up to when a schedule's windows can close now; a gap longer than the catch-up setting is jumped."""
        schedule, mark = self.plan.schedules[number], self._metrics.marks[number]
        reached = self._watermark.of(schedule.sources, now)
        if reached is None or mark == NEVER:
            return NEVER
        if reached - mark > self._settings.catch_up_ns:
            jump = schedule.grid.start_of(schedule.grid.end_of(reached - self._settings.catch_up_ns))
            self._metrics.marks[number] = jump
            name = f"{schedule.grid.length / NS:g} s windows of {', '.join(sorted(schedule.sources))}"
            message = f"{name} from {iso(mark)} to {iso(jump)} were not computed: the gap is longer than catch_up"
            hint = "raise [compute] catch_up and restart, or look for a value with a wrong time"
            self._bus.tell(SystemEvent(f"compute:gap:{schedule.key}", message, hint=hint))
        return min(reached, self._metrics.marks[number] + max(_AT_ONCE, 2 * schedule.grid.length))

    # --- figures -----------------------------------------------------------------------------------------------

    def oee(self, asset: str, start: int, end: int, explain: bool = False, model: str | None = None) -> Oee:
        """Return the figures of a machine over (start, end], or of a line: those of its constraint machine.

        `model` names a time model (default: the one of the asset's model, else iso22400); time that is not over is left out.
        """
        of, now = self._assets.asset(asset), self.clock()
        until = min(end, now)
        if until <= start:
            raise InvalidInput("the period has not begun, or ends before it starts", code="oee.period")
        machine = self._machine_of(of, until)
        found = self._machines.oee(machine, start, until, now, model, explain=explain)
        return found if machine is of else replace(found, asset=of.path, constraint=machine.path)

    def _machine_of(self, of: Asset, at: int) -> Asset:
        if of.oee:
            return of
        machine = self._assets.constraint(of.path, at)
        if machine is None:
            hint = "add an oee section to its model, or name the line's constraint machine"
            raise NotFound(f"'{of.path}' has no OEE", hint=hint, code="oee.undefined")
        return machine

    def downtime(self, asset: str, start: int, end: int) -> list[Stop]:
        """Return the stops that touch (start, end] of a machine, or of all machines below a position, by time."""
        of, now = self._assets.asset(asset), self.clock()
        machines = [of] if of.oee else [one for one in self._assets.tree() if one.oee and one.path.startswith(f"{of.path}/")]
        until = min(end, now)
        stops = [stop for one in machines for stop in self._stops.of(one, start, until, now)] if until > start else []
        return sorted(stops, key=lambda stop: (stop.start, stop.asset))

    def code_stop(self, tx: Connection, stop_id: str, reason: str, version: int | None = None) -> int:
        """Give a stop its reason afterwards; every reason is kept. Return the new version."""
        return self._stops.code(tx, stop_id, reason, self.clock(), version)

    def stop_history(self, stop_id: str) -> list[dict[str, object]]:
        """Return every reason a stop was ever given."""
        return self._stops.history(stop_id)


def _widen(late: Touched, more: Mapping[int, tuple[int, int]]) -> None:
    for channel, (low, high) in more.items():
        known = late.get(channel, (low, high))
        late[channel] = (min(low, known[0]), max(high, known[1]))
