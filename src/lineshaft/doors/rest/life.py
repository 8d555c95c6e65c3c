"""Remaining life: fleets of like assets, what they were learned from, and how long each asset will last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from lineshaft.core import parse_time
from lineshaft.doors.rest.frame.asking import Asking, House, Reader, Sender
from lineshaft.doors.rest.frame.names import called
from lineshaft.doors.rest.frame.paging import After, Limit, page
from lineshaft.doors.rest.frame.shape import (
    AssetPath,
    Body,
    Id,
    Listed,
    MaybeMoment,
    MaybeName,
    Moment,
    Number,
    SeenVersion,
    Shape,
    Version,
    moment,
)
from lineshaft.doors.rooms import Rooms
from lineshaft.guard import Subject, allowed

router = APIRouter(prefix="/life", tags=["detect"])
ACTION = "models.edit"
HOUR = 3600e9


class IndexBody(Body):
    """A property that tells wear, and the value at which an asset must not run on."""

    property: Annotated[str, Field(examples=["Vibration"], description="A property's name, the same on every asset.")]
    limit: Annotated[float, Field(examples=[7.1])]
    rising: Annotated[bool, Field(examples=[True], description="False: wear makes it fall.")] = True


class LifeBody(Body):
    """A life from before the node's own records: with its times where values are there, else with its age alone."""

    asset: Annotated[str, Field(examples=["Bakery/Line 1/Cooler/Coolant pump"])]
    begin: Annotated[str | None, Field(examples=["2024-01-10T06:00:00Z"])] = None
    end: Annotated[str | None, Field(examples=["2025-03-02T14:00:00Z"])] = None
    age: Annotated[str | None, Field(examples=["417d"])] = None
    failed: Annotated[bool, Field(examples=[True], description="False: it was replaced before it failed.")] = True


class FleetBody(Body):
    """A fleet to plan: its assets (or all of an asset model), and what to learn from."""

    name: Annotated[str, Field(max_length=200, examples=["Coolant pumps"])] = ""
    assets: list[AssetPath] = Field(default_factory=list, max_length=1000)
    model: Annotated[str, Field(examples=["Pump"], description="All assets of this model, where none are named.")] = ""
    under: Annotated[str, Field(examples=["Bakery"], description="Only those at or below this asset.")] = ""
    properties: list[Annotated[str, Field(examples=["Vibration"])]] = Field(default_factory=list, max_length=200)
    every: Annotated[str, Field(examples=["1h"], description="Length of a step.")] = "1h"
    lookback: Annotated[str, Field(examples=["730d"])] = "730d"
    cap: Annotated[str, Field(examples=["90d"], description="No forecast goes beyond; empty: 60 % of a usual life.")] = ""
    low: Annotated[str, Field(examples=["14d"], description="A finding is filed when less is left; empty: never.")] = ""
    index: IndexBody | None = None
    method: Annotated[str, Field(examples=[""], description="sensors, history or trend; empty: by what there is.")] = ""
    lives: list[LifeBody] = Field(default_factory=list, max_length=10_000)
    failure_mode: Annotated[str, Field(max_length=20, examples=["BRG"], description="Only work orders with it end lives.")] = ""
    retrain: Annotated[str, Field(examples=["30d"])] = ""


class FleetTrainBody(Body):
    """On which time to learn."""

    end: Annotated[str | None, Field(examples=["2026-11-20T06:00:00Z"], description="Default: now.")] = None


class FleetUseBody(Body):
    """Which version is to forecast; null: none."""

    number: Annotated[int | None, Field(examples=[1])]
    version: SeenVersion = None


class FleetVersion(Shape):
    """One trained version: the method, why it was taken, and how good it is on lives it had not seen."""

    number: Annotated[int, Field(examples=[1])]
    state: Annotated[str, Field(examples=["ready"], description="training, ready, forgotten, failed or cancelled")]
    share: Annotated[float, Field(examples=[1.0])]
    step: Annotated[str, Field(examples=["learning, part 2 of 5"])]
    error: Annotated[str, Field(examples=[""])]
    method: Annotated[str, Field(examples=["sensors"])]
    cap_h: Number
    why: list[Annotated[str, Field(examples=["24 lives with sensors ended in a failure"])]]
    about: Annotated[dict[str, Any], Field(examples=[{"failures": 24, "quality": {"rmse": 3.2e12, "coverage": 0.81}}])]
    start: Moment
    end: Moment
    begun: Moment
    ended: MaybeMoment
    forgotten: Annotated[MaybeMoment, Field(description="When what it had learned was taken away to save room.")]
    by: MaybeName


