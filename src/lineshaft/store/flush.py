"""The keeper of the lake: moves rows from memory to files, rewrites days, and sweeps up, while others read and append.

Order is everything: file, folder, commit - each fsynced - then one journal transaction that trims, then one swap for readers.
"""

from __future__ import annotations

import io
import json
import sqlite3
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lineshaft.core import Bus, ConfigError, CredentialsError, InvalidInput, NotFound, Retryable, SystemEvent, now_ns
from lineshaft.store.historian import Historian
from lineshaft.store.hot import Generation
from lineshaft.store.index import DAY, LATE_TABLE, ROLL_UPS, ROWS, SAMPLES_TABLE, SERIES_TABLE, File, Index
from lineshaft.store.judge import kinds_of
from lineshaft.store.lake import SCHEMAS, Lake, lake_rows
from lineshaft.store.last import NEVER, usable
from lineshaft.store.parquet import CLOSE, QUICK
from lineshaft.store.rewrite import Made
from lineshaft.store.stored import DERIVED, Ints, Sids
from lineshaft.store.worker import Stopped

EVENT, COMPACTION = "store:lake", "store:compaction"


class Keeper:
    """Flush, recovery and retention of one lake."""

    def __init__(self, historian: Historian, lake: Lake, index: Index, bus: Bus) -> None:
        self.lock = threading.Lock()
        self._historian = historian
        self._journal = historian.journal
        self._hot = historian.hot
        self._lake = lake
        self._index = index
        self._bus = bus
        self._broken = self._stalled = False
        self._frontier: Ints = np.zeros(0, np.int64)
        self.flushed = int(self._journal.meta("flushed", 0))
        self.versions: dict[str, int] = {kind: int(self._journal.meta(f"version:{kind}", -1)) for kind in SCHEMAS}
        self._ahead: dict[str, int] = {}
        self._loose: list[File] = []
        self._published: tuple[int, ...] = ()

    def recover(self) -> int:
        """Bring lake, journal and memory to one state after any kind of stop; return how many rows came from the journal."""
        for key, last in (("last", self._hot.any), ("good", self._hot.good)):
            blob = self._journal.meta(key)
            if blob is not None:
                last.from_table(pa.ipc.open_stream(blob).read_all())
        self._hot.good.unsure.update(json.loads(self._journal.meta("unsure", "[]")))
        blob = self._journal.meta("frontier")
        if blob is not None:
            self._frontier = np.frombuffer(blob, np.int64).copy()
        self._reconcile()
        known = set(self._journal.db.execute("select kind, path from files"))
        for path in self._lake.orphans(known):
            path.unlink()
        self._report_missing()
        return self._historian.recover(self.flushed)

    def _reconcile(self) -> None:
        """Take in commits that are whole in the Delta logs but not noted beside the journal, and note them durably."""
        added: dict[tuple[str, str], File] = {}
        removed: list[File] = []
        by_name = {(f.kind, f.name): f for f in self._index.files}
        until, torn = self.flushed, False
        for kind in SCHEMAS:
            actions, short = self._lake.repair(kind, self.versions[kind])
            torn = torn or short
            for action in actions:
                if "add" in action:
                    file = self._lake.restored(kind, action["add"])
                    added[kind, file.name] = file
                elif "remove" in action:
                    key = (kind, unquote(action["remove"]["path"]))
                    added.pop(key, None)
                    removed += [by_name[key]] if key in by_name else []
                elif "txn" in action and kind == SAMPLES_TABLE:
                    until = max(until, int(action["txn"]["version"]))
        if not torn:
            self.flushed = until
        if not added and not removed:
            return
        self._hot.distrust()
        self._ahead = {kind: self._lake.settle(kind, version) for kind, version in self.versions.items()}
        self._advance_from(list(added.values()))
        with self._journal.transaction() as tx:
            self._note(tx, list(added.values()), removed)
        self._noted()
        self._index.swap(self._hot, (), list(added.values()), removed)

    def _note(self, tx: sqlite3.Connection, added: Sequence[File], removed: Sequence[File]) -> None:
        self._index.write(tx, added, removed, now_ns())
        self._journal.put(tx, "flushed", self.flushed)
        self._journal.put(tx, "frontier", self._frontier.tobytes())
        for kind, version in self._ahead.items():
            self._journal.put(tx, f"version:{kind}", version)

    def _noted(self) -> None:
        """Trust the commits made since the last time: the journal knows them now."""
        self.versions.update(self._ahead)
        self._ahead.clear()
        self._loose.clear()

    def _drop_loose(self) -> None:
        """Delete files of an attempt that failed and that no commit names: a full disk is not to be filled by trying."""
        named = {file.path for file in self._index.files}
        for file in self._loose:
            if file.path not in named:
                Path(file.path).unlink(missing_ok=True)
        self._loose.clear()

    def _commit(self, kind: str, added: Sequence[File], removed: Sequence[File] = (), **options: Any) -> None:
        self._ahead[kind] = self._lake.commit(kind, added, removed, since=self.versions[kind], **options)

    def _advance_from(self, added: Sequence[File]) -> None:
        """Advance what each series has in `samples` by files whose commit the journal did not know."""
        reader = self._hot.cursor()
        for file in added:
            if file.kind == SAMPLES_TABLE:
                sql = f"select sid, max(epoch_us(ts) * 1000 + ns) as ts from read_parquet('{file.path}') group by sid"
                table = reader.sql(sql).to_arrow_table()
                self._advance(table["sid"].to_numpy(), table["ts"].to_numpy())

    def _report_missing(self) -> None:
        gone = [file for file in self._index.files if not Path(file.path).exists() and not self._index.elsewhere(file)]
        if gone:
            self._index.swap(self._hot, (), (), gone)
            message = f"{len(gone)} files of the lake are not there, the first is {gone[0].path}"
            hint = "put them back from a backup and start again"
            self._bus.tell(SystemEvent("store:lake-missing", message, "error", hint=hint))

    def _advance(self, sids: Sids, ts: Ints) -> None:
        if not len(sids):
            return
        size = int(sids.max()) + 1
        if size > len(self._frontier):
            self._frontier = np.concatenate([self._frontier, np.full(size - len(self._frontier), NEVER, np.int64)])
        np.maximum.at(self._frontier, sids, ts)

    def flush(self) -> int:
        """Move the rows in memory to the lake and trim the journal; return how many rows were written.

        A disk that is full or read-only is a system event, not an error: the rows stay where they are, and answer.
        """
        with self.lock, self.careful():
            return self._flush()
        return 0

    @contextmanager
    def careful(self) -> Generator[None]:
        """Do something to the lake with the lock held; trouble becomes a system event, and what it left is taken in first."""
        try:
            if self._broken:
                self._ahead.clear()
                self._reconcile()
                self._drop_loose()
            yield
        except Exception as error:
            if not isinstance(error, (OSError, duckdb.Error, pa.ArrowException, Retryable)) and not _of_delta(error):
                raise
            self._trouble(error)
            return
        if self._broken:
            self._broken = False
            self._bus.tell(SystemEvent(EVENT, "the lake can be written again", active=False))

    def _trouble(self, error: Exception) -> None:
        self._broken = True
        hint = "free space or mend the disk; everything acknowledged is in the journal and answers as before"
        self._bus.tell(SystemEvent(EVENT, f"the lake cannot be written: {error}", "error", hint=hint))

    def _flush(self) -> int:
        self._historian.commit()
        with self._journal.lock:
            until = self._historian.shown_until()
            closed = self._hot.turn()
        if not closed:
            if until > self.flushed:
                self._trim(until, (), ())
            return 0
        rows = sorted_rows(self._hot.content(closed))
        sids, ts = rows["sid"].chunk(0).to_numpy(zero_copy_only=False), rows["ts"].chunk(0).to_numpy(zero_copy_only=False)
        late = self._late(sids, ts)
        added = self._write(LATE_TABLE, rows, ts, late, until) if late.any() else []
        if not late.all():
            added += self._write(SAMPLES_TABLE, rows, ts, ~late, until)
        self._advance(sids[~late], ts[~late])
        self._trim(until, added, closed)
        return len(rows)

    def take_in(
        self, rows: pa.Table, counted: Sids, notes: str | None, also: Callable[[sqlite3.Connection], None] | None = None
    ) -> bool:
        """Put rows (columns of STORED, sorted by key) straight into the lake; return whether they are on the disk.

        The node may run: rows of these times it showed before go to the lake first, what it shows meanwhile comes after.
        Of equal keys the last counts, `counted` and `notes` are for the ledger, `also` writes in the transaction that notes
        the files. Rows where no file has the series' time yet go to `samples` at once.
        """

        def count(tx: sqlite3.Connection) -> None:
            self._historian.ledger.stored(counted)
            self._historian.ledger.noted(notes)
            if also is not None:
                also(tx)

        with self.lock, self.careful():
            rows = unique(rows)
            sids, ts = (rows[name].cast(pa.int64()).to_numpy() for name in ("sid", "ts"))
            sids = sids.astype(np.int32)
            if self._hot.overlaps(ts):
                self._flush()
            with self._journal.lock:
                arrival = self._journal.next()
            late = self._late(sids, ts) & self._covered(sids, ts)
            added = self._write(LATE_TABLE, rows, ts, late, arrival, counts=False) if late.any() else []
            added += self._write(SAMPLES_TABLE, rows, ts, ~late, arrival, CLOSE, counts=False) if not late.all() else []
            self._advance(sids[~late], ts[~late])
            self._hot.remember_below(newest_of(rows).to_batches(), ts)
            self._trim(self.flushed, added, (), count)
            return True
        return False

    def _covered(self, sids: Sids, ts: Ints) -> npt.NDArray[np.bool_]:
        """Return which rows lie where a file may have their key already."""
        covered = np.zeros(len(sids), bool)
        if len(ts):
            for file in self._index.files:
                if file.kind in ROWS and file.overlaps(int(ts.min()) - 1, int(ts.max())):
                    covered |= (sids >= file.min_sid) & (sids <= file.max_sid) & (ts >= file.min_ts) & (ts <= file.max_ts)
        return covered

    def _late(self, sids: Sids, ts: Ints) -> npt.NDArray[np.bool_]:
        known = sids < len(self._frontier)
        late = np.zeros(len(sids), bool)
        late[known] = ts[known] <= self._frontier[sids[known]]
        return late

    def _write(
        self,
        kind: str,
        rows: pa.Table,
        ts: Ints,
        which: npt.NDArray[np.bool_],
        until: int,
        level: int = QUICK,
        *,
        counts: bool = True,
    ) -> list[File]:
        """Write rows, a file a day, and commit them; `counts` says that the lake has all of the journal up to `until` then."""
        days = ts // DAY
        added: list[File] = []
        for day in np.unique(days[which]).tolist():
            chosen = which & (days == day)
            part = lake_rows(rows if chosen.all() else rows.filter(pa.array(chosen)))
            if kind == LATE_TABLE:
                part = part.append_column("seq", pa.array(np.full(len(part), until, np.int64)))
            added.append(self._lake.write(kind, day, part, level))
            self._loose.append(added[-1])
        self._commit(kind, added, seq=until if counts else None)
        return added

    def _trim(
        self,
        until: int,
        added: Sequence[File],
        closed: Sequence[Generation],
        also: Callable[[sqlite3.Connection], None] | None = None,
    ) -> None:
        """Note durably what the lake has now, let go of it in the journal and in memory."""
        named, old = self._publish()
        with self._journal.lock:
            self._historian.commit()
            last, good = _bytes(self._hot.any.to_table()), _bytes(self._hot.good.to_table())
            through = self._historian.through
            undone = f"and (source = '{DERIVED}' or seq <= {through})" if through >= 0 else ""
            with self._journal.transaction() as tx:
                tx.execute(f"delete from log where seq <= ? {undone}", (until,))
                self.flushed = max(self.flushed, until)
                self._note(tx, [*added, *named], old)
                if also is not None:
                    also(tx)
                self._journal.put(tx, "last", last)
                self._journal.put(tx, "good", good)
                self._journal.put(tx, "unsure", json.dumps(sorted(self._hot.good.unsure)))
                self._journal.put(tx, "ledger", self._historian.ledger.to_text(self._journal.seq))
        self._noted()
        self._index.swap(self._hot, closed, [*added, *named], old)
        self._hot.sweep()

    def _publish(self) -> tuple[list[File], list[File]]:
        """Write the dictionary of series beside the samples if it changed; return files that came and went."""
        edition = self._historian.edition
        before = self._index.of(SERIES_TABLE)
        if edition == self._published or not len(self._historian.series):
            return [], []
        added = [self._lake.write_series(self._historian.names())]
        self._commit(SERIES_TABLE, added, before)
        self._published = edition
        return added, before

    @property
    def broken(self) -> bool:
        """True while the lake cannot be written."""
        return self._broken

    def files(self) -> tuple[File, ...]:
        """Return the current files of the lake."""
        return self._index.files

    @property
    def root(self) -> Path:
        """The folder of the lake."""
        return self._lake.root

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Return a connection for one pass over files."""
        return self._hot.cursor()

    def tell(self, event: SystemEvent) -> None:
        """Tell how the lake's housekeeping goes."""
        self._bus.tell(event)

    def attempt(self, make: Callable[[], Made]) -> Made | None:
        """Let files be written, without the lock: flushes go on. Trouble becomes a system event and leaves nothing behind."""
        try:
            made = make()
        except Stopped as error:
            self._leave_nothing()
            self._stalled = True
            self._bus.tell(SystemEvent(COMPACTION, str(error), "warning", hint=error.hint))
            return None
        except (Retryable, InvalidInput, NotFound, ConfigError, CredentialsError) as error:  # a tier that does not give its files
            self._leave_nothing()
            self._stalled = True
            self._bus.tell(SystemEvent(COMPACTION, f"days wait for object storage: {error.what}", "warning", hint=error.hint))
            return None
        except (OSError, duckdb.Error, pa.ArrowException) as error:
            self._leave_nothing()
            self._trouble(error)
            return None
        if self._stalled:
            self._stalled = False
            self._bus.tell(SystemEvent(COMPACTION, "days are rewritten again", active=False))
        return made

    def _leave_nothing(self) -> None:
        """Delete what a rewrite left that did not come to its end; nothing else writes while the lock is held."""
        with self.lock:
            known = set(self._journal.db.execute("select kind, path from files"))
            known |= {(file.kind, file.name) for file in self._loose}
            for path in self._lake.orphans(known):
                path.unlink(missing_ok=True)

    def as_of(self, at: int) -> tuple[File, ...]:
        """Return the files that were the lake at a time. Raises NotFound where some of them were swept up since."""
        with self.lock, self._journal.lock:
            swept = int(self._journal.meta("swept", -1))
            if at < swept:
                hint = "raise [store] keep_removed to look back further"
                raise NotFound("the lake's files of that time are no longer kept", hint=hint, code="store.swept")
            return self._index.as_of(self._journal.db, at)

    def replace(self, made: Made, main: Sequence[File], late: Sequence[File], *, anew: bool) -> bool:
        """Put files in the place of files of a day, or only add their roll-ups; return whether it came to that.

        Readers see the old files or the new ones, never both. Roll-ups come after what they were made from: if the power
        goes in between, there are none, and they are made again.
        """
        with self.lock, self.careful():
            self._loose += made.files
            kept = {file.name for file in self._index.of(SAMPLES_TABLE)} - {file.name for file in main}
            old = [file for file in self._index.files if file.kind in ROLL_UPS and file.of not in kept]
            removed = [*main, *late, *old] if anew else old
            if anew:
                self._commit(SAMPLES_TABLE, made.of(SAMPLES_TABLE), main, change=bool(late))
            for kind in ROLL_UPS:
                self._commit(kind, made.of(kind), [file for file in old if file.kind == kind])
            if late and anew:
                self._commit(LATE_TABLE, [], late)
            with self._journal.transaction() as tx:
                self._note(tx, made.files, removed)
            self._noted()
            self._index.swap(self._hot, (), made.files, removed)
            return True
        return False

    def sweep(self, before: int) -> int:
        """Delete files that were replaced before a time; return how many."""
        with self.lock:
            expired = self._index.expired(self._journal.db, before)
            if expired:
                with self._journal.transaction() as tx:
                    self._journal.put(tx, "swept", max(int(self._journal.meta("swept", -1)), *(at for _, _, at in expired)))
                ready = self._index.let_go([(kind, name) for kind, name, _ in expired])
                expired = [one for one in expired if one[:2] in ready]
            for kind, name, _ in expired:
                (self._lake.root / kind / name).unlink(missing_ok=True)
            if expired:
                gone = [(kind, name) for kind, name, _ in expired]
                with self._journal.transaction() as tx:
                    tx.executemany("delete from files where kind=? and path=?", gone)
                    tx.executemany("delete from births where kind=? and path=?", gone)
        return len(expired)


