"""What people on the shift write: the logbook, and readings taken by hand."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from lineshaft.assets import ALWAYS
from lineshaft.core import Batch, Conflict, DataType, InvalidInput, iso, now_ns, parse_time, samples
from lineshaft.doors.rest.frame.asking import House, Reader, Sender, seen
from lineshaft.doors.rest.frame.moments import End, Start, span
from lineshaft.doors.rest.frame.names import called
from lineshaft.doors.rest.frame.paging import After, Limit, page
from lineshaft.doors.rest.frame.shape import (
    Anything,
    AssetPath,
    Body,
    Id,
    Listed,
    MaybeName,
    Moment,
    Note,
    PropertyPath,
    Shape,
    Version,
    moment,
)
from lineshaft.doors.rooms import Rooms
from lineshaft.production import LogCorrection, LogEntry
from lineshaft.store import HINTS

router = APIRouter(tags=["logbook"])
MANUAL = "manual"
"""The source of values that people read and type in."""
_WEEK_S = 7 * 86_400
Scalar = float | bool | str


class LogShape(Shape):
    """An entry of the shift logbook as it reads now."""

    id: Id
    asset: AssetPath
    at: Moment
    shift: Annotated[str, Field(examples=["Early"], description="Empty outside of shifts.")]
    day: Annotated[str, Field(examples=["2026-11-20"], description="The day the shift began on.")]
    text: Annotated[str, Field(examples=["belt of the cooler slips again"])]
    tags: Annotated[list[str], Field(examples=[["belt"]])]
    author: MaybeName
    written: Moment
    version: Version


class LogVersions(Shape):
    """Every version of an entry, the oldest first."""

    items: list[LogShape]


class Reading(Body):
    """A value somebody read: of which property, what, and when (now, if not said)."""

    property: PropertyPath
    value: Annotated[Scalar, Field(examples=[7.4])]
    timestamp: Annotated[str | None, Field(examples=["2026-11-20T06:00:00Z"])] = None
    note: Note = ""


class ReadingTaken(Shape):
    """The reading as it was stored."""

    property: PropertyPath
    timestamp: Moment
    value: Anything
    unit: Annotated[str, Field(examples=["mm/s"])]


@router.get("/logbook")
def entries(
    rooms: House,
    subject: Reader,
    *,
    start: Start = None,
    end: End = None,
    line: Annotated[str, Query(description="Entries of this asset and all below it.", examples=["Bakery/Line 1"])] = "",
    shift: Annotated[str, Query(description="Entries of shifts of this name.", examples=["Early"])] = "",
    tag: Annotated[str, Query(description="Entries with this tag.", examples=["belt"])] = "",
    limit: Limit = 100,
    after: After = None,
) -> Listed[LogShape]:
    """List the shift logbook of (start, end] (the last week if not said), newest first."""
    rows = rooms.production.logbook.list(*span(start, end, _WEEK_S), under=line, shift=shift, tag=tag)
    names = rooms.guard.names()
    items = [_shown(row, names) for row in seen(rooms, subject, rows)]
    return Listed[LogShape].model_validate(page(items, limit, after))


@router.get("/logbook/{entry_id}")
def versions(rooms: House, subject: Reader, entry_id: str) -> LogVersions:
    """Return every version of an entry."""
    rows = rooms.production.logbook.versions(entry_id)
    rooms.guard.gate(subject, "read", str(rows[0]["asset"]))
    names = rooms.guard.names()
    return LogVersions.model_validate({"items": [_shown(row, names) for row in rows]})


@router.post("/logbook", status_code=201)
def write(sender: Sender, body: LogEntry) -> LogShape:
    """Write an entry; it belongs to the shift that runs at its time."""
    book, author = sender.rooms.production.logbook, sender.subject.id
    answer = sender.do("logbook.write", "logbook", body.model_dump(), lambda tx: book.write(tx, body, author), body.asset)
    return _answer(sender.rooms, answer)


@router.post("/logbook/{entry_id}/correct")
def correct(sender: Sender, entry_id: str, body: LogCorrection) -> LogShape:
    """Write a new version of an entry; the old ones stay readable."""
    book, author = sender.rooms.production.logbook, sender.subject.id
    place, resource = book.place(entry_id), f"logbook:{entry_id}"
    answer = sender.do("logbook.write", resource, body.model_dump(), lambda tx: book.correct(tx, entry_id, body, author), place)
    return _answer(sender.rooms, answer)


@router.post("/readings", status_code=201)
def read_by_hand(sender: Sender, body: Reading) -> ReadingTaken:
    """Take a value that a person read. The property is then one of the source `manual`; a machine's own are refused."""
    one = sender.rooms.assets.property(body.property)
    resource = f"reading:{one.path}"
    answer = sender.do_outside("values.write", resource, body.model_dump(), lambda: _take(sender.rooms, body), one.asset_path)
    return ReadingTaken.model_validate(answer)


def _take(rooms: Rooms, body: Reading) -> dict[str, Any]:
    """Store a reading: its property is bound to `manual` with the first one. Raises Conflict for a machine's property."""
    one = rooms.assets.property(body.property)
    at = now_ns() if body.timestamp is None else parse_time(body.timestamp, where="timestamp")
    value = _fitting(body.value, one.type)
    if one.kind.value != "measurement":
        hint = "take a measurement of its own for readings by hand"
        raise Conflict(f"'{one.path}' is a {one.kind.value}: it is not measured", hint=hint, code="reading.not-measured")
    spans = rooms.assets.spans(one.id)
    here = next((span for span in spans if span.start_ns <= at and (span.end_ns is None or at < span.end_ns)), None)
    if here is not None and here.source != MANUAL:
        hint = "give the readings a property of their own: nobody could tell them from the machine's values"
        raise Conflict(f"'{one.path}' is measured by '{here.source}'", hint=hint, code="reading.of-a-machine")
    tag = one.path if here is None else here.tag
    if here is None:
        with rooms.db.begin() as tx:
            rooms.assets.bind(tx, one.path, MANUAL, tag, at if spans else ALWAYS)
    now = now_ns()
    for stored in rooms.ingest([Batch(MANUAL, -now, now, samples([{"tag": tag, "ts": at, "value": value}]))]):
        for refused in stored.rejected:
            hint = HINTS.get(refused.reason, "")
            raise InvalidInput(f"the reading was not taken: {refused.reason}", where="value", hint=hint, code="reading.rejected")
    return {"property": one.path, "timestamp": iso(at), "value": value, "unit": one.unit}


def _fitting(value: Scalar, kind: DataType) -> Scalar | int:
    """Return a value in the type of its property. Raises InvalidInput."""
    number = isinstance(value, float)
    if kind is DataType.DOUBLE and number:
        return value
    if kind is DataType.INTEGER and isinstance(value, float) and value.is_integer():
        return int(value)
    if (kind is DataType.BOOLEAN and isinstance(value, bool)) or (kind is DataType.STRING and isinstance(value, str)):
        return value
    raise InvalidInput(
        f"{value!r} is no {kind.value}", where="value", hint=f"the property is a {kind.value}", code="reading.type"
    )


def _shown(row: dict[str, Any], names: Any) -> dict[str, Any]:
    return {**row, "at": moment(row["at"]), "written": moment(row["written"]), "author": called(row["author"], names)}


def _answer(rooms: Rooms, row: dict[str, Any]) -> LogShape:
    return LogShape.model_validate(_shown(row, rooms.guard.names()))
