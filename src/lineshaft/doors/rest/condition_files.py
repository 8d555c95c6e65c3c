"""Sensor positions as a table, in and out; and how what was found at positions ended, machine by machine."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import Field

from lineshaft.core import InvalidInput, now_ns
from lineshaft.detect import positions_read, positions_table, positions_take
from lineshaft.doors.rest.condition import EDIT, STREAMS
from lineshaft.doors.rest.frame.asking import Asking, House, Reader, Sender, seen
from lineshaft.doors.rest.frame.names import called
from lineshaft.doors.rest.frame.paging import After, Limit, page_of, spot
from lineshaft.doors.rest.frame.shape import AssetPath, Body, Id, Listed, MaybeName, Moment, Shape, moment
from lineshaft.doors.rest.frame.tables import CSV

router = APIRouter(prefix="/condition", tags=["detect"])
_TEXT: dict[int | str, dict[str, Any]] = {200: {"content": {CSV: {"example": "asset,name,vibration,temperature\n"}}}}
Rows = list[tuple[int, dict[str, Any]]]


class PositionsBody(Body):
    """Positions as a table."""

    content: Annotated[
        str,
        Field(
            max_length=4_000_000,
            examples=["asset,name,vibration,power_kw,every\nBakery/Line 1/Oven,Fan,Bakery/Line 1/Oven/Vibration,3,10m"],
            description="CSV; a column for each thing that is said at commissioning, `asset` and `name` at least.",
        ),
    ]
    dry_run: Annotated[bool, Field(examples=[True], description="Only say what would happen.")] = False


class WrongPosition(Shape):
    """What is wrong at a line."""

    line: Annotated[int, Field(examples=[4])]
    column: Annotated[str, Field(examples=["group"])]
    what: Annotated[str, Field(examples=["there is no asset 'Bakery/Oven'"])]
    hint: Annotated[str, Field(examples=["did you mean 'Bakery/Line 1/Oven'?"])]


class TakenPositions(Shape):
    """What an import did, or would do; with anything wrong it does nothing."""

    dry_run: bool
    rows: Annotated[int, Field(examples=[120])]
    added: Annotated[list[str], Field(examples=[["Bakery/Line 1/Oven/Fan"]])]
    known: Annotated[int, Field(examples=[0], description="Positions that are there already; they stay as they are.")]
    wrong: list[WrongPosition]


class ResolutionShape(Shape):
    """How what was found at a position ended."""

    id: Id
    position_id: Id
    asset: AssetPath
    position: Annotated[str, Field(examples=["Bakery/Line 1/Cooler/Coolant pump/Drive end"])]
    at: Moment
    by: MaybeName
    state: Annotated[str, Field(examples=["needs maintenance"], description="What it was then.")]
    since: Moment
    mode: Annotated[str, Field(examples=["VIB"])]
    cause: Annotated[str, Field(examples=["AGE"])]
    remedy: Annotated[str, Field(examples=["REPLACE"])]
    label: Annotated[str, Field(examples=["confirmed"], description="Of the findings it settled.")]
    note: Annotated[str, Field(examples=["bearing changed, 6205"])]
    findings: list[Id]


@router.get("/resolutions")
def resolutions(
    rooms: House,
    subject: Reader,
    asset: Annotated[str | None, Query(examples=["Bakery/Line 1/Cooler/Coolant pump"])] = None,
    limit: Limit = 100,
    after: After = None,
) -> Listed[ResolutionShape]:
    """List how what was found at positions ended, the newest first; of one machine."""
    begin, names = spot(after), rooms.guard.names()
    found = rooms.positions.resolutions.list(asset, limit=limit + begin.more, before=begin.before)
    cut = page_of(found, limit, "at", begin)
    items = [
        {**row, "at": moment(row["at"]), "since": moment(row["since"]), "by": called(row["by"], names)} for row in cut["items"]
    ]
    return Listed[ResolutionShape].model_validate({**cut, "items": seen(rooms, subject, items)})


@router.get("/positions/table", response_class=Response, responses=_TEXT)
def table(rooms: House, subject: Reader) -> Response:
    """Return all positions as CSV, in a form that is read again."""
    book = rooms.positions.book
    rows = [book.wanted(row) for row in book.list()]
    mine = [row for row in rows if not subject.scope or all(subject.reaches(path) for path in _named(row))]
    headers = {"Content-Disposition": 'attachment; filename="positions.csv"'}
    return Response(positions_table(mine), media_type="text/csv; charset=utf-8", headers=headers)


@router.post("/positions/import")
def take(sender: Sender, body: PositionsBody) -> TakenPositions:
    """Commission the positions of a table that are not there yet, all or none; 422 with every wrong line, or a dry run."""
    where = sender.subject.scope[0] if sender.subject.scope else ""
    said = body.model_dump()
    if body.dry_run:

        def work() -> dict[str, Any]:
            told: dict[str, Any] = {}
            with suppress(_Undo), sender.rooms.db.begin() as tx:
                told = _taken(sender, tx, body)
                raise _Undo
            return told

        return TakenPositions.model_validate(sender.do_outside(EDIT, "position", said, work, where))

    def run(tx: Any) -> dict[str, Any]:
        told = _taken(sender, tx, body)
        if told["wrong"]:
            raise _refused(told["wrong"])
        return told

    return TakenPositions.model_validate(sender.do(EDIT, "position", said, run, where))


def _taken(sender: Asking, tx: Any, body: PositionsBody) -> dict[str, Any]:
    rooms, rows = sender.rooms, positions_read(body.content)
    known = {one.path for one in rooms.assets.tree()}
    for _, row in rows:
        if row.get("asset") in known:
            rooms.guard.gate(sender.subject, EDIT, str(row["asset"]))
        for path in _named(row)[1:]:
            rooms.guard.gate(sender.subject, "read", path)
    told = positions_take(tx, rooms.positions.book, rows, sender.subject.id, now_ns())
    wrong = [{"line": one.line, "column": one.column, "what": one.what, "hint": one.hint} for one in told.wrong]
    return {"dry_run": body.dry_run, "rows": told.rows, "added": told.added, "known": told.known, "wrong": wrong}


def _named(row: dict[str, Any]) -> list[str]:
    return [str(row.get("asset") or ""), *(str(row[name]) for name in STREAMS if row.get(name))]


class _Undo(Exception):
    """A dry run is over."""


def _refused(wrong: list[dict[str, Any]]) -> InvalidInput:
    first = wrong[0]
    errors = [{"where": f"line {one['line']}, {one['column']}", "what": one["what"], "hint": one["hint"]} for one in wrong[:500]]
    return InvalidInput(
        f"{len(wrong)} lines are wrong; nothing was imported. The first: {first['what']}",
        where=f"line {first['line']}, {first['column']}",
        hint=first["hint"],
        code="import.rows",
        details={"errors": errors},
    )
