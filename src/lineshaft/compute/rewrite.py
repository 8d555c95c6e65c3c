"""What a recompute covers: which properties, which formulas in which stretch, which hours of which machine's figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from lineshaft.assets import Asset, Assets
from lineshaft.compute.amend import Amended, Edit, Reading
from lineshaft.compute.books import FormulaVersion
from lineshaft.compute.correction import Corrections
from lineshaft.compute.difference import Change, Outcome, Replay, stretches, value_of
from lineshaft.compute.feeding import computed_from
from lineshaft.compute.keep import FIGURES, HOUR, KEPT, figures_of, kept, same
from lineshaft.compute.oee import Oee
from lineshaft.compute.past import plan_of, valid_at
from lineshaft.compute.plan import Plan
from lineshaft.compute.points import raw
from lineshaft.core import NS, InvalidInput, NotFound

REASONS = ("late-data", "formula-version", "correction", "calendar")
NAMES = ("oee", "availability", "performance", "quality", "good", "bad")
_DAY = 24 * HOUR
_AT_ONCE = 20_000
_LONGEST = 400 * _DAY
_EDITS = 1_000


@dataclass(frozen=True, slots=True)
class Request:
    """Compute a stretch of the past again: assets or properties by path, and why.

    `formula` is `valid` (each value with the version valid at its time) or `current`.
    """

    paths: tuple[str, ...]
    start: int
    end: int
    reason: str = "late-data"
    note: str = ""
    formula: str = "valid"
    edits: tuple[Edit, ...] = ()

    def checked(self, now: int) -> Request:
        """Return the request up to now. Raises InvalidInput."""
        if self.reason not in REASONS:
            raise InvalidInput(f"'{self.reason}' is no reason to recompute", hint=f"one of {', '.join(REASONS)}", where="reason")
        if not self.paths:
            raise InvalidInput("a recompute needs assets or properties", where="paths", code="recompute.nothing")
        if len(self.edits) > _EDITS:
            raise InvalidInput(f"at most {_EDITS:,} raw values or stretches are corrected at once", where="edits")
        if self.start >= min(self.end, now):
            raise InvalidInput("the period is empty or has not begun", where="end", code="time.span")
        if self.end - self.start > _LONGEST:
            raise InvalidInput("at most 400 days are recomputed at once", where="start", code="recompute.long")
        return replace(self, end=min(self.end, now))


class Source(Protocol):
    """What a recompute asks compute."""

    @property
    def plan(self) -> Plan:
        """Return the plan of now."""
        ...

    @property
    def clock(self) -> Any:
        """Return what says the time."""
        ...

    def calendar(self, path: str) -> Any:
        """Return the calendar of a position."""
        ...

    @property
    def corrections(self) -> Corrections:
        """Return the late scrap."""
        ...

    def closed(self) -> dict[str, int]:
        """Return until when the windows of each metric are closed."""
        ...

    def versions_of(self, property_id: str) -> list[FormulaVersion]:
        """Return the formulas a property ever had."""
        ...

    def oee(
        self, asset: str, start: int, end: int, *, corrected: frozenset[str] = frozenset(), amended: Reading | None = None
    ) -> Oee:
        """Return a machine's figures."""
        ...

    def machines_below(self, path: str) -> list[Asset]:
        """Return the machines with an OEE at or below a position."""
        ...


