"""ETL jobs: as their owner, exactly once, one wrong file stops no other, a kill leaves the former table whole."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from deltalake import DeltaTable

from lineshaft.core import NS, Conflict
from lineshaft.guard import Role, Subject
from lineshaft.store import Field, Run, Store, View
from lineshaft.store.etl.schedule import Schedule
from tests.store.conftest import Home

OWNER = Subject("anna", "anna", "person", frozenset({Role.PLANNER}))
AT = 1_800_000_000 * NS
ROWS: list[dict[str, Any]] = [{"asset": "Plant/Oven", "kwh": 2.0, "ts": AT}, {"asset": "Plant/Mixer", "kwh": 3.0, "ts": AT + NS}]


@pytest.fixture
def lake(home: Home) -> Store:
    store = home.store()
    fields = (Field("asset", "text"), Field("kwh", "number", "kWh"), Field("ts", "time"))
    store.sql.register(View("meter", fields, lambda _when: ROWS, time=None))
    store.etl.owners = {"user:anna": OWNER}.get
    store.etl.folder.mkdir()
    return store


def job(store: Store, name: str, *steps: str, more: str = "", owner: str = "user:anna") -> None:
    text = f"job: {name}\nowner: {owner}\nretries: 0\n{more}steps:\n" + "".join(f"  - {step}\n" for step in steps)
    (store.etl.folder / f"{name}.yaml").write_text(text)


def ran(store: Store, home: Home, name: str, at: int | None = None) -> Run:
    with home.db.begin() as tx:
        asked = store.etl.ask(tx, name, OWNER)
    if at is not None:
        with home.db.begin() as tx:
            from lineshaft.store.tables import etl_runs

            tx.execute(etl_runs.update().where(etl_runs.c.id == asked.id).values(until=at))
    store.etl.tend(0)
    return store.etl.run(asked.id)


def rows(store: Store, sql: str, subject: Subject = OWNER) -> list[Mapping[str, Any]]:
    return store.sql.ask(sql, subject).run().table.to_pylist()


def test_a_job_writes_a_table_that_everybody_reads(lake: Store, home: Home):
    job(
        lake,
        "energy",
        "{name: sum, sql: 'SELECT asset, sum(kwh) AS kwh FROM meter GROUP BY 1', table: energy, units: {kwh: kWh}}",
    )
    run = ran(lake, home, "energy")
    assert (run.state, run.rows, run.reads, run.writes, run.error) == ("done", 2, ("meter",), ("energy",), "")
    assert rows(lake, "SELECT asset, kwh FROM energy ORDER BY asset") == [
        {"asset": "Plant/Mixer", "kwh": 3.0},
        {"asset": "Plant/Oven", "kwh": 2.0},
    ]
    place = str(home.path / "lake" / "tables" / "energy")
    assert pl.read_delta(place)["kwh"].sum() == 5.0
    table = DeltaTable(place)
    assert table.to_pyarrow_table().num_rows == 2
    with duckdb.connect() as db:
        assert db.execute(f"select sum(kwh) from read_parquet({table.file_uris()})").fetchall() == [(5.0,)]
    listed = lake.catalog.get("energy", OWNER)
    assert (listed.kind, listed.rows, listed.made_of, listed.job) == ("lake", 2, ("meter",), "energy")
    assert next(one.unit for one in listed.columns if one.name == "kwh") == "kWh"


def test_append_is_exactly_once_whatever_happens_between(lake: Store, home: Home):
    sql = "SELECT asset, kwh, ts FROM meter WHERE ts > $since AND ts <= $until"
    job(lake, "log", f"{{name: a, sql: '{sql}', table: log_rows, mode: append}}")
    assert ran(lake, home, "log", AT).rows == 1
    assert ran(lake, home, "log", AT).rows == 0
    assert ran(lake, home, "log", AT + NS).rows == 1
    assert rows(lake, "SELECT count(*) AS n FROM log_rows") == [{"n": 2}]


def test_a_later_step_that_fails_does_not_double_an_earlier_one(lake: Store, home: Home):
    sql = "SELECT asset, kwh, ts FROM meter WHERE ts > $since AND ts <= $until"
    first = f"{{name: a, sql: '{sql}', table: first_rows, mode: append}}"
    job(lake, "two", first, "{name: b, sql: 'SELECT nothing FROM first_rows', table: second, after: [a]}")
    failed = ran(lake, home, "two", AT + NS)
    assert failed.state == "failed"
    assert "nothing" in failed.error
    job(lake, "two", first, "{name: b, sql: 'SELECT count(*) AS n FROM first_rows', table: second, after: [a]}")
    assert ran(lake, home, "two", AT + NS).state == "done"
    assert rows(lake, "SELECT n FROM second") == [{"n": 2}]


def test_upsert_by_key_and_by_day(lake: Store, home: Home):
    step = "{{name: a, sql: '{}', table: by_day, mode: upsert, key: [asset], partition: ts}}"
    job(lake, "up", step.format("SELECT asset, kwh, ts FROM meter"))
    assert ran(lake, home, "up").state == "done"
    job(lake, "up", step.format("SELECT asset, kwh * 10 AS kwh, ts + INTERVAL 1 DAY AS ts FROM meter WHERE kwh > 2"))
    assert ran(lake, home, "up").state == "done"
    assert rows(lake, "SELECT asset, kwh FROM by_day ORDER BY kwh") == [
        {"asset": "Plant/Oven", "kwh": 2.0},
        {"asset": "Plant/Mixer", "kwh": 30.0},
    ]
    frame = pl.read_delta(str(home.path / "lake" / "tables" / "by_day"))
    assert sorted(str(day) for day in frame["day"]) == ["2027-01-15", "2027-01-16"]
    job(lake, "up", step.format("SELECT asset, 1.0 AS kwh, now() AS ts FROM meter, range(2)"))
    assert "share a key" in ran(lake, home, "up").error
    assert len(rows(lake, "SELECT * FROM by_day")) == 2


def test_a_python_step_runs_apart_within_limits(lake: Store, home: Home):
    file = lake.etl.folder / "score.py"
    step = "{name: a, python: score.py, reads: {meter: 'SELECT * FROM meter'}, table: score}"
    file.write_text("import pyarrow as pa\ndef run(tables):\n    return tables['meter'].append_column('n', pa.array([1, 2]))\n")
    job(lake, "score", step, more="memory: 256MB\ntimeout: 20s\n")
    run = ran(lake, home, "score")
    assert (run.state, run.reads, run.error) == ("done", ("meter",), "")
    assert rows(lake, "SELECT n FROM score ORDER BY n") == [{"n": 1}, {"n": 2}]
    version = run.job_version
    file.write_text("def run(tables):\n    return bytearray(1 << 30)\n")
    run = ran(lake, home, "score")
    assert run.job_version != version
    assert "more memory than 256 MB" in run.error
    file.write_text("def run(tables):\n    raise ValueError('no such shift')\n")
    assert "no such shift" in ran(lake, home, "score").error
    file.write_text("def run(tables):\n    while True: pass\n")
    job(lake, "score", step, more="memory: 256MB\ntimeout: 1s\n")
    assert "longer than 1 s" in ran(lake, home, "score").error
    assert len(rows(lake, "SELECT * FROM score")) == 2


def test_a_job_reads_what_its_owner_may(lake: Store, home: Home):
    limited = Subject("bo", "bo", "person", frozenset({Role.PLANNER}), scope=("Plant/Oven",))
    lake.etl.owners = {"user:bo": limited}.get
    job(lake, "mine", "{name: a, sql: 'SELECT * FROM meter', table: mine}", owner="user:bo")
    assert ran(lake, home, "mine").rows == 1
    job(lake, "gone", "{name: a, sql: 'SELECT * FROM meter', table: gone}", owner="user:carl")
    assert "nobody any more" in ran(lake, home, "gone").error


def test_a_wrong_file_is_told_with_its_line_and_stops_no_other(lake: Store):
    job(lake, "good", "{name: a, sql: 'SELECT 1 AS n', table: good}")
    job(lake, "bad", "{name: a, sql: 'SELECT 1', tabel: x}")
    job(lake, "taken", "{name: a, sql: 'SELECT 1', table: good}")
    job(lake, "upsert", "{name: a, sql: 'SELECT 1', table: up, mode: upsert}")
    jobs, problems = lake.etl.jobs()
    assert set(jobs) == {"good"}
    told = [str(one) for one in problems]
    assert any(one.startswith("etl/bad.yaml:5") and "table" in one for one in told), told
    assert any(one.startswith("etl/taken.yaml:5") and "written by the job good" in one for one in told), told
    assert any("key" in one for one in told), told


def test_due_once_after_a_downtime_and_not_twice(lake: Store):
    job(lake, "often", "{name: a, sql: 'SELECT 1 AS n', table: often}", more="schedule: {every: 1m}\n")
    assert lake.etl.tend(AT) == 1
    assert lake.etl.tend(AT + 59 * NS) == 0
    assert lake.etl.tend(AT + 3600 * NS) == 1
    assert lake.etl.tend(AT + 3601 * NS) == 0


def test_a_daily_time_follows_daylight_saving():
    day = Schedule(at="06:00", zone="Europe/Berlin")
    winter, summer = 1774652400 * NS, 1774738800 * NS + 12 * 3600 * NS
    assert day.latest(winter) % (86_400 * NS) == 5 * 3600 * NS
    assert day.latest(summer) % (86_400 * NS) == 4 * 3600 * NS


def test_a_waiting_run_can_be_cancelled_and_is_not_asked_for_twice(lake: Store, home: Home):
    job(lake, "one", "{name: a, sql: 'SELECT 1 AS n', table: one}")
    with home.db.begin() as tx:
        run = lake.etl.ask(tx, "one", OWNER)
    with home.db.begin() as tx, pytest.raises(Conflict):
        lake.etl.ask(tx, "one", OWNER)
    with home.db.begin() as tx:
        lake.etl.cancel(tx, run.id)
    assert lake.etl.tend(0) == 0
    assert lake.etl.run(run.id).state == "cancelled"


WRITER = """
import sys
from pathlib import Path
import pyarrow as pa
from lineshaft.store.tablet import Change, Tablets
tablets = Tablets(Path(sys.argv[1]) / "lake" / "tables")
for n in range(1, 100000):
    rows = pa.table({"n": [n] * 1000, "i": list(range(1000))})
    tablets.write("whole", Change(rows, mark=("w", n)))
    print(n, flush=True)
"""


def test_a_kill_leaves_a_whole_table(tmp_path: Path):
    for acknowledged in (1, 5, 9):
        child = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        last = 0
        for _ in range(acknowledged):
            last = int(child.stdout.readline() or last)
        child.send_signal(signal.SIGKILL)
        last = max([last, *(int(line) for line in child.stdout.read().splitlines() if line)])
        child.wait()
        child.stdout.close()
        table = DeltaTable(str(tmp_path / "lake" / "tables" / "whole")).to_pyarrow_table()
        assert table.num_rows == 1000
        assert len(set(table["n"].to_pylist())) == 1
        assert table["n"][0].as_py() >= last
