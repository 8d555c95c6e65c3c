"""`lineshaft lake`: the lake as other programs see it, also while the node runs."""

from __future__ import annotations

import json
from pathlib import Path

import click

from lineshaft.cli.home import existing, home_option
from lineshaft.store import TABLES, files_of


@click.group()
def lake() -> None:
    """Look at the lake from outside."""


@lake.command()
@home_option
@click.option("--table", type=click.Choice(TABLES), default="samples", show_default=True, help="Which of the Delta tables.")
@click.option("--json", "as_json", is_flag=True, help="A JSON array, for a program.")
def files(home: Path, table: str, *, as_json: bool) -> None:
    """Print the Parquet files that are the table now, for pyspark, DuckDB and others that read no Delta log.

    Read them within the retention of replaced files (7 days by default). Rows of `late` count instead of rows of `samples`
    with their key; values of the last minutes are still in memory.
    """
    found = files_of(existing(home) / "lake", table)
    click.echo(json.dumps(found) if as_json else "\n".join(found))
