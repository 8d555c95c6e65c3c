"""What belongs to a work order: comments, labour, standstills, locks, parts, papers, joined findings, who should take it.

Lines that are only added (comments, labour, papers) never clash, whoever sends them and however late; the order's own state
does, and then the answer is 409 with what the order is by now.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field

from lineshaft.core import InvalidInput, NotFound, did_you_mean, now_ns, parse_time
from lineshaft.doors.rest.frame.asking import Asking, House, Reader, Sender, seen
from lineshaft.doors.rest.frame.names import called
from lineshaft.doors.rest.frame.shape import (
    AssetPath,
    Body,
    Id,
    Listed,
    MaybeMoment,
    MaybeName,
    Moment,
    Note,
    Number,
    SeenVersion,
    Shape,
    moment,
)
from lineshaft.doors.rest.maintain import OrderShape, PermitBody, Source, do_with_current, order_shape

router = APIRouter(tags=["maintain"])
When = Annotated[str, Field(examples=["2026-11-20T06:00:00Z"])]
MaybeWhen = Annotated[str | None, Field(examples=["2026-11-20T06:00:00Z"])]
Tail = dict[str, Any]


class CommentBody(Body):
    """A comment."""

    text: Annotated[str, Field(min_length=1, max_length=2000, examples=["bearing sounds rough"])]


class LabourBody(Body):
    """Who worked from when to when; nobody named is whoever sends it."""

    start: When
    end: When
    person: Annotated[str, Field(examples=["anna"], description="A user's name or id.")] = ""
    hourly_cost: Annotated[float | None, Field(ge=0, le=10_000, examples=[48.0])] = None
    note: Annotated[str, Field(max_length=300, examples=[""])] = ""


class DowntimeBody(Body):
    """The asset stood still."""

    start: MaybeWhen = None
    end: MaybeWhen = None
    planned: Annotated[bool, Field(examples=[False])] = False
    note: Annotated[str, Field(max_length=300, examples=[""])] = ""


class EndBody(Body):
    """It ran again."""

    end: MaybeWhen = None
    version: SeenVersion = None


class ApplyBody(Body):
    """Every isolation point that was confirmed."""

    points: Annotated[list[str], Field(examples=[["Q1 off and locked"]])] = Field(default_factory=list[str])
    version: SeenVersion = None


class ReleaseBody(Body):
    """Take a lock off; somebody else's only with a reason."""

    reason: Annotated[str, Field(max_length=300, examples=[""])] = ""
    version: SeenVersion = None


class PartBody(Body):
    """Parts for an order."""

    part: Annotated[str, Field(examples=["BRG-6205"])]
    quantity: Annotated[float, Field(gt=0, le=1e9, examples=[2])]
    action: Annotated[Literal["reserve", "issue", "return"], Field(examples=["reserve"])] = "reserve"


class AttachBody(Body):
    """A document of the shelf to keep with an order."""

    document: Id
    kind: Annotated[Literal["document", "photo", "signature"], Field(examples=["photo"])] = "document"
    step: Annotated[str | None, Field(examples=[None])] = None


class MergeBody(Body):
    """An alarm or finding that belongs to this order."""

    source: Source
    score: Number = None
    sensors: Annotated[list[dict[str, Any]], Field(examples=[[]])] = Field(default_factory=list[dict[str, Any]])
    evidence: Annotated[dict[str, Any], Field(examples=[{}])] = Field(default_factory=dict[str, Any])
    priority: Annotated[int | None, Field(ge=1, le=5, examples=[2])] = None
    note: Note = ""


class AvoidedBody(Body):
    """What a case avoided, with its assumption in words."""

    hours: Annotated[float | None, Field(ge=0, le=10_000, examples=[6])] = None
    rate_per_hour: Annotated[float | None, Field(ge=0, le=1e7, examples=[400])] = None
    assumption: Annotated[str, Field(max_length=500, examples=["as the breakdown of March"])]
    version: SeenVersion = None


class Reason(Shape):
    """One reason of a proposal: its weight, how far it holds (0 to 1), and the points it gives."""

    name: Annotated[str, Field(examples=["skills"])]
    weight: Annotated[float, Field(examples=[0.4])]
    share: Annotated[float, Field(examples=[1.0])]
    points: Annotated[float, Field(examples=[0.4])]
    why: Annotated[str, Field(examples=["mechanical 4 of 3"])]
    says: Annotated[str, Field(examples=["skill"], description="The reason's name, for pages in other languages.")]
    values: Annotated[dict[str, Any], Field(examples=[{"list": "mechanical 4/3"}])]


class Candidate(Shape):
    """Somebody who could take an order."""

    login: Annotated[str, Field(examples=["anna"])]
    name: Annotated[str, Field(examples=["Anna Berg"])]
    score: Annotated[float, Field(examples=[0.82])]
    account: Annotated[
        bool, Field(examples=[True], description="False where nobody with this login is known: cannot be assigned.")
    ]
    fits: Annotated[bool, Field(examples=[True], description="False where a skill is lacking altogether.")]
    reasons: list[Reason]


