"""How far a source has come in what it reads: kept in HOME/places.db, written only after the values lie in the edge buffer."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any


def home() -> Path:
    """Return the node's home."""
    return Path(os.environ.get("LINESHAFT_HOME", ".lineshaft"))


class Places:
    """The places of one source, by a key of its own; without a file they are forgotten with the source."""

    def __init__(self, source: str, path: Path | None) -> None:
        self._source, self._path = source, path
        self._known: dict[str, Any] = {}
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._open(path)) as db:
                rows = db.execute("SELECT key, place FROM place WHERE source = ?", (source,)).fetchall()
            self._known = {str(key): json.loads(place) for key, place in rows}

    def get(self, key: str) -> Any:
        """Return a place, None if there is none yet."""
        return self._known.get(key)

    def all(self) -> Mapping[str, Any]:
        """Return every place by its key."""
        return self._known

    def put(self, key: str, place: Any) -> None:
        """Keep a place, durably."""
        self._known[key] = place
        if self._path is not None:
            with closing(self._open(self._path)) as db, db:
                db.execute("INSERT OR REPLACE INTO place VALUES (?, ?, ?)", (self._source, key, json.dumps(place)))

    @staticmethod
    def _open(path: Path) -> sqlite3.Connection:
        db = sqlite3.connect(path, timeout=30)
        db.execute("PRAGMA synchronous = FULL")
        db.execute("CREATE TABLE IF NOT EXISTS place (source TEXT, key TEXT, place TEXT NOT NULL, PRIMARY KEY (source, key))")
        return db
