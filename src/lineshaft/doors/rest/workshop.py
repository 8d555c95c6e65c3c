"""The workshop: technicians, maintenance plans with calendar and forecast, work instructions, codes, figures."""

from __future__ import annotations

import csv
import io
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from lineshaft.core import InvalidInput, NotFound
from lineshaft.doors.rest.frame.asking import House, Reader, Sender, seen
from lineshaft.doors.rest.frame.names import called
from lineshaft.doors.rest.frame.shape import (
    AssetPath,
    Body,
    Id,
    Listed,
    MaybeMoment,
    MaybeName,
    Moment,
    SeenVersion,
    Shape,
    Version,
    moment,
)
from lineshaft.doors.rest.workorders import between
from lineshaft.maintain import rows_of_csv, steps_of_table

router = APIRouter(tags=["maintain"])
Anything = dict[str, Any]
WHOLE = "the whole plant"
"""What figures over all assets are about: nobody with a part of the plant reaches it."""
Start = Annotated[str | None, Query(examples=["2026-11-01T00:00:00Z"])]
End = Annotated[str | None, Query(examples=["2026-12-01T00:00:00Z"])]


class TechnicianShape(Shape):
    """Somebody of the workshop, with their load."""

    id: Id
    login: Annotated[str, Field(examples=["anna"])]
    name: Annotated[str, Field(examples=["Anna Berg"])]
    skills: Annotated[dict[str, int], Field(examples=[{"mechanical": 4}])]
    line: Annotated[str, Field(examples=["Bakery/Line 1"], description="Whose production calendar the shifts are from.")]
    shifts: Annotated[list[str], Field(examples=[["Early"]])]
    hours_per_week: Annotated[float, Field(examples=[38.5])]
    hourly_cost: Annotated[float | None, Field(examples=[48.0])] = None
    active: Annotated[bool, Field(examples=[True])]
    on_shift: Annotated[bool | None, Field(examples=[True], description="null where no shifts are known")] = None
    open: Annotated[int, Field(examples=[3])]
    unestimated: Annotated[int, Field(examples=[1], description="Orders without an estimate; each counts 2 h.")]
    hours: Annotated[float, Field(examples=[7.5])]
    share: Annotated[float, Field(examples=[0.19], description="Hours of open orders by hours a week.")]
    version: Version


class TechnicianBody(Body):
    """A technician's card."""

    login: Annotated[str, Field(min_length=1, max_length=100, examples=["anna"])]
    name: Annotated[str, Field(max_length=200, examples=["Anna Berg"])] = ""
    skills: Annotated[dict[str, int], Field(examples=[{"mechanical": 4}])] = Field(default_factory=dict[str, int])
    line: Annotated[str, Field(examples=["Bakery/Line 1"])] = ""
    shifts: Annotated[list[str], Field(examples=[["Early"]])] = Field(default_factory=list[str])
    hours_per_week: Annotated[float, Field(gt=0, le=168, examples=[38.5])] = 38.5
    hourly_cost: Annotated[float | None, Field(ge=0, le=10_000, examples=[48.0])] = None
    active: Annotated[bool, Field(examples=[True])] = True
    version: SeenVersion = None


class Came(Shape):
    """A due date that came, and what became of it: in_time, late, missed, overdue, open."""

    due: Moment
    order_id: Annotated[str | None, Field(examples=[None])]
    number: Annotated[str | None, Field(examples=["WO-000009"])]
    outcome: Annotated[str, Field(examples=["in_time"])]


class PlanShape(Shape):
    """A maintenance plan: by time, meter or condition."""

    id: Id
    name: Annotated[str, Field(examples=["Grease the pump"])]
    asset: AssetPath
    title: Annotated[str, Field(examples=["Grease the coolant pump's bearings"])]
    kind: Annotated[str, Field(examples=["preventive"])]
    trigger: Annotated[Anything, Field(examples=[{"every": "30d", "from": "2026-01-05T05:00:00Z"}])]
    trigger_kind: Annotated[str, Field(examples=["time"])]
    lead: Annotated[str, Field(examples=["7d"])]
    grace: Annotated[str, Field(examples=["1d"])]
    priority: Annotated[int, Field(examples=[4])]
    hours: Annotated[float | None, Field(examples=[1.5], description="Its own, else those of its instruction.")]
    own_hours: Annotated[float | None, Field(examples=[1.5])]
    checklist: Annotated[list[Anything], Field(examples=[[{"text": "Grease both nipples", "kind": "check"}]])]
    permits: Annotated[list[Anything], Field(examples=[[{"text": "Main switch Q1", "points": ["Q1 off"]}]])]
    skills: Annotated[dict[str, int], Field(examples=[{"mechanical": 2}])]
    parts: Annotated[list[Anything], Field(examples=[[{"part": "BRG-6205", "quantity": 2}]])]
    instruction: Annotated[str, Field(examples=["grease-bearings"])]
    next_due: MaybeMoment
    next_known: Annotated[str, Field(examples=["date"], description="date, counted (a meter's pace) or condition (unknown)")]
    used: Annotated[float | None, Field(examples=[1200.0])] = None
    paused: Annotated[bool, Field(examples=[False])]
    occurrences: list[Came]
    version: Version