class LikeShape(Shape):
    """A finished order that looked alike."""

    id: Id
    number: Annotated[str, Field(examples=["WO-000007"])]
    asset: AssetPath
    title: Annotated[str, Field(examples=["Coolant pump vibration high"])]
    done: MaybeMoment
    likeness: Annotated[float, Field(examples=[0.8])]
    why: Annotated[list[str], Field(examples=[["same position", "same failure mode"]])]
    closing: Annotated[dict[str, str], Field(examples=[{"mode": "VIB", "cause": "AGE", "remedy": "REPLACE"}])]
    parts: Annotated[list[dict[str, Any]], Field(examples=[[{"part": "BRG-6205", "quantity": 2}]])]
    notes: Annotated[list[str], Field(examples=[["bearing was dry"]])]


class LockShape(Shape):
    """A lock-out that stands."""

    id: Id
    asset: AssetPath
    number: Annotated[str, Field(examples=["WO-000012"])]
    order_id: Id
    text: Annotated[str, Field(examples=["Main switch Q1"])]
    applied_by: MaybeName
    applied: Moment


@router.post("/work-orders/{order_id}/comments", status_code=201)
def comment(sender: Sender, order_id: str, body: CommentBody) -> OrderShape:
    """Add a comment."""
    orders = sender.rooms.orders
    return _do(sender, order_id, "comment", body, lambda tx, row: orders.comment(tx, row["id"], sender.subject, body.text))


@router.post("/work-orders/{order_id}/labour", status_code=201)
def labour(sender: Sender, order_id: str, body: LabourBody) -> OrderShape:
    """Write who worked from when to when."""
    shop = sender.rooms.workshop

    def add(tx: Any, row: dict[str, Any]) -> dict[str, Any]:
        start, end = parse_time(body.start, where="start"), parse_time(body.end, where="end")
        person, login = _person(sender, body.person)
        more: Tail = {"person": person, "login": login, "hourly_cost": body.hourly_cost, "note": body.note}
        return shop.add_labour(tx, row["id"], sender.subject, start, end, **more)

    return _do(sender, order_id, "labour", body, add)


@router.post("/work-orders/{order_id}/downtime", status_code=201)
def downtime(sender: Sender, order_id: str, body: DowntimeBody) -> OrderShape:
    """Write that the asset stood still, from now unless a start is given."""
    shop = sender.rooms.workshop

    def add(tx: Any, row: dict[str, Any]) -> dict[str, Any]:
        start = parse_time(body.start, where="start") if body.start else now_ns()
        end = parse_time(body.end, where="end") if body.end else None
        more: Tail = {"planned": body.planned, "note": body.note}
        return shop.add_downtime(tx, row["id"], sender.subject, start, end, **more)

    return _do(sender, order_id, "downtime", body, add)


@router.post("/work-orders/{order_id}/downtime/{line_id}/end")
def end_downtime(sender: Sender, order_id: str, line_id: str, body: EndBody | None = None) -> OrderShape:
    """Write when it ran again, now unless an end is given."""
    said = body or EndBody()
    shop = sender.rooms.workshop

    def finish(tx: Any, row: dict[str, Any]) -> dict[str, Any]:
        end = parse_time(said.end, where="end") if said.end else now_ns()
        return shop.end_downtime(tx, row["id"], sender.subject, line_id, end, said.version)

    return _do(sender, order_id, "downtime", said, finish, f"/downtime:{line_id}")


@router.post("/work-orders/{order_id}/permits", status_code=201)
def require(sender: Sender, order_id: str, body: PermitBody) -> OrderShape:
    """Ask for a lock-out or permit: work does not begin or go on before it stands."""
    shop = sender.rooms.workshop
    return _do(
        sender, order_id, "permit", body, lambda tx, row: shop.require_permit(tx, row["id"], sender.subject, body.model_dump())
    )


@router.post("/work-orders/{order_id}/permits/{permit_id}/apply")
def apply(sender: Sender, order_id: str, permit_id: str, body: ApplyBody | None = None) -> OrderShape:
    """Put a lock on, every point confirmed: from here nothing is written to the machine."""
    said, shop = body or ApplyBody(), sender.rooms.workshop
    return _do(
        sender,
        order_id,
        "lock",
        said,
        lambda tx, row: shop.apply_permit(tx, row["id"], sender.subject, permit_id, said.points, said.version),
        f"/permit:{permit_id}",
    )


@router.post("/work-orders/{order_id}/permits/{permit_id}/release")
def release(sender: Sender, order_id: str, permit_id: str, body: ReleaseBody | None = None) -> OrderShape:
    """Take a lock off; somebody else's only as a planner with a reason."""
    said, shop = body or ReleaseBody(), sender.rooms.workshop
    return _do(
        sender,
        order_id,
        "unlock",
        said,
        lambda tx, row: shop.release_permit(tx, row["id"], sender.subject, permit_id, said.reason, said.version),
        f"/permit:{permit_id}",
    )


