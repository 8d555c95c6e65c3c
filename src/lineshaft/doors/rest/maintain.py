"""Work orders with their steps and checklist, spare parts, purchases."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from lineshaft.core import Conflict, InvalidInput, NotFound, did_you_mean, parse_time
from lineshaft.doors.rest.frame.asking import Asking, House, Reader, Sender, seen
from lineshaft.doors.rest.frame.names import called
from lineshaft.doors.rest.frame.paging import After, Limit, page, page_of, spot
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

router = APIRouter(tags=["maintain"])
Verb = Literal[
    "triage", "reject", "plan", "wait", "assign", "start", "hold", "resume", "done", "reopen", "verify", "close", "cancel"
]
Quantity = Annotated[float, Field(gt=0, le=1e9, examples=[2])]
WAITS = ("parts", "permit", "downtime", "people", "other")
"""What holding an order can wait for; any other reason is a note."""
PartNumber = Annotated[str, Field(examples=["BRG-6205"])]


class Source(Shape):
    """What an order was made for."""

    type: Annotated[str, Field(examples=["alarm"])]
    id: Id


class EvidenceShape(Shape):
    """The stretch of a signal that shows why."""

    property: PropertyPath
    start: MaybeMoment = None
    end: MaybeMoment = None
    value: Number = None
    limit: Number = None


class Reserved(Shape):
    """Parts set aside for an order."""

    part: PartNumber
    name: Annotated[str, Field(examples=["Deep groove ball bearing 6205"])]
    bin: Annotated[str, Field(examples=["B-12"])]
    quantity: Annotated[float, Field(examples=[2])]
    issued: Annotated[float, Field(examples=[0])] = 0


class Limits(Shape):
    """Between which figures a checklist's number passes."""

    min: Number
    max: Number
    unit: Annotated[str, Field(examples=["mm/s"])]


class StepShape(Shape):
    """One step of a checklist."""

    id: Id
    text: Annotated[str, Field(examples=["Vibration below 2.8 mm/s after the repair"])]
    kind: Annotated[str, Field(examples=["number"])]
    limits: Limits | None
    result: Annotated[Any, Field(examples=[1.6])]
    passed: Annotated[bool | None, Field(examples=[True])] = None
    done_by: MaybeName
    done_at: MaybeMoment = None
    version: Version = 1
    image: Annotated[str | None, Field(examples=[None], description="A picture: the id of a document.")] = None
    warning: Annotated[str | None, Field(examples=["hot surface"])] = None


class Line(Shape):
    """One line of an order's history."""

    at: Moment
    by: MaybeName
    what: Annotated[str, Field(examples=["start"])]
    state: Annotated[str, Field(examples=["in_progress"])] = ""
    note: Annotated[str, Field(examples=[""])]


class PermitShape(Shape):
    """A lock-out or permit: required, applied (it stands) or released."""

    id: Id
    kind: Annotated[str, Field(examples=["lockout"])]
    text: Annotated[str, Field(examples=["Main switch Q1"])]
    points: Annotated[list[str], Field(examples=[["Q1 off and locked", "Try to start: it does not"]])]
    state: Annotated[str, Field(examples=["applied"])]
    applied_by: MaybeName = None
    applied: MaybeMoment = None
    released_by: MaybeName = None
    released: MaybeMoment = None
    reason: Annotated[str, Field(examples=[""])] = ""
    version: Version


class LabourShape(Shape):
    """Who worked on it, from when to when."""

    id: Id
    person: MaybeName
    start: Moment
    end: Moment
    hours: Annotated[float, Field(examples=[1.5])]
    cost: Annotated[float | None, Field(examples=[72.0])]
    note: Annotated[str, Field(examples=[""])] = ""


class DowntimeShape(Shape):
    """A standstill of the asset."""

    id: Id
    start: Moment
    end: MaybeMoment
    planned: Annotated[bool, Field(examples=[False])]
    note: Annotated[str, Field(examples=[""])] = ""
    version: Version


class AttachmentShape(Shape):
    """A document kept with an order."""

    id: Id
    document_id: Id
    name: Annotated[str, Field(examples=["bearing.jpg"])]
    mime: Annotated[str, Field(examples=["image/jpeg"])]
    kind: Annotated[str, Field(examples=["photo"])]
    step_id: Annotated[str | None, Field(examples=[None])] = None
    by: MaybeName
    at: Moment


