"""Sources: what each listens to and how it is; one is tried before it is added, added, changed, paused, removed, compared."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from lineshaft.connect import SourceStatus, kinds
from lineshaft.core import Forbidden, InvalidInput, now_ns, parse_duration, parse_time
from lineshaft.doors.rest.frame.asking import House, Reader, Sender
from lineshaft.doors.rest.frame.shape import Body, Id, Listed, MaybeMoment, Shape, moment
from lineshaft.guard import Subject
from lineshaft.store import Pair, compare

router = APIRouter(prefix="/sources", tags=["connect"])
Name = Annotated[str, Field(examples=["press"])]
Kind = Annotated[str, Field(examples=["opcua"], description="The plugin that speaks the machine's protocol.")]
Options = Annotated[dict[str, Any], Field(examples=[{"url": "opc.tcp://10.0.0.5:4840", "browse": True}])]
Reasons = Annotated[dict[str, str], Field(examples=[{"ns=2;s=Oven/Tmep": "BadNodeIdUnknown"}])]
QUALITY = ("good", "uncertain", "bad")


class SourceLine(Shape):
    """A source: where it is written, how it reaches its machine, and how it is."""

    id: Annotated[str | None, Field(examples=[None], description="Of an added one; null for one of settings.toml.")]
    name: Name
    type: Kind
    written: Annotated[str, Field(examples=["settings.toml"], description="settings.toml, or here: added on a running node")]
    options: Options
    paused: Annotated[bool, Field(examples=[False])]
    by: Annotated[str | None, Field(examples=["Anna Berg"])]
    at: MaybeMoment
    version: Annotated[int | None, Field(examples=[1])]
    state: Annotated[str, Field(examples=["connected"], description="connecting, connected, degraded or down")]
    message: Annotated[str, Field(examples=["asking tcp://10.0.0.7:502"])]
    since: MaybeMoment
    tags_ok: Annotated[int, Field(examples=[31])]
    tags_bad: Reasons


class SourceKind(Shape):
    """A protocol that can be listened to, its options as a JSON schema, and why it cannot be used here."""

    type: Kind
    about: Annotated[str, Field(examples=["How to reach a Modbus controller and which of its registers to ask for."])]
    options: Annotated[dict[str, Any], Field(examples=[{"properties": {"url": {"type": "string"}}}])]
    problem: Annotated[str, Field(examples=[""])]
    browse: Annotated[bool, Field(examples=[True], description="It can be looked into before it is listened to.")]


class NewSource(Body):
    """A source to be: its name is part of every value's identity and stays for ever."""

    name: Annotated[str, Field(min_length=1, max_length=63, examples=["press"])]
    type: Annotated[str, Field(min_length=1, max_length=60, examples=["opcua"])]
    options: Options
    system: Annotated[str, Field(examples=[""], description="The system of the inventory it listens to, if it was found.")] = ""


class SourceChange(Body):
    """Other options, or whether it is paused; what is left out stays."""

    version: Annotated[int | None, Field(examples=[1])] = None
    options: Annotated[dict[str, Any] | None, Field(examples=[{"url": "opc.tcp://10.0.0.6:4840"}])] = None
    paused: Annotated[bool | None, Field(examples=[True])] = None


class SourceMade(Shape):
    """The source as it is written now; its state is in the list."""

    id: Id
    name: Name
    version: Annotated[int | None, Field(examples=[1])] = None


class Trial(Body):
    """What is to be read once: options that are not added yet, or with no type a source by its name."""

    name: Annotated[str, Field(min_length=1, max_length=63, examples=["press"])]
    type: Annotated[str, Field(max_length=60, examples=["modbus"])] = ""
    options: Options = Field(default_factory=dict)
    seconds: Annotated[float, Field(gt=0, le=60, examples=[10.0], description="Longest wait for a first value.")] = 10.0


class TrialValue(Shape):
    """The last value of a tag."""

    tag: Annotated[str, Field(examples=["Supply temperature"])]
    timestamp: MaybeMoment
    value: Annotated[Any, Field(examples=[21.4])]
    quality: Annotated[str, Field(examples=["good"])]


class Tried(Shape):
    """What a source said in a few seconds; nothing of it was kept."""

    state: Annotated[str, Field(examples=["connected"])]
    message: Annotated[str, Field(examples=["asking tcp://10.0.0.7:502"])]
    rows: Annotated[int, Field(examples=[12])]
    items: list[TrialValue]
    bad: Reasons


class TagCompared(Shape):
    """One tag over the old way and the new: how much each said, and how far apart they were."""

    old: Annotated[str, Field(examples=["ns=2;s=Oven/Temperature"])]
    new: Annotated[str, Field(examples=["Oven/Temperature"])]
    old_rows: Annotated[int, Field(examples=[3600])]
    new_rows: Annotated[int, Field(examples=[3598])]
    compared: Annotated[int, Field(examples=[3600], description="Moments at which both had a good value.")]
    equal: Annotated[int, Field(examples=[3590])]
    largest: Annotated[float | None, Field(examples=[0.4], description="Largest difference of numbers.")]
    mean: Annotated[float | None, Field(examples=[0.01], description="Mean absolute difference of numbers.")]
    apart_at: MaybeMoment
    late_s: Annotated[float | None, Field(examples=[0.12], description="How much later the new way tells a change; median.")]
    verdict: Annotated[str, Field(examples=["same"], description="same, apart, only-old, only-new or silent")]


