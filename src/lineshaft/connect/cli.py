"""`lineshaft simulate`: be a machine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import click

from lineshaft.connect.control import fault as switch_fault
from lineshaft.connect.places import home
from lineshaft.connect.simulator import until_stopped
from lineshaft.connect.simulators.bakery import run_bakery
from lineshaft.connect.simulators.replay import Layout, Replay, read_table, run_replay


@click.group(invoke_without_command=True)
@click.option("--home", type=click.Path(path_type=Path, file_okay=False), default=home, help="Folder of simulator.json.")
@click.option(
    "--as", "protocol", default="opcua", show_default=True, help="Protocol to speak: opcua, modbus, s7, mqtt or sparkplug."
)
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=4840,
    show_default=True,
    help="Port on 127.0.0.1; 0 takes a free one. With mqtt and sparkplug the port of a broker that runs there.",
)
@click.option("--seed", type=int, default=7, show_default=True, help="Bakery: the same seed gives the same shift.")
@click.option("--replay", "file", type=click.Path(path_type=Path), help="Replay this recorded table instead of the bakery.")
@click.option("--start", default="", help="Claimed time of recorded zero: ISO 8601 with a zone, or now.")
@click.option("--speed", type=float, default=1.0, show_default=True, help="Recorded seconds per second.")
@click.option("--drop", default="", help="Tags to leave out: globs with commas between, for example '*_1Min,Test*'.")
@click.option("--time-column", default="", help="Header of the time column.")
@click.option("--asset-column", default="", help="Header of the asset column.")
@click.option("--tag-column", default="", help="Header of the tag column (long tables).")
@click.option("--value-column", default="", help="Header of the value column (long tables).")
@click.option("--delimiter", default="", help="Delimiter; found by looking when not given.")
@click.option("--hold", type=float, default=10.0, show_default=True, help="Seconds to serve after the last value.")
@click.option(
    "--wait", type=float, default=30.0, show_default=True, help="Replay: wait so long for a client to listen; 0 begins at once."
)
@click.option("--with-parent", is_flag=True, help="End when the process that started this one is gone.")
@click.pass_context
def simulate(ctx: click.Context, home: Path, protocol: str, port: int, *, with_parent: bool, **options: Any) -> None:
    """Be a machine: the bakery line, or with --replay a recorded table.

    HOME/simulator-source.toml says how to hear it; NodeIds are ns=2;s=Asset/Tag. A replay stamps each value with start +
    recorded time (where the protocol knows times) and never with a time to come:
    `--start now --speed N` begins so far back that the end meets the clock.
    """
    ctx.obj = home
    if ctx.invoked_subcommand is not None:
        return
    file = options["file"]
    if file is None:
        click.echo(f"the bakery line speaks {protocol} at 127.0.0.1:{port}; break it with: lineshaft simulate fault pump")
        work = _bakery(home, port, options["seed"], protocol)
    else:
        work = _replay(home, file, protocol, port, options)
    asyncio.run(until_stopped(work, with_parent=with_parent))


def _bakery(home: Path, port: int, seed: int, protocol: str) -> Callable[[], Awaitable[None]]:
    return lambda: run_bakery(home, port=port, seed=seed, protocol=protocol)


def _replay(home: Path, file: Path, protocol: str, port: int, options: dict[str, Any]) -> Callable[[], Awaitable[None]]:
    layout = Layout(
        options["time_column"], options["asset_column"], options["tag_column"], options["value_column"], options["delimiter"]
    )
    drop = [glob.strip() for glob in options["drop"].split(",") if glob.strip()]
    recording = read_table(file, layout, drop)
    replay = Replay(options["start"], options["speed"], options["hold"], options["wait"], port, protocol)
    return lambda: run_replay(home, recording, replay, click.echo)


@simulate.command()
@click.argument("name")
@click.option("--off", is_flag=True, help="End the fault.")
@click.pass_obj
def fault(home: Path, name: str, *, off: bool) -> None:
    """Break something in the running simulator, for example `pump`."""
    for known, active in switch_fault(home, name, active=not off).items():
        click.echo(f"{known}: {'active' if active else 'off'}")
