"""MLflow's folder of a model, as a zip, in and out: its format is files, so nothing of MLflow need be installed."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from lineshaft.core import InvalidInput, iso

FILES = {"onnx": "model.onnx", "lightgbm": "model.lgb", "sklearn": "model.pkl"}
JOBLIB = b"joblib.numpy_pickle"
"""What stands in a file of joblib with arrays, and in no plain pickle."""

MOST_UNPACKED = 400 * 1024 * 1024
STUB = """\
import json
from pathlib import Path


def _load_pyfunc(path):
    return Model(Path(path))


class Model:
    def __init__(self, path):
        source = path / "own_model.py" if path.is_dir() else path
        self.names = {}
        exec(compile(source.read_text(), str(source), "exec"), self.names)

    def predict(self, table, params=None):
        columns = {str(name): table[name].to_numpy() for name in table.columns}
        return self.names["predict"](columns)
"""


@dataclass(frozen=True, slots=True)
class Found:
    """What a folder holds."""

    kind: str
    content: bytes
    inputs: list[str]
    file: str
    lineage: dict[str, Any] = field(default_factory=dict[str, Any])


def export(name: str, row: Mapping[str, Any]) -> bytes:
    """Return a version as MLflow's folder: `mlflow.pyfunc.load_model` on the unpacked zip serves it."""
    kind, library = str(row["kind"]), str(row["library"])
    if kind == "sklearn" and JOBLIB in bytes(row["content"]):
        hint = "register it again from what pickle.dump writes, or as ONNX"
        raise InvalidInput("MLflow does not read what joblib.dump wrote", hint=hint, code="registry.mlflow")
    inputs = json.dumps([{"type": "double", "name": one, "required": True} for one in row["inputs"]])
    outputs = json.dumps([{"type": "double", "name": one, "required": True} for one in row["outputs"]])
    package, _, version = library.partition(" ")
    about: dict[str, Any] = {
        "flavors": _flavors(kind, version),
        "model_uuid": str(row["id"]).replace("-", ""),
        "signature": {"inputs": inputs, "outputs": outputs, "params": None},
        "utc_time_created": iso(int(row["created"])).replace("T", " ").rstrip("Z"),
        "metadata": {"lineshaft": {"model": name, **_told(row)}},
    }
    needs = ["pandas"] if kind == "python" else [f"{package}=={version}", *(["onnx"] if kind == "onnx" else [])]
    python = {"python": "3.11", "build_dependencies": ["pip"], "dependencies": ["-r requirements.txt"]}
    files: dict[str, bytes] = {
        "MLmodel": yaml.safe_dump(about, sort_keys=True).encode(),
        "requirements.txt": "".join(f"{one}\n" for one in needs).encode(),
        "python_env.yaml": yaml.safe_dump(python).encode(),
    }
    if kind == "python":
        files |= {"code/own_model_loader.py": STUB.encode(), "own_model.py": bytes(row["content"])}
    else:
        files[FILES[kind]] = bytes(row["content"])
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as zipped:
        for path, content in sorted(files.items()):
            zipped.writestr(zipfile.ZipInfo(path), content)
    return packed.getvalue()


def _flavors(kind: str, version: str) -> dict[str, Any]:
    if kind == "python":
        loader = {"loader_module": "own_model_loader", "code": "code", "data": "own_model.py", "python_version": "3.11"}
        return {"python_function": {**loader, "env": {"virtualenv": "python_env.yaml"}}}
    function: dict[str, Any] = {"env": {"virtualenv": "python_env.yaml"}, "python_version": "3.11"}
    if kind == "onnx":
        options = {"onnx_version": "1", "data": FILES[kind], "providers": ["CPUExecutionProvider"], "code": None}
        return {"onnx": options, "python_function": {**function, "loader_module": "mlflow.onnx", "data": FILES[kind]}}
    if kind == "lightgbm":
        options = {"lgb_version": version, "data": FILES[kind], "model_class": "lightgbm.basic.Booster", "code": None}
        return {"lightgbm": options, "python_function": {**function, "loader_module": "mlflow.lightgbm", "data": FILES[kind]}}
    options = {"pickled_model": FILES[kind], "sklearn_version": version, "serialization_format": "pickle", "code": None}
    served = {"loader_module": "mlflow.sklearn", "model_path": FILES[kind], "predict_fn": "predict"}
    return {"sklearn": options, "python_function": {**function, **served}}


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    window = {name: iso(int(row[name])) for name in ("start", "end") if row[name] is not None}
    return {
        "number": row["number"],
        "stage": row["stage"],
        "sha256": row["sha256"],
        "metrics": row["metrics"],
        "lineage": row["lineage"],
        **window,
    }


