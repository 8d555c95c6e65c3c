"""Which batches came already: a redelivery is recognised long after its rows went to the lake.

A source delivers in ascending order; among its newest WINDOW batches a late one may still come, below them everything counts
as known.
"""

from __future__ import annotations

import sqlite3

WINDOW = 256


class Seen:
    """The known (source, seq): a floor and the newest numbers above it, per source, durable in the journal."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._floor: dict[str, int] = dict(connection.execute("select source, seq from floor"))
        self._known: dict[str, set[int]] = {}
        self._new: list[tuple[str, int]] = []
        for source, seq in connection.execute("select source, seq from seen"):
            self._known.setdefault(source, set()).add(seq)

    def __contains__(self, key: tuple[str, int]) -> bool:
        """Return whether this batch was taken before."""
        source, seq = key
        floor = self._floor.get(source)
        return (floor is not None and seq <= floor) or seq in self._known.get(source, ())

    def add(self, source: str, seq: int) -> None:
        """Note a batch taken in the transaction under way."""
        self._known.setdefault(source, set()).add(seq)
        self._new.append((source, seq))

    def write(self, tx: sqlite3.Connection) -> None:
        """Write what is new, and raise floors, in the caller's transaction."""
        tx.executemany("insert into seen(source, seq) values(?,?)", self._new)
        for source in {source for source, _ in self._new}:
            known = self._known[source]
            if len(known) >= 2 * WINDOW:
                floor = sorted(known)[-WINDOW - 1]
                tx.execute("insert or replace into floor(source, seq) values(?,?)", (source, floor))
                tx.execute("delete from seen where source=? and seq<=?", (source, floor))

    def commit(self) -> None:
        """Settle what was written: the transaction is durable."""
        for source in {source for source, _ in self._new}:
            known = self._known[source]
            if len(known) >= 2 * WINDOW:
                newest = sorted(known)[-WINDOW:]
                self._floor[source] = sorted(known)[-WINDOW - 1]
                self._known[source] = set(newest)
        self._new.clear()

    def rollback(self) -> None:
        """Forget what a failed transaction noted."""
        for source, seq in self._new:
            self._known[source].discard(seq)
        self._new.clear()
