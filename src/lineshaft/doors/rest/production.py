"""What was being made: production orders, lots with their genealogy, quality results."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from lineshaft.core import NS, now_ns, parse_time
from lineshaft.doors.rest.frame.asking import House, Reader, Sender, seen
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
    Number,
    Shape,
    Version,
    moment,
)
from lineshaft.production import FeedStatus, Figures, Interval, LotEntry, OrderEntry, QualityEntry, Run

router = APIRouter(prefix="/production", tags=["production"])
_DAY_S = 86_400
OrderNumber = Annotated[str, Field(examples=["PO-4711"])]
Line = Annotated[str, Query(description="Path of the line.", examples=["Bakery/Line 1"])]
LotNumber = Annotated[str, Field(examples=["FLOUR-0815"])]


class OrderLine(Shape):
    """One line of an order: how much of what, until when, and what was delivered."""

    line: Annotated[int, Field(examples=[1])]
    product: Annotated[str, Field(examples=["COOKIE-200"])]
    quantity: Annotated[float, Field(examples=[12000])]
    due: MaybeMoment
    delivered: Annotated[float, Field(examples=[4000])]
    delivered_at: MaybeMoment = None


class ProductionOrder(Shape):
    """A production order."""

    id: Id
    number: OrderNumber
    customer: Annotated[str, Field(examples=["Corner shops ltd."])]
    state: Annotated[str, Field(examples=["running"])]
    created: Moment
    lines: list[OrderLine]
    version: Version


class LotShape(Shape):
    """A lot of material and the lots it was made from."""

    id: Id
    number: LotNumber
    material: Annotated[str, Field(examples=["flour type 550"])]
    quantity: Number
    unit: Annotated[str, Field(examples=["kg"])]
    state: Annotated[str, Field(examples=["free"])]
    created: MaybeMoment
    parents: Annotated[list[str], Field(examples=[["WHEAT-77"]])]
    version: Version


class QualityShape(Shape):
    """One quality result."""

    id: Id
    check: Annotated[str, Field(examples=["diameter"])]
    at: Moment
    machine: Annotated[str | None, Field(examples=["Bakery/Line 1/Oven"])]
    lot: Annotated[str | None, Field(examples=["FLOUR-0815"])]
    order: Annotated[str | None, Field(examples=["PO-4711"])]
    value: Number
    unit: Annotated[str, Field(examples=["mm"])]
    low: Number
    high: Number
    passed: Annotated[bool, Field(examples=[True])]
    by: MaybeName
    note: Annotated[str, Field(examples=[""])]
    version: Version


class RunShape(Shape):
    """An order ran at a line from when to when; an ideal cycle of null means the machine's own."""

    start: Moment
    end: Moment
    order: OrderNumber
    product: Annotated[str, Field(examples=["COOKIE-200"])]
    ideal_cycle_s: Number


class ShiftShape(Shape):
    """What a stretch of time is planned for: shift, break, holiday or off."""

    start: Moment
    end: Moment
    kind: Annotated[str, Field(examples=["shift"])]
    shift: Annotated[str, Field(examples=["Early"])]


class Running(Shape):
    """Which order ran at a line, and what the time was planned for."""

    line: AssetPath
    runs: list[RunShape]
    planned: list[ShiftShape]
    shifts: Annotated[list[str], Field(examples=[["Early", "Late"]])]


class Genealogy(Shape):
    """All lots that went into a lot, and all that were made with it, through every step."""

    made_from: Annotated[list[str], Field(examples=[["WHEAT-77"]])]
    went_into: Annotated[list[str], Field(examples=[["TRAY-12"]])]


class Delivery(Body):
    """What was delivered of a line of an order, and when (now, if not said)."""

    line: Annotated[int, Field(ge=1, examples=[1])] = 1
    quantity: Annotated[float, Field(gt=0, examples=[4000])]
    at: Annotated[str | None, Field(examples=["2026-11-20T06:00:00Z"])] = None


class Delivered(Shape):
    """The line's new version."""

    version: Version


class FeedProblem(Shape):
    """An entry that was left out: where it was, why, and how to mend it."""

    where: Annotated[str, Field(examples=["erp: AUFNR 4711"])]
    what: Annotated[str, Field(examples=["there is no product 'CK-2OO'"])]
    hint: Annotated[str, Field(examples=["did you mean 'CK-200'?"])]


