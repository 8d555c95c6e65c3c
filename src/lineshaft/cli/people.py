"""Commands about people and programs: API tokens, users, the audit chain. They work beside a running node."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from lineshaft.app import open_database
from lineshaft.cli.home import existing
from lineshaft.guard import Guard, commands


@contextmanager
def open_guard(home: Path) -> Generator[Guard]:
    """Open the guard of a home; its database is brought up to date first, as a node would."""
    db, settings = open_database(existing(home))
    try:
        yield Guard(db, settings.guard)
    finally:
        db.close()


token, user, audit = commands(open_guard)
