"""Computing the past again: seen beforehand as a diff, applied on an engineer's word, listed with what it replaced."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from lineshaft.compute import Change, Edit, Job, Request
from lineshaft.core import InvalidInput, parse_time
from lineshaft.doors.rest.frame.asking import Asking, House, Reader, Sender
from lineshaft.doors.rest.frame.moments import End, Start, span
from lineshaft.doors.rest.frame.names import called
from lineshaft.doors.rest.frame.paging import After, Limit, page
from lineshaft.doors.rest.frame.shape import (
    AssetPath,
    Body,
    Id,
    Listed,
    MaybeMoment,
    MaybeName,
    Moment,
    Note,
    Shape,
    Version,
    moment,
)
from lineshaft.doors.rooms import Rooms
from lineshaft.guard import Subject, allowed

router = APIRouter(prefix="/recompute", tags=["compute"])
ACTION = "compute.recompute"
_PATIENCE_S = 10
Path = Annotated[str, Field(examples=["Bakery/Line 1/Oven"])]
State = Annotated[str, Field(examples=["done"], description="waiting, running, done, cancelled or failed")]
Value = Annotated[Any, Field(examples=[0.62], description="null where there was, or is, no value")]


class EditBody(Body):
    """Raw values to be taken back (no `value`: all of [start, end]), or one to be put right at `start`."""

    property: Annotated[str, Field(examples=["Bakery/Line 1/Oven/Temperature"])]
    start: Annotated[str, Field(examples=["2026-11-20T06:00:00Z"])]
    end: Annotated[str | None, Field(examples=["2026-11-20T06:10:00Z"], description="The same as start if left out.")] = None
    value: Annotated[
        float | str | bool | None, Field(examples=[None], description="The right value; null takes values back.")
    ] = None


class RecomputeBody(Body):
    """What is to be computed again, over which time, and why."""

    paths: Annotated[
        list[Path], Field(default_factory=list, max_length=100, description="Assets (with all below) or properties.")
    ]
    start: Annotated[str | None, Field(examples=["2026-11-20T06:00:00Z"], description="Where there are edits: theirs.")] = None
    end: Annotated[str | None, Field(examples=["2026-11-20T14:00:00Z"], description="Where there are edits: theirs.")] = None
    edits: Annotated[
        list[EditBody],
        Field(default_factory=list, max_length=1000, description="Raw values to correct first; what is computed follows."),
    ]
    reason: Annotated[Literal["late-data", "formula-version", "correction", "calendar"], Field(examples=["correction"])] = (
        "late-data"
    )
    note: Note = ""
    formula: Annotated[
        Literal["valid", "current"],
        Field(examples=["valid"], description="The version valid at each value's time, or the current one for all."),
    ] = "valid"


class ChangeShape(Shape):
    """One computed value that is different: a window's end, the old value, the new one, and their versions."""

    path: Annotated[str, Field(examples=["Bakery/Line 1/Oven/Good_Parts_1Min"])]
    at: Moment
    old: Value
    new: Value
    old_version: Annotated[int, Field(examples=[1])]
    new_version: Annotated[int, Field(examples=[2])]


class RecomputeShape(Shape):
    """A preview or a recompute: who asked for it when and why, and what it changed."""

    id: Id
    preview: Annotated[bool, Field(examples=[False])]
    state: State
    paths: list[Path]
    start: Moment
    end: Moment
    reason: Annotated[str, Field(examples=["correction"])]
    note: Annotated[str, Field(examples=["weighed again"])]
    formula: Annotated[str, Field(examples=["valid"])]
    by: MaybeName
    created: Moment
    ended: MaybeMoment
    share: Annotated[float, Field(examples=[1.0], description="How much of the period is done.")]
    windows: Annotated[int, Field(examples=[480], description="Values that were computed and compared.")]
    changed: Annotated[int, Field(examples=[12])]
    capped: Annotated[bool, Field(examples=[False], description="There are more changes than are listed.")]
    error: Annotated[str, Field(examples=[""])]
    versions: Annotated[list[dict[str, Any]], Field(examples=[[{"path": "Bakery/Line 1/Oven/Up", "version": 1}]])]
    figures: Annotated[
        list[dict[str, Any]],
        Field(
            examples=[[{"asset": "Bakery/Line 1/Oven", "old": {"oee": 0.7}, "new": {"oee": 0.68}}]],
            description="Each machine's figures over the whole period, before and after.",
        ),
    ]
    edits: Annotated[list[dict[str, Any]], Field(default_factory=list, description="Raw values that were corrected first.")]
    changes: Annotated[list[ChangeShape], Field(default_factory=list, description="The first changes; all are counted.")]
    version: Version = 1


class Replaced(ChangeShape):
    """One value that a recompute has replaced."""

    recompute_id: Id
    created: Moment
    by: MaybeName
    reason: Annotated[str, Field(examples=["correction"])]
    note: Annotated[str, Field(examples=["weighed again"])]


class Cancelling(Shape):
    """The recompute ends after the stretch under way."""

    id: Id
    state: State


@router.post("/preview")
def preview(sender: Sender, body: RecomputeBody) -> RecomputeShape:
    """Compute what would be different, writing nothing.

    What takes longer than ten seconds answers with state `running`: ask `GET recompute/{id}`.
    """
    rooms = sender.rooms
    _gate(sender, _about(rooms, body))
    job: Job = rooms.compute.recompute.preview(_request(body), sender.subject.id)
    rooms.compute.recompute.wait(job.id, _PATIENCE_S)
    return _one(rooms, job.id)


