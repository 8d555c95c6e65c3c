"""`lineshaft edges`: the plant's register of edge nodes, and what they are configured to do."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from sqlalchemy.engine import Connection

from lineshaft.app import open_database
from lineshaft.cli.home import existing, home_option
from lineshaft.connect import Edges
from lineshaft.core import iso, parse_duration
from lineshaft.guard import Command, Guard, Subject


@click.group()
@home_option
@click.pass_context
def edges(context: click.Context, home: Path) -> None:
    """Invite, list and shut out edge nodes; works beside the running plant node."""
    context.obj = existing(home)


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


@edges.command("list")
@click.pass_obj
def list_(home: Path) -> None:
    """List edge nodes, and when each was last heard of."""
    db, settings = open_database(home)
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


def _do(home: Path, action: str, name: str, run: Callable[[Edges, Connection], dict[str, Any]]) -> dict[str, Any]:
    """Do a command as the owner of this machine, through the same gate and audit as everybody."""
    db, settings = open_database(home)
    try:
        register = Edges(db, home / "edge-ca", settings.edges)
        command = Command(Subject.system(f"command line of {getpass.getuser()}"), action, f"edge:{name}", {"name": name})
        return Guard(db, settings.guard).perform(command, lambda tx: run(register, tx))
    finally:
        db.close()
