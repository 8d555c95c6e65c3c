"""Compute as the rest of the house sees it: compile, take rows, close windows, answer for OEE and stops."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from sqlalchemy.engine import Connection

from lineshaft.assets import Asset, Assets
from lineshaft.compute.amend import Reading
from lineshaft.compute.badactor import BadActor, actor, ranked, within
from lineshaft.compute.books import Books, FormulaVersion
from lineshaft.compute.channels import History
from lineshaft.compute.correction import Corrections
from lineshaft.compute.downtime import Stop, Stops
from lineshaft.compute.feeding import computed_from
from lineshaft.compute.keep import HOUR, Keeper, joined, kept
from lineshaft.compute.machine import Machines, Plant, Readings, checked
from lineshaft.compute.metric import Metrics, Touched
from lineshaft.compute.oee import TIME_MODELS, Oee, rolled_up
from lineshaft.compute.plan import Group, Plan, Uncomputed, make
from lineshaft.compute.points import Points, raw, rows
from lineshaft.compute.recompute import Recomputes
from lineshaft.compute.retry import Retries
from lineshaft.compute.settings import ComputeSettings
from lineshaft.compute.transform import NEVER, Transforms
from lineshaft.compute.watermark import Watermark
from lineshaft.compute.window import Shifts
from lineshaft.core import NS, Bus, ConfigError, Database, InvalidInput, NotFound, SystemEvent, iso, now_ns
from lineshaft.store import Stored, nothing


class Store(History, Readings, Protocol):
    """What compute asks the store."""

    def latest_sids(self, sids: Any, /) -> Any:
        """Return (time, value, quality) of the newest row of series."""
        ...

    def sid(self, source: str, tag: str, /) -> int | None:
        """Return a series' number, None if there is none."""
        ...

    def append_derived(self, rows: pa.RecordBatch, through: int) -> Any:
        """Take computed rows."""
        ...

    def show(self, items: Any) -> None:
        """Make rows visible."""
        ...

    def commit(self) -> None:
        """Make computed rows durable now."""
        ...


_AT_ONCE = 86_400 * NS
"""Time computed by one call: a long stretch is worked off call by call, and the values of now go their way between."""


@dataclass(slots=True)
class _Handed:
    """What the last `close` gave out: written down when the next one shows that its rows have been taken."""

    marks: dict[str, int] = field(default_factory=dict[str, int])
    done: list[str] = field(default_factory=list[str])
    rows: pa.RecordBatch | None = None
    lost: bool = False


