"""Models of machines: planned, trained, tried in the shadow, active; what they say of a time, and why."""

from __future__ import annotations

from collections.abc import Callable
from math import isnan
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from lineshaft.core import InvalidInput, iso, parse_duration, parse_time
from lineshaft.doors.rest.frame.asking import Asking, House, Reader, Sender
from lineshaft.doors.rest.frame.moments import End, Start, span
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
    PropertyPath,
    SeenVersion,
    Shape,
    Version,
    moment,
)
from lineshaft.doors.rooms import Rooms
from lineshaft.guard import Subject, allowed

router = APIRouter(prefix="/anomaly-models", tags=["detect"])
ACTION = "models.edit"
MOST_POINTS = 2_000
MOST_UNJUDGED = 100
Settings = Annotated[
    dict[str, Any],
    Field(
        default_factory=dict,
        examples=[{"drivers": ["Bakery/Line 1/Cooler/Coolant pump/Flow"], "start_up": "30m"}],
        description="What differs from the defaults of `lineshaft.detect.anomaly.AnomalySettings`.",
    ),
]
Length = Annotated[str, Field(examples=["1m"])]
Promote = Annotated[
    str, Field(examples=["by hand"], description="`better`: a version with no more alerts in its backtest takes over.")
]
Delay = Annotated[
    str, Field(examples=["10m"], description="So much later than the end of a step its values may come: it is waited for.")
]


class PlanBody(Body):
    """What a model is to learn from."""

    asset: AssetPath
    properties: list[PropertyPath] = Field(default_factory=list, max_length=500)
    settings: Settings
    every: Length = "1m"
    lookback: Annotated[str, Field(examples=["90d"])] = "90d"


class ModelBody(PlanBody):
    """A model to plan."""

    name: Annotated[str, Field(max_length=200, examples=["Coolant pump"])] = ""
    failure_mode: Annotated[str, Field(max_length=20, examples=["VIB"])] = ""
    retrain: Annotated[str, Field(examples=["30d"], description="Train again so often; empty: by hand only.")] = ""
    promote: Promote = "by hand"
    delay: Delay = ""


class ChangesBody(Body):
    """What is to be different about a model; what is not named stays. Settings are given whole, for the next training."""

    name: Annotated[str | None, Field(max_length=200, examples=["Coolant pump"])] = None
    settings: Annotated[dict[str, Any] | None, Field(examples=[{"false_alarms": 0.5}])] = None
    lookback: Annotated[str | None, Field(examples=["180d"])] = None
    retrain: Annotated[str | None, Field(examples=["30d"], description="Empty: by hand only.")] = None
    promote: Annotated[str | None, Field(examples=["better"])] = None
    delay: Annotated[str | None, Field(examples=["10m"])] = None
    failure_mode: Annotated[str | None, Field(max_length=20, examples=["VIB"])] = None
    version: SeenVersion = None


class UseBody(Body):
    """Which version is to work, and how."""

    number: Annotated[int, Field(ge=1, examples=[1])]
    mode: Annotated[Literal["active", "shadow", "off"], Field(examples=["shadow"])]
    place: Annotated[
        str | None,
        Field(
            max_length=100,
            examples=["press-hall-2/pump 3"],
            description="Where: EDGE/DETECTOR, whose alerts become findings; empty: here; left out: as before.",
        ),
    ] = None
    version: SeenVersion = None


class TrainBody(Body):
    """On which time to train."""

    end: Annotated[
        str | None, Field(examples=["2026-11-20T06:00:00Z"], description="Look back from here; default: from now.")
    ] = None
    start: Annotated[
        str | None, Field(examples=["2026-05-20T06:00:00Z"], description="Learn from here; default: as far as the model looks.")
    ] = None


class BackBody(Body):
    """Go back to the version before."""

    version: SeenVersion = None


class VerdictShape(Shape):
    """What the backtest of a version says of it."""

    quality: Annotated[str, Field(examples=["good"], description="good, poor or unproven (no labels, or too little time).")]
    why: Annotated[list[str], Field(examples=[["2 of 2 labelled anomalies found", "false alarms: 0 in 85 days of running"]])]


class HeardShape(Shape):
    """An edge node that runs a version of the model, as its last report said."""

    source: Annotated[str, Field(examples=["press-hall-2/pump 3"])]
    number: Annotated[int, Field(examples=[1])]
    at: Moment


class UnjudgedShape(Shape):
    """A finding nobody has judged, in the time a training begun now would learn from: its time is left out."""

    id: Id
    asset: AssetPath
    kind: Annotated[str, Field(examples=["anomaly"])]
    start: Moment
    end: MaybeMoment