class SourcesCompared(Shape):
    """Two sources side by side over a period."""

    old: Name
    new: Name
    start: Annotated[str, Field(examples=["2026-11-20T06:00:00Z"])]
    end: Annotated[str, Field(examples=["2026-11-20T07:00:00Z"])]
    items: list[TagCompared]


@router.get("")
def sources(rooms: House, subject: Reader) -> Listed[SourceLine]:
    """List every source with how it is."""
    engineer = rooms.guard.may(subject, "sources.read")
    items = [_line(row, engineer=engineer) for row in rooms.book.all()]
    return Listed[SourceLine].model_validate({"items": items})


@router.get("/kinds")
def source_kinds(_rooms: House, _subject: Reader) -> Listed[SourceKind]:
    """List the protocols and their options, for a form."""
    return Listed[SourceKind].model_validate({"items": kinds()})


@router.get("/compare")
def compared(
    rooms: House,
    subject: Reader,
    old: Annotated[str, Query(min_length=1, examples=["press"])],
    new: Annotated[str, Query(min_length=1, examples=["press new"])],
    start: Annotated[str, Query(description="ISO 8601, or a length of time back from the end.", examples=["1h"])] = "1h",
    end: Annotated[str, Query(examples=[""])] = "",
    pair: Annotated[list[str] | None, Query(description="old tag = new tag; else tags of one name.", examples=["a=b"])] = None,
    within: Annotated[float, Query(ge=0, description="Numbers this far apart are equal.", examples=[0.0])] = 0.0,
) -> SourcesCompared:
    """Compare two sources that run in parallel, tag by tag: an old way to a machine and the new one."""
    _whole(subject)
    until = parse_time(end, where="end") if end else now_ns()
    since = until - parse_duration(start) if start[:1].isdigit() and start[-1:].isalpha() and "T" not in start else -1
    since = parse_time(start, where="start") if since < 0 else since
    rows = compare(rooms.store, old, new, (since, until), [_pair(text) for text in pair or ()], within)
    return SourcesCompared.model_validate(
        {"old": old, "new": new, "start": moment(since), "end": moment(until)}
        | {"items": [{**row, "apart_at": moment(row["apart_at"])} for row in rows]}
    )


@router.post("", status_code=201)
def add(sender: Sender, body: NewSource) -> SourceMade:
    """Add a source; it begins at once and can only read."""
    rooms, by = sender.rooms, sender.subject.display or sender.subject.name

    def run(tx: Any) -> dict[str, Any]:
        made = rooms.book.add(tx, body.name, body.type, body.options, by)
        if body.system:
            rooms.discovery.inventory.edit(tx, body.system, {"status": "connected"})
        return made

    return SourceMade.model_validate(sender.do("sources.edit", f"source:{body.name}", body.model_dump(), run))


@router.post("/test")
def rehearse(sender: Sender, body: Trial) -> Tried:
    """Read a source once without adding it: nothing is kept, and nothing is written to the machine."""

    def run() -> dict[str, Any]:
        book = sender.rooms.book
        if body.type:
            return book.rehearse(body.name, body.type, body.options, body.seconds)
        return book.rehearse_written(body.name, body.seconds)

    told = sender.do_outside("sources.test", f"source:{body.name}", body.model_dump(), run)
    items = [{**one, "timestamp": moment(one["ts"]), "quality": QUALITY[one["q"]]} for one in told["items"]]
    return Tried.model_validate({**told, "items": items})


@router.patch("/{source_id}")
def change(sender: Sender, source_id: str, body: SourceChange) -> SourceMade:
    """Give an added source other options, pause it, or let it go on."""
    book = sender.rooms.book
    made = sender.do(
        "sources.edit",
        f"source:{source_id}",
        body.model_dump(exclude_unset=True),
        lambda tx: book.change(tx, source_id, body.version, body.options, paused=body.paused),
    )
    return SourceMade.model_validate(made)


@router.delete("/{source_id}")
def remove(sender: Sender, source_id: str) -> SourceMade:
    """Listen to an added source no longer; its values stay."""
    book = sender.rooms.book
    return SourceMade.model_validate(sender.do("sources.edit", f"source:{source_id}", {}, lambda tx: book.remove(tx, source_id)))


def _line(row: dict[str, Any], *, engineer: bool) -> dict[str, Any]:
    status: SourceStatus = row["status"]
    how = {"state": status.state.value, "message": status.message, "since": moment(status.since)}
    more = {"tags_ok": status.tags_ok, "tags_bad": dict(status.tags_bad), "at": moment(row["at"])}
    return {**row, **how, **more, "options": row["options"] if engineer else {}}


def _pair(text: str) -> Pair:
    old, sign, new = text.rpartition("=") if "==" not in text else text.partition("==")
    if not sign or not old or not new:
        raise InvalidInput(f"'{text}' names no pair of tags", hint="write OLD=NEW, or OLD==NEW where the names hold =")
    return old, new


def _whole(subject: Subject) -> None:
    if subject.scope:
        what = f"{subject.display or subject.name} may not read all that machines say"
        raise Forbidden(what, hint="sources are of the whole node: ask somebody without an asset scope", code="gate.forbidden")
