"""Scores, reasons, shares and alerts; following live is scoring in pieces; a saved model is the same model."""

from __future__ import annotations

import io
import json
import pickle
import zipfile

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from lineshaft.core import InvalidInput
from lineshaft.detect import anomaly

from .conftest import DRIVERS, machine


@pytest.fixture(scope="module")
def model() -> anomaly.Model:
    return anomaly.fit(machine(6000), drivers=DRIVERS)


@pytest.fixture(scope="module")
def faulty():
    return machine(3000, start=6000, fault=(1000, "sensor 4", 6.0))


def test_a_drift_is_found_and_the_sensor_named(model, faulty):
    scored = model.score(faulty)
    assert len(scored.alerts) == 1
    alert = scored.alerts[0]
    assert 1000 < np.searchsorted(scored.times, alert.start) < 2200
    assert alert.sensors[0][0] == "sensor 4"
    assert sum(share for _, share in alert.sensors) == pytest.approx(1)
    assert alert.end is None, "it lasts"
    assert set(scored.reason[:1000]) == {"normal"}
    assert scored.reason[-1] == "anomaly"
    assert (scored.score >= 0).all()
    assert (scored.score <= 1).all()
    assert ((scored.score > 0.5) == (scored.exceedance > 1)).all()


def test_shares_sum_to_one_and_an_explanation_says_what_was_seen_and_expected(model, faulty):
    scored = model.score(faulty)
    np.testing.assert_allclose(scored.shares.sum(axis=1), 1)
    parts = scored.explain(scored.alerts[0])
    assert sum(part.share for part in parts) == pytest.approx(1)
    first = parts[0]
    assert first.sensor == "sensor 4"
    assert first.observed - first.expected > 1
    assert first.residual > 3
    assert [part.sensor for part in parts if abs(part.residual) > first.residual] == []
    assert scored.explain(faulty["time"][500])[0].share < 0.9
    assert set(first.as_dict()) == {"sensor", "share", "observed", "expected", "marginal_z", "residual"}


def test_what_cannot_be_judged_has_a_reason_and_no_score(model):
    table = machine(1200, start=6000)
    for name in list(table)[3:]:
        table[name][200:400] = np.nan
    table["speed"][600:800] = 2600
    scored = model.score(table)
    assert set(scored.reason[211:400]) == {"bad_data"}
    assert set(scored.reason[600:800]) == {"unknown_regime"}
    assert np.isnan(scored.score[600:800]).all()
    assert not scored.alerts
    with pytest.raises(InvalidInput, match="unknown_regime"):
        scored.explain(table["time"][700])
    assert scored.time_in()["unknown_regime"] == pytest.approx(200 / 1200)


def test_following_live_is_scoring_in_pieces(model, faulty):
    whole = model.score(faulty)
    follower, figures, reasons = model.follow(faulty), [], []
    state = follower.to_json()
    for start in range(0, 3000, 123):
        follower = model.follow(faulty)
        follower.restore(state)
        piece = follower.take({name: values[start : start + 123] for name, values in faulty.items()})
        figures.append(piece.exceedance)
        reasons.append(piece.reason)
        state = follower.to_json()
    np.testing.assert_allclose(np.concatenate(figures), whole.exceedance, rtol=1e-6)
    assert (np.concatenate(reasons) == whole.reason).all()
    assert [alert.start for alert in piece.alerts] == [alert.start for alert in whole.alerts]
    again = follower.take(faulty)
    assert len(again) == 0, "rows that were taken are not taken twice"


def test_gaps_in_pieces_are_filled_as_in_one(model):
    table, chance = machine(1500, start=6000), np.random.default_rng(4)
    for name in list(table)[1:]:
        table[name] = np.where(chance.random(1500) < 0.05, np.nan, table[name])
    table["sensor 2"][300:420] = np.nan
    whole, follower = model.score(table), model.follow(table)
    parts = [follower.take({n: v[start : start + 77] for n, v in table.items()}).exceedance for start in range(0, 1500, 77)]
    np.testing.assert_allclose(np.concatenate(parts), whole.exceedance, rtol=1e-6)


def test_a_saved_model_is_the_same_and_holds_no_code(model, faulty, tmp_path):
    path = model.save(tmp_path / "pump.model")
    again = anomaly.load(path)
    np.testing.assert_array_equal(again.score(faulty).exceedance, model.score(faulty).exceedance)
    assert again.about == model.about
    assert again.settings == model.settings
    with zipfile.ZipFile(path) as file:
        assert all(name.endswith((".npy", ".json")) for name in file.namelist())
        assert json.loads(file.read("model.json"))["format"] == 1


