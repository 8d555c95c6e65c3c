"""`lineshaft etl`: the jobs of a running node, run now, and what came of their runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import click

from lineshaft.app import read_settings
from lineshaft.cli.home import home_option
from lineshaft.client import Node
from lineshaft.core import ConfigError

F = TypeVar("F", bound=Callable[..., Any])
_NO_TOKEN = "make one with: lineshaft token create --role engineer --name etl"  # noqa: S105 - words, not a secret


def _asks(command: F) -> F:
    url = click.option("--url", default=None, envvar="LINESHAFT_URL", help="Where the node is; else what HOME's settings say.")
    token = click.option("--token", default="", envvar="LINESHAFT_TOKEN", help="An API token of role engineer.")
    return home_option(url(token(command)))


@click.group()
def etl() -> None:
    """Jobs of HOME/etl that write tables of the lake: list them, run one now, see its history."""


@etl.command("list")
@_asks
def list_jobs(home: Path, url: str | None, token: str) -> None:
    """List the jobs, when they are due, and how they went last."""
    found = _node(home, url, token).ask("etl").json()
    for one in found["items"]:
        last = one["last"]
        went = f"{last['state']} {last['ended'] or ''} {last['rows']} rows" if last else "never ran"
        click.echo(f"{one['job']}  {one['schedule'] or 'by hand'}  {one['owner']}  {one['version']}  {went}")
    for one in found["problems"]:
        click.echo(f"{one['where']}: {one['problem']}" + (f" - {one['hint']}" if one["hint"] else ""), err=True)


@etl.command()
@_asks
@click.argument("job")
def run(home: Path, url: str | None, token: str, job: str) -> None:
    """Run a job as soon as those before it have."""
    made = _node(home, url, token).ask(f"etl/{quote(job, safe='')}/run", body={}).json()
    click.echo(f"{made['job']} will run; see: lineshaft etl history {made['job']}")


@etl.command()
@_asks
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many runs.")
@click.argument("job", required=False)
def history(home: Path, url: str | None, token: str, limit: int, job: str | None) -> None:
    """Show runs, newest first."""
    for one in _node(home, url, token).ask("etl/runs", {"limit": limit, "job": job}).json()["items"]:
        line = f"{one['started']}  {one['ended'] or '-'}  {one['job']}  {one['state']}  {one['rows']} rows  {one['job_version']}"
        click.echo(f"{line}  {one['by'] or ''}" + (f"\n    {one['error']}" if one["error"] else ""))


def _node(home: Path, url: str | None, token: str) -> Node:
    if not token:
        raise ConfigError("asking needs an API token", where="--token or LINESHAFT_TOKEN", hint=_NO_TOKEN)
    web = read_settings(home).web
    return Node(url or f"http://{web.host}:{web.port}", token)
