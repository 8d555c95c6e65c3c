"""Which batches came already: a redelivery is recognised long after its rows went to the lake.

A source delivers in ascending order, an edge that was cut off for long in two lanes: what it heard just now, and, beside it,
its backlog. So what is missing below the newest numbers is remembered as holes, and only a number in a hole is new there.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_right

WINDOW = 256
MOST_HOLES = 4_096
"""Holes a source may have; of a source whose numbers always jump, the oldest are taken for known."""
Holes = list[tuple[int, int]]


class Seen:
    """The known (source, seq): a floor with holes below it and the newest numbers above it, a source; durable in the journal."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._floor: dict[str, int] = dict(connection.execute("select source, seq from floor"))
        self._known: dict[str, set[int]] = {}
        self._holes: dict[str, Holes] = {}
        self._new: list[tuple[str, int]] = []
        for source, seq in connection.execute("select source, seq from seen"):
            self._known.setdefault(source, set()).add(seq)
        for source, first, last in connection.execute("select source, first, last from hole order by source, first"):
            self._holes.setdefault(source, []).append((first, last))

    def __contains__(self, key: tuple[str, int]) -> bool:
        """Return whether this batch was taken before."""
        source, seq = key
        if seq in self._known.get(source, ()):
            return True
        floor = self._floor.get(source)
        return floor is not None and seq <= floor and _hole_of(self._holes.get(source, []), seq) < 0

    def add(self, source: str, seq: int) -> None:
        """Note a batch taken in the transaction under way."""
        self._known.setdefault(source, set()).add(seq)
        self._new.append((source, seq))

    def write(self, tx: sqlite3.Connection) -> None:
        """Write what is new, and raise floors, in the caller's transaction."""
        tx.executemany("insert into seen(source, seq) values(?,?)", self._new)
        for source in {source for source, _ in self._new}:
            raised = self._raised(source)
            if raised is None:
                continue
            floor, holes, _ = raised
            tx.execute("insert or replace into floor(source, seq) values(?,?)", (source, floor))
            tx.execute("delete from seen where source=? and seq<=?", (source, floor))
            if holes != self._holes.get(source, []):
                tx.execute("delete from hole where source=?", (source,))
                tx.executemany("insert into hole(source, first, last) values(?,?,?)", [(source, *hole) for hole in holes])

    def commit(self) -> None:
        """Settle what was written: the transaction is durable."""
        for source in {source for source, _ in self._new}:
            raised = self._raised(source)
            if raised is not None:
                self._floor[source], self._holes[source], self._known[source] = raised
        self._new.clear()

    def rollback(self) -> None:
        """Forget what a failed transaction noted."""
        for source, seq in self._new:
            self._known[source].discard(seq)
        self._new.clear()

    def _raised(self, source: str) -> tuple[int, Holes, set[int]] | None:
        """Return the new floor, the holes below it and what is known above, None while the newest numbers are few."""
        numbers = sorted(self._known[source])
        if len(numbers) < 2 * WINDOW:
            return None
        before = self._floor.get(source)
        floor = max(numbers[-WINDOW - 1], before or 0)
        holes = list(self._holes.get(source, []))
        last = before if before is not None else numbers[0] - 1
        for seq in numbers:
            if seq > floor:
                break
            if before is not None and seq <= before:
                _fill(holes, seq)
                continue
            if seq > last + 1:
                holes.append((last + 1, seq - 1))
            last = seq
        return floor, holes[-MOST_HOLES:], {seq for seq in numbers if seq > floor}


def _hole_of(holes: Holes, seq: int) -> int:
    """Return the place of the hole a number lies in, -1 for none."""
    place = bisect_right(holes, (seq, 2**63)) - 1
    return place if place >= 0 and holes[place][0] <= seq <= holes[place][1] else -1


def _fill(holes: Holes, seq: int) -> None:
    """Take one number out of the hole it lies in."""
    place = _hole_of(holes, seq)
    if place < 0:
        return
    first, last = holes.pop(place)
    left = [part for part in ((first, seq - 1), (seq + 1, last)) if part[0] <= part[1]]
    holes[place:place] = left
