"""`lineshaft sql`: ask a running node one question in SQL, over its REST door."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from lineshaft.app import read_settings
from lineshaft.cli.home import home_option
from lineshaft.client import Node
from lineshaft.core import ConfigError

_NO_TOKEN = "make one with: lineshaft token create --role planner --name sql"  # noqa: S105 - words, not a secret
_WIDEST = 60


@click.command()
@home_option
@click.option("--url", default=None, envvar="LINESHAFT_URL", help="Where the node is; the default is what HOME's settings say.")
@click.option("--token", default="", envvar="LINESHAFT_TOKEN", help="An API token of role planner or above (LINESHAFT_TOKEN).")
@click.option(
    "--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True, help="How to print rows."
)
@click.option("--limit", type=click.IntRange(1, 1_000_000), default=1000, show_default=True, help="How many rows at most.")
@click.argument("statement")
def sql(home: Path, url: str | None, token: str, form: str, limit: int, statement: str) -> None:
    """Ask a running node one SELECT over values, assets, orders, alarms and dropped files; `-` reads it from the input."""
    if not token:
        raise ConfigError("asking needs an API token", where="--token or LINESHAFT_TOKEN", hint=_NO_TOKEN)
    text = sys.stdin.read() if statement == "-" else statement
    node = Node(url or _url(home), token)
    said = node.ask("sql", accept="text/csv" if form == "csv" else "application/json", body={"sql": text, "limit": limit})
    if form == "csv":
        click.echo(said.body.decode(), nl=False)
        return
    found = said.json()
    if form == "json":
        names = [one["name"] for one in found["columns"]]
        click.echo(json.dumps([dict(zip(names, row, strict=True)) for row in found["rows"]], indent=1, ensure_ascii=False))
        return
    for line in _table([one["name"] for one in found["columns"]], found["rows"]):
        click.echo(line)
    more = ", and there are more (--limit)" if found["truncated"] else ""
    click.echo(f"({len(found['rows'])} rows in {found['elapsed_ms']:.0f} ms{more})", err=True)


def _url(home: Path) -> str:
    """Return where the node of a home listens by its settings."""
    web = read_settings(home).web
    return f"http://{web.host}:{web.port}"


def _table(names: list[str], rows: Iterable[list[Any]]) -> list[str]:
    """Return rows as lines of aligned columns; numbers stand at the right."""
    cells = [["" if value is None else _word(value) for value in row] for row in rows]
    numbers = [
        all(value is None or (isinstance(value, int | float) and not isinstance(value, bool)) for value in column)
        for column in (zip(*rows, strict=True) if cells else [[]] * len(names))
    ]
    widths = [min(_WIDEST, max([len(name), *(len(row[n]) for row in cells)])) for n, name in enumerate(names)]

    def line(row: list[str]) -> str:
        shown = [cell if len(cell) <= _WIDEST else cell[: _WIDEST - 1] + "…" for cell in row]
        aligned = zip(shown, widths, numbers, strict=True)
        return "  ".join(cell.rjust(width) if right else cell.ljust(width) for cell, width, right in aligned).rstrip()

    return [line(names), line(["-" * width for width in widths]), *(line(row) for row in cells)]


def _word(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.10g}"
    return (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)).replace("\n", " ")