class PlanBody(Body):
    """A plan to add or change (by name)."""

    plan: Annotated[
        Anything,
        Field(examples=[{"name": "Grease the pump", "asset": "Bakery/Line 1/Oven", "trigger": {"every": "30d"}, "hours": 1.5}]),
    ]
    version: SeenVersion = None


class PauseBody(Body):
    """Let a plan rest, or go on."""

    paused: Annotated[bool, Field(examples=[True])]
    version: SeenVersion = None


class DateShape(Shape):
    """A date of the calendar: made, missed or foreseen."""

    plan: Annotated[str, Field(examples=["Grease the pump"])]
    asset: AssetPath
    title: Annotated[str, Field(examples=["Grease the coolant pump's bearings"])]
    due: Moment
    hours: Annotated[float | None, Field(examples=[1.5])]
    parts: Annotated[list[Anything], Field(examples=[[{"part": "BRG-6205", "quantity": 2}]])]
    order_id: Annotated[str | None, Field(examples=[None])]
    number: Annotated[str | None, Field(examples=[None])]
    outcome: Annotated[str, Field(examples=["foreseen"])]


class MonthShape(Shape):
    """What a month will ask for."""

    month: Annotated[str, Field(examples=["2026-12"])]
    orders: Annotated[int, Field(examples=[4])]
    hours: Annotated[float, Field(examples=[6.0])]
    unestimated: Annotated[int, Field(examples=[0])]
    parts: Annotated[dict[str, float], Field(examples=[{"BRG-6205": 2}])]
    capacity_hours: Annotated[float, Field(examples=[333.7])]


class PartDemand(Shape):
    """What the plans will need of a part, and when it runs short."""

    part: Annotated[str, Field(examples=["BRG-6205"])]
    name: Annotated[str, Field(examples=["Deep groove ball bearing 6205"])]
    quantity: Annotated[float, Field(examples=[8.0])]
    available: Annotated[float | None, Field(examples=[4.0])]
    short_on: MaybeMoment
    order_by: MaybeMoment


class ForecastShape(Shape):
    """Hours and parts the plans will ask for."""

    months: list[MonthShape]
    parts: list[PartDemand]
    unforeseen: Annotated[list[str], Field(examples=[["Look at the pump"]], description="Plans by condition.")]


class InstructionShape(Shape):
    """A version of a work instruction."""

    id: Id
    name: Annotated[str, Field(examples=["change-bearing"])]
    number: Annotated[int, Field(examples=[2])]
    title: Annotated[str, Field(examples=["Change the pump's bearing"])]
    content: Annotated[Anything, Field(examples=[{"steps": [{"text": "Pull the bearing", "kind": "check"}]}])]
    at: Moment
    by: MaybeName
    versions: Annotated[list[Anything], Field(examples=[[{"number": 1}]])] = Field(default_factory=list[Anything])


class InstructionBody(Body):
    """A work instruction; steps may come as a table (the rows of a CSV)."""

    name: Annotated[str, Field(min_length=1, max_length=120, examples=["change-bearing"])]
    content: Annotated[Anything, Field(examples=[{"title": "Change the bearing", "steps": [{"text": "Pull it"}]}])]
    table: Annotated[str, Field(max_length=200_000, examples=[""], description="CSV with text,kind,lower,upper,unit ...")] = ""


class CodesBody(Body):
    """Codes to add, change or retire: as rows, or as CSV."""

    codes: Annotated[list[Anything], Field(max_length=5000, examples=[[{"list": "cause", "code": "WATER", "text": "water"}]])] = (
        Field(default_factory=list[Anything])
    )
    csv: Annotated[str, Field(max_length=500_000, examples=["list,code,text\ncause,WATER,water in the oil"])] = ""


