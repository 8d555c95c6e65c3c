"""Sparkplug B payloads, as the specification 3.0 (section 6.4) defines them; many metrics are decoded in one stroke.

Births and rare kinds of values go through protobuf. Data, which is nearly everything, does not: metrics of equal length and
equal make-up are laid one below the other as a matrix of bytes, and each field is one column of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from itertools import accumulate
from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

UINT64 = NDArray[np.uint64]
ALIAS, TIME, DATATYPE, HISTORICAL, TRANSIENT, NULL = 2, 3, 4, 5, 6, 7
INT, LONG, FLOAT, DOUBLE, BOOLEAN, STRING = 10, 11, 12, 13, 14, 15
VARINTS = {ALIAS, TIME, DATATYPE, HISTORICAL, TRANSIENT, NULL, INT, LONG, BOOLEAN}
FIXED = {FLOAT: 4, DOUBLE: 8}
VALUES = (INT, LONG, FLOAT, DOUBLE, BOOLEAN)
WORD = np.uint64(0xFFFFFFFF)
MOST_LAYOUTS, MOST_SHAPES = 16, 4
LONG_RUN = 24
_POWERS = np.uint64(1) << (np.uint64(7) * np.arange(10, dtype=np.uint64))
_WEIGHTS = np.random.default_rng().integers(1, 2**63, 1_024, np.uint64) * np.uint64(2) + np.uint64(1)


class Type(IntEnum):
    """Data types of section 6.4.16."""

    INT8 = 1
    INT16 = 2
    INT32 = 3
    INT64 = 4
    UINT8 = 5
    UINT16 = 6
    UINT32 = 7
    UINT64 = 8
    FLOAT = 9
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12
    DATETIME = 13
    TEXT = 14
    UUID = 15
    DATASET = 16
    BYTES = 17
    FILE = 18
    TEMPLATE = 19


class Malformed(ValueError):
    """Bytes that are no Sparkplug B payload."""


@lru_cache(maxsize=1)
def messages() -> tuple[Any, Any]:
    """Return the protobuf classes (Payload, Metric), made from the field table of the specification."""
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="lineshaft/b.proto", package="lineshaft.sparkplug", syntax="proto2")
    kinds: dict[str, Any] = {
        "u32": field.TYPE_UINT32, "u64": field.TYPE_UINT64, "f": field.TYPE_FLOAT, "d": field.TYPE_DOUBLE,
        "bool": field.TYPE_BOOL, "text": field.TYPE_STRING, "bytes": field.TYPE_BYTES,
    }  # fmt: skip

    def message(name: str, fields: Sequence[tuple[int, str, str]], oneof: int = 99, *, among: Any = file.message_type) -> Any:
        made = among.add(name=name)
        for number, label, kind in fields:
            many = kind.startswith("*")
            entry = made.field.add(name=label, number=number, label=field.LABEL_REPEATED if many else field.LABEL_OPTIONAL)
            word = kind.lstrip("*")
            if word in kinds:
                entry.type = kinds[word]
            else:
                entry.type, entry.type_name = field.TYPE_MESSAGE, f".lineshaft.sparkplug.{word}"
            if number >= oneof:
                entry.oneof_index = 0
        if oneof < 99:
            made.oneof_decl.add(name="value")
        return made

    plain = ("int_value", "u32"), ("long_value", "u64"), ("float_value", "f"), ("double_value", "d"), ("boolean_value", "bool")
    cell = [(1 + i, name, kind) for i, (name, kind) in enumerate((*plain, ("string_value", "text")))]
    message("Cell", cell, oneof=1)
    message("Row", [(1, "elements", "*Cell")])
    message("DataSet", [(1, "num_of_columns", "u64"), (2, "columns", "*text"), (3, "types", "*u32"), (4, "rows", "*Row")])
    message("Property", [(1, "type", "u32"), (2, "is_null", "bool"), *[(n + 2, name, kind) for n, name, kind in cell]], oneof=3)
    message("PropertySet", [(1, "keys", "*text"), (2, "values", "*Property")])
    head = [
        (1, "name", "text"),
        (2, "alias", "u64"),
        (3, "timestamp", "u64"),
        (4, "datatype", "u32"),
        (5, "is_historical", "bool"),
    ]
    head += [(6, "is_transient", "bool"), (7, "is_null", "bool"), (9, "properties", "PropertySet")]
    values = [(9 + n, name, kind) for n, name, kind in cell] + [(16, "bytes_value", "bytes"), (17, "dataset_value", "DataSet")]
    message("Template", [(2, "metrics", "*Metric"), (5, "is_definition", "bool"), (4, "template_ref", "text")])
    message("Metric", [*head, *values, (18, "template_value", "Template")], oneof=10)
    message(
        "Payload",
        [(1, "timestamp", "u64"), (2, "metrics", "*Metric"), (3, "seq", "u64"), (4, "uuid", "text"), (5, "body", "bytes")],
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = [pool.FindMessageTypeByName(f"lineshaft.sparkplug.{name}") for name in ("Payload", "Metric")]
    payload, metric = (message_factory.GetMessageClass(kind) for kind in found)
    return payload, metric


def parse(raw: bytes) -> Any:
    """Return a whole payload as a protobuf message. Raises Malformed."""
    try:
        return messages()[0].FromString(raw)
    except DecodeError as error:
        raise Malformed(f"no Sparkplug B payload: {error}") from None


def name_key(name: bytes) -> int:
    """Return the 64-bit key of a metric name: a sum of its bytes with random weights."""
    return int(name_keys(np.frombuffer(name, np.uint8)[None, :])[0])


def name_keys(names: NDArray[np.uint8]) -> UINT64:
    """Return the keys of names of one length, one a row."""
    length = names.shape[1]
    weights = np.resize(_WEIGHTS, length)
    with np.errstate(over="ignore"):
        return names.astype(np.uint64) @ weights + np.uint64(length) * _WEIGHTS[-1]


@dataclass(slots=True)
class Metrics:
    """Many metrics in columns, one row each, in the order they came.

    `message` says from which payload; `key` is the alias, or the name's key where `named`; `ms` is -1 without a time; `field` is
    the number of the value's field, 0 for null; `raw` the 64 bits of it. Rows of `slow` need protobuf: (row, start, end).
    """

    message: NDArray[np.int64]
    key: UINT64
    named: NDArray[np.bool_]
    ms: NDArray[np.int64]
    field: NDArray[np.uint8]
    raw: UINT64
    transient: NDArray[np.bool_]
    slow: list[tuple[int, int, int]]
    data: bytes
    pattern: Any = None
    """What all these payloads have in common, if they do: then each of them has the same keys in the same order."""


@dataclass(frozen=True, slots=True)
class Head:
    """What stands beside the metrics of a payload: its time (ms) and sequence number, -1 where there is none."""

    ms: int
    seq: int


def decode(payloads: Sequence[bytes]) -> tuple[list[Head], Metrics]:
    """Decode payloads of data at once. Raises Malformed when one of them is none: decode them one by one then."""
    data = b"".join(payloads)
    ends = list(accumulate(len(payload) for payload in payloads))
    begins = [end - len(payload) for end, payload in zip(ends, payloads, strict=True)]
    heads: list[Head | None] = [None] * len(payloads)
    places: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = [(_NONE, _NONE)] * len(payloads)
    by_size: dict[int, list[int]] = {}
    for number, payload in enumerate(payloads):
        by_size.setdefault(len(payload), []).append(number)
    whole = np.frombuffer(data, np.uint8)
    for size, numbers in by_size.items():
        rest = numbers
        for shape in _SHAPES.get(size, ()):
            rest = shape.fit(whole, rest, begins, heads, places)
        for number in rest:
            heads[number], places[number] = _read(data, begins[number], ends[number])
    starts = np.concatenate([start for start, _ in places]) if places else _NONE
    lengths = np.concatenate([length for _, length in places]) if places else _NONE
    message = np.repeat(np.arange(len(payloads)), [len(start) for start, _ in places])
    return [head or Head(-1, -1) for head in heads], _columns(data, starts, lengths, message)


_NONE = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class _Shape:
    """Where the metrics of a payload lie, and the bytes by which another payload of its size is known to be alike."""

    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    ms: tuple[int, int]
    seq: tuple[int, int]
    at: NDArray[np.int64]
    mask: NDArray[np.uint8]
    expected: NDArray[np.uint8]

    def fit(
        self,
        whole: NDArray[np.uint8],
        numbers: list[int],
        begins: Sequence[int],
        heads: list[Head | None],
        places: list[tuple[NDArray[np.int64], NDArray[np.int64]]],
    ) -> list[int]:
        """Place the payloads that are alike; return the others."""
        if not numbers:
            return numbers
        firsts = np.array([begins[number] for number in numbers], np.int64)
        alike = ((whole[firsts[:, None] + self.at] & self.mask) == self.expected).all(axis=1)
        fitting = firsts[alike]
        starts = fitting[:, None] + self.starts
        times, seqs = _span(whole, fitting, self.ms), _span(whole, fitting, self.seq)
        good = [number for number, fits in zip(numbers, alike.tolist(), strict=True) if fits]
        for row, number in enumerate(good):
            heads[number] = Head(int(times[row]), int(seqs[row]))
            places[number] = (starts[row], self.lengths)
        return [number for number, fits in zip(numbers, alike.tolist(), strict=True) if not fits]


_SHAPES: dict[int, list[_Shape]] = {}
_MET: dict[int, int] = {}


def _span(whole: NDArray[np.uint8], firsts: NDArray[np.int64], place: tuple[int, int]) -> NDArray[np.int64]:
    """Return the varint at a place of each payload, -1 where there is no such place."""
    if place[0] < 0:
        return np.full(len(firsts), -1, np.int64)
    return _numbers(whole[firsts[:, None] + np.arange(*place)], (0, place[1] - place[0])).astype(np.int64)


def _read(data: bytes, begin: int, end: int) -> tuple[Head, tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Walk through one payload, and remember its shape for those to come."""
    starts: list[int] = []
    lengths: list[int] = []
    tags: dict[int, tuple[int, int]] = {}
    head = walk(data, begin, end, starts, lengths, tags)
    at, sizes = np.array(starts, np.int64), np.array(lengths, np.int64)
    if len(starts) >= LONG_RUN and max(lengths) < 0x80 and -1 not in tags:
        shapes = _SHAPES.setdefault(end - begin, [])
        met = _MET[end - begin] = _MET.get(end - begin, 0) + 1
        if met > MOST_SHAPES * 4:  # payloads of this size are of ever new shapes: walking through them is cheaper
            return head, (at, sizes)
        if len(shapes) >= MOST_SHAPES:
            shapes.pop(0)
        shapes.append(_shape(at - begin, sizes, {tag: (first - begin, last - begin) for tag, (first, last) in tags.items()}))
    return head, (at, sizes)