def test_a_file_that_is_no_model_or_holds_pickles_is_refused(tmp_path, model):
    (tmp_path / "text").write_text("hello")
    with pytest.raises(InvalidInput, match="not a saved model"):
        anomaly.load(tmp_path / "text")
    with pytest.raises(InvalidInput, match="not a saved model"):
        anomaly.load(tmp_path / "nothing")
    evil = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(model.to_bytes())) as file, zipfile.ZipFile(evil, "w") as out:
        for name in file.namelist():
            cell = io.BytesIO()
            np.save(cell, np.array([{"a": 1}], dtype=object), allow_pickle=True)
            out.writestr(name, cell.getvalue() if name == "center.npy" else file.read(name))
    with pytest.raises(InvalidInput, match="not a saved model"):
        anomaly.load(evil.getvalue())


def test_any_kind_of_table_gives_the_same_scores(model, faulty):
    plain = model.score(faulty).exceedance
    frame = pd.DataFrame(faulty)
    for table in (frame, frame.set_index("time"), pa.table(faulty), pl.DataFrame(frame)):
        np.testing.assert_array_equal(model.score(table).exceedance, plain)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).score(faulty).exceedance, plain)
    assert model.score(frame).table().to_pandas().columns[:3].tolist() == ["time", "score", "reason"]


def test_a_repair_ends_the_alert_and_the_next_one_is_another(model, faulty):
    again = {name: values.copy() for name, values in machine(4000, start=6000).items()}
    again["sensor 4"][500:1500] += np.linspace(0, 6, 1000)
    again["sensor 1"][2500:] += np.linspace(0, 6, 1500)
    scored = model.score(again, resets=[again["time"][1500]])
    assert len(scored.alerts) == 2
    assert scored.alerts[0].end == again["time"][1500].astype(np.int64)
    assert [alert.sensors[0][0] for alert in scored.alerts] == ["sensor 4", "sensor 1"]
    assert set(scored.reason[1501:2500]) == {"normal"}
    kept = model.score(again)
    assert len(kept.alerts) == 1, "without a repair what comes within 24 h is the same alert"


def test_a_table_without_the_sensors_is_refused_and_one_without_some_is_scored(model, faulty):
    with pytest.raises(InvalidInput, match="none of the model's sensors"):
        model.score({"time": faulty["time"], "other": np.arange(3000.0)})
    few = {name: values for name, values in faulty.items() if name not in ("sensor 1", "sensor 6")}
    scored = model.score(few)
    assert scored.alerts[0].sensors[0][0] == "sensor 4"
    assert (scored.shares[:, model.sensors.index("sensor 1")] == 0).all()


def test_values_that_arrive_rounded_do_not_raise_alarms():
    chance = np.random.default_rng(8)
    rows = 6000
    level = np.cumsum(chance.normal(0, 0.2, rows)) * 0.02

    def table(first, last, decimals):
        made = {"level": level, "twin": 2 * level + chance.normal(0, 1e-4, rows), "third": -level + chance.normal(0, 1e-4, rows)}
        return {"time": machine(rows)["time"][first:last], **{n: np.round(v, decimals)[first:last] for n, v in made.items()}}

    model = anomaly.fit(table(0, 4500, 9))
    assert not model.score(table(4500, 6000, 9)).alerts
    assert not model.score(table(4500, 6000, 2)).alerts
    assert model.coarser(model.read(table(4500, 6000, 2))).any()


def test_evaluation_says_what_would_have_been(model, faulty):
    told = anomaly.evaluate(model, faulty)
    assert str(told).startswith("this model would have raised 1 alert in 2 days of running")
    assert told.recall is None
    known = anomaly.evaluate(model, faulty, labels=[(faulty["time"][1000], faulty["time"][2999])])
    assert known.recall == 1
    assert known.lead > 0.3
    assert known.false_alarms_per_month == 0
    wrong = anomaly.evaluate(model, faulty, labels=[(faulty["time"][0], faulty["time"][500])])
    assert wrong.recall == 0
    assert len(wrong.false_alarms) == 1
    assert wrong.as_dict()["alerts"][0]["false"]
