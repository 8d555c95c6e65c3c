"""Which times of which tags we did not hear: from the last value to the next, after a new subscription or an overflow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lineshaft.connect.sources.opcua.columns import Columns
from lineshaft.connect.sources.opcua.history import Gap
from lineshaft.core import NS

OVERFLOW = 0x480
MARGIN = 2 * NS
"""Tags come a little apart: after a restart of ours we ask so much further back; the store knows what it has."""


class Gaps:
    """The last time of each tag, and what is missing; times are the server's own."""

    def __init__(self, file: Path, most: int) -> None:
        self.overflows = 0
        self._file = file
        self._most = most
        self._tags: list[str] = []
        self._last: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self._first: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self._since: dict[int, int] = {}
        self._closed: list[tuple[int, int, int]] = []
        self._before = self._read()

    def begin(self, tags: Sequence[str], now: int) -> None:
        """Begin a new subscription: each tag misses what lies between its last value and its next."""
        last = dict(zip(self._tags, self._last.tolist(), strict=True))
        self._tags = list(tags)
        self._first = np.zeros(len(tags), np.int64)
        self._last = np.array([last.get(tag, 0) or self._before for tag in tags], np.int64)
        oldest = now - self._most
        self._since = {i: max(ts, oldest) for i, ts in enumerate(self._last.tolist()) if ts}

    def lost(self) -> None:
        """Note that messages were lost: every tag may miss something since its last value."""
        self._first[:] = 0
        self._since |= {i: ts for i, ts in enumerate(self._last.tolist()) if ts and i not in self._since}

    def heard(self, columns: Columns) -> None:
        """Note the times of a message, and where the server's own queue overflowed."""
        n = columns.n
        handles, ts, status = columns.handle[:n], columns.ts[:n], columns.status[:n]
        if self._since:
            fresh = np.flatnonzero(self._first[handles] == 0)[::-1]
            self._first[handles[fresh]] = ts[fresh]
        over = np.flatnonzero((status & OVERFLOW) == OVERFLOW)
        if over.size:
            self.overflows += int(over.size)
            for place in over.tolist():
                self._overflowed(handles, ts, place)
        self._last[handles] = ts

    def _overflowed(self, handles: npt.NDArray[np.uint32], ts: npt.NDArray[np.int64], place: int) -> None:
        handle = int(handles[place])
        earlier = np.flatnonzero(handles[:place] == handle)
        after = int(ts[earlier[-1]]) if earlier.size else int(self._last[handle])
        if after:
            self._closed.append((handle, after, int(ts[place])))

    def take(self, nodes: dict[int, Any], now: int, *, all_of_them: bool) -> list[Gap]:
        """Return the gaps whose end is known, all of them when waiting longer is useless; each is given once."""
        found, self._closed = self._closed, []
        for handle, after in list(self._since.items()):
            first = int(self._first[handle])
            if first or all_of_them:
                found.append((handle, after, first or now))
                del self._since[handle]
        known = [(handle, after, before) for handle, after, before in found if handle in nodes and before > after + 1]
        return [Gap(handle, nodes[handle], after, before) for handle, after, before in known]

    @property
    def waiting(self) -> bool:
        """Whether anything may be missing."""
        return bool(self._since or self._closed)

    @property
    def until(self) -> int:
        """The youngest time heard."""
        return int(self._last.max(initial=0))

    def remember(self, until: int) -> None:
        """Keep on disk up to when values lie in the edge buffer: what a restarted node asks the server's history from."""
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            made = self._file.with_suffix(".new")
            made.write_text(str(until), "utf-8")
            made.replace(self._file)
        except OSError:  # a full disk is told elsewhere
            return

    def _read(self) -> int:
        try:
            return max(int(self._file.read_text("utf-8")) - MARGIN, 0)
        except (OSError, ValueError):
            return 0
