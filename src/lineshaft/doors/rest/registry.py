"""Own models: registered, staged, served as an endpoint, scoring into asset properties; MLflow in and out."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Query, Response
from pydantic import Field

from lineshaft.core import InvalidInput
from lineshaft.detect import from_mlflow, to_mlflow
from lineshaft.doors.rest.frame.asking import Asking, House, Known, Reader, Sender, seen
from lineshaft.doors.rest.frame.names import called
from lineshaft.doors.rest.frame.paging import After, Limit, page
from lineshaft.doors.rest.frame.shape import (
    Body,
    Id,
    Listed,
    MaybeMoment,
    MaybeName,
    Moment,
    PropertyPath,
    SeenVersion,
    Shape,
    Version,
    moment,
)
from lineshaft.doors.rooms import Rooms
from lineshaft.guard import Subject, allowed

router = APIRouter(prefix="/models", tags=["detect"])
EDIT, TRUST, PREDICT = "models.edit", "models.trust", "models.predict"
CODE = frozenset({"sklearn", "python"})
Bytes64 = Annotated[str, Field(examples=["b25uLi4u"], description="The file, in base64.")]
Trust = Annotated[
    bool,
    Field(examples=[False], description="For kinds that are code (sklearn, python): I know who made it; `sha256` is needed too."),
]
Sha = Annotated[str, Field(examples=[""], description="SHA-256 of the file, in hexadecimal.")]
Metrics = Annotated[dict[str, float], Field(default_factory=dict, examples=[{"r2": 0.91}])]
Lineage = Annotated[dict[str, Any], Field(default_factory=dict, examples=[{"table": "quality_2026", "code": "9f3c1ab"}])]


class OwnModelBody(Body):
    """A model to give a name."""

    name: Annotated[str, Field(max_length=100, examples=["quality-oven"])]
    asset: Annotated[str, Field(examples=["Bakery/Line 1/Oven"], description="What it is about; empty: the whole plant.")] = ""
    about: Annotated[str, Field(max_length=2000, examples=["share of dark cookies from oven temperature and speed"])] = ""


class VersionBody(Body):
    """A version to register: its file, what it learned from and how good it was."""

    kind: Annotated[str, Field(examples=["onnx"], description="onnx, lightgbm, sklearn or python")]
    content: Bytes64
    inputs: list[Annotated[str, Field(examples=["temperature"])]] = Field(default_factory=list, max_length=1000)
    start: Annotated[str | None, Field(examples=["2026-01-01T00:00:00Z"], description="Data window.")] = None
    end: Annotated[str | None, Field(examples=["2026-06-30T00:00:00Z"])] = None
    metrics: Metrics
    lineage: Lineage
    file: Annotated[str, Field(max_length=300, examples=["quality.onnx"])] = ""
    trust: Trust = False
    sha256: Sha = ""


class MlflowBody(Body):
    """A version to register from MLflow's folder, zipped."""

    content: Bytes64
    start: Annotated[str | None, Field(examples=["2026-01-01T00:00:00Z"], description="Data window.")] = None
    end: Annotated[str | None, Field(examples=["2026-06-30T00:00:00Z"])] = None
    metrics: Metrics
    trust: Trust = False
    sha256: Annotated[str, Field(examples=[""], description="SHA-256 of the model file inside (not of the zip).")] = ""


class StageBody(Body):
    """Where a version is to be."""

    number: Annotated[int, Field(ge=1, examples=[1])]
    stage: Annotated[Literal["new", "staging", "production", "archived"], Field(examples=["production"])]
    version: SeenVersion = None


class PredictBody(Body):
    """Rows to predict, as rows or as columns."""

    rows: Annotated[list[dict[str, Any]], Field(default_factory=list, max_length=100_000, examples=[[{"temperature": 221.0}]])]
    columns: Annotated[dict[str, list[Any]], Field(default_factory=dict, examples=[{}])]
    number: Annotated[int | None, Field(examples=[None], description="A version; default: the one in production.")] = None


