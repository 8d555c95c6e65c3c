"""Notifications: who is told of what, how each person wants to be told, and what became of every message."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from lineshaft.doors.rest.frame.asking import House, Reader, Sender
from lineshaft.doors.rest.frame.names import called
from lineshaft.doors.rest.frame.paging import After, Limit, page_of, spot
from lineshaft.doors.rest.frame.shape import Body, Id, Listed, MaybeMoment, MaybeName, Moment, SeenVersion, Shape, Version, moment
from lineshaft.doors.rooms import Rooms
from lineshaft.guard import Role, Subject

router = APIRouter(tags=["notifications"])


class Quiet(Body):
    """Hours in which nobody is to be disturbed, in a zone; `days` are those on which they begin."""

    start: Annotated[str, Field(examples=["22:00"])]
    end: Annotated[str, Field(examples=["06:00"])]
    timezone: Annotated[str, Field(examples=["Europe/Berlin"])] = "UTC"
    days: Annotated[list[str], Field(examples=[["mon", "tue", "wed", "thu", "fri"]])] = Field(default_factory=list)


class StepBody(Body):
    """Whom to tell when nobody has answered for so long."""

    after: Annotated[str, Field(examples=["15m"])]
    who: Annotated[str, Field(examples=["role:planner"])]


class RouteBody(Body):
    """A route: whom to tell of what, over which channels, when, and whom next."""

    name: Annotated[str, Field(max_length=100, examples=["Night shift"])] = ""
    who: Annotated[
        str,
        Field(
            examples=["role:technician"],
            description="role:ROLE, user:NAME, channel:NAME, or concerned.",
        ),
    ]
    kinds: Annotated[list[str], Field(examples=[["alarm"]], description="alarm, approval, order, case or system.")] = Field(
        default_factory=list
    )
    asset: Annotated[str, Field(examples=["Bakery/Line 1"], description="This and below; empty is the whole plant.")] = ""
    priority: Annotated[int, Field(examples=[2], description="Only this urgent or more: 1 to 5.")] = 5
    channels: Annotated[list[str], Field(examples=[["mail"]], description="Empty: what each person chose.")] = Field(
        default_factory=list
    )
    quiet: Quiet | None = None
    through: Annotated[int, Field(examples=[1], description="Up to this priority quiet hours hold nothing back; 0: never.")] = 1
    gather: Annotated[str, Field(examples=["10s"], description="So long more is waited for, and told in one message.")] = "10s"
    steps: list[StepBody] = Field(default_factory=list[StepBody])
    active: Annotated[bool, Field(examples=[True])] = True
    version: SeenVersion = None


class RouteShape(Shape):
    """A route as it stands."""

    id: Id
    name: Annotated[str, Field(examples=["Night shift"])]
    who: Annotated[str, Field(examples=["role:technician"])]
    kinds: Annotated[list[str], Field(examples=[["alarm"]])]
    asset: Annotated[str, Field(examples=["Bakery/Line 1"])]
    priority: Annotated[int, Field(examples=[2])]
    channels: Annotated[list[str], Field(examples=[["mail"]])]
    quiet: Annotated[dict[str, Any], Field(examples=[{"start": "22:00", "end": "06:00", "timezone": "Europe/Berlin"}])]
    through: Annotated[int, Field(examples=[1])]
    gather_s: Annotated[int, Field(examples=[10])]
    steps: Annotated[list[dict[str, Any]], Field(examples=[[{"after_s": 900, "who": "role:planner"}]])]
    active: Annotated[bool, Field(examples=[True])]
    version: Version


class ChannelShape(Shape):
    """A way messages leave this node; its address is never shown."""

    name: Annotated[str, Field(examples=["mail"])]
    personal: Annotated[bool, Field(examples=[True], description="Whether each person gives an address of their own.")]


class ChoiceBody(Body):
    """How somebody wants to be told."""

    channels: Annotated[dict[str, Annotated[str, Field(max_length=200)]], Field(examples=[{"mail": "anna@plant.example"}])] = (
        Field(default_factory=dict[str, str])
    )
    quiet: Quiet | None = None
    language: Annotated[str, Field(examples=["de"])] = ""


class ChoiceShape(Shape):
    """How somebody wants to be told, as it stands."""

    channels: Annotated[dict[str, str], Field(examples=[{"mail": "anna@plant.example"}])]
    quiet: Annotated[dict[str, Any], Field(examples=[{}])]
    language: Annotated[str, Field(examples=["de"])]
    version: Version


class DeliveryShape(Shape):
    """One message to one person over one channel."""

    id: Id
    created: Moment
    channel: Annotated[str, Field(examples=["mail"])]
    person: MaybeName
    title: Annotated[str, Field(examples=["Alarm P1: Coolant pump vibration high"])]
    lines: Annotated[int, Field(examples=[1], description="How many notices it tells of.")]
    step: Annotated[int, Field(examples=[0], description="0: at once; 1 and more: because nobody answered.")]
    held: Annotated[bool, Field(examples=[False], description="It waits for quiet hours to end.")]
    state: Annotated[
        str, Field(examples=["delivered"], description="waiting, sending, delivered, dead, or needless: somebody had answered.")
    ]
    attempts: Annotated[int, Field(examples=[0], description="Attempts that failed.")]
    next_at: MaybeMoment
    sent: MaybeMoment
    error: Annotated[str, Field(examples=[""])]


class TestBody(Body):
    """Where a test message goes."""

    channel: Annotated[str, Field(examples=["mail"])]


@router.get("/notifications/channels")
def channels(rooms: House, _subject: Reader) -> Listed[ChannelShape]:
    """List the ways messages leave this node."""
    items = [{"name": name, "personal": personal} for name, personal in rooms.act.notifier.book.channels.items()]
    return Listed[ChannelShape].model_validate({"items": items, "next": None})


@router.get("/notifications/routes")
def routes(rooms: House, _subject: Reader) -> Listed[RouteShape]:
    """List who is told of what."""
    return Listed[RouteShape].model_validate({"items": rooms.act.notifier.book.routes(), "next": None})


@router.post("/notifications/routes", status_code=201)
def add_route(sender: Sender, body: RouteBody) -> RouteShape:
    """Make a route."""
    return _put(sender, body, None)


@router.patch("/notifications/routes/{route_id}")
def change_route(sender: Sender, route_id: str, body: RouteBody) -> RouteShape:
    """Write a route anew."""
    return _put(sender, body, route_id)


@router.delete("/notifications/routes/{route_id}")
def drop_route(sender: Sender, route_id: str) -> dict[str, str]:
    """End a route; what it led to already still goes its way."""

    def run(tx: Any) -> dict[str, Any]:
        sender.rooms.act.notifier.book.drop(tx, route_id)
        return {"id": route_id}

    return sender.do("notifications.edit", f"notice-route:{route_id}", {}, run)


@router.get("/notifications/choice")
def choice(rooms: House, subject: Reader) -> ChoiceShape:
    """Show how the asker wants to be told."""
    return ChoiceShape.model_validate(rooms.act.notifier.book.choice(subject.id))


@router.patch("/notifications/choice")
def choose(sender: Sender, body: ChoiceBody) -> ChoiceShape:
    """Choose how one wants to be told oneself: channels with one's address, quiet hours, language."""
    said = _said(body)

    def run(tx: Any) -> dict[str, Any]:
        return sender.rooms.act.notifier.book.choose(tx, sender.subject, said)

    return ChoiceShape.model_validate(sender.do("notifications.choose", f"notice-choice:{sender.subject.id}", {}, run))


