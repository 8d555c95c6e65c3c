"""Years of an older historian, taken in from its files: complete, once, whatever the file looks like."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lineshaft.assets import Assets
from lineshaft.core import Bus, ConfigError, Retryable, parse_time
from lineshaft.store import Aim, Reading, Store, Tag
from lineshaft.store.flush import Keeper
from tests.store.conftest import Home
from tests.store.giving import DAY, SECOND, T0, give, plain


def table(tags: int, rows: int, start: int = T0, step: int = SECOND) -> pa.Table:
    """A long table in the order of time."""
    ts = np.repeat(start + np.arange(rows) * step, tags)
    names = pa.DictionaryArray.from_arrays(pa.array(np.tile(np.arange(tags), rows), pa.int32()), [f"t{n}" for n in range(tags)])
    stamps = pa.array(ts).cast(pa.timestamp("ns", "UTC"))
    return pa.table({"time": stamps, "tag": names, "value": np.arange(tags * rows, dtype=float)})


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def errors(path: Path) -> list[tuple[int, str]]:
    with path.with_name(f"{path.name}.errors.csv").open(encoding="utf-8") as file:
        return [(int(row["line"]), row["reason"]) for row in csv.DictReader(file)]


def values(store: Store, tag: str, source: str = "import") -> list[tuple[object, ...]]:
    return plain(store.history(Tag(source, tag), 0, T0 + 400 * DAY))


def test_a_parquet_file_is_there_once_and_after_a_restart(home: Home, tmp_path: Path):
    file = tmp_path / "old.parquet"
    pq.write_table(table(3, 5000, step=60 * SECOND), file)
    done = home.store().imports.take(file, Reading(), Aim())
    assert (done.total, done.stored, done.refused, done.finished) == (15_000, 15_000, 0, True)
    store = home.crash().store()
    assert store.imports.take(file, Reading(), Aim()).again
    found = values(store, "t1")
    assert len(found) == 5000
    assert found[-1] == (T0 + 4999 * 60 * SECOND, 14_998.0, 0)
    assert (newest := store.latest([Tag("import", "t1")])[0]) is not None
    assert newest.value == 14_998.0
    assert [(row.stored, row.balance) for row in store.ledger()] == [(5000, 0)] * 3
    assert not file.with_name("old.parquet.errors.csv").exists()
    assert not list((home.path / "lake" / "late").glob("**/*.parquet"))


def test_history_below_what_the_node_measured_is_joined_to_it(home: Home, tmp_path: Path):
    store = home.store()
    give(store, 1, [("t0", T0 + 2 * DAY, 7.0), ("t0", T0 + DAY + 5 * SECOND, -1.0)], source="import")
    store.flush()
    file = tmp_path / "old.parquet"
    pq.write_table(table(1, 100, T0), file)
    store.imports.take(file, Reading(), Aim())
    assert not list((home.path / "lake" / "late").glob("**/*.parquet"))  # no file had these days
    again = tmp_path / "corrected.parquet"
    pq.write_table(table(1, 10, T0 + DAY), again)
    store.imports.take(again, Reading(), Aim())
    found = values(store, "t0")
    assert len(found) == 111
    assert (T0 + DAY + 5 * SECOND, 5.0, 0) in found  # the last arrival of a key wins
    assert store.compact()
    assert values(store, "t0") == found
    assert store.latest([Tag("import", "t0")])[0].value == 7.0  # type: ignore[union-attr]


def test_a_stopped_import_goes_on_where_it_was(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("lineshaft.store.bulk.PIECE", 2000)
    file = tmp_path / "old.parquet"
    pq.write_table(table(2, 5000, step=60 * SECOND), file)
    done: list[int] = []

    def stop(so_far: int, _of: int) -> None:
        done.append(so_far)
        if len(done) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        home.store().imports.take(file, Reading(), Aim(), progress=stop)
    store = home.crash().store()
    more: list[int] = []
    state = store.imports.take(file, Reading(), Aim(), progress=lambda n, _of: more.append(n))
    assert (state.stored, state.finished) == (10_000, True)
    assert more[0] > done[-1]
    assert len(values(store, "t0")) == len(values(store, "t1")) == 5000


def test_a_cut_between_commit_and_note_repeats_a_piece_and_doubles_nothing(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def cut(*_: object) -> None:
        raise RuntimeError

    file = tmp_path / "old.parquet"
    pq.write_table(table(2, 500), file)
    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(Keeper, "_trim", cut)
        home.store().imports.take(file, Reading(), Aim())
    store = home.crash().store()
    store.imports.take(file, Reading(), Aim())
    assert len(values(store, "t0")) == 500
    store.compact()
    assert len(values(store, "t1")) == 500


def test_csv_lines_that_cannot_be_read_are_named(home: Home, tmp_path: Path):
    file = written(
        tmp_path / "old.csv",
        "time;tag;value;quality\n"
        "2026-01-01T00:00:00Z;a;1.5;good\n"
        "yesterday;a;1;good\n"
        "2026-01-01T00:00:01.123456789+01:00;a;2;BAD\n"
        "2026-01-01T00:00:02Z;a\n"
        "\n"
        "2026-01-01T00:00:03Z;;3;good\n"
        "2026-01-01T00:00:04Z;a;4;fine\n"
        "2100-01-01T00:00:04Z;a;4;good\n"
        "1767225605;b;true;\n",
    )
    done = home.store().imports.take(file, Reading(), Aim())
    assert done.rejected == {"time": 1, "fields": 1, "name": 1, "quality": 1, "future": 1}
    assert (done.total, done.stored, done.refused) == (8, 3, 5)
    assert sorted(errors(file)) == [(3, "time"), (5, "fields"), (7, "name"), (8, "quality"), (9, "future")]
    store = home.crash().store()
    assert values(store, "a") == [(T0 - 3600 * SECOND + 1_123_456_789, 2.0, 2), (T0, 1.5, 0)]
    assert values(store, "b") == [(T0 + 5 * SECOND, True, 0)]


def test_local_times_need_their_zone(store: Store, tmp_path: Path):
    file = written(tmp_path / "old.csv", "time,tag,value\n2026-03-29 01:30:00,a,1\n2026-03-29 03:30:00,a,2\n")
    with pytest.raises(ConfigError, match="local time"):
        store.imports.take(file, Reading(), Aim())
    store.imports.take(file, Reading(timezone="Europe/Berlin"), Aim())
    assert [ts for ts, _, _ in values(store, "a")] == [parse_time("2026-03-29T00:30:00Z"), parse_time("2026-03-29T01:30:00Z")]
    naive = tmp_path / "naive.parquet"
    pq.write_table(pa.table({"time": pa.array([T0 + 7]).cast(pa.timestamp("ns")), "tag": ["n"], "value": [1]}), naive)
    with pytest.raises(ConfigError, match="local time"):
        store.imports.take(naive, Reading(), Aim())
    store.imports.take(naive, Reading(timezone="Europe/Berlin"), Aim())
    assert values(store, "n") == [(T0 + 7 - 3600 * SECOND, 1, 0)]


def test_a_wide_table_is_a_series_a_column(store: Store, tmp_path: Path):
    file = written(tmp_path / "wide.csv", "ts,temperature,running,code\n1767225600000,20.5,true,007\n1767225601000,,false,008\n")
    assert store.imports.take(file, Reading(layout="wide"), Aim("plc")).stored == 5
    assert values(store, "temperature", "plc") == [(T0, 20.5, 0)]
    assert [v for _, v, _ in values(store, "running", "plc")] == [True, False]
    assert [v for _, v, _ in values(store, "code", "plc")] == ["007", "008"]
    typed = tmp_path / "wide.parquet"
    at = pa.array([T0, T0 + SECOND]).cast(pa.timestamp("ns", "UTC"))
    pq.write_table(pa.table({"ts": at, "x": [1.5, None], "n": [1, 2], "name": ["a", "b"]}), typed)
    assert store.imports.take(typed, Reading(layout="wide"), Aim("w")).stored == 5
    assert values(store, "x", "w") == [(T0, 1.5, 0)]


def test_the_bulk_import_layout_of_sitewise(store: Store, tmp_path: Path):
    file = written(
        tmp_path / "bulk.csv",
        "/plant/oven/temperature,DOUBLE,1767225600,500,GOOD,180.5\n"
        "/plant/oven/state,INTEGER,1767225600,0,UNCERTAIN,1\n"
        "/plant/oven/on,BOOLEAN,1767225600,0,GOOD,true\n"
        "/plant/oven/recipe,STRING,1767225600,0,GOOD,007\n"
        "/plant/oven/state,INTEGER,1767225601,0,GOOD,none\n"
        "/plant/oven/state,FLOAT,1767225602,0,GOOD,1\n",
    )
    done = store.imports.take(file, Reading(layout="sitewise"), Aim("sitewise"))
    assert (done.stored, done.rejected) == (4, {"value": 2})
    assert errors(file) == [(5, "value"), (6, "value")]
    assert values(store, "/plant/oven/temperature", "sitewise") == [(T0 + 500, 180.5, 0)]
    assert values(store, "/plant/oven/state", "sitewise") == [(T0, 1, 1)]
    assert values(store, "/plant/oven/recipe", "sitewise") == [(T0, "007", 0)]


def test_properties_of_the_plant_by_asset_and_name(home: Home, tmp_path: Path):
    models = tmp_path / "config" / "models"
    models.mkdir(parents=True)
    written(
        models / "oven.yaml",
        "model: Oven\nversion: 1\nproperties:\n  - {name: Temperature, kind: measurement, type: double, unit: degC}\n",
    )
    oven = "{name: Oven, model: Oven, level: machine, source: plc, tag_prefix: 'oven.'}"
    written(models.parent / "plant.yaml", f"assets:\n  - name: Site\n    level: site\n    children: [{oven}]\n")
    assets = Assets(home.db, Bus())
    assert not assets.load(models.parent).problems
    store = home.store(assets)
    file = written(
        tmp_path / "old.csv",
        "time,asset,tag,value\n2026-01-01T00:00:00Z,Site/Oven,Temperature,180\n2026-01-01T00:00:00Z,Site/Oven,Pressure,1\n",
    )
    done = store.imports.take(file, Reading(tag=("asset", "tag")), Aim(properties=True))
    assert (done.stored, done.rejected) == (1, {"unknown": 1})
    assert errors(file) == [(3, "unknown")]
    assert plain(store.history("Site/Oven/Temperature", 0, T0 + DAY)) == [(T0, 180.0, 0)]


def test_a_lake_that_cannot_be_written_stops_the_import_and_says_so(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    file = tmp_path / "old.parquet"
    pq.write_table(table(1, 10), file)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(Retryable):
        patch.setattr("lineshaft.store.lake.Sheet", full)
        store.imports.take(file, Reading(), Aim())
    assert store.imports.take(file, Reading(), Aim()).stored == 10
    assert len(values(store, "t0")) == 10


@pytest.mark.parametrize(
    ("reading", "what"),
    [(Reading(value="nothing"), "no column 'nothing'"), (Reading(layout="sitewise"), "bulk import")],
)
def test_a_wrong_description_is_told(store: Store, tmp_path: Path, reading: Reading, what: str):
    file = tmp_path / "old.parquet"
    pq.write_table(table(1, 10), file)
    with pytest.raises(ConfigError, match=what):
        store.imports.take(file, reading, Aim())
    with pytest.raises(ConfigError, match="time zone"):
        Reading(timezone="Berlin")
