"""The edge buffer: what sources said survives a power cut until the store has taken it.

One SQLite file (WAL, synchronous=FULL). A batch is one Arrow blob named (source, seq), where seq continues after a
restart, and even after the file was lost: a new file starts at the epoch's milliseconds, never at 1 again. In the same
transaction go the cumulative received counts per (source, tag): int64 pages of 1,024 tags, of which only touched ones
are written.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lineshaft.connect.tally import FILTERED, Counts, Tally
from lineshaft.core import Batch, Retryable, new_id, now_ns

Filtered = tuple[str, str, list[str], npt.NDArray[np.int64]]
"""Source, rule, tags, and how many values of each the rule took out."""

TABLES = """
CREATE TABLE IF NOT EXISTS batch (id INTEGER PRIMARY KEY, source TEXT NOT NULL, seq INTEGER NOT NULL, arrived INTEGER NOT NULL,
    rows INTEGER NOT NULL, tags BLOB NOT NULL, counts BLOB NOT NULL, body BLOB NOT NULL, UNIQUE (source, seq));
CREATE TABLE IF NOT EXISTS source (source TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tag (source TEXT NOT NULL, number INTEGER NOT NULL, tag TEXT NOT NULL, PRIMARY KEY (source, number))
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS page (kind TEXT NOT NULL, source TEXT NOT NULL, number INTEGER NOT NULL, counts BLOB NOT NULL,
    PRIMARY KEY (kind, source, number)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS me (id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS broken (id INTEGER PRIMARY KEY, source TEXT, seq INTEGER, body BLOB);
"""


AT_HAND, SPARE = 200_000, 2_000
"""Rows of waiting batches that stay in memory too; pages the file keeps for what comes next before it gives any back."""
LIVE_SHARE, FRESH = 4, 10 * 10**9
"""While a backlog drains, one part in so many of what is sent is what was heard just now, from so many ns ago on."""


class BufferRefused(Retryable):
    """The disk takes nothing at the moment (full, read-only, broken): the rows stay with the caller."""

    code = "buffer.refused"


@dataclass(frozen=True, slots=True)
class Depth:
    """How much waits in the buffer, and since when the oldest does."""

    batches: int
    rows: int
    bytes: int
    oldest: int | None


@dataclass(slots=True)
class _Waiting:
    """What memory knows of one undelivered batch."""

    source: str
    seq: int
    arrived: int
    rows: int
    bytes: int
    counts: Counts


class EdgeBuffer:
    """Durable queue of batches between the sources and the store; every method may be called from any thread."""

    def __init__(
        self,
        path: Path,
        *,
        max_bytes: int = 2_000_000_000,
        max_age: int = 30 * 86_400 * 10**9,
        drop_oldest: bool = True,
        on_drop: Callable[[int, int], None] | None = None,
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._caps = (max_bytes, max_age, drop_oldest)
        self.on_drop = on_drop
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, timeout=30, check_same_thread=False, isolation_level=None)
        for pragma in ("auto_vacuum=INCREMENTAL", "journal_mode=WAL", "synchronous=FULL", "journal_size_limit=67108864"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.executescript(TABLES)
        self._db.execute("INSERT INTO me SELECT ? WHERE NOT EXISTS (SELECT 1 FROM me)", (new_id(),))
        self.id: str = self._db.execute("SELECT id FROM me").fetchone()[0]
        """Of this file: counts that begin anew, because the file was lost, have another."""
        self._seq: dict[str, int] = dict(self._db.execute("SELECT source, seq FROM source"))
        self._tally = Tally(self._db)
        self._waiting: dict[int, _Waiting] = {}
        self._held: dict[int, Batch] = {}
        self._held_rows = 0
        self._out: set[int] = set()
        self._lane = (0, 0)
        self._ahead = 0
        self._bytes = 0
        self._recall()

    def _recall(self) -> None:
        query = "SELECT id, source, seq, arrived, rows, tags, counts, length(body) FROM batch ORDER BY id"
        for number, source, seq, arrived, rows, tags, counts, size in self._db.execute(query):
            pair = (np.frombuffer(tags, np.int32), np.frombuffer(counts, np.int32))
            self._waiting[number] = _Waiting(source, seq, arrived, rows, size, pair)
            self._tally.pending(source, pair, 1)
            self._bytes += size

    def put(self, source: str, rows: pa.RecordBatch, arrived: int | None = None) -> Batch:
        """Keep rows as the source's next batch; when this returns, a power cut cannot take them any more."""
        return self.put_all([(source, rows)], arrived)[0]

    def put_all(
        self, items: Sequence[tuple[str, pa.RecordBatch]], arrived: int | None = None, filtered: Iterable[Filtered] = ()
    ) -> list[Batch]:
        """Keep one batch a pair in one durable transaction, and count (source, rule, tags, counts) of what was filtered.

        Raises BufferRefused (nothing kept, nothing counted) if the disk refuses.
        """
        at = now_ns() if arrived is None else arrived
        with self._lock:
            self._make_room(sum(rows.nbytes for _, rows in items) // 4, at)
            try:
                self._db.execute("BEGIN IMMEDIATE")
                kept = [self._insert(source, rows, at) for source, rows in items]
                for source, rule, tags, counts in filtered:
                    self._tally.filtered(source, rule, tags, counts)
                self._tally.save(self._db)
                self._db.execute("COMMIT")
            except (sqlite3.Error, OSError) as error:
                self._undo()
                raise BufferRefused(
                    f"the edge buffer cannot be written: {error}", where="edge.db", hint="free or repair the disk it is on"
                ) from error
            for number, batch, waiting in kept:
                self._waiting[number] = waiting
                self._hold(number, batch)
                self._bytes += waiting.bytes
                self._tally.pending(batch.source, waiting.counts, 1)
            self._tally.settle()
            return [batch for _, batch, _ in kept]

    def _hold(self, number: int, batch: Batch) -> None:
        """Keep a batch at hand as long as few wait: nobody needs to read from disk what was just written."""
        if self._held_rows + batch.rows.num_rows <= AT_HAND:
            self._held[number] = batch
            self._held_rows += batch.rows.num_rows

    def _insert(self, source: str, rows: pa.RecordBatch, at: int) -> tuple[int, Batch, _Waiting]:
        pair, rows = self._tally.received(source, rows)
        seq = self._seq.get(source, at // 1_000_000) + 1
        self._seq[source] = seq
        batch = Batch(source, seq, at, rows)
        body = batch.to_bytes()
        self._db.execute("INSERT INTO source VALUES (?, ?) ON CONFLICT DO UPDATE SET seq = excluded.seq", (source, seq))
        cursor = self._db.execute(
            "INSERT INTO batch (source, seq, arrived, rows, tags, counts, body) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (source, seq, at, rows.num_rows, pair[0].tobytes(), pair[1].tobytes(), body),
        )
        return int(cursor.lastrowid or 0), batch, _Waiting(source, seq, at, rows.num_rows, len(body), pair)

    def _undo(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")
        self._tally.forget()
        self._seq = dict(self._db.execute("SELECT source, seq FROM source"))

    def _make_room(self, coming: int, at: int) -> None:
        """Hold to the caps: drop the oldest batches, or refuse, as the policy says."""
        max_bytes, max_age, drop_oldest = self._caps
        victims: list[int] = []
        size = self._bytes + coming
        for number, waiting in self._waiting.items():
            over = size > max_bytes
            if not (over or at - waiting.arrived > max_age):
                break
            if over and not drop_oldest:
                raise BufferRefused(
                    "the edge buffer is full", where="edge.db", hint="raise [gateway] buffer_bytes", code="buffer.full"
                )
            if number not in self._out:
                victims.append(number)
                size -= waiting.bytes
        if victims:
            self._drop(victims)

    def _drop(self, victims: list[int]) -> None:
        gone = [self._waiting[number] for number in victims]
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("DELETE FROM batch WHERE id = ?", [(number,) for number in victims])
            for waiting in gone:
                self._tally.dropped(waiting.source, waiting.counts)
            self._tally.save(self._db)
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            self._undo()
            raise BufferRefused(f"the edge buffer cannot drop its oldest batches: {error}", where="edge.db") from error
        self._tally.settle()
        self._leave(victims)
        if self.on_drop is not None:
            self.on_drop(len(gone), sum(waiting.rows for waiting in gone))

    def head(self, *, rows: int = 50_000, batches: int = 64, behind: int = 0) -> list[Batch]:
        """Return the oldest undelivered batches, in order; they count as on their way until `delivered` or `returned`.

        When the oldest waits longer than `behind` (0: never), a share of them is what was heard just now: a backlog does not
        hold up live values. Both lanes are in order.
        """
        with self._lock:
            live = self._live(rows // LIVE_SHARE, max(batches // LIVE_SHARE, 1), behind) if behind else []
            apart = set(live)
            numbers: list[int] = []
            total = sum(self._waiting[number].rows for number in live)
            for number, waiting in self._waiting.items():
                if number in apart or (numbers and (total + waiting.rows > rows or len(numbers) + len(live) >= batches)):
                    break
                numbers.append(number)
                total += waiting.rows
            numbers += live
            found = [batch for number in numbers if (batch := self._read(number)) is not None]
            self._out.update(number for number in numbers if number in self._waiting)
            self._ahead = live[-1] if live else 0
            return found

    def _live(self, rows: int, batches: int, behind: int) -> list[int]:
        """Return the batches of the live lane: it goes on where it was, or begins anew where that is too long ago."""
        first, now = next(iter(self._waiting.values()), None), now_ns()
        if first is None or now - first.arrived <= behind:
            return []
        follows, at = self._lane
        found: list[int] = []
        for number in reversed(self._waiting):
            if number < follows or (now - at > behind and now - self._waiting[number].arrived > FRESH):
                break
            found.append(number)
        chosen: list[int] = []
        for number in reversed(found):
            rows -= self._waiting[number].rows
            if chosen and (rows < 0 or len(chosen) >= batches):
                break
            chosen.append(number)
        return chosen

    def _read(self, number: int) -> Batch | None:
        if number in self._held:
            return self._held[number]
        row = self._db.execute("SELECT body FROM batch WHERE id = ?", (number,)).fetchone()
        try:
            return Batch.from_bytes(row[0])
        except (pa.ArrowInvalid, KeyError, OSError, TypeError):
            self._db.execute("INSERT INTO broken (source, seq, body) SELECT source, seq, body FROM batch WHERE id = ?", (number,))
            self._drop([number])
            return None

    def delivered(self, batches: Iterable[Batch]) -> None:
        """Forget batches the store has taken (its fsync has returned)."""
        done = {(batch.source, batch.seq) for batch in batches}
        with self._lock:
            numbers = [number for number in self._out if (self._waiting[number].source, self._waiting[number].seq) in done]
            try:
                self._db.execute("BEGIN IMMEDIATE")
                self._db.executemany("DELETE FROM batch WHERE id = ?", [(number,) for number in numbers])
                self._db.execute("COMMIT")
            except sqlite3.Error as error:
                self._undo()
                raise BufferRefused(f"the edge buffer cannot forget what was delivered: {error}", where="edge.db") from error
            if self._ahead in numbers:
                self._lane = (self._ahead + 1, self._waiting[self._ahead].arrived)
            self._leave(numbers)
            if not self._waiting and self._db.execute("PRAGMA freelist_count").fetchone()[0] > SPARE:
                self._db.execute(f"PRAGMA incremental_vacuum({SPARE})").fetchall()

    def returned(self) -> None:
        """Take back what was on its way: the store refused it and will be asked again."""
        with self._lock:
            self._out.clear()

    def _leave(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            waiting = self._waiting.pop(number)
            if self._held.pop(number, None) is not None:
                self._held_rows -= waiting.rows
            self._out.discard(number)
            self._bytes -= waiting.bytes
            self._tally.pending(waiting.source, waiting.counts, -1)

    def reject(self, source: str, tag: str, n: int) -> None:
        """Count values of a tag that were heard but could not be taken; kept with the next batch."""
        with self._lock:
            self._tally.rejected(source, tag, n)

    def received(self) -> dict[tuple[str, str], int]:
        """Return how many values were ever received, per (source, tag)."""
        with self._lock:
            return self._tally.totals("received")

    def pending(self) -> dict[tuple[str, str], int]:
        """Return how many values wait for the store, per (source, tag)."""
        with self._lock:
            return self._tally.totals("pending")

    def lost(self) -> dict[tuple[str, str], int]:
        """Return how many received values the caps dropped, per (source, tag)."""
        with self._lock:
            return self._tally.totals("dropped")

    def refused(self) -> dict[tuple[str, str], int]:
        """Return how many values could not be taken from the source, per (source, tag)."""
        with self._lock:
            return self._tally.totals("rejected")

    def filtered(self) -> dict[tuple[str, str], dict[str, int]]:
        """Return how many received values which rule filtered, per (source, tag)."""
        found: dict[tuple[str, str], dict[str, int]] = {}
        with self._lock:
            for rule in self._tally.rules():
                for key, count in self._tally.totals(FILTERED + rule).items():
                    found.setdefault(key, {})[rule] = count
        return found

    def claims(self) -> list[tuple[str, list[str], npt.NDArray[np.int64]]]:
        """Return (source, tags, counts): how many values of each a receiver has had once it takes what is on its way.

        Only tags that are on their way; the numbers come from what was counted durably, so a lost blob shows at the receiver.
        """
        with self._lock:
            pairs: dict[str, list[Counts]] = {}
            for waiting in (self._waiting[number] for number in self._out):
                pairs.setdefault(waiting.source, []).append(waiting.counts)
            return [self._claim(source, counts) for source, counts in pairs.items()]

    def _claim(self, source: str, pairs: Sequence[Counts]) -> tuple[str, list[str], npt.NDArray[np.int64]]:
        names, gone = self._tally.settled(source)
        for at, counts in pairs:
            gone[at] += counts
        touched = np.unique(np.concatenate([at for at, _ in pairs]))
        return source, [names[number] for number in touched], gone[touched]

    @property
    def waits(self) -> bool:
        """Whether anything waits for the store."""
        return bool(self._waiting)

    def depth(self) -> Depth:
        """Return how much waits."""
        with self._lock:
            oldest = next(iter(self._waiting.values()), None)
            rows = sum(waiting.rows for waiting in self._waiting.values())
            return Depth(len(self._waiting), rows, self._bytes, None if oldest is None else oldest.arrived)

    def close(self) -> None:
        """Close the file; everything put is in it."""
        with self._lock:
            self._db.close()
