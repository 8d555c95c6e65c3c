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
        self._now: dict[str, Any] = {}
        self._steps = self._strange = 0
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
                    self._now.update(reason=rows["vs"][last].as_py(), at=iso(int(times[last])))
            elif (score := rows["v"][last].as_py()) is not None:
                with self._lock:
                    self._now.update(score=round(float(score), 4), scored=iso(int(times[last])))

    def taken(self) -> tuple[dict[str, Any], int, int]:
        """Return what it said last, and of how many steps since the last time how many were strange to it."""
        with self._lock:
            steps, strange, said = self._steps, self._strange, dict(self._now)
            self._steps = self._strange = 0
        judged = said.pop("scored", None) == said.get("at")
        return {**said, "score": said.get("score") if judged else None}, steps, strange


def record_of(text: object, told: int) -> Record | InvalidInput:
    """Return what a text tells of an alert, or why it cannot be read."""
    try:
        return read(str(text), told)
    except InvalidInput as error:
        return error
