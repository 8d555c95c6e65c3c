"""What goes in and out of models as files: scores of a time row by row, trained versions, labels of assets."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from lineshaft.core import InvalidInput
from lineshaft.detect import read_labels, write_labels
from lineshaft.doors.rest.frame.asking import Asking, House, Reader, Sender
from lineshaft.doors.rest.frame.moments import End, Start, span
from lineshaft.doors.rest.frame.shape import Body, Shape
from lineshaft.doors.rest.frame.tables import CSV, PARQUET, answer
from lineshaft.doors.rest.machine_models import ACTION, ModelShape, chosen, gate_all, of_model, one_model, paths_of
from lineshaft.doors.rooms import Rooms

router = APIRouter(tags=["detect"])
LINES = "application/x-ndjson"
FORMS: dict[str, str] = {"csv": CSV, "parquet": PARQUET, "jsonl": LINES}
_BYTES = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}, "example": "(bytes of the file)"}}
_TEXT: dict[int | str, dict[str, Any]] = {200: {"content": {CSV: {"example": "asset,start,end,kind,code,note\n"}}}}
_TABLE: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            CSV: {"example": "time,score,reason,share: Bakery/Line 1/Oven/Temperature\n2026-11-20T06:00:00Z,0.2,normal,0.4\n"},
            PARQUET: {"schema": {"type": "string", "format": "binary"}, "example": "(a Parquet file)"},
            LINES: {"example": '{"timestamp": "2026-11-20T06:00:00.000000", "prediction": 0}\n'},
        }
    }
}
_FILE: dict[int | str, dict[str, Any]] = {200: {"content": {"application/zip": {"example": "PK"}}}}
Asset = Annotated[str | None, Query(examples=["Bakery/Line 1/Cooler/Coolant pump"])]
Which = Annotated[int | None, Query(examples=[1], description="A version; default: active, shadow, else the newest.")]


class LabelsBody(Body):
    """Labels of a file."""

    content: Annotated[
        str,
        Field(
            max_length=4_000_000,
            examples=["2020-02-01T20:00:00,2020-02-03T00:00:00"],
            description="CSV (begin, end; or a heading with start, end, kind, code, note, asset), or the JSON of `list-labels`.",
        ),
    ]
    asset: Annotated[str, Field(max_length=500, description="Whose labels these are; empty: the file says it.")] = ""
    timezone: Annotated[
        str, Field(max_length=60, examples=["Europe/Berlin"], description="Of times that name none; one is never guessed.")
    ] = ""
    dry_run: Annotated[bool, Field(examples=[True], description="Only say what would happen.")] = False


class TakenShape(Shape):
    """How many labels were new, and how many were there already."""

    rows: Annotated[int, Field(examples=[12])]
    added: Annotated[int, Field(examples=[10])]
    known: Annotated[int, Field(examples=[2])]
    dry_run: Annotated[bool, Field(examples=[False])]


@router.get("/anomaly-models/{model_id}/table", response_class=Response, responses=_TABLE)
def table(
    rooms: House,
    subject: Reader,
    model_id: str,
    start: Start = None,
    end: End = None,
    number: Which = None,
    form: Annotated[
        Literal["csv", "parquet", "jsonl"],
        Query(alias="format", description="`jsonl`: a line a row, with the names of Lookout for Equipment's results."),
    ] = "csv",
) -> Response:
    """Score (start, end] with one version and return every row with every sensor's share; nothing is written."""
    row = rooms.machines.book.model(model_id)
    gate_all(rooms, subject, paths_of(row))
    first, last = span(start, end, 86_400)
    version = chosen(rooms, row, number)
    headers = {"Content-Disposition": f'attachment; filename="scores-{version}.{form}"'}
    if form == "jsonl":
        return StreamingResponse(rooms.machines.lines(model_id, version, first, last), media_type=LINES, headers=headers)
    said = answer(rooms.machines.table(model_id, version, first, last), FORMS[form])
    said.headers.update(headers)
    return said


@router.get("/anomaly-models/{model_id}/file", response_class=Response, responses=_FILE)
def saved(rooms: House, subject: Reader, model_id: str, number: Which = None) -> Response:
    """Return a version as a file: `lineshaft.detect.anomaly.load` opens it, another node takes it in."""
    row = rooms.machines.book.model(model_id)
    gate_all(rooms, subject, paths_of(row))
    version = chosen(rooms, row, number)
    headers = {"Content-Disposition": f'attachment; filename="model-{version}.model"'}
    return Response(rooms.machines.saved(model_id, version), media_type="application/zip", headers=headers)


@router.post("/anomaly-models/{model_id}/versions", status_code=201, openapi_extra={"requestBody": {"content": _BYTES}})
async def take(request: Request, sender: Sender, model_id: str) -> ModelShape:
    """Take in a model that was trained elsewhere and saved as a new version; it works only when somebody says so."""
    return await run_in_threadpool(_take, sender, model_id, await request.body())


def _take(sender: Asking, model_id: str, content: bytes) -> ModelShape:
    machines = sender.rooms.machines
    asset = of_model(sender, model_id)

    def run(tx: Any) -> dict[str, Any]:
        if not content:
            raise InvalidInput("there are no bytes", where="body", hint="send the file's bytes as they are", code="models.empty")
        return {"number": machines.take_version(tx, model_id, content, sender.subject.id)["number"]}

    sender.do(ACTION, f"model:{model_id}", {"what": "take in", "size": len(content)}, run, asset)
    return one_model(sender.rooms, model_id)


@router.get("/anomaly-labels/table", response_class=Response, responses=_TEXT)
def labels_file(rooms: House, subject: Reader, asset: Asset = None) -> Response:
    """Return the labels given by hand as CSV, in a form that is read again."""
    rows = [row for row in rooms.machines.labels.list(asset) if not subject.scope or subject.reaches(row["asset"])]
    headers = {"Content-Disposition": 'attachment; filename="labels.csv"'}
    return Response(write_labels(rows), media_type="text/csv; charset=utf-8", headers=headers)


@router.post("/anomaly-labels/import")
def take_labels(sender: Sender, body: LabelsBody) -> TakenShape:
    """Take labels of a file in, each once and all or none: what is wrong is said with its line."""
    where = body.asset or (sender.subject.scope[0] if sender.subject.scope else "")
    if body.dry_run:

        def work() -> dict[str, Any]:
            told: dict[str, Any] = {}
            with suppress(_Undo), sender.rooms.db.begin() as tx:
                told = _labels(sender, tx, body)
                raise _Undo
            return told

        return TakenShape.model_validate(sender.do_outside(ACTION, "label", body.model_dump(), work, where))
    done = sender.do(ACTION, "label", body.model_dump(), lambda tx: _labels(sender, tx, body), where)
    return TakenShape.model_validate(done)


class _Undo(Exception):
    """A dry run is over."""


def _labels(sender: Asking, tx: Any, body: LabelsBody) -> dict[str, Any]:
    rooms: Rooms = sender.rooms
    said = read_labels(body.content, body.asset, body.timezone)
    for path in {one.asset for one in said}:
        rooms.machines.book.properties(path, ())
        rooms.guard.gate(sender.subject, ACTION, path)
    return {"rows": len(said), "dry_run": body.dry_run, **rooms.machines.labels.take(tx, said, sender.subject)}
