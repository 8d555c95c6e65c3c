"""Alarms as ISA-18.2 knows them, and findings: what a model or a person noticed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from lineshaft.core import NS, parse_time
from lineshaft.detect import AlarmState
from lineshaft.doors.rest.frame.asking import Asking, House, Reader, Sender, seen
from lineshaft.doors.rest.frame.names import called
from lineshaft.doors.rest.frame.paging import After, Limit, page_of, spot
from lineshaft.doors.rest.frame.shape import (
    AssetPath,
    Body,
    Id,
    Listed,
    MaybeMoment,
    MaybeName,
    Moment,
    Note,
    Number,
    PropertyPath,
    SeenVersion,
    Shape,
    Version,
    moment,
)
from lineshaft.doors.rooms import Rooms
from lineshaft.guard import Subject, allowed

router = APIRouter(tags=["detect"])
Text = Annotated[str, Field(examples=["bearing wear"])]


class AlarmShape(Shape):
    """An alarm with its present state; `state` is one of ISA-18.2's."""

    id: Id
    asset: AssetPath
    name: Annotated[str, Field(examples=["Coolant pump vibration high"])]
    priority: Annotated[int, Field(examples=[1])]
    kind: Annotated[str, Field(examples=["alarm"], description="alarm (operators) or alert (maintenance)")]
    state: Annotated[str, Field(examples=["unack"])]
    raised: MaybeMoment
    cleared: MaybeMoment
    acknowledged: MaybeMoment
    acknowledged_by: MaybeName
    value: Number
    limit: Number
    unit: Annotated[str, Field(examples=["mm/s"])]
    property: PropertyPath
    operator: Annotated[str, Field(examples=[">"])]
    input: Annotated[str, Field(examples=["good"], description="Whether the condition can be judged.")] = "good"
    cause: Text
    consequence: Text
    action: Text
    failure_mode: Annotated[str, Field(examples=["VIB"])] = ""
    hidden_until: MaybeMoment = None
    hidden_reason: Annotated[str, Field(examples=[""])] = ""
    occurrence: Annotated[
        str | None, Field(examples=["1c9a7d52-6c1e-4f0e-9d53-9a7f0a3f6d11"], description="This time of it.")
    ] = None
    case_id: Annotated[str | None, Field(examples=["7d1c9a52-6c1e-4f0e-9d53-9a7f0a3f6d11"])] = None
    condition: Annotated[str, Field(examples=["Running and Flow < 2"], description="In words where it is no limit.")] = ""
    origin: Annotated[str, Field(examples=["model"], description="The model file, or a finding that became an alert.")] = "model"
    area: Annotated[str, Field(examples=["Bakery/Line 1"], description="What it is grouped with for first-out.")] = ""
    impact: Annotated[str, Field(examples=["major"], description="What happens if nobody acts; empty if nobody said.")] = ""
    respond_within_s: Annotated[float | None, Field(examples=[600], description="The time there is to act.")] = None
    rationalised: MaybeMoment = None
    latched: Annotated[bool, Field(examples=[False])] = False
    version: Version


class StepShape(Shape):
    """One step of an alarm's life."""

    at: Annotated[str, Field(examples=["2026-11-20T06:00:00Z"], description="When it happened in the plant.")]
    written: Annotated[str, Field(examples=["2026-11-20T06:00:01Z"], description="When it was noted here.")]
    what: Annotated[str, Field(examples=["acknowledge"])]
    state: Annotated[str, Field(examples=["acked"])]
    value: Number
    by: MaybeName
    note: Annotated[str, Field(examples=["bearing sounds rough"])]


class NoteBody(Body):
    """A step of an alarm's life."""

    note: Note = ""
    version: SeenVersion = None


class ShelveBody(Body):
    """Put an alarm away until a time, for a reason."""

    until: Annotated[str, Field(examples=["2026-11-20T18:00:00Z"])]
    reason: Annotated[str, Field(min_length=1, max_length=300, examples=["sensor is being replaced"])]
    version: SeenVersion = None