class ScorerBody(Body):
    """An output to write into a property from now on."""

    property: PropertyPath
    inputs: Annotated[dict[str, str], Field(examples=[{"temperature": "Bakery/Line 1/Oven/Temperature"}])]
    output: Annotated[str, Field(examples=["prediction"])] = ""
    mode: Annotated[
        str, Field(examples=["scheduled"], description="`scheduled`: means of each step; `streaming`: each value.")
    ] = "scheduled"
    every: Annotated[str, Field(examples=["1m"])] = "1m"
    number: Annotated[int | None, Field(examples=[None], description="A version to stay with; default: production.")] = None


class OwnVersion(Shape):
    """One version."""

    number: Annotated[int, Field(examples=[1])]
    kind: Annotated[str, Field(examples=["onnx"])]
    stage: Annotated[str, Field(examples=["production"])]
    inputs: list[str]
    outputs: list[str]
    library: Annotated[str, Field(examples=["onnxruntime 1.31.1"])]
    sha256: Annotated[str, Field(examples=["2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"])]
    size: Annotated[int, Field(examples=[1778])]
    start: MaybeMoment
    end: MaybeMoment
    metrics: dict[str, float]
    lineage: dict[str, Any]
    trusted_by: MaybeName
    created: Moment
    by: MaybeName
    forgotten: Annotated[MaybeMoment, Field(description="When what it had learned was taken away to save room.")]


class ScorerShape(Shape):
    """A scorer and how it does."""

    id: Id
    property: PropertyPath
    inputs: dict[str, str]
    output: Annotated[str, Field(examples=["prediction"])]
    mode: Annotated[str, Field(examples=["scheduled"])]
    every_s: Annotated[float, Field(examples=[60])]
    number: Annotated[int | None, Field(examples=[None])]
    through: MaybeMoment
    rows: Annotated[int, Field(examples=[1440])]
    skipped: Annotated[int, Field(examples=[3], description="Steps in which an input had no value, or that could not be scored.")]
    error: Annotated[str, Field(examples=[""])]
    by: MaybeName


class Target(Shape):
    """A property scores could be written into."""

    property: PropertyPath
    free: Annotated[bool, Field(examples=[False], description="Nothing else delivers it.")]
    why: Annotated[
        str, Field(examples=["'Bakery/Line 1/Oven/Temperature' is delivered by 'bakery'"], description="Why it is not free.")
    ]


class OwnModel(Shape):
    """A model, its versions (the newest first) and its scorers."""

    id: Id
    name: Annotated[str, Field(examples=["quality-oven"])]
    asset: Annotated[str, Field(examples=["Bakery/Line 1/Oven"])]
    about: Annotated[str, Field(examples=["share of dark cookies"])]
    created: Moment
    by: MaybeName
    production: Annotated[int | None, Field(examples=[1])]
    versions: list[OwnVersion]
    scorers: list[ScorerShape]
    version: Version


class Prediction(Shape):
    """What a model said, a list an output in the order of the rows."""

    model: Annotated[str, Field(examples=["quality-oven"])]
    number: Annotated[int, Field(examples=[1])]
    outputs: Annotated[dict[str, list[Any]], Field(examples=[{"prediction": [0.034]}])]


@router.get("")
def models(rooms: House, subject: Reader, limit: Limit = 100, after: After = None) -> Listed[OwnModel]:
    """List own models by name."""
    rows = rooms.registry.book.list()
    whole = [row for row in rows if not row["asset"]] if not subject.scope else []
    shown = seen(rooms, subject, [row for row in rows if row["asset"]]) + whole
    names, cut = rooms.guard.names(), page(sorted(shown, key=lambda row: str(row["name"])), limit, after)
    return Listed[OwnModel].model_validate({**cut, "items": [_shown(rooms, row, names) for row in cut["items"]]})


@router.post("", status_code=201)
def create(sender: Sender, body: OwnModelBody) -> OwnModel:
    """Give a model a name; register versions of it next."""
    book = sender.rooms.registry.book

    def run(tx: Any) -> dict[str, Any]:
        return {"name": book.create(tx, sender.subject, body.name, asset=body.asset, about=body.about)["name"]}

    made = sender.do(EDIT, f"own-model:{body.name}", body.model_dump(), run, body.asset)
    return _one(sender.rooms, made["name"])


