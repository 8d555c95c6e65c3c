"""What is heard of a version that works at an edge: the records of its alerts until they are filed, and what it said last."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lineshaft.core import InvalidInput, iso
from lineshaft.detect.anomaly.scoring import BAD_DATA, REASONS, UNKNOWN_REGIME
from lineshaft.detect.machines.record import TAG, Record, read

TAGS = (TAG, "score", "reason")
STRANGE = pa.array([REASONS[UNKNOWN_REGIME], REASONS[BAD_DATA]])


class Ear:
    """Listens to the series of one version; rows come in one thread, `taken` is asked in another."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.sids: dict[int, str] = {}
        self.read = ""
        """As what the store's records were read: in the `shadow` they are counted, `active` filed; empty: they were not."""
        self.waiting: deque[Record | InvalidInput] = deque()
        self._last: dict[str, tuple[int, Any]] = {}
        self._steps, self._strange, self._news = 0, 0, False
        self._lock = threading.Lock()

    def hear(self, rows: pa.RecordBatch) -> None:
        """Take rows that became visible; those of other series are left."""
        sids, times = rows["sid"].to_numpy(), rows["ts"].cast(pa.int64()).to_numpy()
        for sid, tag in tuple(self.sids.items()):
            mine = np.flatnonzero(sids == sid)
            if not mine.size:
                continue
            last = int(mine[np.argmax(times[mine])])
            if tag == TAG:
                self.waiting.extend(record_of(rows["vs"][place].as_py(), int(times[place])) for place in mine.tolist())
            elif tag == "reason":
                said = rows["vs"].take(pa.array(mine, pa.int64()))
                with self._lock:
                    self._steps += int(mine.size)
                    self._strange += int(np.asarray(pc.is_in(said, STRANGE)).sum())
                self.last(tag, int(times[last]), rows["vs"][last].as_py())
            elif (score := rows["v"][last].as_py()) is not None:
                self.last(tag, int(times[last]), score)

    def last(self, tag: str, at: int, value: Any) -> None:
        """Take the last score or reason, unless a later one is known."""
        with self._lock:
            if at >= self._last.get(tag, (0, None))[0]:
                self._last[tag], self._news = (at, value), True

    def taken(self) -> tuple[dict[str, Any] | None, int, int]:
        """Return what it said last, None if that is known; and of how many steps since how many were strange to it."""
        with self._lock:
            steps, strange, news, last = self._steps, self._strange, self._news, dict(self._last)
            self._steps, self._strange, self._news = 0, 0, False
        if not news or "reason" not in last:
            return None, steps, strange
        at, reason = last["reason"]
        scored, score = last.get("score", (0, None))
        said = {"at": iso(at), "reason": str(reason), "score": round(float(score), 4) if scored == at else None}
        return said, steps, strange


def record_of(text: object, told: int) -> Record | InvalidInput:
    """Return what a text tells of an alert, or why it cannot be read."""
    try:
        return read(str(text), told)
    except InvalidInput as error:
        return error
