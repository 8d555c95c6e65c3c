"""`lineshaft edge`: a node that only listens to machines and hands over; it imports `connect` and no later room."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import click

from lineshaft.app import EdgeNode, enrol
from lineshaft.cli.home import home_option, lock


@click.group(invoke_without_command=True)
@home_option
@click.pass_context
def edge(context: click.Context, home: Path) -> None:
    """Run an edge node: it listens to the machines of HOME/settings.toml and hands over what they say to its plant."""
    context.obj = home
    if context.invoked_subcommand is None:
        logging.getLogger("lineshaft").setLevel(logging.INFO)
        with lock(home):
            node = EdgeNode(home)
            said = f"Edge node {node.uplink.identity.name} hands over to {node.uplink.identity.url}"
            asyncio.run(node.run(lambda: click.echo(said)))


@edge.command("enrol")
@click.argument("url")
@click.argument("code")
@click.pass_obj
def enrol_command(home: Path, url: str, code: str) -> None:
    """Join a plant: URL is its door for edge nodes (https://plant:8443), CODE what `lineshaft edges invite` printed there."""
    home.mkdir(parents=True, exist_ok=True)
    made = enrol(home, url, code)
    click.echo(f"This node is {made.name} now; its certificate is valid for {made.days_left()[0]:.0f} days and renews itself")