class Kept(Reading, Protocol):
    """What a recompute reads from the store."""

    def sid(self, source: str, tag: str, /) -> int | None:
        """Return a series' number, None if there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Stretch:
    """One piece of work: (low, high] with the formulas of one time."""

    low: int
    high: int
    segment: int


class Rewrite:
    """One request, resolved against the plant as it stands."""

    def __init__(self, source: Source, assets: Assets, store: Kept, request: Request) -> None:
        edits = [edit.checked(assets.property(edit.property)) for edit in request.edits]
        self.amended = Amended(store, edits, assets) if edits else None
        if self.amended is not None:
            request = replace(request, end=max(request.end, self._reach(source, self.amended)))
        self._source, self._assets, self.request = source, assets, request
        self._kept, self._store = store, self.amended or store
        self.before: dict[str, dict[str, float | None]] = {}
        self._closed = source.closed()
        self.chosen = self._resolve()
        self._known = {one: source.versions_of(one) for one in self.chosen}
        self._versions = self._known if request.formula == "valid" else {}
        self._current: tuple[int, Replay] | None = None
        about = [assets.asset(assets.property(edit.property).asset_path).path for edit in request.edits]
        found = [machine for path in (*request.paths, *about) for machine in self._machines_of(path)]
        self.machines = list({machine.id: machine for machine in found}.values())
        if not self.chosen and not self.machines:
            hint = "name a computed property, or an asset with computed properties or an OEE"
            raise InvalidInput("nothing is computed there", where="paths", hint=hint, code="recompute.nothing")

    @staticmethod
    def _reach(source: Source, amended: Amended) -> int:
        """Return until when raw values that change make themselves felt: their next value, and the window it lies in."""
        now = source.clock()
        longest = max((schedule.grid.length for schedule in source.plan.schedules), default=0)
        return min(now, -(-(amended.next_value(now) + longest) // HOUR) * HOUR)

    def _machines_of(self, path: str) -> list[Asset]:
        try:
            return self._source.machines_below(path)
        except NotFound:
            return []

    def _resolve(self) -> frozenset[str]:
        """Return the computed properties meant, and all that are computed from them."""
        plan = self._source.plan
        seeds: set[str] = set()
        for path in (*self.request.paths, *(edit.property for edit in self.request.edits)):
            try:
                asset = self._assets.asset(path)
            except NotFound:
                seeds.add(self._assets.property(path).id)
                continue
            seeds |= {p.id for p in plan.formulas() if f"{p.asset_path}/".startswith(f"{asset.path}/")}
        return computed_from(plan, seeds)

    # --- formulas ----------------------------------------------------------------------------------------------

    def _cuts(self) -> list[int]:
        moments = {v.valid_from for versions in self._versions.values() for v in versions}
        return sorted(m for m in moments if self.request.start < m < self.request.end)

    def stretches(self, reached: int) -> Iterator[Stretch]:
        """Yield the work from a moment on, at most a day at a time, cut where a formula changed."""
        if not self.chosen:
            return
        cuts = self._cuts()
        for low, high in stretches(max(reached, self.request.start), self.request.end, self._step(), cuts):
            yield Stretch(low, high, int(np.searchsorted(cuts, low, "right")))

    def _step(self) -> int:
        windows = [p.window_ns for p in self._source.plan.formulas() if p.id in self.chosen and p.window_ns]
        shortest = min(windows, default=60 * NS)
        return max(shortest, min(_DAY, _AT_ONCE // max(1, len(self.chosen)) * shortest))

    def compute(self, work: Stretch) -> tuple[Outcome, list[Change]]:
        """Compute one stretch; return what it gives, and every change told."""
        replay = self._replay(work)
        outcome = replay.over(work.low, work.high)
        return outcome, self._told(replay.plan, outcome)

    def _replay(self, work: Stretch) -> Replay:
        if self._current is not None and self._current[0] == work.segment:
            return self._current[1]
        versions = {one: v for one, known in self._versions.items() if (v := valid_at(known, work.low)) is not None}
        machines = frozenset(p.asset_id for p in self._source.plan.formulas() if p.id in self.chosen)
        plan = plan_of(self._assets, self._store, machines, versions, work.high, self._source.calendar)
        replay = Replay(plan, self._store, self.chosen, work.low, self._closed)
        if self._current is not None:
            replay.carry_on(self._current[1])
        self._current = (work.segment, replay)
        return replay

    @property
    def plan(self) -> Plan:
        """The plan of the stretch under way."""
        return self._source.plan if self._current is None else self._current[1].plan

    def _told(self, plan: Plan, outcome: Outcome) -> list[Change]:
        found = outcome.changed
        told: list[Change] = []
        for number, (channel, ts) in enumerate(zip(found.channel.tolist(), found.ts.tolist(), strict=True)):
            one = plan.channels.properties[channel]
            before = valid_at(self._known.get(one.id, []), ts)
            version = one.model_version if before is None else before.model_version
            old = outcome.old.get((channel, ts))
            told.append(Change(one.id, one.path, ts, old, value_of(found, number), version, one.model_version))
        return told

    def versions_used(self) -> list[dict[str, object]]:
        """Return the formulas of this request, by path and the moment each is valid from."""
        by_id = {p.id: p for p in self._source.plan.formulas() if p.id in self.chosen}
        told: list[dict[str, object]] = []
        for one, p in sorted(by_id.items(), key=lambda item: item[1].path)[:_VERSIONS]:
            known = self._known[one]
            first = valid_at(known, self.request.start)
            used = [v for v in known if v is first or self.request.start < v.valid_from < self.request.end]
            told += [_formula(p.path, v) for v in (used if self.request.formula == "valid" else known[-1:])]
        return told

    # --- figures -----------------------------------------------------------------------------------------------

    def scrap_of(self, machine: Asset) -> frozenset[str]:
        """Return the late scrap of a machine that this request lets count: what ends in its period, whole."""
        known = self._source.corrections.known(machine.path, self.request.start, self.request.end)
        return frozenset(one.id for one in known.waiting if self.request.start < one.end <= self.request.end)

    def hours(self, machine: Asset, scrap: frozenset[str]) -> list[int]:
        """Return the ends of the hours whose figures may change: those with such scrap, and those written before."""
        known = self._source.corrections.known(machine.path, self.request.start, self.request.end)
        found: set[int] = set()
        for one in known.waiting:
            if one.id in scrap:
                found |= set(range(-(-(one.start + 1) // HOUR) * HOUR, -(-one.end // HOUR) * HOUR + 1, HOUR))
        sid = self._kept.sid(FIGURES, f"{machine.path}/oee")
        if sid is not None:
            written = raw(self._kept.span([sid], self.request.start, self.request.end))
            found |= set(written.ts.tolist())
        return sorted(found)

    def figures(self, machine: Asset, hour: int, scrap: frozenset[str]) -> tuple[list[Change], Mapping[str, float | None]]:
        """Return what changes in a machine's figures of one hour, and all of them as they are then."""
        new = self._source.oee(machine.path, hour - HOUR, hour, corrected=scrap, amended=self.amended)
        now = figures_of(new)
        before = kept(self._kept, machine.path, hour - 1, hour).get(hour)
        if before is None:
            before = figures_of(self._source.oee(machine.path, hour - HOUR, hour))
        version = 1 + len({str(c["correction"]) for c in new.corrections})
        changes = [
            Change(
                f"{machine.path}/{name}", f"{machine.path}/{name}", hour, before[name], now[name], max(1, version - 1), version
            )
            for name in KEPT
            if not same(before[name], now[name])
        ]
        return changes, now

    def figures_before(self) -> dict[str, dict[str, float | None]]:
        """Return the machines' figures over the whole period as they are."""
        return {m.path: told(self._source.oee(m.path, self.request.start, self.request.end)) for m in self.machines}

    def summary(self, machine: Asset, scrap: frozenset[str]) -> dict[str, object]:
        """Return a machine's figures over the whole period as they are and as they will be."""
        start, end = self.request.start, self.request.end
        old = self.before.get(machine.path) or told(self._source.oee(machine.path, start, end))
        new = self._source.oee(machine.path, start, end, corrected=scrap, amended=self.amended)
        return {"asset": machine.path, "old": old, "new": told(new), "corrections": [dict(c) for c in new.corrections]}


_VERSIONS = 200


def _formula(path: str, version: FormulaVersion) -> dict[str, object]:
    names = ("version", "model_version", "formula", "valid_from")
    return {"path": path, **{name: getattr(version, name) for name in names}}


def told(figures: Oee) -> dict[str, float | None]:
    """Return a machine's figures by name."""
    ratios = {name: getattr(figures, name) for name in NAMES[:4]}
    return {**ratios, "good": figures.counts["good"], "bad": figures.counts["bad"]}
