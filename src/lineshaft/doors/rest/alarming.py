"""How well alarms serve their operators, which came first, why each exists, and how often findings were right."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from lineshaft.core import NS, parse_duration
from lineshaft.detect import Decision, Impact, Kpis
from lineshaft.doors.rest.detect import AlarmShape, alarm_shown, readable_alarm
from lineshaft.doors.rest.frame.asking import House, Reader, Sender, seen
from lineshaft.doors.rest.frame.moments import End, Start, span
from lineshaft.doors.rest.frame.names import called
from lineshaft.doors.rest.frame.shape import (
    AssetPath,
    Body,
    Id,
    Listed,
    MaybeName,
    Moment,
    Note,
    Number,
    SeenVersion,
    Shape,
    moment,
)
from lineshaft.doors.rooms import Rooms
from lineshaft.guard import Subject

router = APIRouter(tags=["detect"])
MEMBERS = 100
"""So many alarms of a group are listed: whoever reads a flood reads its beginning."""
Count = Annotated[int, Field(ge=0, examples=[12])]
Share = Annotated[float, Field(examples=[0.12])]
Rate = Annotated[float, Field(examples=[4.2])]
Words = Annotated[str, Field(max_length=2000, examples=["a worn bearing"])]
Priority = Annotated[int, Field(examples=[2])]
AlarmName = Annotated[str, Field(examples=["Coolant pump vibration high"])]


class BenchmarkShape(Shape):
    """One figure beside what ISA-18.2 and EEMUA 191 recommend for one operator."""

    name: Annotated[str, Field(examples=["per_hour"])]
    value: Number
    good: Annotated[float, Field(examples=[6], description="Up to here it is good.")]
    manageable: Annotated[float, Field(examples=[12], description="Up to here it can be managed.")]
    verdict: Annotated[str, Field(examples=["good"], description="good, manageable, over, or unknown.")]
    source: Annotated[str, Field(examples=["ISA-18.2, EEMUA 191"])]


class OftenShape(Shape):
    """How often one alarm did it, and its share of all annunciated alarms."""

    alarm_id: Id
    asset: AssetPath
    name: AlarmName
    priority: Priority
    count: Count
    share: Share


class StaleShape(Shape):
    """An alarm that has stood for more than a day."""

    alarm_id: Id
    asset: AssetPath
    name: AlarmName
    priority: Priority
    raised: Moment


class FloodShape(Shape):
    """Alarms came faster than anybody can read them."""

    start: Moment
    end: Moment
    alarms: Count
    peak: Annotated[int, Field(examples=[23], description="The most in ten minutes.")]


class AreaShape(Shape):
    """The alarms of one area."""

    area: Annotated[str, Field(examples=["Bakery/Line 1"])]
    alarms: Count
    per_hour: Rate
    peak_10min: Count


class KpisShape(Shape):
    """Alarm figures of a time; rates are per operator."""

    start: Moment
    end: Moment
    operators: Annotated[int, Field(examples=[1])]
    alarms: Count
    per_hour: Rate
    per_10min: Rate
    peak_10min: Rate
    acknowledged_after_s: Number
    shelved: Count
    out_of_service: Count
    not_rationalised: Annotated[int, Field(examples=[3], description="Operators' alarms without a rationalisation record.")]
    benchmarks: list[BenchmarkShape]
    top: list[OftenShape]
    chattering: list[OftenShape]
    fleeting: list[OftenShape]
    stale: list[StaleShape]
    floods: list[FloodShape]
    areas: list[AreaShape]
    priorities: Annotated[dict[str, int], Field(examples=[{"1": 1, "3": 16}])]
    periods: Annotated[list[int], Field(examples=[[0, 3, 1]], description="Alarms of each ten minutes, the last up to the end.")]


class GroupShape(Shape):
    """Alarms that came together in one area; the first is the likely cause."""

    area: Annotated[str, Field(examples=["Bakery/Line 1"])]
    start: Moment
    end: Moment
    first: Id
    count: Annotated[int, Field(ge=2, examples=[4], description="How many came together; the first hundred are listed.")]
    alarms: list[AlarmShape]


class PrecisionShape(Shape):
    """How often the findings of one kind about one asset were right; neutral and open ones count for nothing."""

    asset: AssetPath
    kind: Annotated[str, Field(examples=["anomaly"])]
    confirmed: Count
    no_fault_found: Count
    false_alarm: Count
    neutral: Count
    open: Count
    precision: Annotated[
        float | None, Field(examples=[0.8], description="Confirmed among confirmed and false; null while nobody judged.")
    ]
    precision_at_least: Annotated[
        float | None, Field(examples=[0.67], description="With every `no fault found` counted as wrong.")
    ]


class RecordShape(Shape):
    """One rationalisation record: what people decided about an alarm, and why."""

    number: Annotated[int, Field(examples=[2])]
    at: Moment
    by: MaybeName
    kind: Annotated[str, Field(examples=["alarm"])]
    impact: Annotated[str, Field(examples=["major"])]
    respond_within_s: Annotated[float, Field(examples=[600])]
    priority: Priority
    cause: Words
    consequence: Words
    action: Words
    note: Note
    outdated: Annotated[bool, Field(examples=[False], description="The condition is another by now.")]
    basis: Annotated[dict[str, Any], Field(examples=[{"limit": 7.1}], description="The condition that was decided about.")]


class RecordBody(Body):
    """Decide about an alarm; the priority follows from the consequence and the time to respond."""

    kind: Annotated[Literal["alarm", "alert"], Field(examples=["alarm"])] = "alarm"
    impact: Annotated[Impact, Field(examples=["major"])]
    respond_within: Annotated[str, Field(examples=["10m"])]
    cause: Words
    consequence: Words
    action: Words
    note: Note = ""
    version: SeenVersion = None


@router.get("/alarm-kpis")
def alarm_kpis(
    rooms: House,
    subject: Reader,
    start: Start = None,
    end: End = None,
    asset: Annotated[str | None, Query(description="This asset and all below.", examples=["Bakery/Line 1"])] = None,
    operators: Annotated[
        int | None, Query(ge=1, le=1000, description="How many share these alarms; default: `[alarms] operators`.", examples=[1])
    ] = None,
) -> KpisShape:
    """Hold the alarms of a time (default: a day) against ISA-18.2 and EEMUA 191; only operators' alarms count."""
    begin, last = span(start, end, 86_400)
    places = _places(rooms, subject, asset)
    figures = rooms.detect.kpis(begin, last, assets=places, positions=operators)
    return KpisShape.model_validate({**_figures(figures), "not_rationalised": rooms.detect.not_rationalised(places)})


