"""Questions in SQL: one SELECT, answered as JSON, CSV, Arrow or Parquet, and stopped when the one who asked goes away."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import pyarrow as pa
from fastapi import APIRouter, Request, Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from lineshaft.core import Forbidden, InvalidInput, LineshaftError
from lineshaft.doors.rest.frame.asking import Asking, Reader, Sender
from lineshaft.doors.rest.frame.plain import flat, plain
from lineshaft.doors.rest.frame.shape import Body, Shape
from lineshaft.doors.rest.frame.tables import CSV, OTHER_FORMS, answer, wanted
from lineshaft.guard import Command
from lineshaft.store import QUESTIONS, Answer, Asked

router = APIRouter(tags=["sql"])
MOST_JSON = 100_000
"""Rows a JSON answer has at most; the other forms have as many as the node's settings allow."""
_LOOK_S = 0.1
_AUDITED = 4000
_REFUSALS = frozenset({"sql.many", "sql.read-only", "sql.forbidden", "sql.unknown-table"})
"""What asks for more than reading what one may see; the rest went wrong."""
_WORDS = {"timestamp[us, tz=UTC]": "timestamp", "double": "double", "string": "text", "bool": "boolean", "large_string": "text"}
_EXAMPLE = (
    "SELECT property, max(value) AS highest FROM samples WHERE name = 'Vibration' AND ts > now() - INTERVAL 1 HOUR GROUP BY 1"
)


class SqlBody(Body):
    """One statement."""

    sql: Annotated[str, Field(min_length=1, max_length=100_000, examples=[_EXAMPLE])]
    limit: Annotated[int, Field(ge=1, le=10_000_000, description="How many rows at most.", examples=[1000])] = 10_000


class ColumnShape(Shape):
    """A column of an answer."""

    name: Annotated[str, Field(examples=["highest"])]
    type: Annotated[str, Field(examples=["double"])]


class SqlAnswer(Shape):
    """The rows of an answer; `truncated` says that there are more."""

    columns: list[ColumnShape]
    rows: Annotated[list[list[Any]], Field(examples=[[["Bakery/Line 1/Cooler/Coolant pump/Vibration", 9.6]]])]
    truncated: Annotated[bool, Field(examples=[False])]
    elapsed_ms: Annotated[float, Field(examples=[12.4])]


class QuestionShape(Shape):
    """A question to begin with."""

    name: Annotated[str, Field(examples=["guilty_lot"])]
    sql: Annotated[str, Field(examples=[_EXAMPLE])]


class QuestionList(Shape):
    """Questions that run on any plant."""

    items: list[QuestionShape]


@router.get("/sql/questions")
def questions(_subject: Reader) -> QuestionList:
    """List ready-made questions, to run or to begin with."""
    return QuestionList.model_validate({"items": [one._asdict() for one in QUESTIONS]})


@router.post("/sql", response_model=SqlAnswer, responses=OTHER_FORMS)
async def query(request: Request, sender: Sender, body: SqlBody) -> Any:
    """Answer one SELECT over values (`samples`, `latest`, `minute`, `hour`), the rooms' tables and dropped files."""
    await run_in_threadpool(_gate, sender, body)
    form = wanted(request)
    limit = body.limit if form else min(body.limit, MOST_JSON)
    asked = sender.rooms.store.sql.ask(body.sql, sender.subject, limit)
    work = asyncio.ensure_future(run_in_threadpool(_ask, sender, body, asked, form))
    try:
        while not (await asyncio.wait({work}, timeout=_LOOK_S))[0]:
            if await request.is_disconnected():
                asked.cancel()
        return await work
    finally:
        if not work.done():
            asked.cancel()


def _gate(sender: Asking, body: SqlBody) -> None:
    subject, guard = sender.subject, sender.rooms.guard
    place = subject.scope[0] if subject.scope else ""
    if not guard.may(subject, "sql.query", place):
        guard.perform(Command(subject, "sql.query", "sql", {"sql": body.sql[:_AUDITED]}, None, place), lambda _tx: {})


def _ask(sender: Asking, body: SqlBody, asked: Asked, form: str) -> Any:
    rooms, detail = sender.rooms, {"sql": body.sql[:_AUDITED]}
    try:
        found = asked.run()
    except LineshaftError as error:
        outcome = "refused" if isinstance(error, Forbidden) or error.code in _REFUSALS else "failed"
        with rooms.db.begin() as tx:
            said = {**detail, "error": error.what, "code": error.code}
            rooms.guard.record(tx, sender.subject, "sql.query", "sql", said, outcome)
        raise
    more = {"rows": found.table.num_rows, "elapsed_ms": found.elapsed_ms, "tables": list(found.tables)}
    with rooms.db.begin() as tx:
        rooms.guard.record(tx, sender.subject, "sql.query", "sql", {**detail, **more})
    return _formed(found, form) if form else _json(found)


def _formed(found: Answer, form: str) -> Response:
    try:
        said = answer(flat(found.table) if form == CSV else found.table, form)
    except pa.ArrowException as error:
        hint = "cast the column to VARCHAR, or ask for JSON or CSV"
        raise InvalidInput(f"this form cannot hold the answer: {error}", hint=hint, code="sql.form") from None
    said.headers["X-Truncated"] = "true" if found.truncated else "false"
    said.headers["X-Elapsed-Ms"] = str(found.elapsed_ms)
    return said


def _json(found: Answer) -> dict[str, Any]:
    columns = [{"name": one.name, "type": _WORDS.get(str(one.type), str(one.type))} for one in found.table.schema]
    rows = [list(row) for row in zip(*(plain(column) for column in found.table.columns), strict=True)]
    return {"columns": columns, "rows": rows, "truncated": found.truncated, "elapsed_ms": found.elapsed_ms}
