"""A machine's memory as one picture of bytes: fields at fixed places come out as columns, all fields of one kind at once.

Modbus registers, S7 data blocks and other polled controllers give bytes, not typed values. An `Image` is compiled once
from the list of fields; each round only gathers bytes (NumPy fancy indexing), never looks at single values.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lineshaft.core import SAMPLES, Quality

Order = Literal["ABCD", "CDAB", "BADC", "DCBA"]
NO_COMMUNICATION = 0x8031
"""OPC UA BadNoCommunication, upper 16 bits: nothing was heard of this tag in this round."""


class Kind(StrEnum):
    """What the bytes of a field mean."""

    BOOL = "bool"
    INT8 = "int8"
    UINT8 = "uint8"
    INT16 = "int16"
    UINT16 = "uint16"
    INT32 = "int32"
    UINT32 = "uint32"
    INT64 = "int64"
    UINT64 = "uint64"
    FLOAT32 = "float32"
    FLOAT64 = "float64"
    STRING = "string"

    @property
    def size(self) -> int:
        """Bytes of one value; strings say their own length."""
        return 1 if self in (Kind.BOOL, Kind.STRING) else np.dtype(self.value).itemsize


@dataclass(frozen=True, slots=True)
class Field:
    """One tag's place in the image: byte `offset`, `bit` for a bool, `length` in bytes for a string.

    `order` names where the bytes A (most significant) to D lie; a value is bytes * scale + shift, a double when either is set.
    A `counted` string begins with its greatest and its present length, as Siemens writes them.
    """

    tag: str
    kind: Kind
    offset: int
    bit: int = 0
    length: int = 0
    order: Order = "ABCD"
    scale: float = 1.0
    shift: float = 0.0
    counted: bool = False

    @property
    def size(self) -> int:
        """Bytes this field covers."""
        return self.length if self.kind is Kind.STRING else self.kind.size


def permutation(size: int, order: Order) -> NDArray[np.intp]:
    """Return where in the machine's bytes each byte of the big-endian value lies."""
    places = np.arange(size)
    if size < 2:
        return places
    words = places.reshape(-1, 2)
    if order in ("CDAB", "DCBA"):
        words = words[::-1]
    if order in ("BADC", "DCBA"):
        words = words[:, ::-1]
    return words.reshape(-1)


@dataclass(frozen=True, slots=True)
class _Group:
    """Fields of one kind and byte order: `rows` are their places in the list, `gather` the bytes of each (n, size)."""

    kind: Kind
    rows: NDArray[np.intp]
    gather: NDArray[np.intp]
    bits: NDArray[np.uint8]
    scale: NDArray[np.float64]
    shift: NDArray[np.float64]
    scaled: bool
    counted: bool


class Image:
    """Compiled fields of one picture; `rows` turns its bytes into SAMPLES."""

    def __init__(self, fields: Sequence[Field]) -> None:
        self.fields = tuple(fields)
        self._names = pa.array([field.tag for field in fields], pa.string())
        self._groups = _groups(self.fields)

    def rows(self, picture: NDArray[np.uint8], ts: int, good: NDArray[np.bool_] | None = None) -> pa.RecordBatch:
        """Return one row for each field that is `good`, all at `ts` (UTC ns).

        `picture` holds the bytes of every field; those of fields that are not good may be anything.
        """
        n = len(self.fields)
        columns = _Columns(n)
        for group in self._groups:
            columns.put(group, picture[group.gather])
        chosen = np.arange(n) if good is None else np.flatnonzero(good)
        return columns.batch(self._names, chosen, ts)

    def absent(self, which: NDArray[np.bool_], ts: int) -> pa.RecordBatch:
        """Return a bad row without value for each field that `which` names: its last value is not its value any more."""
        return absent([self.fields[row].tag for row in np.flatnonzero(which)], ts)


def value_in(picture: NDArray[np.uint8], field: Field) -> float | bool | str | None:
    """Return the one value a picture holds at a field; None where its bytes are none, as of an undefined text."""
    rows = Image([field]).rows(picture, 0)
    cells = (rows.column(name)[0].as_py() for name in ("v", "vi", "vs", "vb"))
    return next((cell for cell in cells if cell is not None), None)


def encode(field: Field, value: float | bool | str) -> bytes:
    """Return the bytes of a value at its field, a bool as one byte. Raises ValueError when it does not fit exactly."""
    if field.kind is Kind.BOOL or isinstance(value, bool):
        if field.kind is not Kind.BOOL or not isinstance(value, bool):
            raise ValueError(f"{value!r} is no {field.kind}")
        return bytes([value])
    if field.kind is Kind.STRING or isinstance(value, str):
        if field.kind is not Kind.STRING or not isinstance(value, str):
            raise ValueError(f"{value!r} is no {field.kind}")
        raw = value.encode("utf-8")
        room = field.length - 2 if field.counted else field.length
        if len(raw) > room:
            raise ValueError(f"the text is longer than {room} bytes")
        return (bytes([room, len(raw)]) + raw if field.counted else raw).ljust(field.length, b"\0")
    return _number_bytes(field, value)


