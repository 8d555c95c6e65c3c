"""`lineshaft lake`: the lake as other programs see it, and where its files lie, also while the node runs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from lineshaft.app import read_settings
from lineshaft.cli.home import existing, home_option
from lineshaft.core import iso, now_ns
from lineshaft.store import TABLES, Holding, Outside, TiersSettings, files_of, try_bucket


@click.group()
def lake() -> None:
    """Look at the lake from outside."""


@lake.command()
@home_option
@click.option("--table", type=click.Choice(TABLES), default="samples", show_default=True, help="Which of the Delta tables.")
@click.option("--json", "as_json", is_flag=True, help="A JSON array, for a program.")
@click.option(
    "--bring",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    help="Bring files that lie in object storage into this folder, and print their paths there.",
)
def files(home: Path, table: str, folder: Path | None, *, as_json: bool) -> None:
    """Print the Parquet files that are the table now, for pyspark, DuckDB and others that read no Delta log.

    Read them within the retention of replaced files (7 days by default). Rows of `late` count instead of rows of `samples`
    with their key; values of the last minutes are still in memory. Files in object storage are printed as s3://BUCKET/KEY.
    """
    found = files_of(existing(home) / "lake", table, read_settings(home).tiers, folder)
    click.echo(json.dumps(found) if as_json else "\n".join(found))


@lake.command()
@home_option
@click.option("--dry-run", is_flag=True, help="Also list the files the rules would send to object storage now.")
@click.option("--check", is_flag=True, help="Ask the bucket whether it may be used: keys, TLS, conditional puts.")
@click.option("--json", "as_json", is_flag=True, help="For a program.")
def tiers(home: Path, *, dry_run: bool, check: bool, as_json: bool) -> None:
    """Say what lies where: files, bytes, values, their ages and when they were last read; without what is in memory."""
    settings = read_settings(existing(home)).tiers
    outside = Outside(home)
    told: dict[str, Any] = {"bucket": settings.where if settings.bucket else None}
    told["items"] = [_plain(one) for one in outside.holdings()]
    if dry_run:
        told["due"] = _due(outside, settings)
    if check:
        try_bucket(settings)
        told["checked"] = True
    click.echo(json.dumps(told) if as_json else "\n".join(_lines(told)))


def _plain(one: Holding) -> dict[str, Any]:
    plain = {name: getattr(one, name) for name in ("table", "tier", "files", "size", "rows", "cached")}
    times = {name: getattr(one, name) for name in ("oldest", "newest", "last_read")}
    return plain | {name: None if at is None else iso(at) for name, at in times.items()}


def _due(outside: Outside, settings: TiersSettings) -> list[dict[str, Any]]:
    return [
        {
            "table": one.file.kind,
            "file": one.file.name,
            "size": one.file.size,
            "rule": f"{one.rule.older}, unread {one.rule.unread}",
        }
        for one in outside.due(settings, now_ns())
    ]


def _lines(told: Mapping[str, Any]) -> list[str]:
    lines = [f"object storage: {told['bucket'] or 'none; everything stays on this disk'}"]
    lines.append(f"{'table':10} {'tier':7} {'files':>6} {'MB':>10} {'values':>14}  from .. until, last read")
    for one in told["items"]:
        ages = f"{one['oldest'] or '-'} .. {one['newest'] or '-'}, {one['last_read'] or 'never'}"
        here = f", {one['cached'] / 1e6:,.1f} MB of it here" if one["cached"] else ""
        numbers = f"{one['files']:6,} {one['size'] / 1e6:10,.2f} {one['rows']:14,}"
        lines.append(f"{one['table']:10} {one['tier']:7} {numbers}  {ages}{here}")
    if "due" in told:
        sizes: Counter[str] = Counter()
        for one in told["due"]:
            lines.append(f"would go: {one['table']}/{one['file']}  {one['size']:,} bytes  ({one['rule']})")
            sizes[one["table"]] += one["size"]
        lines.append(f"would go: {len(told['due'])} files, {sum(sizes.values()) / 1e6:,.2f} MB")
    if told.get("checked"):
        lines.append("the bucket answers, takes our keys and keeps its word on conditional puts")
    return lines
