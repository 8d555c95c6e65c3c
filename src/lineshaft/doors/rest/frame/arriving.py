"""Rows that a program or a person sends in, as columns: from JSON or from an Arrow stream.

A row that cannot be read is rejected by its number with the reason and a remedy; it stops no other row.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from lineshaft.core import InvalidInput, parse_time
from lineshaft.doors.rest.frame.shape import Shape
from lineshaft.doors.rest.frame.tables import ARROW

MOST_JSON_ROWS = 200_000
_ARROW_BEGINS = b"\xff\xff\xff\xff"
"""No JSON begins like this: an Arrow stream is known by it, whatever its content type says."""
Column = Any
"""An Arrow array; its stubs know too little of them to be of use here."""


class Key(NamedTuple):
    """What a row names: a property by its path, or a source and its tag."""

    property: str
    source: str
    tag: str


class Rejected(Shape):
    """A row that was not taken: its number in the request (from 0), why, and how to mend it."""

    row: Annotated[int, Field(examples=[1])]
    reason: Annotated[str, Field(examples=["future"])]
    hint: Annotated[str, Field(examples=["set the clock of the machine or server"])]


@dataclass(frozen=True)
class Arriving:
    """Rows as columns: which key each has, when, its value in the column of its type, its quality and its number."""

    keys: list[Key]
    key: npt.NDArray[np.int32]
    ts: npt.NDArray[np.int64]
    v: Column
    vi: Column
    vs: Column
    vb: Column
    q: npt.NDArray[np.int16]
    number: npt.NDArray[np.int64]
    received: int
    digest: str
    rejected: list[Rejected] = field(default_factory=list[Rejected])


ROWS_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "description": "The rows, or a bare list of them.",
                    "type": "object",
                    "required": ["rows"],
                    "properties": {
                        "rows": {
                            "type": "array",
                            "items": {
                                "type": "object",
                                "required": ["timestamp", "value"],
                                "properties": {
                                    "property": {"type": "string", "description": "A property's path; or `source` and `tag`."},
                                    "source": {"type": "string"},
                                    "tag": {"type": "string"},
                                    "timestamp": {"description": "ISO 8601 with a zone, or epoch nanoseconds."},
                                    "value": {"description": "A number, a text, true or false, or null."},
                                    "quality": {"description": "good (default), uncertain or bad; or 0, 1, 2."},
                                },
                            },
                        }
                    },
                },
                "example": {
                    "rows": [
                        {
                            "property": "Bakery/Line 1/Oven/Bad",
                            "timestamp": "2026-11-20T06:00:00Z",
                            "value": 12,
                            "quality": "good",
                        },
                        {"source": "bakery", "tag": "ns=2;s=Oven/Power", "timestamp": 1795154400000000000, "value": 41.5},
                    ]
                },
            },
            ARROW: {
                "schema": {
                    "type": "string",
                    "format": "binary",
                    "description": "Columns timestamp, value, quality (optional) and property or source and tag.",
                },
                "example": "(an Arrow IPC stream)",
            },
        },
    }
}
"""How POST values is described in the OpenAPI document."""


def parse(body: bytes, content_type: str) -> Arriving:
    """Read the rows of a request by its content type. Raises InvalidInput if nothing of it can be understood."""
    digest = hashlib.sha256(body).hexdigest()
    if content_type.partition(";")[0].strip() == ARROW or body.startswith(_ARROW_BEGINS):
        return _from_arrow(body, digest)
    return _from_json(body, digest)


def _from_json(body: bytes, digest: str) -> Arriving:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"this is not JSON: {error}", where="body", code="values.body") from None
    rows = cast("dict[str, Any]", said).get("rows") if isinstance(said, dict) else said
    if not isinstance(rows, list):
        hint = 'send {"rows": [{"property": "PATH", "timestamp": "...", "value": 1.5}]}'
        raise InvalidInput("there are no rows", where="body.rows", hint=hint, code="values.body")
    many = cast("list[object]", rows)
    if len(many) > MOST_JSON_ROWS:
        hint = "send fewer at once, or an Arrow stream"
        raise InvalidInput(f"{len(many)} rows are too many for JSON", where="body.rows", hint=hint, code="values.many")
    return _collect(many, digest)


def _collect(rows: Sequence[object], digest: str) -> Arriving:
    keys: dict[Key, int] = {}
    good: list[tuple[int, int, int, object, int]] = []
    rejected: list[Rejected] = []
    for number, row in enumerate(rows):
        try:
            key, ts, value, q = _one(row)
        except InvalidInput as error:
            rejected.append(Rejected(row=number, reason=error.code, hint=error.hint or error.what))
            continue
        good.append((number, keys.setdefault(key, len(keys)), ts, value, q))
    values = [value for *_, value, _ in good]
    return Arriving(
        keys=list(keys),
        key=np.array([key for _, key, *_ in good], np.int32),
        ts=np.array([ts for _, _, ts, *_ in good], np.int64),
        v=pa.array([x if isinstance(x, float) else None for x in values], pa.float64()),
        vi=pa.array([x if isinstance(x, int) and not isinstance(x, bool) else None for x in values], pa.int64()),
        vs=pa.array([_text(x) for x in values], pa.string()),
        vb=pa.array([x if isinstance(x, bool) else None for x in values], pa.bool_()),
        q=np.array([q for *_, q in good], np.int16),
        number=np.array([number for number, *_ in good], np.int64),
        received=len(rows),
        digest=digest,
        rejected=rejected,
    )


def _one(row: object) -> tuple[Key, int, object, int]:
    """Read one JSON row. Raises InvalidInput whose code is the reason."""
    if not isinstance(row, dict):
        raise InvalidInput("a row is an object", code="row")
    said = cast("dict[str, Any]", row)
    unknown = set(said) - {"property", "source", "tag", "timestamp", "value", "quality"}
    if unknown:
        raise InvalidInput(f"'{min(unknown)}' is not a field of a row", code="row")
    key = Key(*(str(said.get(name) or "") for name in ("property", "source", "tag")))
    if bool(key.property) == bool(key.source and key.tag):
        raise InvalidInput("a row names either a property, or a source and a tag", code="name")
    if not all(_is_text(part) for part in (*key, said.get("value"))):
        raise InvalidInput("half a character (a lone surrogate) is no text", code="text")
    stamp = said.get("timestamp")
    if isinstance(stamp, bool) or not isinstance(stamp, str | int):
        raise InvalidInput("a row has a timestamp: ISO 8601 with a zone, or epoch nanoseconds", code="timestamp")
    try:
        ts = parse_time(stamp)
    except InvalidInput as error:
        raise InvalidInput(error.what, hint=error.hint, code="timestamp") from None
    value = said.get("value")
    if value == "NaN":  # JSON has no word for it; SiteWise clients send it so
        value = float("nan")
    if not -(2**63) <= ts < 2**63 or (isinstance(value, int) and not -(2**63) <= value < 2**63):
        raise InvalidInput("64 bits hold no such number", code="number")
    return key, ts, value, _quality(said.get("quality", 0))


def _quality(said: object) -> int:
    known: Mapping[object, int] = {"good": 0, "uncertain": 1, "bad": 2, 0: 0, 1: 1, 2: 2}
    if isinstance(said, bool) or not isinstance(said, str | int) or said not in known:
        raise InvalidInput("quality is good, uncertain or bad (or 0, 1, 2)", code="quality")
    return known[said]


def _is_text(value: object) -> bool:
    """Say whether a text has a form on disk; JSON can name halves of characters that have none."""
    return not isinstance(value, str) or value.isascii() or not any("\ud800" <= one <= "\udfff" for one in value)


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return value
    return json.dumps(value) if isinstance(value, dict | list) else None


def _from_arrow(body: bytes, digest: str) -> Arriving:
    try:
        with pa.ipc.open_stream(pa.py_buffer(body)) as reader:
            table = reader.read_all()
        table.validate(full=True)  # a stream may say anything: places outside its buffers, bytes that are no text
        return _timed(_as_said(table.combine_chunks()), digest)
    except (pa.ArrowInvalid, pa.ArrowIndexError, pa.ArrowNotImplementedError, UnicodeDecodeError, OSError) as error:
        raise InvalidInput(f"this Arrow stream cannot be read: {error}", where="body", code="values.body") from None


def _as_said(table: pa.Table) -> pa.Table:
    """Return a table with our column names, also for one in the shape of a gateway's batch (`tag`, `ts`, `v`, `vi` ...)."""
    names = set(table.schema.names)
    if {"tag", "ts"} <= names:
        source = (table.schema.metadata or {}).get(b"source", b"").decode()
        table = table.rename_columns([{"ts": "timestamp", "q": "quality"}.get(name, name) for name in table.schema.names])
        if "source" not in names and source:
            table = table.append_column("source", pa.array([source] * table.num_rows, pa.string()))
    names = set(table.schema.names)
    has_value = "value" in names or bool(names & {"v", "vi", "vs", "vb"})
    if not ("timestamp" in names and has_value and ("property" in names or {"source", "tag"} <= names)):
        hint = "send the columns timestamp, value, quality (optional) and property, or source and tag"
        raise InvalidInput(f"the columns are {', '.join(sorted(names))}", where="body", hint=hint, code="values.columns")
    return table


