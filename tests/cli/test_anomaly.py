"""`lineshaft anomaly` against a real door: planned, a version taken in, used, changed; labels and scores as files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from lineshaft.cli.anomaly import anomaly
from lineshaft.cli.condition import condition
from lineshaft.core import NS, InvalidInput, NotFound, iso, now_ns
from lineshaft.detect.anomaly import fit, load
from tests.doors.conftest import PUMP, House, make_house

SENSORS = ("Flow", "Vibration", "BearingTemperature")
MINUTE = 60 * NS


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    yield from make_house(tmp_path_factory.mktemp("anomaly"))


@pytest.fixture
def typed(house: House):
    def run(*words: str, group=anomaly) -> str:
        at = ("--url", str(house.client.base_url), "--token", house.secrets["engineer"])
        result = CliRunner().invoke(group, [words[0], *at, *words[1:]], standalone_mode=False)
        if result.exception is not None:
            raise result.exception
        return result.stdout

    return run


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    chance = np.random.default_rng(1)
    load_ = 60 + 15 * np.sin(np.arange(2000) / 37)
    table = {name: load_ * gain + chance.normal(0, gain, 2000) for name, gain in zip(SENSORS, (1, 0.02, 0.5), strict=True)}
    start = (now_ns() // MINUTE - 2000) * MINUTE
    made = fit({"time": start + MINUTE * np.arange(2000, dtype=np.int64), **table})
    return made.save(tmp_path_factory.mktemp("saved") / "pump.model")


def test_a_model_from_plan_to_work_and_out_again(house: House, typed, saved: Path, tmp_path: Path):
    properties = [word for one in SENSORS for word in ("--property", f"{PUMP}/{one}")]
    said = typed("plan", PUMP, "--name", "pump", *properties, "--retrain", "30d", "--delay", "10m", "--off", f"`{PUMP}/Flow` < 1")
    assert said.startswith("pump: 3 properties")
    assert typed("take", "pump", str(saved)).startswith("version 1 of pump is there")
    assert typed("use", "pump", "1", "shadow") == "version 1 of pump: shadow\n"
    assert typed("list").startswith("pump  shadow 1")
    assert typed("change", "pump", "--retrain", "60d", "--lookback", "180d") == (
        "pump: looks back 180 days, trained again every 60 days, waits 10 min\n"
    )
    with pytest.raises(NotFound, match="there is no model 'pmp'"):
        typed("use", "pmp", "1", "off")
    house.values([(f"ns=2;s=Coolant pump/{one}", 50.0, now_ns() - 60 * NS) for one in SENSORS])
    typed("table", "pump", str(tmp_path / "scores.jsonl"), "--start", iso(now_ns() - 600 * NS))
    lines = [json.loads(line) for line in (tmp_path / "scores.jsonl").read_text().splitlines()]
    assert {"timestamp", "prediction", "prediction_reason"} <= set(lines[-1])
    typed("save", "pump", str(tmp_path / "again.model"))
    assert load(tmp_path / "again.model").sensors == tuple(f"{PUMP}/{one}" for one in SENSORS)
    with pytest.raises(InvalidInput, match="too few"):
        typed("look", PUMP, "--lookback", "10m")
    with pytest.raises(InvalidInput, match="the end is not after the start"):
        typed("train", "pump", "--start", "2026-01-02T00:00:00Z", "--end", "2026-01-01T00:00:00Z")
    assert typed("look", PUMP, "--lookback", "1d").startswith("sensors ")
    evidence = {"start": iso(now_ns() - 3600 * NS), "end": iso(now_ns() - 1800 * NS)}
    house.post("findings", {"asset": PUMP, "kind": "drift", "score": 0.8, "evidence": evidence})
    assert "\n! a finding that nobody has judged lies in this time (" in typed("look", PUMP, "--lookback", "1d")
    assert typed("train", "pump").startswith("! a finding that nobody has judged lies in this time (")


def test_labels_of_a_file(typed, tmp_path: Path):
    file = tmp_path / "labels.csv"
    file.write_text("2026-01-01T00:00:00,2026-01-02T00:00:00\n")
    with pytest.raises(InvalidInput, match="has no time zone"):
        typed("labels", str(file), "--asset", PUMP)
    at = ("--asset", PUMP, "--timezone", "UTC")
    assert typed("labels", str(file), *at, "--dry-run") == "1 new, 0 there already, nothing written\n"
    assert typed("labels", str(file), *at) == "1 new, 0 there already\n"
    written = typed("labels")
    assert written.splitlines()[1] == f"{PUMP},2026-01-01T00:00:00Z,2026-01-02T00:00:00Z,anomaly,,"


def test_positions_of_a_table_and_a_reading_now(house: House, typed, tmp_path: Path):
    file = tmp_path / "positions.csv"
    file.write_text(f"asset,name,vibration,power_kw,rpm\n{PUMP},Drive end,{PUMP}/Vibration,3,1450\n")
    assert typed("commission", str(file), "--dry-run", group=condition).endswith("1 new, 0 there already, nothing written\n")
    assert typed("commission", str(file), group=condition) == f"+ {PUMP}/Drive end\n1 new, 0 there already\n"
    file.write_text(typed("table", group=condition))
    assert typed("commission", str(file), group=condition) == "0 new, 1 there already\n"
    house.values([("ns=2;s=Coolant pump/Vibration", 6.0, now_ns())])
    assert typed("measure", f"{PUMP}/Drive end", group=condition).startswith("6 mm/s, zone D\n")
    file.write_text("asset,name\nBakery/Oven,x\n")
    assert "line 2: " in typed("commission", str(file), "--dry-run", group=condition)
