"""The screen before the alarms: of a batch of stored rows, lets through only those that can change an alarm.

All definitions are compared with all rows at once in arrays; a quiet plant costs a few comparisons per batch whatever the
number of alarms.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lineshaft.core import NS, Quality
from lineshaft.detect.condition import Bools, Condition, Floats, Ints, Limits, begins_ends
from lineshaft.detect.definition import Watched

Numbers = npt.NDArray[np.int64]
NEVER = np.iinfo(np.int64).max
GRACE = 60.0
"""After a start nothing falls due for so many seconds, where its own time is not shorter: sources connect again first."""


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
        self._beat, self._held = np.full(count, np.nan), np.full(count, np.nan)
        self._heard, self._alive = np.full(count, now), np.full(count, now)
        never = float("inf")
        self._silence = np.array([never if (t := one.watched.silence) is None else t / NS for one in self.points], np.float64)
        self._stale_after = np.array(
            [never if (t := one.watched.stale_after) is None else t / NS for one in self.points], np.float64
        )
        self._known, self._active, self._late = (np.zeros(count, np.bool_) for _ in range(3))
        self._moment = np.full(count, NEVER)
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
                self._beat[number], self._held[number] = old.beat(before), old.held(before)
                self.points[number] = replace(point, value=old.points[before].value)

    def note(self, number: int) -> None:
        """Take over what a point says now."""
        point = self.points[number]
        self._raw[number] = point.condition.raw
        waits = point.condition.pending is not None or point.good is None or point.watched.text is not None
        self._restless[number] = waits or (bool(self._beats[number]) and point.condition.active)
        self._bad[number], self._known[number] = point.good is False, point.good is not None
        self._active[number], self._late[number] = point.condition.active, point.late
        waits = point.condition.pending is not None and point.good is True
        delay = point.delays[1 if point.condition.active else 0]
        self._moment[number] = (point.condition.pending or 0) + delay if waits else NEVER
        self._last[number] = max(point.last, int(self._last[number]))

    def recall(self, number: int, age: float, value: float, now: float) -> None:
        """Take over what the store says of a point after a start: its good value (NaN for none) and how many seconds old.

        A silence or a delay goes on from there, but nothing falls due within the first minute: sources come back first.
        """
        point = self.points[number]
        self._held[number] = value
        if point.watched.definition.heartbeat is not None:
            self._beat[number] = value
        if np.isfinite(value) and not np.isfinite(point.value):
            self.points[number] = replace(point, value=value)
        if not point.last:
            return
        at_least = [one - min(one, GRACE) for one in (self._silence[number], self._stale_after[number]) if np.isfinite(one)]
        if self._moment[number] != NEVER:
            left = (int(self._moment[number]) - int(self._last[number])) / NS
            at_least.append(max(0.0, left - min(left, GRACE)))
        if at_least:
            self._heard[number] = now - min(age, *at_least)
            if not self._beats[number]:
                self._alive[number] = self._heard[number]

    def waiting(self, now: float) -> list[int]:
        """Return the points whose delay or silence has run out, and those that wait to be told."""
        due = self._moment <= self._last + ((now - self._heard) * NS).astype(np.int64)
        stale = self._known & (now - self._heard >= self._stale_after)
        quiet = self._silent & ~self._active & (now - self._alive >= self._silence)
        return np.flatnonzero(due | stale | quiet | self._late).tolist()

    def is_stale(self, number: int, now: float) -> bool:
        """Say whether a point's input has just become stale."""
        return bool(self._known[number]) and now - self.heard(number) >= float(self._stale_after[number])

    def moment(self, number: int, now: float) -> int:
        """Return what the time of the plant is by now for a point: of its newest row, and what has gone by since that came."""
        return self.last(number) + round((now - self.heard(number)) * NS)

    def held(self, number: int) -> float:
        """Return the newest good value of a point, NaN for none."""
        return float(self._held[number])

    def turned(self) -> list[int]:
        """Return the points whose newest value says something else by their rule than what stands."""
        if self._rules is None:
            return []
        with np.errstate(invalid="ignore"):
            begins, ends = begins_ends(self._rules, self._held)
        says = np.where(self._raw, ends, begins)
        return np.flatnonzero(says & np.isfinite(self._held) & ~self._silent & ~self._texts & self._known & ~self._bad).tolist()

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
        self._seen = [(number, ts[row], value[row], good[row])]
        mine = np.isin(number, touched)
        row, number = row[mine], number[mine]
        order = np.lexsort((ts[row], number))
        parts = np.split(row[order], np.searchsorted(number[order], touched[1:])) if len(touched) else []
        return [self._of(int(n), part, chosen, ts, value, good) for n, part in zip(touched.tolist(), parts, strict=True)]

    def settle(self, now: float = 0.0) -> None:
        """Remember the time of the rows let through or held back last: what they changed is written."""
        for number, ts, value, good in self._seen:
            np.maximum.at(self._last, number, ts)
            self._heard[number] = now
            live = number[good & ~self._beats[number]]
            self._alive[live] = now
            order = np.flatnonzero(good)[np.argsort(ts[good], kind="stable")]
            moved = order[self._beats[number[order]]]
            for one, said in _grouped(number[moved], value[moved]):
                if (said != self._beat[one]).any():
                    self._alive[one] = now
                self._beat[one] = said[-1]
            self._held[number[order]] = value[order]
        self._seen = []

    def _may_change(self, number: Numbers, value: Floats, good: Bools) -> Numbers:
        rules = Limits(*(np.asarray(column)[number] for column in self._rules or ()))
        with np.errstate(invalid="ignore"):
            begins, ends = begins_ends(rules, value)
        turns = good & np.where(self._silent[number], self._raw[number], np.where(self._raw[number], ends, begins))
        return np.unique(number[turns | self._restless[number] | (good == self._bad[number])])

    def _of(self, number: int, order: Numbers, chosen: pa.RecordBatch, ts: Ints, value: Floats, good: Bools) -> Rows:
        text = self.points[number].watched.text
        if text is None:
            return Rows(number, ts[order], value[order], good[order])
        words: list[Any] = chosen.column("vs").take(order).to_pylist()
        quality = chosen.column("q").to_numpy(zero_copy_only=False)[order] == Quality.GOOD
        same = np.array([float(word == text) for word in words])
        known = np.array([word is not None for word in words], np.bool_)
        return Rows(number, ts[order], same, quality & known)


