"""`lineshaft import-history` and `lineshaft export-history`: years of values in from an older historian, any selection out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pyarrow as pa

from lineshaft.assets import Assets
from lineshaft.cli.home import home_option
from lineshaft.cli.selection import away, below, here, write, write_sitewise
from lineshaft.cli.taking import how_it_is_read, opened_with, take_files
from lineshaft.client import connect
from lineshaft.core import ConfigError, now_ns, parse_time
from lineshaft.store import write_cold_tier


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
@click.option("--property", "paths", multiple=True, help="Path of a property; may be repeated.")
@click.option("--under", multiple=True, help="Every property of this asset and of what lies below it; may be repeated.")
@click.option("--start", required=True, help="Values after this time: ISO 8601 with a zone.")
@click.option("--end", default="now", show_default=True, help="Values up to this time.")
@click.option("--quality", type=click.Choice(("any", "good")), default="any", show_default=True, help="Which values.")
@click.option(
    "--format",
    "form",
    type=click.Choice(("parquet", "csv", "sitewise", "cold-tier")),
    default="parquet",
    show_default=True,
    help="sitewise: CSV of its bulk import; cold-tier: a folder of its Avro files.",
)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The file (cold-tier: folder) to write.")
@click.option("--url", default="", help="Ask a running node, such as http://127.0.0.1:8080; without it the home is read.")
@click.option("--token", envvar="LINESHAFT_TOKEN", default="", help="API token for --url (LINESHAFT_TOKEN).")
def export_history(home: Path, paths: tuple[str, ...], under: tuple[str, ...], output: Path, **how: str) -> None:
    """Write values of properties to one file: property, timestamp, value, quality; or in a layout of AWS IoT SiteWise."""
    if not paths and not under:
        raise ConfigError("nothing is chosen", hint="name properties with --property, or a part of the plant with --under")
    span, good = (parse_time(how["start"], where="--start"), parse_time(how["end"], where="--end")), how["quality"] == "good"
    if how["url"]:
        plant = connect(how["url"], how["token"])
        chosen = dict.fromkeys([*paths, *(path for asset in under for path in below(plant, asset))])
        pages = {path: away(how["url"], how["token"], path, *span, good=good) for path in chosen}
        _write(output, how["form"], pages)
        return
    with opened_with(home) as (store, assets):
        chosen = dict.fromkeys([*paths, *(path for asset in under for path in _below(assets, asset))])
        _write(output, how["form"], {path: here(store, path, *span, good=good) for path in chosen})


def _below(assets: Assets, under: str) -> list[str]:
    top = assets.asset(under).path
    inside = [one for one in assets.tree() if one.path == top or one.path.startswith(f"{top}/")]
    return [prop.path for one in inside for prop in assets.properties(one.id) if prop.kind != "attribute"]


def _write(output: Path, form: str, pages: dict[str, Iterator[pa.Table]]) -> None:
    if form == "cold-tier":
        done = [write_cold_tier(output, path, tables, now_ns() // 10**6) for path, tables in pages.items()]
        click.echo(f"{sum(rows for rows, _ in done):,} rows are in {sum(files for _, files in done):,} files below {output}")
        return
    rows = write_sitewise(output, pages) if form == "sitewise" else write(output, form, pages)
    click.echo(f"{rows:,} rows are in {output}")
