"""The screen before the alarms: of a batch of stored rows, lets through only those that can change an alarm.

All definitions are compared with all rows at once in arrays; a quiet plant costs a few comparisons per batch whatever the
number of alarms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lineshaft.core import Quality
from lineshaft.detect.condition import Bools, Condition, Floats, Ints, Limits, begins_ends
from lineshaft.detect.definition import Watched

Numbers = npt.NDArray[np.int64]


@dataclass(slots=True)
class Point:
    """One alarm at work: where its condition stands and what its input last said.

    `late` is set while its condition began longer ago than counts as now: it is told once the values have caught up.
    """

    id: str
    watched: Watched
    limits: Limits
    delays: tuple[int, int]
    condition: Condition
    last: int
    good: bool | None
    value: float
    late: bool = False


class Rows(NamedTuple):
    """The rows of one alarm that were let through, in time order."""

    number: int
    ts: Ints
    value: Floats
    good: Bools


class Screen:
    """Arrays over all points, in the order of their series' numbers."""

    def __init__(self, points: Sequence[Point], watching: Sequence[tuple[int, int]], now: float = 0.0) -> None:
        """`watching` pairs a series number with the index of a point; `now` is what the clock of silence says."""
        self.points = list(points)
        order = sorted(watching)
        self._sids: Numbers = np.array([sid for sid, _ in order], np.int64)
        self._number: Numbers = np.array([number for _, number in order], np.int64)
        self._wanted = np.zeros(int(self._sids.max()) + 1 if order else 0, np.bool_)
        self._wanted[self._sids] = True
        rules = [point.limits for point in self.points]
        self._rules = Limits(*(np.array(column) for column in zip(*rules, strict=True))) if rules else None
        self._texts = np.array([point.watched.text is not None for point in self.points], np.bool_)
        count = len(self.points)
        self._raw, self._restless, self._bad = (np.zeros(count, np.bool_) for _ in range(3))
        self._last = np.zeros(count, np.int64)
        self._silent = np.array([point.watched.silence is not None for point in self.points], np.bool_)
        beats = [point.watched.definition.heartbeat is not None for point in self.points]
        self._beats = np.array(beats, np.bool_)
        self._beat = np.full(count, np.nan)
        self._heard, self._alive = np.full(count, now), np.full(count, now)
        self._seen: list[tuple[Numbers, Ints, Floats, Bools]] = []
        for number in range(count):
            self.note(number)

    def carry_on(self, old: Screen) -> None:
        """Go on with what another screen has heard of the same alarms: reading definitions again ends no silence."""
        places = {point.id: number for number, point in enumerate(old.points)}
        for number, point in enumerate(self.points):
            before = places.get(point.id)
            if before is not None and old.points[before].watched.property.id == point.watched.property.id:
                self._heard[number], self._alive[number] = old.heard(before), old.alive(before)
                self._beat[number] = old.beat(before)
                self.points[number] = replace(point, value=old.points[before].value)

    def note(self, number: int) -> None:
        """Take over what a point says now."""
        point = self.points[number]
        self._raw[number] = point.condition.raw
        waits = point.condition.pending is not None or point.good is None or point.watched.text is not None
        self._restless[number] = waits or (bool(self._beats[number]) and point.condition.active)
        self._bad[number] = point.good is False
        self._last[number] = max(point.last, int(self._last[number]))

    def last(self, number: int) -> int:
        """Return the event time of the newest row a point has seen, also of those that changed nothing."""
        return int(self._last[number])

    def lasts(self) -> Ints:
        """Return the event time of the newest row of every point."""
        return self._last.copy()

    def heard(self, number: int) -> float:
        """Return when (our clock) the last row of a point came."""
        return float(self._heard[number])

    def alive(self, number: int) -> float:
        """Return when (our clock) a point's input last gave a good value; with a heartbeat, when it last changed."""
        return float(self._alive[number])

    def beat(self, number: int) -> float:
        """Return the last value of a heartbeat."""
        return float(self._beat[number])

    def take(self, rows: Rows) -> None:
        """Count rows in that came another way: what a formula said."""
        numbers = np.full(len(rows.ts), rows.number, np.int64)
        self._seen.append((numbers, rows.ts, rows.value, rows.good))

    def let_through(self, rows: pa.RecordBatch) -> list[Rows]:
        """Return the rows of every point that may change by them."""
        sids = rows.column(0).to_numpy(zero_copy_only=False)
        self._seen = []
        if not len(self._wanted) or not len(sids):
            return []
        picked = np.flatnonzero((sids < len(self._wanted)) & self._wanted[np.minimum(sids, len(self._wanted) - 1)])
        if not len(picked):
            return []
        chosen = rows if len(picked) == rows.num_rows else rows.take(picked)
        sid, ts = sids[picked], _times(chosen)
        value, good = _values(chosen)
        first = np.searchsorted(self._sids, sid, "left")
        count = np.searchsorted(self._sids, sid, "right") - first
        pairs = [(np.flatnonzero(count > layer), self._number[first[count > layer] + layer]) for layer in range(int(count.max()))]
        row, number = (np.concatenate([pair[side] for pair in pairs]) for side in (0, 1))
        fresh = ts[row] > self._last[number]
        row, number = row[fresh], number[fresh]
        touched = self._may_change(number, value[row], good[row])
        found = [self._of(int(n), row[number == n], chosen, ts, value, good) for n in touched]
        self._seen = [(number, ts[row], value[row], good[row])]
        return found

    def settle(self, now: float = 0.0) -> None:
        """Remember the time of the rows let through or held back last: what they changed is written."""
        for number, ts, value, good in self._seen:
            np.maximum.at(self._last, number, ts)
            self._heard[number] = now
            live = number[good & ~self._beats[number]]
            self._alive[live] = now
            for one in np.unique(number[good & self._beats[number]]).tolist():
                said = value[good & (number == one)]
                if (said != self._beat[one]).any():
                    self._alive[one] = now
                self._beat[one] = said[-1]
        self._seen = []

    def _may_change(self, number: Numbers, value: Floats, good: Bools) -> Numbers:
        rules = Limits(*(np.asarray(column)[number] for column in self._rules or ()))
        with np.errstate(invalid="ignore"):
            begins, ends = begins_ends(rules, value)
        turns = good & np.where(self._silent[number], self._raw[number], np.where(self._raw[number], ends, begins))
        return np.unique(number[turns | self._restless[number] | (good == self._bad[number])])

    def _of(self, number: int, row: Numbers, chosen: pa.RecordBatch, ts: Ints, value: Floats, good: Bools) -> Rows:
        order = row[np.argsort(ts[row], kind="stable")]
        text = self.points[number].watched.text
        if text is None:
            return Rows(number, ts[order], value[order], good[order])
        words: list[Any] = chosen.column("vs").take(order).to_pylist()
        quality = chosen.column("q").to_numpy(zero_copy_only=False)[order] == Quality.GOOD
        same = np.array([float(word == text) for word in words])
        known = np.array([word is not None for word in words], np.bool_)
        return Rows(number, ts[order], same, quality & known)


def _times(rows: pa.RecordBatch) -> Ints:
    return rows.column("ts").cast(pa.int64()).to_numpy(zero_copy_only=False)


def _values(rows: pa.RecordBatch) -> tuple[Floats, Bools]:
    """Return each row's number (NaN where there is none) and whether it is good."""
    value = rows.column("v").to_numpy(zero_copy_only=False)
    for name in ("vi", "vb"):
        column = rows.column(name)
        if column.null_count < len(column):
            value = np.where(np.isnan(value), column.cast(pa.float64()).to_numpy(zero_copy_only=False), value)
    quality = rows.column("q").to_numpy(zero_copy_only=False)
    return value, (quality == Quality.GOOD) & np.isfinite(value)
