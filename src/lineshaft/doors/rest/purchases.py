"""Purchases of spare parts: proposed, approved by a second person, brought to the ERP, received."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from lineshaft.doors.rest.frame.asking import House, Reader, Sender
from lineshaft.doors.rest.frame.names import called
from lineshaft.doors.rest.frame.paging import After, Limit, page_of, spot
from lineshaft.doors.rest.frame.shape import (
    Body,
    Id,
    Listed,
    MaybeMoment,
    MaybeName,
    Moment,
    Name,
    Note,
    SeenVersion,
    Shape,
    Version,
    moment,
)
from lineshaft.doors.rest.maintain import PartNumber, Quantity

router = APIRouter(tags=["maintain"])


class AtErp(Shape):
    """How a purchase stands at the ERP, and what hinders it there."""

    system: Annotated[str, Field(examples=["tryton"])]
    state: Annotated[str, Field(examples=["ordered"], description="ordered, received, cancelled, or empty before it is there")]
    text: Annotated[str, Field(examples=["17: processing, shipment waiting"])]
    asked: MaybeMoment
    attempts: Annotated[int, Field(examples=[0], description="Attempts that failed since it last went well.")]
    error: Annotated[str, Field(examples=[""])]
    code: Annotated[str, Field(examples=[""])]
    hint: Annotated[str, Field(examples=[""])]
    next_at: MaybeMoment


class PurchaseShape(Shape):
    """A purchase of a spare part: proposed, approved by a second person, ordered once, received."""

    id: Id
    number: Annotated[str, Field(examples=["PO-000003"])]
    part: PartNumber
    name: Annotated[str, Field(examples=["Deep groove ball bearing 6205"])]
    quantity: Annotated[float, Field(examples=[6])]
    cost: Annotated[float, Field(examples=[147.0])]
    state: Annotated[str, Field(examples=["proposed"])]
    proposed_by: Name
    approved_by: MaybeName
    case_id: Annotated[str | None, Field(examples=["7d1c9a52-6c1e-4f0e-9d53-9a7f0a3f6d11"])]
    reason: Annotated[str, Field(examples=[""])] = ""
    reference: Annotated[str, Field(examples=[""])] = ""
    received: Annotated[float, Field(examples=[0], description="How much of it has come.")] = 0
    erp: AtErp | None = None
    created: Moment
    version: Version


class PurchaseBody(Body):
    """A purchase to propose."""

    part: PartNumber
    quantity: Quantity
    reason: Note = ""


class RehearsalShape(Shape):
    """A dry run of a purchase at the ERP."""

    number: Annotated[str, Field(examples=["PO-000003"])]
    system: Annotated[str, Field(examples=["tryton"])]
    there: Annotated[str, Field(examples=[""], description="What is there already: then nothing more is written.")]
    would: Annotated[dict[str, Any], Field(examples=[{"reference": "PO-000003/1f0c9a52"}], description="What would be written.")]
    why: Annotated[str, Field(examples=[""], description="What hinders it.")]
    hint: Annotated[str, Field(examples=[""])]


class ReceivedBody(Body):
    """The delivery of a purchase."""

    version: SeenVersion = None


@router.get("/purchases")
def purchases(
    rooms: House,
    _subject: Reader,
    limit: Limit = 100,
    after: After = None,
    state: Annotated[str | None, Query(examples=["proposed"])] = None,
) -> Listed[PurchaseShape]:
    """List purchases, newest first."""
    begin = spot(after)
    rows = rooms.purchases.list(state=state, limit=limit + begin.more, before=begin.before)
    cut, names = page_of(rows, limit, "created", begin), rooms.guard.names()
    items = [purchase_of(row, names) for row in cut["items"]]
    return Listed[PurchaseShape].model_validate({"items": items, "next": cut["next"]})


@router.post("/purchases", status_code=201)
def propose(sender: Sender, body: PurchaseBody) -> PurchaseShape:
    """Propose a purchase; somebody else approves it (GET approvals)."""

    def run(tx: Any) -> dict[str, Any]:
        return sender.rooms.act.propose_purchase(tx, body.part, body.quantity, sender.subject, body.reason)

    row = sender.do("purchases.propose", "purchase", body.model_dump(), run)
    return PurchaseShape.model_validate(purchase_of(row, sender.rooms.guard.names()))


@router.post("/purchases/{purchase_id}/check")
def check(sender: Sender, purchase_id: str) -> RehearsalShape:
    """Say what approving a purchase would write at the ERP, and what hinders it there; nothing is written."""
    rooms = sender.rooms
    resource = f"purchase:{purchase_id}"
    return RehearsalShape.model_validate(
        sender.do_outside("purchases.check", resource, {}, lambda: rooms.purchases.rehearse(purchase_id))
    )


@router.post("/purchases/{purchase_id}/receive")
def received(sender: Sender, purchase_id: str, body: ReceivedBody | None = None) -> PurchaseShape:
    """Book the delivery of a purchase: the parts are in the bin."""
    said = body or ReceivedBody()

    def run(tx: Any) -> dict[str, Any]:
        return sender.rooms.purchases.receive(tx, purchase_id, sender.subject, version=said.version)

    row = sender.do("purchases.receive", f"purchase:{purchase_id}", said.model_dump(), run)
    return PurchaseShape.model_validate(purchase_of(row, sender.rooms.guard.names()))


def purchase_of(row: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """Return a purchase as the door shows it."""
    people = {name: called(row[name], names) for name in ("proposed_by", "approved_by")}
    erp = row["erp"] and {**row["erp"], "next_at": moment(row["erp"]["next_at"])}
    return {**row, **people, "created": moment(row["created"]), "erp": erp}
