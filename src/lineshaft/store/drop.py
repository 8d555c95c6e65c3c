"""Files a person drops into HOME/lake/drop: found, understood, and readable as `drop.NAME`; a broken one stops no other."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from lineshaft.store.sandbox import Sandbox, columns_of
from lineshaft.store.statement import told

SCHEMA = "drop"
_READ = {
    ".parquet": "read_parquet",
    ".csv": "read_csv",
    ".csv.gz": "read_csv",
    ".tsv": "read_csv",
    ".json": "read_json",
    ".jsonl": "read_json",
    ".ndjson": "read_json",
}
_COUNTED = 64 << 20
_UNFINISHED = (".tmp", ".part", ".crdownload", "~")


@dataclass(frozen=True, slots=True)
class Dropped:
    """One file: the table it is, or the problem it has."""

    name: str
    file: str
    size: int
    modified: int
    columns: tuple[tuple[str, str], ...] = ()
    rows: int | None = None
    problem: str = ""
    hint: str = ""


class Drop:
    """The folder for dropped files, crawled whenever somebody asks; only what changed is read again."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.folder = folder
        self._sandbox = sandbox
        self._lock = threading.Lock()
        self._known: dict[Path, tuple[tuple[int, int], Dropped]] = {}

    def crawl(self) -> list[Dropped]:
        """Return every file, understood or not, by name."""
        with self._lock:
            if not self.folder.is_dir():
                return []
            found = sorted(self._files())
            for gone in set(self._known) - set(found):
                self._forget(gone)
            taken: set[str] = set()
            for path in found:
                one = self._look(path, taken)
                if one is not None and not one.problem:
                    taken.add(one.name)
            return sorted((one for _, one in self._known.values()), key=lambda one: (one.name, one.file))

    def _files(self) -> Iterator[Path]:
        for path in self.folder.rglob("*"):
            parts = path.relative_to(self.folder).parts
            if path.is_file() and not any(part.startswith(".") for part in parts) and not path.name.endswith(_UNFINISHED):
                yield path

    def _look(self, path: Path, taken: set[str]) -> Dropped | None:
        try:
            stat = path.stat()
        except OSError:  # gone meanwhile
            self._forget(path)
            return None
        mark = (stat.st_mtime_ns, stat.st_size)
        known = self._known.get(path)
        if known is None or known[0] != mark or (known[1].problem and known[1].hint == _TAKEN) or known[1].name in taken:
            self._known[path] = (mark, self._understand(path, mark, taken))
        return self._known[path][1]

    def _understand(self, path: Path, mark: tuple[int, int], taken: set[str]) -> Dropped:
        file = path.relative_to(self.folder).as_posix()
        suffix = next((one for one in _READ if path.name.lower().endswith(one)), "")
        name = f"{SCHEMA}.{_name(file[: len(file) - len(suffix)] if suffix else file)}"
        empty = Dropped(name, file, mark[1], mark[0])
        if not suffix:
            return _broken(empty, f"files of kind '{path.suffix}' are not understood", "drop Parquet, CSV or JSON")
        if not path.resolve().is_relative_to(self.folder.resolve()):
            return _broken(empty, "this link leads out of the folder", "copy the file itself here")
        if name in taken:
            return _broken(empty, f"another file is already called {name}", _TAKEN)
        try:
            return self._register(empty, path, _READ[suffix])
        except duckdb.Error as error:
            said = told("", error)
            return _broken(empty, said.what.replace(str(path), file), said.hint or "mend the file and drop it again")

    def _register(self, empty: Dropped, path: Path, reader: str) -> Dropped:
        place = str(path).replace("'", "''")
        source = f"{reader}('{place}')"
        connection = self._sandbox.connect()
        columns = tuple(columns_of(connection, f"select * from {source}"))
        connection.execute(f"create or replace view {_quoted(empty.name)} as select * from {source}")
        rows = None
        if reader == "read_parquet" or empty.size <= _COUNTED:
            rows = int(connection.execute(f"select count(*) from {source}").fetchall()[0][0])
        return Dropped(empty.name, empty.file, empty.size, empty.modified, columns, rows)

    def _forget(self, path: Path) -> None:
        known = self._known.pop(path, None)
        if known is not None and not known[1].problem:
            self._sandbox.connect().execute(f"drop view if exists {_quoted(known[1].name)}")


_TAKEN = "rename one of the two"


def _broken(one: Dropped, problem: str, hint: str) -> Dropped:
    return Dropped(one.name, one.file, one.size, one.modified, problem=problem, hint=hint)


def _name(stem: str) -> str:
    """Return a file's name as SQL writes it without quotes.

    >>> _name("Energy 2026/Line-1"), _name("2026")
    ('energy_2026_line_1', 't_2026')
    """
    plain = re.sub(r"[^a-z0-9]+", "_", stem.lower()).strip("_") or "file"
    return f"t_{plain}" if plain[0].isdigit() else plain


def _quoted(name: str) -> str:
    return ".".join(f'"{part}"' for part in name.split("."))
