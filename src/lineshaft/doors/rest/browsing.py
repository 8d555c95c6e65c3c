"""Looking inside a machine for what could be listened to: a person opens, searches and picks; nothing is kept or changed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field

from lineshaft.connect import Wish
from lineshaft.doors.rest.frame.asking import Sender
from lineshaft.doors.rest.frame.shape import Body, Shape

router = APIRouter(prefix="/sources/browse", tags=["connect"])
Ticket = Annotated[str, Field(max_length=60, pattern=r"^[A-Za-z0-9-]*$", examples=["6f1f2c1e"])]
Words = Annotated[str, Field(max_length=1_000, examples=[""])]


class BrowseBody(Body):
    """The source as far as it is written, and what of it is to be seen."""

    name: Annotated[str, Field(max_length=63, examples=["press"], description="Its certificate is the one that counts.")] = ""
    type: Annotated[str, Field(min_length=1, max_length=60, examples=["opcua"])]
    options: Annotated[dict[str, Any], Field(examples=[{"url": "opc.tcp://10.0.0.5:4840"}])]
    below: Annotated[str, Field(max_length=1_000, examples=["i=85"], description="A branch by its id; empty: the top.")] = ""
    find: Annotated[str, Field(max_length=200, examples=["temp"], description="Only what is called so, anywhere below.")] = ""
    deep: Annotated[bool, Field(description="Everything below at once, not one level.", examples=[False])] = False
    seconds: Annotated[float, Field(gt=0, le=30, examples=[5.0], description="How long a broker is listened to.")] = 5.0
    ticket: Annotated[Ticket, Field(description="What this look is called, to end it.")] = ""


class TicketBody(Body):
    """Which look is to end."""

    ticket: Ticket


class Picked(Shape):
    """What ticking it means: `value` joins the list `option`, or the options of `sets` are taken."""

    option: Annotated[str, Field(examples=["nodes"])]
    value: Annotated[Any, Field(examples=["ns=2;s=Oven/Temperature"])]
    sets: Annotated[dict[str, Any], Field(examples=[{}])]


class InsideShape(Shape):
    """A branch to open or a value to pick."""

    id: Annotated[str, Field(examples=["ns=2;s=Oven/Temperature"])]
    parent: Words
    name: Annotated[str, Field(examples=["Temperature"])]
    kind: Annotated[Literal["branch", "value"], Field(examples=["value"])]
    type: Annotated[str, Field(examples=["double"])]
    value: Annotated[str, Field(examples=["181.5"])]
    unit: Annotated[str, Field(examples=["°C"])]
    more: Annotated[bool, Field(examples=[False], description="It has something below that is not here yet.")]
    pick: Picked | None


class RemarkShape(Shape):
    """What is to be said of the look: a code with its parameters, and the sentence in English."""

    code: Annotated[str, Field(examples=["inside.cut"])]
    text: Annotated[str, Field(examples=["only the first 2000 are shown: look at a smaller part"])]
    params: Annotated[dict[str, Any], Field(examples=[{"n": 2000}])]


class SeenShape(Shape):
    """What lies inside."""

    items: list[InsideShape]
    remarks: list[RemarkShape]


@router.post("")
def browse(sender: Sender, body: BrowseBody) -> SeenShape:
    """Look inside a source to be: tags, registers, topics, columns; only read, within the controller's budget."""
    rooms = sender.rooms
    rooms.guard.gate(sender.subject, "sources.browse", f"source:{body.name or body.type}")
    wish = Wish(body.below, body.find.strip(), body.deep, body.seconds)
    return SeenShape.model_validate(rooms.book.look(body.name or "new source", body.type, body.options, wish, body.ticket))


@router.post("/cancel")
def cancel(sender: Sender, body: TicketBody) -> TicketBody:
    """End a look that is under way."""
    sender.rooms.guard.gate(sender.subject, "sources.browse", "source")
    return TicketBody.model_validate(sender.rooms.book.browser.cancel(body.ticket))