class AwayBody(Body):
    """Take an alarm out of service, for a reason."""

    reason: Annotated[str, Field(min_length=1, max_length=300, examples=["pump dismantled until the overhaul"])]
    version: SeenVersion = None


class Sensor(Shape):
    """How much a property contributed to a finding."""

    property: PropertyPath
    share: Annotated[float, Field(examples=[0.7])]


class FindingShape(Shape):
    """Something unusual about an asset: an alert for maintenance, never an operator's alarm."""

    id: Id
    asset: AssetPath
    kind: Annotated[str, Field(examples=["drift"])]
    score: Annotated[float, Field(examples=[0.91])]
    sensors: list[Sensor]
    failure_mode: Annotated[str, Field(examples=["VIB"])]
    evidence: Annotated[dict[str, Any], Field(examples=[{"start": "2026-11-20T05:00:00Z"}])]
    raised: Moment
    by: MaybeName
    label: Annotated[str | None, Field(examples=["confirmed"])]
    case_id: Annotated[
        str | None, Field(examples=["7d1c9a52-6c1e-4f0e-9d53-9a7f0a3f6d11"], description="The case it opened or joined.")
    ] = None
    version: Version


class FindingBody(Body):
    """A finding to file."""

    asset: AssetPath
    kind: Annotated[str, Field(min_length=1, max_length=40, examples=["drift"])]
    score: Annotated[float, Field(ge=0, le=1, examples=[0.91])]
    sensors: list[Sensor] = Field(default_factory=list[Sensor])
    failure_mode: Annotated[str, Field(max_length=20, examples=["VIB"])] = ""
    evidence: Annotated[dict[str, Any], Field(examples=[{"start": "2026-11-20T05:00:00Z"}])] = Field(
        default_factory=dict[str, Any]
    )


class LabelBody(Body):
    """What a finding turned out to be."""

    label: Annotated[str, Field(examples=["confirmed"])]
    version: SeenVersion = None


@router.get("/alarms")
def alarms(
    rooms: House,
    subject: Reader,
    limit: Limit = 100,
    after: After = None,
    state: Annotated[Literal["active", "all"], Query(description="Those that need a look, or all.")] = "active",
    kind: Annotated[Literal["alarm", "alert", "all"], Query(description="Operators' alarms, maintenance's alerts.")] = "alarm",
    asset: Annotated[str | None, Query(examples=["Bakery/Line 1/Oven"])] = None,
) -> Listed[AlarmShape]:
    """List alarms, the most urgent and newest first."""
    of = None if kind == "all" else kind
    rows = rooms.detect.alarms(state == "active", kind=of, asset=asset, scope=subject.scope, after=after, limit=limit + 1)
    items = seen(rooms, subject, alarm_shown(rooms, rows[:limit]))
    token = rooms.detect.place(rows[limit - 1]) if len(rows) > limit else None
    return Listed[AlarmShape].model_validate({"items": items, "next": token})


@router.get("/alarms/{alarm_id}")
def alarm(rooms: House, subject: Reader, alarm_id: str) -> AlarmShape:
    """Return one alarm as it stands."""
    return AlarmShape.model_validate(_alarm(readable_alarm(rooms, subject, alarm_id), rooms.guard.names()))


@router.get("/alarms/{alarm_id}/history")
def history(rooms: House, subject: Reader, alarm_id: str, limit: Limit = 200) -> Listed[StepShape]:
    """List the steps of an alarm's life, newest first: what, when, by whom and why."""
    readable_alarm(rooms, subject, alarm_id)
    names = rooms.guard.names()
    rows = rooms.detect.history(alarm_id, limit)
    items = [{**row, "at": moment(row["at"]), "written": moment(row["written"]), "by": called(row["by"], names)} for row in rows]
    return Listed[StepShape].model_validate({"items": items})


