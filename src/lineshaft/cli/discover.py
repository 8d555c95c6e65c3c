"""`lineshaft discover` and `lineshaft compare`: what is on the network, what could be made of it, and two ways to a machine.

A running node is asked; a look through a network needs none: `discover look` works on a home whose node is stopped too.
"""

from __future__ import annotations

import getpass
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import quote

import click

from lineshaft.app import open_database
from lineshaft.cli.home import existing, home_option, lock, running
from lineshaft.cli.taking import node_of
from lineshaft.client import Node
from lineshaft.connect import Discovery
from lineshaft.core import InvalidInput
from lineshaft.guard import Command, Guard, Subject

F = TypeVar("F", bound=Callable[..., Any])
PROTOCOLS = ("opcua", "ethernet_ip", "modbus", "sparkplug")


def _asks(command: F) -> F:
    url = click.option("--url", default="", envvar="LINESHAFT_URL", help="Where the node is; else what HOME's settings say.")
    token = click.option("--token", default="", envvar="LINESHAFT_TOKEN", help="An API token of role engineer.")
    return home_option(url(token(command)))


@click.group()
def discover() -> None:
    """Find OT systems in networks that settings.toml allows, and make sources and models of them."""


@discover.command()
@_asks
@click.argument("network", default="")
@click.option("--protocol", multiple=True, type=click.Choice(PROTOCOLS), help="Which to ask in; all that need a network if none.")
def look(home: Path, url: str, token: str, network: str, protocol: tuple[str, ...]) -> None:
    """Look through NETWORK (192.168.10.0/24): few, slow questions that change nothing."""
    chosen = list(protocol) or ["opcua", "ethernet_ip", "modbus"]
    if url or running(home):
        told = _look_there(node_of(home, url, token), network, chosen)
        rows = node_of(home, url, token).ask("discovery/systems").json()["items"]
    else:
        told, rows = _look_here(home, network, chosen)
    click.echo(
        f"{told['state']}: {told['asked']} of {told['total']} questions asked, {told['found']} found {told['message']}".rstrip()
    )
    _list(rows)


def _look_there(node: Node, network: str, protocols: list[str]) -> dict[str, Any]:
    told = node.ask("discovery/look", body={"network": network, "protocols": protocols}).json()
    with click.progressbar(length=max(told["total"], 1), label=network or "listening") as bar:
        while told["state"] == "running":
            time.sleep(0.3)
            told = node.ask("discovery").json()["look"]
            bar.update(told["asked"] - bar.pos)
    return cast("dict[str, Any]", told)


