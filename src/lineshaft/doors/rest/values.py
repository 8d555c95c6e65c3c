"""Values: the newest ones, their history, aggregates of it, and values a program or a person sends in."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import pyarrow as pa
from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from lineshaft.assets import Property
from lineshaft.core import iso, parse_duration, parse_time
from lineshaft.doors.rest.frame.arriving import ROWS_BODY, Rejected, parse
from lineshaft.doors.rest.frame.asking import Asking, House, Reader, Sender
from lineshaft.doors.rest.frame.hub import quality
from lineshaft.doors.rest.frame.moments import End, Start, span, window_of
from lineshaft.doors.rest.frame.shape import Anything, Body, MaybeMoment, Moment, Number, PropertyPath, Shape
from lineshaft.doors.rest.frame.tables import OTHER_FORMS, answer, finite, qualities, times, wanted
from lineshaft.doors.rest.frame.taking import take
from lineshaft.doors.rooms import Rooms
from lineshaft.guard import Subject
from lineshaft.store import Latest

router = APIRouter(tags=["values"])
FUNCTIONS = ("avg", "min", "max", "sum", "stdev", "first", "last")
_NAMES = {"n": "count", "avg": "average", "min": "minimum", "max": "maximum", "stdev": "standard_deviation"}
Word = Annotated[str | None, Field(examples=["good"], description="good, uncertain or bad")]
Rows = Annotated[int, Query(ge=1, le=100_000, description="How many rows at most.", examples=[1000])]
Properties = Annotated[
    list[str], Query(alias="property", min_length=1, max_length=1000, examples=[["Bakery/Line 1/Oven/Temperature"]])
]
OneProperty = Annotated[str, Query(alias="property", examples=["Bakery/Line 1/Oven/Temperature"])]


class LatestShape(Shape):
    """The newest value of a property, null when there is none yet; an attribute has its value of now, and no timestamp."""

    property: PropertyPath
    timestamp: MaybeMoment
    value: Anything
    quality: Word
    unit: Annotated[str, Field(examples=["mm/s"])]


class LatestList(Shape):
    """The newest values, in the order asked for."""

    items: list[LatestShape]


class Row(Shape):
    """One stored value."""

    timestamp: Moment
    value: Anything
    quality: Word


class History(Shape):
    """Stored values of a property in (start, end], oldest first."""

    property: PropertyPath
    unit: Annotated[str, Field(examples=["mm/s"])]
    type: Annotated[str, Field(examples=["double"])]
    rows: list[Row]
    next: Annotated[str | None, Field(examples=[None])] = None


class AggregateRow(Shape):
    """One window (start, end], stamped at its end; only good values count."""

    timestamp: Moment
    count: Annotated[int, Field(examples=[60])]
    average: Number
    minimum: Number
    maximum: Number
    sum: Number
    standard_deviation: Number
    first: Anything
    last: Anything


class Aggregates(Shape):
    """Aggregates of a property per window."""

    property: PropertyPath
    window: Annotated[str, Field(examples=["1m"])]
    rows: list[AggregateRow]


class Taken(Shape):
    """What became of the rows that were sent; `received` is the sum of the others."""

    received: Annotated[int, Field(examples=[2])]
    stored: Annotated[int, Field(examples=[1])]
    duplicate: Annotated[int, Field(examples=[0])]
    rejected: list[Rejected]
    rejected_count: Annotated[int, Field(examples=[1], description="All of them; at most 1,000 are named.")]


@router.get("/latest")
def latest(rooms: House, subject: Reader, paths: Properties) -> LatestList:
    """Return the newest value of each property, in the order asked for."""
    asked = [_readable(rooms, subject, path) for path in paths]
    found = rooms.store.latest([one.path for one in asked])
    return LatestList.model_validate({"items": _then(rooms, asked, found, None)})


class Asked(Body):
    """Which properties somebody wants the newest values of: more than an address can hold."""

    properties: Annotated[list[str], Field(min_length=1, max_length=10_000, examples=[["Bakery/Line 1/Oven/Temperature"]])]


@router.post("/latest")
def latest_of_many(rooms: House, subject: Reader, body: Asked) -> LatestList:
    """Return the newest value of each of up to 10,000 properties, in the order asked for; it only reads."""
    return latest(rooms, subject, body.properties)


LookBack = Annotated[str, Query(description="How far before the time is looked: 1h, 7d ...", examples=["7d"])]


@router.get("/as-of")
def as_of(
    rooms: House,
    subject: Reader,
    paths: Properties,
    at: Annotated[str, Query(description="ISO 8601 with a zone, or epoch nanoseconds.", examples=["2026-11-20T06:00:00Z"])],
    look_back: LookBack = "7d",
) -> LatestList:
    """Return the last good value of each property at or before a time, null where there is none within `look_back`."""
    asked = [_readable(rooms, subject, path) for path in paths]
    then = parse_time(at, where="at")
    back = parse_duration(look_back, where="look_back")
    found = rooms.store.as_of([one.path for one in asked], then, back)
    return LatestList.model_validate({"items": _then(rooms, asked, found, then)})


class AskedThen(Body):
    """Of which properties somebody wants the values of a time: more than an address can hold."""

    properties: Annotated[list[str], Field(min_length=1, max_length=10_000, examples=[["Bakery/Line 1/Oven/Temperature"]])]
    at: Annotated[str, Field(examples=["2026-11-20T06:00:00Z"])]
    look_back: Annotated[str, Field(examples=["7d"])] = "7d"


@router.post("/as-of")
def as_of_many(rooms: House, subject: Reader, body: AskedThen) -> LatestList:
    """Return the values of a time of up to 10,000 properties, in the order asked for; it only reads."""
    return as_of(rooms, subject, body.properties, body.at, body.look_back)


def _then(rooms: Rooms, asked: list[Property], found: list[Latest | None], at: int | None) -> list[dict[str, Any]]:
    """Return values as items, in the order asked for; an attribute has the value it had."""
    items: list[dict[str, Any]] = []
    for one, row in zip(asked, found, strict=True):
        item = {"property": one.path, "timestamp": None, "value": None, "quality": None, "unit": one.unit}
        if row is not None:
            item |= {"timestamp": iso(row.ts), "value": _plain(row.value), "quality": quality(row.quality)}
        elif one.kind == "attribute":
            item["value"] = rooms.assets.attribute(one.path, at)
        items.append(item)
    return items


@router.get("/history", response_model=History, responses=OTHER_FORMS)
def history(
    request: Request,
    rooms: House,
    subject: Reader,
    path: OneProperty,
    start: Start = None,
    end: End = None,
    limit: Rows = 10_000,
    after: Annotated[str | None, Query(description="`next` of the page before.")] = None,
    *,
    as_of: Annotated[
        str | None, Query(description="What the lake held at this earlier time, before later corrections and deletions.")
    ] = None,
    descending: Annotated[bool, Query(description="Newest first.", examples=[False])] = False,
) -> Any:
    """Return stored values in (start, end], as JSON, CSV, Arrow stream or Parquet by the Accept header."""
    one = _readable(rooms, subject, path)
    first, last = span(start, end)
    then = None if as_of is None else parse_time(as_of, where="as_of")
    ask = partial(rooms.store.history, one.path, first, last, descending=descending)
    table: Any = ask(limit=limit + 1, after=after, as_of=then)
    more = table.num_rows > limit
    table = table.slice(0, limit)
    token = rooms.store.page(table) if more else None
    form = wanted(request)
    if form:
        words: Any = pa.chunked_array([qualities(table.column("q"))])
        columns = {"timestamp": table.column("ts"), "value": table.column("value"), "quality": words}
        return answer(pa.table(columns), form, token)
    values = zip(times(table.column("ts")), finite(table.column("value")), table.column("q").to_pylist(), strict=True)
    rows = [{"timestamp": at, "value": value, "quality": quality(q)} for at, value, q in values]
    return {"property": one.path, "unit": one.unit, "type": one.type.value, "rows": rows, "next": token}


@router.get("/aggregates", response_model=Aggregates, responses=OTHER_FORMS)
def aggregates(
    request: Request,
    rooms: House,
    subject: Reader,
    path: OneProperty,
    window: Annotated[str, Query(description="Length of a window: 10s, 1m, 1h ...", examples=["1m"])] = "1m",
    start: Start = None,
    end: End = None,
) -> Any:
    """Return count, average, minimum ... per window (start, end], stamped at its end."""
    one = _readable(rooms, subject, path)
    first, last = span(start, end)
    table = rooms.store.aggregates(one.path, window_of(window), first, last, FUNCTIONS)
    columns: dict[str, Any] = {"timestamp": table.column("ts")}
    columns |= {_NAMES.get(name, name): table.column(name) for name in ("n", *FUNCTIONS)}
    form = wanted(request)
    if form:
        return answer(pa.table(columns), form)
    plain = {"timestamp": times(columns.pop("timestamp")), **{name: finite(column) for name, column in columns.items()}}
    rows = [dict(zip(plain, row, strict=True)) for row in zip(*plain.values(), strict=True)]
    return {"property": one.path, "window": window, "rows": rows}


@router.post("/values", openapi_extra=ROWS_BODY)
async def post_values(request: Request, sender: Sender) -> Taken:
    """Take values in: JSON rows or an Arrow stream. Each row that cannot be taken is named, with the reason and a remedy."""
    body = await request.body()
    return await run_in_threadpool(_take, sender, body, request.headers.get("Content-Type", ""))


def _take(sender: Asking, body: bytes, content_type: str) -> Taken:
    return Taken.model_validate(take(sender, parse(body, content_type)))


def _readable(rooms: Rooms, subject: Subject, path: str) -> Property:
    one = rooms.assets.property(path)
    rooms.guard.gate(subject, "read", one.asset_path)
    return one


def _plain(value: Any) -> Any:
    """Return a value as JSON can hold it: NaN and infinity are null."""
    return None if isinstance(value, float) and not -1e308 * 10 < value < 1e308 * 10 else value
