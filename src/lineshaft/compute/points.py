"""Values by channel and time in columns: what compute reads from the store, works on, and hands back.

A channel is a property that something is computed from or into; which series carried it when is the channels' business
(bindings change, the property stays). Only good values become points; a point that is `gone` takes an earlier one back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lineshaft.compute.formula import Bools, Column, Floats, Ints, Objects
from lineshaft.core import DataType, Quality
from lineshaft.store import STORED


@dataclass(frozen=True, slots=True)
class Points:
    """Values sorted by (channel, time), each pair once."""

    channel: Ints
    ts: Ints
    number: Floats
    text: Objects
    gone: Bools

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.ts)

    @staticmethod
    def empty() -> Points:
        """Return no points."""
        return none()

    def where(self, keep: Bools | Ints) -> Points:
        """Return some of the points, in the order given."""
        return Points(self.channel[keep], self.ts[keep], self.number[keep], self.text[keep], self.gone[keep])

    def of(self, channels: Ints) -> Points:
        """Return the points of some channels."""
        return self.where(np.isin(self.channel, channels))

    def renamed(self, channel: Ints) -> Points:
        """Return the points under other channels, sorted again."""
        return tidy(Points(channel, self.ts, self.number, self.text, self.gone))

    @property
    def standing(self) -> Points:
        """Return the points that are not gone."""
        return self.where(~self.gone) if self.gone.any() else self

    def column(self, texts: bool) -> Column:
        """Return the values of all points."""
        if not texts:
            return Column(self.number, np.isfinite(self.number))
        return Column(self.text, np.fromiter((isinstance(cell, str) for cell in self.text), np.bool_, len(self)))


def none() -> Points:
    """Return no points."""
    return points(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))


def points(channel: Ints, ts: Ints, number: Floats, text: Objects | None = None, gone: Bools | None = None) -> Points:
    """Return points from columns in the order of arrival: sorted, and of two with the same key the later one."""
    texts = np.full(len(ts), None, np.object_) if text is None else text
    lost = np.zeros(len(ts), np.bool_) if gone is None else gone
    return tidy(Points(channel.astype(np.int64), ts, number, texts, lost))


def tidy(loose: Points) -> Points:
    """Return the points sorted by (channel, time), the last arrival of each key kept."""
    if len(loose) < 2:
        return loose
    order = np.lexsort((loose.ts, loose.channel))
    channel, ts = loose.channel[order], loose.ts[order]
    last = np.ones(len(order), np.bool_)
    last[:-1] = (channel[1:] != channel[:-1]) | (ts[1:] != ts[:-1])
    return loose.where(order[last])


def merged(parts: Sequence[Points]) -> Points:
    """Return all points together; those of a later part overwrite those of an earlier one."""
    filled = [part for part in parts if len(part)]
    if len(filled) < 2:
        return filled[0] if filled else none()
    return tidy(
        Points(
            np.concatenate([p.channel for p in filled]),
            np.concatenate([p.ts for p in filled]),
            np.concatenate([p.number for p in filled]),
            np.concatenate([p.text for p in filled]),
            np.concatenate([p.gone for p in filled]),
        )
    )


@dataclass(frozen=True, slots=True)
class Raw:
    """Good rows as they came: series, time and value; nulls and NaN are marked gone (they overwrite, and count as none)."""

    sid: Ints
    ts: Ints
    number: Floats
    text: Objects


def raw(rows: pa.RecordBatch | pa.Table) -> Raw:
    """Return the good rows of STORED columns; booleans are 1 and 0, what is null or not finite has neither number nor text."""
    good = _array(rows, "q").to_numpy(zero_copy_only=False) == int(Quality.GOOD)
    sid = _array(rows, "sid").to_numpy(zero_copy_only=False).astype(np.int64)[good]
    ts = _array(rows, "ts").cast(pa.int64()).to_numpy(zero_copy_only=False)[good]
    number = _floats(_array(rows, "v"))
    for name in ("vi", "vb"):
        column = _array(rows, name)
        if column.null_count < len(column):
            given = column.is_valid().to_numpy(zero_copy_only=False)
            number = np.where(given, _floats(column.cast(pa.int64())), number)
    number = np.where(np.isfinite(number), number, np.nan)
    words = _array(rows, "vs")
    text = np.full(len(good), None, np.object_)
    if words.null_count < len(words):
        text[:] = words.to_numpy(zero_copy_only=False)
    return Raw(sid, ts, number[good], text[good])


def _array(rows: pa.RecordBatch | pa.Table, name: str) -> pa.Array[Any]:
    column = rows.column(name)
    if isinstance(column, pa.ChunkedArray):
        whole = column.combine_chunks()
        return whole.combine_chunks() if isinstance(whole, pa.ChunkedArray) else whole
    return column


def _floats(column: pa.Array[Any]) -> Floats:
    if column.null_count == len(column):
        return np.full(len(column), np.nan)
    return column.to_numpy(zero_copy_only=False).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Shape:
    """How the points of one channel are written: series, type, and the version of the model (kept in `code`)."""

    sid: int
    type: DataType
    version: int


def rows(result: Points, shapes: Sequence[Shape | None]) -> pa.RecordBatch:
    """Return points as rows for the store; a point that is gone becomes a good row without a value under its key."""
    kept = [shapes[channel] for channel in result.channel.tolist()]
    kinds = np.array([shape.type.column if shape else "" for shape in kept], np.object_)
    alive = ~result.gone
    columns: dict[str, pa.Array[Any]] = {
        "sid": pa.array([shape.sid if shape else -1 for shape in kept], pa.int32()),
        "ts": pa.array(result.ts).cast(pa.timestamp("ns", "UTC")),
        "v": _filled(result.number, alive & (kinds == "v"), pa.float64()),
        "vi": _filled(_whole(result.number), alive & (kinds == "vi"), pa.int64()),
        "vs": pa.array(result.text, pa.string(), mask=~(alive & (kinds == "vs"))),
        "vb": _filled(result.number != 0, alive & (kinds == "vb"), pa.bool_()),
        "q": pa.array(np.zeros(len(result), np.int16)),
        "code": pa.array([shape.version if shape else None for shape in kept], pa.int32()),
    }
    return pa.RecordBatch.from_arrays([columns[name] for name in STORED.names], schema=STORED)


def rows_of(cells: Sequence[Mapping[str, Any]]) -> pa.RecordBatch:
    """Return rows for the store from (sid, ts, q, type, value); None takes the value back."""
    kinds = [cell["type"].column for cell in cells]

    def column(name: str, kind: pa.DataType) -> pa.Array[Any]:
        return pa.array([cell["value"] if at == name else None for at, cell in zip(kinds, cells, strict=True)], kind)

    columns: dict[str, pa.Array[Any]] = {
        "sid": pa.array([cell["sid"] for cell in cells], pa.int32()),
        "ts": pa.array([cell["ts"] for cell in cells], pa.int64()).cast(pa.timestamp("ns", "UTC")),
        "v": column("v", pa.float64()),
        "vi": column("vi", pa.int64()),
        "vs": column("vs", pa.string()),
        "vb": column("vb", pa.bool_()),
        "q": pa.array([cell["q"] for cell in cells], pa.int16()),
        "code": pa.nulls(len(cells), pa.int32()),
    }
    return pa.RecordBatch.from_arrays([columns[name] for name in STORED.names], schema=STORED)


def _filled(values: npt.NDArray[np.generic], given: Bools, kind: pa.DataType) -> pa.Array[Any]:
    return pa.array(values, kind, mask=~given)


def _whole(number: Floats) -> Ints:
    return np.where(np.isfinite(number), np.clip(np.rint(number), -9e18, 9e18), 0).astype(np.int64)


class Lookup:
    """Finds places in points by (channel, time) for many questions at once."""

    def __init__(self, found: Points, low: int, high: int) -> None:
        """`low` and `high` bound the times that will be asked for; points outside are only told apart from inside."""
        self.points = found
        self._low, self._high = low - 1, high + 1
        self._channels = np.unique(found.channel)
        self._stride = self._high - self._low + 2
        self._wide = len(self._channels) * self._stride > 2**62
        self._first = np.searchsorted(found.channel, self._channels, "left")
        self._end = np.searchsorted(found.channel, self._channels, "right")
        self._key = self._keys(np.searchsorted(self._channels, found.channel), found.ts) if not self._wide else found.ts

    def over(self, found: Points) -> Lookup:
        """Return a lookup in other points, with the same bounds."""
        return Lookup(found, self._low + 1, self._high - 1)

    def _keys(self, rank: Ints, ts: Ints) -> Ints:
        return rank * self._stride + (np.clip(ts, self._low, self._high) - self._low)

    def place(self, channel: Ints, ts: Ints, side: str) -> Ints:
        """Return where `ts` belongs among the channel's points: `left` before an equal time, `right` after it."""
        if not len(self._channels):
            return np.zeros(len(ts), np.int64)
        rank, known = self._rank(channel)
        if self._wide:
            found = [self._one(int(r), int(t), side) for r, t in zip(rank, ts, strict=True)]
            return np.where(known, np.array(found, np.int64), 0)
        found = np.searchsorted(self._key, self._keys(rank, ts), "left" if side == "left" else "right")
        return np.where(known, found, 0)

    def _one(self, rank: int, ts: int, side: str) -> int:
        first, end = int(self._first[rank]), int(self._end[rank])
        return first + int(np.searchsorted(self.points.ts[first:end], ts, "left" if side == "left" else "right"))

    def bounds(self, channel: Ints) -> tuple[Ints, Ints]:
        """Return `[first, end)` of each channel's points."""
        if not len(self._channels):
            return np.zeros(len(channel), np.int64), np.zeros(len(channel), np.int64)
        rank, known = self._rank(channel)
        return np.where(known, self._first[rank], 0), np.where(known, self._end[rank], 0)

    def _rank(self, channel: Ints) -> tuple[Ints, Bools]:
        rank = np.minimum(np.searchsorted(self._channels, channel), len(self._channels) - 1)
        return rank, self._channels[rank] == channel
