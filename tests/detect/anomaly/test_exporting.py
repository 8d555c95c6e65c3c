"""A model as ONNX gives the scores of the plant: states, an off condition, start-up, gaps, unknown regimes, a restart."""

from __future__ import annotations

import json
import zipfile
from io import BytesIO

import numpy as np
import pytest

from lineshaft.connect.edge.exported import Exported
from lineshaft.core import InvalidInput
from lineshaft.detect import anomaly

from .conftest import DRIVERS, machine


def hard(rows: int, start: int = 0, *, new: bool = False) -> dict:
    """Return a machine with a recipe, stops, random losses, sensors away for hours, and an anomaly near the end."""
    table = machine(rows, start=start, fault=(rows // 2, "sensor 4", 6.0) if start else None)
    chance = np.random.default_rng(start + 1)
    recipe = np.where((np.arange(rows) + start) % 400 < 200, "bread", "roll").astype(object)
    table["sensor 3"] = table["sensor 3"] + np.where(recipe == "roll", 8.0, 0.0)
    table["current"] = np.where((np.arange(rows) // 500) % 5 == 4, 0.0, 12.0) + chance.normal(0, 0.1, rows)
    for name in list(table)[1:]:
        table[name] = table[name].copy()
        table[name][chance.random(rows) < 0.02] = np.nan
        if start:
            first = int(chance.integers(0, rows - 300))
            table[name][first : first + 200] = np.nan
    if new:
        recipe[100:160] = "cake"
        recipe[300:310] = None
    return {**table, "recipe": recipe}


@pytest.fixture(scope="module", params=["gaussian", "univariate"])
def model(request) -> anomaly.Model:
    settings = {"drivers": [*DRIVERS], "states": ["recipe"], "ignore": ["current"], "off": "current < 5 or not (current <= 1000)"}
    return anomaly.fit(hard(6000), detector=request.param, start_up="15m", **settings)


def times(table) -> np.ndarray:
    return table["time"].astype("datetime64[ns]").astype(np.int64)


def test_scores_and_shares_are_those_of_the_plant(model):
    later = hard(4000, 6000, new=True)
    said = model.follow().take(later)
    follower = Exported.load(model.export()).follow()
    score, reason = follower.take(times(later), later)
    assert {"off", "unknown_regime", "normal"} <= set(reason)
    assert np.isnan(said.score).sum() > 400
    np.testing.assert_allclose(score, said.score, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(follower.shares, said.shares, atol=1e-5)
    unjudged = np.isnan(said.score)
    assert np.array(reason)[unjudged].tolist() == said.reason[unjudged].tolist()


def test_rows_in_pieces_and_over_a_restart_are_rows_together(model):
    later = hard(900, 6000)
    exported = Exported.load(model.export())
    whole, _ = exported.follow().take(times(later), later)
    one, found = exported.follow(), []
    for start, end in ((0, 1), (1, 333), (333, 900)):
        part = {name: values[start:end] for name, values in later.items()}
        found.append(one.take(times(part), part)[0])
        remembered = json.loads(json.dumps(one.state()))
        one = Exported.load(model.export()).follow()
        one.restore(remembered)
    np.testing.assert_allclose(np.concatenate(found), whole, rtol=1e-9)


def test_a_reset_begins_the_charts_anew_and_a_missing_column_is_no_accident(model):
    later = hard(900, 6000)
    follower = Exported.load(model.export()).follow()
    follower.take(times(later), later)
    assert follower.state()["memory"]["means"] != [0.0] * len(follower.state()["memory"]["means"])
    follower.reset()
    assert set(follower.state()["memory"]["means"]) == {0.0}
    del later["sensor 2"]
    score, _ = follower.take(times(later) + 10**15, later)
    assert np.isfinite(score).any()


def test_a_value_that_is_sent_on_change_holds_longer(model):
    hour = 3600 * 10**9
    later = machine(300, start=6000)
    later["current"], later["recipe"] = np.full(300, np.nan), np.full(300, None, object)
    later["current"][0], later["recipe"][0] = 12.0, "bread"
    _, short = Exported.load(model.export()).follow().take(times(later), later)
    _, held = Exported.load(model.export(holds={"current": 10 * hour, "recipe": 10 * hour})).follow().take(times(later), later)
    assert "bad_data" in short
    assert "bad_data" not in held


def test_the_file_says_what_it_is_and_what_is_none_is_refused(model):
    with zipfile.ZipFile(BytesIO(model.export("pump", 3))) as file:
        manifest = json.loads(file.read("manifest.json"))
    assert (manifest["name"], manifest["version"], manifest["every_s"]) == ("pump", 3, 60)
    assert manifest["inputs"][-2:] == ["recipe", "current"]
    with pytest.raises(InvalidInput, match="not an exported model"):
        Exported.load(b"PK nothing")


def test_an_off_condition_without_words_in_onnx_is_refused():
    model = anomaly.fit(hard(3000), drivers=DRIVERS, states=["recipe"], off="sqrt(current) < 2")
    with pytest.raises(InvalidInput, match="off condition") as told:
        model.export()
    assert "property computed by the plant" in told.value.hint


def same_alerts(plant, edge):
    """Compare the plant's last alert with the edge's."""
    last = edge.alerts.last
    assert edge.alerts.raised == len(plant.alerts) > 0
    one = plant.alerts[-1]
    assert (last.start, last.end, last.peak_at) == (one.start, one.end, one.peak_at)
    assert last.peak == pytest.approx(one.peak, rel=1e-6)
    assert [name for name, _ in last.sensors] == [name for name, _ in one.sensors]
    assert [share for _, share in last.sensors] == pytest.approx([share for _, share in one.sensors], abs=1e-5)


def test_alerts_are_those_of_the_plant_also_over_a_restart_and_a_repair(model):
    later = hard(4000, 6000, new=True)
    repaired = int(times(later)[3200])
    said = model.follow().take(later, resets=[repaired])
    exported = Exported.load(model.export())
    follower, reasons = exported.follow(), []
    for start, end in ((0, 999), (999, 1000), (1000, 2600), (2600, 3201), (3201, 4000)):
        reasons += follower.take(times(later)[start:end], {name: values[start:end] for name, values in later.items()})[1]
        remembered = json.loads(json.dumps(follower.state()))
        follower = exported.follow()
        follower.restore(remembered)
        if end == 3201:
            follower.reset(repaired)
    assert reasons == said.reason.tolist()
    if model.settings.detector == "gaussian":
        assert "anomaly" in reasons
        same_alerts(said, follower)


@pytest.fixture(scope="module")
def boosted() -> anomaly.Model:
    options = {"least_rows": 500, "trees": 15, "leaves": 8}
    settings = {"drivers": [*DRIVERS], "states": ["recipe"], "ignore": ["current"], "off": "current < 5"}
    return anomaly.fit(hard(4000), detector="boosted", options=options, **settings)


def test_boosted_trees_give_the_plants_scores(boosted):
    later = hard(1500, 6000, new=True)
    said = boosted.follow().take(later)
    follower = Exported.load(boosted.export()).follow()
    score, reason = follower.take(times(later), later)
    np.testing.assert_allclose(score, said.score, atol=1e-6)
    np.testing.assert_allclose(follower.shares, said.shares, atol=1e-5)
    assert reason == said.reason.tolist()
    assert np.isnan(np.column_stack([later[name] for name in boosted.sensors])).mean() > 0.02


def test_boosted_trees_met_by_missing_values_training_never_saw(boosted):
    whole = machine(3000)
    model = anomaly.fit(
        whole, drivers=DRIVERS, detector="boosted", options={"least_rows": 500, "trees": 15, "leaves": 8, "hidden": 0.0}
    )
    later = hard(900, 6000)
    del later["recipe"], later["current"]
    said = model.follow().take(later)
    score, _ = Exported.load(model.export()).follow().take(times(later), later)
    np.testing.assert_allclose(score, said.score, atol=1e-6)


TEXTS = [
    "mode == 'idle'",
    "mode != 'run' or current < 5",
    "not ('run' == mode) and recipe != 'none'",
    "recipe == 'clean' or mode == 'idle' and current < 20",
]


@pytest.mark.parametrize("off", [*TEXTS[2:], *(pytest.param(off, marks=pytest.mark.slow) for off in TEXTS[:2])])
@pytest.mark.parametrize("role", [pytest.param("ignore", marks=pytest.mark.slow), "states"])
def test_an_off_condition_may_compare_texts(off, role):
    def told(rows, start):
        table = hard(rows, start, new=bool(start))
        mode = np.where(np.nan_to_num(table["current"], nan=12.0) < 5, "idle", "run").astype(object)
        mode[50:60] = None
        return {**table, "mode": mode}

    roles = {
        "states": ["recipe", *(["mode"] if role == "states" else [])],
        "ignore": ["current", *(["mode"] * (role == "ignore"))],
    }
    model = anomaly.fit(told(6000, 0), drivers=DRIVERS, off=off, start_up="15m", **roles)
    later = told(2600, 6000)
    later["mode"][700:720] = "maintenance"
    said = model.follow().take(later)
    score, reason = Exported.load(model.export()).follow().take(times(later), later)
    assert {"off", "normal"} <= set(reason)
    assert reason == said.reason.tolist()
    np.testing.assert_allclose(score, said.score, rtol=1e-6, atol=1e-9)


def test_a_text_that_something_else_is_done_with_is_refused():
    table = {**hard(3000), "mode": np.full(3000, "run", object)}
    model = anomaly.fit(table, drivers=DRIVERS, states=["recipe"], ignore=["mode", "current"], off="contains(mode, 'dle')")
    with pytest.raises(InvalidInput, match="off condition"):
        model.export()
