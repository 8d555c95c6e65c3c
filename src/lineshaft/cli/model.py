"""`lineshaft model`: own models of a running node: register a version, move it to a stage, predict, MLflow in and out."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from lineshaft.cli.life import asks, node_at
from lineshaft.core import InvalidInput
from lineshaft.detect import from_mlflow

KINDS = {".onnx": "onnx", ".txt": "lightgbm", ".lgb": "lightgbm", ".pkl": "sklearn", ".joblib": "sklearn", ".py": "python"}
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def model() -> None:
    """Own models: scikit-learn, LightGBM, ONNX or Python, registered with a running node."""


@model.command("list")
@asks
def list_models(home: Path, url: str | None, token: str) -> None:
    """List models and their versions."""
    for one in node_at(home, url, token).ask("models", {"limit": 1000}).json()["items"]:
        click.echo(f"{one['name']}  {one['about']}".rstrip())
        for each in one["versions"]:
            metrics = " ".join(f"{name}={value:g}" for name, value in each["metrics"].items())
            click.echo(f"    {each['number']}  {each['stage']}  {each['kind']}  {each['sha256'][:12]}  {metrics}".rstrip())


@model.command()
@asks
@click.option("--asset", default="", help="What it is about; empty: the whole plant.")
@click.option("--about", default="", help="A sentence about it.")
@click.argument("name")
def create(home: Path, url: str | None, token: str, asset: str, about: str, name: str) -> None:
    """Give a model a name."""
    node_at(home, url, token).ask("models", body={"name": name, "asset": asset, "about": about})
    click.echo(f"{name} is there; register a version: lineshaft model register {name} FILE")


@model.command()
@asks
@click.option("--kind", default="", help="onnx, lightgbm, sklearn, python or mlflow; else by the file's ending.")
@click.option("--inputs", default="", help="Names of the inputs in the model's order, with commas.")
@click.option("--metric", "metrics", multiple=True, help="NAME=NUMBER; may be given several times.")
@click.option("--trust", is_flag=True, help="For pickles and Python: I know who made it; opening it runs the code inside.")
@click.argument("name")
@click.argument("file", type=FILE)
def register(  # noqa: PLR0917 - click hands over what the command line has
    home: Path, url: str | None, token: str, kind: str, inputs: str, metrics: tuple[str, ...], trust: bool, name: str, file: Path
) -> None:
    """Register a version of a model from a file (or MLflow's folder as a zip)."""
    content = file.read_bytes()
    kind = kind or KINDS.get(file.suffix, "mlflow" if file.suffix == ".zip" else "")
    body: dict[str, Any] = {"content": base64.b64encode(content).decode(), "metrics": _metrics(metrics), "trust": trust}
    if kind == "mlflow":  # what is trusted is the model inside, not the zip around it
        body |= {"sha256": hashlib.sha256(from_mlflow(content).content).hexdigest()}
    else:
        names = [one.strip() for one in inputs.split(",") if one.strip()]
        body |= {"kind": kind, "inputs": names, "file": file.name, "sha256": hashlib.sha256(content).hexdigest()}
    path = f"models/{quote(name, safe='')}/{'mlflow' if kind == 'mlflow' else 'versions'}"
    newest = node_at(home, url, token).ask(path, body=body).json()["versions"][0]
    click.echo(f"version {newest['number']}: {', '.join(newest['inputs'])} -> {', '.join(newest['outputs'])}")


@model.command()
@asks
@click.argument("name")
@click.argument("number", type=click.IntRange(1))
@click.argument("stage", type=click.Choice(["new", "staging", "production", "archived"]))
def stage(home: Path, url: str | None, token: str, name: str, number: int, stage: str) -> None:
    """Move a version to a stage; the one in production before is archived."""
    node_at(home, url, token).ask(f"models/{quote(name, safe='')}/stage", body={"number": number, "stage": stage})
    click.echo(f"version {number} of {name}: {stage}")


@model.command()
@asks
@click.option("--number", type=click.IntRange(1), default=None, help="A version; default: the one in production.")
@click.argument("name")
@click.argument("file", type=FILE)
def predict(home: Path, url: str | None, token: str, number: int | None, name: str, file: Path) -> None:
    """Predict the rows of a CSV file whose columns are called like the inputs."""
    with file.open(encoding="utf-8", newline="") as lines:
        rows = [{key: _number(value, key) for key, value in row.items()} for row in csv.DictReader(lines)]
    body = {"rows": rows, "number": number}
    click.echo(json.dumps(node_at(home, url, token).ask(f"models/{quote(name, safe='')}/predict", body=body).json()["outputs"]))


@model.command()
@asks
@click.argument("name")
@click.argument("number", type=click.IntRange(1))
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def export(home: Path, url: str | None, token: str, name: str, number: int, file: Path) -> None:
    """Write a version as MLflow's folder, zipped."""
    said = node_at(home, url, token).ask(f"models/{quote(name, safe='')}/versions/{number}/mlflow", accept="application/zip")
    file.write_bytes(said.body)
    click.echo(f"{file}: {len(said.body)} bytes")


def _metrics(given: tuple[str, ...]) -> dict[str, float]:
    made: dict[str, float] = {}
    for pair in given:
        name, _, value = pair.partition("=")
        made[name] = _number(value, f"--metric {pair}") or 0.0
    return made


def _number(text: str, where: str) -> float | None:
    try:
        return float(text) if text.strip() else None
    except ValueError:
        raise InvalidInput(f"'{text}' is no number", where=where, hint="numbers, or nothing for a missing one") from None
