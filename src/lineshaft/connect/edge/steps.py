"""Values in steps (start, end], stamped at the end: what a detector judges.

Each is the mean of the step's good numbers, or its last good text. A step is over once a later value has come; one in which
nothing came is a step too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from lineshaft.connect.edge.reading import Bools, Ints, Numbers, numbers_of
from lineshaft.core import NS, Quality

MOST = 100_000
DAY = 86_400 * NS
"""A longer silence is not told step by step."""


@dataclass(slots=True)
class _Step:
    """What came in one step."""

    total: dict[str, float] = field(default_factory=dict[str, float])
    count: dict[str, int] = field(default_factory=dict[str, int])
    last: dict[str, tuple[int, Any]] = field(default_factory=dict[str, tuple[int, Any]])
    bad: set[str] = field(default_factory=set[str])

    def only_bad(self, sensor: str) -> bool:
        """Return whether a sensor told bad values and no other."""
        return sensor in self.bad and sensor not in self.count and sensor not in self.last


@dataclass(frozen=True, slots=True)
class Closed:
    """Steps that are over: a column a sensor (NaN or None where it told nothing good), and where it told bad values only."""

    times: Ints
    columns: dict[str, Any]
    bad: dict[str, Bools]

    def part(self, rows: slice) -> Closed:
        """Return some of them."""
        columns, bad = ({name: values[rows] for name, values in each.items()} for each in (self.columns, self.bad))
        return Closed(self.times[rows], columns, bad)


class Steps:
    """Gathers values; `tags` says which sensor a tag is, `texts` which tell texts, `lasts` of which numbers the last counts."""

    def __init__(
        self,
        sensors: Sequence[str],
        texts: frozenset[str],
        tags: Mapping[str, str],
        every: int,
        lasts: frozenset[str] = frozenset(),
    ) -> None:
        self.done = -(2**62)
        """The end of the last step that was given out; what belongs to it or before comes too late."""
        self._sensors, self._texts, self._tags, self._every, self._lasts = sensors, texts, tags, every, lasts
        self._open: dict[int, _Step] = {}
        self._newest = -(2**62)

    def give(self, rows: pa.RecordBatch) -> None:
        """Take values."""
        read = numbers_of(rows)
        good = read.quality == Quality.GOOD
        numbers = good & read.numeric & np.isfinite(read.number)
        for place, tag in enumerate(read.tags):
            sensor = self._tags.get(tag)
            if sensor is None:
                continue
            mine = read.tag == place
            self._bad(sensor, read.ts[mine & (read.quality == Quality.BAD)])
            if sensor in self._texts:
                here = np.flatnonzero(mine & good)
                self._last(sensor, read.ts[here], rows.column("vs").take(pa.array(here, pa.int64())).to_pylist())
            elif sensor in self._lasts:
                here = np.flatnonzero(mine & numbers)
                self._last(sensor, read.ts[here], read.number[here].tolist())
            else:
                self._measured(sensor, read, np.flatnonzero(mine & numbers))
        if read.ts.size:
            self._newest = max(self._newest, int(read.ts.max()))
        while len(self._open) > MOST:
            self._open.pop(min(self._open))

    def _ends(self, ts: Ints) -> Ints:
        """Return the end of the step each time belongs to."""
        return -(-ts // self._every) * self._every

    def _bad(self, sensor: str, ts: Ints) -> None:
        for end in np.unique(self._ends(ts)).tolist() if ts.size else ():
            if end > self.done:
                self._open.setdefault(end, _Step()).bad.add(sensor)

    def _measured(self, sensor: str, read: Numbers, mine: Ints) -> None:
        ends = self._ends(read.ts[mine])
        for end in np.unique(ends).tolist():
            if end <= self.done:
                continue
            values = read.number[mine][ends == end]
            step = self._open.setdefault(end, _Step())
            step.total[sensor] = step.total.get(sensor, 0.0) + float(values.sum())
            step.count[sensor] = step.count.get(sensor, 0) + values.size

    def _last(self, sensor: str, ts: Ints, values: Sequence[Any]) -> None:
        """Take texts and switches: of a step the last one counts."""
        for at, end, value in zip(ts.tolist(), self._ends(ts).tolist(), values, strict=True):
            if value is None or end <= self.done:
                continue
            step = self._open.setdefault(end, _Step())
            if sensor not in step.last or step.last[sensor][0] <= at:
                step.last[sensor] = (at, value)

    def closed(self) -> Closed:
        """Give out the steps that are over, in order."""
        ends = sorted(end for end in self._open if end < self._newest)
        if ends:
            first = ends[0]
            if 0 < first - self.done <= DAY:
                first = self.done + self._every
            if ends[-1] - first <= DAY:
                ends = list(range(first, ends[-1] + 1, self._every))
            self.done = ends[-1]
        steps = [self._open.pop(end, _Step()) for end in ends]
        columns: dict[str, Any] = {}
        for sensor in self._sensors:
            if sensor in self._texts:
                columns[sensor] = np.array([one.last[sensor][1] if sensor in one.last else None for one in steps], object)
            elif sensor in self._lasts:
                columns[sensor] = np.array([one.last[sensor][1] if sensor in one.last else np.nan for one in steps], np.float64)
            else:
                means = [one.total[sensor] / one.count[sensor] if sensor in one.count else np.nan for one in steps]
                columns[sensor] = np.array(means, np.float64)
        bad = {sensor: np.array([one.only_bad(sensor) for one in steps], np.bool_) for sensor in self._sensors}
        return Closed(np.array(ends, np.int64), columns, {name: rows for name, rows in bad.items() if rows.any()})


def nothing(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of steps in which no sensor told anything."""
    return {
        name: np.full(len(values), None if values.dtype == object else np.nan, values.dtype) for name, values in columns.items()
    }
