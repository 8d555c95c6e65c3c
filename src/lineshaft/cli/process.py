"""`lineshaft process`: look at process definitions before they are used."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from lineshaft.act import ACTIONS, drawn, look_at


@click.group()
def process() -> None:
    """Check process definitions, and print them as the tasks they are."""


@process.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def check(files: tuple[Path, ...]) -> None:
    """Say everything that is wrong in definitions, each with its line; ends with 1 if anything is."""
    wrong = 0
    for path in files:
        found, problems = look_at(path, list(ACTIONS))
        for one in problems:
            click.echo(f"{path.parent / one.where}: {one.what}" + (f" - {one.hint}" if one.hint else ""))
        wrong += len(problems)
        if found is not None and not problems:
            click.echo(f"{path}: {found.process} version {found.version}, {len(found.tasks)} tasks: well")
    sys.exit(1 if wrong else 0)


@process.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def show(file: Path) -> None:
    """Print the tasks of a definition: after what, in which mode, whose."""
    found, problems = look_at(file, list(ACTIONS))
    if found is None or problems:
        raise click.ClickException(f"{problems[0].where}: {problems[0].what}")
    for task in drawn(found):
        after = f"after {', '.join(task['after'])}" if task["after"] else "at the start"
        when = f", when {task['when']}" if task["when"] else ""
        whose = f" ({task['role']})" if task["role"] else ""
        click.echo(f"{task['id']}: {task['title']}{whose}; {' or '.join(task['modes'])}; {after}{when}")