def _shape(starts: NDArray[np.int64], lengths: NDArray[np.int64], tags: Mapping[int, tuple[int, int]]) -> _Shape:
    """Note the bytes that make a payload what it is: the head of each metric, and the fields beside them."""
    at = [starts - 2, starts - 1]
    expected = [np.full(len(starts), 0x12, np.uint8), lengths.astype(np.uint8)]
    mask = [np.full(2 * len(starts), 0xFF, np.uint8)]
    for tag, (first, last) in tags.items():
        at.append(np.arange(first - 1, last))
        bits = np.full(last - first + 1, 0x80, np.uint8)
        bits[0] = 0xFF
        mask.append(bits)
        more = [0x80] * (last - first - 1) + [0]
        expected.append(np.array([tag, *more], np.uint8))
    return _Shape(
        starts,
        lengths,
        tags.get(0x08, (-1, -1)),
        tags.get(0x18, (-1, -1)),
        np.concatenate(at),
        np.concatenate(mask),
        np.concatenate(expected),
    )


def walk(data: bytes, pos: int, end: int, starts: list[int], lengths: list[int], tags: dict[int, tuple[int, int]]) -> Head:
    """Note where each metric of a payload lies, and the numbers beside them by their tag."""
    ms = seq = last = -1
    start, length = starts.append, lengths.append
    try:
        while pos < end:
            tag = data[pos]
            if tag == 0x12:
                size = data[pos + 1]
                pos += 2
                if size >= 0x80:
                    size, pos = varint(data, pos - 1, end)
                start(pos)
                length(size)
                pos += size
                if size == last and end - pos > LONG_RUN * size:
                    pos = _run(data, pos, end, size, starts, lengths)
                last = size
            elif tag in (0x08, 0x18):
                first = pos + 1
                number, pos = varint(data, first, end)
                tags[tag] = (first, pos)
                ms, seq = (number, seq) if tag == 0x08 else (ms, number)
            elif tag in (0x22, 0x2A):
                size, pos = varint(data, pos + 1, end)
                pos += size
                tags[-1] = (0, 0)
            else:
                raise Malformed(f"no Sparkplug B payload: byte {tag:#x} begins no field")
    except IndexError:
        raise Malformed("no Sparkplug B payload: it ends too early") from None
    if pos != end:
        raise Malformed("no Sparkplug B payload: it ends too early")
    return Head(ms, seq)