class Compute:
    """All figures of the node. One thread (the pipeline) calls `on_rows` and `close`; any thread asks."""

    def __init__(
        self, assets: Assets, production: Plant, store: Store, db: Database, settings: ComputeSettings, bus: Bus
    ) -> None:
        self._assets = assets
        self._production = production
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
        self.corrections = Corrections(db, production, settings.scrap_settles_ns)
        self.recompute = Recomputes(self, assets, store, db, bus)
        self._handed = _Handed()
        self._retries = Retries(db)
        self._keeper = Keeper(assets, self._machines, store, self._marks)
        self._failing: set[str] = set()
        self._told: set[str] = set()
        self._restart = True
        self.clock = now_ns
        self.plan: Plan
        self._problems: list[Uncomputed] = []
        self._transforms: Transforms
        self._metrics: Metrics
        self.reload()

    # --- compiling ---------------------------------------------------------------------------------------------

    def reload(self) -> None:
        """Compile all models anew; a formula that is wrong is reported and stops nothing else."""
        with self._lock:
            plan = make(self._assets, self.calendar)
            plan.channels.settle(self._store, [self._assets.spans(one.id) for one in plan.channels.properties])
            self.plan = plan
            self._transforms = Transforms(plan, self._store, self._failed)
            self._metrics = Metrics(plan, self._store, self._begin_marks(plan), self._failed)
            self._restart = False
            self._books.note_formulas(plan.formulas(), self.clock())
            if self._settings.keep_figures:
                self._keeper.reload()
            self._hear_sources(plan)
            self._problems = [*plan.problems, *self._oee_problems()]
        self._tell(self._problems)

    def _oee_problems(self) -> list[Uncomputed]:
        found: list[Uncomputed] = []
        for version in self._assets.models():
            try:
                if version.body.oee:
                    checked(version)
            except (ConfigError, InvalidInput) as error:
                found.append(Uncomputed(error.where or version.where("oee"), error.what, error.hint, version.body.model))
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

    def calendar(self, path: str) -> Any:
        """Return the calendar of a position."""
        return self._production.calendar(path)

    def calendars_changed(self) -> None:
        """Compile anew if the shifts some metrics close by are others now."""
        shifts = [schedule.grid for schedule in self.plan.schedules if isinstance(schedule.grid, Shifts)]
        lost = [one for one in self._assets.properties() if one.by_shift and self.plan.channels.find(one.id) is None]
        if lost or any(self.calendar(grid.place) != grid.calendar for grid in shifts):
            self.reload()

    def problems(self) -> list[Uncomputed]:
        """Return what cannot be computed: where, what is wrong, how to mend it."""
        return list(self._problems)

    def _tell(self, problems: Sequence[Uncomputed]) -> None:
        now = {f"compute:{p.where}:{p.property}": p for p in problems}
        for key in self._told - set(now):
            self._bus.tell(SystemEvent(key, "the formula is mended", active=False))
        for key, problem in now.items():
            message = f"{problem.where}: {problem.sentence()}"
            self._bus.tell(SystemEvent(key, message, "error", hint=problem.hint or "mend it in the model, then start again"))
        self._told = set(now)

    def _failed(self, group: Group, error: Exception, since: int, until: int) -> None:
        """Tell that a formula could not be evaluated, and remember over which time: it is computed again."""
        mine = [self.plan.channels.properties[channel] for channel in group.out.tolist()]
        self._retries.note([one.id for one in mine], since, until)
        message = f"'{mine[0].path}' and {len(mine) - 1} others with its formula could not be computed: {error!r}"
        self._not_computed(f"compute:failed:{mine[0].path}", message)

    def _not_computed(self, key: str, message: str) -> None:
        self._failing.add(key)
        self._bus.tell(SystemEvent(key, message, "error", hint="it is tried again by itself; please report it if it stays"))

    def missed(self, stored: Stored) -> None:
        """Know that what follows from some rows was not computed, or was lost on its way: it is computed again."""
        with self._lock:
            fresh = self.plan.channels.of(raw(stored.rows))
            if len(fresh):
                self._metrics.begin(fresh)
                known = [self.plan.channels.properties[channel].id for channel in np.unique(fresh.channel).tolist()]
                self._retries.note(computed_from(self.plan, known), int(fresh.ts.min()), int(fresh.ts.max()))

    def not_taken(self) -> None:
        """Know that the rows of the last `close` were lost on their way: the next one gives them again."""
        with self._lock:
            self._handed.lost = True

    def _again(self) -> Points:
        """Compute what failed before, if its time has come; what it gives, and what it takes back."""
        if not self._retries.due():
            return Points.empty()
        try:
            changed = self._retries.attempt(self.plan, self._store, self._metrics.closed(), self._transforms.last.ts)
        except Exception as error:  # noqa: BLE001 - what fails again must not stop the rest
            self._not_computed("compute:again", f"what could not be computed could not be computed now either: {error!r}")
            return Points.empty()
        if not self._retries.waiting:
            for key in self._failing:
                self._bus.tell(SystemEvent(key, "it is computed now, nothing is missing", active=False))
            self._failing.clear()
        self._transforms.read_again(np.arange(len(self.plan.channels)))
        self._transforms.last.take(changed)
        self._metrics.begin(changed)
        return changed

    def closed(self) -> dict[str, int]:
        """Return until when the windows of each metric are closed, by property."""
        with self._lock:
            return self._metrics.closed()

    @contextmanager
    def held(self) -> Generator[None]:
        """Let nothing be derived meanwhile."""
        with self._lock:
            yield

    def rewritten(self, properties: Iterable[str]) -> None:
        """Know that computed values of the past were written anew: the newest ones are read again."""
        with self._lock:
            found = [channel for one in properties if (channel := self.plan.channels.find(one)) is not None]
            self._transforms.read_again(np.array(sorted(found), np.int64))

    def versions_of(self, property_id: str) -> list[FormulaVersion]:
        """Return the formulas a property ever had, by its id."""
        return self._books.versions(property_id)

    def versions(self, path: str) -> list[FormulaVersion]:
        """Return the formulas a property ever had; a row's `code` names the model's version it was made with."""
        return self._books.versions(self._assets.property(path).id)

    # --- the way of a value ------------------------------------------------------------------------------------

    def on_rows(self, stored: Stored) -> pa.RecordBatch:
        """Return what the transforms make of new rows, as rows for the store."""
        with self._lock:
            if stored.rows.num_rows == 0:
                return nothing()
            found = raw(stored.rows)
            if len(found.ts):
                self._watermark.note(stored.source, int(found.ts.max()), self.clock())
            back = self._keeper.see(found, self._settings.catch_up_ns)
            if back:
                self._marks |= back
                self._books.settle(back, (), {})
            fresh = self.plan.channels.of(found)
            if not len(fresh):
                return nothing()
            newest = self._transforms.last.ts.copy()
            derived = self._transforms.process(fresh)
            for values in (fresh, derived):
                self._metrics.begin(values)
            late = {**self._metrics.touch(fresh, newest)}
            _widen(late, self._metrics.touch(derived, newest))
            self._remember(late)
            return rows(derived, self.plan.channels.shapes) if len(derived) else nothing()

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
            if self._handed.lost and self._handed.rows is not None:
                self._handed.lost = False
                return self._handed.rows
            self._books.settle(self._handed.marks, self._handed.done, self._waiting if self._handed.done else {})
            self._retries.taken()
            self._handed = _Handed()
            again = self._again()
            if len(again):
                self._handed.rows = rows(again, self.plan.channels.shapes)
                return self._handed.rows
            touched, rest = self._touched()
            done = self._metrics.close([self._limit(number, moment) for number in range(len(self.plan.schedules))], touched)
            marks = {s.key: m for s, m in zip(self.plan.schedules, self._metrics.marks, strict=True) if m != NEVER}
            changed = {key: mark for key, mark in marks.items() if self._marks.get(key) != mark}
            self._marks |= changed
            self._handed = _Handed(changed, list(self._waiting))
            self._waiting = rest
            parts = [rows(done, self.plan.channels.shapes)] if len(done) else []
            for key, hour, made in self._keeper.close(self, self._watermark.of, moment):
                self._marks[key] = self._handed.marks[key] = hour
                parts += [made] if made is not None else []
            self._handed.rows = joined(parts) if parts else nothing()
            return self._handed.rows

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
        mark = self._metrics.marks[number]
        return min(reached, max(mark + max(_AT_ONCE, 2 * schedule.grid.length), schedule.grid.end_of(mark + 1)))

    # --- figures -----------------------------------------------------------------------------------------------

    def oee(
        self,
        asset: str,
        start: int,
        end: int,
        explain: bool = False,
        model: str | None = None,
        as_of: int | None = None,
        corrected: frozenset[str] = frozenset(),
        amended: Reading | None = None,
    ) -> Oee:
        """Return the figures of a machine over (start, end], or of a line: those of its constraint machine.

        `model` names a time model (default: the one of the asset's model, else iso22400); time that is not over is left out.
        `as_of` counts late scrap as it was known then; `corrected` names scrap that counts though it waits for a recompute,
        `amended` is the store as if raw values had been corrected.
        When the constraint moved within the period, or another version of the model came into force, times and counts of
        each part are summed; an area or a site is the sum of its lines.
        """
        of, now = self._assets.asset(asset), self.clock()
        machines = self._machines if amended is None else self._machines.reading(amended)
        until = min(end, now)
        if until <= start:
            raise InvalidInput("the period has not begun, or ends before it starts", code="oee.period")
        parts = self._parts_of(of, start, until)
        if not parts:
            return self._of_lines(of, start, end, model=model, as_of=as_of, corrected=corrected, amended=amended)
        if len(parts) > 1:  # parts of one time model only can be summed: that of the end
            model = self._machines.time_model(parts[-1][2], until, model)
        found: list[Oee] = []
        for low, high, machine in parts:
            scrap = self.corrections.known(machine.path, low, high, as_of)
            counted = [*scrap.counted, *(one for one in scrap.waiting if one.id in corrected)]
            one = machines.oee(machine, low, high, now, model, explain=explain, scrap=counted)
            told = [{**c, **_since(scrap.since.get(str(c["correction"])))} for c in one.corrections]
            waiting = sum(each.quantity for each in scrap.waiting if each.id not in corrected)
            found.append(replace(one, corrections=told, waiting=waiting, as_of=as_of))
        if len(found) == 1:
            return found[0] if parts[0][2] is of else replace(found[0], asset=of.path, constraint=parts[0][2].path)
        return _joined(of, found)

    def _parts_of(self, of: Asset, start: int, end: int) -> list[tuple[int, int, Asset]]:
        """Return which machine's figures stand for an asset over each part of a period."""
        if of.oee:
            return self._by_version(start, end, of)
        found: list[tuple[int, int, Asset]] = []
        for low, high, machine in self._assets.constraints(of.path, start, end):
            if machine is None:
                continue
            if found and found[-1][2].id == machine.id and found[-1][1] == low:
                found[-1] = (found[-1][0], high, machine)
            else:
                found.append((low, high, machine))
        return [part for low, high, machine in found for part in self._by_version(low, high, machine)]

    def _by_version(self, start: int, end: int, machine: Asset) -> list[tuple[int, int, Asset]]:
        """Cut a period where another version of the machine's model tells its figures otherwise."""
        edges = [start, *self._machines.versions(machine, start, end), end]
        return [(low, high, machine) for low, high in pairwise(edges)]

    def _of_lines(self, of: Asset, start: int, end: int, **more: Any) -> Oee:
        """Return the figures of an area or a site: times and counts of its lines summed, each by its constraint."""
        lines = [one for one in self._assets.tree() if within(one.path, of.path) and one.path != of.path and one.constraint]
        top = [one for one in lines if not any(within(one.path, other.path) and one is not other for other in lines)]
        if not top:
            hint = "add an oee section to its model, or name the line's constraint machine"
            raise NotFound(f"'{of.path}' has no OEE", hint=hint, code="oee.undefined")
        found = [self.oee(one.path, start, end, **more) for one in top]
        rates = [one.rate for one in found]
        parts = [_part(one, one.constraint or one.asset) for one in found]
        rate = None if None in rates else sum(rate or 0.0 for rate in rates)
        return replace(rolled_up(of.path, found), parts=parts, rate=rate)

    @property
    def time_models(self) -> Mapping[str, str]:
        """Return the time models by name, with what each divides by what."""
        return TIME_MODELS

    def machines_below(self, path: str) -> list[Asset]:
        """Return the machine itself, or all machines with an OEE below a position."""
        of = self._assets.asset(path)
        return [of] if of.oee else [one for one in self._assets.tree() if one.oee and one.path.startswith(f"{of.path}/")]

    def bad_actors(self, under: str, start: int, end: int) -> list[BadActor]:
        """Return the machines below a position by what their own standstill cost over (start, end], the dearest first."""
        now = self.clock()
        until = min(end, now)
        if until <= start:
            raise InvalidInput("the period has not begun, or ends before it starts", code="oee.period")
        machines = [one for one in self._assets.tree() if one.oee and (not under or within(one.path, under))]
        return ranked(
            [actor(self.oee(one.path, start, until), self._stops.of(one, start, until, now), start, until) for one in machines]
        )

    def counted(self, line: str, start: int, end: int) -> dict[tuple[str, str], float]:
        """Return the good parts a line's constraint counted over (start, end], by order and product."""
        of, until = self._assets.asset(line), min(end, self.clock())
        found: dict[tuple[str, str], float] = {}
        for low, high, machine in self._parts_of(of, start, until) if until > start else []:
            if self._machines.definition(machine, high - 1)[0].good is None:
                continue
            for run in self._production.running(machine.path, low, high):
                good = self._good(machine.path, run.start, run.end)
                if good is not None:
                    found[run.order, run.product] = found.get((run.order, run.product), 0.0) + good
        return found

    def _good(self, machine: str, start: int, end: int) -> float | None:
        """Return the good parts of a machine over (start, end], None if nothing is known of it then.

        Hours that are kept are taken from there, the rest from the counter.
        """
        known = self.kept(machine, start, end)
        hours = [hour for hour in sorted(known) if hour - HOUR >= start]
        total, at, seen = sum(known[hour]["good"] or 0.0 for hour in hours), start, bool(hours)
        for hour in [*hours, end + HOUR]:
            if hour - HOUR > at:
                rest = self.oee(machine, at, hour - HOUR)
                total += rest.counts["good"]
                seen |= rest.counts["good"] != 0 or rest.elements["unknown"] < rest.elements["calendar"]
            at = hour
        return total if seen else None

    def kept(self, asset: str, start: int, end: int) -> dict[int, dict[str, float | None]]:
        """Return the hours of a machine whose figures are kept in (start, end], by their end."""
        return kept(self._store, self._assets.asset(asset).path, start, end)

    def downtime(self, asset: str, start: int, end: int) -> list[Stop]:
        """Return the stops that touch (start, end] of a machine, or of all machines below a position, by time."""
        of, now = self._assets.asset(asset), self.clock()
        machines = self.machines_below(of.path)
        until = min(end, now)
        stops = [stop for one in machines for stop in self._stops.of(one, start, until, now)] if until > start else []
        return sorted(stops, key=lambda stop: (stop.start, stop.asset))

    def code_stop(self, tx: Connection, stop_id: str, reason: str, version: int | None = None) -> int:
        """Give a stop its reason afterwards; every reason is kept. Return the new version."""
        return self._stops.code(tx, stop_id, reason, self.clock(), version)

    def stop_history(self, stop_id: str) -> list[dict[str, object]]:
        """Return every reason a stop was ever given."""
        return self._stops.history(stop_id)


def _since(known: tuple[int, str | None] | None) -> dict[str, object]:
    return {} if known is None else {"counts_since": iso(known[0]), "recompute": known[1]}


def _joined(of: Asset, figures: Sequence[Oee]) -> Oee:
    """Return the figures of a period cut by a moved constraint or a new model: sums, with each part named."""
    explained = [step for one in figures for step in one.explain]
    last = figures[-1].asset
    constraint = None if last == of.path else last
    return replace(
        rolled_up(of.path, figures), constraint=constraint, parts=[_part(one, one.asset) for one in figures], explain=explained
    )


def _part(one: Oee, machine: str) -> dict[str, object]:
    times = {"start": iso(one.start), "end": iso(one.end)}
    return {"machine": machine, **times, "oee": one.oee, "model_version": one.versions.get("model_version")}


def _widen(late: Touched, more: Mapping[int, tuple[int, int]]) -> None:
    for channel, (low, high) in more.items():
        known = late.get(channel, (low, high))
        late[channel] = (min(low, known[0]), max(high, known[1]))
