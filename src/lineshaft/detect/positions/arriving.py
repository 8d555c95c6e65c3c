"""What arrives for positions after its time: which steps are to be looked at again, and which are still being filled.

Only a hint of where to look: what was judged, and with how many values, stands in the account of each position.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lineshaft.detect.detector import Ints
from lineshaft.detect.positions.ledger import STREAMS

SETTLE = 3 * 10**9
"""Values of a step may arrive so much later than its end."""
CAUGHT_UP = 60 * 10**9
"""Where nothing late has come for so long, the step that was being filled is whole."""
AT_MOST = 10 * CAUGHT_UP

Key = tuple[str, str]
"""A position's id, and which of its streams."""


class Span(NamedTuple):
    """Of a position: the length of its step, since when it is there, and up to when nobody remembers what was judged."""

    every: int
    created: int
    oldest: int


@dataclass(slots=True)
class Heard:
    """What came late of one stream: the times in which it lies, and the newest of what came last (`front`), with when it came.

    `old` are times of values that are older than what the position remembers.
    """

    span: Span
    start: int | None = None
    end: int = 0
    front: int = 0
    came: int | None = None
    old: list[Ints] = field(default_factory=list[Ints])

    @property
    def every(self) -> int:
        """The length of a step."""
        return self.span.every

    def take(self, ts: Ints, now: int) -> None:
        """Take times of values as they arrive."""
        old = (ts > self.span.created) & (ts <= self.span.oldest)
        if old.any():
            self.old.append(ts[old])
        behind = ts[(ts > max(self.span.created, self.span.oldest)) & (ts < now - SETTLE)]
        if not len(behind):
            return
        self.front, self.came = int(behind.max()), now
        passed = behind[-(-behind // self.every) * self.every + SETTLE <= now]
        if len(passed):
            self.again(int(passed.min()), int(passed.max()))

    def again(self, start: int, end: int) -> None:
        """Let a time be looked at."""
        self.start = start if self.start is None else min(self.start, start)
        self.end = max(self.end, end)

    def filling(self, now: int, most: int = CAUGHT_UP) -> int | None:
        """Return the end of the step that values which come late are filling now."""
        if self.came is None or now - self.came >= most:
            return None
        return -(-self.front // self.every) * self.every


@dataclass(slots=True)
class Hints:
    """Where late values of a position lie, stream by stream, and the times of those older than what it remembers."""

    times: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    old: list[Ints] = field(default_factory=list[Ints])

    def __bool__(self) -> bool:
        """Say whether there is anything to look at."""
        return bool(self.times or self.old)


class Arriving:
    """Listens to the rows of the store; called for every batch, so it returns at once where they are of no position."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._heard: dict[Key, Heard] = {}
        self._groups: list[list[Heard]] = []
        self._group: npt.NDArray[np.int32] = np.zeros(0, np.int32)

    def listen(self, wanted: Mapping[Key, tuple[Span, Iterable[int]]]) -> None:
        """Listen to the series of streams."""
        with self._lock:
            before, self._heard = self._heard, {}
            for key, (span, _) in wanted.items():
                one = before.get(key)
                one = Heard(span) if one is None or one.every != span.every else one
                one.span = span
                self._heard[key] = one
            of: dict[int, list[Heard]] = {}
            for key, (_, sids) in wanted.items():
                for sid in sids:
                    of.setdefault(sid, []).append(self._heard[key])
            group = np.full(max(of, default=-1) + 1, -1, np.int32)
            group[list(of)] = np.arange(len(of))
            self._groups, self._group = list(of.values()), group

    def on_rows(self, rows: pa.RecordBatch) -> None:
        """Take rows that became visible."""
        with self._lock:
            sids = rows.column("sid").to_numpy(zero_copy_only=False)
            if not len(self._group) or not len(sids):
                return
            group = np.where(sids < len(self._group), self._group[np.minimum(sids, len(self._group) - 1)], -1)
            mine = np.flatnonzero(group >= 0)
            if not len(mine):
                return
            now, ts = self._clock(), rows.column("ts").cast(pa.int64()).to_numpy(zero_copy_only=False)
            order = mine[np.argsort(group[mine], kind="stable")]
            numbers, begins = np.unique(group[order], return_index=True)
            for number, part in zip(numbers.tolist(), np.split(ts[order], begins[1:]), strict=True):
                for one in self._groups[number]:
                    one.take(part, now)

    def take(self, position_id: str) -> Hints:
        """Return where late values of a position lie, and forget it."""
        with self._lock:
            hints = Hints()
            for name, one in self._of(position_id):
                if one.start is not None:
                    hints.times[name] = one.start, one.end
                    one.start, one.end = None, 0
                hints.old += one.old
                one.old = []
            return hints

    def again(self, position_id: str, hints: Hints) -> None:
        """Let times be looked at again next time."""
        with self._lock:
            for name, one in self._of(position_id):
                if name in hints.times:
                    one.again(*hints.times[name])
            for one in [one for _, one in self._of(position_id)][:1]:
                one.old += hints.old

    def filling(self, position_id: str, now: int) -> dict[str, int | None]:
        """Return for each stream the end of the step that is being filled by what comes late.

        As long as one is, the other waits with it for some minutes: they usually come from the same place.
        """
        with self._lock:
            mine = self._of(position_id)
            most = AT_MOST if any(one.filling(now) is not None for _, one in mine) else 0
            return {name: one.filling(now, most) for name, one in mine}

    def _of(self, position_id: str) -> list[tuple[str, Heard]]:
        return [(name, one) for name in STREAMS if (one := self._heard.get((position_id, name))) is not None]
