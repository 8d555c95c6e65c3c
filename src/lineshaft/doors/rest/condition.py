"""Condition monitoring: sensor positions commissioned in three steps, their state, and raw records taken in and looked at."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from lineshaft.core import InvalidInput, now_ns, parse_time
from lineshaft.detect import candidates
from lineshaft.doors.rest.condition_shapes import LateShape, MeasuredShape, ResolveBody, Zone
from lineshaft.doors.rest.frame.asking import Asking, House, Reader, Sender
from lineshaft.doors.rest.frame.names import called
from lineshaft.doors.rest.frame.paging import After, Limit, page, page_of, spot
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

router = APIRouter(prefix="/condition", tags=["detect"])
EDIT, RECORD = "condition.edit", "condition.record"
STREAMS = ("vibration", "temperature", "running", "speed", "battery", "signal")
_BYTES = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}, "example": "(bytes of the file)"}}
_FILE = "Its name: the ending says the format (csv, txt, parquet, mat, uff, unv, wav)."
Power = Annotated[float | None, Field(examples=[3.0], description="Rated power in kW, of the name plate.")]
Stream = Annotated[str, Field(examples=["Bakery/Line 1/Cooler/Coolant pump/Vibration"], description="A property, or empty.")]
State = Annotated[str, Field(examples=["healthy"], description="healthy, warning, alarm or needs maintenance")]


class Geometry(Body):
    """A bearing by its geometry: both diameters in the same unit, the pitch diameter from centre to centre."""

    rollers: Annotated[int, Field(ge=3, le=200, examples=[9])]
    roller_diameter: Annotated[float, Field(gt=0, examples=[7.94])]
    pitch_diameter: Annotated[float, Field(gt=0, examples=[39.04])]
    contact_angle: Annotated[float, Field(ge=0, lt=90, examples=[0.0])] = 0.0
    name: Annotated[str, Field(max_length=100, examples=["6205"])] = ""


class Factors(Body):
    """A bearing by the four factors of its maker's sheet: multiples of the shaft's speed, the outer ring standing still."""

    bpfo: Annotated[float, Field(gt=0, examples=[3.574])]
    bpfi: Annotated[float, Field(gt=0, examples=[5.426])]
    bsf: Annotated[float, Field(gt=0, examples=[2.328])]
    ftf: Annotated[float, Field(gt=0, examples=[0.397])]
    name: Annotated[str, Field(max_length=100, examples=["205K"])] = ""


class Settings(Body):
    """How a position is fed and judged; what is left out is not watched."""

    vibration: Stream = ""
    temperature: Stream = ""
    running: Annotated[Stream, Field(description="True or above 0 while the machine runs: only then it is judged.")] = ""
    speed: Stream = ""
    battery: Annotated[Stream, Field(description="Of the sensor itself: in percent, volts ...")] = ""
    signal: Annotated[Stream, Field(description="Of the sensor itself: in dBm, percent ...")] = ""
    unit: Annotated[str, Field(max_length=20, examples=["mm/s"], description="Of vibration, where its property has none.")] = ""
    temperature_unit: Annotated[str, Field(max_length=20, examples=["degC"])] = ""
    measure: Annotated[
        Literal["", "velocity", "other"],
        Field(examples=["velocity"], description="velocity is judged by zones; empty: by the unit."),
    ] = ""
    power_kw: Power = None
    mounting: Annotated[str, Field(examples=["rigid"], description="rigid or flexible")] = "rigid"
    kind: Annotated[str, Field(examples=["machine"], description="machine, pump-1 or pump-2")] = "machine"
    group: Annotated[
        str | None, Field(examples=["class-1"], description="A group of the table instead of the one that fits; or baseline.")
    ] = None
    rpm: Annotated[float | None, Field(examples=[1450])] = None
    bearing: Annotated[
        str | Geometry | Factors | None,
        Field(examples=["6205"], description="Of the table, by its geometry, or by the four factors of its sheet."),
    ] = None
    temperature_limit: Annotated[float | None, Field(examples=[90.0], description="Degrees Celsius.")] = None
    every: Annotated[str, Field(examples=["10m"], description="One reading in so long.")] = "10m"
    learn: Annotated[int, Field(examples=[144], description="Readings the baseline is learned from.")] = 144
    warning: Annotated[float, Field(examples=[4.0], description="Spreads above the baseline.")] = 4.0
    alarm: Annotated[float, Field(examples=[6.0], description="Spreads above the baseline.")] = 6.0
    of: Annotated[int, Field(examples=[6], description="Persistent is: in `needed` of the latest `of` readings.")] = 6
    needed: Annotated[int, Field(examples=[5])] = 5
    battery_low: Annotated[
        float | None, Field(examples=[20.0], description="Below this; in percent 20 where nothing is said.")
    ] = None
    relearn: Annotated[bool, Field(examples=[False], description="Learn the baseline anew after each return to service.")] = False
    failure_mode: Annotated[str, Field(max_length=20, examples=["VIB"])] = "VIB"


class PositionBody(Settings):
    """A position to commission on an asset."""

    asset: AssetPath
    name: Annotated[str, Field(min_length=1, max_length=200, examples=["Drive end"])]


class ChangeBody(Body):
    """What is to be different; what is not named stays."""

    changes: Annotated[dict[str, Any], Field(examples=[{"rpm": 1450, "bearing": "6205"}])]
    version: SeenVersion = None


class SeenBody(Body):
    """The version somebody saw."""

    version: SeenVersion = None


class StreamShape(Shape):
    """A stream that may be a vibration sensor, and what would go with it."""

    path: PropertyPath
    asset: AssetPath
    unit: Annotated[str, Field(examples=["mm/s"])]
    likely: Annotated[bool, Field(examples=[True])]
    measure: Annotated[str, Field(examples=["velocity"])]
    temperature: Stream
    running: Stream
    speed: Stream
    battery: Stream
    signal: Stream
    power_kw: Power
    source: Annotated[str, Field(examples=["bakery"])]
    tag: Annotated[str, Field(examples=["ns=2;s=Coolant pump/Vibration"])]
    serial: Annotated[str, Field(examples=["PU-30911"])]
    value: Number
    timestamp: MaybeMoment
    position: Annotated[str | None, Field(examples=[None], description="The position that watches it already.")]


class ZonesShape(Shape):
    """Limits between zones in mm/s RMS, and where they are from."""

    group: Annotated[str, Field(examples=["class-1"])]
    name: Annotated[str, Field(examples=["small machines, motors to 15 kW (class I)"])]
    standard: Annotated[str, Field(examples=["ISO 10816-1:1995, annex B"])]
    source: Annotated[str, Field(examples=["quoted in many makers' guides; compare with your copy"])]
    limits: Annotated[list[float], Field(examples=[[0.71, 1.8, 4.5]])]


class TablesShape(Shape):
    """The tables in force: groups with their limits for each mounting, and bearings by name."""

    zones: list[dict[str, Any]]
    bearings: Annotated[list[str], Field(examples=[["6203", "6205"]])]
    own: Annotated[bool, Field(examples=[False], description="The plant's own config/zones.yaml is in force.")]


class JudgedBy(Shape):
    """How a position is judged."""

    measure: Annotated[str, Field(examples=["velocity"])]
    unit: Annotated[str, Field(examples=["mm/s"])]
    zones: Annotated[ZonesShape | None, Field(description="Null: by the learned baseline alone.")]
    frequencies: Annotated[dict[str, float], Field(examples=[{"BPFO": 86.6}], description="Of the bearing, in Hz, at `rpm`.")]


class PositionShape(Shape):
    """A sensor position: what it watches, what it is now, what was noticed."""

    id: Id
    path: AssetPath
    asset: AssetPath
    name: Annotated[str, Field(examples=["Drive end"])]
    state: State
    since: Moment
    zone: Zone
    level: Annotated[Number, Field(description="The latest figure that was judged.")]
    unit: Annotated[str, Field(examples=["mm/s"])]
    temperature: Annotated[Number, Field(description="Degrees Celsius.")]
    at: MaybeMoment
    running: Annotated[bool | None, Field(examples=[True])]
    learned: Annotated[float, Field(examples=[1.0], description="Share of the baseline that is learned.")]
    usual: Number
    usual_temperature: Number
    vibration_z: Number
    temperature_z: Number
    bearing: Annotated[str | None, Field(examples=["outer race"], description="What the latest raw record points at.")]
    recorded: MaybeMoment
    trouble: Annotated[str, Field(examples=[""], description="What keeps it from being judged.")]
    battery: Annotated[Number, Field(examples=[87.0], description="Of the sensor itself, where a stream tells it.")]
    battery_unit: Annotated[str, Field(examples=["%"])]
    battery_low: Annotated[bool, Field(examples=[False])]
    signal: Annotated[Number, Field(examples=[-71.0])]
    signal_unit: Annotated[str, Field(examples=["dBm"])]
    measured: Annotated[MeasuredShape | None, Field(description="The latest reading that somebody took by hand.")]
    late: LateShape
    settings: dict[str, Any]
    judged_by: JudgedBy
    noticed: Annotated[list[dict[str, Any]], Field(description="The latest findings, the newest first.")]
    created: Moment
    by: MaybeName
    version: Version


class ChannelShape(Shape):
    """A channel of a file, and what the file itself says of it."""

    name: Annotated[str, Field(examples=["DE"])]
    samples: Annotated[int, Field(examples=[120000])]
    rate: Annotated[Number, Field(examples=[12000], description="Samples a second; null: say it.")]
    unit: Annotated[str | None, Field(examples=["g"], description="Null: say it, it is never guessed.")]
    rpm: Annotated[Number, Field(examples=[1796])]


class Channels(Shape):
    """What is in a file."""

    items: list[ChannelShape]


class RecordShape(Shape):
    """A raw record: its figures, its zone, what it shows of the bearing."""

    id: Id
    position_id: Id
    at: Moment
    taken: Moment
    file: Annotated[str, Field(examples=["pump.wav"])]
    channel: Annotated[str, Field(examples=["pump.wav:1"])]
    document: Annotated[str, Field(examples=["0b9f6a52-6c1e-4f0e-9d53-9a7f0a3f6d11"], description="Its samples, as Parquet.")]
    rate: Annotated[float, Field(examples=[12000])]
    unit: Annotated[str, Field(examples=["m/s²"])]
    rpm: Annotated[Number, Field(examples=[1796])]
    seconds: Annotated[float, Field(examples=[10.0])]
    figures: dict[str, Any]
    refused: Annotated[dict[str, str], Field(examples=[{"orders": "the speed of the shaft is not known: give rpm="}])]
    zone: Zone
    diagnosis: Annotated[dict[str, Any], Field(examples=[{"fault": "outer race", "confidence": "high"}])]
    judged: Annotated[bool, Field(examples=[True], description="False: older than a record that was judged before.")]
    by: MaybeName


class Curve(Shape):
    """Points of a curve."""

    x: list[float]
    y: list[float]


class SpectraShape(Shape):
    """Velocity spectrum, envelope spectrum and samples of a record, with the frequencies to look for."""

    spectrum: Curve
    envelope: Curve | None
    samples: Curve
    band: Annotated[list[float] | None, Field(examples=[[2500.0, 5000.0]], description="Demodulated, in Hz.")]
    unit: Annotated[str, Field(examples=["mm/s"])]
    turning_hz: Number
    marks: Annotated[dict[str, float], Field(examples=[{"BPFO": 107.3}])]


@router.get("/streams")
def streams(
    rooms: House,
    subject: Reader,
    limit: Limit = 100,
    after: After = None,
    search: Annotated[
        str, Query(description="Words of path, tag, source or serial number: what a label says.", examples=["PU-30911"])
    ] = "",
    asset: Annotated[str, Query(examples=["Bakery/Line 1"])] = "",
) -> Listed[StreamShape]:
    """List streams that look like vibration sensors, with what would go with each (first step of commissioning)."""
    found = [one for one in candidates(rooms.assets, search, asset) if subject.reaches(one["path"])]
    watched = {
        rooms.positions.book.path_of(row["vibration"]): row["path"] for row in rooms.positions.book.list() if row["vibration"]
    }
    cut = page(found, limit, after)
    newest = rooms.store.latest([one["path"] for one in cut["items"]])
    items = [
        {
            **one,
            "value": last.value if last is not None and isinstance(last.value, int | float) else None,
            "timestamp": moment(last.ts) if last is not None else None,
            "position": watched.get(one["path"]),
        }
        for one, last in zip(cut["items"], newest, strict=True)
    ]
    return Listed[StreamShape].model_validate({"items": items, "next": cut["next"]})


@router.get("/tables")
def tables(rooms: House, _subject: Reader) -> TablesShape:
    """Return the tables of zones and bearings in force (second step); config/zones.yaml and bearings.yaml replace them."""
    return TablesShape.model_validate(rooms.positions.tables())


@router.post("/check")
def check(sender: Sender, body: PositionBody) -> JudgedBy:
    """Say how a position would be judged, or what is wrong with it; nothing is written (third step)."""
    book = sender.rooms.positions.book
    wanted = body.model_dump()

    def work() -> dict[str, Any]:
        _gate(sender.rooms, sender.subject, _named(wanted))
        return _judged_by(sender.rooms, body.name, book.plan(wanted))

    return JudgedBy.model_validate(sender.do_outside(EDIT, "position", wanted, work, body.asset))


@router.get("/positions")
def positions(rooms: House, subject: Reader, limit: Limit = 100, after: After = None) -> Listed[PositionShape]:
    """List sensor positions, those that need somebody first."""
    names = rooms.guard.names()
    rows = [row for row in rooms.positions.book.list() if _may(rooms, subject, row)]
    rank = {"alarm": 0, "needs maintenance": 1, "warning": 2, "healthy": 3}
    rows.sort(key=lambda row: (rank[row["state"]], row["path"]))
    cut = page(rows, limit, after)
    items = [_shown(rooms, row, names) for row in cut["items"]]
    return Listed[PositionShape].model_validate({"items": items, "next": cut["next"]})


@router.post("/positions", status_code=201)
def commission(sender: Sender, body: PositionBody) -> PositionShape:
    """Commission a position: a child of the asset with its results as properties, judged from its first reading on."""
    rooms, wanted = sender.rooms, body.model_dump()

    def run(tx: Any) -> dict[str, Any]:
        _gate(rooms, sender.subject, _named(wanted))
        return {"id": rooms.positions.book.commission(tx, wanted, sender.subject.id)["id"]}

    return _one(rooms, sender.do(EDIT, "position", wanted, run, body.asset)["id"])


@router.get("/positions/{position_id}")
def position(rooms: House, subject: Reader, position_id: str) -> PositionShape:
    """Return one position."""
    _gate(rooms, subject, _paths(rooms, rooms.positions.book.get(position_id)))
    return _one(rooms, position_id)


@router.patch("/positions/{position_id}")
def change(sender: Sender, position_id: str, body: ChangeBody) -> PositionShape:
    """Change streams or settings; the baseline of another figure is learned anew."""
    rooms = sender.rooms

    def run(tx: Any) -> dict[str, Any]:
        _gate(rooms, sender.subject, _named(body.changes))
        return {"version": rooms.positions.book.change(tx, position_id, body.changes, body.version)["version"]}

    return _do(sender, EDIT, position_id, "change", body.changes, run)


@router.post("/positions/{position_id}/take-off")
def take_off(sender: Sender, position_id: str, body: SeenBody | None = None) -> dict[str, str]:
    """Take a position off its asset; history and records are kept."""
    seen = body.version if body else None

    def run(tx: Any) -> dict[str, Any]:
        sender.rooms.positions.book.take_off(tx, position_id, seen)
        return {"id": position_id}

    return sender.do(EDIT, f"position:{position_id}", {"what": "take off"}, run, _asset(sender, EDIT, position_id))


@router.post("/positions/{position_id}/acknowledge")
def acknowledge(sender: Sender, position_id: str, body: SeenBody | None = None) -> PositionShape:
    """Say that the alarm was seen: the position needs maintenance until its return to service is verified."""
    kept, seen = sender.rooms.positions, body.version if body else None

    def run(tx: Any) -> dict[str, Any]:
        return {"state": kept.acknowledge(tx, position_id, seen)["state"]}

    return _do(sender, "condition.acknowledge", position_id, "acknowledge", {}, run)


@router.post("/positions/{position_id}/return")
def returned(sender: Sender, position_id: str, body: ResolveBody | None = None) -> PositionShape:
    """Say that the machine runs well again, where no order did, and how what was found ended: the position begins anew."""
    kept, said = sender.rooms.positions, body.model_dump() if body else {}

    def run(tx: Any) -> dict[str, Any]:
        if any(said.values()):
            return {"state": kept.resolve(tx, position_id, said, sender.subject)["state"]}
        return {"state": kept.return_position(tx, position_id)["state"]}

    return _do(sender, "condition.return", position_id, "return", said, run)


@router.post("/positions/{position_id}/measure")
def measure(sender: Sender, position_id: str) -> PositionShape:
    """Take a reading now: the newest values are judged and kept; state and baselines stay as they are."""
    kept = sender.rooms.positions

    def run(tx: Any) -> dict[str, Any]:
        return {"zone": kept.measure(tx, position_id, sender.subject.id)["zone"]}

    return _do(sender, RECORD, position_id, "measure", {}, run)


@router.post("/channels", openapi_extra={"requestBody": {"content": _BYTES}})
async def channels(
    request: Request, sender: Sender, file: Annotated[str, Query(max_length=400, description=_FILE, examples=["pump.wav"])]
) -> Channels:
    """Say which channels a file of raw vibration has, and what it says of each; nothing is kept."""
    content = await request.body()
    return await run_in_threadpool(_channels, sender, file, content)


def _channels(sender: Asking, file: str, content: bytes) -> Channels:
    def work() -> dict[str, Any]:
        return {"items": _opened(file, content, sender.rooms.positions.records.channels)}

    place = sender.subject.scope[0] if sender.subject.scope else ""
    return Channels.model_validate(sender.do_outside(RECORD, "record", {"file": file, "size": len(content)}, work, place))


class RecordQuery(Body):
    """What a file of raw vibration does not say itself."""

    file: Annotated[str, Field(max_length=400, description=_FILE, examples=["pump.wav"])]
    channel: Annotated[str | None, Field(description="Of several.", examples=["DE"])] = None
    rate: Annotated[float | None, Field(gt=0, description="Samples a second.", examples=[12000])] = None
    unit: Annotated[str | None, Field(description="g, m/s2, mm/s ...: never guessed.", examples=["g"])] = None
    rpm: Annotated[float | None, Field(gt=0, description="Default: the speed stream, the position's.", examples=[1796])] = None
    at: Annotated[str | None, Field(description="When it was taken; default: now.", examples=["2026-11-20T06:00:00Z"])] = None
    sensitivity: Annotated[
        float, Field(description="Divides the samples: volts per g, share of full scale per unit.", examples=[0.1])
    ] = 1.0


@router.post("/positions/{position_id}/records", status_code=201, openapi_extra={"requestBody": {"content": _BYTES}})
async def record(request: Request, sender: Sender, position_id: str, how: Annotated[RecordQuery, Query()]) -> RecordShape:
    """Take a raw record in: kept, its figures computed and judged; what it cannot show is said under `refused`."""
    return await run_in_threadpool(_record, sender, position_id, how, await request.body())


def _record(sender: Asking, position_id: str, how: RecordQuery, content: bytes) -> RecordShape:
    rooms = sender.rooms
    asset = _asset(sender, RECORD, position_id)
    taken_at = parse_time(how.at, where="at") if how.at else now_ns()
    row = rooms.positions.book.get(position_id)
    given = {"rate": how.rate, "unit": how.unit, "rpm": how.rpm, "sensitivity": how.sensitivity}
    looked = _opened(how.file, content, lambda path: rooms.positions.open(row, path, how.channel, taken_at, **given))

    def run(tx: Any) -> dict[str, Any]:
        made = rooms.positions.take_record(tx, position_id, looked, taken_at, Path(how.file).name, sender.subject.id)
        return {"id": made["id"]}

    about = {**how.model_dump(), "size": len(content)}
    made = sender.do(RECORD, f"position:{position_id}", about, run, asset)
    return RecordShape.model_validate(_record_shown(rooms.positions.book.record(made["id"]), rooms.guard.names()))


@router.get("/positions/{position_id}/records")
def records(rooms: House, subject: Reader, position_id: str, limit: Limit = 100, after: After = None) -> Listed[RecordShape]:
    """List the raw records of a position, the newest first."""
    _gate(rooms, subject, _paths(rooms, rooms.positions.book.get(position_id)))
    begin = spot(after)
    found = rooms.positions.book.records(position_id, limit=limit + begin.more, before=begin.before)
    cut = page_of(found, limit, "at", begin)
    names = rooms.guard.names()
    return Listed[RecordShape].model_validate({**cut, "items": [_record_shown(row, names) for row in cut["items"]]})


@router.get("/records/{record_id}")
def one_record(rooms: House, subject: Reader, record_id: str) -> RecordShape:
    """Return one raw record."""
    row = rooms.positions.book.record(record_id)
    _gate(rooms, subject, _paths(rooms, rooms.positions.book.get(row["position_id"])))
    return RecordShape.model_validate(_record_shown(row, rooms.guard.names()))


@router.get("/records/{record_id}/spectra")
def spectra(rooms: House, subject: Reader, record_id: str) -> SpectraShape:
    """Return the spectra of a record, with the frequencies of the bearing and the speed."""
    row = rooms.positions.book.record(record_id)
    _gate(rooms, subject, _paths(rooms, rooms.positions.book.get(row["position_id"])))
    return SpectraShape.model_validate(rooms.positions.spectra(record_id))


def _opened(file: str, content: bytes, read: Callable[[Path], Any]) -> Any:
    """Have a file read that was sent."""
    if not content:
        raise InvalidInput("there are no bytes", where="body", hint="send the file's bytes as they are", code="record.empty")
    name = Path(file).name or "record"
    with tempfile.TemporaryDirectory(prefix="lineshaft-") as folder:
        path = Path(folder) / name[-120:]
        path.write_bytes(content)
        return read(path)


def _named(given: dict[str, Any]) -> list[str]:
    return [str(given[name]) for name in ("asset", *STREAMS) if given.get(name)]


def _paths(rooms: Rooms, row: dict[str, Any]) -> list[str]:
    streams = (rooms.positions.book.path_of(row[name]) for name in STREAMS)
    return [row["asset"], *(path for path in streams if path)]


def _may(rooms: Rooms, subject: Subject, row: dict[str, Any]) -> bool:
    """Say whether somebody may see a position: its machine and all it watches."""
    return not subject.scope or all(subject.reaches(path) for path in _paths(rooms, row))


def _gate(rooms: Rooms, subject: Subject, paths: Iterable[str]) -> None:
    for path in paths:
        rooms.guard.gate(subject, "read", path)


def _asset(sender: Asking, action: str, position_id: str) -> str:
    """Return the machine of a position; who may not do this is not told whether there is one."""
    if not allowed(sender.subject.roles, sender.subject.kind, action):
        sender.do(action, f"position:{position_id}", {}, lambda _tx: {})
    row = sender.rooms.positions.book.get(position_id)
    _gate(sender.rooms, sender.subject, _paths(sender.rooms, row))
    return str(row["asset"])


def _do(
    sender: Asking, action: str, position_id: str, what: str, body: dict[str, Any], run: Callable[[Any], dict[str, Any]]
) -> PositionShape:
    asset = _asset(sender, action, position_id)
    sender.do(action, f"position:{position_id}", {"what": what, **body}, run, asset)
    return _one(sender.rooms, position_id)


def _one(rooms: Rooms, position_id: str) -> PositionShape:
    return PositionShape.model_validate(_shown(rooms, rooms.positions.book.get(position_id), rooms.guard.names()))


def _judged_by(rooms: Rooms, name: str, settings: dict[str, Any]) -> dict[str, Any]:
    judging = rooms.positions.book.check.judging(name, settings)
    part, rpm = judging.bearing, settings["rpm"]
    return {
        "measure": settings["measure"],
        "unit": "mm/s" if settings["measure"] == "velocity" else settings["unit"],
        "zones": ZonesShape.model_validate(judging.zones).model_dump() if judging.zones else None,
        "frequencies": part.frequencies(rpm) if part and rpm else {},
    }


def _shown(rooms: Rooms, row: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    now = row["now"]
    power, measured = rooms.positions.power([row])[row["id"]], now.get("measured")
    judged_by = _judged_by(rooms, row["name"], row["settings"])
    settings = {key: value for key, value in rooms.positions.book.wanted(row).items() if key not in ("asset", "name")}
    return {
        **row,
        **{key: now.get(key) for key in ("zone", "level", "temperature", "running", "usual", "usual_temperature")},
        **{key: now.get(key) for key in ("vibration_z", "temperature_z", "bearing", "recorded", "at")},
        "learned": now.get("learned", 0.0),
        "trouble": now.get("trouble", ""),
        **{name: getattr(power, name) for name in ("battery", "battery_unit", "signal", "signal_unit")},
        "battery_low": power.low,
        "measured": {**measured, "by": called(measured["by"], names)} if measured else None,
        "late": _late(row["seen"].get("late", {})),
        "unit": judged_by["unit"],
        "since": moment(row["since"]),
        "created": moment(row["created"]),
        "by": called(row["by"], names),
        "settings": settings,
        "judged_by": judged_by,
        "noticed": list(reversed(row["noticed"])),
    }


def _late(late: dict[str, Any]) -> dict[str, Any]:
    step, value = (None if late.get(name) is None else moment(late[name]) for name in ("step", "value"))
    return {"steps": late.get("steps", 0), "step": step, "values": late.get("values", 0), "value": value}


def _record_shown(row: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    return {**row, "at": moment(row["at"]), "taken": moment(row["taken"]), "by": called(row["by"], names)}
