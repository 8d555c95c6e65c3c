"""Taking files of an older historian in: into a home whose node is stopped, or handed to the node that runs."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from lineshaft.app import open_database, read_settings
from lineshaft.assets import Assets
from lineshaft.cli.home import existing, home_option, lock, running
from lineshaft.client import Node, follow, hand_over
from lineshaft.core import Bus, ConfigError
from lineshaft.store import CODES, LAYOUTS, UNITS, Aim, Imported, Reading, Store

F = TypeVar("F", bound=Callable[..., Any])
NO_TOKEN = "make one with: lineshaft token create --role engineer --name import"  # noqa: S105 - words, not a secret
_OPTIONS = (
    home_option,
    click.option("--url", default="", envvar="LINESHAFT_URL", help="Where the node runs; else what HOME's settings say."),
    click.option("--token", default="", envvar="LINESHAFT_TOKEN", help="An API token of role engineer, for a running node."),
    click.option(
        "--layout", type=click.Choice(LAYOUTS), default="long", show_default=True, help="A row a value, a column a tag."
    ),
    click.option("--time", "time", default="", help="Column of the time."),
    click.option("--tag", multiple=True, help="Column of the name; several are joined with / (asset, then tag)."),
    click.option("--value", default="", help="Column of the value."),
    click.option("--quality", default="", help="Column of the quality; without one everything is good."),
    click.option("--quality-codes", type=click.Choice(CODES), default="lineshaft", show_default=True, help="What numbers mean."),
    click.option("--timezone", default="", help="Zone of times that name none, such as Europe/Berlin."),
    click.option("--unit", type=click.Choice(tuple(UNITS)), default="auto", show_default=True, help="Of times that are numbers."),
    click.option("--delimiter", default="", help="Between the fields of a CSV; found by itself."),
    click.option("--columns", default="", help="Names of the columns, with commas, of a CSV that has no heading."),
    click.option("--source", default="import", show_default=True, help="The source the names are tags of."),
    click.option("--properties", is_flag=True, help="The names are property paths of the plant (Site/Line/Machine/Temperature)."),
    click.option("--errors", type=click.Path(dir_okay=False, path_type=Path), help="For refused rows; default FILE.errors.csv."),
)


def how_it_is_read(command: F) -> F:
    """Add the options that say how a file is read, and where it goes."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@contextmanager
def opened_with(home: Path) -> Generator[tuple[Store, Assets]]:
    """Open the store of a home whose node is stopped, with the plant its models describe."""
    with lock(existing(home)):
        db, settings = open_database(home)
        assets = Assets(db, Bus())
        folder = home / read_settings(home).node.models
        if folder.exists():
            assets.load(folder)
        store = Store(home, assets, db, settings.store, Bus())
        try:
            yield store, assets
        finally:
            store.close()
            db.close()


@contextmanager
def opened(home: Path) -> Generator[Store]:
    """Open the store of a home whose node is stopped."""
    with opened_with(home) as (store, _):
        yield store


def take_files(home: Path, files: tuple[Path, ...], errors: Path | None, url: str, token: str, **how: Any) -> None:
    """Take files in one after the other, where the node is: running, or stopped."""
    if errors is not None and len(files) > 1:
        raise ConfigError("one error file cannot serve several files", hint="leave --errors out: each gets FILE.errors.csv")
    how["columns"] = [name.strip() for name in how["columns"].split(",") if name.strip()]
    how["codes"] = how.pop("quality_codes")
    if url or running(home):
        node = node_of(home, url, token)
        for path in files:
            _hand_over(node, path, how, errors or beside(path))
        return
    properties, source = how.pop("properties"), how.pop("source")
    reading = Reading(tag=tuple(how.pop("tag")), columns=tuple(how.pop("columns")), **how)
    with opened(home) as store:
        for path in files:
            _tell(_take(store, path, reading, Aim(source, properties), errors), errors or beside(path))


def beside(path: Path) -> Path:
    """Return where the refused rows of a file go."""
    return path.with_name(f"{path.name}.errors.csv")


def node_of(home: Path, url: str, token: str) -> Node:
    """Return the node at an address, or the one that runs on a home. Raises ConfigError without a token."""
    if not token:
        raise ConfigError("the node runs, and asking it needs an API token", where="--token or LINESHAFT_TOKEN", hint=NO_TOKEN)
    if not url:
        web = read_settings(home).web
        url = f"http://{web.host}:{web.port}"
    return Node(url, token)


@contextmanager
def _bar(label: str) -> Generator[Callable[[int, int], None]]:
    with click.progressbar(length=1000, label=label) as bar:
        shown = 0

        def progress(done: int, of: int) -> None:
            nonlocal shown
            now = done * 1000 // max(of, 1)
            bar.update(now - shown)
            shown = now

        yield progress


def _hand_over(node: Node, path: Path, how: Mapping[str, Any], errors: Path) -> None:
    body = {name: value for name, value in how.items() if name != "home"}
    with _bar(f"{path.name}: handed over") as progress:
        job = hand_over(node, path, body, progress)
    before = job["state"] == "done"
    try:
        with _bar(f"{path.name}: taken in") as progress:
            job = follow(node, job, progress)
    except KeyboardInterrupt:
        click.echo(f"\nthe node goes on; stop it with: lineshaft imports cancel {job['id']}", err=True)
        raise
    if job["state"] != "done":
        raise ConfigError(f"{path.name}: {job['error'] or 'the import was cancelled'}", where=f"import {job['id']}")
    known = {name: job[name] for name in ("stored", "rejected", "total")}
    _tell(Imported(path.name, **known, again=before or bool(job["again"])), errors)
    if job["rejected"] and not before:
        errors.write_bytes(node.ask(f"imports/{job['id']}/errors", accept="text/csv").body)


def _take(store: Store, path: Path, reading: Reading, aim: Aim, errors: Path | None) -> Imported:
    with _bar(path.name) as progress:
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