@router.post("/work-orders/{order_id}/parts", status_code=201)
def parts(sender: Sender, order_id: str, body: PartBody) -> OrderShape:
    """Reserve, issue or give back parts."""
    shop = sender.rooms.workshop
    return _do(
        sender,
        order_id,
        "parts",
        body,
        lambda tx, row: shop.move_part(tx, row["id"], sender.subject, body.action, body.part, body.quantity),
    )


@router.post("/work-orders/{order_id}/attachments", status_code=201)
def attach(sender: Sender, order_id: str, body: AttachBody) -> OrderShape:
    """Keep a document (POST documents) with an order."""
    rooms = sender.rooms

    def keep(tx: Any, row: dict[str, Any]) -> dict[str, Any]:
        about = rooms.store.documents.get(body.document).about
        if not sender.subject.reaches(about or row["asset"]):
            raise NotFound(f"there is no document {body.document}", code="document.not-found")
        return rooms.workshop.attach(tx, row["id"], sender.subject, body.document, body.kind, body.step)

    return _do(sender, order_id, "attach", body, keep)


@router.post("/work-orders/{order_id}/findings", status_code=201)
def merge(sender: Sender, order_id: str, body: MergeBody) -> OrderShape:
    """Let a new alarm or finding join an open order."""
    orders, source = sender.rooms.orders, (body.source.type, body.source.id)
    more = body.model_dump(exclude={"source"})
    return _do(sender, order_id, "merge", body, lambda tx, row: orders.merge(tx, row["id"], sender.subject, source, **more))


@router.post("/work-orders/{order_id}/avoided")
def avoided(sender: Sender, order_id: str, body: AvoidedBody) -> OrderShape:
    """Say what a case avoided, with its assumption."""
    orders = sender.rooms.orders
    said = (body.hours, body.rate_per_hour, body.assumption, body.version)
    return _do(sender, order_id, "avoided", body, lambda tx, row: orders.set_avoided(tx, row["id"], sender.subject, *said))


@router.get("/work-orders/{order_id}/similar")
def similar(rooms: House, subject: Reader, order_id: str) -> Listed[LikeShape]:
    """List finished orders that looked alike, the likest first."""
    rooms.guard.gate(subject, "read", rooms.orders.get(order_id)["asset"])
    rows = [{**one, "done": moment(one["done"])} for one in rooms.orders.similar(order_id)]
    return Listed[LikeShape].model_validate({"items": seen(rooms, subject, rows)})


@router.get("/work-orders/{order_id}/candidates")
def candidates(rooms: House, subject: Reader, order_id: str) -> Listed[Candidate]:
    """List who could take an order, the best first, each with the reasons; a person decides."""
    rooms.guard.gate(subject, "read", rooms.orders.get(order_id)["asset"])
    return Listed[Candidate].model_validate({"items": rooms.workshop.candidates(order_id)})


@router.get("/lockouts")
def lockouts(rooms: House, subject: Reader) -> Listed[LockShape]:
    """List the lock-outs that stand: nothing is written to these machines."""
    names = rooms.guard.names()
    rows = [
        {**one, "applied": moment(one["applied"]), "applied_by": called(one["applied_by"], names)}
        for one in rooms.orders.lockouts()
    ]
    return Listed[LockShape].model_validate({"items": seen(rooms, subject, rows)})


def _do(
    sender: Asking,
    order_id: str,
    verb: str,
    body: Body,
    run: Callable[[Any, dict[str, Any]], dict[str, Any]],
    more: str = "",
) -> OrderShape:
    before = sender.rooms.orders.get(order_id)
    resource = f"work-order:{before['id']}{more}"

    def change(tx: Any) -> dict[str, Any]:
        return run(tx, before)

    row = do_with_current(sender, before["id"], f"work-orders.{verb}", resource, body.model_dump(), change, before["asset"])
    return order_shape(sender.rooms, row)


def _person(sender: Asking, name: str) -> tuple[str, str]:
    """Return id and login of somebody named by either; nobody named is whoever asks."""
    if not name or name in {sender.subject.id, sender.subject.name}:
        return sender.subject.id, sender.subject.name
    logins = sender.rooms.workshop.ids()
    if name in logins:
        return logins[name], name
    by_id = {user_id: login for login, user_id in logins.items()}
    if name not in by_id:
        raise NotFound(f"there is nobody called '{name}'", hint=did_you_mean(name, logins), code="users.unknown")
    return name, by_id[name]


def between(start: str | None, end: str | None, default_days: float, *, ahead: bool = False) -> tuple[int, int]:
    """Return a stretch of time that was asked for; by default so many days back from now (or ahead). Raises InvalidInput."""
    now, span = now_ns(), round(default_days * 86_400_000_000_000)
    low = parse_time(start, where="start") if start else (now if ahead else now - span)
    high = parse_time(end, where="end") if end else (low + span if ahead or start else now)
    if high <= low:
        raise InvalidInput("the end is not after the start", where="end", code="time.order")
    return low, high
