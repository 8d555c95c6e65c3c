"""The bins: a part with its moves and where it is used, counting, adding parts, bills of material, labels to print."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from lineshaft.doors.rest.frame.asking import House, Reader, Sender, seen
from lineshaft.doors.rest.frame.names import called
from lineshaft.doors.rest.frame.shape import (
    AssetPath,
    Body,
    Listed,
    MaybeName,
    Moment,
    SeenVersion,
    Shape,
    moment,
)
from lineshaft.doors.rest.maintain import SpareShape, spare_of
from lineshaft.maintain import label, sheet

router = APIRouter(tags=["maintain"])
Part = Annotated[str, Field(examples=["BRG-6205"])]
Amount = Annotated[float, Field(examples=[2.0])]


class MoveShape(Shape):
    """One move of the stock ledger, and what stood in the bin afterwards."""

    at: Moment
    by: MaybeName
    kind: Annotated[str, Field(examples=["issue"])]
    quantity: Amount
    order_id: Annotated[str | None, Field(examples=[None])]
    note: Annotated[str, Field(examples=["opening stock"])]
    on_hand: Amount
    reserved: Amount


class OtherShape(Shape):
    """A part that may take another one's place."""

    part: Part
    name: Annotated[str, Field(examples=["Deep groove ball bearing 6205 sealed"])]
    bin: Annotated[str, Field(examples=["B-13"])]
    available: Amount


class SpareDetail(SpareShape):
    """A part with its moves, newest first, and what may take its place."""

    moves: list[MoveShape]
    instead: list[OtherShape]


class CountBody(Body):
    """What was counted in the bin."""

    counted: Annotated[float, Field(ge=0, le=1e9, examples=[4])]
    note: Annotated[str, Field(max_length=300, examples=["yearly count"])] = ""
    version: SeenVersion = None


class UseBody(Body):
    """Where a part is used."""

    asset: AssetPath
    quantity: Annotated[float, Field(gt=0, le=1e9, examples=[2])] = 1
    failure_mode: Annotated[str, Field(max_length=20, examples=["VIB"])] = ""


class CardBody(Body):
    """A part's card; the stock of a part that is there is left alone."""

    part: Annotated[str, Field(min_length=1, max_length=80, examples=["BRG-6205"])]
    name: Annotated[str, Field(min_length=1, max_length=200, examples=["Deep groove ball bearing 6205"])]
    bin: Annotated[str, Field(max_length=40, examples=["B-12"])] = ""
    on_hand: Annotated[float, Field(ge=0, le=1e9, examples=[4])] = 0
    minimum: Annotated[float, Field(ge=0, le=1e9, examples=[3])] = 0
    target: Annotated[float, Field(ge=0, le=1e9, examples=[8])] = 0
    unit_cost: Annotated[float, Field(ge=0, le=1e9, examples=[24.5])] = 0
    lead_time_days: Annotated[float, Field(ge=0, le=3650, examples=[5])] = 0
    alternatives: Annotated[list[str], Field(max_length=50, examples=[["BRG-6205-2RS"]])] = Field(default_factory=list[str])
    used_by: list[UseBody] = Field(default_factory=list[UseBody])


class BillShape(OtherShape):
    """A part an asset uses."""

    asset: AssetPath
    quantity: Amount
    failure_mode: Annotated[str, Field(examples=["VIB"])] = ""


@router.get("/spares/labels", response_class=Response)
def labels(
    rooms: House,
    _subject: Reader,
    request: Request,
    part: Annotated[list[str] | None, Query(examples=[["BRG-6205"]], description="All parts unless some are named.")] = None,
) -> Response:
    """Return a page of labels with QR codes, ready to print; a code opens the part's page."""
    base = str(request.base_url).rstrip("/")
    rows = [row for row in rooms.spares.list() if part is None or row["part"] in part or row["id"] in part]
    cells = [(f"{base}/spares?part={quote(row['part'])}", row["part"], f"{row['name']} - {row['bin']}") for row in rows]
    policy = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox allow-modals"}
    return Response(sheet(cells), media_type="text/html; charset=utf-8", headers=policy)


@router.get("/spares/{spare_id}")
def spare(rooms: House, _subject: Reader, spare_id: str) -> SpareDetail:
    """Show a part with its moves, where it is used and what may take its place."""
    row, names = rooms.workshop.inventory.get(spare_id), rooms.guard.names()
    moves = [{**one, "at": moment(one["at"]), "by": called(one["by"], names)} for one in rooms.spares.ledger(row["part"])]
    instead = rooms.workshop.inventory.instead_of(row["part"])
    return SpareDetail.model_validate({**spare_of(row), "moves": moves, "instead": instead})


@router.get("/spares/{spare_id}/label", response_class=Response)
def one_label(rooms: House, _subject: Reader, request: Request, spare_id: str) -> Response:
    """Return a part's QR code as a picture (SVG)."""
    row = rooms.spares.get(spare_id)
    picture = label(f"{str(request.base_url).rstrip('/')}/spares?part={quote(row['part'])}")
    return Response(picture, media_type="image/svg+xml", headers={"Content-Security-Policy": "default-src 'none'; sandbox"})


@router.post("/spares", status_code=201)
def put(sender: Sender, body: CardBody) -> SpareShape:
    """Add a part, or change the card of one."""
    values = body.model_dump(exclude={"part"})

    def run(tx: Any) -> dict[str, Any]:
        return sender.rooms.spares.get(sender.rooms.spares.add(tx, body.part, values, sender.subject), tx)

    return SpareShape.model_validate(spare_of(sender.do("spares.edit", f"spare:{body.part}", body.model_dump(), run)))


@router.post("/spares/{spare_id}/count")
def count(sender: Sender, spare_id: str, body: CountBody) -> SpareShape:
    """Write what was counted in a bin; the difference is a move of the ledger."""
    store = sender.rooms.workshop.inventory

    def run(tx: Any) -> dict[str, Any]:
        return store.count(tx, spare_id, body.counted, sender.subject, body.note, body.version)

    return SpareShape.model_validate(spare_of(sender.do("spares.count", f"spare:{spare_id}", body.model_dump(), run)))


@router.get("/parts-used")
def bill(rooms: House, subject: Reader, asset: Annotated[str, Query(examples=["Bakery/Line 1"])]) -> Listed[BillShape]:
    """List the parts an asset and what lies below it use."""
    path = rooms.assets.asset(asset).path
    return Listed[BillShape].model_validate({"items": seen(rooms, subject, rooms.workshop.inventory.bill(path))})
