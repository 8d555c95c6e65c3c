"""`lineshaft executor`: another process that moves cases, on the PostgreSQL database of a node."""

from __future__ import annotations

import logging
import signal
from pathlib import Path

import click

from lineshaft.app import Executor
from lineshaft.cli.home import existing, home_option


@click.command()
@home_option
@click.option("--name", required=True, help="Its name, another than that of the node and of every other executor.")
def executor(home: Path, name: str) -> None:
    """Move cases beside a node, and go on with its cases if it dies; HOME has the same settings (PostgreSQL) and processes."""
    logging.getLogger("lineshaft").setLevel(logging.INFO)
    made = Executor(existing(home), name)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: made.ask_stop())
    click.echo(f"Executor {name} moves cases")
    made.run()
