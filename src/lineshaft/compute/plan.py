"""The plan: all formulas of all models compiled, grouped so that a thousand machines cost one evaluation.

Groups stand in the order they depend on each other. A formula that is wrong is told as Uncomputed with file and line;
everything else works.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from lineshaft.assets import DERIVED, Asset, Input, Kind, ModelVersion, Property, Span
from lineshaft.compute.channels import TEXTS, Channels
from lineshaft.compute.formula import Column, Formula, Ints, column_of, parse
from lineshaft.compute.formula import Kind as Gives
from lineshaft.compute.window import Calendar, Grid, Shifts, check_zone
from lineshaft.core import DataType, FormulaError, InvalidInput, Problem, did_you_mean


class Register(Protocol):
    """What compute asks the assets."""

    def tree(self) -> list[Asset]:
        """Return every position."""
        ...

    def properties(self, asset: Asset | str | None = None) -> tuple[Property, ...]:
        """Return the properties of one position, or of all."""
        ...

    def spans(self, property_id: str) -> list[Span]:
        """Return where a property's values come from."""
        ...

    def attribute(self, path: str, at: int | None = None) -> Any:
        """Return an attribute's value."""
        ...

    def model(self, name: str, at: int | None = None) -> ModelVersion:
        """Return the valid version of a model."""
        ...


@dataclass(frozen=True, slots=True)
class Uncomputed(Problem):
    """A property that is not computed, and the character of its formula that was not expected."""

    property: str = ""
    position: int | None = None

    def __str__(self) -> str:
        """Return `models/pump.yaml:6: 'Mean' is not computed: there is no function 'averag' (character 1) - ...`."""
        return f"{self.where}: {self.sentence()}" + (f" - {self.hint}" if self.hint else "")

    def sentence(self) -> str:
        """Return what is wrong, with the property and the place in its formula."""
        place = "" if self.position is None else f" (character {self.position + 1})"
        return f"'{self.property.rsplit('/', 1)[-1]}' is not computed: {self.what}{place}"


@dataclass(frozen=True, slots=True)
class Group:
    """All properties with the same formula: one row an instance, one evaluation for all.

    `feeds` are the channels of each variable, `pools` those of variables that pool an asset's children, `fixed` the
    values of attributes.
    """

    formula: Formula
    type: DataType
    out: Ints
    feeds: Mapping[str, Ints]
    pools: Mapping[str, tuple[Ints, ...]]
    fixed: Mapping[str, Column]
    texts: frozenset[str]
    schedule: int = -1

    @property
    def size(self) -> int:
        """Return the number of instances."""
        return len(self.out)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Metrics that close together: the same windows, fed by the same sources."""

    grid: Grid | Shifts
    sources: frozenset[str]

    @property
    def key(self) -> str:
        """Return a lasting name."""
        return f"{self.grid.key}:{'|'.join(sorted(self.sources))}"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is computed: levels of transform groups and metric groups, each level needing only earlier ones."""

    channels: Channels
    transforms: tuple[tuple[Group, ...], ...]
    metrics: tuple[tuple[Group, ...], ...]
    schedules: tuple[Schedule, ...]
    problems: tuple[Uncomputed, ...]

    def formulas(self) -> Iterator[Property]:
        """Yield every property that is computed."""
        for groups in (*self.transforms, *self.metrics):
            for group in groups:
                for channel in group.out.tolist():
                    yield self.channels.properties[channel]


@dataclass(frozen=True, slots=True)
class _Part:
    """One property of one asset, compiled."""

    of: Property
    formula: Formula
    single: Mapping[str, Property]
    pooled: Mapping[str, tuple[Property, ...]]

    @property
    def inputs(self) -> list[Property]:
        return [*self.single.values(), *(one for pool in self.pooled.values() for one in pool)]


def make(register: Register, calendar: Callable[[str], Calendar] | None = None) -> Plan:
    """Compile everything the register holds (series are looked up afterwards, by `Channels.settle`).

    `calendar` gives the one of a position, for metrics over shifts.
    """
    return _Maker(register, calendar).plan()


def _windows(of: Property) -> tuple[object, ...]:
    return of.window_ns, of.offset_ns, of.by_shift, of.timezone


