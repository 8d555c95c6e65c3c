"""Cases, approvals, the control tower's list of what was done by whom or what, and proposed writes to machines."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from lineshaft.core import LineshaftError
from lineshaft.doors.rest.frame.asking import House, Reader, Sender, seen
from lineshaft.doors.rest.frame.names import called
from lineshaft.doors.rest.frame.paging import After, Limit, page_of, spot
from lineshaft.doors.rest.frame.shape import (
    Body,
    Id,
    Listed,
    MaybeMoment,
    MaybeName,
    Moment,
    Note,
    SeenVersion,
    Shape,
    Version,
    moment,
)
from lineshaft.doors.rooms import Rooms

router = APIRouter(tags=["act"])
CaseId = Annotated[str | None, Field(examples=["7d1c9a52-6c1e-4f0e-9d53-9a7f0a3f6d11"])]
MaybeAsset = Annotated[str | None, Field(examples=["Bakery/Line 1/Cooler/Coolant pump"])]
Kind = Annotated[str | None, Field(examples=["rule"], description="person, token, rule, script, agent or system")]
Mode = Annotated[str | None, Field(examples=["automation"], description="automation, human_assistant, agent, agent_human")]


class CaseShape(Shape):
    """A case: one run of a process, from what was noticed to the return to service."""

    id: Id
    number: Annotated[str, Field(examples=["C-000007"])]
    process: Annotated[str, Field(examples=["maintenance"])]
    asset: MaybeAsset
    title: Annotated[str, Field(examples=["Coolant pump vibration high"])]
    state: Annotated[str, Field(examples=["open"])]
    opened: Moment
    closed: MaybeMoment
    current_task: Annotated[str | None, Field(examples=["repair"])]
    work_order_id: Annotated[str | None, Field(examples=["1a2b9a52-6c1e-4f0e-9d53-9a7f0a3f6d11"])]
    alarm_id: Annotated[str | None, Field(examples=["3c4d9a52-6c1e-4f0e-9d53-9a7f0a3f6d11"])] = None
    outcome: Annotated[str, Field(examples=[""])] = ""
    version: Version


class TaskShape(Shape):
    """One task of a case: who or what did it, in which mode, with what came in and out."""

    id: Id
    name: Annotated[str, Field(examples=["triage"])]
    mode: Mode
    state: Annotated[str, Field(examples=["done"])]
    actor: MaybeName
    actor_kind: Kind
    opened: MaybeMoment
    closed: MaybeMoment
    input: Annotated[Any, Field(examples=[{"priority": 1}])] = None
    output: Annotated[Any, Field(examples=[{"failure_mode": "VIB"}])] = None


class CaseNote(Shape):
    """What joined a case while it was open."""

    at: Moment
    by: MaybeName
    text: Annotated[str, Field(examples=["Coolant flow low joined this case"])]


class CaseDetail(CaseShape):
    """A case with its tasks and the definition it was started with."""

    tasks: list[TaskShape]
    notes: list[CaseNote]
    definition: Annotated[dict[str, Any] | None, Field(examples=[{"name": "maintenance"}])] = None


class ApprovalShape(Shape):
    """Something proposed that a second person decides."""

    id: Id
    case_id: CaseId
    task: Annotated[str | None, Field(examples=["replenish"])]
    what: Annotated[str, Field(examples=["buy 6 x BRG-6205 for 147.00"])]
    proposal: Annotated[dict[str, Any], Field(examples=[{"part": "BRG-6205", "quantity": 6}])]
    proposed_by: MaybeName
    proposed_by_id: Annotated[str | None, Field(examples=["rule:maintenance"])] = None
    edited_by: Annotated[list[str], Field(examples=[[]], description="Ids of who changed it: they may not approve it.")] = Field(
        default_factory=list
    )
    state: Annotated[str, Field(examples=["open"])]
    decided_by: MaybeName
    decided: MaybeMoment
    reason: Annotated[str | None, Field(examples=[""])]
    expires: MaybeMoment
    created: Moment
    version: Version


class CaseBody(Body):
    """What somebody wants begun, where, and why."""

    process: Annotated[str, Field(examples=["quality-hold"])]
    asset: Annotated[str, Field(examples=["Bakery/Line 1"])]
    name: Annotated[str, Field(max_length=200, examples=["Cookies of lot D-117 are too dark"])] = ""
    lot: Annotated[str, Field(examples=["D-117"])] = ""
    reason: Note = ""


class DecisionBody(Body):
    """The decision about a proposal: as it is, not at all, or with changes."""

    decision: Literal["approve", "reject", "edit"]
    edit: Annotated[dict[str, Any] | None, Field(examples=[{"quantity": 4}])] = None
    reason: Note = ""
    version: SeenVersion = None


class TowerShape(Shape):
    """One thing that was done, by whom or what."""

    at: Moment
    actor: MaybeName
    actor_kind: Kind
    mode: Mode
    what: Annotated[str, Field(examples=["work order WO-000012 created"])]
    case_id: CaseId
    task: Annotated[str | None, Field(examples=["order"])]
    asset: MaybeAsset
    outcome: Annotated[str | None, Field(examples=["done"])]


class WriteShape(Shape):
    """A write to a machine: proposed by one, decided by another."""

    id: Id
    property: Annotated[str, Field(examples=["Bakery/Line 1/Oven/SpeedSetpoint"])]
    value: Annotated[Any, Field(examples=[110.0])]
    unit: Annotated[str, Field(examples=["part/min"])]
    reason: Annotated[str, Field(examples=["biscuits are too dark"])]
    state: Annotated[str, Field(examples=["open"])]
    proposed_by: MaybeName
    decided_by: MaybeName
    decided: MaybeMoment
    outcome: Annotated[
        str | None,
        Field(
            examples=["written"],
            description="What became of it: waiting, writing, written, dry-run, failed, unsure; nothing before it is approved.",
        ),
    ] = None
    before: Annotated[Any, Field(examples=[117.6], description="What the machine had.")] = None
    readback: Annotated[Any, Field(examples=[110.0], description="What the machine has afterwards.")]
    why: Annotated[str, Field(examples=[""], description="Why it was not written.")] = ""
    created: Moment
    expires: MaybeMoment
    version: Version


class WriteBody(Body):
    """A value that a machine should get."""

    property: Annotated[str, Field(examples=["Bakery/Line 1/Oven/SpeedSetpoint"])]
    value: Annotated[bool | int | float | str, Field(examples=[110.0])]
    reason: Note = ""


class WriteTarget(Shape):
    """A property that may be written, and within what."""

    property: Annotated[str, Field(examples=["Bakery/Line 1/Oven/SpeedSetpoint"])]
    unit: Annotated[str, Field(examples=["part/min"])]
    type: Annotated[str, Field(examples=["double"])]
    now: Annotated[Any, Field(examples=[117.6])]
    minimum: Annotated[float | None, Field(examples=[60])]
    maximum: Annotated[float | None, Field(examples=[125])]
    values: Annotated[list[Any], Field(examples=[[]], description="If not empty, the only values there may be.")]
    every: Annotated[str, Field(examples=["5s"], description="Least time between two writes.")]
    permissive: Annotated[str, Field(examples=["state != 4"])]
    locked: Annotated[str, Field(examples=[""], description="Who locked the machine out and why.")]
    dry_run: Annotated[bool, Field(examples=[False], description="The writer checks everything and writes nothing.")]


class WriteCheck(Shape):
    """A dry run of a write: the value now, the one asked for, and what forbids it."""

    property: Annotated[str, Field(examples=["Bakery/Line 1/Oven/SpeedSetpoint"])]
    now: Annotated[Any, Field(examples=[117.6])]
    value: Annotated[Any, Field(examples=[110.0])]
    unit: Annotated[str, Field(examples=["part/min"])]
    allowed: Annotated[bool, Field(examples=[True])]
    why: Annotated[str, Field(examples=[""])] = ""
    hint: Annotated[str, Field(examples=[""])] = ""


@router.get("/cases")
def cases(
    rooms: House,
    subject: Reader,
    limit: Limit = 100,
    after: After = None,
    state: Annotated[str | None, Query(description="open, done, failed or cancelled.", examples=["open"])] = None,
    asset: Annotated[str | None, Query(examples=["Bakery/Line 1/Oven"])] = None,
) -> Listed[CaseShape]:
    """List cases, newest first."""
    begin = spot(after)
    rows = rooms.act.cases(state=state, asset=asset, limit=limit + begin.more, before=begin.before)
    cut = page_of(rows, limit, "opened", begin)
    items = seen(rooms, subject, [case_row(row) for row in cut["items"]])
    return Listed[CaseShape].model_validate({"items": items, "next": cut["next"]})


@router.post("/cases", status_code=201)
def request_case(sender: Sender, body: CaseBody) -> CaseShape:
    """Ask for a process to be begun, as a quality hold of a lot; a case that is open for the same trouble is joined."""
    rooms = sender.rooms
    asset = rooms.assets.asset(body.asset)
    event = {
        "asset": asset.path,
        "asset_name": asset.name,
        "name": body.name or body.process,
        "lot": body.lot,
        "reason": body.reason,
    }

    def run(tx: Any) -> dict[str, Any]:
        if body.lot:
            rooms.production.lots.id_of(tx, body.lot)
        return rooms.act.request(tx, body.process, event, sender.subject)

    made = sender.do("cases.request", f"process:{body.process}", body.model_dump(), run, asset.path)
    return CaseShape.model_validate(case_row(rooms.act.case(made["case_id"])))


@router.get("/cases/{case_id}")
def case(rooms: House, subject: Reader, case_id: str) -> CaseDetail:
    """Show a case with its tasks, its notes and the definition it was opened with."""
    row, names = rooms.act.case(case_id), rooms.guard.names()
    rooms.guard.gate(subject, "read", row["asset"] or "")
    notes = [{**note, "at": moment(note["at"]), "by": called(note["by"], names)} for note in row["notes"]]
    tasks = [_task(task, names) for task in row["tasks"]]
    return CaseDetail.model_validate({**case_row(row), "definition": row["definition"], "tasks": tasks, "notes": notes})


@router.post("/cases/{case_id}/retry")
def retry(sender: Sender, case_id: str) -> CaseShape:
    """Let a failed case go on from where it failed."""
    found = sender.rooms.act.case(case_id)

    def run(tx: Any) -> dict[str, Any]:
        sender.rooms.act.retry(tx, found["id"], sender.subject)
        return {"id": found["id"]}

    sender.do("cases.retry", f"case:{found['id']}", {}, run, found["asset"] or "")
    return CaseShape.model_validate(case_row(sender.rooms.act.case(found["id"])))


@router.get("/approvals")
def approvals(
    rooms: House,
    subject: Reader,
    limit: Limit = 100,
    after: After = None,
    state: Annotated[str | None, Query(description="open, approved, rejected or expired.", examples=["open"])] = None,
) -> Listed[ApprovalShape]:
    """List what waits for a decision, and what was decided, newest first."""
    begin, names = spot(after), rooms.guard.names()
    cut = page_of(rooms.act.approvals(state, limit + begin.more, begin.before), limit, "created", begin)
    items = [_approval(row, names) for row in cut["items"] if not subject.scope or subject.reaches(_place(rooms, row))]
    return Listed[ApprovalShape].model_validate({"items": items, "next": cut["next"]})


@router.post("/approvals/{approval_id}/decide")
def decide(sender: Sender, approval_id: str, body: DecisionBody) -> ApprovalShape:
    """Decide about a proposal; whoever made or edited it may not."""

    def run(tx: Any) -> dict[str, Any]:
        return sender.rooms.act.decide(tx, approval_id, sender.subject, body.decision, body.edit, body.reason, body.version)

    row = sender.do("approvals.decide", f"approval:{approval_id}", body.model_dump(), run)
    return ApprovalShape.model_validate(_approval(row, sender.rooms.guard.names()))


@router.get("/tower")
def tower(
    rooms: House,
    subject: Reader,
    limit: Limit = 100,
    after: After = None,
    case_id: Annotated[str | None, Query(description="Of one case.", examples=["7d1c9a52-6c1e-4f0e-9d53-9a7f0a3f6d11"])] = None,
) -> Listed[TowerShape]:
    """List what was done by whom or what, newest first."""
    begin, names = spot(after), rooms.guard.names()
    cut = page_of(rooms.act.tower(limit + begin.more, begin.before, case_id), limit, "at", begin)
    items = [{**row, "at": moment(row["at"]), "actor": called(row["actor"], names)} for row in cut["items"]]
    return Listed[TowerShape].model_validate({"items": seen(rooms, subject, items), "next": cut["next"]})


@router.get("/writes")
def writes(
    rooms: House,
    subject: Reader,
    limit: Limit = 100,
    after: After = None,
    state: Annotated[str | None, Query(description="open, approved, rejected or expired.", examples=["open"])] = None,
) -> Listed[WriteShape]:
    """List proposed writes to machines, newest first."""
    begin, names = spot(after), rooms.guard.names()
    cut = page_of(rooms.act.writes(state, limit + begin.more, begin.before), limit, "created", begin)
    items = [row for row in cut["items"] if subject.reaches(str(row["property"]))]
    return Listed[WriteShape].model_validate({"items": [_write(row, names) for row in items], "next": cut["next"]})


@router.post("/writes", status_code=201)
def propose_write(sender: Sender, body: WriteBody) -> WriteShape:
    """Propose a write to a machine; somebody else approves it (GET approvals), nothing is written before."""
    rooms = sender.rooms
    one = rooms.assets.property(body.property)

    def run(tx: Any) -> dict[str, Any]:
        return rooms.act.propose_write(tx, one, body.value, sender.subject, body.reason)

    row = sender.do("writes.propose", f"property:{one.id}", body.model_dump(), run, one.asset_path)
    return WriteShape.model_validate(_write(row, rooms.guard.names()))


@router.get("/writes/targets")
def write_targets(rooms: House, subject: Reader) -> Listed[WriteTarget]:
    """List what may be written to machines at all, within which limits, and what each has now."""
    rows = [row for row in rooms.act.write_targets() if subject.reaches(str(row["property"]))]
    latest = rooms.store.latest([str(row["property"]) for row in rows])
    items = [{**row, "now": last.value if last else None} for row, last in zip(rows, latest, strict=True)]
    return Listed[WriteTarget].model_validate({"items": items, "next": None})


@router.post("/writes/check")
def check_write(sender: Sender, body: WriteBody) -> WriteCheck:
    """Say whether a write would be allowed now, and what it would change; nothing is filed or written."""
    rooms = sender.rooms
    one = rooms.assets.property(body.property)

    def run(_tx: Any) -> dict[str, Any]:
        last = rooms.store.latest([one.path])[0]
        found = {"property": one.path, "now": last.value if last else None, "value": body.value, "unit": one.unit}
        try:
            rooms.act.check_write(one, body.value)
        except LineshaftError as error:
            return {**found, "allowed": False, "why": error.what, "hint": error.hint}
        return {**found, "allowed": True}

    answer = sender.do("writes.check", f"property:{one.id}", body.model_dump(), run, one.asset_path)
    return WriteCheck.model_validate(answer)


def _write(row: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    times = {name: moment(row[name]) for name in ("decided", "expires", "created")}
    people = {name: called(row[name], names) for name in ("proposed_by", "decided_by")}
    return {**row, **times, **people}


def case_row(row: dict[str, Any]) -> dict[str, Any]:
    """Return a case as it is shown."""
    return {**row, "opened": moment(row["opened"]), "closed": moment(row["closed"])}


def _task(row: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    times = {name: moment(row[name]) for name in ("opened", "closed")}
    return {**row, **times, "actor": called(row["actor"], names)}


def _place(rooms: Rooms, row: dict[str, Any]) -> str:
    """Return where in the plant a proposal belongs; nothing for one about no place, as a purchase for the store."""
    named = row["proposal"].get("property") or row["proposal"].get("asset")
    return str(named or (rooms.act.case(row["case_id"])["asset"] if row["case_id"] else ""))


def _approval(row: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    times = {name: moment(row[name]) for name in ("decided", "expires", "created")}
    people = {name: called(row[name], names) for name in ("proposed_by", "decided_by")}
    return {**row, **times, **people, "proposed_by_id": row["proposed_by"]}
