"""Counts per (source, tag), vectorised: a batch's tags are counted with one bincount over its dictionary indices."""

# pyright: reportArgumentType=false, reportCallIssue=false
# pyarrow's stubs know no boolean arrays
from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

PAGE = 1_024
Kind = str
"""received, pending, dropped, rejected, or filtered:RULE"""
FILTERED = "filtered:"
Counts = tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]
"""Tag numbers and how many values each has."""


def compact(rows: pa.RecordBatch) -> tuple[list[str], npt.NDArray[np.int64], pa.RecordBatch]:
    """Return the tags that occur, how often each, and the rows with a dictionary of only those tags."""
    column: Any = rows.column(0)
    indices = column.indices.to_numpy(zero_copy_only=False)
    counts = np.bincount(indices, minlength=len(column.dictionary))
    used = counts > 0
    if used.all():
        return column.dictionary.to_pylist(), counts, rows
    narrow = (np.cumsum(used) - 1).astype(np.int32)[indices]
    names = column.dictionary.filter(pa.array(used))
    tags = pa.DictionaryArray.from_arrays(pa.array(narrow), names)
    return names.to_pylist(), counts[used], pa.RecordBatch.from_arrays([tags, *rows.columns[1:]], schema=rows.schema)


def _with_tags(rows: pa.RecordBatch, indices: npt.NDArray[np.int32], names: Any) -> pa.RecordBatch:
    tags = pa.DictionaryArray.from_arrays(pa.array(indices), names)
    return pa.RecordBatch.from_arrays([tags, *rows.columns[1:]], schema=rows.schema)


