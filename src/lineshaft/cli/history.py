"""`lineshaft import-history` and `lineshaft export-history`: years of values in from an older historian, any selection out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lineshaft.cli.home import home_option
from lineshaft.cli.selection import away, here, write
from lineshaft.cli.taking import how_it_is_read, opened, take_files
from lineshaft.core import parse_time


@click.command("import-history")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@how_it_is_read
def import_history(home: Path, files: tuple[Path, ...], errors: Path | None, url: str, token: str, **how: Any) -> None:
    """Take files of an older historian (Parquet, CSV) in; a node that runs on the home gets them handed over.

    An import that was stopped goes on, one that is repeated does nothing: a file is known by its content.
    """
    take_files(home, files, errors, url, token, **how)


@click.command("export-history")
@home_option
@click.option("--property", "paths", multiple=True, required=True, help="Path of a property; may be repeated.")
@click.option("--start", required=True, help="Values after this time: ISO 8601 with a zone.")
@click.option("--end", default="now", show_default=True, help="Values up to this time.")
@click.option("--format", "form", type=click.Choice(("parquet", "csv")), default="parquet", show_default=True)
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The file to write.")
@click.option("--url", default="", help="Ask a running node, such as http://127.0.0.1:8080; without it the home is read.")
@click.option("--token", envvar="LINESHAFT_TOKEN", default="", help="API token for --url (LINESHAFT_TOKEN).")
def export_history(home: Path, paths: tuple[str, ...], output: Path, url: str, token: str, **how: str) -> None:
    """Write values of properties to one file: property, timestamp, value, quality."""
    span = parse_time(how["start"], where="--start"), parse_time(how["end"], where="--end")
    if url:
        rows = write(output, how["form"], {path: away(url, token, path, *span) for path in paths})
    else:
        with opened(home) as store:
            rows = write(output, how["form"], {path: here(store, path, *span) for path in paths})
    click.echo(f"{rows:,} rows are in {output}")
