"""From a table's columns to what a detector sees: in the order of training, standardised, states spread out, gaps filled."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lineshaft.compute import Formula, parse
from lineshaft.core import DataType, InvalidInput, did_you_mean
from lineshaft.detect.anomaly.reading import Readings
from lineshaft.detect.detector import Bools, Floats, Ints

QUIET = 12.0
"""A sensor's spread is taken as at least its range divided by this: one that hardly ever moves must not shout when it does."""


@dataclass(slots=True)
class Columns:
    """The columns of a model: measured ones first, then one for each further value of each state."""

    names: tuple[str, ...]
    driving: Bools
    states: dict[str, list[Any]] = field(default_factory=dict[str, list[Any]])
    center: Floats = field(default_factory=lambda: np.zeros(0))
    scale: Floats = field(default_factory=lambda: np.ones(0))

    @property
    def width(self) -> int:
        """Number of columns a detector sees."""
        return len(self.names) + sum(len(levels) - 1 for levels in self.states.values())

    @property
    def charted(self) -> Ints:
        """Places of the sensors that are judged: what drives the machine is not."""
        return np.flatnonzero(~self.driving).astype(np.int64)

    @property
    def judged(self) -> tuple[str, ...]:
        """Names of the sensors that are judged."""
        return tuple(self.names[place] for place in self.charted)

    def rows(self, readings: Readings, part: slice | Ints | None = None) -> Floats:
        """Return rows (none: all) in the units of the plant, states as 0 and 1."""
        here = slice(None) if part is None else part
        measured = readings.matrix(self.names, here)
        if not self.states:
            return measured
        spread = [
            np.where(present[here], cells[here] == level, np.nan)
            for cells, present, levels in self._cells(readings)
            for level in levels[1:]
        ]
        return np.column_stack([measured, *spread]) if spread else measured

    def unknown(self, readings: Readings) -> Bools:
        """Return where a state has a value that was never there in training."""
        strange = np.zeros(len(readings), np.bool_)
        for cells, present, levels in self._cells(readings):
            strange |= present & ~np.isin(cells, np.array(levels))
        return strange

    def settle(self, rows: Floats) -> None:
        """Choose centre and scale from rows of normal running."""
        whole = np.ones(len(rows), np.bool_)
        for lane in rows.T:
            whole &= ~np.isnan(lane)
        enough = bool(whole.sum() > len(rows) // 2)
        every = bool(whole.all())
        self.center, spread, reach = np.empty(rows.shape[1]), np.empty(rows.shape[1]), np.empty(rows.shape[1])
        for place, lane in enumerate(rows.T):
            known = lane if every else lane[whole if enough else ~np.isnan(lane)]
            center = float(known.mean()) if len(known) else np.nan
            self.center[place], spread[place] = center, float(known.std()) if len(known) else np.nan
            reach[place] = float(np.ptp(known)) if len(known) else np.nan
        self.scale = np.maximum(spread, reach / QUIET)
        self.scale[~(self.scale > 1e-12 * np.abs(self.center))] = 0.0
        states = self.scale[len(self.names) :]
        states[states == 0] = 1.0  # a value of a state that these rows do not show

    @property
    def flat(self) -> list[str]:
        """Names of columns that did not move when centre and scale were chosen."""
        return [name for name, scale in zip(self.names, self.scale, strict=False) if not scale > 0]

    def standard(self, rows: Floats) -> Floats:
        """Return the rows with the mean of training as 0 and its spread as 1."""
        found = rows - self.center
        found /= self.scale
        return found

    def _cells(self, readings: Readings) -> list[tuple[Any, Bools, list[Any]]]:
        found: list[tuple[Any, Bools, list[Any]]] = []
        for name, levels in self.states.items():
            if name in readings.texts:
                cells = readings.texts[name].astype(object)
                present = np.array([cell is not None for cell in cells.tolist()], np.bool_)
                found.append((np.where(present, cells, "").astype(str), present, levels))
            else:
                numbers = readings.numbers.get(name, np.full(len(readings), np.nan))
                known = ~np.isnan(numbers)
                cells = np.array([f"{one:g}" for one in numbers]) if any(isinstance(level, str) for level in levels) else numbers
                found.append((cells, known, levels))
        return found


def levels_of(readings: Readings, name: str, among: Bools) -> list[Any]:
    """Return the different values of a state in some rows, sorted."""
    if name in readings.texts:
        return sorted({str(cell) for cell in readings.texts[name][among].tolist() if cell is not None})
    values = readings.numbers[name][among]
    return [float(value) for value in np.unique(values[~np.isnan(values)])]


class Filler:
    """Gives a sensor without a value its last one, for a short time; goes on from piece to piece."""

    def __init__(self, width: int, limit: int) -> None:
        self.limit = limit
        self.value: Floats = np.full(width, np.nan)
        self.at: Ints = np.full(width, -(2**62), np.int64)

    def fill(self, times: Ints, rows: Floats) -> Floats:
        """Return the rows with short gaps filled; rows that lie in memory column after column are filled in place."""
        if not len(rows):
            return rows
        if not np.isnan(rows.sum()):
            self.value, self.at = rows[-1].copy(), np.full(len(self.at), times[-1], np.int64)
            return rows
        lanes = np.ascontiguousarray(rows.T)
        size = len(rows)
        holes = np.flatnonzero(np.isnan(lanes))
        lane, row = np.divmod(holes, size)
        begins = np.append(True, (np.diff(holes) > 1) | (np.diff(lane) > 0))
        first = holes[begins][np.cumsum(begins) - 1]
        inside = first % size > 0
        before = np.where(inside, first - 1, 0)
        value = np.where(inside, lanes.reshape(-1)[before], self.value[lane])
        at = np.where(inside, times[before % size], self.at[lane])
        self._remember(times, lanes, holes, first)
        take = times[row] - at <= self.limit
        lanes.reshape(-1)[holes[take]] = value[take]
        return lanes.T

    def _remember(self, times: Ints, lanes: Floats, holes: Ints, first: Ints) -> None:
        """Keep each lane's last value and when it was."""
        width, size = lanes.shape
        last = np.full(width, size - 1)
        ends = holes % size == size - 1
        last[holes[ends] // size] = first[ends] % size - 1
        here = np.flatnonzero(last >= 0)
        self.value[here], self.at[here] = lanes[here, last[here]], times[last[here]]


def read_off(text: str, columns: Mapping[str, DataType | None]) -> tuple[Formula, dict[str, str]]:
    """Read an off condition against columns and what they hold (None: not known yet); say which name in it is which column.

    Raises InvalidInput where it is no formula, or asks for a column that is not there.
    """
    aliases: dict[str, str] = {}

    def plain(match: re.Match[str]) -> str:
        return aliases.setdefault(match[1], f"column_{len(aliases) + 1}")

    bare = re.sub(r"`([^`]+)`", plain, text)
    for name in aliases:
        if name not in columns:
            raise InvalidInput(f"there is no column '{name}'", where="off", hint=did_you_mean(name, columns))
    given = {aliases.get(name, name): name for name in columns}
    formula = parse(bare, {alias: columns[name] for alias, name in given.items()}, where="off")
    return formula, {alias: given[alias] for alias in formula.variables}


class Off:
    """The off condition of a machine, and the time after it that is start-up."""

    def __init__(self, text: str, guard: int, fill: int) -> None:
        self.text, self.guard = text, guard
        self.since = -(2**62)
        self.filler: Filler | None = None
        self._fill = fill
        self._formula: Formula | None = None
        self._alias: dict[str, str] = {}

    def learn(self, readings: Readings) -> None:
        """Read the formula against the table's columns."""
        if self.text:
            kinds = {name: DataType.STRING if name in readings.texts else DataType.DOUBLE for name in readings.names}
            self._formula, self._alias = read_off(self.text, kinds)

    @property
    def tree(self) -> Any:
        """Return the formula as it was read, None without one."""
        return self._formula.root if self._formula is not None else None

    @property
    def tree_names(self) -> dict[str, str]:
        """Return the names in the formula and the columns they stand for."""
        return self._alias

    def rows(self, readings: Readings) -> tuple[Bools, Bools]:
        """Return where the machine is off or starting up, and where that cannot be told."""
        size = len(readings)
        if not self.text:
            return np.zeros(size, np.bool_), np.zeros(size, np.bool_)
        self.learn(readings)
        if self._formula is None:
            return np.zeros(size, np.bool_), np.zeros(size, np.bool_)
        columns: dict[str, Any] = {alias: readings.texts[name] for alias, name in self._alias.items() if name in readings.texts}
        columns.update(self._filled(readings))
        said = self._formula.evaluate(columns, size=size)
        off = said.ok & (said.values.astype(np.float64) != 0)
        last = np.maximum.accumulate(np.where(off, readings.times, self.since))
        if size:
            self.since = int(last[-1])
        starting = (readings.times - last <= self.guard) & (last > -(2**62))
        return off | starting, ~said.ok

    def _filled(self, readings: Readings) -> dict[str, Floats]:
        """Return the formula's numbers, short gaps filled: a value lost on the way does not stop a machine."""
        numbers = {alias: readings.numbers[name] for alias, name in self._alias.items() if name in readings.numbers}
        if not numbers:
            return {}
        if self.filler is None:
            self.filler = Filler(len(numbers), self._fill)
        filled = self.filler.fill(readings.times, np.column_stack(list(numbers.values())))
        return {alias: filled[:, place] for place, alias in enumerate(numbers)}
