"""Compaction: the many files of a day, and its late rows, become one sorted file with roll-ups. Readers and appends go on."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lineshaft.core import SystemEvent, now_ns
from lineshaft.store.flush import Keeper
from lineshaft.store.index import DAY, LATE_TABLE, ROLL_UPS, ROWS, SAMPLES_TABLE, File, Index
from lineshaft.store.lake import day_name
from lineshaft.store.rewrite import Job, Made, rewrite
from lineshaft.store.worker import Worker

_QUIET, _SAID_S = 250_000, 5.0
REWRITING = "store:rewriting"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the rewriting of a day is."""

    day: int
    rows: int
    done: int


class Compactor:
    """Rewrites days that have many files, late rows or no roll-ups. One at a time, large ones in a process of their own."""

    def __init__(self, keeper: Keeper, index: Index, worker: Worker, files: int, interval: int) -> None:
        self._keeper = keeper
        self._index = index
        self._worker = worker
        self._files = files
        self._interval = interval
        self._done: dict[int, int] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self.progress: Progress | None = None
        self.in_node = _QUIET
        self._said = 0.0

    def due(self, now: int) -> list[int]:
        """Return the days worth rewriting, oldest first."""
        files, today = self._keeper.files(), now // DAY
        new = Counter(file.day for file in self._raw(files))
        late = {file.day for file in files if file.kind == LATE_TABLE}
        worth = late | {day for day, n in new.items() if n >= self._files or day < today}
        return sorted(day for day in worth if now - self._done.get(day, 0) >= self._interval)

    def _raw(self, files: tuple[File, ...]) -> list[File]:
        """Return the files of `samples` that have no roll-ups."""
        rolled = self._index.rolled(files)
        return [f for f in files if f.kind == SAMPLES_TABLE and not all(f.name in rolled[kind] for kind in ROLL_UPS)]

    def compact(self, day: int | None = None) -> int:
        """Rewrite a day, or every day that is not one file with its roll-ups; return how many files were replaced."""
        days = {day} if day is not None else {file.day for file in self._keeper.files() if file.kind in ROWS}
        with self._lock:
            return sum(self._day(one) for one in sorted(days))

    def tend(self, now: int) -> None:
        """Rewrite what is due: small days at once, large ones one after the other by a thread that waits for their process."""
        if self._thread is not None and self._thread.is_alive():
            return
        due = self.due(now)
        large = [day for day in due if self._rows(day) > self.in_node]
        with self._lock:
            for day in due:
                if day not in large:
                    self._day(day)
        if large:
            self._thread = threading.Thread(target=self._large, args=(large,), name="store-compactor", daemon=True)
            self._thread.start()

    def _large(self, days: Sequence[int]) -> None:
        with self._lock:
            for day in days:
                self._day(day)

    def close(self) -> None:
        """Stop what is under way; nothing is lost."""
        self._worker.close()
        if self._thread is not None:
            self._thread.join()

    @property
    def worker(self) -> Worker:
        """The process that rewrites large days, and its number while one is at work."""
        return self._worker

    def _rows(self, day: int) -> int:
        return sum(file.rows for file in self._keeper.files() if file.day == day and file.kind in ROWS)

    def _day(self, day: int) -> int:
        files = tuple(file for file in self._keeper.files() if file.day == day)
        main = [file for file in files if file.kind == SAMPLES_TABLE]
        late = [file for file in files if file.kind == LATE_TABLE]
        raw = self._raw(files)
        self._done[day] = now_ns()
        if not late and not raw:
            return 0
        anew = bool(late) or not (len(raw) == 1 and all(_apart(raw[0], other) for other in main if other is not raw[0]))
        taken = main if anew else raw
        rows = sum(file.rows for file in [*taken, *late])
        self.progress = Progress(day, rows, 0)
        try:
            made = self._keeper.attempt(lambda: self._make(day, taken, late, anew=anew))
        finally:
            self.progress = None
        if made is None or not self._keeper.replace(made, taken, late, anew=anew):
            return 0
        return len(taken) + len(late) if anew else 0

    def _make(self, day: int, main: Sequence[File], late: Sequence[File], *, anew: bool) -> Made:
        here = self._index.bring([*main, *late])
        paths = [file.path for file in here]
        job = Job(str(self._keeper.root), day, paths[: len(main)], paths[len(main) :], [f.name for f in main], anew)
        rows = sum(file.rows for file in here)
        told: Callable[[int], None] = lambda done: self._told(day, rows, done)  # noqa: E731
        if rows <= self.in_node:
            return rewrite(job, self._keeper.cursor(), told)
        try:
            return self._worker.run(job, told)
        finally:
            self._keeper.tell(SystemEvent(REWRITING, f"{day_name(day)} is rewritten", "info", active=False))

    def _told(self, day: int, rows: int, done: int) -> None:
        self.progress = Progress(day, rows, done)
        if rows > self.in_node and time.monotonic() - self._said >= _SAID_S:
            self._said = time.monotonic()
            message = f"{day_name(day)} is being rewritten: {done / max(rows, 1):.0%} of {rows:,} values"
            self._keeper.tell(SystemEvent(REWRITING, message, "info"))


def _apart(one: File, other: File) -> bool:
    return one.max_sid < other.min_sid or one.min_sid > other.max_sid
