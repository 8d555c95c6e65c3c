"""`lineshaft imports`: the files a running node was handed, how far each is, cancel, and the rows that were refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from lineshaft.cli.home import home_option
from lineshaft.cli.taking import node_of

F = TypeVar("F", bound=Callable[..., Any])


def _asks(command: F) -> F:
    url = click.option("--url", default="", envvar="LINESHAFT_URL", help="Where the node is; else what HOME's settings say.")
    token = click.option("--token", default="", envvar="LINESHAFT_TOKEN", help="An API token of role engineer.")
    return home_option(url(token(command)))


@click.group()
def imports() -> None:
    """Files of an older historian on their way into a running node."""


@imports.command("list")
@_asks
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many.")
def list_imports(home: Path, url: str, token: str, limit: int) -> None:
    """List imports, newest first."""
    for one in node_of(home, url, token).ask("imports", {"limit": limit}).json()["items"]:
        refused = sum(one["rejected"].values())
        line = f"{one['id']}  {one['created']}  {one['state']}  {one['done']:,} of {one['total']:,} rows  {refused:,} refused"
        click.echo(f"{line}  {one['file']}" + (f"\n    {one['error']}" if one["error"] else ""))


@imports.command()
@_asks
@click.argument("import_id", metavar="ID")
def cancel(home: Path, url: str, token: str, import_id: str) -> None:
    """Stop an import after the piece that is being written; the same file imported again goes on there."""
    one = node_of(home, url, token).ask(f"imports/{import_id}/cancel", body={}).json()
    click.echo(f"{one['file']}: {one['state']}, {one['stored']:,} rows are in the lake")


@imports.command()
@_asks
@click.argument("import_id", metavar="ID")
def errors(home: Path, url: str, token: str, import_id: str) -> None:
    """Print the rows that were refused, as CSV."""
    click.echo(node_of(home, url, token).ask(f"imports/{import_id}/errors", accept="text/csv").body.decode(), nl=False)
