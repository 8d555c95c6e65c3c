"""`lineshaft simulate`: be a machine."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import click

from lineshaft.connect.control import fault as switch_fault
from lineshaft.connect.simulator import until_stopped
from lineshaft.connect.simulators.bakery import run_bakery


def _home() -> Path:
    return Path(os.environ.get("LINESHAFT_HOME", ".lineshaft"))


@click.group(invoke_without_command=True)
@click.option("--home", type=click.Path(path_type=Path, file_okay=False), default=_home, help="Folder of simulator.json.")
@click.option("--port", type=int, default=4840, show_default=True, help="Port on 127.0.0.1; 0 takes a free one.")
@click.option("--seed", type=int, default=7, show_default=True, help="The same seed gives the same shift.")
@click.option("--as", "protocol", default="opcua", show_default=True, help="Protocol to speak.")
@click.option("--with-parent", is_flag=True, help="End when the process that started this one is gone.")
@click.pass_context
def simulate(ctx: click.Context, home: Path, port: int, seed: int, protocol: str, *, with_parent: bool) -> None:
    """Be a machine: the bakery line, or a recorded table with --replay."""
    ctx.obj = home
    if ctx.invoked_subcommand is None:
        click.echo(f"the bakery line speaks {protocol} at 127.0.0.1:{port}; faults: lineshaft simulate fault pump")
        asyncio.run(until_stopped(lambda: run_bakery(home, port=port, seed=seed, protocol=protocol), with_parent=with_parent))


@simulate.command()
@click.argument("name")
@click.option("--off", is_flag=True, help="End the fault.")
@click.pass_obj
def fault(home: Path, name: str, *, off: bool) -> None:
    """Break something in the running simulator, for example `pump`."""
    for known, active in switch_fault(home, name, active=not off).items():
        click.echo(f"{known}: {'active' if active else 'off'}")
