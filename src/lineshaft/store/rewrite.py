"""Rewriting a day: many files and late rows become few sorted ones, with their roll-ups, in one pass over the rows.

The same code runs in the node for a small day and in a process of its own for a large one. It writes files and commits
nothing: what it returns is only taken in by the keeper.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lineshaft.store.index import HOUR_TABLE, MINUTE_TABLE, SAMPLES_TABLE, File
from lineshaft.store.lake import LAKE, Lake, fresh
from lineshaft.store.parquet import Sheet
from lineshaft.store.roll import Roller, Windows

_KEY = "sid, ts, ns, q"
_PIECE, _FILE = 2_000_000, 32_000_000
Told = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be rewritten: main and late files of a day; `anew` is false where only roll-ups are wanted."""

    root: str
    day: int
    main: list[str]
    late: list[str]
    names: list[str] = field(default_factory=list[str])
    anew: bool = True


@dataclass(frozen=True, slots=True)
class Made:
    """What was written: files of `samples` and the roll-ups of them."""

    files: list[File] = field(default_factory=list[File])

    def of(self, kind: str) -> list[File]:
        """Return the files of one table."""
        return [file for file in self.files if file.kind == kind]

    def plain(self) -> list[dict[str, Any]]:
        """Return the files as JSON can hold them."""
        return [asdict(file) for file in self.files]

    @classmethod
    def read(cls, plain: Sequence[dict[str, Any]]) -> Self:
        """Return what `plain` returned as files again."""
        return cls([File(**one) for one in plain])


def rewrite(job: Job, connection: duckdb.DuckDBPyConnection, told: Told) -> Made:
    """Do a job; `told` hears how many rows are done. Files of an attempt that fails are deleted."""
    made = Made()
    try:
        if job.anew:
            _anew(job, connection, told, made)
        else:
            _rolled(job, told, made)
    except BaseException:
        for file in made.files:
            Path(file.path).unlink(missing_ok=True)
        raise
    return made


def _anew(job: Job, connection: duckdb.DuckDBPyConnection, told: Told, made: Made) -> None:
    lake, done = Lake(Path(job.root)), 0
    pieces = list(_pieces(job))
    while pieces:
        with ExitStack() as stack:
            sheet = lake.sheet(SAMPLES_TABLE, job.day)
            stack.enter_context(sheet)
            rolls = stack.enter_context(_Rolls(lake, job.day, sheet.name))
            while pieces and sheet.rows < _FILE:
                low, high = pieces.pop(0)
                for batch in connection.sql(_sql(job, low, high)).to_arrow_reader(131_072):
                    sheet.add(batch)
                    rolls.add(batch)
                    done += batch.num_rows
                    told(done)
        made.files.append(lake.file(SAMPLES_TABLE, sheet))
        made.files.extend(rolls.files())


def _rolled(job: Job, told: Told, made: Made) -> None:
    lake, done = Lake(Path(job.root)), 0
    for path, name in zip(job.main, job.names, strict=True):
        with _Rolls(lake, job.day, name) as rolls:
            for batch in pq.ParquetFile(path).iter_batches(131_072, columns=LAKE.names):
                rolls.add(batch)
                done += batch.num_rows
                told(done)
        made.files.extend(rolls.files())


class _Rolls:
    """The roll-up files of one file of `samples`."""

    def __init__(self, lake: Lake, day: int, of: str) -> None:
        self._lake = lake
        self._roller = Roller(day)
        stem = Path(of).name.partition(".")[0]
        self._sheets: list[Sheet] = []
        self._stack = ExitStack()
        with ExitStack() as guard:
            for kind in (MINUTE_TABLE, HOUR_TABLE):
                sheet = guard.enter_context(lake.sheet(kind, day, name=f"{stem}.{fresh()}"))
                self._sheets.append(sheet)
            self._stack = guard.pop_all()

    def __enter__(self) -> Self:
        return self

    def add(self, batch: pa.RecordBatch) -> None:
        """Take rows in."""
        self._write(self._roller.add(batch))

    def _write(self, ready: tuple[list[Windows], list[Windows]]) -> None:
        for sheet, windows in zip(self._sheets, ready, strict=True):
            for one in windows:
                sheet.add(one.batch())

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if kind is None:
                self._write(self._roller.finish())
        finally:
            self._stack.__exit__(kind, error, trace)

    def files(self) -> list[File]:
        """Return what was written."""
        kinds = (MINUTE_TABLE, HOUR_TABLE)
        return [self._lake.file(kind, sheet) for kind, sheet in zip(kinds, self._sheets, strict=True)]


def _pieces(job: Job) -> Iterator[tuple[int, int]]:
    """Cut the series of a day so that each piece holds few enough rows to be sorted in little memory."""
    groups: list[tuple[int, int, int]] = []
    for path in [*job.main, *job.late]:
        about = pq.ParquetFile(path).metadata
        for n in range(about.num_row_groups):
            group = about.row_group(n)
            sids = cast("Any", group.column(about.schema.names.index("sid")).statistics)
            groups.append((int(sids.min), int(sids.max), group.num_rows))
    if not groups:
        return
    first, last = min(low for low, _, _ in groups), max(high for _, high, _ in groups)
    rows = np.zeros(last - first + 1)
    for low, high, n in groups:
        rows[low - first : high - first + 1] += n / (high - low + 1)
    number = np.floor((np.cumsum(rows) - rows / 2) / _PIECE)
    starts = np.flatnonzero(np.append(True, number[1:] != number[:-1])) + first
    yield from zip(starts.tolist(), [*(starts[1:] - 1).tolist(), last], strict=True)


def _sql(job: Job, low: int, high: int) -> str:
    """Return SQL for the rows of some series of a day, each key once with its last value, sorted."""
    names, who = ", ".join(LAKE.names), f"where sid between {low} and {high}"
    below = f"select {names} from {_parquet(job.main)} {who}" if job.main else ""
    newest = f"qualify row_number() over (partition by {_KEY} order by seq desc) = 1"
    above = f"select {names} from {_parquet(job.late)} {who} {newest}" if job.late else ""
    if not (below and above):
        return f"{below or above} order by {_KEY}"
    rest = f"select {names} from ({below}) anti join above using ({_KEY})"
    return f"with above as materialized ({above}) select * from ({rest} union all select * from above) order by {_KEY}"


def _parquet(paths: Sequence[str]) -> str:
    quoted = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
    return f"read_parquet([{quoted}], hive_partitioning=false)"
