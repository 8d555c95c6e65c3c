"""`lineshaft import` and `lineshaft export`: YAML models in, the same YAML out; files of values in."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import click

from lineshaft.app import open_database, read_settings
from lineshaft.assets import Assets
from lineshaft.cli.home import home_option
from lineshaft.cli.taking import how_it_is_read, take_files
from lineshaft.core import Bus, ConfigError


@click.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@how_it_is_read
def import_(home: Path, paths: tuple[Path, ...], errors: Path | None, url: str, token: str, **how: Any) -> None:
    """Take in a folder of YAML (models/, plant.yaml, calendar.yaml, ...), or files of values (as import-history does).

    A folder is copied to HOME and checked; a running node reads it at its next start, and a settings.toml in it is taken
    when the home has none yet. Files - Parquet, CSV, Avro of SiteWise - go to the lake, also while the node runs.
    """
    if len(paths) == 1 and paths[0].is_dir() and not any(paths[0].rglob("*.yaml")):
        paths = tuple(sorted(paths[0].rglob("*.avro"))) or paths
    if not any(path.is_dir() for path in paths):
        take_files(home, paths, errors, url, token, **how)
        return
    if len(paths) > 1:
        raise ConfigError("one folder of YAML at a time", hint="or only files of values")
    _models(home, *paths)


def _models(home: Path, folder: Path) -> None:
    home.mkdir(parents=True, exist_ok=True)
    if (folder / "settings.toml").exists() and not (home / "settings.toml").exists():
        shutil.copyfile(folder / "settings.toml", home / "settings.toml")
    target = home / read_settings(home).node.models
    files = sorted(path for path in folder.rglob("*.yaml"))
    if not files:
        raise ConfigError("there is no YAML in this folder", where=str(folder), hint="it holds models/*.yaml and plant.yaml")
    for path in files:
        to = target / path.relative_to(folder)
        to.parent.mkdir(parents=True, exist_ok=True)
        if path.resolve() != to.resolve():
            shutil.copyfile(path, to)
    db, _ = open_database(home)
    changes = Assets(db, Bus()).load(target)
    db.close()
    for problem in changes.problems:
        click.echo(f"{problem.where}: {problem.what}" + (f" - {problem.hint}" if problem.hint else ""), err=True)
    click.echo(f"{len(files)} files are in {target}")
    sys.exit(1 if changes.problems else 0)


@click.command()
@home_option
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def export(home: Path, folder: Path) -> None:
    """Write the models and assets of a home as YAML; importing it again changes nothing."""
    db, _ = open_database(home)
    written = Assets(db, Bus()).export(folder)
    db.close()
    for name in written:
        click.echo(name)
