"""What an edge did to machines by itself: on disk before the machine is asked, kept until the plant has it in its audit."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lineshaft.core import new_id, now_ns

TABLE = """
CREATE TABLE IF NOT EXISTS me (id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS deed (number INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, body TEXT NOT NULL, ended INTEGER)
"""
MOST_SENT = 500


class Deeds:
    """The edge's book of writes; a deed whose end is missing was under way when the node was killed, and is told as such."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, timeout=30, check_same_thread=False, isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.executescript(TABLE)
        self._db.execute("INSERT INTO me SELECT ? WHERE NOT EXISTS (SELECT 1 FROM me)", (new_id(),))
        self.id: str = self._db.execute("SELECT id FROM me").fetchone()[0]
        self._end_open()

    def _end_open(self) -> None:
        """Say of deeds that a kill cut off that nobody knows how they ended."""
        for number, body in self._db.execute("SELECT number, body FROM deed WHERE ended IS NULL").fetchall():
            self._close(number, {**json.loads(body), "outcome": "unknown", "reason": "the edge node ended meanwhile"})

    def begin(self, deed: Mapping[str, Any]) -> int:
        """Write down what is about to be done: a kill cannot hide it, and a power cut only the last moment."""
        with self._lock:
            made = self._db.execute("INSERT INTO deed (at, body) VALUES (?, ?)", (now_ns(), json.dumps(dict(deed))))
            return int(made.lastrowid or 0)

    def end(self, number: int, outcome: Mapping[str, Any]) -> None:
        """Write down how it ended."""
        with self._lock:
            row = self._db.execute("SELECT body FROM deed WHERE number = ?", (number,)).fetchone()
            self._close(number, {**json.loads(row[0]), **outcome})

    def _close(self, number: int, body: Mapping[str, Any]) -> None:
        self._db.execute("UPDATE deed SET body = ?, ended = ? WHERE number = ?", (json.dumps(dict(body)), now_ns(), number))

    def ended(self) -> list[dict[str, Any]]:
        """Return the oldest deeds that ended and were not taken yet, in order, up to the first that is still under way."""
        with self._lock:
            rows = self._db.execute("SELECT number, at, body, ended FROM deed ORDER BY number LIMIT ?", (MOST_SENT,)).fetchall()
        found: list[dict[str, Any]] = []
        for number, at, body, ended in rows:
            if ended is None:
                break
            found.append({"number": number, "at": at, **json.loads(body)})
        return found

    def taken(self, through: int) -> None:
        """Forget what the plant has."""
        with self._lock:
            self._db.execute("DELETE FROM deed WHERE number <= ? AND ended IS NOT NULL", (through,))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()
