"""`lineshaft retention`: what the node's next daily run would forget, also while the node runs."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from lineshaft.app import open_database
from lineshaft.app.retention import Due, Retention
from lineshaft.cli.home import existing, home_option
from lineshaft.core import iso, now_ns
from lineshaft.store import Documents, size_told


@click.command()
@home_option
@click.option("--json", "as_json", is_flag=True, help="The same for a program.")
def retention(home: Path, *, as_json: bool) -> None:
    """Say what the node would forget now by [retention] of settings.toml; nothing is written.

    A running node forgets once a day, and when it starts; every batch is in the audit chain (`retention.forget`).
    """
    existing(home)
    db, settings = open_database(home)
    try:
        found = Retention(db, settings.retention, Documents(home / "documents", db)).due(now_ns())
    finally:
        db.close()
    click.echo(json.dumps([asdict(one) for one in found]) if as_json else "\n".join(_told(one) for one in found))


def _told(one: Due) -> str:
    if not one.rows:
        return f"{one.name}: nothing"
    size = f", {size_told(one.size)}" if one.size else ""
    return f"{one.name}: {one.rows:,}{size}, the oldest of {iso(one.oldest or 0)[:10]}"
