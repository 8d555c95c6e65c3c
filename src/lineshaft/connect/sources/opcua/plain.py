"""The slow way, item by item through asyncua: arrays, structures and rare types become JSON or text."""

# pyright: reportPrivateImportUsage=false
# asyncua re-exports its names without saying so
from __future__ import annotations

import base64
import dataclasses
import json
import math
from collections.abc import Callable
from datetime import UTC, datetime
from enum import Enum
from typing import Any, cast
from uuid import UUID

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import variant_from_binary

from lineshaft.connect.sources.opcua.columns import EPOCH, Columns, Value, ns_of, tick_text

_1970 = datetime(1970, 1, 1, tzinfo=UTC)


def text_of_bytes(body: bytes) -> str:
    """Return a ByteString as base64, the way OPC UA's JSON encoding writes it."""
    return base64.b64encode(body).decode("ascii")


def slow_value(buf: bytes, pos: int) -> tuple[Value, int]:
    """Decode the variant at `pos` with asyncua; return its value and where it ends."""
    reader = Buffer(buf, pos)
    before = len(reader)
    value = plain(variant_from_binary(reader))
    return value, pos + before - len(reader)


def take_item(item: Any, columns: Columns, now: int) -> None:
    """Take one decoded MonitoredItemNotification into the columns."""
    data = item.Value
    status = 0 if data.StatusCode is None else int(data.StatusCode.value)
    columns.add(int(item.ClientHandle), status, time_of(data, now), plain(data.Value))


def time_of(data: Any, now: int) -> int:
    """Return the source's time of a DataValue, the server's where there is none, else `now`."""
    for moment in (data.SourceTimestamp, data.ServerTimestamp):  # not its picoseconds: asyncua reads them at a wrong place
        ticks = 0 if moment is None else _ticks_of(moment)
        if ticks > 0:
            return ns_of(ticks)
    return now


def ns_of_moment(moment: datetime) -> int:
    """Return UTC nanoseconds of a DateTime as asyncua gives it."""
    return ns_of(_ticks_of(moment))


def plain(variant: Any) -> Value:
    """Return a Variant's value as the Python type of its column; arrays and structures as JSON text."""
    if variant is None or variant.Value is None:
        return None
    value = variant.Value
    if isinstance(value, list | tuple) or variant.Dimensions:
        return json.dumps(jsonable(cast("object", value)), separators=(",", ":"), ensure_ascii=False)
    simple = jsonable(value)
    if isinstance(simple, int) and not isinstance(simple, bool) and not -(2**63) <= simple < 2**63:
        return str(simple)
    if isinstance(value, float):
        return value
    if simple is None or isinstance(simple, bool | int | float | str):
        return simple
    return json.dumps(simple, separators=(",", ":"), ensure_ascii=False)


def _ticks_of(moment: datetime) -> int:
    passed = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _1970
    return ((passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds) * 10 + EPOCH


def jsonable(value: Any) -> Any:
    """Return what JSON can say of any OPC UA value; NaN and infinities as their names."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, Enum):
        return jsonable(value.value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, bytes):
        return text_of_bytes(value)
    if isinstance(value, datetime):
        return tick_text(_ticks_of(value))
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in cast("list[object]", value)]
    return _named(value)


def _named(value: Any) -> Any:
    """Return the OPC UA types that have a customary text, else a structure by its field names."""
    for kind, text in _TEXTS.items():
        if isinstance(value, kind):
            return text(value)
    if dataclasses.is_dataclass(value):
        return {field.name: jsonable(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return str(value)


_TEXTS: dict[Any, Callable[[Any], Any]] = {
    UUID: str,
    ua.NodeId: lambda value: value.to_string(),
    ua.LocalizedText: lambda value: value.Text,
    ua.QualifiedName: lambda value: value.to_string(),
    ua.StatusCode: lambda value: int(value.value),
    ua.Variant: lambda value: jsonable(value.Value),
    ua.DataValue: lambda value: jsonable(value.Value),
}
