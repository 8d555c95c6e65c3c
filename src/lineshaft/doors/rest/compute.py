"""OEE with its losses and its explanation, and the stops behind it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from lineshaft.compute import Stop
from lineshaft.doors.rest.frame.asking import House, Reader, Sender
from lineshaft.doors.rest.frame.moments import End, Start, span
from lineshaft.doors.rest.frame.paging import After, Limit, page
from lineshaft.doors.rest.frame.shape import AssetPath, Body, Id, Listed, MaybeMoment, Moment, SeenVersion, Shape, Version, moment

router = APIRouter(tags=["compute"])
Ratio = Annotated[float | None, Field(examples=[0.86], description="null where it is not defined")]
OneAsset = Annotated[str, Query(description="A machine, or a line (its constraint answers).", examples=["Bakery/Line 1/Oven"])]


class Loss(Shape):
    """Time lost, by name, from the whole calendar time down to fully productive time."""

    name: Annotated[str, Field(examples=["starved"])]
    seconds: Annotated[float, Field(examples=[312.0])]


class OeeShape(Shape):
    """The OEE of a machine over (start, end], with everything it was made from."""

    asset: AssetPath
    start: Moment
    end: Moment
    availability: Ratio
    performance: Ratio
    quality: Ratio
    oee: Ratio
    teep: Ratio
    elements: Annotated[dict[str, float], Field(examples=[{"planned_busy": 3600.0, "actual_production": 3000.0, "down": 120.0}])]
    counts: Annotated[dict[str, float | None], Field(examples=[{"good": 5800, "bad": 32}])]
    ideal_cycle_s: Annotated[float | None, Field(examples=[0.5])]
    model: Annotated[str, Field(examples=["iso22400"])]
    versions: Annotated[dict[str, Any], Field(examples=[{"Oven": 1}])]
    losses: list[Loss]
    bands: Annotated[dict[str, Any], Field(examples=[{"world_class": 0.85, "typical": [0.55, 0.65]}])]
    gain_per_10_points: Annotated[Any, Field(examples=[{"money_per_hour": 90.0}])]
    coverage: Annotated[float | None, Field(examples=[0.998], description="Share of the time the state was known.")]
    constraint: Annotated[str | None, Field(examples=[None], description="The constraint, when a line was asked for.")] = None
    explain: Annotated[list[Any] | None, Field(examples=[None])] = None


class StopShape(Shape):
    """A stop of a machine; `end` is null while it lasts."""

    id: Id
    asset: AssetPath
    start: Moment
    end: MaybeMoment
    state: Annotated[str, Field(examples=["down"])]
    reason: Annotated[str | None, Field(examples=["film change"])]
    micro: Annotated[bool, Field(examples=[False], description="Shorter than the limit: a performance loss.")]
    version: Annotated[int, Field(examples=[0], description="0 until it has a reason.")]


class ReasonBody(Body):
    """Why a machine stood still."""

    reason: Annotated[str, Field(min_length=1, max_length=200, examples=["film change"])]
    version: SeenVersion = None


class Coded(Shape):
    """The stop has its reason."""

    id: Id
    reason: Annotated[str, Field(examples=["film change"])]
    version: Version = 1


@router.get("/oee")
def oee(
    rooms: House,
    subject: Reader,
    asset: OneAsset,
    start: Start = None,
    end: End = None,
    explain: Annotated[bool, Query(description="With the intervals and counts the figures were made from.")] = False,
    model: Annotated[str | None, Query(description="A time model; default: the machine's.", examples=["iso22400"])] = None,
) -> OeeShape:
    """Return the OEE over (start, end]; for a line that of its constraint, never a mean of machines in series."""
    one = rooms.assets.asset(asset)
    rooms.guard.gate(subject, "read", one.path)
    found = rooms.compute.oee(one.path, *span(start, end), explain=explain, model=model)
    shown = {name: getattr(found, name) for name in OeeShape.model_fields}
    times = {"start": moment(found.start), "end": moment(found.end)}
    return OeeShape.model_validate({**shown, **times, "explain": list(found.explain) if explain else None})


@router.get("/downtime")
def downtime(
    rooms: House,
    subject: Reader,
    asset: OneAsset,
    start: Start = None,
    end: End = None,
    limit: Limit = 500,
    after: After = None,
) -> Listed[StopShape]:
    """List the stops in (start, end]."""
    one = rooms.assets.asset(asset)
    rooms.guard.gate(subject, "read", one.path)
    first, last = span(start, end, 8 * 3600)
    items = [_stop(stop) for stop in rooms.compute.downtime(one.path, first, last)]
    return Listed[StopShape].model_validate(page(items, limit, after))


@router.patch("/downtime/{stop_id}")
def code_stop(sender: Sender, stop_id: str, body: ReasonBody) -> Coded:
    """Say why a machine stood still."""

    def run(tx: Any) -> dict[str, Any]:
        version = sender.rooms.compute.code_stop(tx, stop_id, body.reason, body.version)
        return {"id": stop_id, "reason": body.reason, "version": version}

    return Coded.model_validate(sender.do("downtime.code", f"stop:{stop_id}", body.model_dump(), run))


def _stop(stop: Stop) -> dict[str, Any]:
    names = ("id", "asset", "state", "reason", "micro", "version")
    shown = {name: getattr(stop, name) for name in names}
    return {**shown, "start": moment(stop.start), "end": moment(stop.end)}
