"""Talking to other systems: webhooks and what became of their messages, purchases at the ERP, orders at a partner."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from lineshaft.doors.rest.frame.asking import House, Reader, Sender
from lineshaft.doors.rest.frame.names import called
from lineshaft.doors.rest.frame.paging import After, Limit, page_of, spot
from lineshaft.doors.rest.frame.shape import Id, Listed, MaybeMoment, Moment, Shape, moment
from lineshaft.doors.rest.purchases import PurchaseShape, purchase_of

router = APIRouter(tags=["exchange"])


class HookShape(Shape):
    """A receiver of messages, as settings.toml names it; its secret is never shown."""

    name: Annotated[str, Field(examples=["shift board"])]
    url: Annotated[str, Field(examples=["https://board.example/hooks/lineshaft"])]
    events: Annotated[list[str], Field(examples=[["order", "alarm"]])]
    asset: Annotated[str, Field(examples=["Bakery/Line 1"])]


class DeliveryShape(Shape):
    """A message to a receiver: waiting, delivered or given up."""

    id: Id
    hook: Annotated[str, Field(examples=["shift board"])]
    event_id: Id
    type: Annotated[str, Field(examples=["org.lineshaft.order.create"])]
    subject: Annotated[str, Field(examples=["WO-000012"])]
    created: Moment
    state: Annotated[str, Field(examples=["delivered"])]
    status: Annotated[int | None, Field(examples=[204], description="HTTP status of the last answer.")]
    delivered: MaybeMoment
    attempts: Annotated[int, Field(examples=[0], description="Attempts that failed since it last went well.")]
    next_at: MaybeMoment
    error: Annotated[str, Field(examples=[""])]


class PartnerShape(Shape):
    """How a work order stands in the other maintenance system."""

    system: Annotated[str, Field(examples=["rest"])]
    reference: Annotated[str, Field(examples=["R-17"])]
    state: Annotated[str, Field(examples=["in_progress"])]
    text: Annotated[str, Field(examples=["R-17: IN_PROGRESS"])]
    error: Annotated[str, Field(examples=[""])]
    next_at: MaybeMoment


@router.get("/webhooks")
def webhooks(rooms: House, subject: Reader) -> Listed[HookShape]:
    """List the receivers of messages."""
    rooms.guard.gate(subject, "webhooks.read")
    return Listed[HookShape].model_validate({"items": rooms.webhooks.hooks, "next": None})


@router.get("/webhooks/deliveries")
def deliveries(
    rooms: House,
    subject: Reader,
    limit: Limit = 100,
    after: After = None,
    hook: Annotated[str | None, Query(examples=["shift board"])] = None,
    state: Annotated[str | None, Query(examples=["waiting"])] = None,
) -> Listed[DeliveryShape]:
    """List messages, newest first, with what became of them."""
    rooms.guard.gate(subject, "webhooks.read")
    begin = spot(after)
    rows = rooms.webhooks.list(hook=hook, state=state, limit=limit + begin.more, before=begin.before)
    cut = page_of(rows, limit, "created", begin)
    return Listed[DeliveryShape].model_validate({"items": [_delivery(row) for row in cut["items"]], "next": cut["next"]})


@router.post("/webhooks/deliveries/{delivery_id}/replay")
def replay(sender: Sender, delivery_id: str) -> DeliveryShape:
    """Send a message again; it keeps its id."""

    def run(tx: Any) -> dict[str, Any]:
        return sender.rooms.webhooks.replay(tx, delivery_id)

    return DeliveryShape.model_validate(_delivery(sender.do("webhooks.replay", f"webhook-delivery:{delivery_id}", {}, run)))


@router.post("/webhooks/{name}/test", status_code=201)
def test(sender: Sender, name: str) -> DeliveryShape:
    """Send a receiver a message that only says that it can be reached."""

    def run(tx: Any) -> dict[str, Any]:
        return sender.rooms.webhooks.test(tx, name, called(sender.subject.id, sender.rooms.guard.names()) or "")

    return DeliveryShape.model_validate(_delivery(sender.do("webhooks.test", f"webhook:{name}", {}, run)))


@router.post("/purchases/{purchase_id}/retry")
def retry(sender: Sender, purchase_id: str) -> PurchaseShape:
    """Bring a purchase to the ERP again now, or ask there again how it stands."""

    def run(tx: Any) -> dict[str, Any]:
        return sender.rooms.purchases.again(tx, purchase_id)

    row = sender.do("purchases.order", f"purchase:{purchase_id}", {}, run)
    return PurchaseShape.model_validate(purchase_of(row, sender.rooms.guard.names()))


@router.get("/work-orders/{order_id}/partner")
def partner(rooms: House, subject: Reader, order_id: str) -> PartnerShape | None:
    """Show how a work order stands in the other maintenance system; null where it was not sent to one."""
    order = rooms.orders.get(order_id)
    rooms.guard.gate(subject, "read", order["asset"])
    row = rooms.partner.stands([order["id"]]).get(order["id"])
    if row is None:
        return None
    told: dict[str, Any] = row["told"]
    return PartnerShape(
        system=rooms.partner.name,
        reference=row["reference"],
        state=str(told.get("state", "")),
        text=str(told.get("text", "")),
        error=row["error"],
        next_at=moment(row["next_at"]),
    )


def _delivery(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, **{name: moment(row[name]) for name in ("created", "delivered", "next_at")}}
