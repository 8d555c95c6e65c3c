"""The functions over a window (start, end]: aggregation, temporal functions and the increase of a counter.

All windows of all assets with the same formula are evaluated together: a `Series` holds every point in one array, and
each window knows its part of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from lineshaft.compute.formula.column import Bools, Column, Floats, Ints, as_numbers, nothing
from lineshaft.compute.formula.evaluate import Frame, evaluate, seconds
from lineshaft.compute.formula.nodes import Call, Name, Node, Text, walk

AGGREGATES = frozenset({"avg", "sum", "min", "max", "count", "stdev"})
TEMPORAL = frozenset({"first", "last", "earliest", "latest", "statetime", "timeweightedavg", "timeweightedstdev", "increase"})
WINDOWED = AGGREGATES | TEMPORAL
CARRYING = frozenset({"earliest", "latest", "statetime", "timeweightedavg", "timeweightedstdev", "increase"})
"""Functions that look at the last point before the window: one late point changes the windows up to the next point."""


@dataclass(frozen=True, slots=True)
class Series:
    """The points of one variable for every window: sorted by (series, time) in one array.

    Window `w` owns `[low[w], high[w])`; `before` says that the point just ahead of `low` is the last one of the same
    series at or before the window's start, `after` that the point at `high` is the next one after its end.
    """

    ts: Ints
    values: Column
    low: Ints
    high: Ints
    before: Bools
    after: Bools


@dataclass(frozen=True, slots=True)
class Windows:
    """One row a window; `series` are variables with points, `fixed` those with one value a window (attributes)."""

    starts: Ints
    ends: Ints
    series: Mapping[str, Series]
    fixed: Mapping[str, Column] = field(default_factory=dict[str, Column])

    @property
    def size(self) -> int:
        """Return the number of windows."""
        return len(self.ends)

    def variable(self, name: str) -> Column | None:
        """Return an attribute's value, or the last value in the window of a variable with points."""
        if name in self.series:
            return _last(self.series[name])
        return self.fixed.get(name)

    def call(self, call: Call) -> Column:
        """Answer the windowed functions; timestamp() and now() are the window's end."""
        if call.name in ("timestamp", "now"):
            return seconds(self.ends, self.size)
        if call.name in AGGREGATES:
            return _aggregate(call, self)
        series = _points(call.args[0], self)
        if series is None:
            return nothing(self.size)
        return _TEMPORAL[call.name](series, self, call)


@dataclass(frozen=True, slots=True)
class _Points:
    """The rows of one variable's points, for the expression inside `avg(x * (x - 1))`."""

    name: str
    values: Column

    @property
    def size(self) -> int:
        return len(self.values.ok)

    def variable(self, name: str) -> Column | None:
        return self.values if name == self.name else None

    def call(self, call: Call) -> Column:
        raise NotImplementedError(call.name)


def _points(node: Node, frame: Windows) -> Series | None:
    """Return the expression of one variable as a series of its own, None if it holds no variable with points."""
    names = [part.name for part in walk(node) if isinstance(part, Name) and part.name in frame.series]
    if not names:
        return None
    series = frame.series[names[0]]
    if isinstance(node, Name):
        return series
    inside: Frame = _Points(names[0], series.values)
    return Series(series.ts, evaluate(node, inside), series.low, series.high, series.before, series.after)


def _aggregate(call: Call, frame: Windows) -> Column:
    """Pool all points of all arguments in each window; an argument with one value a window adds that one."""
    rows: list[Ints] = []
    cells: list[Floats] = []
    for arg in call.args:
        nested = any(isinstance(part, Call) and part.name in WINDOWED for part in walk(arg))
        series = None if nested else _points(arg, frame)
        row, column = _members(series) if series else (np.arange(frame.size), evaluate(arg, frame))
        if call.name == "count":
            rows.append(row[column.ok])
            cells.append(np.ones(int(column.ok.sum())))
            continue
        column = as_numbers(column)
        rows.append(row[column.ok])
        cells.append(np.asarray(column.values[column.ok], np.float64))
    return _reduced(call.name, np.concatenate(rows), np.concatenate(cells), frame.size)


def _members(series: Series) -> tuple[Ints, Column]:
    """Return the window number and the value of every point that lies in a window."""
    row, index = _spread(series.low, series.high)
    return row, series.values.take(index)


def _spread(low: Ints, high: Ints) -> tuple[Ints, Ints]:
    """Return (window, point) for every point of every `[low, high)`."""
    count = np.maximum(high - low, 0)
    row = np.repeat(np.arange(len(low)), count)
    index = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count) + np.repeat(low, count)
    return row, index


def _reduced(name: str, row: Ints, values: Floats, size: int) -> Column:
    count = np.bincount(row, minlength=size)
    if name == "count":
        return Column(count.astype(np.float64), np.ones(size, np.bool_))
    if name in ("min", "max"):
        best = np.full(size, np.inf if name == "min" else -np.inf)
        (np.minimum if name == "min" else np.maximum).at(best, row, values)
        return Column(best, count > 0)
    total = np.bincount(row, values, size)
    if name == "sum":
        return Column(total, (count > 0) & np.isfinite(total))
    mean = total / np.maximum(count, 1)
    if name == "avg":
        return Column(mean, (count > 0) & np.isfinite(mean))
    square = np.bincount(row, (values - mean[row]) ** 2, size)
    spread = np.sqrt(square / np.maximum(count, 1))
    return Column(spread, (count > 0) & np.isfinite(spread))