@router.post("/notifications/test", status_code=201)
def test(sender: Sender, body: TestBody) -> DeliveryShape:
    """Send the asker a message that only says that the channel works."""

    def run(tx: Any) -> dict[str, Any]:
        return sender.rooms.act.notifier.test(tx, sender.subject, body.channel)

    row = sender.do("notifications.test", f"channel:{body.channel}", body.model_dump(), run)
    return _delivery({"attempts": 0, "next_at": None, "error": "", **row}, sender.rooms.guard.names())


@router.get("/notifications/deliveries")
def deliveries(
    rooms: House,
    subject: Reader,
    limit: Limit = 100,
    after: After = None,
    state: Annotated[str | None, Query(examples=["dead"], description="waiting, sending, delivered, dead or needless.")] = None,
) -> Listed[DeliveryShape]:
    """List messages, newest first, with what became of them: planners see all of their part of the plant, others their own."""
    person = None if _sees_all(subject) else subject.id
    begin = spot(after)
    rows = rooms.act.notifier.book.deliveries(state, limit + begin.more, begin.before, person)
    cut = page_of(rows, limit, "created", begin)
    items, names = _reached(rooms, subject, cut["items"]), rooms.guard.names()
    return Listed[DeliveryShape](items=[_delivery(row, names) for row in items], next=cut["next"])


@router.post("/notifications/deliveries/{delivery_id}/again")
def again(sender: Sender, delivery_id: str) -> DeliveryShape:
    """Send a message again, whatever became of it; it keeps its id."""
    notifier = sender.rooms.act.notifier

    def run(tx: Any) -> dict[str, Any]:
        notifier.carrying.again(tx, delivery_id)
        return notifier.book.delivery(delivery_id, tx)

    row = sender.do("notifications.again", f"notice-delivery:{delivery_id}", {}, run)
    return _delivery({"attempts": 0, "next_at": None, "error": "", **row}, sender.rooms.guard.names())


def _put(sender: Sender, body: RouteBody, route_id: str | None) -> RouteShape:
    said = _said(body)
    book = sender.rooms.act.notifier.book

    def run(tx: Any) -> dict[str, Any]:
        if route_id is not None:  # what it was for must be the asker's as well as what it will be for
            sender.rooms.guard.gate(sender.subject, "notifications.edit", book.route(route_id, tx)["asset"])
        return book.route(book.put(tx, said, route_id, body.version), tx)

    row = sender.do("notifications.edit", f"notice-route:{route_id or 'new'}", said, run, body.asset)
    return RouteShape.model_validate(row)


def _said(body: RouteBody | ChoiceBody) -> dict[str, Any]:
    said = body.model_dump(exclude={"version"})
    return {**said, "quiet": said["quiet"] or {}}


def _sees_all(subject: Subject) -> bool:
    ladder = list(Role)
    return any(ladder.index(role) >= ladder.index(Role.PLANNER) for role in subject.roles)


def _reached(rooms: Rooms, subject: Subject, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the messages all of whose places the asker reaches, and their own."""
    if not subject.scope or not rows:
        return rows
    places = rooms.act.notifier.book.places([row["id"] for row in rows])
    mine = {name for name, about in places.items() if all(place and subject.reaches(place) for place in about)}
    return [row for row in rows if row["person"] == subject.id or row["id"] in mine]


def _delivery(row: dict[str, Any], names: dict[str, str]) -> DeliveryShape:
    times = {name: moment(row[name]) for name in ("created", "next_at", "sent")}
    return DeliveryShape.model_validate({**row, **times, "person": called(row["person"] or None, names)})
