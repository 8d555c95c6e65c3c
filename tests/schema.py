"""Tables of some rooms in a new database: made once by their migrations, then copied."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from lineshaft.core import Database, Migration

_made: dict[tuple[tuple[str, int], ...], sqlite3.Connection] = {}


def migrate(db: Database, rooms: Mapping[str, Sequence[Migration]]) -> None:
    """Bring a new database to the newest schema of these rooms, as `Database.migrate` does."""
    if not db.is_sqlite or db.url.endswith(":") or sa.inspect(db.engine).get_table_names():
        db.migrate(rooms)
        return
    key = tuple((room, step.number) for room, steps in sorted(rooms.items()) for step in steps)
    if key not in _made:
        db.migrate(rooms)
        _made[key] = sqlite3.connect(":memory:", check_same_thread=False)
        _copy(db, _made[key], back=True)
    else:
        _copy(db, _made[key], back=False)


def _copy(db: Database, template: sqlite3.Connection, *, back: bool) -> None:
    connection = db.engine.raw_connection()
    try:
        file = connection.driver_connection
        assert isinstance(file, sqlite3.Connection)
        file.backup(template) if back else template.backup(file)
    finally:
        connection.close()
