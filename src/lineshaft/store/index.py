"""The index: which files hold what, so that a question opens only those that can answer it.

The same list is in the Delta log for others to read; ours is in the journal, in memory, and swapped in one step.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lineshaft.store.hot import Generation, Hot

DAY = 86_400_000_000_000
SAMPLES_TABLE, LATE_TABLE, SERIES_TABLE, MINUTE_TABLE, HOUR_TABLE = "samples", "late", "series", "minute", "hour"
IMAGES_FOLDER = "images"
ROWS, ROLL_UPS = (SAMPLES_TABLE, LATE_TABLE), (MINUTE_TABLE, HOUR_TABLE)


@dataclass(frozen=True, slots=True)
class File:
    """One Parquet file of the lake: of which table, which day (since 1970), and the range of its rows (ns)."""

    kind: str
    name: str
    path: str
    day: int
    rows: int
    size: int
    min_sid: int
    max_sid: int
    min_ts: int
    max_ts: int

    def overlaps(self, start: int, end: int) -> bool:
        """Return whether any row may lie in (start, end]."""
        return self.min_ts <= end and self.max_ts > start

    @property
    def of(self) -> str:
        """The name of the file of `samples` a roll-up was made from (and of that file itself)."""
        folder, _, name = self.name.rpartition("/")
        return f"{folder}/{name.partition('.')[0]}.parquet"


Bring = Callable[[Sequence[File]], Sequence[File]]
"""Make files that are not on this disk readable, and return all of them with the paths to read them at, in the same order."""


def _as_they_are(files: Sequence[File]) -> Sequence[File]:
    return files


def _never(_file: File) -> bool:
    return False


def _all_of(keys: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    return set(keys)


_COLUMNS = "kind, path, day, rows, size, min_sid, max_sid, min_ts, max_ts"


class Index:
    """The current files of the lake; a reader gets them and the hot tables as one consistent view.

    A file may lie in a slower tier: `elsewhere` says so of one whose path is not there, and whoever reads files asks `bring`
    first, with those it needs, and holds what it was given as long as it reads. `let_go` is told of replaced files whose time is
    over, and returns which of them may be forgotten now.
    """

    def __init__(self, lake: Path, connection: sqlite3.Connection) -> None:
        self._lake = lake
        self._lock = threading.Lock()
        self.files: tuple[File, ...] = ()
        self._paired: tuple[tuple[File, ...] | None, dict[str, dict[str, File]]] = (None, {})
        self.bring: Bring = _as_they_are
        self.elsewhere: Callable[[File], bool] = _never
        self.let_go: Callable[[Iterable[tuple[str, str]]], set[tuple[str, str]]] = _all_of
        rows = connection.execute(f"select {_COLUMNS} from files where removed is null")
        self.files = tuple(self.file(kind, name, *rest) for kind, name, *rest in rows)

    def file(self, kind: str, name: str, *rest: int) -> File:
        """Return a file by its name in the lake."""
        return File(kind, name, str(self._lake / kind / name), *rest)

    def of(self, kind: str) -> list[File]:
        """Return the files of one table."""
        return [file for file in self.files if file.kind == kind]

    def view(self, hot: Hot) -> tuple[tuple[Generation, ...], tuple[File, ...]]:
        """Return what a reader must look at: no row is missing from it, and none that a flush moves counts twice."""
        with self._lock:
            return hot.read(), self.files

    def swap(self, hot: Hot, closed: Sequence[Generation], added: Sequence[File], removed: Sequence[File]) -> None:
        """Take new files in and old files and flushed hot tables out, in one step."""
        gone = {(file.kind, file.name) for file in removed}
        with self._lock:
            self.files = (*(file for file in self.files if (file.kind, file.name) not in gone), *added)
            hot.drop(closed)

    def rolled(self, files: tuple[File, ...]) -> Mapping[str, Mapping[str, File]]:
        """Return the roll-ups of a view's files: by table, then by the name of the file of `samples` each was made from."""
        known, found = self._paired
        if known is not files:
            found = {kind: {file.of: file for file in files if file.kind == kind} for kind in ROLL_UPS}
            self._paired = (files, found)
        return found

    @staticmethod
    def write(tx: sqlite3.Connection, added: Sequence[File], removed: Sequence[File], now: int) -> None:
        """Write a change of the lake beside the journal, in the caller's transaction."""
        values = ((f.kind, f.name, f.day, f.rows, f.size, f.min_sid, f.max_sid, f.min_ts, f.max_ts) for f in added)
        tx.executemany(f"insert or replace into files({_COLUMNS}) values(?,?,?,?,?,?,?,?,?)", values)
        tx.executemany("insert or replace into births(kind, path, at) values(?,?,?)", ((f.kind, f.name, now) for f in added))
        tx.executemany("update files set removed=? where kind=? and path=?", ((now, f.kind, f.name) for f in removed))

    def as_of(self, connection: sqlite3.Connection, at: int) -> tuple[File, ...]:
        """Return the files that were the lake at a time, replaced ones too as long as they are kept."""
        columns = ", ".join(f"f.{name}" for name in _COLUMNS.split(", "))
        rows = connection.execute(
            f"select {columns}, b.at from files f left join births b using (kind, path) where removed is null or removed > ?",
            (at,),
        )
        found = ((self.file(kind, name, *rest), born) for kind, name, *rest, born in rows)
        return tuple(file for file, born in found if (_named_at(file) if born is None else born) <= at)

    @staticmethod
    def expired(connection: sqlite3.Connection, before: int) -> list[tuple[str, str, int]]:
        """Return files that were replaced before a time: (table, name, when)."""
        return list(connection.execute("select kind, path, removed from files where removed < ?", (before,)))


def _named_at(file: File) -> int:
    """Return when a file was named: close to when it was written, for files noted before their birth was."""
    try:
        return int(file.name.rpartition("/")[2].partition("-")[0], 16)
    except ValueError:
        return 0
