"""Bulk import: years of an older historian go straight to sorted files of the lake, a million rows and more a second.

A file is known by its content: what was taken in is noted durably piece by piece, so that an import that was stopped goes on
and one that is repeated does nothing. Every row passes the same judge as a value of today, and the last arrival of a key wins.
The node may run meanwhile: then the pieces are small, and there is a rest after each, for the values of today come first.
"""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Self

import duckdb
import numpy as np
import pyarrow as pa

from lineshaft.core import NotFound, Retryable
from lineshaft.store.flush import Keeper
from lineshaft.store.historian import Historian
from lineshaft.store.last import NEVER
from lineshaft.store.legacy import Reading, literal
from lineshaft.store.meaning import Meaning
from lineshaft.store.reader import FOREVER
from lineshaft.store.settings import StoreSettings
from lineshaft.store.staging import Stage, Staged, rows_of
from lineshaft.store.stored import DERIVED, HINTS

PIECE, SMALL_PIECE = 4_000_000, 500_000
"""Rows taken in at once, on a home of its own and beside a running node."""
_BUCKET = 600_000_000_000
_DAY = 86_400_000_000_000
_REST = 0.5
_NAMED = 1_000_000
REASONS = {
    "name": "the row names no tag",
    "time": "the time cannot be read: ISO 8601, or an epoch time with --unit",
    "value": "the value is not of the type the row or its tag says",
    "unknown": "no property of the plant has this name, or it is a computed one",
    **HINTS,
    "quality": "quality is good, uncertain or bad, or a number as --quality-codes says",
}
"""How to mend what made us refuse a row of a file, by reason."""


@dataclass(frozen=True, slots=True)
class Aim:
    """Where the names of a file lead: to tags of a source, or to properties of the plant."""

    source: str = "import"
    properties: bool = False


@dataclass(slots=True)
class Imported:
    """How far a file is taken in, and what became of its rows."""

    file: str
    total: int = 0
    stored: int = 0
    rejected: dict[str, int] = field(default_factory=dict[str, int])
    until: int = NEVER
    finished: bool = False
    again: bool = False
    seconds: float = 0.0

    @property
    def refused(self) -> int:
        """How many rows could not be taken."""
        return sum(self.rejected.values())


