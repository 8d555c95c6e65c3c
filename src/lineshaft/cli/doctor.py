"""`lineshaft doctor`: look at an installation the way an experienced colleague would, and say what to mend."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlparse

import click

from lineshaft import __version__
from lineshaft.app import Plant, open_database, read_settings
from lineshaft.cli.home import home_option
from lineshaft.cli.outside import outside_answers
from lineshaft.core import LineshaftError, iso, now_ns
from lineshaft.guard import Guard

MIN_FREE = 2 * 1024**3
SLOW_FSYNC_MS = 50.0


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, how it is, and how to mend it."""

    name: str
    state: str
    message: str
    hint: str = ""


def ok(name: str, message: str) -> Check:
    """Return a check that found nothing to mend."""
    return Check(name, "ok", message)


def python_is_new_enough(home: Path) -> Iterator[Check]:
    """Report the versions of Lineshaft and Python."""
    del home
    yield ok("version", f"Lineshaft {__version__} on Python {sys.version.split()[0]}")


def home_is_writable(home: Path) -> Iterator[Check]:
    """Check that the folder exists, can be written and has room, and how long a durable write takes."""
    if not home.exists():
        yield Check(
            "home", "warn", f"{home} does not exist yet", "`lineshaft up` makes it; `lineshaft sample config` shows the settings"
        )
        return
    probe = home / ".doctor"
    try:
        began = time.perf_counter()
        with probe.open("wb") as file:
            file.write(b"x" * 4096)
            file.flush()
            os.fsync(file.fileno())
        took = (time.perf_counter() - began) * 1000
        probe.unlink()
    except OSError as error:
        yield Check("home", "fail", f"{home} cannot be written: {error}", "give the user of the node the right to write there")
        return
    free = shutil.disk_usage(home).free
    if free < MIN_FREE:
        yield Check(
            "disk", "fail", f"only {free / 1024**3:.1f} GiB are free", "free some space or move the home to a larger disk"
        )
    else:
        yield ok("disk", f"{free / 1024**3:.0f} GiB free")
    if took > SLOW_FSYNC_MS:
        yield Check(
            "durability", "warn", f"a durable write takes {took:.0f} ms", "an SSD instead of an SD card or a network folder"
        )
    else:
        yield ok("durability", f"a durable write takes {took:.1f} ms")


def clock_is_sane(home: Path) -> Iterator[Check]:
    """Compare the clock with the newest file of the home: a clock that went back spoils every history."""
    newest = max((path.stat().st_mtime_ns for path in home.glob("*.db*")), default=0)
    if newest > now_ns() + 60 * 10**9:
        yield Check(
            "clock",
            "fail",
            f"the clock says {iso(now_ns())}, but data was written at {iso(newest)}",
            "set the clock, use NTP or PTP",
        )
    else:
        yield ok("clock", f"{iso(now_ns())} (UTC)")


def databases_are_whole(home: Path) -> Iterator[Check]:
    """Run SQLite's own check on every database of the home, read-only."""
    for path in sorted(home.glob("*.db")):
        try:
            connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)
            answer = connection.execute("PRAGMA quick_check").fetchone()[0]
            connection.close()
        except sqlite3.Error as error:
            answer = str(error)
        if answer == "ok":
            yield ok(path.name, f"whole, {path.stat().st_size / 1024**2:.1f} MiB")
        else:
            yield Check(
                path.name, "fail", f"damaged: {answer}", "stop the node, restore the last backup, keep this file for analysis"
            )


def settings_are_right(home: Path) -> Iterator[Check]:
    """Read the settings; a source's address must be reachable from here."""
    try:
        settings = read_settings(home)
    except LineshaftError as error:
        yield Check("settings", "fail", f"{error.where}: {error.what}" if error.where else error.what, error.hint)
        return
    yield ok("settings", str(home / "settings.toml") if (home / "settings.toml").exists() else "defaults (no settings.toml)")
    for source in settings.sources.entries:
        url = str((source.model_extra or {}).get("url", ""))
        where = urlparse(url)
        if not where.hostname or not where.port:
            continue
        try:
            socket.create_connection((where.hostname, where.port), timeout=2).close()
            yield ok(f"source {source.name}", f"{url} answers")
        except OSError as error:
            yield Check(
                f"source {source.name}",
                "warn",
                f"{url} does not answer: {error}",
                "is the machine on, the address right, the firewall open?",
            )


def other_systems_answer(home: Path) -> Iterator[Check]:
    """Reach the ERP, the other maintenance system and the receivers of webhooks."""
    yield from (Check(*found) for found in outside_answers(home))


def models_are_right(home: Path) -> Iterator[Check]:
    """Open the node's rooms beside a running node and name every model, formula and alarm that is wrong."""
    try:
        if not (home / "lineshaft.db").exists() and not (home / read_settings(home).node.models).is_dir():
            return
        problems = Plant.problems_of(home)
    except LineshaftError as error:
        yield Check("home", "fail", f"{error.where}: {error.what}" if error.where else error.what, error.hint)
        return
    if not problems:
        yield ok("models", "every model, formula and alarm is in order")
    for problem in problems:
        yield Check("models", "fail", str(replace(problem, hint="")).removeprefix(": "), problem.hint)


def audit_is_intact(home: Path) -> Iterator[Check]:
    """Verify the hash chain of the audit."""
    if not (home / "lineshaft.db").exists():
        return
    db, settings = open_database(home)
    report = Guard(db, settings.guard).verify()
    db.close()
    if report.ok:
        yield ok("audit", f"{report.rows} entries, chain intact")
    else:
        yield Check(
            "audit",
            "fail",
            f"the chain is broken at entry {report.first_bad}",
            "somebody edited the database: restore a backup and compare",
        )


def web_pages_are_built(home: Path) -> Iterator[Check]:
    """Say whether the pages of the web interface are part of this installation."""
    del home
    pages = Path(__file__).parent.parent / "see" / "static" / "index.html"
    if pages.exists():
        yield ok("web interface", "built")
    else:
        yield Check(
            "web interface", "warn", "the pages are not built", "in a source checkout run `make web`; a wheel carries them"
        )


CHECKS: tuple[Callable[[Path], Iterator[Check]], ...] = (
    python_is_new_enough,
    home_is_writable,
    clock_is_sane,
    databases_are_whole,
    settings_are_right,
    other_systems_answer,
    models_are_right,
    audit_is_intact,
    web_pages_are_built,
)


@click.command()
@home_option
def doctor(home: Path) -> None:
    """Check an installation and say what to mend; exit code 1 if something must be mended."""
    failed = False
    for check in CHECKS:
        for found in check(home):
            failed = failed or found.state == "fail"
            mark = {"ok": "ok  ", "warn": "look", "fail": "MEND"}[found.state]
            click.echo(f"{mark}  {found.name}: {found.message}")
            if found.hint and found.state != "ok":
                click.echo(f"        -> {found.hint}")
    sys.exit(1 if failed else 0)
