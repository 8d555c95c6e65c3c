"""`lineshaft rooms`: the floor plan of this version, and which room reacts to which event."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

import lineshaft
from lineshaft.app import Plant


@click.command()
def rooms() -> None:
    """Print the rooms and the wiring between them."""
    click.echo((lineshaft.__doc__ or "").strip())
    click.echo("\nWho reacts to what (events go downstream only):\n")
    with tempfile.TemporaryDirectory() as folder:
        plant = Plant(Path(folder))
        wires = plant.bus.wiring()
        plant.stop()
    width = max(len(wire.event.__name__) for wire in wires)
    for wire in sorted(wires, key=lambda wire: (wire.event.__module__, wire.event.__name__)):
        room = wire.event.__module__.split(".")[1]
        click.echo(f"  {room:<10}  {wire.event.__name__:<{width}}  ->  {wire.name}")
