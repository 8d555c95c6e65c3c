"""`lineshaft edges`: the plant's register of edge nodes, and what they are configured to do."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import click
from sqlalchemy.engine import Connection

from lineshaft.app import open_database, read_settings
from lineshaft.cli.home import existing, home_option
from lineshaft.client import Node
from lineshaft.connect import Edges
from lineshaft.core import ConfigError, Conflict, NotFound, iso, parse_duration
from lineshaft.guard import Command, Guard, Subject

_NO_TOKEN = "make one with: lineshaft token create --role engineer --name edges"  # noqa: S105 - words, not a secret


@click.group()
@home_option
@click.pass_context
def edges(context: click.Context, home: Path) -> None:
    """Invite, list, configure and shut out edge nodes; `invite`, `list` and `revoke` work beside the running plant node."""
    context.obj = home


@edges.command()
@click.argument("name")
@click.option("--valid", default=None, help="How long the code is good, for example 2h.")
@click.pass_obj
def invite(home: Path, name: str, valid: str | None) -> None:
    """Print the code with which one machine may enrol as NAME, once."""
    chosen: dict[str, Any] = {}

    def run(register: Edges, tx: Connection) -> dict[str, Any]:
        chosen["listen"], chosen["port"] = register.settings.listen, register.settings.port
        return register.invite(tx, name, parse_duration(valid or register.settings.claim_valid, where="--valid"))

    said = _do(home, "edges.invite", name, run)
    click.echo(f"On the edge node:  lineshaft edge --home DIR enrol https://THIS-PLANT:{chosen['port']} {said['code']}")
    click.echo(f"The code is good once, until {iso(said['until'])}; it is not shown again.")
    if not chosen["listen"]:
        click.echo(
            "The door for edge nodes is shut: set listen = true in [edges] of settings.toml and start the plant node again."
        )


def _asks(command: Callable[..., Any]) -> Callable[..., Any]:
    url = click.option("--url", default=None, envvar="LINESHAFT_URL", help="Where the plant is; else what HOME's settings say.")
    token = click.option("--token", default="", envvar="LINESHAFT_TOKEN", help="An API token of role engineer.")
    return click.pass_obj(url(token(command)))


@edges.command("list")
@_asks
def list_(home: Path, url: str | None, token: str) -> None:
    """List edge nodes, and when each was last heard of; with a token, how each is now."""
    if token:
        for one in _plant(home, url, token).ask("edges").json()["items"]:
            waits = f"{one['waiting_values']} values wait"
            click.echo(f"{one['name']}  {one['state']}  configuration {one['config']}{_trying(one)}  {waits}")
        return
    db, settings = open_database(existing(home))
    try:
        for row in Edges(db, home / "edge-ca", settings.edges).all():
            state = "shut out" if row["revoked"] else "enrolled" if row["enrolled"] else "invited"
            seen = f"last seen {iso(row['seen'])}" if row["seen"] else "never seen"
            click.echo(f"{row['name']}  {state}  {seen}  certificate until {iso(row['expires']) if row['expires'] else '-'}")
    finally:
        db.close()


@edges.command()
@click.argument("name")
@click.option("--reason", default="", help="Why; the edge node is told.")
@click.pass_obj
def revoke(home: Path, name: str, reason: str) -> None:
    """Shut an edge node out from its next word on."""
    _do(home, "edges.revoke", name, lambda register, tx: register.revoke(tx, name, reason))
    click.echo(f"{name} is shut out")


@edges.command()
@_asks
@click.argument("name")
def show(home: Path, url: str | None, token: str, name: str) -> None:
    """Show how an edge node is, and every configuration it was given."""
    plant, path = _plant(home, url, token), _path(name)
    one = plant.ask(path).json()
    click.echo(f"{one['name']}  {one['state']}  version {one['version'] or '-'}  last seen {one['seen'] or 'never'}")
    click.echo(f"{one['waiting_values']} values wait ({one['waiting_bytes']} bytes), {one['lost_values']} were lost, ever")
    for source in one["sources"]:
        click.echo(f"  {source['name']}  {source['state']}  {source['message']}")
    for event in one["events"]:
        click.echo(f"  {event['severity']}: {event['message']}")
    if one["refused"]:
        click.echo(f"  configuration {one['refused']['number']} was not taken: {one['refused']['reason']}")
    for made in plant.ask(f"{path}/configs").json()["items"]:
        marks = [word for word, yes in (("runs", made["number"] == one["config"]), ("waits for approval", made["waits"])) if yes]
        wanted = [*marks, *(["wanted"] if made["number"] == one["wanted"] != one["config"] else [])]
        click.echo(
            f"configuration {made['number']}  {made['at']}  {made['by'] or ''}  {made['note']}  {', '.join(wanted)}".rstrip()
        )
    if not one["wanted"]:
        click.echo("it keeps the sources of its own settings.toml (configuration 0)")


@edges.command()
@_asks
@click.option("--number", type=click.IntRange(1), default=None, help="Print this configuration; else the one it is to run.")
@click.argument("name")
def configuration(home: Path, url: str | None, token: str, name: str, number: int | None) -> None:
    """Print a configuration as it was given: edit it and give it again with `configure`."""
    plant = _plant(home, url, token)
    chosen = number or int(plant.ask(_path(name)).json()["wanted"])
    for made in plant.ask(f"{_path(name)}/configs").json()["items"]:
        if made["number"] == chosen:
            click.echo(made["text"], nl=not made["text"].endswith("\n"))
            return
    raise NotFound(
        f"'{name}' never had a configuration {chosen}", hint="lineshaft edges show lists them", code="edge.config-unknown"
    )


@edges.command()
@_asks
@click.option("--note", default="", help="What it is for, in a few words.")
@click.argument("name")
@click.argument("file", type=click.File(encoding="utf-8"))
def configure(home: Path, url: str | None, token: str, name: str, file: IO[str], note: str) -> None:
    """Give an edge node the configuration in FILE (TOML; - is standard input)."""
    made = _plant(home, url, token).ask(f"{_path(name)}/configs", body={"text": file.read(), "note": note}).json()
    if made["waits"]:
        click.echo(f"configuration {made['number']} waits for a second person: lineshaft edges approve {name} {made['number']}")
    else:
        click.echo(f"{name} is to run configuration {made['number']}; see: lineshaft edges show {name}")


@edges.command()
@_asks
@click.argument("name")
@click.argument("number", type=click.IntRange(1))
def approve(home: Path, url: str | None, token: str, name: str, number: int) -> None:
    """Approve a configuration somebody else made; it holds rules or functions."""
    _plant(home, url, token).ask(f"{_path(name)}/configs/{number}/approve", body={})
    click.echo(f"{name} is to run configuration {number}; see: lineshaft edges show {name}")


@edges.command()
@_asks
@click.argument("name")
@click.argument("number", type=click.IntRange(0), required=False)
def back(home: Path, url: str | None, token: str, name: str, number: int | None) -> None:
    """Have an edge node go back to configuration NUMBER; else to the one before; 0 is its own settings."""
    plant, path = _plant(home, url, token), _path(name)
    if number is None:
        wanted = int(plant.ask(path).json()["wanted"])
        if not wanted:
            what = f"'{name}' keeps its own settings: there is nothing before them"
            raise Conflict(what, hint="name the number of a configuration", code="edge.config-first")
        made = plant.ask(f"{path}/configs").json()["items"]
        number = max((int(one["number"]) for one in made if one["number"] < wanted and not one["waits"]), default=0)
    plant.ask(f"{path}/configs/{number}/want", body={})
    click.echo(
        f"{name} is to run {f'configuration {number}' if number else 'its own settings'}; see: lineshaft edges show {name}"
    )


def _trying(one: dict[str, Any]) -> str:
    if one["trial"]:
        return " (on trial)"
    return f" ({one['wanted']} is wanted)" if one["wanted"] != one["config"] else ""


def _path(name: str) -> str:
    return f"edges/{quote(name, safe='')}"


def _plant(home: Path, url: str | None, token: str) -> Node:
    if not token:
        raise ConfigError("asking needs an API token", where="--token or LINESHAFT_TOKEN", hint=_NO_TOKEN)
    if url is None:
        web = read_settings(existing(home)).web
        url = f"http://{web.host}:{web.port}"
    return Node(url, token)


def _do(home: Path, action: str, name: str, run: Callable[[Edges, Connection], dict[str, Any]]) -> dict[str, Any]:
    """Do a command as the owner of this machine, through the same gate and audit as everybody."""
    db, settings = open_database(existing(home))
    try:
        register = Edges(db, home / "edge-ca", settings.edges)
        command = Command(Subject.system(f"command line of {getpass.getuser()}"), action, f"edge:{name}", {"name": name})
        return Guard(db, settings.guard).perform(command, lambda tx: run(register, tx))
    finally:
        db.close()