class Imports:
    """Takes files in, one at a time."""

    def __init__(self, keeper: Keeper, historian: Historian, meaning: Meaning, home: Path, settings: StoreSettings) -> None:
        self._keeper = keeper
        self._historian = historian
        self._meaning = meaning
        self._folder = home / "scratch-import"
        self._settings = settings
        self._one = threading.Lock()

    def known(self, path: Path, reading: Reading, aim: Aim) -> Imported | None:
        """Return how far a file was taken in before, read in the same way; None if it was not begun."""
        noted: str | None = self._historian.journal.meta(_key(path, reading, aim))
        return Imported(**json.loads(noted)) if noted else None

    def take(
        self,
        path: Path,
        reading: Reading,
        aim: Aim,
        errors: Path | None = None,
        progress: Callable[[int, int], None] | None = None,
        *,
        beside: bool = False,
    ) -> Imported:
        """Take a file in, going on where an earlier try was stopped; `progress` hears (rows done, rows in all).

        What `progress` raises stops the import after a whole piece. `beside` a running node it takes less at once.
        Raises ConfigError where the file or the way to read it is wrong, Retryable if the lake cannot be written.
        """
        begin = time.monotonic()
        state = self.known(path, reading, aim) or Imported(path.name)
        if state.finished:
            state.again = True
            return state
        with self._one:
            course = _Course(_key(path, reading, aim), state, progress or _silent, beside)
            self._take(path, reading, aim, errors or path.with_name(f"{path.name}.errors.csv"), course)
        state.seconds = time.monotonic() - begin
        return state

    def _take(self, path: Path, reading: Reading, aim: Aim, errors: Path, course: _Course) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        try:
            with self._engine(course) as engine, _Refused(errors, resumed=course.state.until > NEVER) as course.refused:
                staged = Stage(engine, self._folder, reading).open(path)
                self._pieces(engine, staged, aim, course)
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _engine(self, course: _Course) -> duckdb.DuckDBPyConnection:
        engine = duckdb.connect()
        threads = 1 if course.beside else self._settings.query_threads
        engine.execute(f"set threads={threads}; set memory_limit={literal(self._settings.query_memory)}")
        engine.execute(f"set temp_directory={literal(str(self._folder / 'spill'))}; set preserve_insertion_order=false")
        return engine

    def _pieces(self, engine: duckdb.DuckDBPyConnection, staged: Staged, aim: Aim, course: _Course) -> None:
        state = course.state
        engine.execute(f"create temp view staged as {staged.sql}")
        fresh = state.until == NEVER
        counts = "count(*) filter (reason is not null), count(*), count(v), count(vi), count(vs), count(vb)"
        bad, whole, *used = rows_of(engine, f"select {counts} from staged")[0]
        course.used = [name for name, n in zip(("v", "vi", "vs", "vb"), used, strict=True) if n]
        if fresh:
            state.total = whole + len(staged.wrong)
            course.refused.add((line, "fields", "", "", what) for line, what in staged.wrong)
            if bad:
                value = "coalesce(v::varchar, vi::varchar, vs, vb::varchar)"
                wrong = f"select line, reason, name, ts, {value} from staged where reason is not null"
                course.refused.add(rows_of(engine, f"{wrong} order by line limit {_NAMED}"), more=max(bad - _NAMED, 0))
        self._names(engine, aim)
        unknown = (
            "select line, 'unknown', r.name, r.ts, null from staged r where reason is null and not exists "
            "(select 1 from names n where n.name = r.name and r.ts >= n.a and r.ts < n.b) order by line"
        )
        if fresh and aim.properties:
            course.refused.add(rows_of(engine, unknown))
        for start, end in _plan(engine, state.until, SMALL_PIECE if course.beside else PIECE):
            began = time.monotonic()
            self._piece(engine, start, end, course)
            if course.beside:
                time.sleep((time.monotonic() - began) * _REST)
        state.finished = True
        with self._historian.journal.transaction() as tx:
            self._note(tx, course)

    def _names(self, engine: duckdb.DuckDBPyConnection, aim: Aim) -> None:
        """Give every name of the file its series, for the time it means that one."""
        names = [row[0] for row in rows_of(engine, "select distinct name from staged where reason is null order by name")]
        found: list[tuple[str, int, int, str, str]] = []
        for name in names:
            found += self._spans(name) if aim.properties else [(name, NEVER, FOREVER, aim.source, name)]
        by_source: dict[str, list[int]] = {}
        for place, row in enumerate(found):
            by_source.setdefault(row[3], []).append(place)
        sids = np.zeros(len(found), np.int32)
        for source, places in by_source.items():
            sids[places] = self._historian.sids(source, [found[place][4] for place in places])
        columns = {"name": pa.array([row[0] for row in found], pa.string()), "sid": pa.array(sids)}
        columns |= {word: pa.array([row[n] for row in found], pa.int64()) for n, word in ((1, "a"), (2, "b"))}
        engine.register("found", pa.table(columns))
        engine.execute("create temp table names as select * from found")

    def _spans(self, name: str) -> list[tuple[str, int, int, str, str]]:
        try:
            spans = sorted(self._meaning.spans(self._meaning.property(name).id), key=lambda span: span.start_ns)
        except NotFound:
            return []
        measured = [span for span in spans if span.source != DERIVED]
        return [(name, s.start_ns, FOREVER if s.end_ns is None else s.end_ns, s.source, s.tag) for s in measured]

    def _piece(self, engine: duckdb.DuckDBPyConnection, start: int, end: int, course: _Course) -> None:
        """Take the rows of a time [start, end) in: sorted, judged, each key once, and on the disk."""
        chosen = ", ".join(f"r.{name}" for name in (*course.used, "q", "line"))
        rows = engine.sql(
            f"select n.sid, r.ts, {chosen} from staged r join names n on n.name = r.name and r.ts >= n.a and r.ts < n.b "
            f"where r.reason is null and r.ts >= {start} and r.ts < {end} order by n.sid, r.ts, r.q, r.line"
        ).to_arrow_table()
        line = rows["line"].to_numpy()
        taken, verdict = self._historian.judged(rows)
        names = self._historian.series.names
        refused = zip(verdict.rejected_rows, verdict.rejected, verdict.refused.tolist(), strict=True)
        course.refused.add((int(line[at]), one.reason, names[sid][1], one.ts, "") for at, one, sid in refused)
        course.state.stored += verdict.rows.num_rows
        course.state.until = end
        if not self._keeper.take_in(*taken, lambda tx: self._note(tx, course)):
            raise Retryable(
                "the lake cannot be written", hint="free space or mend the disk and start the import again: it goes on"
            )
        course.progress(course.state.stored + course.refused.count, course.state.total)

    def _note(self, tx: sqlite3.Connection, course: _Course) -> None:
        """Keep how far we are, in the transaction that notes the files of the piece: each row is counted once."""
        course.settle()
        self._historian.journal.put(tx, course.key, json.dumps(asdict(course.state)))