@router.post("/alarms/{alarm_id}/acknowledge")
def acknowledge(sender: Sender, alarm_id: str, body: NoteBody | None = None) -> AlarmShape:
    """Say that somebody has seen an alarm."""
    said, detect = body or NoteBody(), sender.rooms.detect
    return _step(
        sender,
        alarm_id,
        "acknowledge",
        said,
        lambda tx: detect.acknowledge(tx, alarm_id, sender.subject, said.note, said.version),
    )


@router.post("/alarms/{alarm_id}/shelve")
def shelve(sender: Sender, alarm_id: str, body: ShelveBody) -> AlarmShape:
    """Put an alarm on the shelf until a time; it comes back by itself."""
    until, detect = parse_time(body.until, where="until"), sender.rooms.detect
    return _step(
        sender,
        alarm_id,
        "shelve",
        body,
        lambda tx: detect.shelve(tx, alarm_id, sender.subject, until, body.reason, body.version),
    )


@router.post("/alarms/{alarm_id}/unshelve")
def unshelve(sender: Sender, alarm_id: str, body: NoteBody | None = None) -> AlarmShape:
    """Bring an alarm back from the shelf as what it is by now."""
    return _back(sender, alarm_id, "alarms.unshelve", body or NoteBody(), AlarmState.SHELVED)


@router.post("/alarms/{alarm_id}/out-of-service")
def out_of_service(sender: Sender, alarm_id: str, body: AwayBody) -> AlarmShape:
    """Take an alarm out of service, for work on the machine or its sensor; it comes back only by `return-to-service`."""
    detect = sender.rooms.detect
    return _do(
        sender,
        alarm_id,
        "alarm-service.take-out",
        body,
        lambda tx: detect.out_of_service(tx, alarm_id, sender.subject, body.reason, body.version),
    )


@router.post("/alarms/{alarm_id}/return-to-service")
def return_to_service(sender: Sender, alarm_id: str, body: NoteBody | None = None) -> AlarmShape:
    """Put an alarm back in service as what it is by now."""
    return _back(sender, alarm_id, "alarm-service.put-back", body or NoteBody(), AlarmState.OUT_OF_SERVICE)


@router.post("/alarms/{alarm_id}/reset")
def reset(sender: Sender, alarm_id: str, body: NoteBody | None = None) -> AlarmShape:
    """Release a latched alarm whose condition is over."""
    said, detect = body or NoteBody(), sender.rooms.detect
    return _step(sender, alarm_id, "reset", said, lambda tx: detect.reset(tx, alarm_id, sender.subject, said.note, said.version))


@router.get("/findings")
def findings(
    rooms: House,
    subject: Reader,
    limit: Limit = 100,
    after: After = None,
    asset: Annotated[str | None, Query(examples=["Bakery/Line 1/Oven"])] = None,
    start: Annotated[str | None, Query(examples=["2026-11-20T06:00:00Z"], description="Those that began later.")] = None,
    end: Annotated[str | None, Query(examples=["2026-11-21T06:00:00Z"], description="Those that began until then.")] = None,
) -> Listed[FindingShape]:
    """List findings, newest first."""
    begin, since = spot(after), parse_time(start, where="start") if start else None
    before = parse_time(end, where="end") + 1 if end else None
    if begin.before is not None:
        before = begin.before if before is None else min(before, begin.before)
    rows = rooms.detect.findings(asset=asset, limit=limit + begin.more, before=before, after=since, scope=subject.scope)
    cut = page_of(rows, limit, "at", begin)
    names = rooms.guard.names()
    followed = rooms.act.cases_of([f"finding:{row['id']}" for row in cut["items"]])
    shown = [{**_finding(row, names), "case_id": followed.get(f"finding:{row['id']}")} for row in cut["items"]]
    return Listed[FindingShape].model_validate({"items": seen(rooms, subject, shown), "next": cut["next"]})


