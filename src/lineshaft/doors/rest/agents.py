"""Agents: who there is, what each may touch and use, the switch that stops one or all, their work and how people judged it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from lineshaft.core import iso, parse_duration, parse_time
from lineshaft.doors.rest.frame.asking import House, Reader, Sender
from lineshaft.doors.rest.frame.names import called
from lineshaft.doors.rest.frame.paging import After, Limit, page, page_of, spot
from lineshaft.doors.rest.frame.shape import (
    Body,
    Id,
    Listed,
    MaybeMoment,
    Moment,
    Note,
    SeenVersion,
    Shape,
    Version,
    moment,
)
from lineshaft.guard import Subject

router = APIRouter(tags=["agents"])
Name = Annotated[str, Field(min_length=1, max_length=60, examples=["buyer"])]
Job = Annotated[str, Field(examples=["purchaser"], description="What it does here, or `outside` for somebody else's program.")]
Limited = Annotated[float | None, Field(ge=0, examples=[200], description="A day; null is no limit.")]
Tools = Annotated[list[Annotated[str, Field(max_length=100)]], Field(max_length=100, examples=[["alarms", "plant_*"]])]
RoleName = Annotated[str, Field(examples=["planner"])]
MaybeWhen = Annotated[str | None, Field(examples=["2027-01-01T00:00:00Z"])]
Figures = Annotated[dict[str, float], Field(examples=[{"calls": 12, "tokens": 18400, "money": 0.04, "refused": 0}])]


class AgentShape(Shape):
    """One agent: what it may touch and use, and what it used today."""

    name: Name
    job: Job
    title: Annotated[str, Field(examples=["Purchase proposer"])]
    endpoint: Annotated[str, Field(examples=["local"])]
    model: Annotated[str, Field(examples=["qwen2.5-7b-instruct"])]
    role: RoleName
    scope: Annotated[list[str], Field(examples=[["Bakery/Line 1"]])]
    tools: Tools
    calls_a_day: Limited
    tokens_a_day: Limited
    money_a_day: Limited
    used: Figures
    state: Annotated[str, Field(examples=["active"], description="active, stopped or expired")]
    dry_run: Annotated[bool, Field(examples=[False], description="Its proposals are only looked at.")]
    expires: MaybeMoment
    why: Annotated[str, Field(examples=[""])]
    version: Version


class AgentsShape(Listed[AgentShape]):
    """Every agent, the switch for all of them, and what there is to register."""

    stopped: Annotated[bool, Field(examples=[False], description="All agents are stopped.")]
    stopped_why: Annotated[str, Field(examples=[""])]
    jobs: Annotated[
        list[dict[str, str]], Field(examples=[[{"name": "purchaser", "title": "Purchase proposer", "role": "planner"}]])
    ]
    endpoints: Annotated[list[str], Field(examples=[["local"]], description="Named in settings.toml.")]


class AgentBody(Body):
    """A new agent."""

    name: Name
    job: Job
    title: Annotated[str, Field(max_length=200, examples=["Purchase proposer"])] = ""
    endpoint: Annotated[str, Field(max_length=60, examples=["local"])] = ""
    model: Annotated[str, Field(max_length=200, examples=[""])] = ""
    role: RoleName = ""
    scope: Annotated[list[str], Field(max_length=100, examples=[[]])] = Field(default_factory=list[str])
    tools: Tools = Field(default_factory=lambda: ["*"])
    calls_a_day: Annotated[int | None, Field(ge=0, examples=[500])] = 500
    tokens_a_day: Annotated[int | None, Field(ge=0, examples=[200000])] = 200_000
    money_a_day: Annotated[float | None, Field(ge=0, examples=[5.0])] = None
    dry_run: Annotated[bool, Field(examples=[False])] = False
    expires: MaybeWhen = None


class AgentChange(Body):
    """What is to change; what is not named stays."""

    title: Annotated[str | None, Field(max_length=200, examples=[None])] = None
    endpoint: Annotated[str | None, Field(max_length=60, examples=[None])] = None
    model: Annotated[str | None, Field(max_length=200, examples=[None])] = None
    role: Annotated[str | None, Field(examples=[None])] = None
    scope: Annotated[list[str] | None, Field(max_length=100, examples=[None])] = None
    tools: Annotated[list[str] | None, Field(max_length=100, examples=[None])] = None
    calls_a_day: Annotated[int | None, Field(ge=0, examples=[100])] = None
    tokens_a_day: Annotated[int | None, Field(ge=0, examples=[None])] = None
    money_a_day: Annotated[float | None, Field(ge=0, examples=[None])] = None
    dry_run: Annotated[bool | None, Field(examples=[None])] = None
    expires: MaybeWhen = None
    version: SeenVersion = None


class SwitchBody(Body):
    """Why."""

    why: Annotated[str, Field(max_length=300, examples=["it proposes nonsense"])] = ""


class SwitchDone(Shape):
    """What is stopped or goes on now."""

    name: Annotated[str, Field(examples=["buyer"], description="`*` for all")]
    state: Annotated[str, Field(examples=["stopped"])]


class AgentToken(Shape):
    """A key for an agent from outside; its secret is shown this once."""

    id: Id
    secret: Annotated[str | None, Field(examples=["lst_..."])]


class TrustShape(Shape):
    """A task an agent may come to do alone, and the agreement so far."""

    process: Annotated[str, Field(examples=["maintenance"])]
    task: Annotated[str, Field(examples=["replenish"])]
    state: Annotated[str, Field(examples=["earning"], description="earning or delegated")]
    level: Annotated[float, Field(examples=[0.95])]
    confidence: Annotated[float, Field(examples=[0.95])]
    least: Annotated[int, Field(examples=[50])]
    check_every: Annotated[int, Field(examples=[10])]
    agreed: Annotated[int, Field(examples=[19])]
    count: Annotated[int, Field(examples=[20])]
    lower: Annotated[float, Field(examples=[0.764], description="Lower end of Wilson's interval.")]
    since: Moment
    why: Annotated[str, Field(examples=["set by hand"])]


class TrustBody(Body):
    """From which agreement an agent may do a task alone; `allowed: false` has a person decide always."""

    process: Annotated[str, Field(max_length=80, examples=["maintenance"])]
    task: Annotated[str, Field(max_length=80, examples=["replenish"])]
    allowed: Annotated[bool, Field(examples=[True])] = True
    level: Annotated[float, Field(examples=[0.95])] = 0.95
    confidence: Annotated[float, Field(examples=[0.95])] = 0.95
    least: Annotated[int, Field(examples=[50])] = 50
    age: Annotated[str, Field(examples=["180d"], description="Verdicts older than this do not count.")] = "180d"
    check_every: Annotated[int, Field(examples=[10])] = 10


class TrustDone(Shape):
    """Done."""

    process: str
    task: str
    allowed: bool


class AskBody(Body):
    """A piece of work for an agent, outside of any case."""

    wanted: Annotated[str, Field(min_length=2, max_length=2000, examples=["Write the report of this shift."])]
    asset: Annotated[str, Field(max_length=500, examples=["Bakery/Line 1"])] = ""
    hours: Annotated[float, Field(gt=0, le=744, examples=[8])] = 8


class RunShape(Shape):
    """One piece of work of one agent."""

    id: Id
    agent: Name
    job: Job
    case_id: Annotated[str | None, Field(examples=[None])]
    process: Annotated[str, Field(examples=["maintenance"])]
    task: Annotated[str, Field(examples=["replenish"])]
    asset: Annotated[str, Field(examples=["Bakery/Line 1/Cooler/Coolant pump"])]
    state: Annotated[str, Field(examples=["done"], description="queued, running, done, fell (to a person) or stopped")]
    dry_run: Annotated[bool, Field(examples=[False])]
    alone: Annotated[bool, Field(examples=[False], description="Carried out without asking: trust was earned.")]
    why: Annotated[str, Field(examples=[""])]
    asked_by: Annotated[str | None, Field(examples=["rule:maintenance"])]
    opened: Moment
    closed: MaybeMoment
    tokens: Annotated[int, Field(examples=[1840])]
    money: Annotated[float, Field(examples=[0.004])]
    output: Annotated[dict[str, Any], Field(examples=[{"quantity": 6, "reason": "two a month"}])]
    diff: Annotated[list[dict[str, Any]], Field(examples=[[{"field": "quantity", "before": 4, "after": 6}]])]


class CallShape(Shape):
    """One question to a model, or one use of a tool."""

    id: Id
    agent: Name
    run_id: Annotated[str | None, Field(examples=[None])]
    case_id: Annotated[str | None, Field(examples=[None])] = None
    kind: Annotated[Literal["model", "tool"], Field(examples=["tool"])]
    name: Annotated[str, Field(examples=["alarms"])]
    state: Annotated[str, Field(examples=["ok"], description="started, ok, failed or refused")]
    why: Annotated[str, Field(examples=[""])]
    at: Moment
    seconds: Annotated[float | None, Field(examples=[0.4])]
    tokens_in: Annotated[int, Field(examples=[1200])]
    tokens_out: Annotated[int, Field(examples=[240])]
    money: Annotated[float, Field(examples=[0.002])]
    arguments: Annotated[dict[str, Any] | None, Field(examples=[{"asset": "Bakery/Line 1/Oven"}])]
    answer: Annotated[Any, Field(examples=[None], description="Not shown to those who see a part of the plant only.")] = None


class ObjectionDone(Shape):
    """What the objection changed."""

    changed: Annotated[str, Field(examples=["fallen back"])]


@router.get("/agents")
def agents(rooms: House, subject: Reader, limit: Limit = 100, after: After = None) -> AgentsShape:
    """List the agents, with what they used today, and whether all are stopped."""
    del subject
    staff, register = rooms.act.staff, rooms.act.agency.register
    switch = register.all_stopped()
    jobs = [{"name": one.name, "title": one.title, "role": one.role} for one in staff.trades.values()]
    more = {"stopped": switch["stopped"], "stopped_why": switch["why"], "jobs": jobs, "endpoints": list(staff.settings.endpoints)}
    items = [_agent(rooms, row) for row in register.list()]
    return AgentsShape.model_validate({**page(items, limit, after), **more})


@router.post("/agents", status_code=201)
def hire(sender: Sender, body: AgentBody) -> AgentShape:
    """Register an agent."""
    said = body.model_dump()

    def run(tx: Any) -> dict[str, Any]:
        values = {name: value for name, value in said.items() if name not in {"name", "job"}}
        values["expires"] = parse_time(body.expires) if body.expires else None
        return sender.rooms.act.agency.register.hire(tx, body.name, body.job, sender.subject, **values)

    made = sender.do("agents.edit", f"agent:{body.name}", said, run)
    return AgentShape.model_validate(_agent(sender.rooms, made))


@router.patch("/agents/{name}")
def change(sender: Sender, name: str, body: AgentChange) -> AgentShape:
    """Change what an agent may touch and use."""
    said = body.model_dump(exclude_unset=True)
    values = {key: value for key, value in said.items() if key != "version"}
    if body.expires:
        values["expires"] = parse_time(body.expires)

    def run(tx: Any) -> dict[str, Any]:
        return sender.rooms.act.agency.register.change(tx, name, sender.subject, body.version, **values)

    return AgentShape.model_validate(_agent(sender.rooms, sender.do("agents.edit", f"agent:{name}", said, run)))


@router.post("/agents/stop")
def stop_all(sender: Sender, body: SwitchBody) -> SwitchDone:
    """Stop every agent at once: what they are doing is cut off, nothing of theirs is committed after this."""
    return _switch(sender, "*", "stopped", body.why)


@router.post("/agents/resume")
def resume_all(sender: Sender) -> SwitchDone:
    """Let the agents go on; one that was stopped alone stays stopped."""
    return _switch(sender, "*", "active", "")


@router.post("/agents/{name}/stop")
def stop(sender: Sender, name: str, body: SwitchBody) -> SwitchDone:
    """Stop one agent: what it is doing is cut off, nothing of it is committed after this."""
    return _switch(sender, name, "stopped", body.why)


@router.post("/agents/{name}/resume")
def resume(sender: Sender, name: str) -> SwitchDone:
    """Let a stopped agent go on."""
    return _switch(sender, name, "active", "")


@router.post("/agents/{name}/token", status_code=201)
def token(sender: Sender, name: str) -> AgentToken:
    """Make a key for an agent from outside; whoever carries it is that agent."""

    def run(tx: Any) -> dict[str, Any]:
        made, secret = sender.rooms.act.agency.register.token(tx, name, sender.subject)
        return {"id": made, "secret": secret}

    return AgentToken.model_validate(sender.do("agents.token", f"agent:{name}", {}, run))


@router.get("/agents/{name}/trust")
def trust(rooms: House, subject: Reader, name: str) -> Listed[TrustShape]:
    """List the tasks an agent may come to do alone, with the agreement so far."""
    del subject
    rooms.act.agency.register.get(name)
    items = [{**row, "since": moment(row["since"])} for row in rooms.act.agency.trust.list(name)]
    return Listed[TrustShape].model_validate({"items": items, "next": None})


@router.post("/agents/{name}/trust")
def allow(sender: Sender, name: str, body: TrustBody) -> TrustDone:
    """Say from which agreement an agent may do a task alone, or that a person decides always."""

    def run(tx: Any) -> dict[str, Any]:
        agency = sender.rooms.act.agency
        agency.register.get(name, tx)
        if body.allowed:
            values = body.model_dump(include={"level", "confidence", "least", "check_every"})
            agency.trust.allow(tx, name, body.process, body.task, age_ns=parse_duration(body.age), **values)
        else:
            agency.trust.forbid(tx, name, body.process, body.task)
        return {"process": body.process, "task": body.task, "allowed": body.allowed}

    return TrustDone.model_validate(sender.do("agents.edit", f"agent:{name}", body.model_dump(), run))


@router.post("/agents/{name}/ask", status_code=202)
def ask(sender: Sender, name: str, body: AskBody) -> RunShape:
    """Ask an agent for a piece of work; it sees no more than you do. See GET agent-runs/{id} for its answer."""
    rooms = sender.rooms
    place = rooms.assets.asset(body.asset).path if body.asset else ""

    def run(tx: Any) -> dict[str, Any]:
        said = {"asset": place, "hours": body.hours}
        return {"id": rooms.act.staff.ask(tx, name, sender.subject, body.wanted, **said)["id"]}

    made = sender.do("agents.ask", f"agent:{name}", body.model_dump(), run, place)
    return RunShape.model_validate(_run(rooms.act.staff.runs.get(made["id"]), rooms.guard.names()))


@router.get("/agent-runs")
def runs(
    rooms: House,
    subject: Reader,
    limit: Limit = 100,
    after: After = None,
    agent: Annotated[str | None, Query(examples=["buyer"])] = None,
    case_id: Annotated[str | None, Query(examples=["7d1c9a52-6c1e-4f0e-9d53-9a7f0a3f6d11"])] = None,
    state: Annotated[str | None, Query(examples=["fell"])] = None,
) -> Listed[RunShape]:
    """List what agents worked at, newest first."""
    begin, names = spot(after), rooms.guard.names()
    which = {"agent": agent, "case_id": case_id, "state": state}
    cut = page_of(rooms.act.staff.runs.list(**which, limit=limit + begin.more, before=begin.before), limit, "opened", begin)
    items = [_run(row, names) for row in cut["items"] if _sees(subject, row)]
    return Listed[RunShape].model_validate({"items": items, "next": cut["next"]})


@router.get("/agent-runs/{run_id}")
def run_of(rooms: House, subject: Reader, run_id: str) -> RunShape:
    """Show one piece of work of an agent."""
    row = rooms.act.staff.runs.get(run_id)
    rooms.guard.gate(subject, "read", row["asset"])
    return RunShape.model_validate(_run(row, rooms.guard.names()))


@router.post("/agent-runs/{run_id}/object")
def object_to(sender: Sender, run_id: str, reason: Annotated[Note, Query()] = "") -> ObjectionDone:
    """Disagree with what an agent did alone: its trust falls back."""

    def run(tx: Any) -> dict[str, Any]:
        return {"changed": sender.rooms.act.overseer.object_to(tx, run_id, sender.subject, reason)}

    return ObjectionDone.model_validate(sender.do("agents.judge", f"agent-run:{run_id}", {"reason": reason}, run))


@router.get("/agent-calls")
def calls(
    rooms: House,
    subject: Reader,
    limit: Limit = 100,
    after: After = None,
    agent: Annotated[str | None, Query(examples=["buyer"])] = None,
    run_id: Annotated[str | None, Query(examples=["7d1c9a52-6c1e-4f0e-9d53-9a7f0a3f6d11"])] = None,
    case_id: Annotated[str | None, Query(examples=["7d1c9a52-6c1e-4f0e-9d53-9a7f0a3f6d11"])] = None,
) -> Listed[CallShape]:
    """List every question to a model and every use of a tool, newest first."""
    which = {"agent": agent, "run_id": run_id, "case_id": case_id}
    begin = spot(after)
    cut = page_of(rooms.act.agency.journal.list(**which, limit=limit + begin.more, before=begin.before), limit, "at", begin)
    items = [_call(row, subject) for row in cut["items"] if _sees(subject, row)]
    return Listed[CallShape].model_validate({"items": items, "next": cut["next"]})


class StepShape(Shape):
    """One step of a case: what was done, by whom or what, what it used, and how the tasks stood after it."""

    number: Annotated[int, Field(examples=[1])]
    at: Moment
    kind: Annotated[str, Field(examples=["line"], description="line (of the control tower) or call (of an agent)")]
    actor: Annotated[str | None, Field(examples=["rule:triage"])]
    actor_kind: Annotated[str, Field(examples=["rule"])]
    mode: Annotated[str, Field(examples=["automation"])]
    task: Annotated[str, Field(examples=["triage"])]
    what: Annotated[str, Field(examples=["Judge how urgent it is"])]
    outcome: Annotated[str, Field(examples=["done; priority: 1"])]
    tokens: Annotated[int, Field(examples=[0])]
    money: Annotated[float, Field(examples=[0.0])]
    tasks: Annotated[dict[str, str], Field(examples=[{"triage": "done", "repair": "open"}])]


@router.get("/cases/{case_id}/replay")
def replay(rooms: House, subject: Reader, case_id: str) -> Listed[StepShape]:
    """Show a case step by step, the oldest first."""
    case = rooms.act.case(case_id)
    rooms.guard.gate(subject, "read", case["asset"] or "")
    names = rooms.guard.names()
    items = [{**step, "at": iso(step["at"]), "actor": called(step["actor"], names)} for step in rooms.act.replay(case_id)]
    return Listed[StepShape].model_validate({"items": items, "next": None})


def _switch(sender: Sender, name: str, state: str, why: str) -> SwitchDone:
    overseer = sender.rooms.act.overseer

    def run(tx: Any) -> dict[str, Any]:
        if state == "stopped":
            overseer.stop(tx, name, sender.subject, why)
        else:
            overseer.resume(tx, name, sender.subject)
        return {"name": name, "state": state}

    return SwitchDone.model_validate(sender.do("agents.stop", f"agent:{name}", {"state": state, "why": why}, run))


def _agent(rooms: Any, row: dict[str, Any]) -> dict[str, Any]:
    stopped = rooms.act.agency.register.is_stopped(row["name"])
    late = row["expires"] is not None and row["state"] == "active" and stopped
    state = "expired" if late and not rooms.act.agency.register.all_stopped()["stopped"] else row["state"]
    used = rooms.act.agency.budget.used(row["name"])
    return {**row, "used": used, "state": state, "expires": moment(row["expires"])}


def _run(row: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    times = {name: moment(row[name]) for name in ("opened", "closed")}
    return {**row, **times, "asked_by": called(row["asked_by"], names)}


def _call(row: dict[str, Any], subject: Subject) -> dict[str, Any]:
    all_of_it = not subject.scope and not subject.veil
    took = None if row["took_ns"] is None else round(row["took_ns"] / 1e9, 3)
    shown = {"answer": row["answer"] if all_of_it else None, "arguments": row["arguments"] if all_of_it else None}
    return {**row, **shown, "at": iso(row["at"]), "seconds": took}


def _sees(subject: Subject, row: dict[str, Any]) -> bool:
    return not subject.scope or (bool(row.get("asset")) and subject.reaches(str(row["asset"])))
