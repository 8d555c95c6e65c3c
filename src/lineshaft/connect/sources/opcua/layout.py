"""How a monitored item looks on the wire (OPC UA part 6): fixed layouts by encoding mask and builtin type."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

HAS_VALUE, HAS_STATUS, HAS_SOURCE, HAS_SERVER, HAS_SOURCE_PICO, HAS_SERVER_PICO = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
NULL, BOOLEAN, INTEGER, REAL, UINT64, DATETIME, TEXT, OTHER = range(8)
"""What becomes of a value: nothing, vb, vi, v, vi if it fits, ISO text, text, or JSON by the slow way."""

FIXED: dict[int, tuple[str, str, int]] = {
    1: ("?", "u1", BOOLEAN),
    2: ("b", "i1", INTEGER),
    3: ("B", "u1", INTEGER),
    4: ("h", "<i2", INTEGER),
    5: ("H", "<u2", INTEGER),
    6: ("i", "<i4", INTEGER),
    7: ("I", "<u4", INTEGER),
    8: ("q", "<i8", INTEGER),
    9: ("Q", "<u8", UINT64),
    10: ("f", "<f4", REAL),
    11: ("d", "<f8", REAL),
    13: ("q", "<i8", DATETIME),
    19: ("I", "<u4", INTEGER),
}
"""Builtin types of fixed size: struct code, NumPy type, what becomes of it."""

STRING, BYTES, XML = 12, 15, 16
TAIL = ((HAS_STATUS, "I", "status", "<u4"), (HAS_SOURCE, "q", "source", "<i8"), (HAS_SOURCE_PICO, "H", "source_pico", "<u2"),
        (HAS_SERVER, "q", "server", "<i8"), (HAS_SERVER_PICO, "H", "server_pico", "<u2"))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tail:
    """The fields behind the value, and where each is in the unpacked tuple (-1: absent)."""

    struct: struct.Struct
    status: int
    source: int
    source_pico: int
    server: int
    server_pico: int


@dataclass(frozen=True, slots=True)
class Layout:
    """A whole item of fixed size: for one by one, and for runs of equal ones."""

    struct: struct.Struct
    size: int
    dtype: np.dtype[np.void]
    kind: int
    value: int
    tail: Tail


_TAILS: dict[tuple[int, int], Tail] = {}
_LAYOUTS: dict[int, Layout | None] = {}


def tail(mask: int, offset: int = 0) -> Tail:
    """Return the fields behind the value for an encoding mask."""
    have = _TAILS.get((mask, offset))
    if have is None:
        have = _TAILS[mask, offset] = _make_tail(mask, offset)
    return have


def _make_tail(mask: int, offset: int) -> Tail:
    codes = "<"
    at: dict[str, int] = {}
    for bit, code, name, _ in TAIL:
        if mask & bit:
            at[name] = offset + len(at)
            codes += code
    return Tail(struct.Struct(codes), *(at.get(name, -1) for _, _, name, _ in TAIL))


def layout(key: int) -> Layout | None:
    """Return the fixed layout of an item, or None if its size depends on its content; key is mask + 256 * type."""
    try:
        return _LAYOUTS[key]
    except KeyError:
        made = _LAYOUTS[key] = _make_layout(key & 0xFF, key >> 8)
        return made


def _make_layout(mask: int, variant: int) -> Layout | None:
    codes, fields, kind, value = "<IB", [("handle", "<u4"), ("mask", "u1")], NULL, -1
    if mask & HAS_VALUE:
        codes += "B"
        fields.append(("type", "u1"))
        if variant:
            if variant not in FIXED:
                return None
            code, numpy_type, kind = FIXED[variant]
            codes, value = codes + code, 3
            fields.append(("value", numpy_type))
    offset = len(fields)
    behind = tail(mask, offset)
    fields += [(name, numpy_type) for bit, _, name, numpy_type in TAIL if mask & bit]
    whole = struct.Struct(codes + behind.struct.format[1:])
    return Layout(whole, whole.size, np.dtype(fields), kind, value, behind)
