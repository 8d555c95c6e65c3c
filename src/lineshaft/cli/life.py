"""`lineshaft life`: how long machines will last, as a running node says; train a fleet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from lineshaft.app import read_settings
from lineshaft.cli.home import home_option
from lineshaft.client import Node
from lineshaft.core import ConfigError, NotFound, did_you_mean

F = TypeVar("F", bound=Callable[..., Any])
_NO_TOKEN = "make one with: lineshaft token create --role engineer --name models"  # noqa: S105 - words, not a secret


def asks(command: F) -> F:
    """Let a command ask a running node."""
    url = click.option("--url", default=None, envvar="LINESHAFT_URL", help="Where the node is; else what HOME's settings say.")
    token = click.option("--token", default="", envvar="LINESHAFT_TOKEN", help="An API token; engineer to change things.")
    return home_option(url(token(command)))


def node_at(home: Path, url: str | None, token: str) -> Node:
    """Return the node to ask. Raises ConfigError without a token."""
    if not token:
        raise ConfigError("asking needs an API token", where="--token or LINESHAFT_TOKEN", hint=_NO_TOKEN)
    web = read_settings(home).web
    return Node(url or f"http://{web.host}:{web.port}", token)


@click.group()
def life() -> None:
    """Remaining life: forecasts of a running node, the shortest first; train a fleet again."""


@life.command("list")
@asks
def forecasts(home: Path, url: str | None, token: str) -> None:
    """List how long every machine will last."""
    for one in node_at(home, url, token).ask("life/forecasts", {"limit": 1000}).json()["items"]:
        click.echo(f"{one['asset']}  {_said(one)}  {one['fleet']}  {one['method']}")


@life.command()
@asks
@click.argument("name")
def show(home: Path, url: str | None, token: str, name: str) -> None:
    """Show a fleet: its versions, how they learned, and why so."""
    for each in _fleet(node_at(home, url, token), name)["versions"]:
        click.echo(f"version {each['number']}  {each['state']}  {each['method']}  {each['error']}".rstrip())
        for line in each["why"]:
            click.echo(f"    {line}")
        quality = each["about"].get("quality")
        if quality:
            off = f"{quality['mean_error_h']:.0f} h off on average, {quality['coverage']:.0%} within the interval"
            click.echo(f"    on lives it had not seen: {off}")


@life.command()
@asks
@click.argument("name")
def train(home: Path, url: str | None, token: str, name: str) -> None:
    """Begin to train a fleet anew; the node does the work."""
    node = node_at(home, url, token)
    made = node.ask(f"life/{_fleet(node, name)['id']}/train", body={}).json()
    click.echo(f"version {made['versions'][0]['number']} is being trained; see: lineshaft life show '{name}'")


def _fleet(node: Node, name: str) -> dict[str, Any]:
    items = node.ask("life", {"limit": 1000}).json()["items"]
    found = next((one for one in items if one["name"] == name), None)
    if found is None:
        raise NotFound(
            f"there is no fleet '{name}'", hint=did_you_mean(name, [one["name"] for one in items]), code="life.unknown"
        )
    return found


def _said(one: dict[str, Any]) -> str:
    if one["error"]:
        return str(one["error"])
    if one["more_than"]:
        return f"more than {one['low_h']:.0f} h"
    high = "?" if one["high_h"] is None else f"{one['high_h']:.0f}"
    return f"about {one['remaining_h']:.0f} h ({one['low_h']:.0f} to {high} h)"
