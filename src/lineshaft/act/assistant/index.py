"""The index of passages: SQLite's own full-text search in a file beside the data, filled as things come, rebuilt if lost."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lineshaft.act.assistant.reading import Passage

_SCHEMA = """
CREATE TABLE IF NOT EXISTS source (
  kind TEXT NOT NULL, ref TEXT NOT NULL, mark TEXT NOT NULL, asset TEXT NOT NULL, name TEXT NOT NULL,
  PRIMARY KEY (kind, ref)
);
CREATE TABLE IF NOT EXISTS place (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, ref TEXT NOT NULL, place TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS place_of ON place (kind, ref);
CREATE VIRTUAL TABLE IF NOT EXISTS passage USING fts5(text, name, tokenize = 'porter unicode61 remove_diacritics 2');
"""
_SEARCH = """
SELECT place.id, source.kind, source.ref, source.asset, source.name, place.place, passage.text,
       bm25(passage, 1.0, 2.0) AS rank
FROM passage JOIN place ON place.id = passage.rowid JOIN source ON source.kind = place.kind AND source.ref = place.ref
WHERE passage MATCH ? ORDER BY rank LIMIT ?
"""


@dataclass(frozen=True, slots=True)
class Source:
    """Something that can be cited: a document, a work order, an instruction; `mark` changes when its text does."""

    kind: str
    ref: str
    mark: str
    asset: str
    name: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found; a lower rank fits better."""

    id: int
    kind: str
    ref: str
    asset: str
    name: str
    place: str
    text: str
    rank: float


class Index:
    """Passages of everything that can be cited."""

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.Lock()
        self._path = path
        self._open: sqlite3.Connection | None = None

    @property
    def _sql(self) -> sqlite3.Connection:
        """The file, opened with its first use."""
        if self._open is None:
            made = sqlite3.connect(str(self._path or ":memory:"), check_same_thread=False, isolation_level=None)
            if self._path:
                self._path.chmod(0o600)  # it holds what manuals and orders say
            made.execute("PRAGMA journal_mode = WAL")
            made.execute("PRAGMA synchronous = NORMAL")  # what a power cut takes is read again
            made.executescript(_SCHEMA)
            self._open = made
        return self._open

    def close(self) -> None:
        """Close the file; it is opened again with its next use."""
        with self._lock:
            if self._open is not None:
                self._open.close()
            self._open = None

    def marks(self, kind: str) -> dict[str, str]:
        """Return what is in the index of a kind: each one's mark by its reference."""
        with self._lock:
            return dict(self._sql.execute("SELECT ref, mark FROM source WHERE kind = ?", (kind,)))

    def put(self, source: Source, passages: Sequence[Passage]) -> None:
        """Take a source's passages in, in place of those it had."""
        with self._lock, self._sql:
            self._sql.execute("BEGIN")
            self._forget(source.kind, source.ref)
            said = (source.kind, source.ref, source.mark, source.asset, source.name)
            self._sql.execute("INSERT INTO source VALUES (?, ?, ?, ?, ?)", said)
            for one in passages:
                row = self._sql.execute(
                    "INSERT INTO place (kind, ref, place) VALUES (?, ?, ?)", (source.kind, source.ref, one.place)
                ).lastrowid
                name = f"{source.name} {one.place}"
                self._sql.execute("INSERT INTO passage (rowid, text, name) VALUES (?, ?, ?)", (row, one.text, name))

    def drop(self, kind: str, refs: Iterable[str]) -> None:
        """Take sources out that are there no more."""
        with self._lock, self._sql:
            self._sql.execute("BEGIN")
            for ref in refs:
                self._forget(kind, ref)

    def search(self, words: Sequence[str], limit: int = 80) -> list[Hit]:
        """Return the passages in which most of the words stand, the best first; a word also finds longer ones it begins."""
        if not words:
            return []
        asked = " OR ".join('"' + word.replace('"', "") + ('"*' if len(word) > 3 else '"') for word in words)
        with self._lock:
            return [Hit(*row) for row in self._sql.execute(_SEARCH, (asked, limit))]

    def count(self) -> int:
        """Return how many passages there are."""
        with self._lock:
            return int(self._sql.execute("SELECT count(*) FROM place").fetchone()[0])

    def _forget(self, kind: str, ref: str) -> None:
        self._sql.execute("DELETE FROM passage WHERE rowid IN (SELECT id FROM place WHERE kind = ? AND ref = ?)", (kind, ref))
        self._sql.execute("DELETE FROM place WHERE kind = ? AND ref = ?", (kind, ref))
        self._sql.execute("DELETE FROM source WHERE kind = ? AND ref = ?", (kind, ref))
