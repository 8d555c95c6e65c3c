"""Cases, approvals, the control tower's list of what was done by whom or what, and proposed writes to machines."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from lineshaft.doors.rest.frame.asking import House, Reader, Sender, seen
from lineshaft.doors.rest.frame.names import called
from lineshaft.doors.rest.frame.paging import After, Limit, page
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


class CaseDetail(CaseShape):
    """A case with its tasks and the definition it was started with."""

    tasks: list[TaskShape]
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
    state: Annotated[str, Field(examples=["open"])]
    decided_by: MaybeName
    decided: MaybeMoment
    reason: Annotated[str | None, Field(examples=[""])]
    expires: MaybeMoment
    created: Moment
    version: Version


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


@router.get("/cases")
def cases(
    rooms: House,
    subject: Reader,
    limit: Limit = 100,
    after: After = None,
    state: Annotated[str | None, Query(description="open, done, failed or cancelled.", examples=["open"])] = None,
) -> Listed[CaseShape]:
    """List cases, newest first."""
    items = [_case(row) for row in rooms.act.cases(state=state)]
    return Listed[CaseShape].model_validate(page(seen(rooms, subject, items), limit, after))


@router.get("/cases/{case_id}")
def case(rooms: House, subject: Reader, case_id: str) -> CaseDetail:
    """Show a case with its tasks."""
    row, names = rooms.act.case(case_id), rooms.guard.names()
    rooms.guard.gate(subject, "read", row["asset"] or "")
    return CaseDetail.model_validate({**_case(row), "tasks": [_task(task, names) for task in row["tasks"]]})


@router.get("/approvals")
def approvals(
    rooms: House,
    _subject: Reader,
    limit: Limit = 100,
    after: After = None,
    state: Annotated[str | None, Query(description="open, approved, rejected or expired.", examples=["open"])] = None,
) -> Listed[ApprovalShape]:
    """List what waits for a decision, and what was decided."""
    names = rooms.guard.names()
    items = [_approval(row, names) for row in rooms.act.approvals(state)]
    return Listed[ApprovalShape].model_validate(page(items, limit, after))


@router.post("/approvals/{approval_id}/decide")
def decide(sender: Sender, approval_id: str, body: DecisionBody) -> ApprovalShape:
    """Decide about a proposal; whoever made it may not."""

    def run(tx: Any) -> dict[str, Any]:
        return sender.rooms.act.decide(
            tx, approval_id, sender.subject, body.decision, edit=body.edit, reason=body.reason, version=body.version
        )

    row = sender.do("approvals.decide", f"approval:{approval_id}", body.model_dump(), run)
    return ApprovalShape.model_validate(_approval(row, sender.rooms.guard.names()))


@router.get("/tower")
def tower(rooms: House, subject: Reader, limit: Limit = 100) -> Listed[TowerShape]:
    """List what was done by whom or what, newest first."""
    names = rooms.guard.names()
    items = [{**row, "at": moment(row["at"]), "actor": called(row["actor"], names)} for row in rooms.act.tower(limit)]
    return Listed[TowerShape].model_validate({"items": seen(rooms, subject, items)})


def _case(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "opened": moment(row["opened"]), "closed": moment(row["closed"])}


def _task(row: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    times = {name: moment(row[name]) for name in ("opened", "closed")}
    return {**row, **times, "actor": called(row["actor"], names)}


def _approval(row: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    times = {name: moment(row[name]) for name in ("decided", "expires", "created")}
    people = {name: called(row[name], names) for name in ("proposed_by", "decided_by")}
    return {**row, **times, **people, "proposed_by_id": row["proposed_by"]}
