"""The ledger's past: the whole account every ten minutes, so that a page can say when something went wrong.

An account is one row beside the journal (Arrow, zstd): counts since ever by series. What happened in between is the difference.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lineshaft.store.journal import Journal
from lineshaft.store.ledger import LedgerRow
from lineshaft.store.series import Series

EVERY = 600 * 1_000_000_000
_HOUR, _FINE = 3_600 * 1_000_000_000, 2 * 86_400 * 1_000_000_000
COUNTED = ("received", "stored", "duplicate", "filtered", "pending")
_SCHEMA = "create table if not exists ledger_past(at integer primary key, account blob not null)"


@dataclass(frozen=True, slots=True)
class Stretch:
    """What became of values between two moments; `pending` is how many were on their way at its end."""

    start: int
    end: int
    received: int
    stored: int
    duplicate: int
    filtered: int
    pending: int
    rejected: Mapping[str, int] = field(default_factory=dict[str, int])


class Past:
    """Accounts of earlier moments: every ten minutes of the last two days, every hour before."""

    def __init__(self, journal: Journal, series: Series) -> None:
        self._journal, self._series = journal, series
        with journal.lock:
            journal.db.execute(_SCHEMA)
            found = journal.db.execute("select max(at) from ledger_past").fetchone()[0]
        self._noted = int(found or 0)

    def note(self, rows: Sequence[LedgerRow], now: int, keep: int) -> bool:
        """Note the account if ten minutes have passed since the last; return whether it was. Older than `keep` goes."""
        if now - self._noted < EVERY:
            return False
        self._noted = now
        account = self._account(rows)
        with self._journal.transaction() as tx:
            tx.execute("insert or replace into ledger_past(at, account) values(?,?)", (now, account))
            self._thin(tx, now, keep)
        return True

    def _thin(self, tx: sqlite3.Connection, now: int, keep: int) -> None:
        moments = [int(row[0]) for row in tx.execute("select at from ledger_past where at < ? order by at", (now - _FINE,))]
        kept = {at // _HOUR: at for at in reversed(moments) if at >= now - keep}
        gone = set(moments) - set(kept.values())
        tx.executemany("delete from ledger_past where at=?", ((at,) for at in gone))

    def _account(self, rows: Sequence[LedgerRow]) -> bytes:
        """Return the account as a blob; tags that have no series yet are on their way and come later."""
        known = [(sid, row) for row in rows if (sid := self._series.find(row.source, row.tag)) is not None]
        columns: dict[str, Any] = {"sid": pa.array([sid for sid, _ in known], pa.int32())}
        columns |= {name: pa.array([getattr(row, name) for _, row in known], pa.int64()) for name in COUNTED}
        reasons = [[sid, dict(row.rejected)] for sid, row in known if row.rejected]
        table = pa.table(columns).replace_schema_metadata({"rejected": json.dumps(reasons)})
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
            writer.write_table(table)
        return sink.getvalue().to_pybytes()

    def trace(self, rows: Sequence[LedgerRow], start: int, now: int) -> list[Stretch]:
        """Return what became of the values of some tags (their account now is `rows`) in each stretch since `start`."""
        sids = {sid for row in rows if (sid := self._series.find(row.source, row.tag)) is not None}
        with self._journal.lock:
            before = self._journal.db.execute("select max(at) from ledger_past where at <= ?", (start,)).fetchone()[0]
            found = self._journal.db.execute(
                "select at, account from ledger_past where at >= ? and at < ? order by at", (before or start, now)
            ).fetchall()
        points = [(int(at), *_sums(account, sids)) for at, account in found]
        points.append((now, _total(rows), _reasons(row.rejected for row in rows)))
        return [_between(one, two) for one, two in pairwise(points)]


Point = tuple[int, npt.NDArray[np.int64], Counter[str]]


def _sums(account: bytes, sids: set[int]) -> tuple[npt.NDArray[np.int64], Counter[str]]:
    table = pa.ipc.open_stream(account).read_all()
    mine = np.isin(table["sid"].to_numpy(), np.fromiter(sids, np.int64, len(sids)))
    sums = np.array([int(table[name].to_numpy()[mine].sum()) for name in COUNTED], np.int64)
    said: list[tuple[int, dict[str, int]]] = json.loads((table.schema.metadata or {}).get(b"rejected", b"[]"))
    return sums, _reasons(reasons for sid, reasons in said if sid in sids)


def _total(rows: Sequence[LedgerRow]) -> npt.NDArray[np.int64]:
    return np.array([sum(getattr(row, name) for row in rows) for name in COUNTED], np.int64)


def _reasons(some: Iterable[Mapping[str, int]]) -> Counter[str]:
    found = Counter[str]()
    for one in some:
        found.update(one)
    return found


def _between(one: Point, two: Point) -> Stretch:
    received, stored, duplicate, filtered, _ = (int(n) for n in two[1] - one[1])
    return Stretch(one[0], two[0], received, stored, duplicate, filtered, int(two[1][4]), dict(two[2] - one[2]))