@router.get("/{name}")
def model(rooms: House, subject: Reader, name: str) -> OwnModel:
    """Return a model with its versions and scorers."""
    _gate(rooms, subject, "read", rooms.registry.book.model(name))
    return _one(rooms, name)


@router.post("/{name}/versions", status_code=201)
def register(sender: Sender, name: str, body: VersionBody) -> OwnModel:
    """Register a version: opened once in a process apart, then kept. Kinds that are code need `trust` and `sha256`."""
    told = body.model_dump(exclude={"content"})
    return _register(sender, name, body.kind, _decoded(body.content), told)


@router.post("/{name}/mlflow", status_code=201)
def register_mlflow(sender: Sender, name: str, body: MlflowBody) -> OwnModel:
    """Register a version from MLflow's folder (zipped); the safest of its flavors is taken: onnx, lightgbm, sklearn."""
    _row(sender, EDIT, name)
    found = from_mlflow(_decoded(body.content))
    told = {**body.model_dump(exclude={"content"}), "inputs": found.inputs, "lineage": found.lineage, "file": found.file}
    return _register(sender, name, found.kind, found.content, told)


@router.get(
    "/{name}/versions/{number}/mlflow",
    response_class=Response,
    responses={200: {"content": {"application/zip": {"example": "PK"}}}},
)
def mlflow(rooms: House, subject: Reader, name: str, number: int) -> Response:
    """Return a version as MLflow's folder, zipped: `mlflow.pyfunc.load_model` serves it."""
    _gate(rooms, subject, EDIT, rooms.registry.book.model(name))
    packed = to_mlflow(name, rooms.registry.book.version(name, number))
    headers = {"Content-Disposition": f'attachment; filename="{name}-{number}.zip"'}
    return Response(packed, media_type="application/zip", headers=headers)


@router.post("/{name}/stage")
def stage(sender: Sender, name: str, body: StageBody) -> OwnModel:
    """Move a version to a stage; the one in production before is archived, and comes back the same way."""
    book = sender.rooms.registry.book
    asset = _row(sender, EDIT, name)["asset"]

    def run(tx: Any) -> dict[str, Any]:
        return {"version": book.stage(tx, name, body.number, body.stage, body.version)["version"]}

    sender.do(EDIT, f"own-model:{name}", {"what": "stage", **body.model_dump()}, run, asset)
    return _one(sender.rooms, name)


@router.post("/{name}/predict")
def predict(rooms: House, subject: Known, name: str, body: PredictBody) -> Prediction:
    """Predict rows with the version in production (or one that is named); nothing is written."""
    rooms.guard.gate(subject, PREDICT, subject.scope[0] if subject.scope else "")
    _gate(rooms, subject, PREDICT, rooms.registry.book.model(name))
    number, said = rooms.registry.predict(name, _columns(body), body.number)
    outputs = {key: [_plain(one) for one in values.tolist()] for key, values in said.items()}
    return Prediction(model=name, number=number, outputs=outputs)


@router.post("/{name}/scorers", status_code=201)
def score(sender: Sender, name: str, body: ScorerBody) -> OwnModel:
    """Let the model score into a property from now on, by the clock or with every new value."""
    rooms = sender.rooms
    asset = _row(sender, EDIT, name)["asset"]
    for path in (body.property, *body.inputs.values()):
        rooms.guard.gate(sender.subject, "read", rooms.assets.property(path).path)

    def run(tx: Any) -> dict[str, Any]:
        return {"id": rooms.registry.score(tx, sender.subject, name, body.model_dump())["id"]}

    sender.do(EDIT, f"own-model:{name}", {"what": "score", **body.model_dump()}, run, asset)
    return _one(rooms, name)


@router.get("/{name}/targets")
def targets(
    rooms: House,
    subject: Reader,
    name: str,
    limit: Limit = 100,
    after: After = None,
    search: Annotated[str, Query(max_length=200, description="Words that all occur in the path.", examples=["oven score"])] = "",
) -> Listed[Target]:
    """List the numbers scores could be written into, those of the model's asset first; what else delivers is not free."""
    _gate(rooms, subject, "read", rooms.registry.book.model(name))
    known = {one.path: one for one in rooms.registry.targets(name, search, subject.reaches)}
    cut = page([{"property": path} for path in known], limit, after, "property")
    return Listed[Target].model_validate({**cut, "items": rooms.registry.free([known[row["property"]] for row in cut["items"]])})


