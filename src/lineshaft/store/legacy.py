"""Files of an older historian, read as columns: what is the time, the name, the value, the quality, and what it means in SQL.

Long tables (a row a value), wide ones (a column a tag) and SiteWise's bulk-import layout; Parquet or CSV. A time without a zone
is read only if somebody said which zone it is: guessing one is how a night shift gets lost.
"""

from __future__ import annotations

import csv as lines
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from lineshaft.core import ConfigError

SITEWISE = ("ALIAS", "DATA_TYPE", "TIMESTAMP_SECONDS", "TIMESTAMP_NANO_OFFSET", "QUALITY", "VALUE")
"""Columns of SiteWise's bulk import, whose CSV has no header."""
LAYOUTS = ("long", "wide", "sitewise")
UNITS = {"auto": 0, "s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
CODES = ("lineshaft", "opc-da", "opc-ua")
FOUND = {
    "time": ("time", "timestamp", "ts", "datetime", "date"),
    "value": ("value", "val", "v"),
    "tag": ("tag", "tagname", "name", "point", "series", "property", "alias"),
    "quality": ("quality", "q", "status"),
}
"""Names a column goes by when nobody says which one it is."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is read; an empty name of a column means: found by its usual names."""

    layout: str = "long"
    time: str = ""
    tag: tuple[str, ...] = ()
    value: str = ""
    quality: str = ""
    timezone: str = ""
    unit: str = "auto"
    codes: str = "lineshaft"
    delimiter: str = ""
    columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be meant. Raises ConfigError."""
        for what, known in (("layout", LAYOUTS), ("unit", tuple(UNITS)), ("codes", CODES)):
            if getattr(self, what) not in known:
                raise ConfigError(f"there is no {what} '{getattr(self, what)}'", hint=f"known are: {', '.join(known)}")
        try:
            ZoneInfo(self.timezone or "UTC")
        except (ZoneInfoNotFoundError, ValueError):
            raise ConfigError(f"there is no time zone '{self.timezone}'", hint="name it as Europe/Berlin") from None


@dataclass(frozen=True, slots=True)
class Source:
    """A file as Parquet: its path, the column types as Arrow has them, and the column of line numbers."""

    path: Path
    types: dict[str, pa.DataType]
    line: str


def is_csv(path: Path) -> bool:
    """Return whether a file is text; Parquet begins and ends with PAR1."""
    with path.open("rb") as file:
        return file.read(4) != b"PAR1"


def parquet(path: Path) -> Source:
    """Open a Parquet file. Raises ConfigError if it is not whole."""
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise ConfigError(f"this Parquet file cannot be read: {error}", where=str(path)) from error
    return Source(path, dict(zip(schema.names, schema.types, strict=True)), "file_row_number + 1")


def text(path: Path, reading: Reading, to: Path) -> tuple[Source, list[tuple[int, str]]]:
    """Copy a CSV as columns of text with their line numbers; return it and the lines whose number of fields is wrong."""
    names, delimiter, skip = _heading(path, reading)
    wrong: list[tuple[int, str]] = []

    def keep(row: Any) -> Literal["skip"]:
        if row.text.strip():
            wrong.append((int(row.number), f"{row.actual_columns} fields, not {row.expected_columns}"))
        else:
            wrong.append((int(row.number), ""))
        return "skip"

    options = csv.ReadOptions(use_threads=False, column_names=names, skip_rows=skip, block_size=16 << 20)
    parsing = csv.ParseOptions(delimiter=delimiter, invalid_row_handler=keep, ignore_empty_lines=False)
    typing = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False)
    try:
        with csv.open_csv(path, options, parsing, typing) as reader:
            _number(reader, to, wrong, names, skip)
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise ConfigError(f"this file cannot be read as CSV: {error}", where=str(path)) from error
    return Source(to, dict.fromkeys(names, pa.string()), "line"), [(at, what) for at, what in wrong if what]


def _number(reader: Any, to: Path, wrong: Sequence[tuple[int, str]], names: Sequence[str], skip: int) -> None:
    """Write the lines that are whole, each with its number: those skipped so far are counted in."""
    schema = pa.schema([*((name, pa.string()) for name in names), ("line", pa.int64())])
    at, passed = skip + 1, 0
    with pq.ParquetWriter(to, schema, compression="lz4") as writer:
        for batch in reader:
            numbers: list[int] = []
            while len(numbers) < batch.num_rows:
                if passed < len(wrong) and wrong[passed][0] == at:
                    passed += 1
                else:
                    stop = wrong[passed][0] if passed < len(wrong) else at + batch.num_rows
                    more = min(stop - at, batch.num_rows - len(numbers))
                    numbers += range(at, at + more)
                    at += more - 1
                at += 1
            columns = [*batch.columns, pa.array(numbers, pa.int64())]
            writer.write_table(pa.table(columns, schema=schema))


def _heading(path: Path, reading: Reading) -> tuple[list[str], str, int]:
    """Return the names of the columns, the delimiter, and how many lines the heading takes."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        first = file.readline().rstrip("\r\n")
    delimiter = reading.delimiter or max(",;\t", key=first.count)
    if reading.layout == "sitewise":
        return list(reading.columns or SITEWISE), delimiter, 0
    names = list(reading.columns) or next(lines.reader([first], delimiter=delimiter), [])
    if len(set(names)) < len(names) or not names or "line" in names:
        raise ConfigError("the columns of this file have no names of their own", where=f"{path}:1", hint="give --columns")
    return names, delimiter, 0 if reading.columns else 1


def column(source: Source, asked: str, role: str) -> str | None:
    """Return the column of a role: the one asked for, or one of the usual names. Raises ConfigError if it is not there."""
    by_lower = {name.lower(): name for name in source.types}
    if asked:
        if asked not in source.types:
            hint = f"there are: {', '.join(list(source.types)[:20])}"
            raise ConfigError(f"there is no column '{asked}'", where=str(source.path), hint=hint)
        return asked
    found = next((by_lower[name] for name in FOUND[role] if name in by_lower), None)
    if found is None and role in ("time", "value", "tag"):
        hint = f"say which it is with --{role}; there are: {', '.join(list(source.types)[:20])}"
        raise ConfigError(f"no column looks like the {role}", where=str(source.path), hint=hint)
    return found


def quoted(name: str) -> str:
    """Return a column's name as SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(word: str) -> str:
    """Return a text as SQL."""
    return "'" + word.replace("'", "''") + "'"


def time_sql(name: str, kind: pa.DataType, factor: int) -> str:
    """Return SQL for nanoseconds UTC of a column, null where it is no time; local times are in the session's zone."""
    x = quoted(name)
    if pa.types.is_timestamp(kind):
        if cast("Any", kind).tz is not None:
            return f"epoch_ns({x})"
        return f"epoch_us(make_timestamp(epoch_ns({x}) // 1000)::timestamptz) * 1000 + epoch_ns({x}) % 1000"
    if pa.types.is_date(kind):
        return f"epoch_us({x}::timestamp::timestamptz) * 1000"
    if pa.types.is_integer(kind):
        return f"try_cast({x}::hugeint * {factor} as bigint)"
    if pa.types.is_floating(kind):
        return f"try_cast(round({x} * {factor}) as bigint)"
    whole = f"try_cast(try_cast({x} as hugeint) * {factor} as bigint)"
    rest = f"coalesce(try_cast(rpad(regexp_extract({x}, '[.]\\d{{6}}(\\d{{1,3}})', 1), 3, '0') as int), 0)"
    rest = f"case when {x} like '%.%' then {rest} else 0 end"
    moment = f"try_cast(epoch_us(try_cast({x} as timestamptz))::hugeint * 1000 + {rest} as bigint)"
    return (
        f"case when regexp_full_match({x}, '[+-]?\\d+') then {whole} "
        f"when regexp_full_match({x}, '[+-]?\\d+[.]\\d*') then try_cast(round(try_cast({x} as double) * {factor}) as bigint) "
        f"else {moment} end"
    )


def local_sql(name: str, kind: pa.DataType) -> str:
    """Return SQL that is true where a time has no zone of its own."""
    if pa.types.is_timestamp(kind):
        return "true" if cast("Any", kind).tz is None else "false"
    if pa.types.is_date(kind):
        return "true"
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return "false"
    zoned = f"regexp_matches({quoted(name)}, '([zZ]|[+-]\\d\\d(:?\\d\\d)?)$') and {quoted(name)} like '%:%'"
    number = f"regexp_full_match({quoted(name)}, '[+-]?\\d+([.]\\d*)?')"
    return f"try_cast({quoted(name)} as timestamp) is not null and not ({zoned}) and not {number}"


def quality_sql(name: str | None, codes: str) -> str:
    """Return SQL for 0 good, 1 uncertain, 2 bad; null where it is none of them."""
    if name is None:
        return "0::smallint"
    word, n = f"lower(trim({quoted(name)}::varchar))", f"try_cast({quoted(name)} as bigint)"
    by_code = {
        "lineshaft": f"case when {n} between 0 and 2 then {n} end",
        "opc-da": f"case when {n} >= 192 then 0 when {n} >= 64 then 1 when {n} >= 0 then 2 end",
        "opc-ua": f"case when {n} >> 30 = 0 then 0 when {n} >> 30 = 1 then 1 when {n} >> 30 in (2, 3) then 2 end",
    }
    return (
        f"(case when {word} is null or {word} in ('', 'good') then 0 when {word} = 'uncertain' then 1 "
        f"when {word} = 'bad' then 2 else {by_code[codes]} end)::smallint"
    )
