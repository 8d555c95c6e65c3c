from __future__ import annotations

import threading
import time

import pytest
import sqlalchemy as sa

from lineshaft.core import ConfigError, Conflict, Database, Migration, bump, create, metadata, new_id

machine = sa.Table(
    "test_machine",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False, default=1),
    sa.Column("name", sa.String(40)),
    sa.Column("at", sa.BigInteger),
    sa.Column("more", sa.JSON),
)
ROOMS = {"test": (Migration(1, "machines", create(machine)),)}


def an_oven(db: Database) -> str:
    oven = new_id()
    with db.begin() as tx:
        tx.execute(machine.insert().values(id=oven, version=1, name="Oven", at=2**62, more={"°C": [1, None]}))
    return oven


def test_migrations_run_once_and_in_order(database: Database):
    steps: list[int] = []
    rooms = {"test": tuple(Migration(n, f"step {n}", lambda _, n=n: steps.append(n)) for n in (2, 1, 3))}
    assert database.migrate(rooms) == ["test 001 step 1", "test 002 step 2", "test 003 step 3"]
    assert database.migrate(rooms) == []
    assert steps == [1, 2, 3]


def test_a_migration_that_fails_leaves_nothing_behind(database: Database):
    def half(tx: sa.Connection) -> None:
        create(machine)(tx)
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        database.migrate({"test": (Migration(1, "half", half),)})
    assert database.migrate(ROOMS) == ["test 001 machines"]
    an_oven(database)


def test_a_home_of_a_newer_version_is_refused_with_a_hint(database: Database):
    database.migrate({**ROOMS, "future": (Migration(7, "antigravity", create()),)})
    with pytest.raises(ConfigError) as caught:
        database.migrate(ROOMS)
    assert caught.value.code == "home.newer"
    assert "future 007" in caught.value.what
    assert "newer" in caught.value.hint


def test_bump_counts_versions_and_refuses_a_stale_one(database: Database):
    database.migrate(ROOMS)
    oven = an_oven(database)
    with database.begin() as tx:
        assert bump(tx, machine, oven, 1, name="Oven 2") == 2
        assert bump(tx, machine, oven, None, name="Oven 3") == 3
    with pytest.raises(Conflict) as caught, database.begin() as tx:
        bump(tx, machine, oven, 2, name="lost update")
    assert caught.value.code == "version.conflict"
    assert database.rows(sa.select(machine.c.name, machine.c.version, machine.c.at, machine.c.more)) == [
        {"name": "Oven 3", "version": 3, "at": 2**62, "more": {"°C": [1, None]}}
    ]


def test_a_transaction_that_fails_takes_everything_back(database: Database):
    database.migrate(ROOMS)
    oven = an_oven(database)
    with pytest.raises(RuntimeError), database.begin() as tx:
        bump(tx, machine, oven, 1, name="half")
        raise RuntimeError("power cut")
    assert database.rows(sa.select(machine.c.name)) == [{"name": "Oven"}]


def test_begin_joins_the_transaction_it_is_given(database: Database):
    database.migrate(ROOMS)
    with database.begin() as tx:
        with database.begin(tx) as inner:
            assert inner is tx
        oven = new_id()
        tx.execute(machine.insert().values(id=oven, version=1, name="Former"))
        assert database.rows(sa.select(machine.c.name), tx) == [{"name": "Former"}]


def test_sqlite_is_durable(tmp_path):
    db = Database(f"sqlite:///{tmp_path / 'x.db'}")
    with db.begin() as tx:
        assert tx.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert tx.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert tx.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    assert db.is_sqlite
    db.close()


def test_readers_go_on_while_many_writers_wait_for_their_turn(tmp_path):
    db = Database(f"sqlite:///{tmp_path / 'a.db'}")
    db.migrate(ROOMS)

    def write() -> None:
        with db.begin():
            pass

    waiting = [threading.Thread(target=write) for _ in range(20)]
    with db.begin():
        for thread in waiting:
            thread.start()
        until = time.monotonic() + 10
        while db.engine.pool.checkedout() < 21 and time.monotonic() < until:  # type: ignore[attr-defined]
            time.sleep(0.01)
        asked = time.monotonic()
        assert db.rows(sa.select(machine)) == []
        assert time.monotonic() - asked < 5
    for thread in waiting:
        thread.join()
    db.close()
