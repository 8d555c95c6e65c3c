"""SiteWise's cold tier: Avro files with Snappy, a file a series, start and quality, in folders by time; read and written.

`{prefix}/raw/startYear=Y/startMonth=M/startDay=D/seriesBucket=B/raw_{series}_{start}_{quality}.avro`. A row has its time in
seconds and the nanoseconds left over, its value in the column of its type, and a version: of equal rows the newest counts.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lineshaft.core import ConfigError

QUALITIES = ("GOOD", "UNCERTAIN", "BAD")
BUCKETS = 16
_INT = 2**31
_MAGIC = b"Obj\x01"
_AT_ONCE = 100_000
_COLUMNS = pa.schema(
    [
        ("seriesId", pa.string()),
        ("timeInSeconds", pa.int64()),
        ("offsetInNanos", pa.int64()),
        ("quality", pa.string()),
        ("doubleValue", pa.float64()),
        ("stringValue", pa.string()),
        ("integerValue", pa.int64()),
        ("booleanValue", pa.bool_()),
        ("jsonValue", pa.string()),
        ("recordVersion", pa.int64()),
        ("line", pa.int64()),
    ]
)
_NAMES = _COLUMNS.names[:-1]


def schema(*, wide: bool = False) -> dict[str, Any]:
    """Return the Avro schema of a raw file; `wide` for integers that need more than the 32 bits SiteWise has."""
    kinds = {"stringValue": "string", "integerValue": "long" if wide else "int", "booleanValue": "boolean", "jsonValue": "string"}
    fields: list[dict[str, Any]] = [
        {"name": "seriesId", "type": "string"},
        {"name": "timeInSeconds", "type": "long"},
        {"name": "offsetInNanos", "type": "long"},
        {"name": "quality", "type": "string"},
    ]
    fields += [{"name": n, "type": ["null", k], "default": None} for n, k in {"doubleValue": "double", **kinds}.items()]
    fields.append({"name": "recordVersion", "type": ["null", "long"], "default": None})
    return {"name": "RawRecord", "type": "record", "fields": fields}


def is_avro(path: Path) -> bool:
    """Return whether a file is Avro by its first bytes."""
    with path.open("rb") as file:
        return file.read(4) == _MAGIC


def to_parquet(path: Path, to: Path) -> None:
    """Copy an Avro file of the cold tier as columns with the number of each record. Raises ConfigError if it is none."""
    from fastavro import reader  # noqa: PLC0415 - only where such a file comes

    try:
        with path.open("rb") as file, pq.ParquetWriter(to, _COLUMNS, compression="lz4") as writer:
            records = cast("Iterator[dict[str, Any]]", reader(file))
            at = 0
            while rows := list(islice(records, _AT_ONCE)):
                if not at and not {"seriesId", "timeInSeconds"} <= set(rows[0]):
                    raise ConfigError(
                        "these are not raw values of SiteWise's cold tier", where=str(path), hint="files raw_*.avro"
                    )
                columns = {name: pa.array([row.get(name) for row in rows], _COLUMNS.field(name).type) for name in _NAMES}
                columns["line"] = pa.array(range(at + 1, at + len(rows) + 1), pa.int64())
                writer.write_table(pa.table(columns, schema=_COLUMNS))
                at += len(rows)
    except (ValueError, EOFError, TypeError, KeyError, zlib.error, pa.ArrowException) as error:
        raise ConfigError(f"this Avro file cannot be read: {error}", where=str(path)) from error


def staged(path: str, reason: str) -> str:
    """Return SQL for the rows of what `to_parquet` wrote: the newest version of each, with what is wrong with it."""
    ts = "timeInSeconds * 1000000000 + coalesce(offsetInNanos, 0)"
    q = "case upper(quality) when 'GOOD' then 0 when 'UNCERTAIN' then 1 when 'BAD' then 2 end::smallint"
    values = "doubleValue as v, integerValue as vi, coalesce(stringValue, jsonValue) as vs, booleanValue as vb"
    newest = (
        "row_number() over (partition by seriesId, timeInSeconds, offsetInNanos, quality order by recordVersion desc, line desc)"
    )
    inner = f"select seriesId as name, {ts} as ts, {values}, {q} as q, line from read_parquet({path}) qualify {newest} = 1"
    return f"select *, {reason} as reason from ({inner})"


def write(folder: Path, series: str, pages: Iterable[pa.Table], version: int) -> tuple[int, int]:
    """Write pages (timestamp, value, quality) of a series below `{folder}/raw`, a file an hour and quality.

    Return how many rows and files. Files are whole or not there at all.
    """
    rows = files = 0
    place, name = _place(series)
    carried: pa.Table | None = None
    for page in pages:
        whole = page if carried is None else pa.concat_tables([carried, page])
        hours = whole["timestamp"].cast(pa.int64()).to_numpy() // 3_600_000_000_000
        last = int(np.searchsorted(hours, hours[-1])) if len(hours) else 0  # the last hour may go on in the next page
        carried = whole.slice(last)
        done = _hours(folder, (series, name, place), whole.slice(0, last), version)
        rows, files = rows + done[0], files + done[1]
    if carried is not None and len(carried):
        done = _hours(folder, (series, name, place), carried, version)
        rows, files = rows + done[0], files + done[1]
    return rows, files


def _hours(folder: Path, called: tuple[str, str, str], table: pa.Table, version: int) -> tuple[int, int]:
    stamps = table["timestamp"].cast(pa.int64()).to_numpy()
    quality = [str(word).upper() for word in table["quality"].to_pylist()]
    values = table["value"].to_pylist()
    column = _column(table["value"].type)
    parts: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for ts, value, q in zip(stamps.tolist(), values, quality, strict=True):
        row = {"seriesId": called[0], "timeInSeconds": ts // 10**9, "offsetInNanos": ts % 10**9, "quality": q, column: value}
        parts.setdefault((ts // 3_600_000_000_000, q), []).append({**row, "recordVersion": version})
    for (_, q), rows in parts.items():
        _file(folder, called, q, rows, column)
    return len(stamps), len(parts)


def _file(folder: Path, called: tuple[str, str, str], quality: str, rows: list[dict[str, Any]], column: str) -> None:
    from fastavro import parse_schema, writer  # noqa: PLC0415

    start = int(rows[0]["timeInSeconds"])
    at = datetime.fromtimestamp(start, UTC)
    way = f"raw/startYear={at.year}/startMonth={at.month}/startDay={at.day}/seriesBucket={called[2]}"
    path = folder / way / f"raw_{called[1]}_{start}_{quality}.avro"
    path.parent.mkdir(parents=True, exist_ok=True)
    wide = column == "integerValue" and any(row[column] is not None and not -_INT <= row[column] < _INT for row in rows)
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        writer(file, parse_schema(schema(wide=wide)), rows, codec="snappy")
    part.replace(path)


def _place(series: str) -> tuple[str, str]:
    """Return the bucket of a series, and its name as part of a file's."""
    return str(zlib.crc32(series.encode()) % BUCKETS), re.sub(r"[^A-Za-z0-9.-]+", "-", series).strip("-")


def _column(kind: pa.DataType) -> str:
    if pa.types.is_boolean(kind):
        return "booleanValue"
    if pa.types.is_integer(kind):
        return "integerValue"
    return "doubleValue" if pa.types.is_floating(kind) else "stringValue"
