"""Local inference: an exported detector judges its machine at the edge, with the plant or without.

Its values are gathered into steps (start, end], stamped at the end, each the mean of the step's good numbers and its last good
text; a step is judged once a later value has come. Scores, reasons and alerts (true when one is raised, false when it ends, and
its sensors) are values of a source named like the detector: kept, counted and sent as all others, and rules of this edge may
listen to them. Alerts are raised by the plant's rule from the plant's scores, so they are the plant's. What it remembers is on
disk with every step.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field

from lineshaft.connect.collect import Collector
from lineshaft.connect.edge.plain import PlainModel
from lineshaft.connect.edge.reading import Floats, Ints, Numbers, numbers_of
from lineshaft.connect.onnx_file import Base64
from lineshaft.connect.source import Outlet, SourceState, SourceStatus
from lineshaft.core import NS, Quality, Section, write_whole

MOST_STEPS = 100_000
DAY = 86_400 * NS
"""A longer silence is not told step by step."""


class Alerts(Protocol):
    """The alerts of one machine."""

    @property
    def changes(self) -> list[tuple[int, bool, list[tuple[str, float]]]]:
        """When, in the rows taken last, an alert was raised (True) or ended, and each sensor's share in it then."""
        ...


class Follower(Protocol):
    """Follows one machine."""

    @property
    def alerts(self) -> Alerts | None:
        """The alerts, None for a detector that gives scores alone."""
        ...

    def take(self, times: Ints, columns: Mapping[str, npt.NDArray[Any]], /) -> tuple[Floats, list[str]]:
        """Return score (NaN: not judged) and reason of each step."""
        ...

    def state(self) -> dict[str, Any]:
        """Return what must be remembered, as JSON can hold it."""
        ...

    def restore(self, state: dict[str, Any], /) -> None:
        """Go on where another follower of the same detector stopped."""
        ...


class Exported(Protocol):
    """A detector that was trained elsewhere."""

    @property
    def version(self) -> str | int:
        """Which training it is of."""
        ...

    @property
    def sensors(self) -> tuple[str, ...]:
        """Names of what it wants to know."""
        ...

    @property
    def texts(self) -> frozenset[str]:
        """Names of those that are texts."""
        ...

    @property
    def every(self) -> int:
        """Length of a step in ns."""
        ...

    def follow(self) -> Follower:
        """Begin to follow the machine."""
        ...


Open = Callable[[bytes], Exported]
"""Opens an exported detector. Raises InvalidInput for a file that is none."""


