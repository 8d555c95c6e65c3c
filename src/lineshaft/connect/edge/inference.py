"""Local inference: an exported detector judges its machine at the edge, with the plant or without.

Its values are gathered into steps (start, end], stamped at the end, each the mean of the step's good numbers and its last good
text; a step is judged once a later value has come. Scores, reasons and alerts (true when one is raised, false when it ends, and
its sensors) are values of a source named like the detector: kept, counted and sent as all others, and rules of this edge may
listen to them. Alerts are raised by the plant's rule from the plant's scores, so they are the plant's; `alert record` says all of
one as JSON, and the plant files its finding by that. What it remembers is on disk with every step, before anything is said: after
a kill an alert is told again rather than never, and the plant knows it by its start.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field

from lineshaft.connect.collect import Collector
from lineshaft.connect.edge.alert import Change
from lineshaft.connect.edge.plain import PlainModel
from lineshaft.connect.edge.reading import Bools, Floats, Ints
from lineshaft.connect.edge.steps import Closed, Steps, nothing
from lineshaft.connect.onnx_file import Base64
from lineshaft.connect.source import Outlet, SourceState, SourceStatus
from lineshaft.core import Section, write_whole

OFF = "off"
RECORD = "alert record"
"""The tag by which the plant files findings."""
MOST_SENSORS = 20


class Follower(Protocol):
    """Follows one machine."""

    @property
    def changes(self) -> list[Change]:
        """Alerts that were raised or ended in what was last taken or told; none of a detector that gives scores alone."""
        ...

    def take(self, times: Ints, columns: Mapping[str, npt.NDArray[Any]], bad: Mapping[str, Bools], /) -> tuple[Floats, list[str]]:
        """Return score (NaN: not judged) and reason of each step; `bad`: in which steps a sensor told bad values only."""
        ...

    def returned(self, at: int, /) -> None:
        """Begin anew: the machine was verified back in service."""
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
    def key(self) -> str:
        """What the plant knows the model by; empty if it does not."""
        ...

    @property
    def name(self) -> str:
        """What people call the model; empty if it says nothing."""
        ...

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
    def lasts(self) -> frozenset[str]:
        """Names of those of which a step's last value counts, not the mean."""
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