def _timed(table: pa.Table, digest: str) -> Arriving:
    """Read a table; rows without a timestamp are rejected alone, the others are as good as before."""
    there = table.column("timestamp").is_valid().to_numpy(zero_copy_only=False)
    if there.all():
        return _from_table(table, digest)
    found = _from_table(table.filter(pa.array(there)), digest)
    hint = "a row has a timestamp: timestamp[ns, tz=UTC] or int64 nanoseconds"
    rejected = [Rejected(row=int(row), reason="timestamp", hint=hint) for row in np.flatnonzero(~there)]
    return replace(found, number=np.flatnonzero(there), received=len(there), rejected=rejected)


def _from_table(table: pa.Table, digest: str) -> Arriving:
    names, count = set(table.schema.names), table.num_rows
    keys, key = _keys(table)
    if "value" in names:
        typed = _typed(_flat(table.column("value")))
    else:
        kinds = {"v": pa.float64(), "vi": pa.int64(), "vs": pa.string(), "vb": pa.bool_()}
        typed = {n: _flat(table.column(n)).cast(kind) if n in names else pa.nulls(count, kind) for n, kind in kinds.items()}
    return Arriving(
        keys=keys,
        key=key,
        ts=_times(_flat(table.column("timestamp"))),
        v=typed["v"],
        vi=typed["vi"],
        vs=typed["vs"],
        vb=typed["vb"],
        q=_qualities(_flat(table.column("quality"))) if "quality" in names else np.zeros(count, np.int16),
        number=np.arange(count, dtype=np.int64),
        received=count,
        digest=digest,
    )


