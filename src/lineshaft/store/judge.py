"""The judge: which rows of a batch can be kept, and why the others cannot.

Whole columns at a time; a batch without fault costs a few comparisons of its minimum and maximum.
"""

from __future__ import annotations

import json
from typing import NamedTuple, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from lineshaft.core import Batch, Quality
from lineshaft.store.stored import STORED, Column, Ints, Rejection, Sids, ints

DOUBLE, INTEGER, BOOLEAN, STRING, JSON = 1, 2, 3, 4, 5
_COLUMN_KINDS = ((1, DOUBLE), (2, INTEGER), (3, STRING), (4, BOOLEAN))
_REASONS = ("", "past", "future", "quality", "type", "json")
_ALLOWED = np.zeros((6, 5), bool)
_ALLOWED[:, 0] = True
_ALLOWED[0, :] = True
_ALLOWED[[DOUBLE, DOUBLE, INTEGER, BOOLEAN, STRING, JSON], [DOUBLE, INTEGER, INTEGER, BOOLEAN, STRING, STRING]] = True

Kinds = npt.NDArray[np.uint8]


class Verdict(NamedTuple):
    """The rows that are kept, their series and types, and what was refused."""

    rows: pa.RecordBatch
    sids: Sids
    kinds: Kinds
    rejected: list[Rejection]
    rejected_rows: tuple[int, ...]
    refused: Sids


def judge(batch: Batch, sids: Sids, expected: Kinds, limit: int) -> Verdict:
    """Judge the rows of a batch whose series are known.

    `expected` is the type of the bound property by sid (0 = anything goes), `limit` the newest time allowed.
    """
    rows = batch.rows
    ts = ints(rows.column(1))
    kinds = kinds_of(rows)
    columns: list[Column] = [pa.array(sids), *rows.columns[1:]]
    bits = _bits(rows, (expected[sids] == BOOLEAN) & (kinds == INTEGER))
    if bits is not None:
        columns[3], columns[5] = _as_truth(columns[3], columns[5], bits)
        kinds = np.where(bits, np.uint8(BOOLEAN), kinds)
    faults = _faults(rows, ts, sids, kinds, expected, limit)
    widen = (expected[sids] == DOUBLE) & (kinds == INTEGER)
    if widen.any():
        columns[2], columns[3] = _widened(columns[2], columns[3], widen)
        kinds = np.where(widen, np.uint8(DOUBLE), kinds)
    kept = pa.RecordBatch.from_arrays(columns, schema=STORED)
    if faults is None:
        return Verdict(kept, sids, kinds, [], (), sids[:0])
    bad = np.flatnonzero(faults)
    tags = cast("list[str]", rows.column(0).take(pa.array(bad, pa.int64())).to_pylist())
    rejected = [Rejection(tag, int(ts[i]), _REASONS[faults[i]]) for tag, i in zip(tags, bad, strict=True)]
    good = faults == 0
    return Verdict(kept.filter(pa.array(good)), sids[good], kinds[good], rejected, tuple(bad.tolist()), sids[bad])


def kinds_of(rows: pa.RecordBatch) -> Kinds:
    """Return which value column each row uses (0 = null in all four)."""
    kinds = np.zeros(rows.num_rows, np.uint8)
    for number, kind in _COLUMN_KINDS:
        column = rows.column(number + 1)
        if column.null_count == 0:
            kinds[:] = kind
        elif column.null_count < len(column):
            kinds[column.is_valid().to_numpy(zero_copy_only=False)] = kind
    return kinds


def _faults(rows: pa.RecordBatch, ts: Ints, sids: Sids, kinds: Kinds, expected: Kinds, limit: int) -> Kinds | None:
    """Return a reason's number a row, or None if all rows are well."""
    if not len(ts):
        return None
    quality = rows.column(6).to_numpy(zero_copy_only=False)
    wanted = expected[sids]
    fits = _ALLOWED[wanted, kinds]
    checks = (
        (ts.min() < 0, lambda: ts < 0),
        (ts.max() > limit, lambda: ts > limit),
        (quality.min() < Quality.GOOD or quality.max() > Quality.BAD, lambda: (quality < Quality.GOOD) | (quality > Quality.BAD)),
        (not fits.all(), lambda: ~fits),
        ((wanted == JSON).any(), lambda: _not_json(rows, wanted)),
    )
    faults: Kinds | None = None
    for number, (suspicious, test) in enumerate(checks, start=1):
        if suspicious:
            faults = np.zeros(len(ts), np.uint8) if faults is None else faults
            faults[(faults == 0) & test()] = number
    return faults if faults is not None and faults.any() else None


def _not_json(rows: pa.RecordBatch, wanted: Kinds) -> npt.NDArray[np.bool_]:
    bad = np.zeros(len(wanted), bool)
    places = np.flatnonzero(wanted == JSON)
    for place, text in zip(places, rows.column(4).take(pa.array(places, pa.int64())).to_pylist(), strict=True):
        try:
            json.loads(text) if text is not None else None
        except ValueError:
            bad[place] = True
    return bad


def _bits(rows: pa.RecordBatch, asked: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_] | None:
    """Return which of the integers meant for a boolean are 0 or 1, None if there are none."""
    if not asked.any():
        return None
    given = rows.column(3)
    whole = ints(cast("Column", pc.if_else(given.is_valid(), given, pa.scalar(2, pa.int64()))))
    found = asked & ((whole == 0) | (whole == 1))
    return found if found.any() else None


def _as_truth(vi: Column, vb: Column, bits: npt.NDArray[np.bool_]) -> tuple[Column, Column]:
    """Move 0 and 1 of a property of type boolean into its column (many a PLC has no other truth)."""
    mask = pa.array(bits)
    said = pc.equal(vi, pa.scalar(1, pa.int64()))
    return (
        cast("Column", pc.if_else(mask, pa.scalar(None, pa.int64()), vi)),
        cast("Column", pc.if_else(mask, said, vb)),
    )


def _widened(v: Column, vi: Column, widen: npt.NDArray[np.bool_]) -> tuple[Column, Column]:
    """Move integers of a property of type double into its column (a PLC's INT is a fine double)."""
    mask = pa.array(widen)
    return (
        cast("Column", pc.if_else(mask, pc.cast(vi, pa.float64(), safe=False), v)),
        cast("Column", pc.if_else(mask, pa.scalar(None, pa.int64()), vi)),
    )