class CodesShape(Shape):
    """The closing codes in force: list -> code -> text."""

    lists: Annotated[dict[str, dict[str, str]], Field(examples=[{"cause": {"AGE": "expected wear at this age"}}])]


class FiguresShape(Shape):
    """The figures of maintenance; null where a figure is not defined, with why."""

    start: Moment
    end: Moment
    asset: Annotated[str | None, Field(examples=[None])]
    mttr: Annotated[Anything, Field(examples=[{"value_s": 7200.0, "active_s": 5400.0, "waiting_s": 1800.0, "orders": 3}])]
    mtbf: Annotated[Anything, Field(examples=[{"value_s": None, "failures": 0, "why": "no failure in this time"}])]
    pm_compliance: Annotated[Anything, Field(examples=[{"value": 0.9, "in_time": 9, "late": 1, "missed": 0}])]
    backlog: Annotated[Anything, Field(examples=[{"orders": 4, "hours": 6.5, "weeks": 0.2, "unestimated": 1}])]
    planned_share: Annotated[Anything, Field(examples=[{"value": 0.7, "planned": 7, "orders": 10}])]
    first_time_fix: Annotated[Anything, Field(examples=[{"value": 0.8, "fixed": 4, "orders": 5}])]
    stock_outs: Annotated[Anything, Field(examples=[{"value": 1, "events": [], "out_now": ["SEAL-32"]}])]
    late: Annotated[Anything, Field(examples=[{"value": 1, "orders": ["WO-000004"], "open": 4}])]


@router.get("/technicians")
def technicians(rooms: House, subject: Reader) -> Listed[TechnicianShape]:
    """List the technicians with skills, shifts and load; what an hour costs is shown to those who plan."""
    hidden = {} if rooms.guard.may(subject, "maintenance.technician") else {"hourly_cost": None}
    return Listed[TechnicianShape].model_validate({"items": [{**one, **hidden} for one in rooms.workshop.people()]})


@router.post("/technicians")
def put_technician(sender: Sender, body: TechnicianBody) -> TechnicianShape:
    """Add a technician or change their card."""
    shop, card = sender.rooms.workshop, body.model_dump(exclude={"login", "version"})
    card["name"] = body.name or body.login
    sender.do(
        "maintenance.technician",
        f"technician:{body.login}",
        body.model_dump(),
        lambda tx: shop.technicians.put(tx, body.login, card, body.version),
    )
    return TechnicianShape.model_validate(next(one for one in shop.people() if one["login"] == body.login))


@router.get("/plans")
def plans(rooms: House, subject: Reader) -> Listed[PlanShape]:
    """List the plans with when each is due next and what came of it."""
    rows = seen(rooms, subject, rooms.workshop.plan_list())
    return Listed[PlanShape].model_validate({"items": [_plan(row) for row in rows]})


@router.post("/plans")
def put_plan(sender: Sender, body: PlanBody) -> PlanShape:
    """Add a plan, or change the one of this name."""
    shop = sender.rooms.workshop
    asset = sender.rooms.assets.asset(str(body.plan.get("asset") or "")).path
    values = {**body.plan, "asset": asset}
    name = str(body.plan.get("name") or "")
    sender.do("maintenance.plan", f"plan:{name}", body.model_dump(), lambda tx: shop.plans.put(tx, values, body.version), asset)
    return PlanShape.model_validate(_plan(shop.plan(name)))


@router.post("/plans/{name}/pause")
def pause(sender: Sender, name: str, body: PauseBody) -> PlanShape:
    """Let a plan rest, or go on; dates that pass while it rests are not missed."""
    shop = sender.rooms.workshop
    asset = ""
    with suppress(NotFound):
        asset = str(shop.plans.get(name)["asset"])
    sender.do(
        "maintenance.plan",
        f"plan:{name}",
        body.model_dump(),
        lambda tx: shop.plans.pause(tx, name, body.paused, body.version),
        asset,
    )
    return PlanShape.model_validate(_plan(shop.plan(name)))


@router.get("/maintenance/calendar")
def calendar(rooms: House, subject: Reader, start: Start = None, end: End = None) -> Listed[DateShape]:
    """List what was and will be due, by date; the next 90 days unless a time is given."""
    low, high = between(start, end, 90, ahead=True)
    rows = seen(rooms, subject, rooms.workshop.calendar(low, high))
    return Listed[DateShape].model_validate({"items": [{**row, "due": moment(row["due"])} for row in rows[:5000]]})