def sorted_rows(rows: pa.Table) -> pa.Table:
    """Return rows that are in the order of arrival sorted by (sid, ts, q), the last arrival of each key only."""
    rows = rows.combine_chunks()
    sid, ts, q = (rows[name].to_numpy() for name in ("sid", "ts", "q"))
    order = np.argsort(sid, kind="stable")
    same, times = sid[order][1:] == sid[order][:-1], ts[order]
    wrong = np.flatnonzero(same & (times[1:] <= times[:-1]))
    if not len(wrong):
        return rows.take(pa.array(order, pa.int64()))
    places = np.flatnonzero(np.isin(sid[order], np.unique(sid[order][wrong])))
    mixed = order[places]
    order[places] = mixed[np.lexsort((q[mixed], ts[mixed], sid[mixed]))]
    sid, ts, q = sid[order], ts[order], q[order]
    new = (sid[1:] != sid[:-1]) | (ts[1:] != ts[:-1]) | (q[1:] != q[:-1])
    return rows.take(pa.array(order[np.append(new, True)], pa.int64()))


def unique(rows: pa.Table) -> pa.Table:
    """Return rows sorted by (sid, ts, q) with the last of each key only."""
    rows = rows.combine_chunks()
    if len(rows) < 2:
        return rows
    sid, ts, q = (rows[name].chunk(0).cast(pa.int64()).to_numpy() for name in ("sid", "ts", "q"))
    new = (sid[1:] != sid[:-1]) | (ts[1:] != ts[:-1]) | (q[1:] != q[:-1])
    return rows if new.all() else rows.filter(pa.array(np.append(new, True)))


def newest_of(rows: pa.Table) -> pa.Table:
    """Return the rows of each series' last times, of rows sorted by key: enough to know its newest and newest good value."""
    if not len(rows):
        return rows
    batch = rows.to_batches()[0]
    sids = batch.column(0).to_numpy(zero_copy_only=False)
    fit = np.flatnonzero(usable(batch, kinds_of(batch)))
    wanted = [np.flatnonzero(np.append(sids[1:] != sids[:-1], True))]
    wanted += [fit[np.flatnonzero(np.append(sids[fit][1:] != sids[fit][:-1], True))]] if len(fit) else []
    return pa.Table.from_batches([batch.take(pa.array(np.unique(np.concatenate(wanted)), pa.int64()))])


def _bytes(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _of_delta(error: Exception) -> bool:
    return type(error).__module__.partition(".")[0] in ("_internal", "deltalake")
