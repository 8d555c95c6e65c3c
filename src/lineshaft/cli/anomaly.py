"""`lineshaft anomaly`: models of machines of a running node: plan, train, use, change; labels, scores and versions as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lineshaft.cli.life import asks, node_at
from lineshaft.client import Node
from lineshaft.core import NotFound, did_you_mean

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
OUT = click.Path(dir_okay=False, path_type=Path)
SCHEDULE = (
    click.option("--lookback", default=None, help="How far back it learns, such as 180d."),
    click.option("--retrain", default=None, help="Train again so often, such as 30d; empty: by hand only."),
    click.option("--promote", type=click.Choice(["by hand", "better"]), default=None, help="When a new version takes over."),
    click.option("--delay", default=None, help="So much later than the end of a step its values may come, such as 10m."),
)


def _schedule(command: Any) -> Any:
    for option in reversed(SCHEDULE):
        command = option(command)
    return command


@click.group()
def anomaly() -> None:
    """Models of machines: how each runs when all is well, learned from its history."""


@anomaly.command("list")
@asks
def list_models(home: Path, url: str | None, token: str) -> None:
    """List models, which version works, and what it says now."""
    for one in _all(node_at(home, url, token)):
        at_work = one["active"] or one["shadow"]
        mode = "active" if one["active"] else "shadow" if one["shadow"] else "off"
        now = next((each["now"] for each in one["versions"] if each["number"] == at_work), {})
        click.echo(f"{one['name']}  {mode}{f' {at_work}' if at_work else ''}  {now.get('reason', '')}".rstrip())
        for each in one["versions"]:
            verdict = each["verdict"]
            said = f"{verdict['quality']}: {'; '.join(verdict['why'])}" if verdict else each["error"]
            click.echo(f"    {each['number']}  {each['state']}  {said}".rstrip())


@anomaly.command()
@asks
@click.option("--lookback", default="90d", show_default=True)
@click.option("--every", default="1m", show_default=True, help="Length of a step, from 1s to 1h.")
@click.argument("asset")
def look(home: Path, url: str | None, token: str, lookback: str, every: str, asset: str) -> None:
    """Look at the data of ASSET before anything is trained: what is wrong with each property, and what will be done."""
    told = (
        node_at(home, url, token).ask("anomaly-models/look", body={"asset": asset, "lookback": lookback, "every": every}).json()
    )
    click.echo(", ".join(f"{name.replace('_', ' ')} {count}" for name, count in told["summary"].items()))
    for one in told["table"]:
        click.echo(f"! {one['what']}: {one['action']}")
    for one in told["sensors"]:
        said = "; ".join(f"{flaw['what']}: {flaw['action']}" for flaw in one["flaws"]) or "good"
        click.echo(f"{one['name']}  {one['missing']:.1%} missing  {said}")


@anomaly.command()
@asks
@click.option("--name", default="", help="Default: the asset's path.")
@click.option("--property", "properties", multiple=True, help="May be given several times; default: all numbers of the asset.")
@click.option("--driver", "drivers", multiple=True, help="A property from outside: load, speed, set-point. Several times.")
@click.option("--off", default="", help="Formula that is true while the machine is off, properties in `backquotes`.")
@click.option("--every", default="1m", show_default=True, help="Length of a step, from 1s to 1h.")
@click.option("--failure-mode", default="", help="Code of its findings, such as VIB.")
@_schedule
@click.argument("asset")
def plan(  # noqa: PLR0917 - click hands over what the command line has
    home: Path,
    url: str | None,
    token: str,
    name: str,
    properties: tuple[str, ...],
    drivers: tuple[str, ...],
    off: str,
    every: str,
    failure_mode: str,
    asset: str,
    **schedule: str | None,
) -> None:
    """Plan a model of ASSET; nothing is trained yet."""
    settings = {name: value for name, value in {"drivers": list(drivers), "off": off}.items() if value}
    body: dict[str, Any] = {"asset": asset, "name": name, "properties": list(properties), "settings": settings, "every": every}
    body |= {"failure_mode": failure_mode, **_given(schedule)}
    made = node_at(home, url, token).ask("anomaly-models", body=body).json()
    click.echo(f"{made['name']}: {len(made['properties'])} properties; train it: lineshaft anomaly train '{made['name']}'")


@anomaly.command()
@asks
@_schedule
@click.argument("name")
def change(home: Path, url: str | None, token: str, name: str, **schedule: str | None) -> None:
    """Change the schedule of a model; its versions stay as they are."""
    node = node_at(home, url, token)
    one = _find(node, name)
    told = node.ask(f"anomaly-models/{one['id']}", body={**_given(schedule), "version": one["version"]}, method="PATCH").json()
    again = f"again every {told['retrain_s'] / 86_400:g} days" if told["retrain_s"] else "again by hand only"
    click.echo(f"{name}: looks back {told['lookback_s'] / 86_400:g} days, trained {again}, waits {told['delay_s'] / 60:g} min")


@anomaly.command()
@asks
@click.option("--start", default=None, help="Learn from here (ISO 8601); default: as far as the model looks back.")
@click.option("--end", default=None, help="Learn until here; default: now.")
@click.argument("name")
def train(home: Path, url: str | None, token: str, start: str | None, end: str | None, name: str) -> None:
    """Begin to train a new version; the node does the work."""
    node = node_at(home, url, token)
    body = {"start": start, "end": end}
    made = node.ask(f"anomaly-models/{_find(node, name)['id']}/train", body=body).json()
    version = made["versions"][0]
    for note in version["about"].get("notes", ()):
        click.echo(f"! {note}")
    click.echo(f"version {version['number']} is being trained; see: lineshaft anomaly list")


@anomaly.command()
@asks
@click.argument("name")
@click.argument("number", type=click.IntRange(1))
@click.argument("mode", type=click.Choice(["active", "shadow", "off"]))
def use(home: Path, url: str | None, token: str, name: str, number: int, mode: str) -> None:
    """Let a version work: in the shadow its alerts are counted, active they become findings."""
    node = node_at(home, url, token)
    one = _find(node, name)
    node.ask(f"anomaly-models/{one['id']}/use", body={"number": number, "mode": mode, "version": one["version"]})
    click.echo(f"version {number} of {name}: {mode}")


@anomaly.command()
@asks
@click.option("--asset", default="", help="Whose labels these are, where the file does not say it.")
@click.option("--timezone", default="", help="Of times that name none, such as UTC or Europe/Berlin; one is never guessed.")
@click.option("--dry-run", is_flag=True, help="Only say what would happen.")
@click.argument("file", type=FILE, required=False)
def labels(home: Path, url: str | None, token: str, asset: str, timezone: str, dry_run: bool, file: Path | None) -> None:
    """Take labels of FILE in (CSV, or the JSON of list-labels), each once; without FILE print those that are there as CSV."""
    node = node_at(home, url, token)
    if file is None:
        said = node.ask("anomaly-labels/table", {"asset": asset} if asset else {}, accept="text/csv")
        click.echo(said.body.decode(), nl=False)
        return
    body = {"content": file.read_text(encoding="utf-8-sig"), "asset": asset, "timezone": timezone, "dry_run": dry_run}
    told = node.ask("anomaly-labels/import", body=body).json()
    click.echo(f"{told['added']} new, {told['known']} there already" + (", nothing written" if dry_run else ""))


@anomaly.command()
@asks
@click.option("--start", required=True, help="ISO 8601 with a zone.")
@click.option("--end", default="now", show_default=True)
@click.option("--number", type=click.IntRange(1), default=None, help="A version; default: the one at work, else the newest.")
@click.argument("name")
@click.argument("file", type=OUT)
def table(home: Path, url: str | None, token: str, start: str, end: str, number: int | None, name: str, file: Path) -> None:
    """Score a past time and write every row to FILE (.csv, .parquet, or .jsonl: the lines of Lookout for Equipment)."""
    node = node_at(home, url, token)
    form = file.suffix.lstrip(".") or "csv"
    query = {"start": start, "end": end, "number": None if number is None else str(number), "format": form}
    said = node.ask(f"anomaly-models/{_find(node, name)['id']}/table", query, accept="*/*")
    file.write_bytes(said.body)
    click.echo(f"{file}: {len(said.body)} bytes")


@anomaly.command()
@asks
@click.option("--number", type=click.IntRange(1), default=None, help="A version; default: the one at work, else the newest.")
@click.argument("name")
@click.argument("file", type=OUT)
def save(home: Path, url: str | None, token: str, number: int | None, name: str, file: Path) -> None:
    """Write a version to FILE: for a notebook, or to be taken in by another node."""
    node = node_at(home, url, token)
    query = {"number": None if number is None else str(number)}
    said = node.ask(f"anomaly-models/{_find(node, name)['id']}/file", query, accept="application/zip")
    file.write_bytes(said.body)
    click.echo(f"{file}: {len(said.body)} bytes")


@anomaly.command()
@asks
@click.argument("name")
@click.argument("file", type=FILE)
def take(home: Path, url: str | None, token: str, name: str, file: Path) -> None:
    """Take a model that was trained elsewhere and saved in as a new version of NAME."""
    node = node_at(home, url, token)
    made = node.ask(f"anomaly-models/{_find(node, name)['id']}/versions", data=file.read_bytes()).json()
    click.echo(f"version {made['versions'][0]['number']} of {name} is there; it works only when somebody says so")


def _given(schedule: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in schedule.items() if value is not None}


def _all(node: Node) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = node.ask("anomaly-models", {"limit": 1000}).json()["items"]
    return found


def _find(node: Node, name: str) -> dict[str, Any]:
    known = _all(node)
    found = next((one for one in known if name in (one["name"], one["id"])), None)
    if found is None:
        hint = did_you_mean(name, [one["name"] for one in known])
        raise NotFound(f"there is no model '{name}'", hint=hint, code="models.unknown")
    return found
