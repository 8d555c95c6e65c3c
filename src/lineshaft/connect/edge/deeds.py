"""What an edge did to machines by itself: on record before the machine is asked, kept until the plant has it in its audit.

A deed under way lies in a slot of a mapped file: that costs no call to the disk, and survives a kill of the node (a power cut may
take the last moment). Once it has ended it moves to a database.
"""

from __future__ import annotations

import json
import mmap
import sqlite3
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lineshaft.core import new_id, now_ns

TABLE = """
CREATE TABLE IF NOT EXISTS me (id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS done (number INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, body TEXT NOT NULL);
"""
SLOTS, SLOT, MOST_SENT = 64, 4_096, 500


class Deeds:
    """The edge's book of writes; a deed that a kill cut off is told as one whose outcome nobody knows."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock, self._slots = threading.Lock(), threading.Lock()  # who takes a slot does not wait for the disk
        self._db = sqlite3.connect(path, timeout=30, check_same_thread=False, isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.executescript(TABLE)
        self._db.execute("INSERT INTO me SELECT ? WHERE NOT EXISTS (SELECT 1 FROM me)", (new_id(),))
        self.id: str = self._db.execute("SELECT id FROM me").fetchone()[0]
        self._map = _mapped(path.with_suffix(".open"))
        self._free = list(range(SLOTS))
        for slot in range(SLOTS):
            if (deed := self._read(slot)) is not None:
                self.end(slot, {"outcome": "unknown", "reason": "the edge node ended meanwhile"}, deed)

    def room(self) -> bool:
        """Say whether another deed may begin."""
        with self._slots:
            return bool(self._free)

    def begin(self, deed: Mapping[str, Any]) -> int:
        """Write down what is about to be done, and return its slot."""
        body = json.dumps({"at": now_ns(), **deed}).encode()
        if len(body) > SLOT - 4:
            body = json.dumps({"at": now_ns(), **deed, "because": {}}).encode()[: SLOT - 4]
        with self._slots:
            slot = self._free.pop()
        start = slot * SLOT
        self._map[start + 4 : start + 4 + len(body)] = body
        self._map[start : start + 4] = len(body).to_bytes(4, "little")
        return slot

    def end(self, slot: int, outcome: Mapping[str, Any], deed: Mapping[str, Any] | None = None) -> None:
        """Write down how it ended, for good."""
        self.note({**(deed or self._read(slot) or {}), **outcome})
        self._map[slot * SLOT : slot * SLOT + 4] = bytes(4)
        with self._slots:
            if slot not in self._free:
                self._free.append(slot)

    def note(self, deed: Mapping[str, Any]) -> None:
        """Write down a deed that is over."""
        with self._lock:
            at = int(deed.get("at", now_ns()))
            self._db.execute("INSERT INTO done (at, body) VALUES (?, ?)", (at, json.dumps(dict(deed))))

    def ended(self) -> list[dict[str, Any]]:
        """Return the oldest deeds that the plant has not taken yet, in order."""
        with self._lock:
            rows = self._db.execute("SELECT number, at, body FROM done ORDER BY number LIMIT ?", (MOST_SENT,)).fetchall()
        return [{**json.loads(body), "number": number, "at": at} for number, at, body in rows]

    def taken(self, through: int) -> None:
        """Forget what the plant has."""
        if through:
            with self._lock:
                self._db.execute("DELETE FROM done WHERE number <= ?", (through,))

    def _read(self, slot: int) -> dict[str, Any] | None:
        start = slot * SLOT
        size = int.from_bytes(self._map[start : start + 4], "little")
        if not size:
            return None
        try:
            return json.loads(self._map[start + 4 : start + 4 + size])
        except ValueError:
            return {"rule": "(not readable)", "source": "", "tag": ""}

    def close(self) -> None:
        """Close both files."""
        with self._lock:
            self._map.close()
            self._db.close()


def _mapped(path: Path) -> mmap.mmap:
    """Map the file of slots, made on first use."""
    if not path.exists() or path.stat().st_size != SLOTS * SLOT:
        path.write_bytes(bytes(SLOTS * SLOT))
    with path.open("r+b") as file:
        return mmap.mmap(file.fileno(), SLOTS * SLOT)