def _run(data: bytes, pos: int, end: int, size: int, starts: list[int], lengths: list[int]) -> int:
    """Note all following metrics of the same size at once; return where they end."""
    if size >= 0x80:
        return pos
    stride = size + 2
    heads = np.frombuffer(data, np.uint8, (end - pos) // stride * stride, pos).reshape(-1, stride)[:, :2]
    same = (heads[:, 0] == 0x12) & (heads[:, 1] == size)
    n = len(same) if same.all() else int(np.argmin(same))
    starts.extend(range(pos + 2, pos + 2 + n * stride, stride))
    lengths.extend([size] * n)
    return pos + n * stride


def varint(data: bytes, pos: int, end: int) -> tuple[int, int]:
    """Read one number; return it and where it ends. Raises Malformed."""
    number = shift = 0
    while pos < end and shift < 70:
        byte = data[pos]
        number |= (byte & 0x7F) << shift
        pos += 1
        if byte < 0x80:
            return number, pos
        shift += 7
    raise Malformed("no Sparkplug B payload: a number has no end")


@dataclass(frozen=True, slots=True)
class _Layout:
    """The make-up of a metric: which bytes must be what, and where each field's value lies."""

    mask: NDArray[np.uint8]
    expected: NDArray[np.uint8]
    fields: Mapping[int, tuple[int, int]]
    name: tuple[int, int] | None


def _layout(row: bytes) -> _Layout | None:
    """Return the make-up of one metric, None when it has a field that is not read in columns."""
    mask, expected = np.zeros(len(row), np.uint8), np.frombuffer(row, np.uint8).copy()
    fields: dict[int, tuple[int, int]] = {}
    name: tuple[int, int] | None = None
    pos = 0
    try:
        while pos < len(row):
            tag = row[pos]
            number, wire = tag >> 3, tag & 7
            mask[pos] = 0xFF
            pos += 1
            if number in VARINTS and wire == 0:
                _, after = varint(row, pos, len(row))
                mask[pos:after] = 0x80
                fields[number] = (pos, after)
            elif (number, wire) in ((FLOAT, 5), (DOUBLE, 1)):
                after = pos + FIXED[number]
                fields[number] = (pos, after)
            elif tag == 0x0A and row[pos] < 0x80:
                mask[pos] = 0xFF
                after = pos + 1 + row[pos]
                name = (pos + 1, after)
            else:
                return None
            pos = after
    except (IndexError, Malformed):
        return None
    expected &= mask
    one = sum(number in VALUES for number in fields) < 2
    return _Layout(mask, expected, fields, name) if pos == len(row) and one else None


def _columns(data: bytes, starts: NDArray[np.int64], lengths: NDArray[np.int64], message: NDArray[np.int64]) -> Metrics:
    n = len(starts)
    out = Metrics(
        message,
        np.zeros(n, np.uint64),
        np.zeros(n, bool),
        np.full(n, -1, np.int64),
        np.zeros(n, np.uint8),
        np.zeros(n, np.uint64),
        np.zeros(n, bool),
        [],
        data,
    )
    whole = np.frombuffer(data, np.uint8)
    for length in set(lengths.tolist()) - {0}:
        rows = np.flatnonzero(lengths == length)
        matrix = sliding_window_view(whole, length)[starts[rows]]
        for layout in _known(length):
            fits = ((matrix & layout.mask) == layout.expected).all(axis=1)
            if fits.all():
                _fill(out, layout, rows, matrix)
                rows = rows[:0]
                break
            if fits.any():
                _fill(out, layout, rows[fits], matrix[fits])
                rows, matrix = rows[~fits], matrix[~fits]
        _meet(out, length, rows, matrix, starts)
    return out


_LAYOUTS: dict[int, list[_Layout]] = {}


def _known(length: int) -> list[_Layout]:
    """Return the make-ups met before in metrics of this length."""
    return list(_LAYOUTS.get(length, ()))


def _meet(out: Metrics, length: int, rows: NDArray[np.int64], matrix: NDArray[np.uint8], starts: NDArray[np.int64]) -> None:
    """Learn the make-up of metrics that none of the known ones fits; what has fields of other kinds is left to protobuf."""
    while len(rows):
        layout = _layout(matrix[0].tobytes())
        known = _LAYOUTS.setdefault(length, [])
        if layout is None:
            out.slow.append((int(rows[0]), int(starts[rows[0]]), int(starts[rows[0]]) + length))
            rows, matrix = rows[1:], matrix[1:]
            continue
        if len(known) >= MOST_LAYOUTS:
            known.pop(0)
        known.append(layout)
        fits = ((matrix & layout.mask) == layout.expected).all(axis=1)
        _fill(out, layout, rows[fits], matrix[fits])
        rows, matrix = rows[~fits], matrix[~fits]


def _fill(out: Metrics, layout: _Layout, rows: NDArray[np.int64], matrix: NDArray[np.uint8]) -> None:
    """Read the fields of metrics of one make-up into their columns."""
    if ALIAS in layout.fields:
        out.key[rows] = _numbers(matrix, layout.fields[ALIAS])
    elif layout.name is not None:
        out.key[rows] = name_keys(matrix[:, layout.name[0] : layout.name[1]])
        out.named[rows] = True
    if TIME in layout.fields:
        out.ms[rows] = _numbers(matrix, layout.fields[TIME]).astype(np.int64)
    if TRANSIENT in layout.fields:
        out.transient[rows] = _numbers(matrix, layout.fields[TRANSIENT]) != 0
    for number in (INT, LONG, BOOLEAN):
        if number in layout.fields:
            bits = _numbers(matrix, layout.fields[number])
            out.field[rows], out.raw[rows] = number, bits & WORD if number == INT else bits
    for number, kind in ((FLOAT, "<f4"), (DOUBLE, "<f8")):
        if number in layout.fields:
            start, end = layout.fields[number]
            values = np.ascontiguousarray(matrix[:, start:end]).view(kind)[:, 0]
            with np.errstate(invalid="ignore"):  # a NaN of the signalling kind
                out.field[rows], out.raw[rows] = number, values.astype(np.float64).view(np.uint64)
    if NULL in layout.fields:
        null = _numbers(matrix, layout.fields[NULL]) != 0
        out.field[rows[null]] = 0


def _numbers(matrix: NDArray[np.uint8], place: tuple[int, int]) -> UINT64:
    """Read a column of varints of one length."""
    start, end = place
    bits = matrix[:, start:end] & np.uint8(0x7F)
    if end - start == 1:
        return bits[:, 0].astype(np.uint64)
    with np.errstate(over="ignore"):
        return bits.astype(np.uint64) @ _POWERS[: end - start]
