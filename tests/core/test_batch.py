from __future__ import annotations

import math

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from lineshaft.core import SAMPLES, SCHEMA_VERSION, Batch, DataType, Quality, samples

INT64 = st.integers(-(2**63), 2**63 - 1)
VALUES = st.none() | st.floats() | INT64 | st.booleans() | st.text()
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "tag": st.text(min_size=1),
            "ts": st.integers(0, 2**62),
            "value": VALUES,
            "q": st.sampled_from(Quality),
            "code": st.none() | st.integers(0, 2**16),
        }
    ),
    max_size=30,
)


def plain(batch: pa.RecordBatch) -> list[dict]:
    """Return rows with times as integers: Python's own datetime has no nanoseconds."""
    return batch.set_column(1, "ts", batch.column("ts").cast(pa.int64())).to_pylist()


@given(ROWS, st.text(), st.integers(0, 2**62), st.integers(0, 2**62))
def test_a_batch_survives_its_bytes(rows, source, seq, arrived):
    batch = Batch(source, seq, arrived, samples(rows))
    back = Batch.from_bytes(batch.to_bytes())
    assert (back.source, back.seq, back.arrived, back.version) == (source, seq, arrived, SCHEMA_VERSION)
    assert back.rows.schema == SAMPLES
    assert repr(plain(back.rows)) == repr(plain(batch.rows))  # repr: NaN is equal to itself there


@given(ROWS)
def test_a_value_lives_in_the_column_of_its_type(rows):
    for row, told in zip(plain(samples(rows)), rows, strict=True):
        value = told["value"]
        filled = {name: row[name] for name in ("v", "vi", "vs", "vb") if row[name] is not None}
        if value is None:
            assert filled == {}
        else:
            column = {float: "v", int: "vi", str: "vs", bool: "vb"}[type(value)]
            assert list(filled) == [column]
            assert filled[column] == value or math.isnan(value)


def test_every_type_has_a_column():
    assert {kind: kind.column for kind in DataType} == {
        DataType.DOUBLE: "v",
        DataType.INTEGER: "vi",
        DataType.BOOLEAN: "vb",
        DataType.STRING: "vs",
        DataType.JSON: "vs",
    }
    assert all(kind.column in SAMPLES.names for kind in DataType)


def test_a_memoryview_is_read_as_well():
    batch = Batch("press", 1, 2, samples([{"tag": "a", "ts": 1, "value": 1.5}]))
    assert Batch.from_bytes(memoryview(batch.to_bytes())).rows.equals(batch.rows)


def test_no_rows_is_a_batch_too():
    assert samples([]).num_rows == 0
    assert pa.Table.from_batches([samples([])]).schema == SAMPLES
