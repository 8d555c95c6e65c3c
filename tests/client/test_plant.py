"""A script's view of a plant: tables over the real REST door, whole however many pages, and errors that help."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import polars as pl
import pytest

from lineshaft.client import RemotePlant, connect
from lineshaft.client.plant import moment
from lineshaft.core import NS, ConfigError, Forbidden, InvalidInput, NotAuthenticated, NotFound, now_ns
from tests.doors.conftest import OVEN, PUMP, House, make_house

FLOW, STATE = f"{PUMP}/Flow", f"{OVEN}/State"
BASE = now_ns() // (10 * NS) * 10 * NS - 3600 * NS


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    for made in make_house(tmp_path_factory.mktemp("house")):
        made.values([("ns=2;s=Coolant pump/Flow", 100.0 + n, BASE + n * NS) for n in range(100)])
        made.values([("ns=2;s=Oven/State", 1 + n % 4, BASE + n * 10 * NS) for n in range(10)])
        yield made


def plant_of(house: House, role: str = "admin") -> RemotePlant:
    return connect(str(house.client.base_url), house.secrets[role])


def test_history_is_one_call_and_whole_over_its_pages(house: House):
    plant = plant_of(house)
    table = plant.history(FLOW, BASE - 1, BASE + 100 * NS)
    assert table.column_names == ["timestamp", "value", "quality"]
    assert table["value"].to_pylist() == [100.0 + n for n in range(100)]
    pages: list[Any] = list(plant.pages(FLOW, BASE - 1, BASE + 100 * NS, size=30))
    assert [len(page) for page in pages] == [30, 30, 30, 10]
    assert sum(page["value"].to_pylist()[0] for page in pages) == 100 + 130 + 160 + 190


def test_several_properties_come_in_one_long_table(house: House):
    told: list[int] = []
    table = plant_of(house).history([FLOW, STATE], BASE - 1, BASE + 100 * NS, progress=told.append)
    assert table.column_names == ["property", "timestamp", "value", "quality"]
    assert table.group_by("property").aggregate([("value", "count")]).to_pylist() == [
        {"property": FLOW, "value_count": 100},
        {"property": STATE, "value_count": 10},
    ]
    assert told == [100, 110]


def test_polars_and_pandas_get_the_same_rows(house: House):
    plant = plant_of(house)
    frame = plant.history(FLOW, BASE - 1, BASE + 100 * NS, into="polars")
    assert isinstance(frame, pl.DataFrame)
    assert frame["value"].sum() == sum(100.0 + n for n in range(100))
    panda = plant.history(FLOW, BASE - 1, BASE + 100 * NS, into="pandas")
    assert isinstance(panda, pd.DataFrame)
    assert panda["timestamp"].iloc[0] == pd.Timestamp(BASE, unit="ns", tz="UTC")
    with pytest.raises(InvalidInput, match="'excel' is no kind of table"):
        plant.history(FLOW, BASE, into="excel")  # type: ignore[arg-type]


def test_newest_values_windows_figures_and_sql(house: House):
    plant = plant_of(house)
    latest = plant.latest([FLOW, STATE, f"{OVEN}/Power"])
    assert latest["property"].to_pylist() == [FLOW, STATE, f"{OVEN}/Power"]
    assert latest["value"].to_pylist() == [199.0, 2.0, None]
    windows = plant.aggregates(FLOW, "10s", BASE - 10 * NS, BASE + 100 * NS)
    assert sum(windows["count"].to_pylist()) == 100
    assert plant.sql(f"SELECT count(*) AS n FROM samples WHERE property = '{FLOW}'")["n"].to_pylist() == [100]
    assert set(plant.oee(OVEN, BASE, BASE + 100 * NS)) >= {"availability", "oee", "elements"}
    assert FLOW in plant.properties(PUMP)
    assert plant.assets(under="Bakery/Line 1/Cooler") == [PUMP.rpartition("/")[0], PUMP]


def test_between_the_recorded_values(house: House):
    plant = plant_of(house)
    held = plant.interpolated(FLOW, "500ms", BASE, BASE + 3 * NS)
    assert held["value"].to_pylist() == [100.5, 101.0, 101.5, 102.0, 102.5, 103.0]
    mean = plant.time_weighted(FLOW, "2s", BASE, BASE + 4 * NS)
    assert (mean["average"].to_pylist(), mean["coverage"].to_pylist()) == ([100.5, 102.5], [1.0, 1.0])
    (row,) = house.get(f"time-weighted?property={FLOW}&window=1h&start={BASE - 7200 * NS}&end={BASE - 3600 * NS}")["rows"]
    assert (row["average"], row["coverage"]) == (None, 0.0)


def test_errors_say_what_and_how_to_mend_it(house: House):
    plant = plant_of(house)
    with pytest.raises(NotFound, match="did you mean"):
        plant.history(f"{PUMP}/Flwo", BASE)
    with pytest.raises(Forbidden):
        plant_of(house, "elsewhere").history(FLOW, BASE)
    with pytest.raises(Forbidden):
        plant_of(house, "operator").sql("SELECT 1")
    with pytest.raises(NotAuthenticated, match="LINESHAFT_TOKEN"):
        connect(str(house.client.base_url), "").history(FLOW, BASE)
    with pytest.raises(ConfigError, match="no node answers"):
        connect("http://127.0.0.1:9", "x").history(FLOW, BASE)
    with pytest.raises(ConfigError, match="not the address"):
        connect("plant.example", "x")


def test_moments():
    at = datetime(2026, 1, 1, 6, tzinfo=UTC)
    assert moment(at) == moment("2026-01-01T06:00:00Z") == moment(moment(at))
    exact: Any = pd.Timestamp("2026-01-01T06:00:00.000000123Z")
    assert moment(exact) == moment(at) + 123
    assert abs(moment(timedelta(hours=8)) - (now_ns() - 8 * 3600 * NS)) < 60 * NS
    with pytest.raises(InvalidInput, match="no time zone"):
        moment(datetime(2026, 1, 1))  # noqa: DTZ001 - that is the test


def test_many_properties_as_they_were_at_a_time(house: House):
    plant = plant_of(house)
    at = BASE + 50 * NS + 1
    table = plant.as_of([FLOW, STATE, f"{OVEN}/IdealCycle", f"{PUMP}/Vibration"], at)
    assert table["property"].to_pylist() == [FLOW, STATE, f"{OVEN}/IdealCycle", f"{PUMP}/Vibration"]
    assert table["value"].to_pylist()[:2] == [150.0, 2.0]
    assert table["value"].to_pylist()[3] is None
    assert plant.as_of(FLOW, BASE + 500 * NS, look_back="5m")["value"].to_pylist() == [None]
    assert plant.as_of(FLOW, BASE + 500 * NS, look_back="10m")["value"].to_pylist() == [199.0]
    got = house.get(f"as-of?property={FLOW}&property={STATE}&at={at}")["items"]
    assert [one["value"] for one in got] == [150.0, 2]
    newest = house.get(f"history?property={FLOW}&start={BASE - 1}&end={BASE + 100 * NS}&descending=true&limit=3")
    assert [row["value"] for row in newest["rows"]] == [199.0, 198.0, 197.0]
    older = house.get(f"history?property={FLOW}&start={BASE - 1}&end={BASE + 100 * NS}&descending=true&after={newest['next']}")
    assert [row["value"] for row in older["rows"]][:2] == [196.0, 195.0]
    assert len(older["rows"]) == 97
