"""Imports: files of an older historian handed to the running node, their progress, their end, and what was refused of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from lineshaft.core import ConfigError, InvalidInput, NotFound
from lineshaft.doors.rest.frame.asking import Asking, House, Known, Sender
from lineshaft.doors.rest.frame.names import called
from lineshaft.doors.rest.frame.paging import After, Limit, page_of, spot
from lineshaft.doors.rest.frame.shape import Body, Id, Listed, MaybeMoment, Moment, Shape, Version, moment
from lineshaft.store import Aim, ImportJob, Reading

router = APIRouter(prefix="/imports", tags=["store"])
Rows = Annotated[int, Field(examples=[86400])]
Words = tuple[str, ...]
_BYTES = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}, "example": "(bytes of the file)"}}


class ImportShape(Shape):
    """One file: how far it has come and what became of its rows."""

    id: Id
    file: Annotated[str, Field(examples=["historian-2019.parquet"])]
    size: Annotated[int, Field(examples=[48213112])]
    received: Annotated[int, Field(examples=[48213112], description="Bytes that are here; hand over the rest from there on.")]
    state: Annotated[str, Field(examples=["running"], description="uploading, waiting, running, done, failed or cancelled")]
    by: Annotated[str | None, Field(examples=["Anna Berg"])]
    created: Moment
    started: MaybeMoment
    ended: MaybeMoment
    total: Annotated[int, Field(examples=[86400], description="Rows of the file; 0 until it was read once.")]
    done: Annotated[int, Field(examples=[43200], description="Rows stored or refused so far.")]
    stored: Rows
    rejected: Annotated[dict[str, int], Field(examples=[{"time": 2}])]
    again: Annotated[bool, Field(examples=[False], description="It was taken in before: nothing was done.")]
    error: Annotated[str, Field(examples=[""])]
    version: Version


class Announced(Body):
    """A file that is about to come, how it is read and where its names lead."""

    file: Annotated[str, Field(min_length=1, max_length=400, examples=["historian-2019.parquet"])]
    size: Annotated[int, Field(ge=1, examples=[48213112])]
    sha256: Annotated[str, Field(pattern="^([0-9a-f]{64})?$", examples=[""], description="Known, it goes on where it was.")] = ""
    layout: Annotated[Literal["long", "wide", "sitewise"], Field(examples=["long"])] = "long"
    time: Annotated[str, Field(max_length=200, examples=["time"])] = ""
    tag: Annotated[Words, Field(max_length=100, examples=[["tag"]])] = ()
    value: Annotated[str, Field(max_length=200, examples=["value"])] = ""
    quality: Annotated[str, Field(max_length=200, examples=[""])] = ""
    timezone: Annotated[str, Field(max_length=100, examples=["Europe/Berlin"])] = ""
    unit: Annotated[str, Field(max_length=10, examples=["auto"])] = "auto"
    codes: Annotated[str, Field(max_length=20, examples=["lineshaft"])] = "lineshaft"
    delimiter: Annotated[str, Field(max_length=1, examples=[""])] = ""
    columns: Annotated[Words, Field(max_length=10_000, examples=[[]])] = ()
    source: Annotated[str, Field(min_length=1, max_length=200, examples=["import"])] = "import"
    properties: Annotated[bool, Field(examples=[False], description="The names are property paths of the plant.")] = False


@router.get("")
def imports(rooms: House, subject: Known, limit: Limit = 100, after: After = None) -> Listed[ImportShape]:
    """List imports, newest first."""
    rooms.guard.gate(subject, "imports.read")
    names = rooms.guard.names()
    begin = spot(after)
    cut = page_of(rooms.store.import_jobs.list(limit + begin.more, begin.before), limit, "created", begin)
    items = [_import(rooms.store.import_jobs.received(one.id), one, names) for one in cut["items"]]
    return Listed[ImportShape].model_validate({"items": items, "next": cut["next"]})


@router.post("", status_code=201)
def announce(sender: Sender, body: Announced) -> ImportShape:
    """Announce a file. One with a known sha256, read in the same way, is found again as far as it has come."""
    jobs, subject = sender.rooms.store.import_jobs, sender.subject
    how = body.model_dump(exclude={"file", "size", "sha256", "source", "properties", "tag", "columns"})
    aim = Aim(body.source, body.properties)

    def run(tx: Any) -> dict[str, Any]:
        try:
            reading = Reading(**how, tag=body.tag, columns=body.columns)
        except ConfigError as error:
            raise InvalidInput(error.what, where="body", hint=error.hint, code="import.reading") from None
        return _said(sender, jobs.open(tx, (body.file, body.size, body.sha256), reading, aim, subject))

    return ImportShape.model_validate(sender.do("imports.run", f"import:{body.file}", body.model_dump(mode="json"), run))


@router.put("/{import_id}/content", openapi_extra={"requestBody": {"content": _BYTES}})
async def content(
    request: Request,
    sender: Sender,
    import_id: str,
    offset: Annotated[int, Query(ge=0, description="The first of these bytes in the file.", examples=[0])] = 0,
) -> ImportShape:
    """Hand over bytes of a file, at most 64 MiB at once; with the last of them it is taken in."""
    body = await request.body()
    return await run_in_threadpool(_content, sender, import_id, offset, body)


def _content(sender: Asking, import_id: str, offset: int, body: bytes) -> ImportShape:
    jobs, resource = sender.rooms.store.import_jobs, f"import:{import_id}"
    if not body:
        raise InvalidInput("there are no bytes", where="body", hint="send the file's bytes as they are")
    may = sender.rooms.guard.may(sender.subject, "imports.run", resource)
    if may and offset + len(body) != jobs.get(import_id).size:  # only the whole file is a command that changes something
        jobs.put(import_id, offset, body)
        return ImportShape.model_validate(_said(sender, jobs.get(import_id)))

    def work() -> dict[str, Any]:
        return {"received": jobs.put(import_id, offset, body)}

    sender.do_outside("imports.run", resource, {"offset": offset, "bytes": len(body)}, work)
    return take(sender, import_id)


@router.post("/{import_id}/take")
def take(sender: Sender, import_id: str) -> ImportShape:
    """Have a file taken in that is wholly here; handing over its last bytes does the same."""

    def run(tx: Any) -> dict[str, Any]:
        return _said(sender, sender.rooms.store.import_jobs.arrived(tx, import_id))

    answer = sender.do("imports.run", f"import:{import_id}", {}, run)
    return ImportShape.model_validate(answer)


@router.get("/{import_id}")
def one(rooms: House, subject: Known, import_id: str) -> ImportShape:
    """Show an import with its progress."""
    rooms.guard.gate(subject, "imports.read")
    jobs = rooms.store.import_jobs
    return ImportShape.model_validate(_import(jobs.received(import_id), jobs.get(import_id), rooms.guard.names()))


@router.get("/{import_id}/errors", response_class=Response)
def errors(rooms: House, subject: Known, import_id: str) -> Response:
    """Return the rows that were refused, as CSV: line, reason, how to mend it, name, time, value."""
    rooms.guard.gate(subject, "imports.read")
    path = rooms.store.import_jobs.errors(import_id)
    if path is None:
        raise NotFound("no row of this import was refused", code="import.no-errors")
    name = f"{rooms.store.import_jobs.get(import_id).file}.errors.csv"
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"}
    return Response(path.read_bytes(), media_type="text/csv", headers=headers)


@router.post("/{import_id}/cancel")
def cancel(sender: Sender, import_id: str) -> ImportShape:
    """Stop an import; what was taken in stays, and the same file goes on there when it is handed over again."""

    def run(tx: Any) -> dict[str, Any]:
        return _said(sender, sender.rooms.store.import_jobs.cancel(tx, import_id))

    return ImportShape.model_validate(sender.do("imports.cancel", f"import:{import_id}", {}, run))


def _said(sender: Asking, job: ImportJob) -> dict[str, Any]:
    return _import(sender.rooms.store.import_jobs.received(job.id), job, sender.rooms.guard.names())


def _import(received: int, job: ImportJob, names: dict[str, str]) -> dict[str, Any]:
    words = ("id", "file", "size", "state", "total", "done", "stored", "again", "error", "version")
    times = {name: moment(getattr(job, name)) for name in ("created", "started", "ended")}
    here = received if job.state in ("uploading", "waiting", "running") else job.size
    said = {name: getattr(job, name) for name in words}
    return {**said, **times, "received": here, "rejected": dict(job.rejected or {}), "by": called(job.by, names)}
