"""`lineshaft import-history` and `lineshaft export-history`: years of values in from an older historian, any selection out."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from lineshaft.app import open_database, read_settings
from lineshaft.assets import Assets
from lineshaft.cli.home import existing, home_option, lock
from lineshaft.cli.selection import away, here, write
from lineshaft.core import Bus, ConfigError, parse_time
from lineshaft.store import CODES, LAYOUTS, UNITS, Aim, Imported, Reading, Store


@contextmanager
def opened(home: Path) -> Generator[Store]:
    """Open the store of a home whose node is stopped, with the meaning its models give it."""
    with lock(existing(home)):
        db, settings = open_database(home)
        assets = Assets(db, Bus())
        folder = home / read_settings(home).node.models
        if folder.exists():
            assets.load(folder)
        store = Store(home, assets, db, settings.store, Bus())
        try:
            yield store
        finally:
            store.close()
            db.close()


@click.command("import-history")
@home_option
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--layout", type=click.Choice(LAYOUTS), default="long", show_default=True, help="A row a value, or a column a tag.")
@click.option("--time", "time_", default="", help="Column of the time.")
@click.option("--tag", multiple=True, help="Column of the name; several are joined with / (asset, then tag).")
@click.option("--value", default="", help="Column of the value.")
@click.option("--quality", default="", help="Column of the quality; without one everything is good.")
@click.option(
    "--quality-codes", type=click.Choice(CODES), default="lineshaft", show_default=True, help="What numbers mean there."
)
@click.option("--timezone", default="", help="Zone of times that name none, such as Europe/Berlin.")
@click.option("--unit", type=click.Choice(tuple(UNITS)), default="auto", show_default=True, help="Of times that are numbers.")
@click.option("--delimiter", default="", help="Between the fields of a CSV; found by itself.")
@click.option("--columns", default="", help="Names of the columns, with commas, of a CSV that has no heading.")
@click.option("--source", default="import", show_default=True, help="The source the names are tags of.")
@click.option("--properties", is_flag=True, help="The names are property paths of the plant (Site/Line/Machine/Temperature).")
@click.option("--errors", type=click.Path(dir_okay=False, path_type=Path), help="Where refused rows go; default FILE.errors.csv.")
def import_history(home: Path, files: tuple[Path, ...], errors: Path | None, source: str, **how: Any) -> None:
    """Take files of an older historian (Parquet, CSV) into a home whose node is stopped.

    An import that was stopped goes on, one that is repeated does nothing: a file is known by its content.
    """
    aim = Aim(source, how["properties"])
    reading = Reading(
        layout=how["layout"],
        time=how["time_"],
        tag=how["tag"],
        value=how["value"],
        quality=how["quality"],
        timezone=how["timezone"],
        unit=how["unit"],
        codes=how["quality_codes"],
        delimiter=how["delimiter"].replace("\\t", "\t"),
        columns=tuple(name.strip() for name in how["columns"].split(",") if name.strip()),
    )
    if errors is not None and len(files) > 1:
        raise ConfigError("one error file cannot serve several files", hint="leave --errors out: each gets FILE.errors.csv")
    with opened(home) as store:
        for path in files:
            _tell(_take(store, path, reading, aim, errors), errors or path.with_name(f"{path.name}.errors.csv"))


def _take(store: Store, path: Path, reading: Reading, aim: Aim, errors: Path | None) -> Imported:
    with click.progressbar(length=1000, label=path.name) as bar:
        shown = 0

        def progress(done: int, of: int) -> None:
            nonlocal shown
            now = done * 1000 // max(of, 1)
            bar.update(now - shown)
            shown = now

        return store.imports.take(path, reading, aim, errors, progress)


def _tell(done: Imported, errors: Path) -> None:
    if done.again:
        click.echo(f"{done.file}: was taken in before, {done.stored:,} rows; nothing to do")
        return
    rate = f" ({done.stored / done.seconds:,.0f} rows/s)" if done.seconds > 0.5 else ""
    click.echo(f"{done.file}: {done.stored:,} rows are in the lake{rate}")
    if done.refused:
        reasons = ", ".join(f"{reason} {n:,}" for reason, n in sorted(done.rejected.items()))
        click.echo(f"{done.file}: {done.refused:,} rows were refused ({reasons}): see {errors}", err=True)


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