@dataclass(slots=True)
class _Course:
    """One import under way."""

    key: str
    state: Imported
    progress: Callable[[int, int], None]
    beside: bool
    refused: _Refused = field(init=False)
    used: list[str] = field(default_factory=list[str])

    def settle(self) -> None:
        """Bring the counts of refused rows into the state, and their names to the disk."""
        self.state.rejected = dict(Counter(self.state.rejected) + self.refused.taken())


class _Refused:
    """The file of refused rows: line, reason, what to do, name, time, value. It is there only if a row was refused."""

    def __init__(self, path: Path, *, resumed: bool) -> None:
        self._path = path
        self._file: IO[str] | None = None
        self._resumed = resumed
        self._new: Counter[str] = Counter()
        self.count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, rows: Iterable[tuple[Any, ...]], more: int = 0) -> None:
        """Write rows down; `more` were refused and are only counted."""
        for line, reason, name, ts, value in rows:
            if self._file is None:
                again = self._resumed and self._path.exists()
                self._file = self._path.open("a" if again else "w", encoding="utf-8", newline="")
                if not again:
                    csv.writer(self._file).writerow(("line", "reason", "mend", "name", "ts", "value"))
            self._new[reason] += 1
            self.count += 1
            if self.count <= _NAMED:
                csv.writer(self._file).writerow((line, reason, REASONS.get(reason, value), name, ts, value))
        if more:
            self._new["not named here"] += more
            self.count += more

    def taken(self) -> Counter[str]:
        """Return the counts by reason since the last time."""
        new, self._new = self._new, Counter()
        if self._file is not None:
            self._file.flush()
        return new


def _plan(engine: duckdb.DuckDBPyConnection, until: int, piece: int) -> list[tuple[int, int]]:
    """Return times [start, end) with so many rows each at most, in order, from `until` on.

    A piece is whole days, or lies within one day that is too large for a piece: so a day becomes one file where it can.
    """
    sql = f"select ts // {_BUCKET}, count(*) from staged where reason is null and ts >= {until} group by all order by 1"
    days: dict[int, list[tuple[int, int]]] = {}
    for bucket, n in rows_of(engine, sql):
        days.setdefault(int(bucket) * _BUCKET // _DAY, []).append((int(bucket) * _BUCKET, n))
    plan: list[tuple[int, int]] = []
    waiting = 0
    for day, buckets in days.items():
        n, end = sum(n for _, n in buckets), (day + 1) * _DAY
        if n > piece:
            plan += _within(buckets, piece)
            waiting = piece
        elif plan and waiting + n <= piece:
            plan[-1] = (plan[-1][0], end)
            waiting += n
        else:
            plan.append((buckets[0][0], end))
            waiting = n
    return plan


def _within(buckets: list[tuple[int, int]], piece: int) -> list[tuple[int, int]]:
    """Cut one day at whole ten minutes."""
    plan: list[tuple[int, int]] = []
    waiting = 0
    for start, n in buckets:
        if plan and waiting + n <= piece:
            plan[-1] = (plan[-1][0], start + _BUCKET)
            waiting += n
        else:
            plan.append((start, start + _BUCKET))
            waiting = n
    return plan


def _key(path: Path, reading: Reading, aim: Aim) -> str:
    """Return what is noted beside the journal about a file: by its content and how it is read."""
    return f"import:{_fingerprint(path, reading, aim)}"


def _fingerprint(path: Path, reading: Reading, aim: Aim) -> str:
    """Return what a file is known by: its content and how it is read."""
    with path.open("rb") as file:
        content = hashlib.file_digest(file, "sha256")
    content.update(json.dumps([asdict(reading), asdict(aim)], sort_keys=True).encode())
    return content.hexdigest()


def _silent(_done: int, _of: int) -> None:
    """Tell nobody."""