class Inference:
    """One detector at work, as a source."""

    def __init__(self, entry: DetectorEntry, opened: Exported, folder: Path) -> None:
        self.name = entry.name
        self.away = False
        """Whether people are at the machine, as the plant last said: what its sensors show then is not judged."""
        self.steps = 0
        self._entry = entry
        self._detector = opened
        self._file = folder / f"{entry.name}.json"
        tags = {entry.sensors.get(sensor, sensor): sensor for sensor in opened.sensors}
        self._steps = Steps(opened.sensors, opened.texts, tags, opened.every, opened.lasts)
        self._through = -(2**62)
        self._repaired = self._begun_anew = 0
        self._untold: list[tuple[str, int, Any]] = []
        self._woken = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def give(self, source: str, rows: pa.RecordBatch) -> None:
        """Take rows that were kept."""
        if self._loop is None or source != self._entry.source:
            return
        self._steps.give(rows)
        self._loop.call_soon_threadsafe(self._woken.set)

    def told(self) -> tuple[str, str, str, str | int]:
        """Return the detector's name, what the plant knows its model by and calls it, and the version."""
        return self.name, self._detector.key, self._detector.name, self._detector.version

    def returned(self, at: int) -> None:
        """Hear of the last verified return to service of the machine; what was heard before changes nothing."""
        if at > self._repaired:
            self._repaired = at
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._woken.set)

    async def run(self, out: Outlet) -> None:
        """Judge until cancelled."""
        self._loop = asyncio.get_running_loop()
        follower = self._detector.follow()
        self._recall(follower)
        out.status(
            SourceStatus(self.name, SourceState.CONNECTED, f"version {self._detector.version} judges {self._entry.source}")
        )
        if self._untold:
            await self._say(out, self._untold)
        while True:
            await self._woken.wait()
            self._woken.clear()
            closed = self._steps.closed()
            for rows, anew in self._pieces(closed.times):
                said = await asyncio.to_thread(self._judged, follower, closed.part(rows), anew)
                await asyncio.to_thread(self._remember, follower)
                await self._say(out, said)

    async def _say(self, out: Outlet, said: list[tuple[str, int, Any]]) -> None:
        """Say values; an alert's until they are kept."""
        rows = Collector()
        for one in said:
            rows.add(*one)
        if (made := rows.take()) is not None:
            out.emit(made)
        if self._untold:
            await out.kept()
            self._untold = []

    def _pieces(self, times: Ints) -> list[tuple[slice, bool]]:
        """Return steps in pieces, each with whether the charts begin anew before it."""
        if self._repaired <= self._begun_anew or self._steps.done < self._repaired:
            return [(slice(0, times.size), False)] if times.size else []
        first = int(np.searchsorted(times, self._repaired, side="right"))
        return [*([(slice(0, first), False)] if first else []), (slice(first, times.size), True)]

    def _judged(self, follower: Follower, closed: Closed, anew: bool) -> list[tuple[str, int, Any]]:
        """Judge steps; return what is to be said of them."""
        changes: list[Change] = []
        if anew:
            self._begun_anew = self._repaired
            follower.returned(self._begun_anew)
            changes += follower.changes
        said: list[tuple[str, int, Any]] = []
        if closed.times.size:
            scores, reasons = self._taken(follower, closed)
            changes += follower.changes
            self._through = int(closed.times[-1])
            self.steps += closed.times.size
            for ts, score, reason in zip(closed.times.tolist(), scores.tolist(), reasons, strict=True):
                if score == score:  # noqa: PLR0124 - NaN: not judged
                    said.append(("score", ts, score))
                said.append(("reason", ts, reason))
        self._untold = [row for one in changes for row in self._alert(one)]
        return said + self._untold

    def _taken(self, follower: Follower, closed: Closed) -> tuple[Floats, list[str]]:
        """Have steps judged; while people are at the machine it is off, and the charts stand still."""
        if not self.away:
            return follower.take(closed.times, closed.columns, closed.bad)
        scores, _ = follower.take(closed.times, nothing(closed.columns), {})
        return np.full(scores.shape, np.nan), [OFF] * scores.size

    def _alert(self, one: Change) -> list[tuple[str, int, Any]]:
        """Return what is said of an alert: for rules and people, and all of it for the plant; of one that grew only that."""
        key, name, version = self.told()[1:]
        shares, top = ([[sensor, round(share, 4)] for sensor, share in each[:MOST_SENSORS]] for each in (one.sensors, one.top))
        lasts = {"start": one.start, "end": one.end, "peak": one.peak}
        record = {"model": key, "name": name, "version": version, **lasts, "sensors": shares}
        record |= {"strongest": {"at": one.peak_at, "peak": one.peak, "sensors": top}}
        if one.grew:
            return [(RECORD, one.at, json.dumps(record, ensure_ascii=False))]
        words = ", ".join(f"{sensor} {share:.0%}" for sensor, share in one.sensors[:5])
        rows = (("alert", one.raised), ("alert sensors", words), (RECORD, json.dumps(record, ensure_ascii=False)))
        return [(tag, one.at, value) for tag, value in rows]

    def _remember(self, follower: Follower) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        said = {
            "key": self._detector.key,
            "version": self._detector.version,
            "done": self._through,
            "state": follower.state(),
            "begun_anew": self._begun_anew,
            "untold": self._untold,
        }
        write_whole(self._file, json.dumps(said).encode())

    def _recall(self, follower: Follower) -> None:
        """Go on where this version of the detector stopped."""
        try:
            said = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return
        if said.get("version") == self._detector.version and said.get("key", "") in ("", self._detector.key):
            follower.restore(said["state"])
            self._through = int(said["done"])
            self._steps.done = max(self._steps.done, self._through)
            self._begun_anew = int(said.get("begun_anew", 0))
            self._untold = [(tag, at, value) for tag, at, value in said.get("untold", ())]