class _Maker:
    """Builds a plan in one pass over the plant."""

    def __init__(self, register: Register, calendar: Callable[[str], Calendar] | None) -> None:
        self._register = register
        self._calendar = calendar
        self._tree = register.tree()
        self._own = {asset.id: {p.name: p for p in register.properties(asset)} for asset in self._tree}
        self._children: dict[str, list[Asset]] = defaultdict(list)
        for asset in self._tree:
            if asset.parent_id:
                self._children[asset.parent_id].append(asset)
        self._problems: dict[tuple[str, str], Uncomputed] = {}
        self._parsed: dict[object, Formula | None] = {}
        self._sources: dict[str, frozenset[str]] = {}

    def plan(self) -> Plan:
        parts = {
            p.id: part
            for asset in self._tree
            for p in self._own[asset.id].values()
            if p.kind in (Kind.TRANSFORM, Kind.METRIC) and (part := self._part(asset, p)) is not None
        }
        levels = self._levels(parts)
        channels = Channels()
        schedules: dict[Schedule, int] = {}
        transforms = self._grouped([p for p in parts.values() if p.of.kind is Kind.TRANSFORM], parts, levels, channels, schedules)
        metrics = self._grouped([p for p in parts.values() if p.of.kind is Kind.METRIC], parts, levels, channels, schedules)
        return Plan(channels, transforms, metrics, tuple(schedules), tuple(self._problems.values()))

    # --- one property ------------------------------------------------------------------------------------------

    def _part(self, asset: Asset, of: Property) -> _Part | None:
        try:
            return self._compiled(asset, of)
        except FormulaError as error:
            self._problem(of, error.what, error.hint, error.position)
        except InvalidInput as error:
            self._problem(of, error.what, error.hint)
        return None

    def _compiled(self, asset: Asset, of: Property) -> _Part:
        single: dict[str, Property] = {}
        pooled: dict[str, tuple[Property, ...]] = {}
        for variable, wanted in of.inputs.items():
            if wanted.children:
                pooled[variable] = self._pool(asset, of, wanted)
            else:
                single[variable] = self._input(asset, of, wanted)
        types: dict[str, DataType | None] = {name: one.type for name, one in single.items()}
        types |= {name: pool[0].type if pool else None for name, pool in pooled.items()}
        units = {name: one.unit for name, one in single.items()} | {n: pool[0].unit for n, pool in pooled.items() if pool}
        formula = self._formula(of, types, frozenset(pooled), units)
        used = set(single) | set(pooled) if of.kind is Kind.TRANSFORM else set(formula.variables)
        part = _Part(
            of,
            formula,
            {name: one for name, one in single.items() if name in used},
            {name: pool for name, pool in pooled.items() if name in used},
        )
        self._check(part)
        return part

    def _input(self, asset: Asset, of: Property, wanted: Input) -> Property:
        found = self._own[asset.id].get(wanted.property)
        if found is None:
            hint = did_you_mean(wanted.property, self._own[asset.id])
            raise InvalidInput(f"its input '{wanted.property}' is not a property of {of.model}", hint=hint)
        return found

    def _pool(self, asset: Asset, of: Property, wanted: Input) -> tuple[Property, ...]:
        found = [self._own[child.id].get(wanted.property) for child in self._children[asset.id]]
        pool = tuple(one for one in found if one is not None and one.id != of.id)
        if any(one.kind is Kind.ATTRIBUTE for one in pool):
            raise InvalidInput(
                f"its input '{wanted.property}' is an attribute of the children: only values over time can be pooled"
            )
        return pool

    def _formula(
        self, of: Property, types: Mapping[str, DataType | None], pooled: frozenset[str], units: Mapping[str, str]
    ) -> Formula:
        key = (of.formula, of.kind, tuple(sorted(types.items())), pooled, tuple(sorted(units.items())), of.unit)
        if key not in self._parsed:
            use = "transform" if of.kind is Kind.TRANSFORM else "metric"
            self._parsed[key] = parse(of.formula, types, use=use, pooled=pooled, units=units, unit=of.unit)
        return self._parsed[key]  # type: ignore[return-value]

    def _check(self, part: _Part) -> None:
        of, formula = part.of, part.formula
        if (formula.kind is Gives.TEXT and of.type not in TEXTS) or (formula.kind is Gives.NUMBER and of.type in TEXTS):
            raise InvalidInput(f"the formula gives {formula.kind.value}, the property is of type {of.type}")
        if of.kind is Kind.TRANSFORM:
            if part.pooled:
                raise InvalidInput(
                    "a transform takes properties of its own asset, not those of the children", hint="use a metric"
                )
            if any(one.kind is Kind.METRIC for one in part.inputs):
                raise InvalidInput("a transform cannot take a metric as input", hint="make it a metric with the same window")
            if all(one.kind is Kind.ATTRIBUTE for one in part.inputs):
                raise InvalidInput("a transform needs at least one input that is not an attribute: nothing would start it")
            return
        for name in sorted(formula.bare):
            other = part.single.get(name)
            if other is not None and other.kind is Kind.METRIC and _windows(other) != _windows(of):
                hint = f"take all of them, for example sum({name}), or give both the same window"
                raise InvalidInput(f"'{name}' has other windows: a bare '{name}' would be the last of them only", hint=hint)
        if of.by_shift:
            if self._calendar is None or not self._calendar(of.asset_path).versions:
                hint = "name its line under `lines` in calendar.yaml, or give the metric a window such as 8h"
                raise InvalidInput(f"its windows are shifts, and '{of.asset_path}' has no calendar", hint=hint)
        else:
            check_zone(of.timezone)

    def _problem(self, of: Property, what: str, hint: str = "", position: int | None = None) -> None:
        where = self._where(of)
        self._problems.setdefault((where, what), Uncomputed(where, what, hint, of.path, position))

    def _where(self, of: Property) -> str:
        model = self._register.model(of.model)
        names = [definition.name for definition in model.body.properties]
        return model.where("properties", names.index(of.name) if of.name in names else None)

    # --- order -------------------------------------------------------------------------------------------------

    def _levels(self, parts: dict[str, _Part]) -> dict[str, int]:
        """Return how deep each property stands on other computed ones; rings are told and taken out of `parts`."""
        levels: dict[str, int] = {}
        for start in list(parts):
            self._visit(start, parts, levels)
        return levels

    def _visit(self, start: str, parts: dict[str, _Part], levels: dict[str, int]) -> None:
        path: list[tuple[str, Iterator[Property]]] = []
        open_: dict[str, None] = {}

        def enter(one: str) -> None:
            open_[one] = None
            path.append((one, iter(parts[one].inputs)))

        if start in parts and start not in levels:
            enter(start)
        while path:
            here, rest = path[-1]
            following = next(rest, None)
            if following is None or here not in parts:
                path.pop()
                open_.pop(here, None)
                if here in parts:
                    levels[here] = 1 + max((levels.get(one.id, 0) for one in parts[here].inputs), default=0)
            elif following.id in open_:
                self._ring(following.id, list(open_), parts)
            elif following.id in parts and following.id not in levels:
                enter(following.id)

    def _ring(self, first: str, way: Sequence[str], parts: dict[str, _Part]) -> None:
        ring = list(way[way.index(first) :])
        names = [parts[one].of.name for one in ring if one in parts]
        story = " <- ".join([*names, names[0]]) if names else ""
        for one in ring:
            part = parts.pop(one, None)
            if part is not None:
                self._problem(
                    part.of, f"these formulas wait for each other: {story}", "break the ring: one of them must not use the next"
                )

    # --- groups ------------------------------------------------------------------------------------------------

    def _grouped(
        self,
        chosen: Sequence[_Part],
        parts: Mapping[str, _Part],
        levels: Mapping[str, int],
        channels: Channels,
        schedules: dict[Schedule, int],
    ) -> tuple[tuple[Group, ...], ...]:
        found: dict[int, dict[object, list[_Part]]] = defaultdict(lambda: defaultdict(list))
        number: dict[str, int] = {}
        for part in chosen:
            if part.of.kind is Kind.METRIC:
                schedule = Schedule(self._grid(part.of), self._fed_by(part, parts))
                number[part.of.id] = schedules.setdefault(schedule, len(schedules))
            key = (
                id(part.formula),
                part.of.type,
                number.get(part.of.id),
                tuple(sorted((n, p.kind) for n, p in part.single.items())),
            )
            found[levels[part.of.id]][key].append(part)
        return tuple(
            tuple(self._group(group, channels, number.get(group[0].of.id, -1)) for group in found[level].values())
            for level in sorted(found)
        )

    def _grid(self, of: Property) -> Grid | Shifts:
        if of.by_shift and self._calendar is not None:
            return Shifts(self._calendar(of.asset_path), of.asset_path)
        return Grid(of.window_ns, of.offset_ns, of.timezone)

    def _group(self, parts: Sequence[_Part], channels: Channels, schedule: int) -> Group:
        first = parts[0]
        feeds: dict[str, Ints] = {}
        fixed: dict[str, Column] = {}
        for name, one in first.single.items():
            if one.kind is Kind.ATTRIBUTE:
                fixed[name] = self._attributes([part.single[name] for part in parts])
            else:
                feeds[name] = np.array([channels.number(part.single[name]) for part in parts], np.int64)
        pools = {
            name: tuple(np.array([channels.number(one) for one in part.pooled[name]], np.int64) for part in parts)
            for name in first.pooled
        }
        texts = {name for name, one in first.single.items() if one.type in TEXTS}
        texts |= {name for name, pool in first.pooled.items() if pool and pool[0].type in TEXTS}
        out = np.array([channels.number(part.of) for part in parts], np.int64)
        return Group(first.formula, first.of.type, out, feeds, pools, fixed, frozenset(texts), schedule)

    def _attributes(self, properties: Sequence[Property]) -> Column:
        values = np.empty(len(properties), np.object_)
        values[:] = [self._register.attribute(one.id) for one in properties]
        column = column_of(values)
        return column if properties[0].type in TEXTS else column_of(np.where(column.ok, column.values, np.nan).astype(np.float64))

    def _fed_by(self, part: _Part, parts: Mapping[str, _Part]) -> frozenset[str]:
        """Return the sources whose time decides when the windows of a metric close."""
        known = self._sources.get(part.of.id)
        if known is None:
            found: set[str] = set()
            for one in part.inputs:
                if one.id in parts:
                    found |= self._fed_by(parts[one.id], parts)
                elif one.kind is Kind.MEASUREMENT:
                    found |= {
                        span.source for span in self._register.spans(one.id) if span.end_ns is None and span.source != DERIVED
                    }
            known = self._sources[part.of.id] = frozenset(found)
        return known