def _flat(column: Column) -> Column:
    whole: Column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    return whole.dictionary_decode() if pa.types.is_dictionary(whole.type) else whole


def _keys(table: pa.Table) -> tuple[list[Key], npt.NDArray[np.int32]]:
    empty = pa.array([""] * table.num_rows, pa.string())
    parts = [
        (_flat(table.column(name)).cast(pa.string()).fill_null("") if name in table.schema.names else empty)
        for name in Key._fields
    ]
    named: Column = pa.StructArray.from_arrays(parts, names=list(Key._fields))
    found: dict[Key, int] = {}
    index = [found.setdefault(Key(**one), len(found)) for one in named.to_pylist()]
    return list(found), np.array(index, np.int32)


def _times(column: Column) -> npt.NDArray[np.int64]:
    if pa.types.is_int64(column.type) or (pa.types.is_timestamp(column.type) and column.type.tz):
        whole = column if pa.types.is_int64(column.type) else column.cast(pa.timestamp("ns", "UTC")).cast(pa.int64())
        return whole.to_numpy(zero_copy_only=False)
    raise InvalidInput(
        f"timestamp is {column.type}",
        where="timestamp",
        hint="send timestamp[ns, tz=UTC] or int64 nanoseconds: a time without a zone is nobody's",
        code="values.columns",
    )


def _typed(column: Column) -> dict[str, Column]:
    """Return the values in the column of their type, the other three null."""
    kinds = {"v": pa.float64(), "vi": pa.int64(), "vs": pa.string(), "vb": pa.bool_()}
    is_a = {"v": pa.types.is_floating, "vi": pa.types.is_integer, "vb": pa.types.is_boolean}
    name = next((name for name, test in is_a.items() if test(column.type)), "vs")
    if name == "vs" and not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        hint = "send numbers, texts or booleans"
        raise InvalidInput(f"values are {column.type}", where="value", hint=hint, code="values.columns")
    return {n: column.cast(kind) if n == name else pa.nulls(len(column), kind) for n, kind in kinds.items()}


def _qualities(column: Column) -> npt.NDArray[np.int16]:
    if pa.types.is_string(column.type):
        known = pa.array(["good", "uncertain", "bad"])
        return pc.index_in(column, known).fill_null(3).to_numpy(zero_copy_only=False).astype(np.int16)
    return column.cast(pa.int16()).fill_null(3).to_numpy(zero_copy_only=False)