def _grouped(number: Numbers, value: Floats) -> Iterator[tuple[int, Floats]]:
    """Yield each number with its values, in their order."""
    order = np.argsort(number, kind="stable")
    numbers = np.unique(number)
    if len(numbers):
        yield from zip(numbers.tolist(), np.split(value[order], np.searchsorted(number[order], numbers[1:])), strict=True)


def _times(rows: pa.RecordBatch) -> Ints:
    return rows.column("ts").cast(pa.int64()).to_numpy(zero_copy_only=False)


def _values(rows: pa.RecordBatch) -> tuple[Floats, Bools]:
    """Return each row's number (NaN where there is none) and whether it is good."""
    value = rows.column("v").to_numpy(zero_copy_only=False)
    for name in ("vi", "vb"):
        column = rows.column(name)
        if column.null_count < len(column):
            value = np.where(np.isnan(value), column.cast(pa.float64()).to_numpy(zero_copy_only=False), value)
    words = rows.column("vs")
    if words.null_count < len(words):  # of a text only counts whether it is another
        marks = np.array([np.nan if word is None else crc32(word.encode()) for word in words.to_pylist()], np.float64)
        value = np.where(np.isnan(value), marks, value)
    quality = rows.column("q").to_numpy(zero_copy_only=False)
    return value, (quality == Quality.GOOD) & np.isfinite(value)
