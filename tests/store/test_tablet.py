"""Named tables of the lake: small files are joined, what is over is deleted, and every reader sees the same rows throughout."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from lineshaft.store import Change, Tablets

LATER = 2**62


@pytest.fixture
def tables(tmp_path: Path) -> Tablets:
    return Tablets(tmp_path / "lake" / "tables")


def rows(start: int, n: int = 3) -> pa.Table:
    numbers = list(range(start, start + n))
    times = pa.array([one * 1_000_000 for one in numbers], pa.timestamp("us", "UTC"))
    return pa.table({"n": numbers, "at": times, "name": [f"row {one}" for one in numbers]})


def outside(tables: Tablets, name: str = "t") -> list[int]:
    return sorted(DeltaTable(str(tables.root / name)).to_pyarrow_table()["n"].to_pylist())


def here(tables: Tablets, name: str = "t") -> list[int]:
    import duckdb

    with duckdb.connect(":memory:") as engine:
        return sorted(row[0] for row in engine.execute(f"select n from {tables.source(name)}").fetchall())


def test_many_small_files_become_one_and_no_row_changes(tables: Tablets):
    for step in range(20):
        tables.write("t", Change(rows(step * 3), "append", mark=("job", step)))
    assert tables.compact("t") == 20
    assert len(tables.get("t").pieces) == 1
    assert here(tables) == outside(tables) == list(range(60))
    assert tables.get("t").marks == {"job": 19}
    assert tables.compact("t") == 0
    tables.write("t", Change(rows(60), "append", mark=("job", 20)))
    assert Tablets(tables.root).get("t") == tables.get("t")


def test_the_days_of_a_table_are_joined_each_for_itself(tables: Tablets):
    day = 86_400
    for step in range(10):
        tables.write("t", Change(pa.concat_tables([rows(step), rows(day + step, 1)]), "append", day="at"))
    assert tables.compact("t") == 20
    assert sorted(piece.day or "" for piece in tables.get("t").pieces.values()) == ["1970-01-01", "1970-01-02"]
    assert here(tables) == outside(tables)
    assert len(here(tables)) == 40


def test_what_is_over_is_deleted_and_the_log_begins_at_its_checkpoint(tables: Tablets):
    for step in range(130):
        tables.write("t", Change(rows(step, 1), "append", mark=("job", step)))
    before = len(list((tables.root / "t" / "_delta_log").glob("0*.json")))
    tables.tidy(0)  # nothing is that old
    assert len(list((tables.root / "t" / "_delta_log").glob("0*.json"))) >= before
    tables.tidy(LATER)
    log = sorted(path.name for path in (tables.root / "t" / "_delta_log").glob("0*.json"))
    assert int(log[0][:20]) == 100
    named = {piece.name for piece in tables.get("t").pieces.values()}
    assert {path.name for path in (tables.root / "t").glob("*.parquet")} == named
    fresh = Tablets(tables.root)
    assert fresh.get("t") == tables.get("t")
    assert here(fresh) == outside(fresh) == list(range(130))
    fresh.write("t", Change(rows(130, 1), "append", mark=("job", 130)))
    assert here(fresh) == outside(fresh) == list(range(131))
    assert fresh.write("t", Change(rows(999, 1), "append", mark=("job", 130))) == fresh.get("t")  # that was written before


def test_files_stay_as_long_as_somebody_may_look_back(tables: Tablets):
    for step in range(9):
        tables.write("t", Change(rows(step, 1), "append"))
    old = list((tables.root / "t").glob("*.parquet"))
    for path in old[:4]:
        os.utime(path, (1, 1))
    tables.tidy(2_000_000_000)
    assert sum(path.exists() for path in old) == 5
    assert outside(tables) == list(range(9))


def test_rows_whose_time_is_over_go_but_for_those_that_are_kept(tables: Tablets):
    tables.write("t", Change(rows(0, 5), "append"))
    tables.write("t", Change(rows(5, 5), "append"))
    tables.write("t", Change(rows(90, 5), "append"))
    assert tables.expire("t", "at", 92_000_000_000, "name", ["row 3", "row 91"]) == 10
    assert here(tables) == outside(tables) == [3, 91, 92, 93, 94]
    assert tables.expire("t", "at", 92_000_000_000, "name", ["row 3", "row 91"]) == 0


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose table was written a hundred and one times."""
    home = tmp_path_factory.mktemp("busy")
    made = Tablets(home / "lake" / "tables")
    for step in range(101):
        made.write("t", Change(rows(step, 1), "append", mark=("job", step)))
    return home


@pytest.mark.parametrize("stop", [0, 1, 2, 5, 40])
def test_tidying_up_may_stop_anywhere(busy: Path, tables: Tablets, monkeypatch: pytest.MonkeyPatch, stop: int):
    """Whatever the node was doing when it was killed - writing, noting its state, deleting - every row is there once."""
    shutil.copytree(busy / "lake", tables.root.parent)
    done = 0

    def stopping(really):
        def call(*args, **kwargs):
            nonlocal done
            done += 1
            if done > stop:
                raise OSError("killed")
            return really(*args, **kwargs)

        return call

    with monkeypatch.context() as patched:
        for where, name in ((Path, "unlink"), (os, "link"), (Path, "replace")):
            patched.setattr(where, name, stopping(getattr(where, name)))
        with contextlib.suppress(OSError):
            tables.tidy(LATER)
    again = Tablets(tables.root)
    assert here(again) == outside(again) == list(range(101))
    again.write("t", Change(rows(101, 1), "append", mark=("job", 101)))
    again.tidy(LATER)
    assert here(again) == outside(again) == list(range(102))
    assert again.get("t").marks == {"job": 101}