class JoinedShape(Shape):
    """An alarm or finding an order is for."""

    type: Annotated[str, Field(examples=["finding"])]
    id: Annotated[str, Field(examples=["0b9f6a52-6c1e-4f0e-9d53-9a7f0a3f6d11"])]
    at: Moment
    score: Number
    failure_mode: Annotated[str, Field(examples=["VIB"])]
    sensors: Annotated[list[dict[str, Any]], Field(examples=[[{"property": "Bakery/Line 1/Oven/Power", "share": 0.7}]])]
    evidence: Annotated[dict[str, Any], Field(examples=[{"start": "2026-11-20T05:00:00Z"}])]


class AvoidedShape(Shape):
    """What a case avoided, never without its assumption."""

    hours: Annotated[float, Field(examples=[6.0])]
    rate_per_hour: Number
    stood_h: Annotated[float, Field(examples=[1.0])]
    value: Annotated[float | None, Field(examples=[2000.0], description="null where no rate is known")]
    assumption: Annotated[str, Field(examples=["a breakdown would have stopped it for 6 h"])]
    confirmed: Annotated[bool, Field(examples=[True], description="Whether the closing label says there was a fault.")]


class CostShape(Shape):
    """What an order cost; null where somebody's rate is unknown."""

    labour: Annotated[float | None, Field(examples=[72.0])]
    parts: Annotated[float, Field(examples=[49.0])]


class OrderShape(Shape):
    """A work order."""

    id: Id
    number: Annotated[str, Field(examples=["WO-000012"])]
    asset: AssetPath
    title: Annotated[str, Field(examples=["Coolant pump vibration high"])]
    kind: Annotated[str, Field(examples=["corrective"])]
    state: Annotated[str, Field(examples=["assigned"])]
    priority: Annotated[int, Field(examples=[1])]
    failure_mode: Annotated[str, Field(examples=["VIB"])]
    created: Moment
    due: MaybeMoment
    started: MaybeMoment = None
    done: MaybeMoment = None
    closed: MaybeMoment = None
    case_id: Annotated[str | None, Field(examples=["7d1c9a52-6c1e-4f0e-9d53-9a7f0a3f6d11"])]
    source: Source | None
    evidence: EvidenceShape | None
    reserved: list[Reserved]
    checklist: list[StepShape]
    history: list[Line] = Field(default_factory=list[Line])
    assigned_to: MaybeName
    waiting_for: Annotated[str, Field(examples=[""])] = ""
    closing: Annotated[dict[str, Any], Field(examples=[{"mode": "VIB", "cause": "wear", "remedy": "replaced"}])] = Field(
        default_factory=dict
    )
    urgency: Annotated[int | None, Field(examples=[3])] = None
    criticality: Annotated[int | None, Field(examples=[4])] = None
    score: Number = None
    hours: Annotated[float | None, Field(examples=[1.5], description="Estimate.")] = None
    skills: Annotated[dict[str, int], Field(examples=[{"mechanical": 3}])] = Field(default_factory=dict[str, int])
    planned_for: MaybeMoment = None
    instruction: Annotated[str | None, Field(examples=["change-bearing"])] = None
    instruction_number: Annotated[int | None, Field(examples=[2])] = None
    permits: list[PermitShape] = Field(default_factory=list[PermitShape])
    labour: list[LabourShape] = Field(default_factory=list[LabourShape])
    downtime: list[DowntimeShape] = Field(default_factory=list[DowntimeShape])
    attachments: list[AttachmentShape] = Field(default_factory=list[AttachmentShape])
    findings: list[JoinedShape] = Field(default_factory=list[JoinedShape])
    cost: CostShape | None = None
    avoided: AvoidedShape | None = None
    possible: Annotated[list[str], Field(examples=[["start", "cancel"]])] = Field(default_factory=list[str])
    locked_out: Annotated[str, Field(examples=[""], description="Which lock-out stands on the asset.")] = ""
    version: Version


class CheckBody(Body):
    """A step for the checklist of a new order."""

    text: Annotated[str, Field(min_length=1, max_length=500, examples=["Vibration below 2.8 mm/s after the repair"])]
    kind: Annotated[Literal["check", "number", "photo", "signature"], Field(examples=["number"])] = "check"
    lower: Number = None
    upper: Number = None
    unit: Annotated[str, Field(max_length=40, examples=["mm/s"])] = ""


class PermitBody(Body):
    """What must stand before work begins."""

    kind: Annotated[Literal["lockout", "permit"], Field(examples=["lockout"])] = "lockout"
    text: Annotated[str, Field(max_length=300, examples=["Main switch Q1"])] = ""
    points: Annotated[list[str], Field(max_length=30, examples=[["Q1 off and locked"]])] = Field(default_factory=list[str])