@router.get("/maintenance/forecast")
def forecast(rooms: House, subject: Reader, months: Annotated[int, Query(ge=1, le=36, examples=[12])] = 12) -> ForecastShape:
    """Show the hours and parts the plans will ask for, month by month."""
    rooms.guard.gate(subject, "read", WHOLE)
    found = rooms.workshop.forecast(months)
    parts = [{**one, **{name: moment(one[name]) for name in ("short_on", "order_by")}} for one in found["parts"]]
    return ForecastShape.model_validate({**found, "parts": parts})


@router.get("/maintenance/figures")
def figures(
    rooms: House,
    subject: Reader,
    start: Start = None,
    end: End = None,
    asset: Annotated[str | None, Query(examples=["Bakery/Line 1"])] = None,
) -> FiguresShape:
    """Show the figures of maintenance over a time, the last 90 days unless one is given; of an asset with all below it."""
    low, high = between(start, end, 90)
    path = rooms.assets.asset(asset).path if asset else None
    rooms.guard.gate(subject, "read", path or WHOLE)
    found = rooms.workshop.figures(low, high, path)
    outs = found["stock_outs"]
    outs["events"] = [{**one, "at": moment(one["at"])} for one in outs["events"]]
    return FiguresShape.model_validate({**found, "start": moment(low), "end": moment(high), "asset": path})


@router.get("/instructions")
def instructions(rooms: House, _subject: Reader) -> Listed[InstructionShape]:
    """List the newest version of every work instruction."""
    names = rooms.guard.names()
    rows = [_instruction(row, names) for row in rooms.workshop.instructions.list()]
    return Listed[InstructionShape].model_validate({"items": rows})


@router.get("/instructions/{name}")
def instruction(
    rooms: House, _subject: Reader, name: str, number: Annotated[int | None, Query(ge=1, examples=[2])] = None
) -> InstructionShape:
    """Show a version of a work instruction, the newest unless one is given, and which versions there are."""
    book, names = rooms.workshop.instructions, rooms.guard.names()
    versions = [{**one, "at": moment(one["at"]), "by": called(one["by"], names)} for one in book.versions(name)]
    return InstructionShape.model_validate({**_instruction(book.get(name, number), names), "versions": versions})


@router.post("/instructions")
def put_instruction(sender: Sender, body: InstructionBody) -> InstructionShape:
    """Write a work instruction; a new version only where something is different."""
    book = sender.rooms.workshop.instructions
    content = dict(body.content)
    if body.table:
        content["steps"] = steps_of_table(_csv(body.table))
    row = sender.do(
        "maintenance.instruction",
        f"instruction:{body.name}",
        body.model_dump(),
        lambda tx: book.put(tx, body.name, content, sender.subject),
    )
    return InstructionShape.model_validate(_instruction(row, sender.rooms.guard.names()))


@router.get("/codes")
def codes(rooms: House, _subject: Reader) -> CodesShape:
    """Show the closing codes in force."""
    return CodesShape(lists=rooms.workshop.codes.lists())


@router.post("/codes")
def put_codes(sender: Sender, body: CodesBody) -> CodesShape:
    """Import closing codes, as rows or as CSV (list,code,text[,retired])."""
    book = sender.rooms.workshop.codes
    rows = [*body.codes, *(rows_of_csv(body.csv) if body.csv else [])]
    if not rows:
        raise InvalidInput("there are no codes in it", code="codes.file")

    def take(tx: Any) -> dict[str, Any]:
        return {"taken": book.take(tx, rows)}

    sender.do("maintenance.codes", "codes", body.model_dump(), take)
    return CodesShape(lists=book.lists())


def _csv(text: str) -> list[dict[str, Any]]:
    lines = text.lstrip("\ufeff").splitlines()
    delimiter = ";" if lines and lines[0].count(";") > lines[0].count(",") else ","
    return [dict(row) for row in csv.DictReader(io.StringIO("\n".join(lines)), delimiter=delimiter)]


def _plan(row: dict[str, Any]) -> dict[str, Any]:
    came = [{**one, "due": moment(one["due"])} for one in row["occurrences"]]
    return {**row, "next_due": moment(row["next_due"]), "occurrences": came}


def _instruction(row: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    return {**row, "at": moment(row["at"]), "by": called(row["by"], names)}
