"""Compaction: the many files of a day, and its late rows, become one sorted file. Readers and appends go on meanwhile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from lineshaft.core import now_ns
from lineshaft.store.flush import Keeper
from lineshaft.store.index import File
from lineshaft.store.lake import LAKE, LATE_TABLE, SAMPLES_TABLE
from lineshaft.store.reader import DAY

_KEY = "sid, ts, ns, q"


class Compactor:
    """Rewrites days that have many files or late rows. One at a time."""

    def __init__(self, keeper: Keeper, files: int, interval: int) -> None:
        self._keeper = keeper
        self._files = files
        self._interval = interval
        self._done: dict[int, int] = {}

    def due(self, now: int) -> list[int]:
        """Return the days worth rewriting, oldest first."""
        files = [file for file in self._keeper.files() if file.kind in (SAMPLES_TABLE, LATE_TABLE)]
        many = Counter(file.day for file in files if file.kind == SAMPLES_TABLE)
        late = {file.day for file in files if file.kind == LATE_TABLE}
        today = now // DAY
        worth = late | {day for day, n in many.items() if n >= self._files or (n > 1 and day < today)}
        return sorted(day for day in worth if now - self._done.get(day, 0) >= self._interval)

    def compact(self, day: int | None = None) -> int:
        """Rewrite a day, or every day with more than one file; return how many files were replaced."""
        files = self._keeper.files()
        days = {day} if day is not None else {file.day for file in files if file.kind in (SAMPLES_TABLE, LATE_TABLE)}
        return sum(self._day(one) for one in sorted(days))

    def _day(self, day: int) -> int:
        files = [file for file in self._keeper.files() if file.day == day]
        main = [file for file in files if file.kind == SAMPLES_TABLE]
        late = [file for file in files if file.kind == LATE_TABLE]
        self._done[day] = now_ns()
        if not late and len(main) < 2:
            return 0
        replaced = self._keeper.replace(day, rewrite(main, late), main, late)
        return len(main) + len(late) if replaced else 0


def rewrite(main: Sequence[File], late: Sequence[File]) -> str:
    """Return SQL for the rows of a day, each key once with its last value, sorted."""
    names = ", ".join(LAKE.names)
    below = f"select {names} from {_parquet(main)}" if main else ""
    newest = f"qualify row_number() over (partition by {_KEY} order by seq desc) = 1"
    above = f"select {names} from {_parquet(late)} {newest}" if late else ""
    if not (below and above):
        return f"{below or above} order by {_KEY}"
    rest = f"select {names} from ({below}) anti join above using ({_KEY})"
    return f"with above as materialized ({above}) select * from ({rest} union all select * from above) order by {_KEY}"


def _parquet(files: Sequence[File]) -> str:
    paths = ", ".join("'" + file.path.replace("'", "''") + "'" for file in files)
    return f"read_parquet([{paths}], hive_partitioning=false)"