class OrderBody(Body):
    """A new work order."""

    asset: AssetPath
    title: Annotated[str, Field(min_length=1, max_length=300, examples=["Coolant pump is loud"])]
    kind: Annotated[str, Field(examples=["corrective"])] = "corrective"
    priority: Annotated[int | None, Field(ge=1, le=5, examples=[2])] = None
    urgency: Annotated[
        int | None, Field(ge=1, le=5, examples=[4], description="1 low to 5 high; priority is the asset's criticality times it.")
    ] = None
    score: Number = None
    sensors: Annotated[
        list[dict[str, Any]], Field(max_length=200, examples=[[{"property": "Bakery/Line 1/Oven/Power", "share": 0.7}]])
    ] = Field(default_factory=list[dict[str, Any]])
    hours: Annotated[float | None, Field(gt=0, le=1000, examples=[1.5])] = None
    skills: Annotated[dict[str, int], Field(examples=[{"mechanical": 3}])] = Field(default_factory=dict[str, int])
    instruction: Annotated[str, Field(examples=["change-bearing"], description="Its steps, permits, hours, skills.")] = ""
    permits: list[PermitBody] = Field(default_factory=list[PermitBody])
    merge: Annotated[bool, Field(examples=[False], description="Join the open order of the same trouble.")] = False
    failure_mode: Annotated[str, Field(examples=["VIB"])] = ""
    due: Annotated[str | None, Field(examples=["2026-11-21T06:00:00Z"])] = None
    source: Source | None = None
    evidence: Annotated[dict[str, Any] | None, Field(examples=[{"property": "Bakery/Line 1/Oven/Power"}])] = None
    checklist: list[CheckBody] = Field(default_factory=list[CheckBody])
    note: Note = ""


class StepBody(Body):
    """What belongs to a step: to whom, why, which parts were used, with which codes it is closed."""

    version: SeenVersion = None
    note: Note = ""
    reason: Annotated[str, Field(max_length=300, examples=["parts"], description="hold, wait: parts, permit, downtime ...")] = ""
    to: Annotated[str, Field(examples=["anna"], description="assign: a user's name or id")] = ""
    assigned_to: Annotated[str, Field(examples=["anna"], description="The same as `to`.")] = ""
    used: Annotated[dict[str, float] | None, Field(examples=[{"BRG-6205": 2}])] = None
    mode: Annotated[str, Field(examples=["VIB"])] = ""
    cause: Annotated[str, Field(examples=["wear"])] = ""
    remedy: Annotated[str, Field(examples=["replaced"])] = ""
    codes: Annotated[dict[str, str], Field(examples=[{"detection": "condition"}])] = Field(default_factory=dict[str, str])


class ResultBody(Body):
    """A checklist step's answer."""

    result: Annotated[
        bool | float | str,
        Field(examples=[1.6], description="true, false, pass, fail; a number; the id of a photograph; the name of who signs"),
    ]
    version: SeenVersion = None
    step_version: Annotated[
        int | None, Field(examples=[1], description="The step's version you saw: another answer meanwhile is 409.")
    ] = None


class SpareShape(Shape):
    """A spare part and what is left of it."""

    id: Id
    part: PartNumber
    name: Annotated[str, Field(examples=["Deep groove ball bearing 6205"])]
    bin: Annotated[str, Field(examples=["B-12"])]
    on_hand: Annotated[float, Field(examples=[4])]
    reserved: Annotated[float, Field(examples=[2])]
    available: Annotated[float, Field(examples=[2])]
    minimum: Annotated[float, Field(examples=[3])]
    target: Annotated[float, Field(examples=[8])]
    unit_cost: Annotated[float, Field(examples=[24.5])]
    lead_time_days: Annotated[float, Field(examples=[5])]
    used_by: Annotated[list[dict[str, Any]], Field(examples=[[{"asset": "Bakery/Line 1/Oven", "quantity": 1}]])] = Field(
        default_factory=list[dict[str, Any]]
    )
    alternatives: Annotated[list[str] | None, Field(examples=[["BRG-6205-2RS"]])] = None
    counted: MaybeMoment = None
    version: Version


class ReceiveBody(Body):
    """Parts that came in."""

    quantity: Quantity
    note: Note = ""
    version: SeenVersion = None


