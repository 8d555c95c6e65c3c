"""`lineshaft demo`: a small bakery line alive, behind a real OPC UA server in a process of its own."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import shlex
import shutil
import socket
import subprocess
import sys
import threading
from importlib.resources import as_file, files
from pathlib import Path

import click

from lineshaft.app import Plant
from lineshaft.cli.home import PORT, home_option, lock
from lineshaft.cli.rehearsal import PEOPLE, Rehearsal
from lineshaft.guard import Role


@click.command()
@home_option
@click.option("--port", type=PORT, default=None, help="Port of the pages; 8080 or the next free one.")
@click.option(
    "--for", "seconds", type=float, default=None, help="Play the whole loop with scripted people for so many seconds, then end."
)
@click.option(
    "--json",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    help="With --for: write what happened to this file.",
)
def demo(home: Path, port: int | None, seconds: float | None, file: Path | None) -> None:
    """Show a small bakery line alive, from its signals to a work order.

    With --for, the demo's own people (anna, bert) play the loop over the API: the pump breaks, the order is worked off, the
    purchase approved by a second person, the repair verified. The exit code is 0 only if the loop was closed.
    """
    logging.getLogger("lineshaft").setLevel(logging.ERROR)
    with lock(home):
        opcua, pages = free_port(0), free_port(port or 8080, exact=port is not None)
        prepare(home, opcua)
        with simulator(home, opcua):
            plant = Plant(home, port=pages, demo=True)
            passwords = first_logins(plant)
            rehearsal = Rehearsal(plant.url, passwords) if seconds else None
            asyncio.run(plant.run(lambda: started(plant, passwords, rehearsal, seconds)))
    if rehearsal is not None:
        report = rehearsal.report
        if file is not None:
            file.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        click.echo(json.dumps({k: v for k, v in report.items() if k != "oee"}))
        sys.exit(0 if report.get("loop_closed") else 1)


def prepare(home: Path, opcua: int) -> None:
    """Copy the bakery's models to a new home and point its source at the simulator."""
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "config").exists():
        with as_file(files("lineshaft") / "examples" / "bakery") as example:
            shutil.copytree(example, home / "config", ignore=shutil.ignore_patterns("__pycache__", "*.py"))
    (home / "settings.toml").write_text(
        "# Written anew by `lineshaft demo` at every start; `lineshaft sample config` shows every setting.\n"
        '[node]\nname = "Bakery"\n\n[[sources]]\nname = "bakery"\ntype = "opcua"\n'
        f'url = "opc.tcp://127.0.0.1:{opcua}/"\nsecurity = "None"\nbrowse = true\n\n'
        '[writer]\ndry_run = false\n\n[[writer.allow]]\nsource = "bakery"\ntag = "ns=2;s=Oven/SpeedSetpoint"\n'
        'minimum = 60\nmaximum = 125\nevery = "5s"\npermissive = "state != 4"\n'
        'inputs = {state = "Bakery/Line 1/Oven/State"}\n\n'
        "# Put a CSV there, or change one: within a minute its orders and lots are on the page Production.\n"
        '[[feeds]]\nname = "erp-files"\ntype = "files"\nevery = "1m"\n'
        f"folder = {json.dumps(str((home / 'config' / 'feeds').resolve()))}\n",
        encoding="utf-8",
    )


class simulator:  # noqa: N801 - reads as `with simulator(...)`
    """The bakery line in a process of its own, for as long as the demo runs."""

    def __init__(self, home: Path, port: int) -> None:
        (home / "simulator.json").unlink(missing_ok=True)
        self._command = [sys.executable, "-m", "lineshaft", "simulate", "--home", str(home), "--port", str(port), "--with-parent"]
        self._log = home / "simulator.log"

    def __enter__(self) -> None:
        """Start it; it answers a few seconds later, and the gateway waits for it as for any machine."""
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(self._command, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)  # noqa: S603

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def first_logins(plant: Plant) -> dict[str, str]:
    """Create the demo's people with passwords of their own; they are kept in HOME/demo-logins.json, for you only."""
    path = plant.home / "demo-logins.json"
    made = plant.first_admin()
    known: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    given = os.environ.get("LINESHAFT_ADMIN_PASSWORD")
    if made or given:
        known["admin"] = made or str(given)
    here = {user.name for user in plant.guard.users.list()}
    with plant.db.begin() as tx:
        for name, (display, roles) in PEOPLE.items():
            if name not in here:
                known[name] = secrets.token_urlsafe(9)
                plant.guard.users.create(tx, name, known[name], [Role(role) for role in roles], display)
    path.touch(mode=0o600)
    path.write_text(json.dumps(known, indent=2), encoding="utf-8")
    return known


def started(plant: Plant, passwords: dict[str, str], rehearsal: Rehearsal | None, seconds: float | None) -> None:
    """Say where to look and who to be; with --for, let the demo's people begin."""
    click.echo(f"\n  Lineshaft is alive: {plant.url}\n")
    click.echo("  name    password              role")
    roles = {"admin": "administrator"} | {name: ", ".join(of) for name, (_, of) in PEOPLE.items()}
    for name, role in roles.items():
        click.echo(f"  {name:<6}  {passwords.get(name, '(set earlier)'):<20}  {role}")
    click.echo(f"\n  Break the pump on the first page, or with: {fault_command(plant.home)}\n  Ctrl+C ends the demo.\n")
    if rehearsal is not None and seconds is not None:

        def play() -> None:
            try:
                rehearsal.play(seconds)
            finally:
                plant.ask_stop()

        threading.Thread(target=play, name="rehearsal", daemon=True).start()


def fault_command(home: Path) -> str:
    """Return what to type to break the pump of this home.

    >>> fault_command(Path(".lineshaft")), fault_command(Path("/tmp/my demo"))
    ('lineshaft simulate fault pump', "lineshaft simulate --home '/tmp/my demo' fault pump")
    """
    here = home.resolve() == Path(os.environ.get("LINESHAFT_HOME", ".lineshaft")).resolve()
    return "lineshaft simulate fault pump" if here else f"lineshaft simulate --home {shlex.quote(str(home))} fault pump"


def free_port(port: int, *, exact: bool = True) -> int:
    """Return the port; if it is taken and need not be exact, one that is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            if exact:
                return port
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