class DetectorEntry(Section):
    """One `[[detectors]]` table: an exported detector and the tags its sensors stand for."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}$", description="Its name, and that of the source its scores come from."
    )
    content: Base64 = Field(description="The exported file (a zip), or with `onnx` an ONNX file of anybody's; in base64.")
    source: str = Field(description="The source whose tags it judges.")
    sensors: dict[str, str] = Field(default_factory=dict, description="Sensor and tag; a sensor that is not named is its tag.")
    onnx: PlainModel | None = Field(None, description="What goes in and comes out, for an ONNX file that was not exported here.")

    def bytes(self) -> bytes:
        """Return the file."""
        return base64.b64decode(self.content)


@dataclass(slots=True)
class _Step:
    """Sums of one step."""

    total: dict[str, float] = field(default_factory=dict[str, float])
    count: dict[str, int] = field(default_factory=dict[str, int])
    text: dict[str, tuple[int, str]] = field(default_factory=dict[str, tuple[int, str]])


class Inference:
    """One detector at work, as a source."""

    def __init__(self, entry: DetectorEntry, opened: Exported, folder: Path) -> None:
        self.name = entry.name
        self.steps = 0
        self._entry = entry
        self._detector = opened
        self._file = folder / f"{entry.name}.json"
        self._sensor_of = {entry.sensors.get(sensor, sensor): sensor for sensor in opened.sensors}
        self._open: dict[int, _Step] = {}
        self._done = -(2**62)
        self._newest = -(2**62)
        self._woken = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def give(self, source: str, rows: pa.RecordBatch) -> None:
        """Take rows that were kept."""
        if self._loop is None or source != self._entry.source:
            return
        read = numbers_of(rows)
        hit = read.numeric & (read.quality == Quality.GOOD) & np.isfinite(read.number)
        for place, tag in enumerate(read.tags):
            sensor = self._sensor_of.get(tag)
            if sensor is None:
                continue
            if sensor in self._detector.texts:
                self._listen(sensor, rows, read, np.flatnonzero((read.tag == place) & (read.quality == Quality.GOOD)))
                continue
            mine = np.flatnonzero(hit & (read.tag == place))
            ends = self._ends(read.ts[mine])
            for end in np.unique(ends):
                if end <= self._done:
                    continue
                values = read.number[mine][ends == end]
                step = self._open.setdefault(int(end), _Step())
                step.total[sensor] = step.total.get(sensor, 0.0) + float(values.sum())
                step.count[sensor] = step.count.get(sensor, 0) + values.size
        if read.ts.size:
            self._newest = max(self._newest, int(read.ts.max()))
        while len(self._open) > MOST_STEPS:
            self._open.pop(min(self._open))
        self._loop.call_soon_threadsafe(self._woken.set)

    def _ends(self, ts: Ints) -> Ints:
        """Return the end of the step each time belongs to."""
        return -(-ts // self._detector.every) * self._detector.every

    def _listen(self, sensor: str, rows: pa.RecordBatch, read: Numbers, mine: Ints) -> None:
        """Take texts: of a step the last one counts."""
        for place, end in zip(mine.tolist(), self._ends(read.ts[mine]).tolist(), strict=True):
            said = rows.column("vs")[place].as_py()
            if said is None or end <= self._done:
                continue
            step, at = self._open.setdefault(end, _Step()), int(read.ts[place])
            if sensor not in step.text or step.text[sensor][0] <= at:
                step.text[sensor] = (at, said)

    async def run(self, out: Outlet) -> None:
        """Judge until cancelled."""
        self._loop = asyncio.get_running_loop()
        follower = self._detector.follow()
        self._recall(follower)
        out.status(
            SourceStatus(self.name, SourceState.CONNECTED, f"version {self._detector.version} judges {self._entry.source}")
        )
        rows = Collector()
        while True:
            await self._woken.wait()
            self._woken.clear()
            times, columns = self._closed()
            if not times.size:
                continue
            scores, reasons = await asyncio.to_thread(follower.take, times, columns)
            self.steps += times.size
            for ts, score, reason in zip(times.tolist(), scores.tolist(), reasons, strict=True):
                if score == score:  # noqa: PLR0124 - NaN: not judged
                    rows.add("score", ts, score)
                rows.add("reason", ts, reason)
            for ts, raised, sensors in follower.alerts.changes if follower.alerts is not None else ():
                rows.add("alert", ts, raised)
                rows.add("alert sensors", ts, ", ".join(f"{name} {share:.0%}" for name, share in sensors[:5]))
            if (made := rows.take()) is not None:
                out.emit(made)
            await asyncio.to_thread(self._remember, follower)

    def _closed(self) -> tuple[Ints, dict[str, Any]]:
        """Return the steps that are over, in order; one in which nothing came is a step too."""
        ends = sorted(end for end in self._open if end < self._newest)
        if ends:
            every, first = self._detector.every, ends[0]
            if 0 < first - self._done <= DAY:
                first = self._done + every
            if ends[-1] - first <= DAY:
                ends = list(range(first, ends[-1] + 1, every))
            self._done = ends[-1]
        steps = [self._open.pop(end, _Step()) for end in ends]
        columns: dict[str, Any] = {}
        for sensor in self._detector.sensors:
            if sensor in self._detector.texts:
                columns[sensor] = np.array([one.text[sensor][1] if sensor in one.text else None for one in steps], object)
            else:
                means = [one.total[sensor] / one.count[sensor] if sensor in one.count else np.nan for one in steps]
                columns[sensor] = np.array(means, np.float64)
        return np.array(ends, np.int64), columns

    def _remember(self, follower: Follower) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        said = {"version": self._detector.version, "done": self._done, "state": follower.state()}
        write_whole(self._file, json.dumps(said).encode())

    def _recall(self, follower: Follower) -> None:
        """Go on where this version of the detector stopped."""
        try:
            said = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return
        if said.get("version") == self._detector.version:
            follower.restore(said["state"])
            self._done = max(self._done, int(said["done"]))
