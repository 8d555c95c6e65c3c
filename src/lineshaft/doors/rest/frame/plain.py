"""Any table a question may give, in values JSON and CSV can hold: times that no calendar has included."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import decimal
import json
import math
from typing import Any

import pyarrow as pa

_FIRST, _LAST = -62_135_596_800_000_000, 253_402_300_799_999_999
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_PER_US = {"s": 1_000_000, "ms": 1_000, "us": 1}


def plain(column: Any) -> list[Any]:
    """Return a column as JSON can hold it: times as ISO 8601, NaN and infinity as null, what has no form there as text."""
    if pa.types.is_timestamp(column.type):
        return _moments(column)
    try:
        return [_value(one) for one in column.to_pylist()]
    except (ValueError, OverflowError, pa.ArrowException):
        return column.cast(pa.string()).to_pylist()


def flat(table: pa.Table) -> pa.Table:
    """Return a table of numbers, truth values and texts only, as a spreadsheet takes it."""
    for place, field in enumerate(table.schema):
        if not _simple(field.type):
            table = table.set_column(place, field.name, _flat(table.column(place)))
    return table


def _simple(kind: Any) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind) or pa.types.is_string(kind)


def _flat(column: Any) -> Any:
    if pa.types.is_decimal(column.type):
        with contextlib.suppress(pa.ArrowInvalid):  # a sum of integers is a decimal of 38 digits; few need them
            return column.cast(pa.int64() if column.type.scale == 0 else pa.float64())
    return pa.array([_text(one) for one in plain(column)], pa.string())


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _moments(column: Any) -> list[str | None]:
    """Return times as ISO 8601 with as many digits as they have; one beyond the calendar as `infinity`."""
    unit, zone = str(column.type.unit), "Z" if column.type.tz else ""
    numbers: list[int | None] = column.cast(pa.int64()).to_pylist()
    return [None if one is None else _moment(one, unit, zone) for one in numbers]


def _moment(number: int, unit: str, zone: str) -> str:
    us, rest = divmod(number, 1000) if unit == "ns" else (number * _PER_US[unit], 0)
    if not _FIRST <= us <= _LAST:
        return "infinity" if us > 0 else "-infinity"
    text = (_EPOCH + dt.timedelta(microseconds=us)).replace(tzinfo=None).isoformat(timespec="microseconds" if rest else "auto")
    return f"{text}{f'{rest:03d}' if rest else ''}{zone}"


def _value(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dt.datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, list | tuple):
        return [_value(one) for one in value]  # pyright: ignore[reportUnknownVariableType] - rows are untyped
    if isinstance(value, dict):
        return {str(key): _value(one) for key, one in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return str(value)
