"""What was being made: production orders, lots with their genealogy, quality results."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from lineshaft.doors.rest.frame.asking import House, Reader, Sender, seen
from lineshaft.doors.rest.frame.moments import End, Start, span
from lineshaft.doors.rest.frame.names import called
from lineshaft.doors.rest.frame.paging import After, Limit, page
from lineshaft.doors.rest.frame.shape import Id, Listed, MaybeMoment, MaybeName, Moment, Number, Shape, Version, moment
from lineshaft.production import LotEntry, OrderEntry, QualityEntry

router = APIRouter(prefix="/production", tags=["production"])
OrderNumber = Annotated[str, Field(examples=["PO-4711"])]
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


def _line(line: dict[str, Any]) -> dict[str, Any]:
    return {**line, "due": moment(line["due"]), "delivered_at": moment(line.get("delivered_at"))}
