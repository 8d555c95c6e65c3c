"""Which column of a table tells the time, and what its cells mean: datetimes, ISO texts, or seconds (ms, us, ns) since 1970."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lineshaft.core import NS, InvalidInput, did_you_mean
from lineshaft.detect.detector import Floats, Ints

TIME_NAMES = ("time", "timestamp", "datetime", "date", "ts", "date_time")

EPOCHS = ((1, "nanoseconds"), (1_000, "microseconds"), (10**6, "milliseconds"), (NS, "seconds"))
"""Units numbers may count the time since 1970 in, as nanoseconds."""

FROM, TO = 631_152_000 * NS, 4_102_444_800 * NS
"""1990 and 2100: between them the unit of a time since 1970 follows from its size."""

HINT = "give times as datetimes, as ISO 8601 texts, or as seconds (ms, us, ns) since 1970"
COMMA = re.compile(r":\d\d,\d")
ZONED = re.compile(r"\d:\d\d[^+-]*(Z|[+-]\d\d:?(\d\d)?)$")


@dataclass(frozen=True, slots=True)
class Clock:
    """A time column, and where that was not said, what made it one."""

    name: str
    why: str = ""


def find(arrow: pa.Table, time: str | None) -> Clock | None:
    """Return the time column: the one that is named, else typed as time or called like it, else one that can be nothing else."""
    names = arrow.column_names
    if time is not None:
        if time not in names:
            hint = did_you_mean(time, names)
            raise InvalidInput(f"there is no column '{time}'", where="time", hint=hint, code="table.time")
        return Clock(time)
    called = [name for name in names if name.strip().lower() in TIME_NAMES]
    typed = [name for name in names if pa.types.is_timestamp(arrow[name].type) or pa.types.is_date(arrow[name].type)]
    for name in (*(name for name in called if name in typed), *typed, *called):
        return Clock(name)
    return next((Clock(name, why) for name in names if (why := _tells(arrow[name]))), None)


def _tells(column: Any) -> str:
    """Say why a column that is neither typed nor called so must be the time: ISO texts, or a time since 1970 that goes on."""
    some = column.slice(0, 200).drop_null()
    if len(some) < 3:
        return ""
    kind = column.type
    try:
        if _textual(kind):
            return "its texts are times" if ":" in str(some[0]) and len(pc.unique(_parsed(some))) > 1 else ""
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
            return ""
        values = column.drop_null().to_numpy().astype(np.float64)
        unit, word = epoch(values)
    except (pa.ArrowInvalid, ValueError):
        return ""
    steps = np.diff(values)
    rises = bool(len(steps)) and (float((steps > 0).mean()) > 0.9 or float((steps < 0).mean()) > 0.9)
    return f"its numbers are {word} since 1970" if unit and rises else ""


def nanoseconds(column: Any, name: str, *, plain: bool = False) -> tuple[Ints, int, str]:
    """Return UTC nanoseconds, the nanoseconds a whole number of the column stands for, and its unit where that was found out.

    `plain`: whole numbers are taken as they are, whatever they count.
    """
    kind = column.type
    unit, word = 1, ""
    try:
        if _textual(kind):
            column = _parsed(column)
        elif pa.types.is_floating(kind) or pa.types.is_integer(kind):
            if not plain:
                column, unit, word = _since(column, name)
            elif pa.types.is_floating(kind):
                column = pc.cast(column, pa.int64())
        elif not (pa.types.is_timestamp(kind) or pa.types.is_date(kind)):
            raise InvalidInput(f"column '{name}' holds no times ({kind})", hint=HINT, code="table.time")
        if pa.types.is_date(column.type):
            column = pc.cast(column, pa.timestamp("ns"))
        if not pa.types.is_integer(column.type):
            column = pc.cast(pc.cast(column, pa.timestamp("ns", getattr(column.type, "tz", None))), pa.int64())
    except pa.ArrowInvalid as error:
        hint = "give whole numbers (60 minutes instead of 1.0 hours) or datetimes" if plain and unit == 1 else HINT
        raise InvalidInput(f"column '{name}' holds no times: {error}", hint=hint, code="table.time") from error
    if column.null_count:
        said = f"column '{name}' has {column.null_count} rows without a time"
        raise InvalidInput(said, hint="leave these rows out", code="table.time")
    return column.to_numpy().astype(np.int64), unit, word


def epoch(values: Floats) -> tuple[int, str]:
    """Return the unit of times since 1970 by their size, and its name; 0 for numbers that are none."""
    known = values[np.isfinite(values)]
    if not len(known):
        return 0, ""
    low, high = float(known.min()), float(known.max())
    return next(((unit, word) for unit, word in EPOCHS if low * unit >= FROM and high * unit <= TO), (0, ""))


def _since(column: Any, name: str) -> tuple[Any, int, str]:
    """Return a column of numbers as nanoseconds since 1970, the unit it was in, and that unit's name if it is not nanoseconds."""
    values = column.drop_null().to_numpy()
    unit, word = epoch(values.astype(np.float64))
    if not unit and pa.types.is_integer(column.type) and (not len(values) or int(np.abs(values).max()) >= NS):
        unit = 1  # nanoseconds of a clock that did not begin in 1970
    if not unit:
        said = f"column '{name}' holds numbers that are no times since 1970 (the first is {column[0]})"
        hint = f"{HINT}; or leave the column out: rows are then taken as consecutive, `every` says how far apart"
        raise InvalidInput(said, hint=hint, code="table.time")
    if pa.types.is_integer(column.type):
        column = pc.cast(column, pa.int64())
        return (column, 1, "") if unit == 1 else (pc.multiply(column, unit), unit, word)
    whole = np.rint(column.to_numpy() * (unit / 1000)) * 1000  # a float of seconds is no finer than that
    return pa.chunked_array([pa.array(whole, from_pandas=True).cast(pa.int64())]), unit, word


def _textual(kind: Any) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _parsed(column: Any) -> Any:
    """Return texts as times. Raises ArrowInvalid for others."""
    texts: Sequence[Any] = column.slice(0, 100).to_pylist()
    first = next((str(cell) for cell in texts if cell), "")
    if first.isdigit() and len(first) > 8:
        values = pc.cast(column, pa.int64())
        unit, _ = epoch(values.drop_null().to_numpy().astype(np.float64))
        return pc.cast(pc.multiply(values, unit), pa.timestamp("ns")) if unit else values
    if COMMA.search(first):
        column = pc.replace_substring(column, ",", ".")
    if first.endswith(("UTC", "GMT")):
        column, first = pc.replace_substring_regex(column, r"\s*(UTC|GMT)$", "Z"), "0:00Z"
    return pc.cast(column, pa.timestamp("ns", "UTC")) if ZONED.search(first) else pc.cast(column, pa.timestamp("ns"))
