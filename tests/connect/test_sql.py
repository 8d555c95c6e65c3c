"""A database as a source, SQLite and PostgreSQL: a mark that only grows, rows entered late, ties, cuts, and never a change."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from lineshaft.connect import Source, SourceEntry, SourceState
from lineshaft.connect.places import home
from lineshaft.connect.rehearsal import read_once
from lineshaft.connect.sources.sql.sql import read_only
from lineshaft.core import ConfigError, parse_time
from tests.connect.checks import check_source
from tests.connect.conftest import listening

QUERY = "SELECT id, ts, asset, tag, value, quality FROM historian"


class Historian:
    """A table of somebody else's database."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = sa.create_engine(url)
        kind = "TIMESTAMPTZ" if self.engine.dialect.name == "postgresql" else "TEXT"
        self.do(f"CREATE TABLE historian (id INTEGER, ts {kind}, asset TEXT, tag TEXT, value TEXT, quality TEXT)")

    def do(self, text: str) -> None:
        with self.engine.begin() as line:
            line.exec_driver_sql(text)

    def say(self, *rows: tuple[int, str, object]) -> None:
        """Enter rows (number, time of day, value)."""
        for number, at, value in rows:
            self.do(f"INSERT INTO historian VALUES ({number}, '2026-01-15 {at}+00:00', 'Oven', 'T', '{value}', 'good')")


@pytest.fixture
def historian(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Historian]:
    monkeypatch.setenv("LINESHAFT_HOME", str(tmp_path / "home"))
    one = Historian(database_url)
    yield one
    one.engine.dispose()


def entry(historian: Historian, **more: Any) -> dict[str, Any]:
    options = {"url": historian.url, "query": QUERY, "tag": ["asset", "tag"], "quality": "quality", "timezone": "Europe/Berlin"}
    return {**options, "every": "50ms", **more}


def source(historian: Historian, **more: Any) -> Source:
    return SourceEntry.model_validate({"name": "mes", "type": "sql", **entry(historian, **more)}).build()


async def test_it_keeps_the_rules_of_every_source(historian: Historian):
    historian.say((1, "06:00:00", 181.5))
    told = await asyncio.to_thread(read_once, SourceEntry.model_validate({"name": "x", "type": "sql", **entry(historian)}))
    assert [(one["tag"], one["value"], one["q"]) for one in told["items"]] == [("Oven/T", 181.5, 0)]
    assert not (home() / "places.db").exists(), "a rehearsal keeps no mark"
    await check_source("sql", entry(historian))


async def test_it_goes_on_from_its_mark_and_sees_what_was_entered_late(historian: Historian):
    historian.say((1, "06:00:00", 1), (2, "06:01:00", 2))
    async with listening(source(historian)) as ear:
        await ear.until(lambda: ear.of("Oven/T") == [1.0, 2.0])
        assert ear.values()[0][1] == parse_time("2026-01-15T06:00:00Z")
        historian.say((3, "05:58:00", 3))  # two minutes before the mark: within the overlap
        await ear.until(lambda: ear.of("Oven/T") == [1.0, 2.0, 3.0])
        historian.say((4, "06:02:00", "I/O Timeout"), (5, "05:00:00", 9))
        await ear.until(lambda: len(ear.of("Oven/T")) == 4)
        assert ear.values()[-1][2:] == (None, 2)
        await ear.until(lambda: ear.state is SourceState.CONNECTED and "06:02:00" in ear.statuses[-1].message)
    historian.say((6, "06:03:00", 6))
    async with listening(source(historian, overlap="0s")) as again:
        await again.until(lambda: again.of("Oven/T")[-1:] == [6.0])
        assert again.of("Oven/T") == [None, 6.0], "the row of the mark itself comes again, none before it"


async def test_a_number_is_a_mark_too_and_ties_are_not_cut_in_two(historian: Historian):
    historian.say(*[(7, f"06:00:{n:02d}", n) for n in range(9)], (8, "06:01:00", 9))
    async with listening(source(historian, mark="id", rows=4)) as ear:
        await ear.until(lambda: sorted(map(str, ear.of("Oven/T"))) == [f"{float(n)}" for n in range(10)])
        historian.say((9, "05:00:00", 10))
        await ear.until(lambda: ear.of("Oven/T")[-1] == 10.0)


async def test_wide_rows_and_a_start(historian: Historian):
    historian.do("CREATE TABLE shift (id INTEGER, ts TEXT, oven REAL, mixer REAL)")
    for number in range(3):
        historian.do(f"INSERT INTO shift VALUES ({number}, '2026-07-01 0{number}:00:00', {number}.5, NULL)")
    query = "SELECT id, ts, oven, mixer FROM shift"
    wide = source(historian, query=query, layout="wide", mark="id", start="1", quality="")
    async with listening(wide) as ear:
        await ear.until(lambda: ear.of("oven") == [1.5, 2.5])
        assert ear.values()[0][1] == parse_time("2026-06-30T23:00:00Z"), "a time without a zone is one of Berlin"


async def test_a_wrong_query_and_a_lost_database_are_told(historian: Historian):
    async with listening(source(historian, query="SELECT nothing FROM nowhere")) as ear:
        await ear.until(lambda: ear.state is SourceState.DOWN)
    async with listening(source(historian, value="valeu")) as ear:
        historian.say((1, "06:00:00", 1))
        await ear.until(lambda: ear.state is SourceState.DOWN)
        assert "no column 'valeu'" in ear.statuses[-1].message


@pytest.mark.counterpart
async def test_a_database_that_is_not_there_is_called_again(free_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LINESHAFT_HOME", str(tmp_path))
    options = {"url": f"postgresql+psycopg://nobody@127.0.0.1:{free_port}/none", "query": "SELECT 1 AS ts", "timezone": "UTC"}
    one = SourceEntry.model_validate({"name": "mes", "type": "sql", **options}).build()
    async with listening(one) as ear:
        await ear.until(lambda: ear.state is SourceState.DOWN)
        assert "calling again" in ear.statuses[-1].message


def test_the_database_itself_refuses_to_be_changed(historian: Historian):
    with historian.engine.connect() as line:
        read_only(line)
        with pytest.raises(DBAPIError, match=r"read.?only|readonly"):
            line.exec_driver_sql("INSERT INTO historian VALUES (1, NULL, '', '', '', '')")


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"query": "DELETE FROM historian"}, "one SELECT"),
        ({"query": "SELECT 1; DROP TABLE historian"}, "one SELECT"),
        ({"url": "postgresql+psycopg://me:secret@h/d"}, "it holds a password"),
        ({"timezone": ""}, "no IANA time zone"),
    ],
)
def test_what_is_refused(more: dict[str, str], why: str):
    options = {"url": "sqlite:///x.db", "query": QUERY, "timezone": "UTC", **more}
    with pytest.raises(ConfigError, match=why):
        SourceEntry.model_validate({"name": "mes", "type": "sql", **options}).build()