class FeedShape(Shape):
    """How a feed is doing."""

    name: Annotated[str, Field(examples=["erp-orders"])]
    type: Annotated[str, Field(examples=["sql"])]
    every_s: Annotated[float, Field(examples=[300.0])]
    state: Annotated[str, Field(examples=["ok"], description="new, ok, problems or failing")]
    last_run: MaybeMoment
    last_ok: MaybeMoment
    last_taken: Annotated[int, Field(examples=[3])]
    taken: Annotated[int, Field(examples=[4711])]
    waiting: Annotated[int, Field(examples=[0], description="Entries that name something not known yet.")]
    error: Annotated[str, Field(examples=[""])]
    problems: list[FeedProblem]


class FeedList(Shape):
    """Every feed of the settings."""

    items: list[FeedShape]


class OrderFigureShape(Shape):
    """How an order goes: what was made of it against what its planned time allowed at the constraint's ideal cycle."""

    order: OrderNumber
    product: Annotated[str, Field(examples=["COOKIE-200"])]
    planned_s: Annotated[float, Field(examples=[28_800.0])]
    target: Number
    made: Number
    made_by: Annotated[str, Field(examples=["lots"], description="Where `made` is from: lots, the counter, or nothing.")]
    attainment: Annotated[float | None, Field(examples=[0.83])]
    ordered: Annotated[float, Field(examples=[12_000])]
    delivered: Annotated[float, Field(examples=[4_000])]


class FiguresShape(Shape):
    """Figures of a line over (start, end]; null where there is nothing to compute them from."""

    line: AssetPath
    start: Moment
    end: Moment
    otif: Annotated[float | None, Field(examples=[0.94], description="Order lines delivered in time and in full, of those due.")]
    due_lines: Annotated[int, Field(examples=[17])]
    on_time_in_full: Annotated[int, Field(examples=[16])]
    first_pass: Annotated[float | None, Field(examples=[0.98], description="Checks passed, of all.")]
    checks: Annotated[int, Field(examples=[120])]
    passed: Annotated[int, Field(examples=[118])]
    lot_yield: Annotated[float | None, Field(examples=[0.99], description="Quantity of the lots made that is not scrap.")]
    lots_made: Annotated[float, Field(examples=[12_000])]
    lots_scrapped: Annotated[float, Field(examples=[120])]
    lots_held: Annotated[float, Field(examples=[0])]
    orders: list[OrderFigureShape]


class Entered(Shape):
    """The entry as it is in the books now; `new` is false if it was there already."""

    id: Id
    new: Annotated[bool, Field(examples=[True])]
    version: Version


@router.get("/orders")
def orders(rooms: House, _subject: Reader, limit: Limit = 100, after: After = None) -> Listed[ProductionOrder]:
    """List production orders, newest first."""
    items = [
        {**row, "created": moment(row["created"]), "lines": [_line(line) for line in row["lines"]]}
        for row in rooms.production.orders.list()
    ]
    return Listed[ProductionOrder].model_validate(page(items, limit, after))


@router.post("/orders", status_code=201)
def add_order(sender: Sender, body: OrderEntry) -> Entered:
    """Enter a production order, or change one by its number."""
    book = sender.rooms.production.orders

    def run(tx: Any) -> dict[str, Any]:
        return {"new": book.add(tx, body), "id": book.id_of(tx, body.order), "version": 1}

    return Entered.model_validate(sender.do("production.edit", f"production-order:{body.order}", body.model_dump(), run))


@router.get("/lots")
def lots(rooms: House, _subject: Reader, limit: Limit = 100, after: After = None) -> Listed[LotShape]:
    """List lots with the lots they were made from."""
    items = [{**row, "number": row["lot"], "created": moment(row["made_at"])} for row in rooms.production.lots.list()]
    return Listed[LotShape].model_validate(page(items, limit, after))


@router.post("/lots", status_code=201)
def add_lot(sender: Sender, body: LotEntry) -> Entered:
    """Enter a lot, or change one by its number."""
    book = sender.rooms.production.lots

    def run(tx: Any) -> dict[str, Any]:
        return {"new": book.add(tx, body), "id": book.id_of(tx, body.lot), "version": 1}

    return Entered.model_validate(sender.do("production.edit", f"lot:{body.lot}", body.model_dump(), run))


