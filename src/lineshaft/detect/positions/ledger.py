"""With how many values each step of a position was judged: so a value that comes late is told from one that counted already."""

from __future__ import annotations

import base64
import zlib
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from lineshaft.detect.detector import Bools, Ints

Counts = npt.NDArray[np.int32]

AWAY = -1
"""A step that went by while people were at the machine: what its sensors showed is not judged, whenever it comes."""
UNKNOWN = -2
"""A step before the position was followed, or too long ago."""
STEPS = 2_000
DAY = 86_400 * 10**9
STREAMS = ("vibration", "temperature")


def reach(every: int) -> int:
    """Return for how many steps it is remembered what was judged: a day at least.

    >>> reach(600 * 10**9), reach(10**9)
    (2000, 86400)
    """
    return max(STEPS, DAY // every)


@dataclass(slots=True)
class Late:
    """What came late: steps that were judged all the same, and values that came too late for it."""

    steps: int = 0
    step: int | None = None
    values: int = 0
    value: int | None = None

    def judged(self, times: Ints) -> None:
        """Count steps that were judged late."""
        self.steps += len(times)
        if len(times):
            self.step = max(int(times.max()), self.step or 0)

    def missed(self, times: Ints, n: Ints) -> None:
        """Count values that are not judged, of steps."""
        self.values += int(n.sum())
        if len(times):
            self.value = max(int(times.max()), self.value or 0)


@dataclass(slots=True)
class Ledger:
    """The account of the latest steps; `last` is the end of the newest, nothing up to `bar` is judged any more."""

    every: int
    last: int
    bar: int = 0
    counts: dict[str, Counts] = field(default_factory=lambda: {name: np.zeros(0, np.int32) for name in STREAMS})
    late: Late = field(default_factory=Late)

    @classmethod
    def restore(cls, kept: dict[str, Any], every: int, through: int) -> Ledger:
        """Go on where `as_dict` was taken; without one, with the first step that begins at or after `through`."""
        late = Late(**kept.get("late", {}))
        if "counts" not in kept:
            return cls(every, -(-through // every) * every, late=late)
        counts = {name: _unpacked(kept["counts"][name]) for name in STREAMS}
        return cls(every, int(kept["last"]), int(kept["bar"]), counts, late)

    def as_dict(self) -> dict[str, Any]:
        """Return what must be remembered over a restart."""
        counts = {name: _packed(self.counts[name]) for name in STREAMS}
        return {"last": self.last, "bar": self.bar, "late": asdict(self.late), "counts": counts}

    def missed(self, old: list[Ints]) -> None:
        """Count values older than what is remembered, by their times."""
        for ts in old:
            self.late.missed(-(-ts // self.every) * self.every, np.ones(len(ts), np.int64))

    @property
    def first(self) -> int:
        """The begin of the oldest step in the account."""
        return self.last - len(self.counts[STREAMS[0]]) * self.every

    def go_on(self, to: int) -> None:
        """Open steps up to a time, and let go of the oldest."""
        more, most = (to - self.last) // self.every, reach(self.every)
        if more > 0:
            for name in STREAMS:
                self.counts[name] = np.concatenate([self.counts[name], np.zeros(min(more, most), np.int32)])[-most:]
            self.last += more * self.every

    def of(self, stream: str, times: Ints) -> Counts:
        """Return with how many values steps were judged."""
        places, inside = self._places(times)
        found = np.full(len(times), UNKNOWN, np.int32)
        found[inside] = self.counts[stream][places[inside]]
        return found

    def note(self, stream: str, times: Ints, n: Ints | int) -> None:
        """Note with how many values steps were judged."""
        places, inside = self._places(times)
        self.counts[stream][places[inside]] = np.broadcast_to(np.asarray(n, np.int32), times.shape)[inside]

    def newest(self, stream: str) -> int:
        """Return the end of the newest step that was judged by values of a stream; 0 for none."""
        places = np.flatnonzero(self.counts[stream] > 0)
        return self.first + (int(places[-1]) + 1) * self.every if len(places) else 0

    def _places(self, times: Ints) -> tuple[Ints, Bools]:
        places = (times - self.first) // self.every - 1
        return places, (places >= 0) & (places < len(self.counts[STREAMS[0]]))


def _packed(counts: Counts) -> str:
    return base64.b64encode(zlib.compress(counts.astype("<i4").tobytes())).decode()


def _unpacked(text: str) -> Counts:
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), "<i4").astype(np.int32)