def _look_here(home: Path, network: str, protocols: list[str]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    with lock(existing(home)):
        db, settings = open_database(home)
        guard, subject = Guard(db, settings.guard), Subject.system(f"command line ({getpass.getuser()})")
        work = Discovery(db, guard, settings.discovery, settings.sources)
        try:
            command = Command(subject, "discovery.scan", f"network:{network}", {"protocols": protocols})
            guard.perform(command, lambda tx: work.begin(tx, network, cast("Any", protocols), subject))
            with click.progressbar(length=max((work.look() or {}).get("total", 1), 1), label=network) as bar:
                while (work.look() or {}).get("state") == "running":
                    work.wait(0.3)
                    bar.update((work.look() or {}).get("asked", 0) - bar.pos)
            return work.look() or {}, work.inventory.all()
        finally:
            work.stop()
            db.close()


@discover.command("list")
@_asks
def list_systems(home: Path, url: str, token: str) -> None:
    """Print the inventory: who was found where, whose it is, and what is open about it."""
    if url or running(home):
        _list(node_of(home, url, token).ask("discovery/systems").json()["items"])
        return
    with lock(existing(home)):
        db, settings = open_database(home)
        try:
            _list(Discovery(db, Guard(db, settings.guard), settings.discovery).inventory.all())
        finally:
            db.close()


def _list(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        silent = "  silent now" if row["silent_since"] else ""
        who = " ".join(filter(None, (row["maker"], row["model"])))
        click.echo(
            f"{row['id']}  {row['protocol']:<11} {row['address']:<28} {row['status']:<9} {row['name']}  {who}  {row['owner']}"
            f"{silent}"
        )
        for gap in row["gaps"]:
            click.echo(f"    {gap}")


@discover.command()
@_asks
@click.argument("system")
def propose(home: Path, url: str, token: str, system: str) -> None:
    """Look inside SYSTEM (its id) and print what could be made of it; nothing is changed."""
    told = _proposal(node_of(home, url, token), system)
    click.echo(told["source"] or told["remark"])
    for number, one in enumerate(told["models"], 1):
        click.echo(f"# model {number}: {one['looks_like']}\n{one['text']}")
    if told["remark"] and told["source"]:
        click.echo(told["remark"], err=True)


def _proposal(node: Node, system: str) -> dict[str, Any]:
    return cast("dict[str, Any]", node.ask(f"discovery/systems/{quote(system, safe='')}/proposal", body={}).json())


@discover.command()
@_asks
@click.argument("system")
@click.option("--name", default="", help="Name of the source, for ever; else what the system calls itself.")
@click.option("--model", multiple=True, type=click.IntRange(1), help="Number of a proposed model to take; several may be.")
@click.option("--under", default="", help="Path of the position below which the machines stand; else at the top.")
def confirm(home: Path, url: str, token: str, system: str, name: str, model: tuple[int, ...], under: str) -> None:
    """Listen to SYSTEM (its id), and make the machines of proposed models; the running node needs no restart."""
    node = node_of(home, url, token)
    told = _proposal(node, system)
    if told["entry"] is None:
        raise InvalidInput(told["remark"] or "nothing is proposed for this system")
    if any(number > len(told["models"]) for number in model):
        raise InvalidInput(f"{len(told['models'])} models are proposed", hint="see them with: lineshaft discover propose ID")
    entry = dict(told["entry"])
    body = {"name": name or entry.pop("name"), "type": entry.pop("type"), "system": system}
    entry.pop("name", None)
    made = node.ask("sources", body={**body, "options": entry}).json()
    click.echo(f"source {made['name']} is listened to")
    for number in model:
        one = told["models"][number - 1]
        positions = [{"name": m["name"], "parent": under, "source": made["name"], "tags": m["tags"]} for m in one["machines"]]
        done = node.ask("assets/adopt", body={"text": one["text"], "positions": positions}).json()
        click.echo(f"{one['model']}: {', '.join(done['added'])}; {done['bound']} measurements bound")
        for problem in done["problems"]:
            click.echo(problem, err=True)


@click.command()
@_asks
@click.argument("old")
@click.argument("new")
@click.option("--since", default="1h", show_default=True, help="A length of time back, or an ISO 8601 time.")
@click.option("--pair", multiple=True, help="OLD==NEW: tags that are the same; those of one name are paired by themselves.")
@click.option("--within", type=float, default=0.0, show_default=True, help="Numbers this far apart are equal.")
def compare(home: Path, url: str, token: str, old: str, new: str, since: str, pair: tuple[str, ...], within: float) -> None:
    """Compare two sources that run in parallel: an OLD way to a machine and a NEW one, tag by tag."""
    query = {"old": old, "new": new, "start": since, "within": str(within), "pair": list(pair)}
    told = node_of(home, url, token).ask("sources/compare", query).json()
    for one in told["items"]:
        name = one["old"] if one["old"] == one["new"] else f"{one['old']} = {one['new']}"
        rows = f"{one['old_rows']}/{one['new_rows']} rows"
        equal = f"{one['equal']} of {one['compared']} equal" if one["compared"] else "nothing to compare"
        far = (
            f"  largest difference {one['largest']:g}" + (f" at {one['apart_at']}" if one["apart_at"] else "")
            if one["largest"]
            else ""
        )
        late = f"  {one['late_s']:+.3g} s" if one["late_s"] is not None else ""
        click.echo(f"{one['verdict']:<8}  {name}  {rows}  {equal}{far}{late}")
