"""Fleets of like machines, and what people know about the past of an asset: times that were an anomaly, normal, or neither."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from lineshaft.core import parse_time
from lineshaft.doors.rest.frame.asking import Asking, House, Reader, Sender
from lineshaft.doors.rest.frame.names import called
from lineshaft.doors.rest.frame.paging import After, Limit, page
from lineshaft.doors.rest.frame.shape import AssetPath, Body, Id, Listed, MaybeName, Moment, Shape, Version, moment
from lineshaft.doors.rest.machine_models import Delay, Length, Settings
from lineshaft.doors.rooms import Rooms
from lineshaft.guard import Subject, allowed

router = APIRouter(tags=["detect"])
ACTION = "models.edit"


class FleetBody(Body):
    """Models for all assets of one asset model; names of properties are seen from the asset."""

    name: Annotated[str, Field(max_length=100, examples=["Pumps"])]
    under: AssetPath
    model: Annotated[str, Field(max_length=200, examples=["Pump"], description="The asset model.")]
    properties: Annotated[list[str], Field(max_length=500, examples=[["Vibration", "Flow"]])] = Field(default_factory=list)
    settings: Settings
    every: Length = "1m"
    lookback: Annotated[str, Field(examples=["90d"])] = "90d"
    retrain: Annotated[str, Field(examples=["30d"])] = ""
    promote: Annotated[str, Field(examples=["by hand"])] = "by hand"
    delay: Delay = ""
    failure_mode: Annotated[str, Field(max_length=20, examples=["VIB"])] = ""
    together: Annotated[
        bool, Field(examples=[False], description="One model from the rows of all; otherwise one an asset from its own.")
    ] = False


class FleetTrainBody(Body):
    """Which fleet to train, and on which time."""

    name: Annotated[str, Field(max_length=100, examples=["Pumps"])]
    end: Annotated[str | None, Field(examples=["2026-11-20T06:00:00Z"])] = None


class FleetShape(Shape):
    """A fleet: how many models, and how far each is."""

    name: Annotated[str, Field(examples=["Pumps"])]
    together: Annotated[bool, Field(examples=[False])]
    models: list[Id]
    training: Annotated[int, Field(examples=[2], description="So many wait or are at it.")]


class LabelBody(Body):
    """What a time was."""

    asset: AssetPath
    start: Annotated[str, Field(examples=["2026-11-01T06:00:00Z"])]
    end: Annotated[str, Field(examples=["2026-11-02T06:00:00Z"])]
    kind: Annotated[Literal["anomaly", "normal", "neutral"], Field(examples=["anomaly"])] = "anomaly"
    code: Annotated[str, Field(max_length=50, examples=["BRG"], description="The fault's code.")] = ""
    note: Annotated[str, Field(max_length=2000, examples=["bearing changed on the 2nd"])] = ""


class LabelShape(Shape):
    """A label of an asset."""

    id: Id
    asset: AssetPath
    start: Moment
    end: Moment
    kind: Annotated[str, Field(examples=["anomaly"])]
    code: Annotated[str, Field(examples=["BRG"])]
    note: Annotated[str, Field(examples=["bearing changed on the 2nd"])]
    by: MaybeName
    version: Version


@router.get("/anomaly-fleets")
def fleets(rooms: House, subject: Reader, limit: Limit = 100, after: After = None) -> Listed[FleetShape]:
    """List fleets by name."""
    names = sorted(
        {row["fleet"] for row in rooms.machines.book.list() if row["fleet"] and _reaches(rooms, subject, row["asset"])}
    )
    return Listed[FleetShape].model_validate(page([_fleet(rooms, subject, name) for name in names], limit, after))


@router.post("/anomaly-fleets", status_code=201)
def plan(sender: Sender, body: FleetBody) -> FleetShape:
    """Plan a model for each asset of an asset model below an asset; nothing is trained yet."""
    rooms, wanted = sender.rooms, body.model_dump()

    def run(tx: Any) -> dict[str, Any]:
        made = rooms.machines.book.create_fleet(tx, sender.subject, wanted)
        for path in {path for one in made for path in one["properties"]}:
            rooms.guard.gate(sender.subject, "read", path)
        return {"models": len(made)}

    sender.do(ACTION, "fleet", wanted, run, body.under)
    return FleetShape.model_validate(_fleet(rooms, sender.subject, body.name))


@router.post("/anomaly-fleets/train", status_code=202)
def train(sender: Sender, body: FleetTrainBody) -> FleetShape:
    """Begin to train all models of a fleet: a few at a time, each in a process of its own; together: one training for all."""
    _first(sender)
    rooms = sender.rooms
    members = rooms.machines.book.fleet(body.name)
    end = parse_time(body.end, where="end") if body.end else None
    begun: list[list[dict[str, Any]]] = []

    def run(tx: Any) -> dict[str, Any]:
        for one in members:
            for path in (one["asset"], *one["properties"]):
                rooms.guard.gate(sender.subject, "read", path)
        some = members[:1] if members[0]["together"] else members
        begun.extend(rooms.machines.train(tx, one["id"], sender.subject.id, end) for one in some)
        return {"trainings": len(begun)}

    sender.do(ACTION, f"fleet:{body.name}", {"what": "train", **body.model_dump()}, run, members[0]["asset"])
    for rows in begun:
        rooms.machines.begin(rows)
    return FleetShape.model_validate(_fleet(rooms, sender.subject, body.name))


@router.get("/anomaly-labels")
def labels(
    rooms: House,
    subject: Reader,
    *,
    asset: Annotated[str | None, Query(examples=["Bakery/Line 1/Cooler/Coolant pump"])] = None,
    start: Annotated[str | None, Query(examples=["2026-11-01T06:00:00Z"], description="Those that last longer.")] = None,
    end: Annotated[str | None, Query(examples=["2026-11-20T06:00:00Z"], description="Those that begin before.")] = None,
    kind: Annotated[str, Query(examples=["anomaly"])] = "",
    code: Annotated[str, Query(examples=["BRG"], description="The fault's code.")] = "",
    limit: Limit = 100,
    after: After = None,
) -> Listed[LabelShape]:
    """List labels given by hand, the newest time first."""
    names = rooms.guard.names()
    times = {name: parse_time(at, where=name) for name, at in (("start", start), ("end", end)) if at}
    found = rooms.machines.labels.list(asset, **times, kind=kind, code=code)
    rows = [row for row in found if _reaches(rooms, subject, row["asset"])]
    return Listed[LabelShape].model_validate(page([_label(row, names) for row in rows], limit, after))


@router.post("/anomaly-labels", status_code=201)
def label(sender: Sender, body: LabelBody) -> LabelShape:
    """Say what a time of an asset was; the next training and every backtest know it."""
    rooms = sender.rooms
    given = {**body.model_dump(), "start": parse_time(body.start, where="start"), "end": parse_time(body.end, where="end")}

    def run(tx: Any) -> dict[str, Any]:
        rooms.machines.book.properties(body.asset, ())
        return {"id": rooms.machines.labels.add(tx, body.asset, sender.subject, given)["id"]}

    made = sender.do(ACTION, "label", body.model_dump(), run, body.asset)
    return LabelShape.model_validate(_label(rooms.machines.labels.get(made["id"]), rooms.guard.names()))


@router.delete("/anomaly-labels/{label_id}")
def unlabel(sender: Sender, label_id: str) -> LabelShape:
    """Take a label back."""
    _first(sender)
    rooms = sender.rooms
    row = rooms.machines.labels.get(label_id)

    def run(tx: Any) -> dict[str, Any]:
        rooms.machines.labels.remove(tx, label_id)
        return {"id": label_id}

    sender.do(ACTION, f"label:{label_id}", {"what": "remove"}, run, row["asset"])
    return LabelShape.model_validate(_label(row, rooms.guard.names()))


def _first(sender: Asking) -> None:
    """Refuse who may not change models before saying what there is."""
    if not allowed(sender.subject.roles, sender.subject.kind, ACTION):
        sender.do(ACTION, "model", {}, lambda _tx: {})


def _reaches(rooms: Rooms, subject: Subject, asset: str) -> bool:
    return not subject.scope or bool(rooms.guard.readable(subject, "read", {asset}))


def _fleet(rooms: Rooms, subject: Subject, name: str) -> dict[str, Any]:
    rows = [row for row in rooms.machines.book.fleet(name) if _reaches(rooms, subject, row["asset"])]
    training = sum(one["state"] == "training" for row in rows for one in rooms.machines.book.versions(row["id"]))
    return {
        "name": name,
        "together": bool(rows and rows[0]["together"]),
        "models": [row["id"] for row in rows],
        "training": training,
    }


def _label(row: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    return {**row, "start": moment(row["start"]), "end": moment(row["end"]), "by": called(row["by"], names)}
