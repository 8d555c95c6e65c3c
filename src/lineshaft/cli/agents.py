"""`lineshaft agents`: who there is, and the switch. It works beside a running node, which cuts off within a second."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from sqlalchemy.engine import Connection

from lineshaft.act import OUTSIDE, Agency
from lineshaft.app import open_database
from lineshaft.cli.home import existing
from lineshaft.core import Bus, iso
from lineshaft.guard import Command, Guard, Role, Subject

_home = click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="LINESHAFT_HOME",
    default=Path(".lineshaft"),
    show_default=True,
    help="The node's data folder.",
)


@contextmanager
def _opened(home: Path) -> Generator[tuple[Guard, Agency]]:
    db, settings = open_database(existing(home))
    try:
        guard = Guard(db, settings.guard)
        yield guard, Agency(db, guard, Bus(), {}, list(settings.agents.endpoints))
    finally:
        db.close()


def _owner() -> Subject:
    return Subject.system(f"command line of {getpass.getuser()}")


def _do(guard: Guard, action: str, name: str, body: dict[str, Any], run: Callable[[Connection], object]) -> None:
    def once(tx: Connection) -> dict[str, Any]:
        run(tx)
        return {"name": name}

    guard.perform(Command(_owner(), action, f"agent:{name}", body), once)


@click.group("agents")
def agents() -> None:
    """List agents, stop and resume them, and give those from outside their keys."""


@agents.command("list")
@_home
def list_(home: Path) -> None:
    """List the agents, what they used today, and whether all are stopped."""
    with _opened(home) as (_, agency):
        switch = agency.register.all_stopped()
        if switch["stopped"]:
            click.echo(f"all agents are stopped: {switch['why']}")
        for row in agency.register.list():
            used = agency.budget.used(row["name"])
            until = f"until {iso(row['expires'])}" if row["expires"] else ""
            said = f"{used['calls']:.0f} calls, {used['tokens']:.0f} tokens, {used['money']:.2f} money today"
            click.echo(f"{row['name']:<20} {row['job']:<12} {row['role']:<11} {row['state']:<8} {said}  {until}".rstrip())


@agents.command("stop")
@_home
@click.argument("name", required=False)
@click.option("--all", "every", is_flag=True, help="Stop every agent there is.")
@click.option("--why", default="", help="The reason, as people will read it.")
def stop(home: Path, name: str | None, every: bool, why: str) -> None:
    """Stop one agent, or all: nothing of theirs is committed after this command has answered."""
    who = _who(name, every)
    with _opened(home) as (guard, agency):
        register = agency.register

        def run(tx: Connection) -> None:
            if who == "*":
                register.stop_all(tx, _owner(), why)
            else:
                register.stop(tx, who, _owner(), why)

        _do(guard, "agents.stop", who, {"state": "stopped", "why": why}, run)
    click.echo("stopped")


@agents.command("resume")
@_home
@click.argument("name", required=False)
@click.option("--all", "every", is_flag=True, help="Let the agents go on; one that was stopped alone stays stopped.")
def resume(home: Path, name: str | None, every: bool) -> None:
    """Let one agent, or all, go on."""
    who = _who(name, every)
    with _opened(home) as (guard, agency):
        register = agency.register

        def run(tx: Connection) -> None:
            if who == "*":
                register.stop_all(tx, _owner(), stopped=False)
            else:
                register.resume(tx, who, _owner())

        _do(guard, "agents.stop", who, {"state": "active"}, run)
    click.echo("active")


@agents.command("hire")
@_home
@click.argument("name")
@click.option("--role", type=click.Choice([r.value for r in Role if r is not Role.ADMIN]), default="viewer", show_default=True)
@click.option("--tools", default="*", show_default=True, help="Tools it may use, with commas; patterns as plant_*.")
@click.option("--calls", "calls_a_day", type=int, default=500, show_default=True, help="Calls a day.")
def hire(home: Path, name: str, role: str, tools: str, calls_a_day: int) -> None:
    """Register an agent from outside (an MCP client) and print its key: this is the only time it is shown."""
    secrets: list[str] = []
    with _opened(home) as (guard, agency):

        def run(tx: Connection) -> None:
            values: dict[str, Any] = {
                "role": role,
                "tools": [one.strip() for one in tools.split(",")],
                "calls_a_day": calls_a_day,
            }
            agency.register.hire(tx, name, OUTSIDE, _owner(), **values)
            secrets.append(agency.register.token(tx, name, _owner())[1])

        _do(guard, "agents.edit", name, {"role": role, "tools": tools, "calls_a_day": calls_a_day}, run)
    click.echo(secrets[0])


def _who(name: str | None, every: bool) -> str:
    if bool(name) == every:
        raise click.UsageError("name an agent, or say --all")
    return name or "*"