@router.get("/work-orders")
def work_orders(  # noqa: PLR0917 - the filters of a list
    rooms: House,
    subject: Reader,
    limit: Limit = 100,
    after: After = None,
    state: Annotated[str | None, Query(description="One state, or `open`.", examples=["open"])] = None,
    asset: Annotated[str | None, Query(examples=["Bakery/Line 1/Oven"])] = None,
    assigned_to: Annotated[str | None, Query(examples=["me"], description="A user's id, or `me`.")] = None,
    kind: Annotated[str | None, Query(examples=["preventive"])] = None,
    late: Annotated[bool, Query(examples=[False])] = False,
) -> Listed[OrderShape]:
    """List work orders, newest first."""
    whose = subject.id if assigned_to == "me" else assigned_to
    wanted: dict[str, Any] = {"state": state, "asset": asset, "assigned_to": whose, "kind": kind, "late": late}
    begin = spot(after)
    rows = rooms.orders.list(**wanted, limit=limit + begin.more, before=begin.before)
    cut, names = page_of(rows, limit, "created", begin), rooms.guard.names()
    items = seen(rooms, subject, [_order(row, names) for row in cut["items"]])
    return Listed[OrderShape].model_validate({"items": items, "next": cut["next"]})


@router.get("/work-orders/{order_id}")
def work_order(rooms: House, subject: Reader, order_id: str) -> OrderShape:
    """Show a work order with its history."""
    row = rooms.orders.get(order_id)
    rooms.guard.gate(subject, "read", row["asset"])
    return OrderShape.model_validate(_order(row, rooms.guard.names()))


@router.post("/work-orders", status_code=201)
def add_order(sender: Sender, body: OrderBody) -> OrderShape:
    """Create a work order; for an alarm or finding that has one already, that one is the answer."""
    asset = sender.rooms.assets.asset(body.asset).path
    due = parse_time(body.due, where="due") if body.due else None

    def make(tx: Any) -> dict[str, Any]:
        known = sender.rooms.workshop.instructions.for_order(body.instruction, tx) if body.instruction else {}
        return sender.rooms.orders.create(
            tx,
            sender.subject,
            asset=asset,
            title=body.title,
            kind=body.kind,
            priority=body.priority,
            urgency=body.urgency,
            score=body.score,
            sensors=body.sensors,
            hours=body.hours or known.get("hours"),
            skills={**known.get("skills", {}), **body.skills},
            instruction=known.get("instruction"),
            permits=[*known.get("permits", []), *(one.model_dump() for one in body.permits)],
            merge=body.merge,
            failure_mode=body.failure_mode,
            due=due,
            source=_source(sender.rooms, body.source),
            evidence=body.evidence,
            checklist=[*known.get("checklist", []), *(step.model_dump() for step in body.checklist)],
            note=body.note,
        )

    row = sender.do("work-orders.create", "work-order", body.model_dump(), make, asset)
    return OrderShape.model_validate(_order(row, sender.rooms.guard.names()))


def _source(rooms: Rooms, said: Source | None) -> tuple[str, str] | None:
    """Return what an order is for; an alarm is meant as it stands now, so that its case's order is found."""
    if said is None:
        return None
    if said.type == "alarm":
        with suppress(NotFound):
            return said.type, rooms.detect.alarm(said.id)["occurrence"] or said.id
    return said.type, said.id


@router.post("/work-orders/{order_id}/checklist/{step_id}")
def tick(sender: Sender, order_id: str, step_id: str, body: ResultBody) -> OrderShape:
    """Answer a checklist step; `version` is the order's."""
    orders = sender.rooms.orders
    before = orders.get(order_id)

    def answer(tx: Any) -> dict[str, Any]:
        if body.version is not None and orders.get(order_id, tx)["version"] != body.version:
            raise Conflict("the order was changed meanwhile", hint="read it again", code="version.conflict")
        return orders.tick(tx, before["id"], step_id, body.result, sender.subject, version=body.step_version)

    row = do_with_current(
        sender,
        before["id"],
        "work-orders.update",
        f"work-order:{before['id']}/step:{step_id}",
        body.model_dump(),
        answer,
        before["asset"],
    )
    return OrderShape.model_validate(_order(row, sender.rooms.guard.names()))


@router.post("/work-orders/{order_id}/{verb}")
def step(sender: Sender, order_id: str, verb: Verb, body: StepBody | None = None) -> OrderShape:
    """Take a step: triage, plan, assign, start, hold, resume, done, verify, close, cancel ..."""
    said = body or StepBody()
    before = sender.rooms.orders.get(order_id)
    more = _belongings(sender, verb, said)
    act = getattr(sender.rooms.orders, verb)

    def run(tx: Any) -> dict[str, Any]:
        return act(tx, before["id"], sender.subject, version=said.version, note=said.note or said.reason, **more)

    row = do_with_current(
        sender, before["id"], f"work-orders.{verb}", f"work-order:{before['id']}", said.model_dump(), run, before["asset"]
    )
    return OrderShape.model_validate(_order(row, sender.rooms.guard.names()))


