"""`lineshaft sample`: print something to start from."""

from __future__ import annotations

from importlib.resources import files

import click

from lineshaft.app import SECTIONS
from lineshaft.core import sample as sample_settings


@click.group()
def sample() -> None:
    """Print a sample to start from: the settings, a model, a plant, a calendar, a process."""


@sample.command()
def config() -> None:
    """Print a commented settings.toml with every setting and its default."""
    click.echo(sample_settings(SECTIONS))


def _example(name: str) -> None:
    click.echo(files("lineshaft").joinpath("examples", "bakery", *name.split("/")).read_text(encoding="utf-8"))


@sample.command()
def model() -> None:
    """Print the model of a pump: properties, formulas, alarms."""
    _example("models/pump.yaml")


@sample.command()
def plant() -> None:
    """Print the plant of the bakery line: assets, positions, bindings."""
    _example("plant.yaml")


@sample.command()
def calendar() -> None:
    """Print a calendar with three shifts, breaks and holidays."""
    _example("calendar.yaml")


@sample.command()
def process() -> None:
    """Print the process definition that takes an alarm to a verified repair."""
    click.echo(files("lineshaft").joinpath("act", "processes", "maintenance.yaml").read_text(encoding="utf-8"))
