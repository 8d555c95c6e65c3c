"""A machine's memory becomes columns: every kind in every byte order, against struct."""

from __future__ import annotations

import math
import struct
from typing import get_args

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineshaft.connect.image import Field, Image, Kind, Order, encode
from lineshaft.core import SAMPLES, Quality

CODES = {"int8": "b", "uint8": "B", "int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "int64": "q", "uint64": "Q"}
CODES |= {"float32": "f", "float64": "d"}
NUMBERS = [Kind(name) for name in CODES]


def as_ordered(raw: bytes, order: str) -> bytes:
    """Lay the big-endian bytes ABCD... out as a controller of that order does, word by word."""
    words = [raw[i : i + 2] for i in range(0, len(raw), 2)]
    if len(raw) == 1:
        return raw
    if order in ("CDAB", "DCBA"):
        words.reverse()
    if order in ("BADC", "DCBA"):
        words = [word[::-1] for word in words]
    return b"".join(words)


def value_of(rows: pa.RecordBatch, row: int = 0) -> object:
    cells = [rows.column(name)[row].as_py() for name in ("v", "vi", "vs", "vb")]
    return next((cell for cell in cells if cell is not None), None)


@given(st.data())
def test_every_number_in_every_order_is_what_struct_says(data: st.DataObject):
    kind = data.draw(st.sampled_from(NUMBERS))
    order: Order = data.draw(st.sampled_from(get_args(Order)))
    code, size = CODES[kind.value], kind.size
    raw = data.draw(st.binary(min_size=size, max_size=size))
    expected = struct.unpack(f">{code}", raw)[0]
    before = data.draw(st.integers(0, 5))
    picture = np.frombuffer(b"\xaa" * before + as_ordered(raw, order), np.uint8)
    rows = Image([Field("t", kind, before, order=order)]).rows(picture, 7)
    assert rows.schema == SAMPLES
    got = value_of(rows)
    if isinstance(expected, float) and math.isnan(expected):
        assert isinstance(got, float)
        assert math.isnan(got)
    elif kind is Kind.UINT64 and expected > 2**63 - 1:
        assert got == str(expected), "too large for our integers: kept as text, as from OPC UA"
    else:
        assert got == expected
        assert isinstance(got, float) == (kind in (Kind.FLOAT32, Kind.FLOAT64))


@given(st.data())
def test_what_is_written_is_what_is_read(data: st.DataObject):
    kind = data.draw(st.sampled_from(NUMBERS))
    order: Order = data.draw(st.sampled_from(get_args(Order)))
    field = Field("t", kind, 0, order=order)
    if kind in (Kind.FLOAT32, Kind.FLOAT64):
        value: float = data.draw(st.floats(width=32, allow_nan=False))
    else:
        limits = np.iinfo(kind.value)
        value = data.draw(st.integers(int(limits.min), min(int(limits.max), 2**63 - 1)))
    assert value_of(Image([field]).rows(np.frombuffer(encode(field, value), np.uint8), 1)) == value


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        (Field("t", Kind.INT16, 0), 40_000, "does not fit"),
        (Field("t", Kind.INT16, 0), 1.5, "does not fit"),
        (Field("t", Kind.INT16, 0), math.inf, "does not fit"),
        (Field("t", Kind.UINT8, 0, scale=0.5), 0.3, "does not fit"),
        (Field("t", Kind.BOOL, 0), 1, "is no bool"),
        (Field("t", Kind.INT16, 0), True, "is no int16"),
        (Field("t", Kind.STRING, 0, length=2), "abc", "longer than 2"),
        (Field("t", Kind.FLOAT32, 0), "1", "is no float32"),
    ],
)
def test_what_does_not_fit_is_refused(field: Field, value: float | str, why: str):
    with pytest.raises(ValueError, match=why):
        encode(field, value)


def test_scaled_and_counted_values_are_encoded():
    assert encode(Field("t", Kind.INT16, 0, scale=0.1, shift=5), -7.3) == b"\xff\x85"
    assert encode(Field("t", Kind.STRING, 0, length=6, counted=True), "ab") == b"\x04\x02ab\0\0"


@given(st.integers(0, 255), st.integers(0, 7))
def test_a_bit_is_a_bit(byte: int, bit: int):
    rows = Image([Field("t", Kind.BOOL, 1, bit=bit)]).rows(np.array([0, byte], np.uint8), 7)
    assert value_of(rows) is bool(byte >> bit & 1)


@pytest.mark.parametrize(
    ("raw", "text"), [(b"ab\0cd", "ab"), (b"ab   ", "ab"), ("Öl".encode(), "Öl"), (b"\xd6l\0\0", "Öl"), (b"\0", "")]
)
def test_text_ends_at_nul_and_old_panels_write_latin_1(raw: bytes, text: str):
    rows = Image([Field("t", Kind.STRING, 0, length=len(raw))]).rows(np.frombuffer(raw, np.uint8), 7)
    assert value_of(rows) == text


def test_only_good_fields_have_rows_and_absent_ones_have_a_bad_row_without_value():
    image = Image([Field("a", Kind.UINT8, 0), Field("b", Kind.UINT8, 1, scale=0.5), Field("c", Kind.UINT8, 2)])
    good = np.array([True, True, False])
    rows = image.rows(np.array([1, 3, 9], np.uint8), 5, good)
    assert rows["tag"].to_pylist() == ["a", "b"]
    assert [value_of(rows, 0), value_of(rows, 1)] == [1, 1.5]
    absent = image.absent(~good, 6)
    assert (absent["tag"].to_pylist(), absent["q"].to_pylist(), value_of(absent)) == (["c"], [Quality.BAD], None)
