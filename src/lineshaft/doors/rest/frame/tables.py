"""History and aggregates in other forms than JSON: CSV for a spreadsheet, an Arrow stream for a program."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from fastapi import Request, Response
from pyarrow import csv

from lineshaft.core import iso

ARROW = "application/vnd.apache.arrow.stream"
CSV = "text/csv"
PARQUET = "application/vnd.apache.parquet"
OTHER_FORMS: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            CSV: {"schema": {"type": "string"}, "example": "timestamp,value,quality\n2026-11-20T06:00:00Z,1.4,good\n"},
            ARROW: {"schema": {"type": "string", "format": "binary"}, "example": "(an Arrow IPC stream)"},
            PARQUET: {"schema": {"type": "string", "format": "binary"}, "example": "(a Parquet file)"},
        }
    }
}


def wanted(request: Request) -> str:
    """Return which form the caller asked for by its Accept header: CSV, ARROW, PARQUET, or nothing for JSON."""
    accept = request.headers.get("Accept", "")
    return next((form for form in (ARROW, PARQUET, CSV) if form in accept), "")


def answer(table: Any, form: str, next_after: str | None = None) -> Response:
    """Return a table as CSV, Arrow or Parquet; where a next page begins stands in the header `X-Next`."""
    headers = {} if next_after is None else {"X-Next": next_after}
    if form == ARROW:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return Response(sink.getvalue().to_pybytes(), media_type=ARROW, headers=headers)
    out = io.BytesIO()
    if form == PARQUET:
        pq.write_table(table, out, compression="zstd")
        return Response(out.getvalue(), media_type=PARQUET, headers=headers)
    csv.write_csv(_for_people(table), out)
    return Response(out.getvalue(), media_type=CSV, headers=headers)


def times(column: Any) -> list[str]:
    """Return a timestamp column as ISO 8601."""
    return [iso(ns) for ns in column.cast(pa.timestamp("ns", "UTC")).cast(pa.int64()).to_pylist()]


def finite(column: Any) -> list[Any]:
    """Return a column as JSON can hold it: NaN and infinity are null."""
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_finite(column), column, pa.scalar(None, column.type))
    return column.to_pylist()


def qualities(column: Any) -> Any:
    """Return a quality column as words."""
    words = pa.array(["good", "uncertain", "bad"])
    return words.take(pa.array(np.clip(column.to_numpy(), 0, 2)))


def _for_people(table: Any) -> Any:
    for n, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            table = table.set_column(n, field.name, pa.array(times(table.column(n)), pa.string()))
    return table
