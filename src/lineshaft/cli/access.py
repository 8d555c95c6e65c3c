"""`lineshaft trust`: which OPC UA servers we believe; `lineshaft devices`: which devices may publish to us."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from sqlalchemy.engine import Connection

from lineshaft.app import open_database
from lineshaft.cli.home import existing, home_option
from lineshaft.connect import Devices, TrustList, spaced
from lineshaft.core import iso
from lineshaft.guard import Command, Guard, Subject


@click.group()
@home_option
@click.pass_context
def trust(context: click.Context, home: Path) -> None:
    """List the certificates of OPC UA servers, and trust one that a person has compared; works beside a running node."""
    context.obj = existing(home)


@trust.command("list")
@click.pass_obj
def trust_list(home: Path) -> None:
    """List the certificates that wait for a person, then those that are trusted."""
    for one in TrustList(home / "pki").all():
        state = "trusted" if one.trusted else "WAITS"
        click.echo(f"{state:8}{one.source}  {one.subject}  until {one.valid_to:%Y-%m-%d}")
        click.echo(f"        SHA-256 {spaced(one.fingerprint)}")


@trust.command()
@click.argument("source")
@click.argument("fingerprint")
@click.pass_obj
def accept(home: Path, source: str, fingerprint: str) -> None:
    """Trust the certificate of SOURCE's server that waits; FINGERPRINT is its SHA-256, 8 digits or more, read at the machine."""
    body = {"fingerprint": fingerprint}

    def run(_db: Any, _tx: Connection) -> dict[str, Any]:
        return {"fingerprint": TrustList(home / "pki").accept(source, fingerprint).fingerprint}

    _do(home, "sources.trust", f"certificate:{source}", body, run)
    click.echo(f"the server of '{source}' is trusted; its source calls it again within seconds")


@trust.command()
@click.argument("source")
@click.pass_obj
def withdraw(home: Path, source: str) -> None:
    """Trust the server of SOURCE no longer, from its next connection on."""

    def run(_db: Any, _tx: Connection) -> dict[str, Any]:
        TrustList(home / "pki").withdraw(source)
        return {}

    _do(home, "sources.trust", f"certificate:{source}", {"withdraw": True}, run)
    click.echo(f"the server of '{source}' is not trusted any more")


@click.group()
@home_option
@click.pass_context
def devices(context: click.Context, home: Path) -> None:
    """Let devices publish to this node by MQTT, each with a secret of its own; works beside a running node."""
    context.obj = existing(home)


@devices.command("list")
@click.pass_obj
def devices_list(home: Path) -> None:
    """List devices, what they may publish to, and when each was last heard."""
    db, _ = open_database(home)
    try:
        for one in Devices(db, home).all():
            state = "shut out" if one["revoked"] else "online" if one["online"] else "away"
            seen = f"last heard {iso(one['seen'])} from {one['address']}" if one["seen"] else "never heard"
            click.echo(f"{one['name']}  {state}  {', '.join(one['topics'])}  {seen}")
    finally:
        db.close()


@devices.command()
@click.argument("name")
@click.option("--topic", "topics", multiple=True, help="A topic filter it may publish to; without one: NAME/#.")
@click.option("--note", default="", help="Where it is, or whose.")
@click.pass_obj
def create(home: Path, name: str, topics: tuple[str, ...], note: str) -> None:
    """Add a device and print its secret, once."""
    body = {"name": name, "topics": list(topics), "note": note}
    _tell(_do(home, "devices.edit", f"device:{name}", body, lambda db, tx: Devices(db, home).create(tx, name, topics, note)))


@devices.command()
@click.argument("name")
@click.pass_obj
def renew(home: Path, name: str) -> None:
    """Give a device a new secret and print it, once; the old one ends."""
    _tell(_do(home, "devices.edit", f"device:{name}", {"renew": True}, lambda db, tx: Devices(db, home).renew(tx, name)))


@devices.command()
@click.argument("name")
@click.pass_obj
def revoke(home: Path, name: str) -> None:
    """Shut a device out; its line is cut within seconds."""
    _do(home, "devices.edit", f"device:{name}", {"revoke": True}, lambda db, tx: Devices(db, home).revoke(tx, name))
    click.echo(f"{name} is shut out")


def _tell(made: dict[str, Any]) -> None:
    click.echo(f"user {made['name']}\npassword {made['secret']}\ntopics {', '.join(made['topics'])}")
    click.echo("The password is not shown again. Over listens:// the device trusts HOME/devices-ca/ca.pem.")


def _do(
    home: Path, action: str, resource: str, body: dict[str, Any], run: Callable[[Any, Connection], dict[str, Any]]
) -> dict[str, Any]:
    """Do a command as the owner of this machine, through the same gate and audit as everybody."""
    os.environ["LINESHAFT_HOME"] = str(home)
    db, settings = open_database(home)
    try:
        command = Command(Subject.system(f"command line of {getpass.getuser()}"), action, resource, body)
        made = Guard(db, settings.guard).perform(command, lambda tx: run(db, tx))
        Devices(db, home).publish()
    finally:
        db.close()
    return made
