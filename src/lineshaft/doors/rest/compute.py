"""OEE with its losses and its explanation, and the stops behind it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from lineshaft.compute import Stop
from lineshaft.core import parse_time
from lineshaft.doors.rest.frame.asking import House, Reader, Sender, seen
from lineshaft.doors.rest.frame.moments import End, Start, span
from lineshaft.doors.rest.frame.paging import After, Limit, page
from lineshaft.doors.rest.frame.shape import AssetPath, Body, Id, Listed, MaybeMoment, Moment, SeenVersion, Shape, Version, moment

router = APIRouter(tags=["compute"])
Ratio = Annotated[float | None, Field(examples=[0.86], description="null where it is not defined")]
OneAsset = Annotated[
    str,
    Query(
        description="A machine, a line (its constraint answers) or a site (the sum of its lines).",
        examples=["Bakery/Line 1/Oven"],
    ),
]


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
    parts: Annotated[
        list[Any],
        Field(
            default_factory=list,
            examples=[[{"machine": "Bakery/Line 1/Oven", "start": "2026-11-20T06:00:00Z", "oee": 0.7}]],
            description="Each part, when the constraint moved or the model changed; each line, when a site was asked for.",
        ),
    ]
    e10: Annotated[
        dict[str, float],
        Field(default_factory=dict, examples=[{"productive": 3000.0, "standby": 312.0}], description="The states of SEMI E10."),
    ]
    as_of: Annotated[str | None, Field(examples=[None], description="The figures as they were known then.")] = None
    corrections: Annotated[
        list[Any],
        Field(default_factory=list, examples=[[{"parts": 12, "reason": "too light"}]], description="Late scrap that is counted."),
    ]
    waiting: Annotated[float, Field(examples=[0], description="Late scrap in parts that waits for a recompute.")] = 0
    explain: Annotated[list[Any] | None, Field(examples=[None])] = None


class ActorShape(Shape):
    """A machine by what its own standstill cost: hours down times its DowntimeRate."""

    asset: AssetPath
    down_s: Annotated[float, Field(examples=[5400.0])]
    failures: Annotated[int, Field(examples=[3], description="Stops in state down that are not short.")]
    mtbf_s: Annotated[float | None, Field(examples=[9600.0], description="Operating time per failure.")]
    mttr_s: Annotated[float | None, Field(examples=[1800.0], description="Time down per failure.")]
    rate_per_hour: Annotated[float | None, Field(examples=[900.0])]
    cost: Annotated[float | None, Field(examples=[1350.0], description="null where no rate is set")]
    assumption: Annotated[str, Field(examples=["hours down x 900 per hour (DowntimeRate)"])]
    oee: Ratio
    reasons: Annotated[list[tuple[str, float]], Field(examples=[[["bearing", 3600.0]]], description="Seconds by reason.")]


class StopShape(Shape):
    """A stop of a machine; `end` is null while it lasts."""

    id: Id
    asset: AssetPath
    start: Moment
    end: MaybeMoment
    state: Annotated[str, Field(examples=["down"])]
    reason: Annotated[str | None, Field(examples=["film change"])]
    micro: Annotated[bool, Field(examples=[False], description="Shorter than the limit: a performance loss.")]
    code: Annotated[str | None, Field(examples=["17"], description="What the machine said, if it says why it stands.")]
    by: Annotated[str, Field(examples=["person"], description="Who gave the reason: person, machine, or nobody yet.")]
    version: Annotated[int, Field(examples=[0], description="0 until a person gave it a reason.")]


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
    as_of: Annotated[
        str | None, Query(description="The figures as they were known then.", examples=["2026-11-21T00:00:00Z"])
    ] = None,
) -> OeeShape:
    """Return the OEE over (start, end]; for a line that of its constraint, never a mean of machines in series."""
    one = rooms.assets.asset(asset)
    rooms.guard.gate(subject, "read", one.path)
    then = None if as_of is None else parse_time(as_of, where="as_of")
    found = rooms.compute.oee(one.path, *span(start, end), explain=explain, model=model, as_of=then)
    shown = {name: getattr(found, name) for name in OeeShape.model_fields}
    times = {"start": moment(found.start), "end": moment(found.end), "as_of": moment(found.as_of)}
    return OeeShape.model_validate({**shown, **times, "explain": list(found.explain) if explain else None})


@router.get("/time-models")
def time_models(rooms: House, _subject: Reader) -> dict[str, str]:
    """Name the time models of OEE, and what each divides by what."""
    return dict(rooms.compute.time_models)


@router.get("/bad-actors")
def bad_actors(
    rooms: House,
    subject: Reader,
    under: Annotated[str, Query(description="A position; default: the whole plant.", examples=["Bakery/Line 1"])] = "",
    start: Start = None,
    end: End = None,
    limit: Limit = 100,
    after: After = None,
) -> Listed[ActorShape]:
    """Rank machines by what their own standstill cost over (start, end]; starved and blocked are others' doing."""
    place = rooms.assets.asset(under).path if under else ""
    rooms.guard.gate(subject, "read", place)
    first, last = span(start, end, 8 * 3600)
    items = [
        {name: getattr(one, name) for name in ActorShape.model_fields} for one in rooms.compute.bad_actors(place, first, last)
    ]
    return Listed[ActorShape].model_validate(page(seen(rooms, subject, items), limit, after))


@router.get("/downtime")
def downtime(
    rooms: House,
    subject: Reader,
    asset: Annotated[str | None, Query(description="A position; default: the whole plant.", examples=["Bakery/Line 1"])] = None,
    start: Start = None,
    end: End = None,
    limit: Limit = 500,
    after: After = None,
) -> Listed[StopShape]:
    """List the stops in (start, end]: of a machine, of all machines below a position, or of the plant."""
    first, last = span(start, end, 8 * 3600)
    if asset is None:
        roots = [one.path for one in rooms.assets.tree() if one.parent_id is None]
        stops = [stop for root in roots for stop in rooms.compute.downtime(root, first, last)]
        may = set(rooms.guard.readable(subject, "read", {stop.asset for stop in stops}))
        found = [stop for stop in stops if stop.asset in may]
    else:
        one = rooms.assets.asset(asset)
        rooms.guard.gate(subject, "read", one.path)
        found = rooms.compute.downtime(one.path, first, last)
    items = [_stop(stop) for stop in found]
    return Listed[StopShape].model_validate(page(items, limit, after))


@router.patch("/downtime/{stop_id}")
def code_stop(sender: Sender, stop_id: str, body: ReasonBody) -> Coded:
    """Say why a machine stood still."""

    def run(tx: Any) -> dict[str, Any]:
        version = sender.rooms.compute.code_stop(tx, stop_id, body.reason, body.version)
        return {"id": stop_id, "reason": body.reason, "version": version}

    return Coded.model_validate(sender.do("downtime.code", f"stop:{stop_id}", body.model_dump(), run))


def _stop(stop: Stop) -> dict[str, Any]:
    names = ("id", "asset", "state", "reason", "micro", "version", "code", "by")
    shown = {name: getattr(stop, name) for name in names}
    return {**shown, "start": moment(stop.start), "end": moment(stop.end)}