class VersionShape(Shape):
    """One trained version: how it was made, what it would have raised, how far it has followed the machine."""

    number: Annotated[int, Field(examples=[1])]
    state: Annotated[str, Field(examples=["ready"], description="training, ready, forgotten, failed or cancelled")]
    share: Annotated[float, Field(examples=[1.0])]
    step: Annotated[str, Field(examples=["learning"])]
    error: Annotated[str, Field(examples=[""])]
    start: Moment
    end: Moment
    begun: Moment
    ended: MaybeMoment
    forgotten: Annotated[MaybeMoment, Field(description="When what it had learned was taken away to save room.")]
    by: MaybeName
    alerts: Annotated[int, Field(examples=[0], description="Alerts since it works.")]
    place: Annotated[
        str, Field(examples=[""], description="The edge node and detector it works at, EDGE/DETECTOR; empty: at this node.")
    ] = ""
    now: Annotated[dict[str, Any], Field(examples=[{"score": 0.2, "reason": "normal"}])]
    about: Annotated[dict[str, Any], Field(examples=[{"rows": 120000}])]
    backtest: Annotated[dict[str, Any], Field(examples=[{"said": "this model would have raised 3 alerts"}])]
    verdict: VerdictShape | None


class ModelShape(Shape):
    """A model of a machine and its versions, the newest first."""

    id: Id
    name: Annotated[str, Field(examples=["Coolant pump"])]
    asset: AssetPath
    properties: list[PropertyPath]
    settings: dict[str, Any]
    every_s: Annotated[float, Field(examples=[60])]
    lookback_s: Annotated[float, Field(examples=[7776000])]
    retrain_s: Annotated[float, Field(examples=[0])]
    next_training: Annotated[MaybeMoment, Field(description="By the schedule; null: none, or not trained yet.")]
    delay_s: Annotated[float, Field(examples=[600])]
    promote: Annotated[str, Field(examples=["by hand"])]
    failure_mode: Annotated[str, Field(examples=["VIB"])]
    created: Moment
    by: MaybeName
    active: Annotated[int | None, Field(examples=[1])]
    shadow: Annotated[int | None, Field(examples=[None])]
    previous: Annotated[int | None, Field(examples=[None])]
    fleet: Annotated[str, Field(examples=["Pumps"])]
    together: Annotated[bool, Field(examples=[False], description="Learns together with the other models of its fleet.")]
    heard: Annotated[list[HeardShape], Field(description="Edge nodes that run a version of it, since this node's start.")]
    unjudged: Annotated[
        list[UnjudgedShape],
        Field(description="Findings nobody has judged, as far back as it looks: not learned until somebody does. At most 100."),
    ]
    versions: list[VersionShape]
    version: Version


class QualityShape(Shape):
    """What was found about the data a model would be trained on."""

    rows: Annotated[int, Field(examples=[129600])]
    start: Moment
    end: Moment
    every_s: Annotated[float, Field(examples=[60])]
    summary: Annotated[dict[str, int], Field(examples=[{"sensors": 20, "missing_values": 310, "duplicate_timestamps": 0}])]
    table: list[dict[str, Any]]
    sensors: list[dict[str, Any]]


class Point(Shape):
    """The highest score in a step of time, and why the row has it."""

    timestamp: Moment
    score: Number
    reason: Annotated[str, Field(examples=["normal"])]


class Part(Shape):
    """One sensor's share, with what it showed and what the others say it should have shown."""

    sensor: PropertyPath
    share: Annotated[float, Field(examples=[0.8])]
    observed: Number
    expected: Number
    marginal_z: Number
    residual: Number


class ScoresShape(Shape):
    """What a version says of a time: scores, alerts, time by reason, and the sensors of one moment."""

    number: Annotated[int, Field(examples=[1])]
    rows: list[Point]
    alerts: list[dict[str, Any]]
    time_in: Annotated[dict[str, float], Field(examples=[{"normal": 1.0}])]
    at: MaybeMoment
    explanation: list[Part]


class LabelShown(Shape):
    """A labelled anomaly, and when the model would have raised an alert in it."""

    start: Moment
    end: Moment
    code: Annotated[str, Field(examples=["BRG"])]
    raised: MaybeMoment
    lead: Number


