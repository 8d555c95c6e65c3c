"""From a table's columns to what a detector sees: in the order of training, standardised, states spread out, gaps filled."""

from __future__ import annotations

import re
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
            strange |= present & ~np.isin(cells, np.array(levels, cells.dtype))
        return strange

    def settle(self, rows: Floats) -> None:
        """Choose centre and scale from rows of normal running."""
        whole = ~np.isnan(rows).any(axis=1)
        enough = whole.sum() > len(rows) // 2
        known = (rows if whole.all() else rows[whole]) if enough else rows
        self.center = np.nanmean(known, axis=0) if not enough else known.mean(axis=0)
        spread = np.nanstd(known, axis=0) if not enough else known.std(axis=0)
        reach = np.nanmax(known, axis=0) - np.nanmin(known, axis=0) if not enough else np.ptp(known, axis=0)
        self.scale = np.maximum(spread, reach / QUIET)
        self.scale[~(self.scale > 1e-12 * np.abs(self.center))] = 0.0

    @property
    def flat(self) -> list[str]:
        """Names of columns that did not move when centre and scale were chosen."""
        return [name for name, scale in zip(self.names, self.scale, strict=False) if not scale > 0]

    def standard(self, rows: Floats) -> Floats:
        """Return the rows with the mean of training as 0 and its spread as 1."""
        return (rows - self.center) / self.scale

    def _cells(self, readings: Readings) -> list[tuple[Any, Bools, list[Any]]]:
        found: list[tuple[Any, Bools, list[Any]]] = []
        for name, levels in self.states.items():
            if name in readings.texts:
                cells = readings.texts[name].astype(object)
                present = np.array([cell is not None for cell in cells.tolist()], np.bool_)
                found.append((np.where(present, cells, "").astype(str), present, levels))
            else:
                numbers = readings.numbers.get(name, np.full(len(readings), np.nan))
                found.append((numbers, ~np.isnan(numbers), levels))
        return found


def levels_of(readings: Readings, name: str) -> list[Any]:
    """Return the different values of a state, sorted."""
    if name in readings.texts:
        return sorted({str(cell) for cell in readings.texts[name].tolist() if cell is not None})
    values = readings.numbers[name]
    return [float(value) for value in np.unique(values[~np.isnan(values)])]


class Filler:
    """Gives a sensor without a value its last one, for a short time; goes on from piece to piece."""

    def __init__(self, width: int, limit: int) -> None:
        self.limit = limit
        self.value: Floats = np.full(width, np.nan)
        self.at: Ints = np.full(width, -(2**62), np.int64)

    def fill(self, times: Ints, rows: Floats) -> Floats:
        """Return the rows with short gaps filled."""
        if not len(rows):
            return rows
        if not np.isnan(rows.sum()):
            self.value, self.at = rows[-1].copy(), np.full(len(self.at), times[-1], np.int64)
            return rows
        missing = np.isnan(rows)
        place = np.where(missing, np.int32(-1), np.arange(len(rows), dtype=np.int32)[:, None])
        np.maximum.accumulate(place, axis=0, out=place)
        row, column = np.nonzero(missing)
        last = place[row, column]
        value = np.where(last >= 0, rows[last, column], self.value[column])
        at = np.where(last >= 0, times[last], self.at[column])
        take = times[row] - at <= self.limit
        out = rows.copy()
        out[row[take], column[take]] = value[take]
        here = np.flatnonzero(place[-1] >= 0)
        self.value[here], self.at[here] = rows[place[-1, here], here], times[place[-1, here]]
        return out


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
        if not self.text:
            return
        aliases: dict[str, str] = {}

        def plain(match: re.Match[str]) -> str:
            return aliases.setdefault(match[1], f"column_{len(aliases) + 1}")

        text = re.sub(r"`([^`]+)`", plain, self.text)
        for name in aliases:
            if name not in readings.names:
                raise InvalidInput(f"there is no column '{name}'", where="off", hint=did_you_mean(name, readings.names))
        given = {aliases.get(name, name): name for name in readings.names}
        kinds = {alias: DataType.STRING if name in readings.texts else DataType.DOUBLE for alias, name in given.items()}
        self._formula = parse(text, kinds, where="off")
        self._alias = {alias: given[alias] for alias in self._formula.variables}

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