@router.get("/quality")
def quality(
    rooms: House, subject: Reader, start: Start = None, end: End = None, limit: Limit = 100, after: After = None
) -> Listed[QualityShape]:
    """List quality results of (start, end], newest first."""
    first, last = span(start, end, 30 * 86_400)
    names = rooms.guard.names()
    rows = rooms.production.quality.list(first, last)
    items = [{**row, "at": moment(row["at"]), "by": called(row["by"] or None, names)} for row in rows]
    return Listed[QualityShape].model_validate(page(seen(rooms, subject, items, "machine"), limit, after))


@router.post("/quality", status_code=201)
def add_quality(sender: Sender, body: QualityEntry) -> Entered:
    """Enter a quality result: of a lot, an order or a machine."""
    book = sender.rooms.production.quality

    def run(tx: Any) -> dict[str, Any]:
        return {"id": book.add(tx, body, sender.subject.id), "new": True, "version": 1}

    return Entered.model_validate(sender.do("production.quality", "quality", body.model_dump(), run, body.machine or ""))


@router.post("/orders/{number}/deliveries", status_code=201)
def deliver(sender: Sender, number: str, body: Delivery) -> Delivered:
    """Book a delivery against a line of an order."""
    at = now_ns() if body.at is None else parse_time(body.at, where="at")

    def run(tx: Any) -> dict[str, Any]:
        return {"version": sender.rooms.production.orders.deliver(tx, number, body.line, body.quantity, at)}

    return Delivered.model_validate(sender.do("production.edit", f"production-order:{number}", body.model_dump(), run))


@router.get("/lots/{lot}/genealogy")
def genealogy(rooms: House, _subject: Reader, lot: str) -> Genealogy:
    """Return all lots that went into a lot, and all that were made with it."""
    return Genealogy.model_validate(rooms.production.lots.genealogy(lot))


@router.get("/running")
def running(rooms: House, subject: Reader, line: Line, start: Start = None, end: End = None) -> Running:
    """Return which order ran at a line over (start, end] (the last day if not said), and what the time was planned for."""
    rooms.guard.gate(subject, "read", line)
    first, last = span(start, end, _DAY_S)
    made = rooms.production
    runs = [{**asdict(run), **_times(run)} for run in made.running(line, first, last)]
    planned = [{**asdict(one), **_times(one)} for one in made.calendar(line).planned(first, last)]
    return Running.model_validate({"line": line, "runs": runs, "planned": planned, "shifts": made.logbook.shifts(line)})


@router.get("/figures")
def figures(rooms: House, subject: Reader, line: Line, start: Start = None, end: End = None) -> FiguresShape:
    """Return on time in full, yield and throughput against target of a line over (start, end] (30 days if not said)."""
    rooms.guard.gate(subject, "read", line)
    when = span(start, end, 30 * _DAY_S)
    found = rooms.production.figures(line, *when, rooms.compute.counted(line, *when))
    own = {"otif": found.otif, "first_pass": found.first_pass, "lot_yield": found.lot_yield}
    each = [{**asdict(one), "attainment": one.attainment} for one in found.orders]
    return FiguresShape.model_validate({**asdict(found), **_times(found), **own, "orders": each})


@router.get("/feeds")
def feeds(rooms: House, _subject: Reader) -> FeedList:
    """List the feeds: when each was read, what it brought, and what was left out."""
    return FeedList.model_validate({"items": [_feed(one) for one in rooms.production.feeder.statuses()]})


@router.post("/feeds/{name}/read")
def read_feed(sender: Sender, name: str) -> FeedShape:
    """Have a feed read as soon as possible; the answer is how it was before."""
    answer = sender.do_outside("production.edit", f"feed:{name}", {}, lambda: _feed(sender.rooms.production.feeder.ask(name)))
    return FeedShape.model_validate(answer)


def _feed(one: FeedStatus) -> dict[str, Any]:
    problems = [{"where": problem.where, "what": problem.what, "hint": problem.hint} for problem in one.problems]
    times = {"last_run": moment(one.last_run), "last_ok": moment(one.last_ok), "every_s": one.every_ns / NS}
    return {**asdict(one), **times, "problems": problems}


def _times(one: Run | Interval | Figures) -> dict[str, Any]:
    return {"start": moment(one.start), "end": moment(one.end)}


def _line(line: dict[str, Any]) -> dict[str, Any]:
    return {**line, "due": moment(line["due"]), "delivered_at": moment(line.get("delivered_at"))}