class BacktestShape(Shape):
    """What a version would have raised over a past time."""

    number: Annotated[int, Field(examples=[1])]
    start: Moment
    end: Moment
    days: Annotated[float, Field(examples=[310.5], description="Days of running that could be judged.")]
    said: Annotated[str, Field(examples=["this model would have raised 3 alerts in 310 days of running"])]
    alerts: list[dict[str, Any]]
    labels: list[LabelShown]
    anomalies: Annotated[int, Field(examples=[2])]
    found: Annotated[int, Field(examples=[2])]
    lead: Number
    false_alarms: Annotated[int, Field(examples=[1], description="Without labels every alert counts.")]
    false_alarms_per_month: Number
    time_in: Annotated[dict[str, float], Field(examples=[{"normal": 1.0}])]


@router.get("")
def models(rooms: House, subject: Reader, limit: Limit = 100, after: After = None) -> Listed[ModelShape]:
    """List models of machines by name."""
    names = rooms.guard.names()
    rows = [row for row in rooms.machines.book.list() if _may(rooms, subject, row)]
    return Listed[ModelShape].model_validate(page([_shown(rooms, row, names) for row in rows], limit, after))


@router.post("", status_code=201)
def plan(sender: Sender, body: ModelBody) -> ModelShape:
    """Plan a model of an asset; nothing is trained yet."""
    rooms, wanted = sender.rooms, body.model_dump()

    def run(tx: Any) -> dict[str, Any]:
        paths = rooms.machines.book.chosen(body.asset, body.model_dump())[0]
        gate_all(rooms, sender.subject, paths)
        return {"id": rooms.machines.book.create(tx, body.asset, sender.subject, wanted)["id"]}

    made = sender.do(ACTION, "model", wanted, run, body.asset)
    return one_model(rooms, made["id"])


@router.post("/look")
def look(sender: Sender, body: PlanBody) -> QualityShape:
    """Look at the data a model would be trained on, and say what is wrong with each property and what will be done."""
    rooms = sender.rooms
    wanted = {**body.model_dump(), "every": parse_duration(body.every), "lookback": parse_duration(body.lookback)}

    def work() -> dict[str, Any]:
        gate_all(rooms, sender.subject, rooms.machines.book.chosen(body.asset, body.model_dump())[0])
        return rooms.machines.look(body.asset, wanted).as_dict()

    return QualityShape.model_validate(sender.do_outside(ACTION, "model", wanted, work, body.asset))


@router.get("/{model_id}")
def model(rooms: House, subject: Reader, model_id: str) -> ModelShape:
    """Return a model with its versions."""
    gate_all(rooms, subject, paths_of(rooms.machines.book.model(model_id)))
    return one_model(rooms, model_id)


@router.patch("/{model_id}")
def change(sender: Sender, model_id: str, body: ChangesBody) -> ModelShape:
    """Change a model's schedule, name or settings; versions that are there stay as they are."""
    book, changes = sender.rooms.machines.book, body.model_dump(exclude_unset=True, exclude={"version"})
    _do(sender, model_id, "change", changes, lambda tx: _version_of(book.change(tx, model_id, changes, body.version)))
    return one_model(sender.rooms, model_id)


@router.delete("/{model_id}")
def remove(
    sender: Sender, model_id: str, version: Annotated[int | None, Query(examples=[3], description="That was seen.")] = None
) -> dict[str, str]:
    """Take a model away with its versions, none of which may be at work; its findings and scores stay."""
    machines = sender.rooms.machines

    def run(tx: Any) -> dict[str, Any]:
        return {"id": machines.remove(tx, model_id, version)["id"]}

    return _do(sender, model_id, "remove", {"version": version}, run)


@router.post("/{model_id}/train", status_code=202)
def train(sender: Sender, model_id: str, body: TrainBody | None = None) -> ModelShape:
    """Begin to train a new version in a process of its own; `GET` shows how far it is."""
    rooms = sender.rooms
    begun: list[dict[str, Any]] = []
    end = parse_time(body.end, where="end") if body and body.end else None
    start = parse_time(body.start, where="start") if body and body.start else None

    def run(tx: Any) -> dict[str, Any]:
        begun.extend(rooms.machines.train(tx, model_id, sender.subject.id, end, start))
        for one in begun:
            gate_all(rooms, sender.subject, paths_of(rooms.machines.book.model(one["model_id"], tx)))
        return {"number": begun[0]["number"]}

    _do(sender, model_id, "train", {"end": end, "start": start}, run)
    if begun:  # a repeated command begins nothing
        rooms.machines.begin(begun)
    return one_model(rooms, model_id)