@router.get("/alarm-groups")
def alarm_groups(rooms: House, subject: Reader) -> Listed[GroupShape]:
    """List alarms that came together and of which one still stands, the first-out first in each group; newest group first."""
    found: list[dict[str, Any]] = []
    for group in rooms.detect.groups():
        members = [row for row in group.alarms if subject.reaches(str(row["asset"]))]
        if len(members) > 1:
            shown = alarm_shown(rooms, rooms.detect.alarms_of([str(row["id"]) for row in members[:MEMBERS]]))
            times = {"start": moment(members[0]["raised"]), "end": moment(members[-1]["raised"])}
            found.append({"area": group.area, **times, "first": members[0]["id"], "count": len(members), "alarms": shown})
    return Listed[GroupShape].model_validate({"items": found})


@router.get("/finding-precision")
def finding_precision(rooms: House, subject: Reader) -> Listed[PrecisionShape]:
    """Say how often findings were right, asset by asset and kind by kind, by the labels people gave them."""
    return Listed[PrecisionShape].model_validate({"items": seen(rooms, subject, rooms.detect.precision())})


@router.get("/alarms/{alarm_id}/rationalisation")
def rationalisation(rooms: House, subject: Reader, alarm_id: str) -> Listed[RecordShape]:
    """List what people decided about an alarm, newest first; the newest counts."""
    readable_alarm(rooms, subject, alarm_id)
    names = rooms.guard.names()
    return Listed[RecordShape].model_validate({"items": [_record(row, names) for row in rooms.detect.rationalisation(alarm_id)]})


@router.post("/alarms/{alarm_id}/rationalisation", status_code=201)
def rationalise(sender: Sender, alarm_id: str, body: RecordBody) -> RecordShape:
    """Add a rationalisation record: it counts at once, over what the model file says. An alert may become an alarm by it."""
    detect = sender.rooms.detect
    within = parse_duration(body.respond_within, where="respond_within")
    said = body.model_dump(exclude={"version", "respond_within"})
    decision = Decision(**said, respond_within=within)
    row = sender.do(
        "rationalisation.add",
        f"alarm:{alarm_id}",
        body.model_dump(),
        lambda tx: detect.rationalise(tx, alarm_id, decision, sender.subject, body.version),
        str(detect.alarm(alarm_id)["asset"]),
    )
    return RecordShape.model_validate(_record(row, sender.rooms.guard.names()))


def _places(rooms: Rooms, subject: Subject, asset: str | None) -> list[str] | None:
    """Return the assets whose alarms count, None where all do."""
    if asset is not None:
        rooms.assets.asset(asset)
        rooms.guard.gate(subject, "read", asset)
    if asset is None and not subject.scope:
        return None
    paths = [one.path for one in rooms.assets.tree() if asset is None or one.path == asset or one.path.startswith(f"{asset}/")]
    return list(rooms.guard.readable(subject, "read", paths))


def _figures(figures: Kpis) -> dict[str, Any]:
    told = asdict(figures)
    return {
        **told,
        "start": moment(figures.span.start),
        "end": moment(figures.span.end),
        "operators": figures.span.positions,
        "per_10min": figures.per_hour / 6,
        "acknowledged_after_s": figures.acknowledged_after,
        "stale": [{**one, "raised": moment(one["raised"])} for one in told["stale"]],
        "floods": [{**one, "start": moment(one["start"]), "end": moment(one["end"])} for one in told["floods"]],
        "priorities": {str(priority): count for priority, count in figures.priorities.items()},
    }


def _record(row: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    respond = row["respond_within"] / NS
    return {**row, "at": moment(row["at"]), "by": called(row["by"], names), "respond_within_s": respond}
