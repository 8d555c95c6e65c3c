"""Logs are forgotten after their time, in the database and in the lake, and never what something open refers to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa

from lineshaft.app.retention import DAY, Forgotten, Retention, RetentionSettings
from lineshaft.app.settings import MIGRATIONS
from lineshaft.core import Database, metadata, now_ns
from lineshaft.store import Change, Store

NOW = now_ns()
OLD, NEW = NOW - 100 * DAY, NOW - 5 * DAY
SHORT = RetentionSettings(alarm_log_days=30, tower_days=30, etl_days=30)


class Books:
    """A database with the tables of every room, and rows of them in few words."""

    def __init__(self, home: Path) -> None:
        self.db = Database(f"sqlite:///{home / 'lineshaft.db'}")
        self.db.migrate(MIGRATIONS)
        self.store = Store(home, None, self.db)

    def put(self, name: str, /, **values: Any) -> str:
        """Write a row; what is not named is empty in the way of its column."""
        table, blank = metadata.tables[name], {"INTEGER": 0, "BIGINT": 0, "FLOAT": 0.0, "BOOLEAN": False, "JSON": {}}
        row = {
            column.name: blank.get(str(column.type).split("(")[0], f"{name}-{len(values)}")
            for column in table.c
            if not column.nullable
        }
        row["id"] = values.get("id", f"{name}-{self.count(name)}")
        with self.db.begin() as tx:
            tx.execute(sa.insert(table).values({**row, **values}))
        return str(row["id"])

    def count(self, name: str) -> int:
        return int(self.db.rows(sa.select(sa.func.count().label("n")).select_from(metadata.tables[name]))[0]["n"])

    def left(self, name: str) -> set[str]:
        return {row["id"] for row in self.db.rows(sa.select(metadata.tables[name].c.id))}

    def alarm(self, name: str, state: str = "normal") -> str:
        return self.put("alarm", id=name, name=name, asset_id=name, state=state)

    def said(self, name: str, alarm: str, at: int, occurrence: str | None = None) -> None:
        self.put("alarm_log", id=name, alarm_id=alarm, at=at, written=at, occurrence=occurrence)


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    one = Books(tmp_path)
    yield one
    one.store.close()
    one.db.close()


def test_the_alarm_log_loses_what_is_old_and_nothing_that_something_open_refers_to(books: Books):
    for name, state in (("quiet", "normal"), ("stands", "unack"), ("cased", "normal"), ("worked", "normal"), ("past", "normal")):
        books.alarm(name, state)
        books.said(f"{name} old", name, OLD, occurrence=f"{name} 1")
        books.said(f"{name} new", name, NEW, occurrence=f"{name} 2")
    books.put("cases", id="c1", number="C-1", source_id="alarm:cased 1", alarm_id="cased", state="open", open_key="k1")
    books.put("cases", id="c2", number="C-2", source_id="alarm:past 1", alarm_id="past", state="done", open_key="k2")
    books.put("work_order", id="w1", number="W-1", source_type="alarm", source_id="worked 1", state="in_progress")
    books.put("work_order", id="w2", number="W-2", source_type="alarm", source_id="past 1", state="closed")
    assert Retention(books.db, books.store, SHORT).run(NOW).alarm_log == 2
    gone = {f"{name} {age}" for name in ("quiet", "stands", "cased", "worked", "past") for age in ("old", "new")}
    assert gone - books.left("alarm_log") == {"quiet old", "past old"}
    assert Retention(books.db, books.store, SHORT).run(NOW) == Forgotten(0, 0, 0, 0)


def test_the_tower_keeps_what_open_cases_and_orders_are_about(books: Books):
    books.put("cases", id="going", number="C-1", source_id="a", state="open", open_key="k1")
    books.put("cases", id="over", number="C-2", source_id="b", state="done", open_key="k2")
    books.put("cases", id="unclosed", number="C-3", source_id="c", state="done", open_key="k3")
    books.put("work_order", id="w1", number="W-1", case_id="unclosed", state="done")
    for case in ("going", "over", "unclosed"):
        books.put("tower", id=f"{case} old", case_id=case, at=OLD)
        books.put("tower", id=f"{case} new", case_id=case, at=NEW)
    books.put("tower", id="of no case", case_id="none", at=OLD)
    assert Retention(books.db, books.store, SHORT).run(NOW).tower == 2
    assert books.left("tower") == {"going old", "going new", "over new", "unclosed old", "unclosed new"}


def test_each_job_keeps_its_last_run_and_those_that_go_on(books: Books):
    for name, job, started, ended in (
        ("a1", "a", OLD, OLD + 1),
        ("a2", "a", OLD + 9, OLD + 10),
        ("b1", "b", OLD, None),
        ("b2", "b", OLD + 1, OLD + 2),
        ("b3", "b", NEW, NEW + 1),
    ):
        books.put("etl_run", id=name, job=job, started=started, ended=ended)
    assert Retention(books.db, books.store, SHORT).run(NOW).etl_runs == 2
    assert books.left("etl_run") == {"a2", "b1", "b3"}


def test_the_lakes_copy_loses_the_same_rows(books: Books):
    books.alarm("quiet")
    books.alarm("stands", "unack")
    for alarm in ("quiet", "stands"):
        books.said(f"{alarm} old", alarm, OLD)
        books.said(f"{alarm} new", alarm, NEW)
    rows = books.db.rows(sa.select(metadata.tables["alarm_log"]))
    copy = pa.table(
        {
            "id": [row["id"] for row in rows],
            "written": pa.array([row["written"] // 1000 for row in rows], pa.timestamp("us", "UTC")),
        }
    )
    books.store.sql.tablets.write("alarm_log", Change(copy, "upsert", ("id",), "", ("mirror/alarm_log", 7)))
    assert Retention(books.db, books.store, SHORT).run(NOW) == Forgotten(1, 0, 0, 1)
    tablets = books.store.sql.tablets
    assert tablets.get("alarm_log").rows == 3
    assert tablets.get("alarm_log").marks == {"mirror/alarm_log": 7}


def test_nothing_goes_where_the_retention_is_zero(books: Books):
    books.alarm("quiet")
    books.said("old", "quiet", OLD)
    books.put("tower", id="old", case_id="none", at=OLD)
    ever = RetentionSettings(alarm_log_days=0, tower_days=0, etl_days=0)
    assert Retention(books.db, books.store, ever).run(NOW) == Forgotten(0, 0, 0, 0)
