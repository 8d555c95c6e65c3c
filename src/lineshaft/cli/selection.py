"""A selection of history page by page, from a running node or a stopped home, and the one file it goes to."""

from __future__ import annotations

import csv as lines
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv

from lineshaft.client import RemotePlant, connect
from lineshaft.store import Store

PAGE = 500_000
ASKED = 100_000
_WORDS = ("good", "uncertain", "bad")


def here(store: Store, path: str, start: int, end: int, *, good: bool = False) -> Iterator[pa.Table]:
    """Return pages (timestamp, value, quality) of a property from a home whose node is stopped; only good ones if asked."""
    after: str | None = None
    while True:
        table: Any = store.history(path, start, end, limit=PAGE, after=after, good_only=good)
        words: Any = pa.array(_WORDS).take(pa.array(np.clip(table["q"].to_numpy(), 0, 2), pa.int64()))
        yield pa.table({"timestamp": table["ts"], "value": table["value"], "quality": words})
        after = store.page(table)
        if len(table) < PAGE or after is None:
            return


def away(url: str, token: str, path: str, start: int, end: int, *, good: bool = False) -> Iterator[pa.Table]:
    """Return the same pages from a running node. Raises the node's own error if it refuses."""
    for page in connect(url, token).pages(path, start, end, ASKED):
        yield page.filter(pc.field("quality") == "good") if good else page


def below(plant: RemotePlant, asset: str) -> list[str]:
    """Return the paths of all properties with a history of an asset and of what lies below it, as a running node shows it."""
    return [path for one in (asset, *(name for name in plant.assets(asset) if name != asset)) for path in plant.properties(one)]


def write_sitewise(output: Path, selected: Mapping[str, Iterator[pa.Table]]) -> int:
    """Write pages to one file in the layout of SiteWise's bulk import, whole or not at all; return how many rows.

    No heading; ALIAS (the property's path), DATA_TYPE, TIMESTAMP_SECONDS, TIMESTAMP_NANO_OFFSET, QUALITY, VALUE. Rows without
    a value have no place in that layout and are left out.
    """
    part, rows = output.with_name(f".{output.name}.part"), 0
    output.parent.mkdir(parents=True, exist_ok=True)
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            writer = lines.writer(file)
            for path, pages in selected.items():
                for page in pages:
                    kind = _data_type(page["value"].type)
                    columns: Any = (page["timestamp"].cast(pa.int64()), page["value"], page["quality"])
                    for ts, value, quality in zip(*(one.to_pylist() for one in columns), strict=True):
                        if value is not None:
                            word = str(value).lower() if kind == "BOOLEAN" else value
                            writer.writerow((path, kind, ts // 10**9, ts % 10**9, quality.upper(), word))
                            rows += 1
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)
    return rows


def _data_type(kind: pa.DataType) -> str:
    if pa.types.is_boolean(kind):
        return "BOOLEAN"
    if pa.types.is_integer(kind):
        return "INTEGER"
    return "DOUBLE" if pa.types.is_floating(kind) else "STRING"


def write(output: Path, form: str, selected: Mapping[str, Iterator[pa.Table]]) -> int:
    """Write pages to one file, whole or not at all; return how many rows. Values of unlike types become text."""
    pages = {path: (next(tables), tables) for path, tables in selected.items()}
    kinds = {first["value"].type for first, _ in pages.values()}
    kind = kinds.pop() if len(kinds) == 1 else pa.string()
    fields = [("property", pa.string()), ("timestamp", pa.timestamp("ns", "UTC")), ("value", kind), ("quality", pa.string())]
    part, rows = output.with_name(f".{output.name}.part"), 0
    output.parent.mkdir(parents=True, exist_ok=True)
    try:
        with _writer(part, form, pa.schema(fields)) as writer:
            for path, (first, rest) in pages.items():
                for page in chain([first], rest):
                    rows += len(page)
                    columns = [pa.array([path] * len(page), pa.string()), *(page[name].cast(t) for name, t in fields[1:])]
                    writer.write_table(_shown(pa.table(columns, schema=pa.schema(fields)), form))
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)
    return rows


def _writer(path: Path, form: str, schema: pa.Schema) -> Any:
    if form == "parquet":
        return pq.ParquetWriter(path, schema, compression="zstd")
    return csv.CSVWriter(path, schema.set(1, pa.field("timestamp", pa.string())))


def _shown(table: pa.Table, form: str) -> pa.Table:
    """Return a table as its file wants it: times of a CSV in ISO 8601, to the nanosecond."""
    if form == "parquet":
        return table
    texts = pc.strftime(table["timestamp"], format="%Y-%m-%dT%H:%M:%SZ")
    return table.set_column(1, "timestamp", cast("Any", texts))