@router.post("", status_code=201)
def apply(sender: Sender, body: RecomputeBody) -> RecomputeShape:
    """Compute the past again and write it; what it replaces stays readable."""
    rooms = sender.rooms
    about = _about(rooms, body)
    _gate(sender, about)

    job = rooms.compute.recompute.prepare(_request(body), sender.subject.id)

    def run(tx: Any) -> dict[str, Any]:
        return {"id": rooms.compute.recompute.ask(tx, job)}

    answer = sender.do(ACTION, "recompute", body.model_dump(), run, about[0] if about else "")
    return _one(rooms, answer["id"])


@router.get("")
def recomputes(rooms: House, subject: Reader, limit: Limit = 100, after: After = None) -> Listed[RecomputeShape]:
    """List what was computed again: who, when, why, with which versions, and how many values changed."""
    items = [_shown(rooms, row) for row in rooms.compute.recompute.list(1000) if _may(rooms, subject, row["paths"])]
    return Listed[RecomputeShape].model_validate(page(items, limit, after))


@router.get("/changes")
def replaced(
    rooms: House,
    subject: Reader,
    asset: Annotated[AssetPath, Query(description="An asset or a property; everything below it counts.")],
    start: Start = None,
    end: End = None,
    limit: Limit = 200,
    after: After = None,
) -> Listed[Replaced]:
    """List the values of (start, end] that recomputes have replaced: the old one, the new one, who and why."""
    rooms.guard.gate(subject, "read", asset)
    names = rooms.guard.names()
    rows = rooms.compute.recompute.replaced(asset, *span(start, end), limit=10_000)
    items = [
        {**row, "at": moment(row["ts"]), "created": moment(row["created"]), "by": called(row["by"] or None, names)}
        for row in rows
    ]
    return Listed[Replaced].model_validate(page(items, limit, after))


@router.get("/{recompute_id}")
def recompute(rooms: House, subject: Reader, recompute_id: str) -> RecomputeShape:
    """Return a preview or a recompute with its first changes."""
    row = rooms.compute.recompute.one(recompute_id)
    for path in row["paths"]:
        rooms.guard.gate(subject, "read", path)
    return _one(rooms, recompute_id)


@router.post("/{recompute_id}/cancel")
def cancel(sender: Sender, recompute_id: str) -> Cancelling:
    """End a preview or a recompute after the stretch under way; what it has written stays, explained."""
    book = sender.rooms.compute.recompute

    def run(_tx: Any) -> dict[str, Any]:
        return {"id": recompute_id, "state": book.cancel(recompute_id)}

    if not allowed(sender.subject.roles, sender.subject.kind, ACTION):  # before telling whether there is such a one
        sender.do(ACTION, f"recompute:{recompute_id}", {}, lambda _tx: {})
    paths = book.one(recompute_id)["paths"]
    _gate(sender, paths)
    return Cancelling.model_validate(sender.do(ACTION, f"recompute:{recompute_id}", {}, run, paths[0]))


def _about(rooms: Rooms, body: RecomputeBody) -> list[str]:
    """Return the places a request is about: those it names, and those of the raw values it corrects."""
    return [*body.paths, *sorted({rooms.assets.property(edit.property).path for edit in body.edits})]


def _request(body: RecomputeBody) -> Request:
    edits = tuple(_edit(edit) for edit in body.edits)
    low = min((edit.start for edit in edits), default=None)
    high = max((edit.end for edit in edits), default=None)
    start = low if body.start is None else parse_time(body.start, where="start")
    end = high if body.end is None else parse_time(body.end, where="end")
    if start is None or end is None:
        raise InvalidInput("a recompute needs start and end, or raw values to correct", where="start", code="time.span")
    start, end = (start if low is None else min(start, low - 1)), (end if high is None else max(end, high))
    paths = (*body.paths, *(edit.property for edit in edits if not body.paths))
    return Request(paths, start, end, body.reason, body.note, body.formula, edits)


def _edit(body: EditBody) -> Edit:
    start = parse_time(body.start, where="edits")
    return Edit(body.property, start, start if body.end is None else parse_time(body.end, where="edits"), body.value)


def _gate(sender: Asking, paths: list[str]) -> None:
    """Refuse, with an audit row, whoever may not compute all of these again."""
    for path in paths:
        if not sender.rooms.guard.may(sender.subject, ACTION, path):
            sender.do(ACTION, "recompute", {"paths": paths}, lambda _tx: {}, path)


def _may(rooms: Rooms, subject: Subject, paths: list[str]) -> bool:
    return all(rooms.guard.may(subject, "read", path) for path in paths)


def _one(rooms: Rooms, one: str) -> RecomputeShape:
    book = rooms.compute.recompute
    changes = [_change(change) for change in book.changes(one, 200)]
    return RecomputeShape.model_validate({**_shown(rooms, book.one(one)), "changes": changes})


def _shown(rooms: Rooms, row: dict[str, Any]) -> dict[str, Any]:
    times = {name: moment(row[name]) for name in ("start", "end", "created", "ended")}
    versions = [{**one, "valid_from": moment(one["valid_from"])} for one in row["versions"]]
    edits = [{**one, "start": moment(one["start"]), "end": moment(one["end"])} for one in row["edits"]]
    return {**row, **times, "versions": versions, "edits": edits, "by": called(row["by"] or None, rooms.guard.names())}


def _change(change: Change) -> dict[str, Any]:
    names = ("path", "old", "new", "old_version", "new_version")
    return {"at": moment(change.ts), **{name: getattr(change, name) for name in names}}