def _first(series: Series) -> Column:
    return series.values.take(np.where(series.high > series.low, series.low, -1))


def _last(series: Series) -> Column:
    return series.values.take(np.where(series.high > series.low, series.high - 1, -1))


def _earliest(series: Series) -> Column:
    return series.values.take(np.where(series.before, series.low - 1, -1))


def _latest(series: Series) -> Column:
    return series.values.take(np.where((series.high > series.low) | series.before, series.high - 1, -1))


@dataclass(frozen=True, slots=True)
class Stretches:
    """The windows cut at their points: each stretch belongs to a window and is held by one point."""

    row: Ints
    point: Ints
    begin: Ints
    end: Ints

    @property
    def length(self) -> Floats:
        """Return nanoseconds."""
        return (self.end - self.begin).astype(np.float64)


def stretches(series: Series, starts: Ints, ends: Ints) -> Stretches:
    """Cut every window at its points; the time before the first known point is in no stretch."""
    row, point = _spread(series.low - series.before, series.high)
    following = np.minimum(point + 1, max(len(series.ts) - 1, 0))
    inside = point + 1 < series.high[row]
    begin = np.maximum(series.ts[point], starts[row])
    end = np.where(inside, series.ts[following], ends[row])
    return Stretches(row, point, begin, end)


def _statetime(series: Series, frame: Windows, _call: Call) -> Column:
    """Seconds in which the value is above 0, the last value carried forward; nothing while all of it is unknown."""
    cut = stretches(series, frame.starts, frame.ends)
    values = as_numbers(series.values)
    ok, on = values.ok[cut.point], values.values[cut.point] > 0
    known = np.bincount(cut.row, cut.length * ok, frame.size)
    return Column(np.bincount(cut.row, cut.length * (ok & on), frame.size) / 1e9, known > 0)


def _weighted(series: Series, frame: Windows, call: Call) -> Column:
    """Time-weighted average; given only for windows that are known throughout."""
    cut = stretches(series, frame.starts, frame.ends)
    values = as_numbers(series.values)
    level = values.values[cut.point]
    if _option(call, "locf") == "linear":
        level = _middle(series, values, cut)
    known = np.bincount(cut.row, cut.length * values.ok[cut.point], frame.size)
    length = (frame.ends - frame.starts).astype(np.float64)
    return Column(np.bincount(cut.row, cut.length * level, frame.size) / length, known == length)


def _middle(series: Series, values: Column, cut: Stretches) -> Floats:
    """Return the mean of the straight line over each stretch; the value is held where no next point is known."""
    following = np.minimum(cut.point + 1, len(series.ts) - 1)
    drawn = (cut.point + 1 < series.high[cut.row] + series.after[cut.row]) & values.ok[following]
    level, target = values.values[cut.point], values.values[following]
    gap = np.where(drawn, series.ts[following] - series.ts[cut.point], 1)
    slope = np.where(drawn, (target - level) / gap, 0.0)
    return level + slope * ((cut.begin + cut.end) / 2 - series.ts[cut.point])


def _spread_in_time(series: Series, frame: Windows, call: Call) -> Column:
    """Time-weighted standard deviation: 'f' divides by the seconds less one, 'p' by the seconds."""
    mean = _weighted(series, frame, Call(call.name, call.args[:1], call.at))
    cut = stretches(series, frame.starts, frame.ends)
    level = as_numbers(series.values).values[cut.point]
    square = np.bincount(cut.row, cut.length / 1e9 * (level - mean.values[cut.row]) ** 2, frame.size)
    divisor = (frame.ends - frame.starts) / 1e9 - (_option(call, "f") == "f")
    ok = mean.ok & (divisor > 0)
    return Column(np.sqrt(square / np.where(divisor > 0, divisor, 1.0)), ok)


def _increase(series: Series, frame: Windows, call: Call) -> Column:
    """Rise of a counter in the window; a fall is a reset, or a rollover when the counter's modulus is given."""
    row, point = _spread(series.low - series.before + 1, series.high)
    modulus = evaluate(call.args[1], frame).values[row] if len(call.args) > 1 else None
    values = as_numbers(series.values)
    rise = rises(values.values[point - 1], values.values[point], modulus)
    ok = values.ok[point] & values.ok[point - 1]
    seen = series.before | (series.high > series.low)
    return Column(np.bincount(row, rise * ok, frame.size), seen)


def rises(before: Floats, after: Floats, modulus: Floats | None) -> Floats:
    """Return the rise between two readings of a counter.

    A fall from the top tenth of the modulus to its bottom tenth is a rollover; any other fall is a reset to 0.
    """
    step = after - before
    fallen = np.where(step < 0, after, step)
    if modulus is None:
        return fallen
    rolled = (step < 0) & (before >= 0.9 * modulus) & (after <= 0.1 * modulus)
    return np.where(rolled, step + modulus, fallen)


def _option(call: Call, default: str) -> str:
    return call.args[1].value.lower() if len(call.args) > 1 and isinstance(call.args[1], Text) else default


_TEMPORAL: Mapping[str, Callable[[Series, Windows, Call], Column]] = {
    "first": lambda series, _frame, _call: _first(series),
    "last": lambda series, _frame, _call: _last(series),
    "earliest": lambda series, _frame, _call: _earliest(series),
    "latest": lambda series, _frame, _call: _latest(series),
    "statetime": _statetime,
    "timeweightedavg": _weighted,
    "timeweightedstdev": _spread_in_time,
    "increase": _increase,
}
