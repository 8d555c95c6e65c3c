"""The last value of every series, in arrays by series number: answers "now" for thousands of tags without a query."""

from __future__ import annotations

import threading
from typing import cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lineshaft.store.judge import BOOLEAN, DOUBLE, INTEGER, STRING, Kinds
from lineshaft.store.stored import Ints, Sids

NEVER = np.iinfo(np.int64).min
"""The time of a series' last value when there is none."""

Value = float | int | bool | str | None


class Last:
    """The newest row of each series; at equal times the one that arrived later."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.ts: Ints = np.zeros(0, np.int64)
        self._v: npt.NDArray[np.float64] = np.zeros(0)
        self._i: Ints = np.zeros(0, np.int64)
        self._kind: Kinds = np.zeros(0, np.uint8)
        self._q: npt.NDArray[np.int16] = np.zeros(0, np.int16)
        self._text: dict[int, str] = {}
        self.unsure: set[int] = set()
        self._grow(1024)

    def _grow(self, size: int) -> None:
        add = max(size, 2 * len(self.ts)) - len(self.ts)
        self._v = np.concatenate([self._v, np.full(add, np.nan)])
        self._i = np.concatenate([self._i, np.zeros(add, np.int64)])
        self._kind = np.concatenate([self._kind, np.zeros(add, np.uint8)])
        self._q = np.concatenate([self._q, np.full(add, 2, np.int16)])
        self.ts = np.concatenate([self.ts, np.full(add, NEVER, np.int64)])

    def take(self, rows: pa.RecordBatch, sids: Sids, ts: Ints, kinds: Kinds, places: Ints) -> None:
        """Take rows at places (one a series, see `newest`) unless something newer is known."""
        if not len(places):
            return
        with self._lock:
            if int(sids.max()) >= len(self.ts):
                self._grow(int(sids.max()) + 1)
            places = places[ts[places] >= self.ts[sids[places]]]
            if len(places):
                self._set(rows, sids[places], ts[places], kinds[places], places)
                if self.unsure:
                    self.unsure.difference_update(sids[places].tolist())

    def doubt(self, sids: Sids, ts: Ints) -> None:
        """Note that rows at these times were replaced by ones that do not count: whose last row that was must be looked up."""
        with self._lock:
            known = sids < len(self.ts)
            sids, ts = sids[known], ts[known]
            self.unsure.update(sids[self.ts[sids] == ts].tolist())

    def _set(self, rows: pa.RecordBatch, sids: Sids, ts: Ints, kinds: Kinds, places: Ints) -> None:
        self.ts[sids] = ts
        self._q[sids] = rows.column(6).to_numpy(zero_copy_only=False)[places]
        for sid in sids[self._kind[sids] == STRING].tolist() if self._text else ():
            self._text.pop(sid, None)
        self._kind[sids] = kinds
        self._v[sids] = rows.column(2).to_numpy(zero_copy_only=False)[places]
        for column, kind in ((3, INTEGER), (5, BOOLEAN)):
            of = kinds == kind
            if of.any():
                at = pa.array(places[of], pa.int64())
                whole = rows.column(column).take(at).cast(pa.int64()).to_numpy(zero_copy_only=False)
                self._i[sids[of]] = whole
                self._v[sids[of]] = whole
        of = kinds == STRING
        if of.any():
            texts = cast("list[str]", rows.column(4).take(pa.array(places[of], pa.int64())).to_pylist())
            self._text.update(zip(sids[of].tolist(), texts, strict=True))

    def arrays(self, sids: Sids) -> tuple[Ints, npt.NDArray[np.float64], npt.NDArray[np.int16]]:
        """Return (ts, value, quality) of series; a text's value is NaN, a series without any has NEVER, NaN and bad."""
        with self._lock:
            known = (sids >= 0) & (sids < len(self.ts))
            at = np.where(known, sids, 0)
            return (
                np.where(known, self.ts[at], NEVER),
                np.where(known, self._v[at], np.nan),
                np.where(known, self._q[at], np.int16(2)),
            )

    def one(self, sid: int) -> tuple[int, Value, int] | None:
        """Return (ts, value in its own type, quality) of one series, or None."""
        with self._lock:
            if sid >= len(self.ts) or self.ts[sid] == NEVER:
                return None
            kind = int(self._kind[sid])
            value = float(self._v[sid]) if kind == DOUBLE else self._not_double(kind, int(self._i[sid]), sid)
            return int(self.ts[sid]), value, int(self._q[sid])

    def several(self, sids: Ints) -> list[tuple[int, Value, int] | None]:
        """Return what `one` does for each of many series."""
        with self._lock:
            known = (sids >= 0) & (sids < len(self.ts))
            at = np.where(known, sids, 0)
            there = known & (self.ts[at] != NEVER)
            kinds, whole = self._kind[at], self._i[at]
            values: list[Value] = self._v[at].tolist()
            for place in np.flatnonzero(there & (kinds != DOUBLE)).tolist():
                values[place] = self._not_double(int(kinds[place]), int(whole[place]), int(at[place]))
            rows = zip(there.tolist(), self.ts[at].tolist(), values, self._q[at].tolist(), strict=True)
        return [(ts, value, q) if some else None for some, ts, value, q in rows]

    def _not_double(self, kind: int, whole: int, sid: int) -> Value:
        if kind == INTEGER:
            return whole
        if kind == BOOLEAN:
            return bool(whole)
        return self._text.get(sid) if kind == STRING else None

    def sure(self, sids: Sids) -> npt.NDArray[np.bool_]:
        """Return of which series the last row is known for certain."""
        return ~np.isin(sids, list(self.unsure)) if self.unsure else np.ones(len(sids), np.bool_)

    def rows(self, sids: Sids) -> pa.Table:
        """Return the last rows of series as a table (sid, ts, v, vi, vs, vb, q); all of them must have one."""
        with self._lock:
            kinds, whole = self._kind[sids], self._i[sids]
            texts = [self._text.get(sid) for sid in sids.tolist()] if self._text else pa.nulls(len(sids), pa.string())
            return pa.table(
                {
                    "sid": pa.array(sids, pa.int32()),
                    "ts": pa.array(self.ts[sids]).cast(pa.timestamp("ns", "UTC")),
                    "v": pa.array(self._v[sids], mask=kinds != DOUBLE),
                    "vi": pa.array(whole, mask=kinds != INTEGER),
                    "vs": pa.array(texts, pa.string()),
                    "vb": pa.array(whole != 0, mask=kinds != BOOLEAN),
                    "q": pa.array(self._q[sids]),
                }
            )

    def to_table(self) -> pa.Table:
        """Return every last row, to be kept beside the journal."""
        with self._lock:
            sids = np.flatnonzero(self.ts != NEVER).astype(np.int32)
        return self.rows(sids)

    def from_table(self, table: pa.Table) -> None:
        """Take back what `to_table` returned."""
        for batch in table.combine_chunks().to_batches():
            full = pa.RecordBatch.from_arrays(
                [*batch.columns, pa.nulls(batch.num_rows, pa.int32())], names=[*batch.schema.names, "code"]
            )
            kinds = np.zeros(batch.num_rows, np.uint8)
            for number, kind in ((2, DOUBLE), (3, INTEGER), (4, STRING), (5, BOOLEAN)):
                kinds[batch.column(number).is_valid().to_numpy(zero_copy_only=False)] = kind
            ts = batch.column(1).cast(pa.int64()).to_numpy(zero_copy_only=False)
            self.take(full, batch.column(0).to_numpy(zero_copy_only=False), ts, kinds, np.arange(len(ts)))


def newest(sids: Sids, ts: Ints) -> Ints:
    """Return the place of the newest row of each series in rows that are in the order of arrival (of equals, the last)."""
    places = np.arange(len(sids))
    at = np.empty(int(sids.max()) + 1, np.int64)
    at[sids] = places
    if (at[sids] == places).all():
        return places
    order = np.argsort(ts, kind="stable")
    at[sids[order]] = order
    return order[at[sids[order]] == order]


def ascending(sids: Sids, ts: Ints) -> bool:
    """Return whether the times of each series only rise, in rows that are in the order of arrival."""
    order = np.argsort(sids, kind="stable")
    times = ts[order]
    return bool(((times[1:] > times[:-1]) | (sids[order][1:] != sids[order][:-1])).all())


def usable(rows: pa.RecordBatch, kinds: Kinds) -> npt.NDArray[np.bool_]:
    """Return which rows may be computed with: good, not null, not NaN."""
    good = (rows.column(6).to_numpy(zero_copy_only=False) == 0) & (kinds > 0)
    if (kinds == DOUBLE).any():
        good &= ~np.isnan(rows.column(2).to_numpy(zero_copy_only=False)) | (kinds != DOUBLE)
    return good
