"""Processes as a map: the definition drawn, where open cases stand, how long steps take, the figure before and after."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from lineshaft.act import drawn, readiness_of
from lineshaft.core import NotFound, did_you_mean
from lineshaft.doors.rest.act import CaseShape, case_row
from lineshaft.doors.rest.frame.asking import House, Reader, Sender
from lineshaft.doors.rest.frame.shape import Body, Listed, MaybeMoment, Moment, Note, SeenVersion, Shape, moment
from lineshaft.doors.rooms import Rooms

router = APIRouter(tags=["act"])
Name = Annotated[str, Field(examples=["maintenance"])]
Seconds = Annotated[float | None, Field(examples=[412.5])]


class MonthShape(Shape):
    """The figure of one month."""

    start: Moment
    end: Moment
    value: Annotated[float | None, Field(examples=[6.2])]
    cases: Annotated[int, Field(examples=[12])]


class KpiShape(Shape):
    """The figure a process exists for: before, wanted, and now (the last 90 days of its cases)."""

    name: Annotated[str, Field(examples=["mean time to repair"])]
    unit: Annotated[str, Field(examples=["h"])]
    baseline: Annotated[float | None, Field(examples=[9.5], description="What it was before the process.")]
    target: Annotated[float | None, Field(examples=[6])]
    source: Annotated[str, Field(examples=["maintenance report 2025"], description="Where the baseline is from.")] = ""
    measured: Annotated[str, Field(examples=["hours-to:verify"], description="Empty: this node does not measure it.")]
    now: Annotated[float | None, Field(examples=[5.1])]
    cases: Annotated[int, Field(examples=[31], description="Cases that `now` is the mean of.")]
    months: list[MonthShape]


class ProcessShape(Shape):
    """A process in use."""

    process: Name
    version: Annotated[int, Field(examples=[1])]
    title: Annotated[str, Field(examples=["Condition-based maintenance"])]
    owner: Annotated[str, Field(examples=["reliability"])]
    starts: Annotated[list[str], Field(examples=[["alarm", "finding"]], description="What begins a case.")]
    tasks: Annotated[int, Field(examples=[8])]
    open_cases: Annotated[int, Field(examples=[3])]
    kpi: KpiShape | None


class StartShape(Shape):
    """What begins a case."""

    event: Annotated[str, Field(examples=["finding"])]
    when: Annotated[str, Field(examples=["score >= 0.7"])]


class EscalatesShape(Shape):
    """Whom is told when a task stays open."""

    after: Annotated[str, Field(examples=["4h"])]
    to: Annotated[str, Field(examples=["planner"])]


class TimesShape(Shape):
    """How long a task was open, of those done in the last 90 days."""

    count: Annotated[int, Field(examples=[31])]
    median: Seconds
    p90: Seconds


class StandingShape(Shape):
    """An open case that stands at a task."""

    case_id: Annotated[str, Field(examples=["7d1c9a52-6c1e-4f0e-9d53-9a7f0a3f6d11"])]
    number: Annotated[str, Field(examples=["CASE-000007"])]
    asset: Annotated[str, Field(examples=["Bakery/Line 1/Cooler/Coolant pump"])]
    since: Moment
    due: MaybeMoment


class TaskOnMap(Shape):
    """A task of the map: who does it in which mode, after what, and who stands there now."""

    id: Annotated[str, Field(examples=["repair"])]
    title: Annotated[str, Field(examples=["Repair"])]
    does: Annotated[str, Field(examples=["work-order.repair"])]
    when: Annotated[str, Field(examples=[""])]
    role: Annotated[str, Field(examples=["technician"])]
    physical: Annotated[bool, Field(examples=[True])]
    complexity: Annotated[str, Field(examples=["low"])]
    risk: Annotated[str, Field(examples=["high if proposal.cost >= 50 else low"])]
    modes: Annotated[list[str], Field(examples=[["human_assistant"]])]
    takes: Annotated[list[str], Field(examples=[["stock"]])]
    gives: Annotated[str, Field(examples=["repair"])]
    due: Annotated[str | None, Field(examples=["8h"])]
    expires: Annotated[str | None, Field(examples=["7d"])]
    escalates: EscalatesShape | None
    compensation: Annotated[str, Field(examples=[""])]
    blocks: Annotated[bool, Field(examples=[True])]
    column: Annotated[int, Field(examples=[3])]
    row: Annotated[int, Field(examples=[0])]
    after: Annotated[list[str], Field(examples=[["reserve_parts"]])]
    times: TimesShape | None
    standing: list[StandingShape]


class StepBefore(Shape):
    """A step of how it was done before."""

    step: Annotated[str, Field(examples=["The workshop writes a card"])]
    who: Annotated[str, Field(examples=["technician"])] = ""
    takes: Annotated[str | None, Field(examples=["20m"])] = None


class ReadyShape(Shape):
    """A tag the process needs at a place, and whether it is ready."""

    asset: Annotated[str, Field(examples=["Bakery/Line 1/Cooler/Coolant pump"])]
    property: Annotated[str, Field(examples=["Bakery/Line 1/Cooler/Coolant pump/Vibration"])]
    state: Annotated[str, Field(examples=["ready"], description="ready, missing, unbound, silent, stale or bad.")]
    age_s: Seconds


class ProcessMap(ProcessShape):
    """A process with its map, the way it was done before, and the tags it needs."""

    begins: list[StartShape]
    one_open_case_per: Annotated[str, Field(examples=["{asset}/{failure_mode}"])]
    before: list[StepBefore]
    map: list[TaskOnMap]
    readiness: list[ReadyShape]


class AnswerBody(Body):
    """What a person says to a task of theirs."""

    answer: Annotated[str, Field(max_length=100, examples=["standby"])]
    note: Note = ""


class CancelBody(Body):
    """Why a case is given up."""

    reason: Annotated[str, Field(min_length=1, max_length=500, examples=["the pump is taken out"])]
    version: SeenVersion = None


@router.get("/processes")
def processes(rooms: House, subject: Reader) -> Listed[ProcessShape]:
    """List the processes in use with the figure each exists for."""
    opened = rooms.act.figures.open_cases()
    items = [_brief(rooms, name, [one for one in opened.get(name, []) if subject.reaches(one)]) for name in _names(rooms)]
    return Listed[ProcessShape].model_validate({"items": items, "next": None})


@router.get("/processes/{process}")
def process_map(rooms: House, subject: Reader, process: str) -> ProcessMap:
    """Show a process as a map: tasks and branches, modes and roles, open cases, times, the way before, readiness of its tags."""
    known = rooms.act.processes.known
    if process not in known:
        raise NotFound(f"there is no process '{process}'", hint=did_you_mean(process, known), code="cases.process")
    one = known[process]
    standing = [row for row in rooms.act.figures.standing(process) if subject.reaches(row["asset"])]
    times = rooms.act.figures.times(process, rooms.act.figures.last_90_days())
    ready = readiness_of(one, rooms.detect.alarms(active_only=False, kind=None), rooms.assets, rooms.store)
    opened = rooms.act.figures.open_cases().get(process, [])
    brief = _brief(rooms, process, [place for place in opened if subject.reaches(place)])
    steps = [{"step": one.before}] if isinstance(one.before, str) else [step.model_dump() for step in one.before]
    return ProcessMap.model_validate(
        {
            **brief,
            "begins": [{"event": start.event, "when": start.when} for start in one.start],
            "one_open_case_per": one.one_open_case_per,
            "before": [{**step, "takes": str(step["takes"]) if step.get("takes") else None} for step in steps if step["step"]],
            "map": [{**task, "times": times.get(task["id"]), "standing": _at(standing, task["id"])} for task in drawn(one)],
            "readiness": [row for row in ready if subject.reaches(row["property"])],
        }
    )


@router.post("/cases/{case_id}/tasks/{task}/answer")
def answer(sender: Sender, case_id: str, task: str, body: AnswerBody) -> CaseShape:
    """Answer a task that waits for a person, as the answers of its definition allow; the case goes on."""
    found = sender.rooms.act.case(case_id)

    def run(tx: Any) -> dict[str, Any]:
        return sender.rooms.act.answer(tx, found["id"], task, body.model_dump(), sender.subject)

    sender.do("cases.answer", f"case:{found['id']}/{task}", body.model_dump(), run, found["asset"] or "")
    return CaseShape.model_validate(case_row(sender.rooms.act.case(found["id"])))


@router.post("/cases/{case_id}/cancel")
def cancel(sender: Sender, case_id: str, body: CancelBody) -> CaseShape:
    """Give a case up: what waits ends, what was done is taken back where its tasks say how. Held lots stay on hold."""
    found = sender.rooms.act.case(case_id)

    def run(tx: Any) -> dict[str, Any]:
        return sender.rooms.act.cancel(tx, found["id"], sender.subject, body.reason, body.version)

    sender.do("cases.cancel", f"case:{found['id']}", body.model_dump(), run, found["asset"] or "")
    return CaseShape.model_validate(case_row(sender.rooms.act.case(found["id"])))


def _names(rooms: Rooms) -> list[str]:
    return sorted(rooms.act.processes.known)


def _brief(rooms: Rooms, name: str, opened: list[str]) -> dict[str, Any]:
    one = rooms.act.processes.known[name]
    return {
        "process": name,
        "version": one.version,
        "title": one.title or name,
        "owner": one.owner,
        "starts": list(dict.fromkeys(start.event for start in one.start)),
        "tasks": len(one.tasks),
        "open_cases": len(opened),
        "kpi": rooms.act.figures.kpi(name, one.kpi),
    }


def _at(standing: list[dict[str, Any]], task: str) -> list[dict[str, Any]]:
    names = ("case_id", "number", "asset")
    return [
        {**{name: row[name] for name in names}, "since": moment(row["opened"]), "due": moment(row["due"])}
        for row in standing
        if row["task"] == task
    ]
