"""The store as other rooms use it: one object that joins journal, memory, lake, ledger and documents."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lineshaft.core import Batch, Bus, Database, SystemEvent, now_ns, parse_duration
from lineshaft.store.bulk import Imports
from lineshaft.store.catalog import Catalog
from lineshaft.store.compact import Compactor, Progress
from lineshaft.store.cost import Costs, CostSettings, Scale, rules_of
from lineshaft.store.document import Documents
from lineshaft.store.etl import Etl
from lineshaft.store.flush import Keeper
from lineshaft.store.historian import Historian
from lineshaft.store.hot import Hot
from lineshaft.store.image import Images
from lineshaft.store.importing import ImportJobs
from lineshaft.store.index import File, Index
from lineshaft.store.journal import Journal
from lineshaft.store.lake import Lake
from lineshaft.store.ledger import Example, Key, Ledger, LedgerRow
from lineshaft.store.meaning import Meaning, Ref, Unbound
from lineshaft.store.past import Past, Stretch
from lineshaft.store.query import AGGREGATES, Latest, Query
from lineshaft.store.series import Series
from lineshaft.store.settings import StoreSettings
from lineshaft.store.sql import Workbench
from lineshaft.store.stored import DERIVED, Ints, Sids, Stored
from lineshaft.store.tiers import Holding, TiersSettings
from lineshaft.store.tiers.tiers import Tiers
from lineshaft.store.worker import Worker

_TICK = 1.0
_TIDY = 60_000_000_000
_AGAIN = 30_000_000_000
_READERS = 300_000_000_000
_COUNTED = 50_000_000


class Store:
    """Everything the plant has measured and computed: durable when acknowledged, visible when shown.

    Opening it recovers from any kind of stop. One thread appends and shows; any thread reads; `start` runs the keeper
    that flushes, compacts and sweeps.
    """

    def __init__(
        self,
        home: Path,
        assets: Meaning | None,
        db: Database,
        settings: StoreSettings | None = None,
        bus: Bus | None = None,
        cost: CostSettings | None = None,
        tiers: TiersSettings | None = None,
    ) -> None:
        self.home = home
        self.settings = settings or StoreSettings()
        bus = bus or Bus()
        meaning = assets or Unbound()
        self._bus = bus
        self._journal = Journal(home / "journal.db", bus)
        self._series = Series(self._journal.db)
        self._ledger = Ledger(self._journal.db, self._series, bus)
        self._past = Past(self._journal, self._series)
        shutil.rmtree(home / "scratch", ignore_errors=True)
        self._hot = Hot(self.settings, home / "scratch")
        self._historian = Historian(self._journal, self._hot, self._series, self._ledger, meaning, self.settings)
        self.lake = Lake(home / "lake")
        self._index = Index(self.lake.root, self._journal.db)
        self.tier = Tiers(tiers or TiersSettings(), self._journal, self._index, self._hot, self.lake.root, bus)
        self._keeper = Keeper(self._historian, self.lake, self._index, bus)
        worker = Worker(self.settings.compact_memory, home / "scratch" / "compact")
        self._compactor = Compactor(self._keeper, self._index, worker, self.settings.compact_files, self.settings.compact_ns)
        self._query = Query(self._hot, self._index, self._series, meaning)
        self.imports = Imports(self._keeper, self._historian, meaning, home, self.settings)
        self.import_jobs = ImportJobs(self.imports, db, bus, home)
        self.documents = Documents(home / "documents", db)
        self.images = Images(home, db)
        self.tier.serve(self.images)
        self.sql = Workbench(self._hot, self._index, self._series, home, self.settings)
        self.catalog = Catalog(self.sql, self._hot, self._index, db)
        self.etl = Etl(self.sql, db, bus, home)
        scale = Scale(home, self._keeper.files, self.sql.tablets, self._in_memory, self._elsewhere)
        self.cost = Costs(scale, db, cost or CostSettings(), self.settings.keep_removed_ns, bus)
        self.cost.rules = lambda: rules_of(tiers or TiersSettings())
        self.recovered = self._keeper.recover()
        self._flushed_at = self._tidied_at = now_ns()
        self._wake = threading.Event()
        self._closing = False
        self._thread: threading.Thread | None = None

    # what comes in

    def append(self, batches: Sequence[Batch]) -> list[Stored]:
        """Acknowledge batches: one group commit, durable when this returns. Raises Retryable if nothing could be kept."""
        return self._historian.append(batches)

    def append_derived(self, rows: pa.RecordBatch, through: int) -> Stored:
        """Take computed rows; `through` is the journal number up to which everything raw has been derived from."""
        return self._historian.append_derived(rows, through)

    def refused(self, source: str, tag: str, reasons: Mapping[str, int]) -> None:
        """Account for rows, by reason, that a door had to refuse before they had a series."""
        self._historian.refused(source, tag, reasons)

    def show(self, items: Stored | Iterable[Stored]) -> None:
        """Make what append and append_derived returned visible."""
        self._historian.show(items)
        if self._hot.rows >= self.settings.flush_rows:
            self._wake.set()

    def unprocessed(self) -> Iterator[Stored]:
        """Return raw batches that were acknowledged but not derived from before the last stop, oldest first."""
        return self._historian.unprocessed()

    def commit(self) -> None:
        """Make waiting derived rows durable now."""
        self._historian.commit()

    def meaning_changed(self, _event: object = None) -> None:
        """Look up again which property each tag is bound to; connect it to the event that tells of a changed model."""
        self._historian.meaning_changed()

    # series

    def sids(self, source: str, tags: Sequence[str]) -> Sids:
        """Return series numbers of tags, giving (durable) new ones where needed."""
        return self._historian.sids(source, tags)

    def sid(self, source: str, tag: str) -> int | None:
        """Return a series' number, or None if nothing of it ever came."""
        return self._series.find(source, tag)

    def derived_sid(self, property_id: str) -> int:
        """Return the series number of a computed property."""
        return int(self._historian.sids(DERIVED, [property_id])[0])

    def series(self) -> pa.Table:
        """Return every series: sid, source, tag, type, property, unit."""
        return self._historian.names()

    # questions

    def latest(self, refs: Iterable[Ref]) -> list[Latest | None]:
        """Return the newest value of each property, of any quality; None where nothing ever came."""
        return self._query.latest(refs)

    def latest_sids(self, sids: Sequence[int] | Sids) -> tuple[Ints, npt.NDArray[np.float64], npt.NDArray[np.int16]]:
        """Return (ts, value, quality) arrays of series; no value yet is (the smallest int64, NaN, 2)."""
        return self._hot.any.arrays(np.asarray(sids, np.int64).astype(np.int32))

    def history(
        self,
        ref: Ref,
        start: int,
        end: int,
        *,
        good_only: bool = False,
        limit: int | None = None,
        after: str | None = None,
        descending: bool = False,
        as_of: int | None = None,
    ) -> pa.Table:
        """Return (ts, value, q) over (start, end]; give `page(table)` as `after` to go on.

        `as_of` asks what the lake held at an earlier time: before later corrections, without what was still in memory.
        Raises NotFound where files of that time were swept up since (`keep_removed`).
        """
        lake = None if as_of is None else self._keeper.as_of(as_of)
        return self._query.history(
            ref, start, end, good_only=good_only, limit=limit, after=after, descending=descending, lake=lake
        )

    @staticmethod
    def page(table: pa.Table) -> str | None:
        """Return the place after a history's last row; None when it is empty."""
        return Query.page(table)

    def before(self, ref: Ref, at: int) -> Latest | None:
        """Return the last good value at or before a time."""
        return self._query.before(ref, at)

    def as_of(self, refs: Iterable[Ref], at: int, look_back: int | None = None) -> list[Latest | None]:
        """Return the last good value of each property at or before a time, not older than `look_back` (ns) before it."""
        return self._query.as_of(refs, at, look_back)

    def aggregates(
        self,
        ref: Ref,
        window_ns: int,
        start: int,
        end: int,
        functions: Sequence[str] = tuple(AGGREGATES),
        *,
        partial: bool = False,
    ) -> pa.Table:
        """Return `ts` (window end), `n` and functions of the good values a window, for windows wholly in (start, end]."""
        return self._query.aggregates(ref, window_ns, start, end, functions, partial=partial)

    def aggregates_of(
        self,
        refs: Sequence[Ref],
        window_ns: int,
        start: int,
        end: int,
        functions: Sequence[str] = tuple(AGGREGATES),
        *,
        partial: bool = False,
    ) -> pa.Table:
        """Return what `aggregates` does for many properties at once, with `place`: which of `refs` a row is of."""
        return self._query.aggregates_of(refs, window_ns, start, end, functions, partial=partial)

    def span(self, sids: Sequence[int] | Sids, start: int, end: int, *, carry: bool = False) -> pa.Table:
        """Return (sid, ts, v, vi, vs, vb, q) over (start, end]; `carry` adds each series' last good row at or before start."""
        return self._query.span(sids, start, end, carry=carry)

    # accounts

    def ledger(
        self,
        received: Mapping[Key, int] | None = None,
        pending: Mapping[Key, int] | None = None,
        lost: Mapping[Key, int] | None = None,
        filtered: Mapping[Key, Mapping[str, int]] | None = None,
    ) -> list[LedgerRow]:
        """Return the account of every (source, tag), with the gateway's counts of received, pending, lost and filtered rows."""
        return self._ledger.rows(received or {}, pending or {}, lost, filtered)

    def check_ledger(self, rows: Iterable[LedgerRow]) -> list[LedgerRow]:
        """Tell a system event for accounts that stay out of balance; call it with `ledger(...)` every few seconds."""
        return self._ledger.check(rows)

    def note_ledger(self, rows: Sequence[LedgerRow]) -> bool:
        """Note the account (of `ledger(...)`) for its past if ten minutes have passed; return whether it was."""
        return self._past.note(rows, now_ns(), parse_duration(self.settings.ledger_keep))

    def ledger_past(self, rows: Sequence[LedgerRow], start: int) -> list[Stretch]:
        """Return what became of the values of some tags, by their account now, in each ten minutes or hour since a time."""
        return self._past.trace(rows, start, now_ns())

    def rejected(self, source: str, tag: str | None = None) -> list[tuple[str, str, Example]]:
        """Return (tag, reason, row) of the last rejected rows of a source or one of its tags, newest first."""
        return self._ledger.examples(source, tag)

    def overwritten(self, row: LedgerRow) -> int | None:
        """Return how many of a tag's stored rows came in the place of one with the same key.

        None where counting would take too long, or bring files from another tier.
        """
        sid = self._series.find(row.source, row.tag)
        kept = None if sid is None or row.stored > _COUNTED else self._query.kept(sid)
        return None if kept is None else max(0, row.stored - kept)

    # housekeeping

    @property
    def hot_rows(self) -> int:
        """How many rows wait in memory for the lake."""
        return self._hot.rows

    def _elsewhere(self, file: File) -> bool:
        return self._index.elsewhere(file)

    def _in_memory(self) -> tuple[int, int]:
        """Return rows in memory and the bytes they take there."""
        found = self._hot.cursor().execute("select sum(memory_usage_bytes) from duckdb_memory()").fetchone()
        return self._hot.rows, int(found[0] or 0) if found else 0

    def flush(self) -> int:
        """Move rows from memory to the lake and trim the journal; return how many."""
        self._flushed_at = now_ns()
        return self._keeper.flush()

    def compact(self, day: int | None = None) -> int:
        """Rewrite a day (days since 1970), or all, as one file with its late rows; return how many files were replaced."""
        return self._compactor.compact(day)

    @property
    def rewriting(self) -> Progress | None:
        """The day that is being rewritten and how far that is; None while nothing is."""
        return self._compactor.progress

    def tiers(self) -> list[Holding]:
        """Return what each table has in memory, on this disk and in object storage: files, bytes, rows, ages, last read."""
        return self.tier.holdings()

    def sweep(self, before: int | None = None) -> int:
        """Delete files that were replaced longer ago than the setting keeps them (or before a time)."""
        keep = max(self.settings.keep_removed_ns, _READERS)  # a question under way may still read them
        return self._keeper.sweep(now_ns() - keep if before is None else before)

    def tend(self) -> None:
        """Do what is due: flush by count or age, compact days, sweep up. The keeper's thread calls it every second."""
        now, rows = now_ns(), self._hot.rows
        if self._keeper.broken and now - self._flushed_at < _AGAIN:
            return
        if rows >= self.settings.flush_rows or (now - self._flushed_at >= self.settings.flush_ns and rows):
            self.flush()
        elif now - self._tidied_at < _TIDY:
            return
        self._tidied_at = now
        self._compactor.tend(now)
        self.sweep()
        self.tier.tend(now)

    def start(self) -> None:
        """Run the keeper in a thread of its own until `close`."""
        if self._thread is None:
            self.tier.begin()
            self._thread = threading.Thread(target=self._keep, name="store-keeper", daemon=True)
            self._thread.start()

    def _keep(self) -> None:
        while not self._closing:
            self._wake.wait(_TICK)
            self._wake.clear()
            try:
                self.tend()
            except Exception as error:  # noqa: BLE001 - reported; the keeper must not die
                message = f"the store's keeper failed: {error}"
                self._bus.tell(SystemEvent("store:keeper", message, "error", hint="see the log; please report this"))

    def close(self) -> None:
        """Stop the keeper, make derived rows durable and let go of the files. Nothing needs to be flushed."""
        self._closing = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        self._compactor.close()
        self.tier.close()
        self._historian.commit()
        self.sql.close()
        self._hot.close()
        self._journal.close()