@router.delete("/{name}/scorers/{scorer_id}")
def end(sender: Sender, name: str, scorer_id: str) -> OwnModel:
    """End a scorer; what it wrote stays."""
    rooms = sender.rooms
    asset = _row(sender, EDIT, name)["asset"]

    def run(tx: Any) -> dict[str, Any]:
        rooms.registry.end(tx, name, scorer_id)
        return {"ended": scorer_id}

    sender.do(EDIT, f"own-model:{name}", {"what": "end scorer", "id": scorer_id}, run, asset)
    return _one(rooms, name)


def _register(sender: Asking, name: str, kind: str, content: bytes, told: dict[str, Any]) -> OwnModel:
    rooms, action = sender.rooms, TRUST if kind in CODE else EDIT
    asset = _row(sender, action, name)["asset"]
    about = rooms.registry.open(kind, content, told)

    def run(tx: Any) -> dict[str, Any]:
        return {"number": rooms.registry.book.register(tx, sender.subject, name, kind, content, about, told)["number"]}

    digest = hashlib.sha256(content).hexdigest()
    sender.do(action, f"own-model:{name}", {"what": "register", **told, "kind": kind, "sha256": digest}, run, asset)
    return _one(rooms, name)


def _decoded(content: str) -> bytes:
    try:
        return base64.b64decode(content, validate=True)
    except binascii.Error as error:
        raise InvalidInput(
            "the content is no base64", where="content", hint="encode the file's bytes", code="registry.content"
        ) from error


def _columns(body: PredictBody) -> dict[str, list[Any]]:
    if bool(body.rows) == bool(body.columns):
        raise InvalidInput("give rows or columns", where="rows", hint='{"rows": [{"input": 1.0}]}', code="registry.rows")
    if body.columns:
        return body.columns
    names = dict.fromkeys(name for row in body.rows for name in row)
    for place, row in enumerate(body.rows):
        lacks = next((name for name in names if name not in row), None)
        if lacks is not None:
            what, hint = f"the input '{lacks}' is missing in row {place + 1}", "null says that a value is missing"
            raise InvalidInput(what, where=f"rows[{place}]", hint=hint, code="registry.inputs")
    return {name: [row[name] for row in body.rows] for name in names}


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _row(sender: Asking, action: str, name: str) -> dict[str, Any]:
    """Look the model up; who may not change models is not told whether there is one."""
    if not allowed(sender.subject.roles, sender.subject.kind, action):
        sender.do(action, f"own-model:{name}", {}, lambda _tx: {})
    row = sender.rooms.registry.book.model(name)
    _gate(sender.rooms, sender.subject, action, row)
    return row


def _gate(rooms: Rooms, subject: Subject, action: str, row: dict[str, Any]) -> None:
    rooms.guard.gate(subject, action, row["asset"] or ("*" if subject.scope else ""))  # "*": more than any part of the plant


def _one(rooms: Rooms, name: str) -> OwnModel:
    return OwnModel.model_validate(_shown(rooms, rooms.registry.book.model(name), rooms.guard.names()))


def _shown(rooms: Rooms, row: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    versions = [
        {
            **one,
            **{key: moment(one[key]) for key in ("start", "end", "created", "forgotten")},
            "by": called(one["by"], names),
            "trusted_by": called(one["trusted_by"], names) if one["trusted_by"] else None,
        }
        for one in rooms.registry.book.versions(row["id"])
    ]
    scorers = [
        {**one, "every_s": one["every"] / 1e9, "through": moment(one["through"]), "by": called(one["by"], names)}
        for one in rooms.registry.book.scorers(row["id"])
    ]
    production = next((one["number"] for one in versions if one["stage"] == "production"), None)
    return {
        **row,
        "created": moment(row["created"]),
        "by": called(row["by"], names),
        "production": production,
        "versions": versions,
        "scorers": scorers,
    }