@router.post("/{model_id}/cancel")
def cancel(sender: Sender, model_id: str) -> ModelShape:
    """End the training under way; nothing of it is kept."""
    rooms = sender.rooms
    asset = of_model(sender, model_id)
    sender.do_outside(
        ACTION, f"model:{model_id}", {"what": "cancel"}, lambda: {"state": rooms.machines.cancel(model_id)["state"]}, asset
    )
    return one_model(rooms, model_id)


@router.post("/{model_id}/use")
def use(sender: Sender, model_id: str, body: UseBody) -> ModelShape:
    """Let a version work: `shadow` only counts its alerts, `active` files them as findings, `off` ends either."""
    book = sender.rooms.machines.book
    _do(
        sender,
        model_id,
        "use",
        body.model_dump(),
        lambda tx: {"version": book.use(tx, model_id, body.number, body.mode, body.version, body.place)["version"]},
    )
    return one_model(sender.rooms, model_id)


@router.post("/{model_id}/back")
def back(sender: Sender, model_id: str, body: BackBody | None = None) -> ModelShape:
    """Go back to the version that was active before."""
    book, seen_version = sender.rooms.machines.book, body.version if body else None
    _do(sender, model_id, "back", {}, lambda tx: {"version": book.back(tx, model_id, seen_version)["version"]})
    return one_model(sender.rooms, model_id)