class ForecastShape(Shape):
    """How long an asset will last, in hours: 80 % of such assets last from low to high; no high: no end is in sight."""

    fleet_id: Id
    fleet: Annotated[str, Field(examples=["Coolant pumps"])]
    asset: AssetPath
    at: Moment
    begin: Moment
    age_h: Number
    remaining_h: Number
    low_h: Number
    high_h: Number
    more_than: Annotated[bool, Field(examples=[False], description="True: say `more than low`, not `remaining`.")]
    due: MaybeMoment
    method: Annotated[str, Field(examples=["sensors"])]
    number: Annotated[int, Field(examples=[1])]
    why: Annotated[list[dict[str, Any]], Field(examples=[[{"sensor": "Vibration", "adds_h": -310.0}]])]
    error: Annotated[str, Field(examples=[""])]
    finding: Annotated[str | None, Field(examples=[None])]


class FleetShape(Shape):
    """A fleet, its versions (the newest first) and its forecasts (the shortest first)."""

    id: Id
    name: Annotated[str, Field(examples=["Coolant pumps"])]
    assets: list[AssetPath]
    properties: list[str]
    every_h: Number
    lookback_h: Number
    cap_h: Number
    low_h: Number
    retrain_h: Number
    index: Annotated[dict[str, Any] | None, Field(examples=[{"property": "Vibration", "limit": 7.1, "rising": True}])]
    method: Annotated[str, Field(examples=[""])]
    lives: Annotated[int, Field(examples=[12], description="Lives that somebody told.")]
    failure_mode: Annotated[str, Field(examples=["BRG"])]
    created: Moment
    by: MaybeName
    active: Annotated[int | None, Field(examples=[1])]
    through: MaybeMoment
    versions: list[FleetVersion]
    version: Version


@router.get("")
def fleets(rooms: House, subject: Reader, limit: Limit = 100, after: After = None) -> Listed[FleetShape]:
    """List fleets by name."""
    names = rooms.guard.names()
    cut = page([row for row in rooms.fleets.book.list() if _may(rooms, subject, row)], limit, after)
    return Listed[FleetShape].model_validate({**cut, "items": [_shown(rooms, row, names) for row in cut["items"]]})


@router.get("/forecasts")
def forecasts(rooms: House, subject: Reader, limit: Limit = 100, after: After = None) -> Listed[ForecastShape]:
    """List how long every asset will last, the shortest first."""
    known = {row["id"]: row for row in rooms.fleets.book.list()}
    methods = {key: {one["number"]: one["method"] for one in rooms.fleets.book.versions(key)} for key in known}
    rows = rooms.fleets.book.forecasts()
    seen = set(rooms.guard.readable(subject, "read", {row["asset"] for row in rows})) if subject.scope else None
    told = [
        _forecast(row, known[row["fleet_id"]]["name"], methods[row["fleet_id"]].get(row["number"], ""))
        for row in rows
        if seen is None or row["asset"] in seen
    ]
    return Listed[ForecastShape].model_validate(page(told, limit, after))


@router.post("", status_code=201)
def plan(sender: Sender, body: FleetBody) -> FleetShape:
    """Plan a fleet; nothing is learned yet."""
    rooms, wanted = sender.rooms, body.model_dump()

    def run(tx: Any) -> dict[str, Any]:
        for path in rooms.fleets.book.assets(wanted):
            rooms.guard.gate(sender.subject, "read", path)
        return {"id": rooms.fleets.book.create(tx, sender.subject, wanted)["id"]}

    made = sender.do(ACTION, "life", wanted, run)
    return _one(rooms, made["id"])


@router.get("/{fleet_id}")
def fleet(rooms: House, subject: Reader, fleet_id: str) -> FleetShape:
    """Return a fleet with its versions."""
    _gate(rooms, subject, rooms.fleets.book.fleet(fleet_id))
    return _one(rooms, fleet_id)