def _number_bytes(field: Field, value: float) -> bytes:
    kind = np.dtype(field.kind.value)
    number = (value - field.shift) / field.scale if field.scale != 1.0 or field.shift != 0.0 else value
    if kind.kind in "iu":
        whole = round(number) if math.isfinite(number) else 2**64
        limits = np.iinfo(kind)
        if abs(number - whole) > (1e-6 if field.scale != 1.0 else 0.0) or not limits.min <= whole <= limits.max:
            raise ValueError(f"{value} does not fit into {field.kind}" + (f" by {field.scale}" if field.scale != 1.0 else ""))
        number = whole
    raw = np.array([number], kind.newbyteorder(">")).view(np.uint8)
    out = np.zeros(kind.itemsize, np.uint8)
    out[permutation(kind.itemsize, field.order)] = raw
    return out.tobytes()


def absent(tags: Sequence[str], ts: int, code: int = NO_COMMUNICATION) -> pa.RecordBatch:
    """Return a bad row without value for each tag: nothing is known of it from `ts` (UTC ns) on."""
    n = len(tags)
    empty = [pa.nulls(n, SAMPLES.field(name).type) for name in ("v", "vi", "vs", "vb")]
    arrays = [
        pa.DictionaryArray.from_arrays(pa.array(np.arange(n), pa.int32()), pa.array(tags, pa.string())),
        pa.array(np.full(n, ts, np.int64)).cast(pa.timestamp("ns", tz="UTC")),
        *empty,
        pa.array(np.full(n, Quality.BAD, np.int16)),
        pa.array(np.full(n, code, np.int32)),
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=SAMPLES)


def _groups(fields: tuple[Field, ...]) -> list[_Group]:
    """Put together what can be decoded in one stroke."""
    keyed: dict[tuple[Any, ...], list[int]] = {}
    for row, field in enumerate(fields):
        scaled = field.scale != 1.0 or field.shift != 0.0
        keyed.setdefault((field.kind, field.order if field.size > 1 else "", field.size, scaled, field.counted), []).append(row)
    groups: list[_Group] = []
    for (kind, order, size, scaled, counted), rows in keyed.items():
        places = np.arange(size) if kind is Kind.STRING else permutation(size, order or "ABCD")
        members = [fields[row] for row in rows]
        groups.append(
            _Group(
                kind,
                np.array(rows, np.intp),
                np.array([field.offset for field in members], np.intp)[:, None] + places[None, :],
                np.array([field.bit for field in members], np.uint8),
                np.array([field.scale for field in members]),
                np.array([field.shift for field in members]),
                scaled,
                counted,
            )
        )
    return groups


class _Columns:
    """The columns of SAMPLES for n rows, filled group by group."""

    def __init__(self, n: int) -> None:
        self.v, self.has_v = np.zeros(n), np.zeros(n, bool)
        self.vi, self.has_vi = np.zeros(n, np.int64), np.zeros(n, bool)
        self.vb, self.has_vb = np.zeros(n, bool), np.zeros(n, bool)
        self.vs: list[str | None] = []
        self._n = n

    def put(self, group: _Group, data: NDArray[np.uint8]) -> None:
        """Decode the bytes of one group (n, size) into its column."""
        at = group.rows
        if group.kind is Kind.BOOL:
            self.vb[at] = (data[:, 0] >> group.bits) & 1
            self.has_vb[at] = True
        elif group.kind is Kind.STRING:
            self._strings(at, data, counted=group.counted)
        else:
            numbers = np.ascontiguousarray(data).view(np.dtype(group.kind.value).newbyteorder(">"))[:, 0]
            self._numbers(group, at, numbers)

    def _numbers(self, group: _Group, at: NDArray[np.intp], numbers: NDArray[Any]) -> None:
        if group.scaled or numbers.dtype.kind == "f":
            self.v[at] = numbers.astype(np.float64) * group.scale + group.shift if group.scaled else numbers
            self.has_v[at] = True
            return
        fits = numbers <= np.iinfo(np.int64).max
        self.vi[at] = np.where(fits, numbers, 0)
        self.has_vi[at] = fits
        for row, number in zip(at[~fits], numbers[~fits], strict=True):  # rare: too large for our integers, kept as text
            self._text(int(row), str(number))

    def _strings(self, at: NDArray[np.intp], data: NDArray[np.uint8], *, counted: bool) -> None:
        """Text ends at the first NUL; what is no UTF-8 is read as Latin-1, as old panels write it."""
        for row, line in zip(at, data, strict=True):
            raw = line.tobytes()
            raw = raw[2 : 2 + raw[1]] if counted else raw.split(b"\0", 1)[0]
            try:
                self._text(row, raw.decode("utf-8").rstrip())
            except UnicodeDecodeError:
                self._text(row, raw.decode("latin-1").rstrip())

    def _text(self, row: int, text: str) -> None:
        if not self.vs:
            self.vs.extend(None for _ in range(self._n))
        self.vs[row] = text

    def batch(self, names: pa.StringArray, chosen: NDArray[np.intp], ts: int) -> pa.RecordBatch:
        """Return the chosen rows as SAMPLES."""
        n = len(chosen)
        texts = pa.nulls(n, pa.string()) if not self.vs else pa.array([self.vs[row] for row in chosen], pa.string())
        arrays = [
            pa.DictionaryArray.from_arrays(pa.array(chosen, pa.int32()), names),
            pa.array(np.full(n, ts, np.int64)).cast(pa.timestamp("ns", tz="UTC")),
            pa.array(self.v[chosen], mask=~self.has_v[chosen]),
            pa.array(self.vi[chosen], mask=~self.has_vi[chosen]),
            texts,
            pa.array(self.vb[chosen], mask=~self.has_vb[chosen]),
            pa.array(np.zeros(n, np.int16)),
            pa.nulls(n, pa.int32()),
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=SAMPLES)