def read(packed: bytes) -> Found:
    """Return the model in a zipped folder of MLflow; nothing of it is opened. Raises InvalidInput for what is none."""
    try:
        zipped = zipfile.ZipFile(io.BytesIO(packed))
    except zipfile.BadZipFile as error:
        hint = "zip the folder that holds the file MLmodel"
        raise InvalidInput("this is no zip", where="content", hint=hint, code="registry.mlflow") from error
    with zipped:
        if sum(one.file_size for one in zipped.infolist()) > MOST_UNPACKED:
            raise InvalidInput("the zip unpacks to too much", hint=f"at most {MOST_UNPACKED} bytes", code="registry.mlflow")
        names = zipped.namelist()
        place = min((one for one in names if one.rpartition("/")[2] == "MLmodel"), key=len, default=None)
        if place is None:
            hint = "zip the folder that holds the file MLmodel"
            raise InvalidInput("there is no file MLmodel in it", where="content", hint=hint, code="registry.mlflow")
        base = place[: -len("MLmodel")]
        about = _mapping(zipped.read(place))
        kind, path = _chosen(about.get("flavors") or {})
        if base + path not in names:
            raise InvalidInput(f"MLmodel names the file '{path}', which is not in it", code="registry.mlflow")
        content = zipped.read(base + path)
    lineage = {"mlflow_run": about.get("run_id"), "mlflow_model": about.get("model_uuid"), "mlflow": about.get("mlflow_version")}
    return Found(kind, content, _inputs(about), path, {key: value for key, value in lineage.items() if value})


def _mapping(content: bytes) -> dict[str, Any]:
    try:
        about: Any = yaml.safe_load(content)
    except yaml.YAMLError as error:
        raise InvalidInput(f"MLmodel cannot be read: {error}", code="registry.mlflow") from error
    if not isinstance(about, dict):
        raise InvalidInput("MLmodel holds no flavors", code="registry.mlflow")
    return {str(key): value for key, value in about.items()}


def _chosen(flavors: Mapping[str, Any]) -> tuple[str, str]:
    """Return kind and file of the flavor that is safest to run."""
    if "onnx" in flavors:
        return "onnx", str(flavors["onnx"].get("data") or FILES["onnx"])
    if "lightgbm" in flavors:
        path = str(flavors["lightgbm"].get("data") or FILES["lightgbm"])
        return ("sklearn", path) if path.endswith((".pkl", ".skops")) else ("lightgbm", path)
    if "sklearn" in flavors:
        return "sklearn", str(flavors["sklearn"].get("pickled_model") or FILES["sklearn"])
    function = flavors.get("python_function") or {}
    if function.get("loader_module") == "own_model_loader":
        return "python", str(function["data"])
    hint = "log it with the flavor onnx, lightgbm or sklearn"
    raise InvalidInput(f"none of its flavors is taken: {', '.join(flavors) or 'none'}", hint=hint, code="registry.mlflow")


def _inputs(about: Mapping[str, Any]) -> list[str]:
    """Return the names of the inputs in its signature, where it has names."""
    signature = about.get("signature") or {}
    try:
        told: Sequence[Mapping[str, Any]] = json.loads(signature.get("inputs") or "[]")
        names = [str(one["name"]) for one in told if one.get("name")]
        return names if len(names) == len(told) and all(one.get("type") != "tensor" for one in told) else []
    except (ValueError, TypeError, AttributeError):
        return []
