"""`lineshaft condition`: sensor positions of a running node, raw vibration records handed to it, the table of zones."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import click

from lineshaft.cli.home import home_option
from lineshaft.cli.taking import node_of
from lineshaft.client import Node
from lineshaft.core import ConfigError, InvalidInput
from lineshaft.detect import Records

F = TypeVar("F", bound=Callable[..., Any])
TABLES = ("zones.yaml", "bearings.yaml")


def _asks(command: F) -> F:
    url = click.option("--url", default="", envvar="LINESHAFT_URL", help="Where the node is; else what HOME's settings say.")
    token = click.option("--token", default="", envvar="LINESHAFT_TOKEN", help="An API token; of role technician to take in.")
    return home_option(url(token(command)))


@click.group()
def condition() -> None:
    """Vibration and temperature of machines: sensor positions and raw records."""


@condition.command("list")
@_asks
def list_positions(home: Path, url: str, token: str) -> None:
    """List sensor positions, those that need somebody first."""
    for one in _all(node_of(home, url, token)):
        level = "" if one["level"] is None else f"  {one['level']:.3g} {one['unit']}"
        zone = f"  zone {one['zone']}" if one["zone"] else ""
        click.echo(f"{one['state']:<17}  {one['path']}{level}{zone}" + (f"\n    {one['trouble']}" if one["trouble"] else ""))


@condition.command("import")
@_asks
@click.argument("position")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--channel", default=None, help="Of several channels in a file.")
@click.option("--rate", type=float, default=None, help="Samples a second, where the file does not say it.")
@click.option("--unit", default=None, help="g, m/s2, mm/s ..., where the file does not say it.")
@click.option("--rpm", type=float, default=None, help="Speed of the shaft; else the speed stream or the position's setting.")
@click.option("--at", default=None, help="When it was taken (ISO 8601); else when the file was last written.")
@click.option("--sensitivity", type=float, default=1.0, show_default=True, help="Divides the samples: volts per g, ...")
def import_records(home: Path, url: str, token: str, position: str, files: tuple[Path, ...], **how: Any) -> None:
    """Take raw records (CSV, Parquet, MAT, UFF, WAV) of POSITION (its path) in, the oldest first."""
    if how["at"] and len(files) > 1:
        raise ConfigError("several files cannot be of the same time", where="--at", hint="leave --at out, or give one file")
    node = node_of(home, url, token)
    position_id = _find(node, position)["id"]
    for path in sorted(files, key=lambda one: one.stat().st_mtime):
        at = how["at"] or str(path.stat().st_mtime_ns)
        query = {name: None if value is None else str(value) for name, value in how.items()}
        said = node.ask(
            f"condition/positions/{position_id}/records", {**query, "file": path.name, "at": at}, data=path.read_bytes()
        ).json()
        click.echo(_told(path, said))


@condition.command()
@_asks
@click.option("--dry-run", is_flag=True, help="Only say what would happen.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def commission(home: Path, url: str, token: str, dry_run: bool, file: Path) -> None:
    """Commission the positions of a CSV table that are not there yet, all or none; `table` prints one to start from."""
    body = {"content": file.read_text(encoding="utf-8-sig"), "dry_run": dry_run}
    said = node_of(home, url, token).ask("condition/positions/import", body=body).json()
    for path in said["added"]:
        click.echo(f"+ {path}")
    for one in said["wrong"]:
        click.echo(f"line {one['line']}: {one['what']}" + (f" ({one['hint']})" if one["hint"] else ""))
    click.echo(f"{len(said['added'])} new, {said['known']} there already" + (", nothing written" if dry_run else ""))


@condition.command()
@_asks
def table(home: Path, url: str, token: str) -> None:
    """Print all positions as a CSV table, to be edited and commissioned elsewhere."""
    click.echo(node_of(home, url, token).ask("condition/positions/table", accept="text/csv").body.decode(), nl=False)


@condition.command()
@_asks
@click.argument("position")
def measure(home: Path, url: str, token: str, position: str) -> None:
    """Take a reading of POSITION (its path) now: judged by zone and baseline, nothing is learned from it."""
    node = node_of(home, url, token)
    told = node.ask(f"condition/positions/{_find(node, position)['id']}/measure", body={}).json()
    one = told["measured"]
    said = [] if one["level"] is None else [f"{one['level']:.3g} {told['unit']}"]
    said += [f"zone {one['zone']}"] if one["zone"] else []
    said += [] if one["temperature"] is None else [f"{one['temperature']:.1f} °C"]
    said += [] if one["running"] else ["the machine stands still"]
    click.echo(", ".join(said))
    for line in one["says"]:
        click.echo(f"    {line}")


@condition.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def channels(file: Path) -> None:
    """Print which channels a file has, and what it says of each; no node is asked."""
    for one in Records().channels(file):
        said = [f"{one['rate']:g} samples a second" if one["rate"] else "rate not said", one["unit"] or "unit not said"]
        said += [f"{one['rpm']:g} rpm"] if one["rpm"] else []
        click.echo(f"{one['name']}: {one['samples']} samples, {', '.join(said)}")


@condition.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def tables(folder: Path) -> None:
    """Write the tables of zones and bearings to FOLDER, to edit: those in HOME/config are in force."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in TABLES:
        if (folder / name).exists():
            raise ConfigError(f"{folder / name} is there already", hint="choose another folder, or move it away")
    for name in TABLES:
        text = resources.files("lineshaft.detect.vibration").joinpath(name).read_text(encoding="utf-8")
        (folder / name).write_text(text, encoding="utf-8")
        click.echo(str(folder / name))


def _all(node: Node) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = node.ask("condition/positions", {"limit": 1000}).json()["items"]
    return found


def _find(node: Node, path: str) -> dict[str, Any]:
    known = _all(node)
    for one in known:
        if path in (one["path"], one["id"]):
            return one
    hint = f"known are {', '.join(one['path'] for one in known[:10])}" if known else "commission one on the page Condition"
    raise InvalidInput(f"there is no sensor position '{path}'", hint=hint, code="position.unknown")


def _told(path: Path, said: dict[str, Any]) -> str:
    """Return what came of a record, for people."""
    velocity = said["figures"].get("velocity_rms")
    level = "no velocity" if velocity is None else f"{velocity:.3g} mm/s"
    zone = f", zone {said['zone']}" if said["zone"] else ""
    lines = [f"{path.name}: {level}{zone}, kurtosis {said['figures']['kurtosis']:.1f}"]
    lines += [f"    {said['diagnosis']['says']}"] if said["diagnosis"] else []
    lines += [f"    not told: {why}" for why in said["refused"].values()]
    lines += [] if said["judged"] else ["    kept, not judged: a later record was judged before"]
    return "\n".join(lines)
