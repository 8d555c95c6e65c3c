"""The historian: takes batches, acknowledges them when they are durable, and shows them.

append (journal, fsync) -> the pipeline derives -> append_derived -> show (hot) -> flush (lake, fsync, then the journal is
trimmed). What was appended and not shown when the power went is shown at the next start.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lineshaft.core import SAMPLES, SCHEMA_VERSION, Batch, DataType, NotFound, now_ns
from lineshaft.store.hot import Hot
from lineshaft.store.journal import Entry, Journal
from lineshaft.store.judge import Kinds, Verdict, judge
from lineshaft.store.ledger import EXAMPLES, Example, Ledger, notes
from lineshaft.store.meaning import Meaning, PropertyLike
from lineshaft.store.seen import Seen
from lineshaft.store.series import KINDS, NAMES, Series
from lineshaft.store.settings import StoreSettings
from lineshaft.store.stored import DERIVED, STORED, Column, Rejection, Sids, Stored, decode, encode, nothing, sids_of


@dataclass(frozen=True, slots=True)
class _Taken:
    """A batch on its way into the journal: what becomes of it, its line, and the series of rows that count."""

    stored: Stored
    entry: Entry
    sids: Sids


class Historian:
    """The write path of the store. One thread (the pipeline) appends and shows; flushes may run in another."""

    def __init__(
        self, journal: Journal, hot: Hot, series: Series, ledger: Ledger, meaning: Meaning, settings: StoreSettings
    ) -> None:
        self.journal = journal
        self.hot = hot
        self.series = series
        self.ledger = ledger
        self._meaning = meaning
        self._settings = settings
        self._seen = Seen(journal.db)
        self._expected: Kinds = np.zeros(0, np.uint8)
        self._meanings = 0
        self._waiting: list[Entry] = []
        self._waiting_sids: list[Sids] = []
        self._unshown: set[int] = set()
        self._held: list[Stored] = []
        self.through = int(journal.meta("through", -1))

    def append(self, batches: Sequence[Batch]) -> list[Stored]:
        """Keep batches in one durable transaction and return what became of each.

        A batch with a negative seq came by no gateway (a program's or a person's values): it is never taken for a redelivery.
        Raises Retryable if the journal cannot be written: then nothing of them was kept.
        """
        limit = now_ns() + self._settings.future_ns
        with self.journal.lock:
            try:
                with self.journal.transaction() as tx:
                    taken = [self._take(batch, limit) for batch in batches]
                    self._write(tx, [one.entry for one in taken])
            except BaseException:
                self.series.rollback()
                self._seen.rollback()
                raise
            self._settle()
            for one in taken:
                self.ledger.stored(one.sids)
                self.ledger.noted(one.entry.notes)
                if one.stored.rows.num_rows:
                    self._unshown.add(one.stored.seq)
        return [one.stored for one in taken]

    def _write(self, tx: sqlite3.Connection, entries: Sequence[Entry]) -> None:
        self.series.write(tx)
        self._seen.write(tx)
        self.journal.write(tx, [*self._waiting, *entries])
        if self.through >= 0:
            self.journal.put(tx, "through", self.through)

    def _settle(self) -> None:
        self.series.commit()
        self._seen.commit()
        for sids in self._waiting_sids:
            self.ledger.stored(sids)
        self._waiting.clear()
        self._waiting_sids.clear()

    def _take(self, batch: Batch, limit: int) -> _Taken:
        seq = self.journal.next()
        reason = _unreadable(batch)
        if reason:
            return self._refuse(seq, batch, reason)
        if batch.rows.schema != SAMPLES:
            batch = Batch(batch.source, batch.seq, batch.arrived, batch.rows.cast(_LOOSE), batch.version)
        there = _filled(batch.rows)
        whole = batch if there is None else Batch(batch.source, batch.seq, batch.arrived, batch.rows.filter(pa.array(there)))
        sids = self._sids_of(whole)
        torn = self._torn(batch, there)
        arrived = np.concatenate([sids, torn])
        direct = arrived if batch.seq < 0 else arrived[:0]
        if batch.seq >= 0 and (batch.source, batch.seq) in self._seen:
            stored = Stored(seq, batch.source, nothing(), duplicate=len(arrived))
            return _Taken(stored, Entry(seq, batch.source, batch.seq, None, notes({}, arrived)), sids[:0])
        if batch.seq >= 0:
            self._seen.add(batch.source, batch.seq)
        verdict = judge(whole, sids, self._expectations(), limit)
        self.series.type_first(verdict.sids, verdict.kinds)
        refused = Counter(zip(verdict.refused.tolist(), (r.reason for r in verdict.rejected), strict=True))
        refused.update((sid, "schema") for sid in torn.tolist())
        rejected, places = _rejections(batch, there, verdict)
        self._keep_examples(batch, rejected, places)
        stored = Stored(seq, batch.source, verdict.rows, rejected, places)
        entry = Entry(seq, batch.source, batch.seq, encode(verdict.rows), notes(refused, sids[:0], direct))
        return _Taken(stored, entry, verdict.sids)

    def _keep_examples(self, batch: Batch, rejected: Sequence[Rejection], places: Sequence[int]) -> None:
        """Keep the last rejected rows of each tag and reason, as they came, for the ledger page."""
        seen: Counter[tuple[str, str]] = Counter()
        for said, place in zip(reversed(rejected[-_LOOKED_AT:]), reversed(places[-_LOOKED_AT:]), strict=True):
            seen[said.tag, said.reason] += 1
            if seen[said.tag, said.reason] <= EXAMPLES:
                value = next((one for n in (2, 3, 4, 5) if (one := batch.rows.column(n)[place].as_py()) is not None), "")
                self.ledger.example(batch.source, said.tag, said.reason, Example(said.ts, str(value)[:200], batch.arrived))

    def _sids_of(self, batch: Batch) -> Sids:
        column = cast("pa.DictionaryArray[Any, Any]", batch.rows.column(0))
        return self.series.of_dictionary(batch.source, column.dictionary)[column.indices.to_numpy(zero_copy_only=False)]

    def _torn(self, batch: Batch, there: npt.NDArray[np.bool_] | None) -> Sids:
        """Return the series of rows without a tag, time or quality; those without a tag are counted under the empty one."""
        if there is None:
            return np.zeros(0, np.int32)
        tags = batch.rows.column(0).filter(pa.array(~there)).to_pylist()
        return self.series.of_tags(batch.source, [str(tag or "") for tag in tags])

    def _refuse(self, seq: int, batch: Batch, reason: str) -> _Taken:
        """Reject a whole batch whose rows cannot be understood; its tags are counted as far as they can be read."""
        try:
            column = batch.rows.column("tag")
            column.validate(full=True)
            tags = [str(tag) for tag in column.to_pylist()]
        except (KeyError, pa.ArrowInvalid, pa.ArrowIndexError):
            tags = [""] * batch.rows.num_rows
        sids = self.series.of_tags(batch.source, tags)
        rejected = [Rejection(tag, batch.arrived, reason) for tag in tags]
        stored = Stored(seq, batch.source, nothing(), rejected, tuple(range(len(tags))))
        refused = Counter((sid, reason) for sid in sids.tolist())
        direct = sids if batch.seq < 0 else sids[:0]
        return _Taken(stored, Entry(seq, batch.source, batch.seq, None, notes(refused, sids[:0], direct)), sids[:0])

    def refused(self, source: str, tag: str, reasons: Mapping[str, int]) -> None:
        """Count rows, by reason, that a door had to refuse before they had a series; durable when this returns."""
        with self.journal.lock:
            try:
                with self.journal.transaction() as tx:
                    sids = self.series.of_tags(source, [tag])
                    said = notes({(int(sids[0]), reason): n for reason, n in reasons.items()}, sids[:0])
                    self._write(tx, [Entry(self.journal.next(), source, -1, None, said)])
            except BaseException:
                self.series.rollback()
                raise
            self._settle()
            self.ledger.noted(said)

    def judged(self, rows: pa.Table) -> tuple[tuple[pa.Table, Sids, str | None], Verdict]:
        """Judge sorted rows that go to the lake without the journal; columns of STORED without a value may be missing.

        Return what `Keeper.take_in` wants - the last row of each key, the series and notes for the ledger - and the verdict.
        """
        with self.journal.lock:  # only to look up: the node goes on while so many rows are judged
            names, expected = [tag for _, tag in self.series.names], self._expectations()
        sids: Sids = rows["sid"].to_numpy()
        tags = pa.DictionaryArray.from_arrays(pa.array(sids, pa.int32()), pa.array(names, pa.string()))
        columns = [tags, *(_whole(rows, field) for field in list(STORED)[1:])]
        batch = Batch("import", -1, now_ns(), pa.RecordBatch.from_arrays(columns, names=SAMPLES.names))
        verdict = judge(batch, sids, expected, now_ns() + self._settings.future_ns)
        with self.journal.lock:
            self.series.type_first(verdict.sids, verdict.kinds)
        refused = Counter(zip(verdict.refused.tolist(), (r.reason for r in verdict.rejected), strict=True))
        return (pa.Table.from_batches([verdict.rows]), verdict.sids, notes(refused, sids[:0], sids)), verdict

    def _expectations(self) -> Kinds:
        """Return the type of the bound property of every series (0 = unbound), asking only for new ones."""
        known = len(self._expected)
        if known < len(self.series):
            at = now_ns()
            found = [self._meaning.property_of(source, tag, at) for source, tag in self.series.names[known:]]
            more = [KINDS.index(DataType(p.type)) if p is not None else 0 for p in found]
            self._expected = np.concatenate([self._expected, np.array(more, np.uint8)])
        return self._expected

    def meaning_changed(self) -> None:
        """Ask again which property each tag is bound to (its type decides what is rejected)."""
        with self.journal.lock:
            self._expected = np.zeros(0, np.uint8)
            self._meanings += 1

    @property
    def edition(self) -> tuple[int, int, int]:
        """What `names` depends on; it is worth asking again only when this has changed."""
        return len(self.series), int((self.series.kinds > 0).sum()), self._meanings

    def names(self) -> pa.Table:
        """Return every series: its number, source, tag and type, and the property it is bound to now with its unit."""
        at = now_ns()
        rows: list[dict[str, object]] = []
        for sid, (source, tag) in enumerate(list(self.series.names)):
            bound = self._bound(source, tag, at)
            kind = bound.type if bound is not None else KINDS[self.series.kinds[sid]]
            path, unit = (bound.path, bound.unit) if bound is not None else (None, None)
            rows.append({"sid": sid, "source": source, "tag": tag, "type": kind, "property": path, "unit": unit})
        return pa.Table.from_pylist(rows, NAMES)

    def _bound(self, source: str, tag: str, at: int) -> PropertyLike | None:
        if source != DERIVED:
            return self._meaning.property_of(source, tag, at)
        try:
            return self._meaning.property(tag)
        except NotFound:
            return None

    def append_derived(self, rows: pa.RecordBatch, through: int) -> Stored:
        """Take computed rows (columns of STORED); durable with the next group commit, or `commit()`.

        `through` is the journal number up to which everything has been derived. A crash before the commit loses nothing:
        `unprocessed` returns the raw rows again and computing them gives the same keys.
        """
        with self.journal.lock:
            self.through = max(self.through, through)
            if not rows.num_rows:
                return Stored(self.journal.seq, DERIVED, nothing())
            rows = rows if rows.schema == STORED else rows.cast(STORED)
            seq = self.journal.next()
            self._waiting.append(Entry(seq, DERIVED, None, encode(rows), None))
            self._waiting_sids.append(sids_of(rows))
            self._unshown.add(seq)
        return Stored(seq, DERIVED, rows)

    def commit(self) -> None:
        """Make derived rows durable that wait for the next group commit."""
        with self.journal.lock:
            if not self._waiting and not self.series.changed and self.through == int(self.journal.meta("through", -1)):
                return
            with self.journal.transaction() as tx:
                self._write(tx, [])
            self._settle()

    def show(self, items: Stored | Iterable[Stored]) -> None:
        """Make what append or append_derived returned visible to every read."""
        shown = [*self._held, *([items] if isinstance(items, Stored) else items)]
        self._held = shown  # if it fails they come with the next
        self.hot.show([item.rows for item in shown])
        self._held = []
        with self.journal.lock:
            self._unshown.difference_update(item.seq for item in shown)

    def sids(self, source: str, tags: Sequence[str]) -> Sids:
        """Return the numbers of series; new ones become durable before this returns."""
        with self.journal.lock:
            found = self.series.of_tags(source, tags)
            if self.series.changed:
                try:
                    self.commit()
                except BaseException:
                    self.series.rollback()
                    raise
        return found

    def shown_until(self) -> int:
        """Return the journal number up to which every row is in memory; the caller holds the journal's lock."""
        return min(self._unshown) - 1 if self._unshown else self.journal.seq

    def unprocessed(self) -> Iterator[Stored]:
        """Return the raw batches that were acknowledged but not derived from, oldest first."""
        for entry in self.journal.entries(self.through, derived=False):
            if entry.rows is not None:
                yield Stored(entry.seq, entry.source, decode(entry.rows))

    def recover(self, flushed: int) -> int:
        """Show what the journal holds above `flushed`, and count it; return how many rows that were."""
        count = 0
        for entry in self.journal.entries():
            rows = decode(entry.rows) if entry.rows is not None else nothing()
            if entry.seq > self.ledger.until:
                self.ledger.stored(sids_of(rows))
                self.ledger.noted(entry.notes)
            if entry.seq > flushed:
                self.hot.show([rows])
                count += rows.num_rows
            else:
                self.hot.remember(rows)
        return count