@router.post("/{fleet_id}/train", status_code=202)
def train(sender: Sender, fleet_id: str, body: FleetTrainBody | None = None) -> FleetShape:
    """Begin to learn a new version in a process of its own; `GET` shows how far it is. The first one forecasts at once."""
    rooms = sender.rooms
    begun: list[dict[str, Any]] = []
    end = parse_time(body.end, where="end") if body and body.end else None

    def run(tx: Any) -> dict[str, Any]:
        begun.append(rooms.fleets.train(tx, fleet_id, sender.subject.id, end))
        return {"number": begun[0]["number"]}

    _do(sender, fleet_id, "train", {"end": end}, run)
    if begun:  # a repeated command begins nothing
        rooms.fleets.begin(begun[0])
    return _one(rooms, fleet_id)


@router.post("/{fleet_id}/cancel")
def cancel(sender: Sender, fleet_id: str) -> FleetShape:
    """End the training under way; nothing of it is kept."""
    rooms = sender.rooms
    _known(sender, fleet_id)
    sender.do_outside(ACTION, f"life:{fleet_id}", {"what": "cancel"}, lambda: {"state": rooms.fleets.cancel(fleet_id)["state"]})
    return _one(rooms, fleet_id)


@router.post("/{fleet_id}/use")
def use(sender: Sender, fleet_id: str, body: FleetUseBody) -> FleetShape:
    """Let a version forecast, or none."""
    book = sender.rooms.fleets.book
    _do(
        sender,
        fleet_id,
        "use",
        body.model_dump(),
        lambda tx: {"version": book.use(tx, fleet_id, body.number, body.version)["version"]},
    )
    return _one(sender.rooms, fleet_id)


def _may(rooms: Rooms, subject: Subject, row: dict[str, Any]) -> bool:
    """Say whether somebody may see a fleet: all of its assets."""
    return not subject.scope or len(set(rooms.guard.readable(subject, "read", set(row["assets"])))) == len(set(row["assets"]))


def _gate(rooms: Rooms, subject: Subject, row: dict[str, Any]) -> None:
    for path in row["assets"]:
        rooms.guard.gate(subject, "read", path)


def _known(sender: Asking, fleet_id: str) -> None:
    """Look the fleet up; who may not change fleets is not told whether there is one."""
    if not allowed(sender.subject.roles, sender.subject.kind, ACTION):
        sender.do(ACTION, f"life:{fleet_id}", {}, lambda _tx: {})
    _gate(sender.rooms, sender.subject, sender.rooms.fleets.book.fleet(fleet_id))


def _do(sender: Asking, fleet_id: str, what: str, body: dict[str, Any], run: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    _known(sender, fleet_id)
    return sender.do(ACTION, f"life:{fleet_id}", {"what": what, **body}, run)


def _one(rooms: Rooms, fleet_id: str) -> FleetShape:
    return FleetShape.model_validate(_shown(rooms, rooms.fleets.book.fleet(fleet_id), rooms.guard.names()))


def _hours(value: float | None) -> float | None:
    return None if value is None else float(value) / HOUR


def _shown(rooms: Rooms, row: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    versions = [
        {
            **one,
            **{name: moment(one[name]) for name in ("start", "end", "begun", "ended", "forgotten")},
            "cap_h": _hours(one["cap"]),
            "about": _in_hours(one["about"]),
            "by": called(one["by"], names),
        }
        for one in rooms.fleets.book.versions(row["id"])
    ]
    lengths = {f"{name}_h": _hours(row[name]) for name in ("every", "lookback", "cap", "low", "retrain")}
    return {
        **row,
        **lengths,
        "lives": len(row["lives"]),
        "created": moment(row["created"]),
        "through": moment(row["through"] or None),
        "by": called(row["by"], names),
        "versions": versions,
    }


def _in_hours(about: dict[str, Any]) -> dict[str, Any]:
    """Return what a version was learned from, its lengths in hours."""
    told = {**about, **{f"{name}_h": _hours(about[name]) for name in ("usual_life", "scale") if about.get(name) is not None}}
    quality = about.get("quality")
    if quality:
        told["quality"] = {**quality, **{f"{name}_h": _hours(quality[name]) for name in ("rmse", "mean_error")}}
    return told


def _forecast(row: dict[str, Any], name: str, method: str) -> dict[str, Any]:
    due = None if row["remaining"] is None or row["more_than"] else moment(int(row["at"] + row["remaining"]))
    why = [{**one, "adds_h": one["adds"] / HOUR} if "adds" in one else one for one in row["why"]]
    lengths = {f"{key}_h": _hours(row[key]) for key in ("age", "remaining", "low", "high")}
    times = {"at": moment(row["at"]), "begin": moment(row["begin"]), "due": due}
    return {**row, **lengths, **times, "fleet": name, "method": method, "why": why}