@router.get("/{model_id}/scores")
def scores(
    rooms: House,
    subject: Reader,
    model_id: str,
    start: Start = None,
    end: End = None,
    number: Annotated[int | None, Query(examples=[1], description="A version; default: active, shadow, else the newest.")] = None,
    at: Annotated[
        str | None, Query(examples=["2026-11-20T06:00:00Z"], description="Explain this moment; default: the worst.")
    ] = None,
) -> ScoresShape:
    """Score (start, end] again with one version: at most 2,000 steps, the highest score of each; nothing is written."""
    row = rooms.machines.book.model(model_id)
    gate_all(rooms, subject, paths_of(row))
    first, last = span(start, end, 86_400)
    picked = chosen(rooms, row, number)
    _, scored = rooms.machines.scores(model_id, picked, first, last)
    inside = [place for place, time in enumerate(scored.times.tolist()) if first < time <= last]
    step = max(1, -(-len(inside) // MOST_POINTS))
    points = [_point(scored, inside[n : n + step]) for n in range(0, len(inside), step)]
    judged = [place for place in inside if not isnan(scored.exceedance[place])]
    moment_ns, parts = None, list[dict[str, Any]]()
    if judged:
        moment_ns = _asked(at, scored, judged)
        parts = [part.as_dict() for part in scored.explain(moment_ns)[:12]]
    alerts = [
        {
            "start": iso(one.start),
            "end": iso(one.end) if one.end else None,
            "peak": one.peak / (1 + one.peak),
            "sensors": [{"property": name, "share": share} for name, share in one.sensors[:5]],
        }
        for one in scored.alerts
        if (one.end or last) > first
    ]
    shown = {"number": picked, "rows": points, "alerts": alerts, "time_in": scored.time_in()}
    return ScoresShape.model_validate({**shown, "at": moment(moment_ns), "explanation": parts})


@router.get("/{model_id}/backtest")
def backtest(
    rooms: House,
    subject: Reader,
    model_id: str,
    start: Start = None,
    end: End = None,
    number: Annotated[int | None, Query(examples=[1], description="A version; default: active, shadow, else the newest.")] = None,
) -> BacktestShape:
    """Say which alerts a version would have raised over (start, end] (default: the last year), held against what is known."""
    row = rooms.machines.book.model(model_id)
    gate_all(rooms, subject, paths_of(row))
    first, last = span(start, end, 365 * 86_400)
    picked = chosen(rooms, row, number)
    told = rooms.machines.backtest(model_id, picked, first, last)
    return BacktestShape.model_validate(
        {"number": picked, "start": iso(first), "end": iso(last), "said": str(told), **told.as_dict()}
    )


@router.get("/{model_id}/export", response_class=Response, responses={200: {"content": {"application/zip": {"example": "PK"}}}})
def export(
    rooms: House,
    subject: Reader,
    model_id: str,
    number: Annotated[int | None, Query(examples=[1], description="A version; default: active, shadow, else the newest.")] = None,
) -> Response:
    """Return a version as ONNX with its manifest (a zip), to run at the edge with the same scores."""
    row = rooms.machines.book.model(model_id)
    gate_all(rooms, subject, paths_of(row))
    picked = chosen(rooms, row, number)
    given = {"Content-Disposition": f'attachment; filename="model-{picked}.zip"'}
    return Response(rooms.machines.export(model_id, picked), media_type="application/zip", headers=given)


def _point(scored: Any, places: list[int]) -> dict[str, Any]:
    known = [place for place in places if not isnan(scored.exceedance[place])]
    top = max(known, key=lambda place: float(scored.exceedance[place])) if known else places[-1]
    score = float(scored.score[top]) if known else None
    return {"timestamp": iso(int(scored.times[top])), "score": score, "reason": str(scored.reason[top])}


def _asked(at: str | None, scored: Any, judged: list[int]) -> int:
    """Return the moment to explain: the judged row at or before the one asked for, else the worst."""
    if at is None:
        return int(scored.times[max(judged, key=lambda place: float(scored.exceedance[place]))])
    _, wanted = span(None, at)
    before = [place for place in judged if scored.times[place] <= wanted]
    if not before:
        raise InvalidInput("nothing was judged at or before this moment", where="at", hint="ask for a later one")
    return int(scored.times[before[-1]])


def chosen(rooms: Rooms, row: dict[str, Any], number: int | None) -> int:
    """Return the version that is meant: the one asked for, the active one, the one in the shadow, the newest."""
    return int(number or row["active"] or row["shadow"] or _newest(rooms, row["id"]))


def _newest(rooms: Rooms, model_id: str) -> int:
    ready = [one["number"] for one in rooms.machines.book.versions(model_id) if one["state"] == "ready"]
    if not ready:
        raise InvalidInput("no version has been trained yet", hint="train one first", code="models.not-ready")
    return int(ready[0])


def paths_of(row: dict[str, Any]) -> list[str]:
    """Return what one must be able to read to see a model."""
    return [row["asset"], *row["properties"]]


def _may(rooms: Rooms, subject: Subject, row: dict[str, Any]) -> bool:
    """Say whether somebody may see a model: its asset and all it is made of."""
    paths = paths_of(row)
    return not subject.scope or len(set(rooms.guard.readable(subject, "read", set(paths)))) == len(set(paths))


def gate_all(rooms: Rooms, subject: Subject, paths: list[str]) -> None:
    """Refuse who may not read one of these."""
    for path in paths:
        rooms.guard.gate(subject, "read", path)


def of_model(sender: Asking, model_id: str) -> str:
    """Return the asset of a model; who may not change models is not told whether there is one."""
    if not allowed(sender.subject.roles, sender.subject.kind, ACTION):
        sender.do(ACTION, f"model:{model_id}", {}, lambda _tx: {})
    row = sender.rooms.machines.book.model(model_id)
    gate_all(sender.rooms, sender.subject, row["properties"])
    return str(row["asset"])


def _do(sender: Asking, model_id: str, what: str, body: dict[str, Any], run: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    asset = of_model(sender, model_id)
    return sender.do(ACTION, f"model:{model_id}", {"what": what, **body}, run, asset)


def _version_of(row: dict[str, Any]) -> dict[str, Any]:
    return {"version": row["version"]}


def one_model(rooms: Rooms, model_id: str) -> ModelShape:
    """Return a model as it is shown."""
    return ModelShape.model_validate(_shown(rooms, rooms.machines.book.model(model_id), rooms.guard.names()))


def _shown(rooms: Rooms, row: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    where = rooms.machines.afar.where(row["id"])
    versions = [
        {
            **one,
            **{name: moment(one[name]) for name in ("start", "end", "begun", "ended", "forgotten")},
            "place": where.get(one["number"], ""),
            "by": called(one["by"], names),
            "verdict": rooms.machines.verdict(row, one),
        }
        for one in rooms.machines.book.versions(row["id"])
    ]
    lengths = {f"{name}_s": row[name] / 1e9 for name in ("every", "lookback", "retrain", "delay")}
    due = row["trained"] + row["retrain"] if row["retrain"] and row["trained"] is not None else None
    return {
        **row,
        **lengths,
        "next_training": moment(due),
        "created": moment(row["created"]),
        "by": called(row["by"], names),
        "heard": [{**one, "at": moment(one["at"])} for one in rooms.machines.afar.seen(row)],
        "unjudged": [_open(one) for one in rooms.machines.unjudged(row)[:MOST_UNJUDGED]],
        "versions": versions,
    }


def _open(one: Any) -> dict[str, Any]:
    end = None if one.lasts else moment(one.end)
    return {"id": one.id, "asset": one.asset, "kind": one.kind, "start": moment(one.start), "end": end}
