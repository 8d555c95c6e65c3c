"""ETL jobs and their runs: what is scheduled, what came of it, run now, cancel."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from lineshaft.core import now_ns
from lineshaft.doors.rest.frame.asking import House, Known, Sender
from lineshaft.doors.rest.frame.names import called
from lineshaft.doors.rest.frame.paging import After, Limit, page_of, spot
from lineshaft.doors.rest.frame.shape import Id, Listed, MaybeMoment, Moment, Shape, moment
from lineshaft.store import Job, Run

router = APIRouter(prefix="/etl", tags=["store"])
JobName = Annotated[str, Field(examples=["energy-by-shift"])]
TableList = Annotated[list[str], Field(examples=[["energy_by_shift"]])]


class RunShape(Shape):
    """One run: why, as whom, how far, what came of it."""

    id: Id
    job: JobName
    job_version: Annotated[str, Field(examples=["4f1c09aa72d1"], description="Hash of the job's text and Python files.")]
    state: Annotated[str, Field(examples=["done"], description="waiting, running, done, failed or cancelled")]
    why: Annotated[str, Field(examples=["due"], description="due or asked")]
    by: Annotated[str | None, Field(examples=["Anna Berg"])]
    until: Moment
    started: Moment
    ended: MaybeMoment
    attempt: Annotated[int, Field(examples=[1])]
    step: Annotated[str, Field(examples=[""])]
    steps_done: Annotated[int, Field(examples=[2])]
    steps: Annotated[int, Field(examples=[2])]
    rows: Annotated[int, Field(examples=[144])]
    error: Annotated[str, Field(examples=[""])]
    reads: TableList
    writes: TableList


class StepShape(Shape):
    """One step of a job."""

    name: Annotated[str, Field(examples=["sum"])]
    kind: Annotated[str, Field(examples=["sql"], description="sql or python")]
    text: Annotated[str, Field(examples=["SELECT asset, sum(value) AS kwh FROM samples GROUP BY 1"])]
    table: Annotated[str, Field(examples=["energy_by_shift"])]
    mode: Annotated[str, Field(examples=["upsert"])]


class JobShape(Shape):
    """A job as its file is now, with its last run."""

    job: JobName
    description: Annotated[str, Field(examples=["Energy of each shift"])]
    owner: Annotated[str, Field(examples=["user:anna"])]
    schedule: Annotated[str, Field(examples=["every 15m"])]
    next: MaybeMoment
    file: Annotated[str, Field(examples=["etl/energy.yaml"])]
    version: Annotated[str, Field(examples=["4f1c09aa72d1"])]
    steps: list[StepShape]
    last: RunShape | None


class FileTrouble(Shape):
    """What is wrong in a job's file."""

    where: Annotated[str, Field(examples=["etl/energy.yaml:7"])]
    problem: Annotated[str, Field(examples=["tabel: is not known here"])]
    hint: Annotated[str, Field(examples=["did you mean table?"])]


class JobList(Shape):
    """Every job, and what is wrong with the files of others."""

    items: list[JobShape]
    problems: list[FileTrouble]


@router.get("")
def jobs(rooms: House, subject: Known) -> JobList:
    """List the jobs of HOME/etl."""
    rooms.guard.gate(subject, "etl.read", subject.scope[0] if subject.scope else "")
    found, problems = rooms.store.etl.jobs()
    names = rooms.guard.names()
    items = [_job(one, next(iter(rooms.store.etl.runs(one.name, 1)), None), names) for one in found.values()]
    said = [{"where": one.where, "problem": one.what, "hint": one.hint} for one in problems]
    return JobList.model_validate({"items": items, "problems": said})


@router.get("/runs")
def runs(
    rooms: House,
    subject: Known,
    limit: Limit = 100,
    after: After = None,
    job: Annotated[str | None, Query(description="Of one job.", examples=["energy-by-shift"])] = None,
) -> Listed[RunShape]:
    """List runs, newest first."""
    rooms.guard.gate(subject, "etl.read", subject.scope[0] if subject.scope else "")
    names = rooms.guard.names()
    begin = spot(after)
    cut = page_of(rooms.store.etl.runs(job, limit + begin.more, begin.before), limit, "started", begin)
    return Listed[RunShape].model_validate({"items": [_run(one, names) for one in cut["items"]], "next": cut["next"]})


@router.post("/{job}/run")
def run_now(sender: Sender, job: str) -> RunShape:
    """Run a job as soon as those before it have; it runs as its owner, not as the one who asks."""
    etl, subject = sender.rooms.store.etl, sender.subject

    def run(tx: Any) -> dict[str, Any]:
        return _run(etl.ask(tx, job, subject), {subject.id: subject.display})

    place = subject.scope[0] if subject.scope else ""
    return RunShape.model_validate(sender.do("etl.run", f"etl:{job}", {}, run, place))


@router.post("/runs/{run_id}/cancel")
def cancel(sender: Sender, run_id: str) -> RunShape:
    """Stop a run that waits or is under way; what its finished steps wrote stays."""
    etl, subject = sender.rooms.store.etl, sender.subject

    def run(tx: Any) -> dict[str, Any]:
        return _run(etl.cancel(tx, run_id), {})

    place = subject.scope[0] if subject.scope else ""
    return RunShape.model_validate(sender.do("etl.cancel", f"etl-run:{run_id}", {}, run, place))


def _run(one: Run, names: dict[str, str]) -> dict[str, Any]:
    words = ("id", "job", "job_version", "state", "why", "attempt", "step", "steps_done", "steps", "rows", "error")
    times = {name: moment(getattr(one, name)) for name in ("until", "started", "ended")}
    lists = {"reads": list(one.reads), "writes": list(one.writes)}
    return {**{name: getattr(one, name) for name in words}, **times, **lists, "by": called(one.by, names)}


def _job(one: Job, last: Run | None, names: dict[str, str]) -> dict[str, Any]:
    schedule = one.text.schedule
    steps = [
        {
            "name": step.name,
            "kind": "python" if step.python else "sql",
            "text": step.text.python or step.sql,
            "table": step.text.table,
            "mode": step.text.mode,
        }
        for step in one.steps
    ]
    said = {"job": one.name, "description": one.text.description, "owner": one.text.owner, "file": one.file}
    due = moment(schedule.following(now_ns())) if schedule else None
    when = {"schedule": schedule.words() if schedule else "", "next": due, "version": one.version}
    return {**said, **when, "steps": steps, "last": _run(last, names) if last else None}