@router.get("/spares")
def spares(rooms: House, _subject: Reader, limit: Limit = 1000, after: After = None) -> Listed[SpareShape]:
    """List the spare parts."""
    return Listed[SpareShape].model_validate(page([spare_of(one) for one in rooms.spares.list()], limit, after))


@router.post("/spares/{spare_id}/receive")
def receive(sender: Sender, spare_id: str, body: ReceiveBody) -> SpareShape:
    """Book parts that came in."""

    def run(tx: Any) -> dict[str, Any]:
        return sender.rooms.spares.receive(tx, spare_id, body.quantity, sender.subject, note=body.note, version=body.version)

    return SpareShape.model_validate(spare_of(sender.do("spares.receive", f"spare:{spare_id}", body.model_dump(), run)))


def _belongings(sender: Asking, verb: str, said: StepBody) -> dict[str, Any]:
    """Return what a verb needs beside the order."""
    codes = {**said.codes, **{name: getattr(said, name) for name in ("mode", "cause", "remedy") if getattr(said, name)}}
    needs: dict[str, dict[str, Any]] = {
        "assign": {"to": _person(sender, said.to or said.assigned_to)},
        "hold": {"reason": said.reason if said.reason in WAITS else "other"},
        "wait": {"reason": said.reason},
        "done": {"used": said.used, "codes": codes or None},
        "close": {"codes": codes or None},
    }
    return needs.get(verb, {})


def _person(sender: Asking, name: str) -> str:
    """Return the id of somebody named by id, name or, for oneself, by what one is called."""
    if not name or name in {sender.subject.id, sender.subject.name}:
        return sender.subject.id if name else ""
    people = {key: user.id for user in sender.rooms.guard.users.list() for key in (user.id, user.name)}
    if name not in people:
        raise InvalidInput(f"there is no user '{name}'", where="to", hint=did_you_mean(name, people), code="user.unknown")
    return people[name]


def do_with_current(sender: Asking, order_id: str, action: str, resource: str, body: Any, run: Any, asset: str) -> dict[str, Any]:
    """Do a command on an order; a clash answers with what the order is by now, so that an offline phone can decide."""
    try:
        return sender.do(action, resource, body, run, asset)
    except Conflict as error:
        row = sender.rooms.orders.get(order_id)
        names = ("state", "version", "possible", "waiting_for")
        person = called(row["assigned_to"], sender.rooms.guard.names())
        error.details.setdefault("current", {**{name: row[name] for name in names}, "assigned_to": person})
        raise


def order_shape(rooms: Rooms, row: dict[str, Any]) -> OrderShape:
    """Return an order as the door shows it."""
    return OrderShape.model_validate(_order(row, rooms.guard.names()))


def _timed(
    rows: list[dict[str, Any]], names: dict[str, str], times: tuple[str, ...], people: tuple[str, ...]
) -> list[dict[str, Any]]:
    return [{**row, **{t: moment(row[t]) for t in times}, **{p: called(row[p], names) for p in people}} for row in rows]


def _belonging(row: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """Return what belongs to one order, where it was asked for whole."""
    if "permits" not in row:
        return {"avoided": None}
    return {
        "permits": _timed(row["permits"], names, ("applied", "released"), ("applied_by", "released_by")),
        "labour": _timed(row["labour"], names, ("start", "end"), ("person",)),
        "downtime": _timed(row["downtime"], names, ("start", "end"), ()),
        "attachments": _timed(row["attachments"], names, ("at",), ("by",)),
        "findings": _timed(row["findings"], names, ("at",), ()),
    }


def _order(row: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    evidence = dict(row["evidence"] or {})
    times = {name: moment(row[name]) for name in ("created", "due", "started", "done", "closed", "planned_for")}
    return {
        **row,
        **times,
        **_belonging(row, names),
        "assigned_to": called(row["assigned_to"], names),
        "evidence": {**evidence, "start": moment(evidence.get("start")), "end": moment(evidence.get("end"))}
        if evidence.get("property")
        else None,
        "checklist": [_check(one, names) for one in row["checklist"]],
        "history": [{**line, "at": moment(line["at"]), "by": called(line["by"], names)} for line in row.get("history", [])],
    }


def _check(one: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    limits = one["limits"]
    return {
        **one,
        "limits": None if limits is None else {"min": limits["lower"], "max": limits["upper"], "unit": limits["unit"]},
        "done_by": called(one["done_by"], names),
        "done_at": moment(one["done_at"]),
    }


def spare_of(row: dict[str, Any]) -> dict[str, Any]:
    """Return a part as the door shows it."""
    return {**row, "counted": moment(row["counted"])}
