"""`lineshaft up`: a node for real use."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import click

from lineshaft.app import Plant
from lineshaft.cli.home import PORT, home_option, lock


@click.command()
@home_option
@click.option("--host", default=None, help="Address to listen on; the default of the settings is 127.0.0.1.")
@click.option("--port", type=PORT, default=None, help="Port to listen on; the default of the settings is 8080.")
def up(home: Path, host: str | None, port: int | None) -> None:
    """Run a node for real use: settings in HOME/settings.toml, models and plant as YAML in HOME/config."""
    logging.getLogger("lineshaft").setLevel(logging.INFO)
    with lock(home):
        plant = Plant(home, address=host, port=port)
        password = plant.first_admin()
        if password:
            click.echo(f"First login (printed once): admin / {password}")
        asyncio.run(plant.run(lambda: _greet(plant)))


def _greet(plant: Plant) -> None:
    """Say where the node is, and what in its files does not work."""
    click.echo(f"Lineshaft listens on {plant.url}")
    for problem in plant.problems:
        click.echo(f"MEND  {problem}")
    if plant.problems:
        click.echo("        -> everything else works; mend these files and start again, or look with `lineshaft doctor`")
