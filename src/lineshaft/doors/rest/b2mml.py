"""Work orders as B2MML: WorkRequest, JobOrder and JobResponse out; requests, orders and responses in."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response, UploadFile
from pydantic import Field

from lineshaft.core import LineshaftError
from lineshaft.doors.rest.frame.asking import Asking, House, Reader, Sender
from lineshaft.doors.rest.frame.shape import Shape
from lineshaft.maintain import Answered, read_b2mml, way_to, write_b2mml

router = APIRouter(tags=["exchange"])


class TakenShape(Shape):
    """What a file of another system did here."""

    added: Annotated[list[str], Field(examples=[["WO-000012"]], description="Orders that were made.")]
    known: Annotated[list[str], Field(examples=[[]], description="Orders that were asked for before.")]
    moved: Annotated[list[str], Field(examples=[["WO-000007: start, done"]], description="Steps that were taken.")]


@router.get("/work-orders/{order_id}/b2mml", response_class=Response)
def one(
    rooms: House,
    subject: Reader,
    order_id: str,
    form: Annotated[Literal["work-request", "job-order", "job-response"], Query(examples=["job-order"])] = "job-order",
) -> Response:
    """Show a work order as B2MML."""
    order = rooms.orders.get(order_id)
    rooms.guard.gate(subject, "read", order["asset"])
    content = write_b2mml(order, form, _schemas(rooms))
    return Response(content, media_type="application/xml")


@router.post("/import/b2mml")
def take(sender: Sender, file: Annotated[UploadFile, Field(examples=["(a file)"])]) -> TakenShape:
    """Take orders (WorkRequest, JobOrder, JobList), each once, and answers (JobResponse) that move orders on; all or nothing."""
    rooms = sender.rooms
    action, branch = "work-orders.create", sender.subject.scope[0] if sender.subject.scope else ""
    if not rooms.guard.may(sender.subject, action, branch):
        sender.do(action, "import:b2mml", {}, lambda _tx: {}, branch)
    content = file.file.read()
    found = read_b2mml(content, _schemas(rooms))

    def run(tx: Any) -> dict[str, Any]:
        done: dict[str, list[str]] = {"added": [], "known": [], "moved": []}
        for entry in found:
            try:
                _answer(sender, tx, entry, done) if isinstance(entry, Answered) else _ask(sender, tx, entry, done)
            except LineshaftError as error:
                raise type(error)(error.what, where=f"line {entry.line}", hint=error.hint, code=error.code) from None
        return dict(done)

    body = {"content": content.decode(errors="replace")}
    return TakenShape.model_validate(sender.do(action, "import:b2mml", body, run, branch))


def _ask(sender: Asking, tx: Any, asked: Any, done: dict[str, list[str]]) -> None:
    asset = sender.rooms.assets.asset(asked.asset).path
    sender.rooms.guard.gate(sender.subject, "work-orders.create", asset)
    known = sender.rooms.orders.of_source("b2mml", asked.external, tx)
    values = {"title": asked.title, "priority": asked.priority, "due": asked.due}
    made = sender.rooms.orders.create(tx, sender.subject, asset=asset, source=("b2mml", asked.external), **values)
    done["known" if known else "added"].append(made["number"])


def _answer(sender: Asking, tx: Any, answered: Answered, done: dict[str, list[str]]) -> None:
    orders = sender.rooms.orders
    order = orders.get(orders.of_source("b2mml", answered.order, tx) or answered.order, tx)
    steps = way_to(order["state"], answered.state)
    for verb in steps:
        sender.rooms.guard.gate(sender.subject, f"work-orders.{verb}", order["asset"])
        getattr(orders, verb)(tx, order["id"], sender.subject, note=answered.said)
    if steps:
        done["moved"].append(f"{order['number']}: {', '.join(steps)}")


def _schemas(rooms: Any) -> str:
    chosen = rooms.settings.get("maintain")
    return chosen.b2mml_schemas if chosen is not None else ""
