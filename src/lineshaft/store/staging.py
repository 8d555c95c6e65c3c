"""Staging: any legacy file as one relation - name, ts, v, vi, vs, vb, q, line, reason - that DuckDB reads in columns.

A typed Parquet file is used where it lies; text is given its types first, tag by tag, by what fits every value of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from lineshaft.core import ConfigError
from lineshaft.store import coldtier
from lineshaft.store.legacy import (
    UNITS,
    Reading,
    Source,
    column,
    is_csv,
    literal,
    local_sql,
    parquet,
    quality_sql,
    quoted,
    text,
    time_sql,
)

_NUMBER = "try_cast(x as double) is not null and not contains(x, '_') and not regexp_full_match(trim(x), '[+-]?0\\d+')"
_WHOLE = "regexp_full_match(trim(x), '[+-]?(0|[1-9]\\d*)') and try_cast(x as bigint) is not null"
_TRUTH = "lower(trim(x)) in ('true', 'false')"
_TYPES = {"DOUBLE": ("v", "double"), "INTEGER": ("vi", "bigint"), "BOOLEAN": ("vb", "boolean"), "STRING": ("vs", "varchar")}
_EMPTY = {"v": "null::double", "vi": "null::bigint", "vs": "null::varchar", "vb": "null::boolean"}
_EPOCHS = ((1e17, "ns"), (1e14, "us"), (1e11, "ms"))


@dataclass(frozen=True, slots=True)
class Staged:
    """SQL for the rows of a file, and the lines that could not even be split."""

    sql: str
    wrong: list[tuple[int, str]]


class Stage:
    """Reads one file; `folder` holds what must be written down on the way, and is the caller's to remove."""

    def __init__(self, engine: duckdb.DuckDBPyConnection, folder: Path, reading: Reading) -> None:
        self._engine = engine
        self._folder = folder
        self._reading = reading
        self._where = ""
        engine.execute(f"set timezone={literal(reading.timezone or 'UTC')}")

    def open(self, path: Path) -> Staged:
        """Return the rows of a file. Raises ConfigError where a column, or a time zone, must be named first."""
        self._where = str(path)
        wrong: list[tuple[int, str]] = []
        if coldtier.is_avro(path):
            to = self._folder / "cold.parquet"
            coldtier.to_parquet(path, to)
            return Staged(self._kept(coldtier.staged(literal(str(to)), _reason())), wrong)
        if is_csv(path):
            source, wrong = text(path, self._reading, self._folder / "text.parquet")
        else:
            source = parquet(path)
        if self._reading.layout == "sitewise":
            return Staged(self._kept(self._sitewise(source)), wrong)
        rows = self._wide(source) if self._reading.layout == "wide" else [self._long(source)]
        typed = [sql for sql, kind in rows if kind != "text"]
        untyped = [sql for sql, kind in rows if kind == "text"]
        typed += [self._kept(self._fitted(" union all ".join(untyped)))] if untyped else []
        return Staged(" union all ".join(f"({sql})" for sql in typed), wrong)

    def _from(self, source: Source) -> str:
        table = f"read_parquet({literal(str(source.path))}"
        if source.line != "line":
            return f"{table}, file_row_number=true)"
        blank = f"concat({', '.join(quoted(name) for name in source.types)}) = ''"
        return f"(select * from {table}) where not {blank})"

    def _kept(self, sql: str) -> str:
        path = literal(str(self._folder / "typed.parquet"))
        self._engine.execute(f"copy ({sql}) to {path} (format parquet, compression lz4)")
        return f"select * from read_parquet({path})"

    def _time(self, source: Source) -> str:
        """Return SQL for the time of a row, its zone and unit being settled."""
        name = column(source, self._reading.time, "time") or ""
        kind, table = source.types[name], self._from(source)
        if not self._reading.timezone:
            found = self._engine.execute(
                f"select {quoted(name)}::varchar from {table} where {local_sql(name, kind)} limit 1"
            ).fetchone()
            if found:
                raise ConfigError(
                    f"'{found[0]}' is a local time, and nobody said of which time zone",
                    where=self._where,
                    hint="add --timezone, such as Europe/Berlin",
                    code="import.timezone",
                )
        return f"{time_sql(name, kind, self._factor(name, kind, table))} as ts"

    def _factor(self, name: str, kind: pa.DataType, table: str) -> int:
        """Return how many nanoseconds one is, of a time that is a number; by its size unless somebody said."""
        if UNITS[self._reading.unit] or pa.types.is_timestamp(kind) or pa.types.is_date(kind):
            return UNITS[self._reading.unit] or 1
        row = self._engine.execute(f"select max(abs(try_cast({quoted(name)} as double))) from {table}").fetchone()
        largest = float(row[0] or 0) if row else 0.0
        return UNITS[next((unit for limit, unit in _EPOCHS if largest > limit), "s")]

    def _long(self, source: Source) -> tuple[str, str]:
        tags = [column(source, one, "tag") for one in self._reading.tag] or [column(source, "", "tag")]
        value = column(source, self._reading.value, "value") or ""
        quality = column(source, self._reading.quality, "quality")
        name = " || '/' || ".join(f"{quoted(tag or '')}::varchar" for tag in tags)
        q = quality_sql(quality, self._reading.codes)
        return self._row(source, name, self._time(source), value, q)

    def _row(self, source: Source, name: str, time: str, value: str, q: str) -> tuple[str, str]:
        kind, x, table = source.types[value], quoted(value), self._from(source)
        place = "x"
        if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
            place, x = "v", f"{x}::double"
        elif pa.types.is_integer(kind):
            place, x = "vi", f"try_cast({x} as bigint)"
        elif pa.types.is_boolean(kind):
            place = "vb"
        if place == "x":
            return f"select {name} as name, {time}, {x}::varchar as x, {q} as q, {source.line} as line from {table}", "text"
        columns = ", ".join(f"{x if other == place else empty} as {other}" for other, empty in _EMPTY.items())
        inner = f"select {name} as name, {time}, {columns}, {q} as q, {source.line} as line from {table}"
        return f"select *, {_reason()} as reason from ({inner})", place

    def _wide(self, source: Source) -> list[tuple[str, str]]:
        """Return the rows of each column of values; an empty cell is no value."""
        time, moment = self._time(source), column(source, self._reading.time, "time")
        asked = column(source, self._reading.quality, "quality") if self._reading.quality else None
        q = quality_sql(asked, self._reading.codes)
        found: list[tuple[str, str]] = []
        for name in source.types:
            if name not in (moment, asked, source.line):
                sql, kind = self._row(source, literal(name), time, name, q)
                empty = f"{quoted(name)} is not null" + (f" and {quoted(name)} <> ''" if kind == "text" else "")
                found.append((f"select * from ({sql} where {empty})" if kind == "text" else sql[:-1] + f" where {empty})", kind))
        return found

    def _fitted(self, rows: str) -> str:
        """Return rows of text with the type that fits every value of their tag."""
        self._engine.execute(f"create or replace temp view raw as {rows}")
        fits = (
            f"case when bool_and({_TRUTH}) then 'BOOLEAN' when bool_and({_WHOLE}) then 'INTEGER' "
            f"when bool_and({_NUMBER}) then 'DOUBLE' else 'STRING' end"
        )
        self._engine.execute(
            f"create or replace temp table fit as select name, {fits} as kind from raw where trim(x) <> '' group by name"
        )
        values = ", ".join(
            f"case when kind = '{kind}' then " + ("x" if kind == "STRING" else f"try_cast(x as {sql})") + f" end as {place}"
            for kind, (place, sql) in _TYPES.items()
        )
        inner = f"select name, ts, {values}, q, line from raw left join fit using (name)"
        return f"select name, ts, v, vi, vs, vb, q, line, {_reason()} as reason from ({inner})"

    def _sitewise(self, source: Source) -> str:
        names = {name.upper(): quoted(name) for name in source.types}
        missing = [one for one in ("DATA_TYPE", "TIMESTAMP_SECONDS", "VALUE") if one not in names]
        if missing or not ("ALIAS" in names or {"ASSET_ID", "PROPERTY_ID"} <= set(names)):
            hint = "ALIAS or ASSET_ID and PROPERTY_ID, DATA_TYPE, TIMESTAMP_SECONDS, VALUE; name them in order with --columns"
            raise ConfigError("this is not the layout of SiteWise's bulk import", where=self._where, hint=hint)
        name = names.get("ALIAS") or f"{names['ASSET_ID']} || '/' || {names['PROPERTY_ID']}"
        nanos = f"coalesce(try_cast({names['TIMESTAMP_NANO_OFFSET']} as bigint), 0)" if "TIMESTAMP_NANO_OFFSET" in names else "0"
        ts = f"try_cast({names['TIMESTAMP_SECONDS']} as bigint) * 1000000000 + {nanos}"
        x, kind = names["VALUE"], f"upper(trim({names['DATA_TYPE']}))"
        values = ", ".join(
            f"case when {kind} = '{word}' then try_cast({x} as {sql}) end as {place}" for word, (place, sql) in _TYPES.items()
        )
        quality = next((one for one in source.types if one.upper() == "QUALITY"), None)
        q = quality_sql(quality, self._reading.codes)
        lost = "trim(x::varchar) <> '' and coalesce(v::varchar, vi::varchar, vs, vb::varchar) is null"
        bad = f"case when kind not in ('DOUBLE', 'INTEGER', 'BOOLEAN', 'STRING') or ({lost}) then 'value' end"
        rest = f"{q} as q, {source.line} as line, {kind} as kind, {x} as x"
        inner = f"select {name} as name, {ts} as ts, {values}, {rest} from {self._from(source)}"
        return f"select name, ts, v, vi, vs, vb, q, line, coalesce({_reason()}, {bad}) as reason from ({inner})"


def _reason() -> str:
    return "case when name is null or name = '' then 'name' when ts is null then 'time' when q is null then 'quality' end"


def rows_of(engine: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    """Return the rows of a question."""
    return engine.execute(sql).fetchall()