def _whole(rows: pa.Table, field: pa.Field[Any]) -> Column:
    """Return a column in one piece; one that is not there is nothing but nulls."""
    if field.name not in rows.schema.names:
        return pa.nulls(len(rows), field.type)
    return rows[field.name].combine_chunks().cast(field.type)


def _unreadable(batch: Batch) -> str:
    """Return why a batch cannot be understood at all, or nothing."""
    if batch.version != SCHEMA_VERSION:
        return "version"
    try:
        batch.rows.validate(full=True)  # one text that is none would be acknowledged, and stop every later start
    except (pa.ArrowInvalid, pa.ArrowIndexError):
        return "damaged"
    if batch.rows.schema == SAMPLES:
        return ""
    try:
        batch.rows.cast(_LOOSE)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError, KeyError):
        return "schema"
    return ""


_LOOKED_AT = 200
"""So many rejected rows of a batch are looked at for examples."""
_LOOSE = pa.schema([field.with_nullable(True) for field in SAMPLES])
"""SAMPLES where tag, time and quality may be missing: such a row is rejected alone."""


def _filled(rows: pa.RecordBatch) -> npt.NDArray[np.bool_] | None:
    """Return which rows have a tag, a time and a quality, or None if all do."""
    if not any(rows.column(n).null_count for n in (0, 1, 6)):
        return None
    there = np.ones(rows.num_rows, bool)
    for n in (0, 1, 6):
        there &= rows.column(n).is_valid().to_numpy(zero_copy_only=False)
    return there


def _rejections(batch: Batch, there: npt.NDArray[np.bool_] | None, verdict: Verdict) -> tuple[list[Rejection], tuple[int, ...]]:
    """Return what was rejected of a batch and where in it: by the judge, and rows without a tag, time or quality."""
    if there is None:
        return verdict.rejected, verdict.rejected_rows
    kept, torn = np.flatnonzero(there), np.flatnonzero(~there).tolist()
    tags = batch.rows.column(0).to_pylist()
    found = [(int(kept[row]), said) for row, said in zip(verdict.rejected_rows, verdict.rejected, strict=True)]
    found += [(row, Rejection(str(tags[row] or ""), batch.arrived, "schema")) for row in torn]
    found.sort(key=lambda one: one[0])
    return [said for _, said in found], tuple(row for row, _ in found)
