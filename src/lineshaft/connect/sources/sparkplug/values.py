"""What a metric's value is, by its declared type."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lineshaft.connect.sparkplug_b import BOOLEAN, DOUBLE, FLOAT, INT, LONG, UINT64, Type
from lineshaft.core import Quality

BITS = {Type.INT8: 8, Type.INT16: 16, Type.INT32: 32, Type.INT64: 64, Type.UINT8: 8, Type.UINT16: 16, Type.UINT32: 32}
SIGNED = {Type.INT8, Type.INT16, Type.INT32, Type.INT64}
ARRAYS = {22: "<i1", 23: "<i2", 24: "<i4", 25: "<i8", 26: "<u1", 27: "<u2", 28: "<u4", 29: "<u8", 30: "<f4", 31: "<f8", 34: "<u8"}
BOOLEANS, STRINGS = 32, 33
STALE = 500


_SHIFT, _SIGNED = np.zeros(256, np.uint64), np.zeros(256, bool)
for _kind, _bits in BITS.items():
    _SHIFT[_kind] = 64 - _bits
for _kind in SIGNED:
    _SIGNED[_kind] = True


class Unstorable(ValueError):
    """A value of a kind that is no sample."""


def integers(raw: UINT64, kinds: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return integers from their bits: signed types are two's complement of their own width, sent as unsigned numbers."""
    shift = _SHIFT[kinds]
    left = raw << shift
    signed = left.view(np.int64) >> shift.astype(np.int64)
    return np.where(_SIGNED[kinds], signed, (left >> shift).view(np.int64))


def value_of(metric: Any, kind: int) -> object:
    """Return the value of a metric message as Python has it. Raises Unstorable for files and bytes."""
    which = metric.WhichOneof("value")
    if metric.is_null or which is None:
        return None
    if which in ("int_value", "long_value"):
        bits = np.array([getattr(metric, which)], np.uint64)
        number = int(integers(bits, np.array([kind if kind < 32 else 0], np.uint8))[0])
        return number + 2**64 if kind == Type.UINT64 and number < 0 else number
    if which in ("float_value", "double_value", "boolean_value", "string_value"):
        return getattr(metric, which)
    if which == "dataset_value":
        return _dataset(metric.dataset_value)
    if which == "template_value":
        return {inner.name: value_of(inner, inner.datatype) for inner in metric.template_value.metrics}
    return _array(metric.bytes_value, kind)


def _array(raw: bytes, kind: int) -> list[object]:
    """Return a packed array as a list. Raises Unstorable for files and bytes."""
    if kind in ARRAYS:
        size = np.dtype(ARRAYS[kind]).itemsize
        return np.frombuffer(raw[: len(raw) // size * size], ARRAYS[kind]).tolist()
    if kind == BOOLEANS:
        return [*_booleans(raw)]
    if kind == STRINGS:
        return [part.decode("utf-8", "replace") for part in raw.split(b"\0")[:-1]]
    raise Unstorable("bytes and files are no samples: send them as documents")


def _booleans(raw: bytes) -> list[bool]:
    """Read a packed array: its count in four bytes, then bits, most significant first."""
    count = int.from_bytes(raw[:4], "little")
    return [bool(bit) for bit in np.unpackbits(np.frombuffer(raw[4:], np.uint8))[:count]]


def _dataset(table: Any) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for row in table.rows:
        cells = [getattr(cell, which) if (which := cell.WhichOneof("value")) else None for cell in row.elements]
        rows.append(dict(zip(table.columns, cells, strict=False)))
    return rows


def quality_of(metric: Any) -> int:
    """Return the quality property: 192 good, 0 bad, 500 stale; without one the value is good."""
    if metric.HasField("properties"):
        for key, value in zip(metric.properties.keys, metric.properties.values, strict=False):
            if key == "Quality":
                number = value.int_value or value.long_value
                return Quality.GOOD if number == 192 else Quality.UNCERTAIN if number == STALE else Quality.BAD
    return Quality.GOOD


FLOATING, WHOLE = np.zeros(256, bool), np.zeros(256, bool)
FLOATING[[FLOAT, DOUBLE]] = True
WHOLE[[INT, LONG]] = True
TRUTH = BOOLEAN
