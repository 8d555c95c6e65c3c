"""Talking to other systems: webhooks and what became of their messages, purchases at the ERP, orders at a partner."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from lineshaft.core import Forbidden, parse_time
from lineshaft.doors.rest.frame.asking import House, Reader, Sender
from lineshaft.doors.rest.frame.names import called
from lineshaft.doors.rest.frame.paging import After, Limit, page_of, spot
from lineshaft.doors.rest.frame.shape import Body, Id, Listed, MaybeMoment, Moment, Shape, moment
from lineshaft.doors.rest.purchases import PurchaseShape, purchase_of
from lineshaft.guard import Subject

router = APIRouter(tags=["exchange"])
VEILED = "a permission takes some of it away from you: ask somebody who sees all of it"


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
    reference: Annotated[str, Field(examples=["R-17"])] = ""
    state: Annotated[str, Field(examples=["in_progress"])] = ""
    text: Annotated[str, Field(examples=["R-17: IN_PROGRESS"])] = ""
    error: Annotated[str, Field(examples=[""])] = ""
    next_at: MaybeMoment = None


class OrderRehearsal(Shape):
    """A dry run of a work order at the other maintenance system."""

    number: Annotated[str, Field(examples=["WO-000012"])]
    system: Annotated[str, Field(examples=["rest"])]
    there: Annotated[str, Field(examples=["R-17"], description="What carries our mark there already: then nothing is written.")]
    now: Annotated[dict[str, Any], Field(examples=[{"status": "OPEN"}], description="What stands there now, in its own fields.")]
    would: Annotated[dict[str, Any], Field(examples=[{"title": "Pump shakes"}], description="What would be written.")]
    steps: Annotated[list[str], Field(examples=[["start"]], description="Steps that would be taken here.")]
    comments: Annotated[list[str], Field(examples=[["bearing is worn"]], description="Comments that would be taken over here.")]
    why: Annotated[str, Field(examples=[""], description="What hinders it.")]
    hint: Annotated[str, Field(examples=[""])]


class OrderDraft(Body):
    """A work order nobody has made yet."""

    asset: Annotated[str, Field(min_length=1, max_length=500, examples=["Bakery/Line 1/Cooler/Coolant pump"])]
    title: Annotated[str, Field(min_length=3, max_length=200, examples=["Coolant pump shakes"])]
    kind: Annotated[str, Field(max_length=20, examples=["corrective"])] = "corrective"
    priority: Annotated[int | None, Field(ge=1, le=5, examples=[2])] = None
    failure_mode: Annotated[str, Field(max_length=20, examples=["VIB"])] = ""
    due: Annotated[str | None, Field(examples=["2026-03-02T06:00:00Z"])] = None


class Message(Shape):
    """A message as it would go out: to whom, with which headers, what it says."""

    hook: Annotated[str, Field(examples=["shift board"])]
    url: Annotated[str, Field(examples=["https://board.example/hooks/lineshaft"])]
    headers: Annotated[dict[str, str], Field(examples=[{"Webhook-Signature": "v1,5PVmP2AfJGwnp9flV+flrzfukNWA9zyUdqvI+IQalVs="}])]
    body: Annotated[str, Field(examples=['{"specversion": "1.0"}'], description="The CloudEvent, byte for byte as it is signed.")]
    state: Annotated[str, Field(examples=["new"], description="`new`, or what became of it so far.")]
    why: Annotated[str, Field(examples=[""], description="What hinders it.")]
    hint: Annotated[str, Field(examples=[""])]


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


@router.post("/webhooks/deliveries/{delivery_id}/check")
def check_delivery(sender: Sender, delivery_id: str) -> Message:
    """Show a message as it would be sent now, with its signature; nothing is sent."""
    webhooks = sender.rooms.webhooks
    resource = f"webhook-delivery:{delivery_id}"
    if sender.subject.veil:
        raise Forbidden("a message is shown whole or not at all", where=resource, hint=VEILED, code="gate.veiled")
    return Message.model_validate(sender.do_outside("webhooks.check", resource, {}, lambda: webhooks.rehearse_again(delivery_id)))


@router.post("/webhooks/{name}/check")
def check_hook(sender: Sender, name: str) -> Message:
    """Show the test message as it would be sent to a receiver now, with its signature; nothing is sent."""
    webhooks, by = sender.rooms.webhooks, called(sender.subject.id, sender.rooms.guard.names()) or ""
    return Message.model_validate(sender.do_outside("webhooks.check", f"webhook:{name}", {}, lambda: webhooks.rehearse(name, by)))


@router.post("/purchases/{purchase_id}/retry")
def retry(sender: Sender, purchase_id: str) -> PurchaseShape:
    """Bring a purchase to the ERP again now, or ask there again how it stands."""

    def run(tx: Any) -> dict[str, Any]:
        return sender.rooms.purchases.again(tx, purchase_id)

    row = sender.do("purchases.order", f"purchase:{purchase_id}", {}, run)
    return PurchaseShape.model_validate(purchase_of(row, sender.rooms.guard.names()))


@router.get("/work-orders/{order_id}/partner")
def partner(rooms: House, subject: Reader, order_id: str) -> PartnerShape | None:
    """Show how a work order stands in the other maintenance system (no state: it was not sent); null where there is none."""
    order = rooms.orders.get(order_id)
    rooms.guard.gate(subject, "read", order["asset"])
    row = rooms.partner.stands([order["id"]]).get(order["id"])
    if row is None:
        return PartnerShape(system=rooms.partner.name) if rooms.partner.name else None
    told: dict[str, Any] = row["told"]
    return PartnerShape(
        system=rooms.partner.name,
        reference=row["reference"],
        state=str(told.get("state", "")),
        text=str(told.get("text", "")),
        error=row["error"],
        next_at=moment(row["next_at"]),
    )


@router.post("/work-orders/check")
def check_draft(sender: Sender, body: OrderDraft) -> OrderRehearsal:
    """Say what making a work order would write at the other maintenance system, and what hinders it; nothing is written."""
    rooms, asset = sender.rooms, sender.rooms.assets.asset(body.asset).path
    due = parse_time(body.due, where="due") if body.due else None
    draft = rooms.orders.draft(asset, body.title, body.kind, body.priority, body.failure_mode, due)
    _refuse_veiled(sender.subject)
    said = sender.do_outside("work-orders.check", "work-order", body.model_dump(), lambda: rooms.partner.rehearse(draft), asset)
    return OrderRehearsal.model_validate(said)


@router.post("/work-orders/{order_id}/partner/check")
def check_order(sender: Sender, order_id: str) -> OrderRehearsal:
    """Say how a work order stands there, what sending it would write and asking take over; nothing is written."""
    rooms, order = sender.rooms, sender.rooms.orders.get(order_id)
    resource = f"work-order:{order['id']}"
    _refuse_veiled(sender.subject)
    said = sender.do_outside("work-orders.check", resource, {}, lambda: rooms.partner.rehearse(order), order["asset"])
    return OrderRehearsal.model_validate(said)


def _refuse_veiled(subject: Subject) -> None:
    """Refuse whom something of an order is taken away from: in the other system's fields it has other names."""
    if subject.sight("work_orders") or subject.veil.touches("work_orders"):
        raise Forbidden("an order is shown whole or not at all as it is sent", hint=VEILED, code="gate.veiled")


def _delivery(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, **{name: moment(row[name]) for name in ("created", "delivered", "next_at")}}
