"""`lineshaft import` and `lineshaft export`: YAML models in, the same YAML out."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import click

from lineshaft.app import open_database, read_settings
from lineshaft.assets import Assets
from lineshaft.cli.home import home_option
from lineshaft.core import Bus, ConfigError


@click.command("import")
@home_option
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def import_(home: Path, folder: Path) -> None:
    """Copy a folder of YAML (models/, plant.yaml, calendar.yaml, ...) to HOME and check it.

    A running node reads it at its next start. A settings.toml in the folder is taken when the home has none yet.
    """
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
