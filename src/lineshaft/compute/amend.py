"""Raw values taken back or corrected: seen beforehand as if it had been done, then written over what was there.

Nothing is erased: a value that is taken back is overwritten by a row without a value, a corrected one by the right one, and
what stood there before stays readable with who changed it and why.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa

from lineshaft.assets import Kind, Property, Span, of_type
from lineshaft.compute.channels import History
from lineshaft.compute.difference import Change
from lineshaft.compute.formula import Bools, Ints
from lineshaft.compute.points import rows_of
from lineshaft.core import InvalidInput, Quality

_MOST = 1_000_000
"""Values one edit may take back."""


class Reading(History, Protocol):
    """What is amended: the store as figures and formulas read it."""

    def history(self, ref: Any, start: int, end: int) -> pa.Table:
        """Return (ts, value, q) over (start, end]."""
        ...

    def before(self, ref: Any, at: int) -> Any:
        """Return the last good value at or before a time."""
        ...


@dataclass(frozen=True, slots=True)
class Edit:
    """What is to be done to a measured property: all values of [start, end] taken back, or one value put right at a time."""

    property: str
    start: int
    end: int
    value: float | str | bool | None = None

    def checked(self, of: Property) -> Edit:
        """Return the edit if it can be made. Raises InvalidInput."""
        if of.kind is not Kind.MEASUREMENT:
            hint = "correct what it is computed from"
            raise InvalidInput(f"'{of.path}' is a {of.kind}: only measured values are corrected", hint=hint, code="edit.kind")
        if self.end < self.start:
            raise InvalidInput("the edit ends before it starts", where="edits", code="time.span")
        if self.value is None:
            return self
        if self.start != self.end:
            raise InvalidInput("a value is put right at one time", where="edits", hint="leave end out", code="edit.span")
        if not of_type(self.value, of.type):
            raise InvalidInput(f"'{of.path}' cannot take {self.value!r}", where="edits", hint=f"it is of type {of.type}")
        return self


class _Before(NamedTuple):
    ts: int
    value: object


@dataclass(frozen=True, slots=True)
class _Part:
    """One edit on one series: over [low, high], with the row that is written instead of one value."""

    sid: int
    low: int
    high: int
    edit: Edit
    of: Property


class Amended:
    """The store as if some edits had been made; what nobody edited is read as it is."""

    def __init__(self, store: Reading, edits: Sequence[Edit], assets: Any) -> None:
        self._store = store
        self._parts = [part for edit in edits for part in _parts(store, assets, edit)]
        self._paths = {part.of.path for part in self._parts}

    def sids(self, source: str, tags: Sequence[str]) -> np.ndarray:
        """Return the numbers of series."""
        return self._store.sids(source, tags)

    def span(self, sids: Sequence[int] | np.ndarray, start: int, end: int, *, carry: bool = False) -> pa.Table:
        """Return rows of series over (start, end] as amended; `carry` adds the last good row that stands at or before start."""
        mine = [part for part in self._parts if part.sid in set(np.asarray(sids).tolist())]
        if not mine:
            return self._store.span(sids, start, end, carry=carry)
        touched = np.array(sorted({part.sid for part in mine}), np.int64)
        rest = np.setdiff1d(np.asarray(sids), touched)
        found = [self._store.span(rest, start, end, carry=carry)] if len(rest) else []
        for sid in touched.tolist():
            own = [part for part in mine if part.sid == sid]
            found.append(self._one(sid, own, start, end))
            if carry:
                found.append(self._carried(sid, own, start))
        return pa.concat_tables([table.select(STORED_READ) for table in found])

    def _one(self, sid: int, parts: Sequence[_Part], start: int, end: int) -> pa.Table:
        table = _kept(self._store.span([sid], start, end), parts).select(STORED_READ)
        put = [part for part in parts if part.edit.value is not None and start < part.low <= end]
        return pa.concat_tables([table, _rows(put).cast(table.schema)]) if put else table

    def _carried(self, sid: int, parts: Sequence[_Part], start: int) -> pa.Table:
        """Return the last good row at or before a moment, going back beyond what is taken back."""
        at, table = start, self._store.span([sid], start, start, carry=True)
        found = _newest_good(table, at)
        while found is not None and (hit := [p for p in parts if p.low <= found <= p.high]):
            at = min(p.low for p in hit) - 1
            table = self._store.span([sid], at, at, carry=True)
            found = _newest_good(table, at)
        put = max((p for p in parts if p.edit.value is not None and p.low <= start), key=lambda p: p.low, default=None)
        if put is not None and (found is None or found < put.low):
            return _rows([put]).cast(table.select(STORED_READ).schema)
        return table.select(STORED_READ)

    def history(self, ref: Any, start: int, end: int) -> pa.Table:
        """Return (ts, value, q) over (start, end] as amended."""
        table = self._store.history(ref, start, end)
        mine = [part for part in self._parts if part.of.path == ref]
        if not mine:
            return table
        table = _kept(table, mine)
        put = [part for part in mine if part.edit.value is not None and start < part.low <= end]
        if put:
            stamps = pa.array([part.low for part in put], pa.int64()).cast(table.schema.field("ts").type)
            cells: list[Any] = [part.edit.value for part in put]
            values = pa.array(cells).cast(table.schema.field("value").type)
            good = pa.array([0] * len(put)).cast(table.schema.field("q").type)
            table = pa.concat_tables([table, pa.Table.from_arrays([stamps, values, good], schema=table.schema)])
        return table.sort_by([("ts", "ascending"), ("q", "ascending")])

    def before(self, ref: Any, at: int) -> Any:
        """Return the last good value at or before a time, as amended."""
        if ref not in self._paths:
            return self._store.before(ref, at)
        mine = [part for part in self._parts if part.of.path == ref]
        put = max((p for p in mine if p.edit.value is not None and p.low <= at), key=lambda p: p.low, default=None)
        found = self._store.before(ref, at)
        while found is not None and any(p.low <= found.ts <= p.high for p in mine):
            found = self._store.before(ref, min(p.low for p in mine if p.low <= found.ts <= p.high) - 1)
        if put is not None and (found is None or found.ts < put.low):
            return _Before(put.low, put.edit.value)
        return found

    # --- carrying it out ---------------------------------------------------------------------------------------

    def written(self) -> tuple[pa.RecordBatch | None, list[Change]]:
        """Return the rows that carry the edits out, and every value they replace; both empty where they are done already."""
        found: list[dict[str, Any]] = []
        told: list[Change] = []
        for part in self._parts:
            table = self._store.span([part.sid], part.low - 1, part.high)
            if len(table) > _MOST:
                raise InvalidInput(f"more than {_MOST:,} values would be taken back", hint="take a shorter time")
            old = [row for row in _listed(table) if row["value"] is not None]
            right = part.edit.value
            if right is None:
                found += [_row(part, row["ts"], row["q"], None) for row in old]
                told += [_change(part.of, row["ts"], row["value"], None) for row in old]
            elif [row["value"] for row in old if row["q"] == 0] != [right]:
                found += [_row(part, row["ts"], row["q"], None) for row in old if row["q"] != 0]
                found.append(_row(part, part.low, 0, right))
                before = next((row["value"] for row in old if row["q"] == 0), None)
                told.append(_change(part.of, part.low, before, right))
        return (rows_of(found) if found else None), told

    def next_value(self, limit: int) -> int:
        """Return until when the edits make themselves felt: the next value after each, at most `limit`."""
        reach = max((part.high for part in self._parts), default=0)
        for part in self._parts:
            low, step = part.high, 3600 * 10**9
            while low < limit:
                table = self._store.span([part.sid], low, min(low + step, limit))
                if len(table):
                    reach = max(reach, int(table.column("ts").cast(pa.int64()).to_numpy().min()))
                    break
                low, step = low + step, step * 8
            else:
                reach = max(reach, limit)
        return min(reach, limit) if reach else limit


STORED_READ = ["sid", "ts", "v", "vi", "vs", "vb", "q"]


def _parts(store: Reading, assets: Any, edit: Edit) -> Iterable[_Part]:
    of: Property = assets.property(edit.property)
    spans: list[Span] = assets.spans(of.id)
    for span in spans:
        low, high = max(edit.start, span.start_ns), edit.end if span.end_ns is None else min(edit.end, span.end_ns - 1)
        if low <= high:
            yield _Part(int(store.sids(span.source, [span.tag])[0]), low, high, edit, of)


def _kept(table: pa.Table, parts: Sequence[_Part]) -> pa.Table:
    """Return the rows that no edit takes away or replaces."""
    ts: Ints = table.column("ts").cast(pa.int64()).to_numpy()
    keep: Bools = np.ones(len(ts), np.bool_)
    for part in parts:
        keep &= ~((ts >= part.low) & (ts <= part.high))
    return table if keep.all() else table.filter(pa.array(keep))


def _newest_good(table: pa.Table, at: int) -> int | None:
    good = [row for row in _listed(table) if row["q"] == int(Quality.GOOD) and row["ts"] <= at]
    return max((row["ts"] for row in good), default=None)


def _listed(table: pa.Table) -> list[dict[str, Any]]:
    stamps = table.column("ts").cast(pa.int64()).to_pylist()
    quality = table.column("q").to_pylist()
    columns = [table.column(name).to_pylist() for name in ("v", "vi", "vs", "vb")]
    values = [next((cell for cell in cells if cell is not None), None) for cells in zip(*columns, strict=True)]
    return [{"ts": ts, "q": q, "value": value} for ts, q, value in zip(stamps, quality, values, strict=True)]


def _row(part: _Part, ts: int, quality: int, value: object) -> dict[str, Any]:
    return {"sid": part.sid, "ts": ts, "q": quality, "type": part.of.type, "value": value}


def _rows(parts: Sequence[_Part]) -> pa.Table:
    made = rows_of([_row(part, part.low, 0, part.edit.value) for part in parts])
    return pa.Table.from_batches([made]).select(STORED_READ)


def _change(of: Property, ts: int, old: object, new: object) -> Change:
    return Change(of.id, of.path, ts, old, new, 1, 1 if new is None else 2)


def stored(edit: Edit) -> Mapping[str, Any]:
    """Return an edit as it is written down."""
    return {"property": edit.property, "start": edit.start, "end": edit.end, "value": edit.value}