@router.post("/findings", status_code=201)
def add_finding(sender: Sender, body: FindingBody) -> FindingShape:
    """File a finding about an asset."""

    def file(tx: Any) -> dict[str, Any]:
        return sender.rooms.detect.find(
            tx,
            body.asset,
            body.kind,
            body.score,
            by=sender.subject,
            sensors=[one.model_dump() for one in body.sensors],
            evidence=body.evidence,
            failure_mode=body.failure_mode,
        )

    row = sender.do("findings.add", "finding", body.model_dump(), file, body.asset)
    return FindingShape.model_validate(_finding(row, sender.rooms.guard.names()))


@router.post("/findings/{finding_id}/label")
def label(sender: Sender, finding_id: str, body: LabelBody) -> FindingShape:
    """Say what a finding turned out to be: detectors learn from it."""
    row = sender.do(
        "findings.label",
        f"finding:{finding_id}",
        body.model_dump(),
        lambda tx: sender.rooms.detect.label(tx, finding_id, body.label, sender.subject, body.version),
        _asset_of(sender, finding_id),
    )
    return FindingShape.model_validate(_finding(row, sender.rooms.guard.names()))


def _asset_of(sender: Asking, finding_id: str) -> str:
    """Return the asset a finding is about; whoever may not label any is not told whether there is one."""
    may = allowed(sender.subject.roles, sender.subject.kind, "findings.label")
    return str(sender.rooms.detect.finding(finding_id)["asset"]) if may else ""


def alarm_items(rooms: Rooms, *, active: bool, kind: str | None = None, asset: str | None = None) -> list[dict[str, Any]]:
    """Return alarms as the door shows them, with the open case each one has."""
    return alarm_shown(rooms, rooms.detect.alarms(active, kind=kind, asset=asset))


def alarm_shown(rooms: Rooms, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return rows of alarms as the door shows them, with the open case each one has."""
    names = rooms.guard.names() if any(row["acknowledged_by"] for row in rows) else {}
    opened = {case["alarm_id"]: case["id"] for case in rooms.act.cases("open", limit=1000)} if rows else {}
    return [{**_alarm(row, names), "case_id": opened.get(row["id"])} for row in rows]


def readable_alarm(rooms: Rooms, subject: Subject, alarm_id: str) -> dict[str, Any]:
    """Return one alarm, refused where the one who asks does not reach its asset."""
    row = rooms.detect.alarm(alarm_id)
    rooms.guard.gate(subject, "read", str(row["asset"]))
    return row


def _step(sender: Asking, alarm_id: str, verb: str, body: Body, run: Callable[[Any], dict[str, Any]]) -> AlarmShape:
    return _do(sender, alarm_id, f"alarms.{verb}", body, run)


def _back(sender: Asking, alarm_id: str, action: str, said: NoteBody, only: AlarmState) -> AlarmShape:
    detect = sender.rooms.detect
    return _do(
        sender, alarm_id, action, said, lambda tx: detect.show(tx, alarm_id, sender.subject, said.note, said.version, only=only)
    )


def _do(sender: Asking, alarm_id: str, action: str, body: Body, run: Callable[[Any], dict[str, Any]]) -> AlarmShape:
    asset = str(sender.rooms.detect.alarm(alarm_id)["asset"])
    row = sender.do(action, f"alarm:{alarm_id}", body.model_dump(), run, asset)
    return AlarmShape.model_validate(_alarm(row, sender.rooms.guard.names()))


def _alarm(row: Mapping[str, Any], names: dict[str, str]) -> dict[str, Any]:
    times = {name: moment(row[name]) for name in ("raised", "cleared", "acknowledged", "hidden_until", "rationalised")}
    respond = None if row["respond_within"] is None else row["respond_within"] / NS
    return {**row, **times, "respond_within_s": respond, "acknowledged_by": called(row["acknowledged_by"], names)}


def _finding(row: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    return {**row, "raised": moment(row["at"]), "by": called(row["by"], names)}