def _one_each(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Return the rows with a dictionary that has each tag once."""
    tags: Any = rows.column(0).cast(pa.string()).dictionary_encode()
    return pa.RecordBatch.from_arrays([tags, *rows.columns[1:]], schema=rows.schema)


@dataclass
class _Words:
    """A source's last dictionary: the numbers of its tags, -1 for one never heard, and how to do without those."""

    dictionary: Any
    numbers: npt.NDArray[np.int32]
    heard: Any = None
    narrow: npt.NDArray[np.int32] | None = None

    def look(self) -> None:
        """Look again which tags were heard."""
        there = self.numbers >= 0
        self.heard = self.dictionary if there.all() else self.dictionary.filter(pa.array(there))
        self.narrow = None if there.all() else (np.cumsum(there) - 1).astype(np.int32)


@dataclass
class _Ledger:
    """One source's tags, numbered in the order first heard, and a counter array per kind."""

    numbers: dict[str, int] = field(default_factory=dict[str, int])
    counts: dict[str, npt.NDArray[np.int64]] = field(default_factory=dict[str, npt.NDArray[np.int64]])
    words: _Words | None = None

    def array(self, kind: Kind) -> npt.NDArray[np.int64]:
        have = self.counts.get(kind)
        if have is None or have.size < len(self.numbers):
            size = max(PAGE, -(-len(self.numbers) // PAGE) * PAGE)
            grown = np.zeros(size, np.int64)
            if have is not None:
                grown[: have.size] = have
            self.counts[kind] = have = grown
        return have


class Tally:
    """The counters of an edge buffer. Changes are applied at once, written by `save`, and undone by `forget` until settled."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._ledgers: dict[str, _Ledger] = {}
        self._touched: set[tuple[Kind, str, int]] = set()
        self._fresh: list[tuple[str, int, str]] = []
        self._undo: list[tuple[Kind, str, npt.NDArray[np.int32], npt.NDArray[np.int64]]] = []
        for source, number, tag in db.execute("SELECT source, number, tag FROM tag ORDER BY source, number"):
            self._of(source).numbers[tag] = number
        for kind, source, number, counts in db.execute("SELECT kind, source, number, counts FROM page"):
            page = np.frombuffer(counts, np.int64)
            self._of(source).array(kind)[number * PAGE : number * PAGE + page.size] = page

    def _of(self, source: str) -> _Ledger:
        return self._ledgers.setdefault(source, _Ledger())

    def _number(self, source: str, tags: list[str]) -> npt.NDArray[np.int32]:
        numbers = self._of(source).numbers
        for tag in tags:
            if tag not in numbers:
                numbers[tag] = len(numbers)
                self._fresh.append((source, numbers[tag], tag))
        return np.fromiter((numbers[tag] for tag in tags), np.int32, len(tags))

    def _add(self, kind: Kind, source: str, at: npt.NDArray[np.int32], n: npt.NDArray[np.int64]) -> None:
        self._of(source).array(kind)[at] += n
        self._undo.append((kind, source, at, n))
        self._touched.update((kind, source, int(page)) for page in np.flatnonzero(np.bincount(at // PAGE)))

    def received(self, source: str, rows: pa.RecordBatch) -> tuple[Counts, pa.RecordBatch]:
        """Count a new batch; return its counts by tag number, and its rows with a dictionary of tags that were heard.

        A dictionary of which much is used stays the same from batch to batch, so that whoever comes next knows it again.
        """
        column: Any = rows.column(0)
        indices = column.indices.to_numpy(zero_copy_only=False)
        counts = np.bincount(indices, minlength=len(column.dictionary))
        used = np.flatnonzero(counts)
        words = self._words(source, column.dictionary, used)
        if words is None:
            return self.received(source, _one_each(rows))
        if used.size * 2 >= len(words.heard):
            rows = rows if words.narrow is None else _with_tags(rows, words.narrow[indices], words.heard)
        else:
            narrow = np.zeros(counts.size, np.int32)
            narrow[used] = np.arange(used.size, dtype=np.int32)
            rows = _with_tags(rows, narrow[indices], column.dictionary.take(pa.array(used)))
        at = words.numbers[used]
        self._add("received", source, at, counts[used])
        return (at, counts[used].astype(np.int32)), rows

    def _words(self, source: str, dictionary: Any, used: npt.NDArray[np.intp]) -> _Words | None:
        """Return what is known of a dictionary, its used tags numbered; None where a tag is in it twice."""
        ledger = self._of(source)
        words = ledger.words
        if words is None or not words.dictionary.equals(dictionary):
            tags = dictionary.to_pylist()
            if len(set(tags)) < len(tags):
                return None
            numbers = np.fromiter((ledger.numbers.get(tag, -1) for tag in tags), np.int32, len(tags))
            words = ledger.words = _Words(dictionary, numbers)
        fresh = used[words.numbers[used] < 0]
        if fresh.size:
            words.numbers[fresh] = self._number(source, dictionary.take(pa.array(fresh)).to_pylist())
        if fresh.size or words.heard is None:
            words.look()
        return words

    def dropped(self, source: str, counts: Counts) -> None:
        """Count a batch the caps dropped."""
        self._add("dropped", source, counts[0], counts[1].astype(np.int64))

    def filtered(self, source: str, rule: str, tags: list[str], counts: npt.NDArray[np.int64]) -> None:
        """Count values that were received and that a pipeline took out."""
        at = self._number(source, tags)
        self._add("received", source, at, counts)
        self._add(FILTERED + rule, source, at, counts)

    def rejected(self, source: str, tag: str, n: int) -> None:
        """Count values that could not be taken."""
        self._add("rejected", source, self._number(source, [tag]), np.array([n], np.int64))

    def pending(self, source: str, counts: Counts, sign: int) -> None:
        """Count a batch in or out of waiting; this is memory's own, the blobs are its truth."""
        self._of(source).array("pending")[counts[0]] += sign * counts[1].astype(np.int64)

    def save(self, db: sqlite3.Connection) -> None:
        """Write new tags and touched pages inside the caller's transaction."""
        db.executemany("INSERT INTO tag VALUES (?, ?, ?)", self._fresh)
        pages = [
            (kind, source, page, self._of(source).array(kind)[page * PAGE : (page + 1) * PAGE].tobytes())
            for kind, source, page in self._touched
        ]
        db.executemany("INSERT INTO page VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET counts = excluded.counts", pages)

    def settle(self) -> None:
        """Forget what to undo or write: the transaction is durable."""
        self._fresh.clear()
        self._touched.clear()
        self._undo.clear()

    def forget(self) -> None:
        """Take back what a failed transaction counted; rejected values stay counted."""
        kept = [change for change in self._undo if change[0] == "rejected"]
        for kind, source, at, n in self._undo:
            if kind != "rejected":
                self._of(source).array(kind)[at] -= n
        self._undo = kept

    def totals(self, kind: Kind) -> dict[tuple[str, str], int]:
        """Return the counter of every tag that has one."""
        return {
            (source, tag): int(count)
            for source, ledger in self._ledgers.items()
            for tag, count in zip(ledger.numbers, ledger.array(kind).tolist(), strict=False)
            if count
        }

    def rules(self) -> list[str]:
        """Return the rules that ever filtered a value."""
        kinds = {kind for ledger in self._ledgers.values() for kind in ledger.counts}
        return sorted(kind.removeprefix(FILTERED) for kind in kinds if kind.startswith(FILTERED))

    def settled(self, source: str) -> tuple[list[str], npt.NDArray[np.int64]]:
        """Return a source's tags, and how many values of each went out: received, not filtered, not dropped, not waiting."""
        ledger = self._of(source)
        left = ledger.array("received").copy()
        for kind in list(ledger.counts):
            if kind in ("pending", "dropped") or kind.startswith(FILTERED):
                left -= ledger.array(kind)
        return list(ledger.numbers), left
