"""The relational database: SQLite (WAL, synchronous=FULL) in one file, or PostgreSQL by URL; numbered migrations a room.

Orders, cases and audit are business truth: synchronous=NORMAL lost 68-221 acknowledged commits in a simulated power
loss, so every connection runs FULL.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

from lineshaft.core.clock import now_ns
from lineshaft.core.errors import ConfigError, Conflict, LineshaftError

metadata = sa.MetaData()
"""All tables of all rooms; foreign keys point upstream only."""

_CONNECTIONS = 60
"""At most so many at once: more than threads that ask, as each writer that waits for its turn holds one."""

_AFTER = "lineshaft.after_commit"
_READING = "lineshaft_reading"

_applied = sa.Table(
    "migration",
    metadata,
    sa.Column("room", sa.String(40), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered step of a room's schema; `run` gets a connection inside a transaction."""

    number: int
    name: str
    run: Callable[[Connection], None]


def new_id() -> str:
    """Return a fresh random UUID as lower-case text."""
    return str(uuid.uuid4())


def create(*tables: sa.Table) -> Callable[[Connection], None]:
    """Return a migration step that creates the given tables."""
    return lambda tx: metadata.create_all(tx, tables=list(tables), checkfirst=True)


class Database:
    """One engine for all rooms; `begin()` opens a transaction or joins the one it is given."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine: Engine = make_engine(url)

    @property
    def is_sqlite(self) -> bool:
        """True on the embedded default."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def begin(self, tx: Connection | None = None) -> Generator[Connection]:
        """Yield `tx` itself if given (its owner commits), else a new transaction that commits at the end."""
        if tx is not None:
            yield tx
            return
        after: list[Callable[[], None]] = []
        with self.engine.begin() as connection:
            connection.info[_AFTER] = after
            try:
                yield connection
            finally:
                connection.info.pop(_AFTER, None)
        for run in after:
            run()

    @contextmanager
    def read(self, tx: Connection | None = None) -> Generator[Connection]:
        """Yield `tx` itself if given, else a connection for reading: it never waits for a writer nor makes one wait."""
        if tx is not None:
            yield tx
            return
        with self.engine.connect() as connection:
            yield connection.execution_options(**{_READING: True})

    def rows(self, query: sa.Executable, tx: Connection | None = None) -> list[dict[str, Any]]:
        """Return the rows of a query as dicts."""
        with self.read(tx) as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def migrate(self, rooms: Mapping[str, Sequence[Migration]]) -> list[str]:
        """Bring every room's schema to the newest number; return what was applied.

        Raises ConfigError when the database was written by a newer Lineshaft.
        """
        done: list[str] = []
        with self.engine.begin() as tx:
            metadata.create_all(tx, tables=[_applied], checkfirst=True)
            have = {(row.room, row.number) for row in tx.execute(sa.select(_applied.c.room, _applied.c.number))}
            refuse_newer(have, rooms, self.url)
        for room, steps in rooms.items():
            for step in sorted(steps, key=lambda s: s.number):
                if (room, step.number) in have:
                    continue
                with self.engine.begin() as tx:
                    step.run(tx)
                    tx.execute(_applied.insert().values(room=room, number=step.number, name=step.name, at=now_ns()))
                done.append(f"{room} {step.number:03d} {step.name}")
        return done

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def after_commit(tx: Connection, run: Callable[[], None]) -> None:
    """Have `run` called once the transaction of `Database.begin` is committed and its lock is free; never after a rollback.

    A method that takes `tx` tells its events this way: a handler may then open a transaction of its own.
    """
    waiting: list[Callable[[], None]] | None = tx.info.get(_AFTER)
    if waiting is None:
        raise LineshaftError("this transaction was not opened by Database.begin", hint="use `with db.begin() as tx`")
    waiting.append(run)


@contextmanager
def within(tx: Connection) -> Generator[Connection]:
    """Yield a part of a transaction: if it fails, only that part is undone, and nothing it wanted told is told."""
    waiting: list[Callable[[], None]] = tx.info.get(_AFTER, [])
    told = len(waiting)
    try:
        with tx.begin_nested():
            yield tx
    except BaseException:
        del waiting[told:]
        raise


def refuse_newer(have: set[tuple[str, int]], rooms: Mapping[str, Sequence[Migration]], url: str) -> None:
    """Raise ConfigError if the database knows migrations that this version does not."""
    known = {(room, step.number) for room, steps in rooms.items() for step in steps}
    newer = sorted(have - known)
    if newer:
        room, number = newer[-1]
        raise ConfigError(
            f"the database was written by a newer Lineshaft (it has migration {room} {number:03d}, unknown here)",
            where=url,
            hint="install that version or newer, or restore the backup made before the upgrade",
            code="home.newer",
        )


def make_engine(url: str) -> Engine:
    """Return an engine whose SQLite connections are durable and take the write lock at BEGIN."""
    if not url.startswith("sqlite"):
        return sa.create_engine(url, pool_pre_ping=True, max_overflow=_CONNECTIONS - 5)
    engine = sa.create_engine(url, max_overflow=_CONNECTIONS - 5, connect_args={"timeout": 30, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        for pragma in ("busy_timeout=30000", "foreign_keys=ON", "journal_mode=WAL", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get(_READING, False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


def bump(tx: Connection, table: sa.Table, entity_id: str, version: int | None, **values: object) -> int:
    """Update one entity with optimistic locking and return its new version.

    `version` is the one the caller has seen (None skips the check). Raises Conflict if it changed meanwhile.
    """
    query = table.update().where(table.c.id == entity_id)
    if version is not None:
        query = query.where(table.c.version == version)
    seen = returned(tx, query.values(version=table.c.version + 1, **values), table.c.version, table.c.id == entity_id)
    if seen is None:
        raise Conflict(
            f"{table.name} {entity_id} was changed meanwhile (you saw version {version})",
            hint="read it again and repeat your change",
            code="version.conflict",
        )
    return int(seen)


def returned(tx: Connection, update: sa.Update, column: sa.Column[Any], where: sa.ColumnElement[bool]) -> Any:
    """Update one row and return a column of it as it is now, None if no row was hit; in one statement where the database can."""
    if tx.dialect.update_returning:
        return tx.execute(update.returning(column)).scalar_one_or_none()
    if tx.execute(update).rowcount != 1:
        return None
    return tx.execute(sa.select(column).where(where)).scalar_one()
