"""The accounts of the edges at their plant: what each counted, by source and tag, so that the ledger sees their losses too.

With every message an edge claims, from its own durable counts, how many values of each tag the plant has had once it took
the message; now and then it reports what still waits with it, what its caps dropped and what its pipelines took out. An edge
whose buffer was lost counts anew under a new name: the sums stay right.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

Key = tuple[str, str]
TABLES = """
CREATE TABLE IF NOT EXISTS claim (edge TEXT NOT NULL, buffer TEXT NOT NULL, source TEXT NOT NULL, tag TEXT NOT NULL,
    had INTEGER NOT NULL, PRIMARY KEY (edge, buffer, source, tag)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS report (edge TEXT NOT NULL, buffer TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (edge, buffer))
    WITHOUT ROWID;
"""


class Accounts:
    """What edges counted; durable beside the journal."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, timeout=30, check_same_thread=False, isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.executescript(TABLES)
        self._had: dict[tuple[str, str], dict[Key, int]] = {}
        self._reports: dict[tuple[str, str], Mapping[str, Any]] = {}
        for edge, buffer, source, tag, had in self._db.execute("SELECT edge, buffer, source, tag, had FROM claim"):
            self._had.setdefault((edge, buffer), {})[source, tag] = had
        for edge, buffer, body in self._db.execute("SELECT edge, buffer, body FROM report"):
            self._reports[edge, buffer] = json.loads(body)

    def claim(self, edge: str, buffer: str, claims: Iterable[tuple[str, list[str], list[int]]]) -> None:
        """Keep what an edge claims the plant has had; a claim never goes back, as a redelivered message may be an old one."""
        with self._lock:
            had = self._had.setdefault((edge, buffer), {})
            now = {
                (named(edge, source), tag): int(n) for source, tags, counts in claims for tag, n in zip(tags, counts, strict=True)
            }
            risen = {key: n for key, n in now.items() if n > had.get(key, 0)}
            if not risen:
                return
            rows = [(edge, buffer, *key, n) for key, n in risen.items()]
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._db.executemany("INSERT OR REPLACE INTO claim VALUES (?, ?, ?, ?, ?)", rows)
                self._db.execute("COMMIT")
            except sqlite3.Error:
                self._db.execute("ROLLBACK")
                raise
            had.update(risen)

    def report(self, edge: str, buffer: str, counts: Mapping[str, Any]) -> None:
        """Keep what waits at an edge, what it dropped, and what it filtered."""
        with self._lock:
            if self._reports.get((edge, buffer)) == counts:
                return
            self._db.execute("INSERT OR REPLACE INTO report VALUES (?, ?, ?)", (edge, buffer, json.dumps(counts)))
            self._reports[edge, buffer] = counts

    def received(self) -> dict[Key, int]:
        """Return what edges received, per (source, tag): what the plant had of it, what waits, was dropped or filtered."""
        with self._lock:
            total: Counter[Key] = Counter()
            for had in self._had.values():
                total.update(had)
        for more in (self.pending(), self.lost(), {key: sum(rules.values()) for key, rules in self.filtered().items()}):
            total.update(more)
        return dict(total)

    def pending(self) -> dict[Key, int]:
        """Return what waits at edges, as each last reported it."""
        return self._sum("pending")

    def lost(self) -> dict[Key, int]:
        """Return what the caps of edges dropped."""
        return self._sum("lost")

    def filtered(self) -> dict[Key, dict[str, int]]:
        """Return what pipelines of edges took out, by rule."""
        found: dict[Key, dict[str, int]] = {}
        with self._lock:
            reports = list(self._reports.items())
        for (edge, _), counts in reports:
            for source, tag, rules in counts.get("filtered", []):
                into = found.setdefault((named(edge, source), tag), {})
                for rule, n in rules.items():
                    into[rule] = into.get(rule, 0) + int(n)
        return found

    def _sum(self, kind: str) -> dict[Key, int]:
        total: Counter[Key] = Counter()
        with self._lock:
            reports = list(self._reports.items())
        for (edge, _), counts in reports:
            for source, tag, n in counts.get(kind, []):
                total[named(edge, source), tag] += int(n)
        return dict(total)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()


def named(edge: str, source: str) -> str:
    """Return what a plant calls an edge's source: no name of a plant's own source may hold a slash, so none can collide."""
    return f"{edge}/{source}"
