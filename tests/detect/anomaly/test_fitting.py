"""Bad input gets a reason and a way out; good input a model that says how it was made."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from lineshaft.core import ConfigError, InvalidInput
from lineshaft.detect import anomaly

from .conftest import DRIVERS, START, machine


def refusal(table, **settings) -> InvalidInput:
    with pytest.raises(InvalidInput) as told:
        anomaly.fit(table, **settings)
    assert told.value.hint, "a refusal names a way out"
    return told.value


def test_ten_rows_are_too_few():
    assert "10 rows are too few" in str(refusal(machine(10)))


def test_one_sensor_is_no_model():
    table = machine(500)
    said = refusal({"time": table["time"], "sensor 1": table["sensor 1"]})
    assert said.code == "anomaly.too-few-sensors"
    assert "alarm with a limit" in said.hint


def test_constant_sensors_are_left_out_and_a_table_of_them_is_refused():
    table = machine(2000)
    table["stands still"] = np.full(2000, 3.5)
    model = anomaly.fit(table)
    assert "stands still" not in model.sensors
    assert refusal({name: np.full(500, 1.0 + n) for n, name in enumerate("abc")}).code == "anomaly.too-few-sensors"


def test_a_sensor_that_is_mostly_missing_is_left_out_and_a_table_of_them_is_refused():
    table, chance = machine(2000), np.random.default_rng(2)
    table["sensor 3"] = np.where(chance.random(2000) < 0.9, np.nan, table["sensor 3"])
    assert "sensor 3" not in anomaly.fit(table).sensors
    poor = {name: np.where(chance.random(2000) < 0.9, np.nan, v) if name != "time" else v for name, v in table.items()}
    assert "missing" in str(refusal(poor))


def test_texts_are_left_out_numbers_written_as_texts_are_read():
    table = machine(2000)
    table["operator"] = np.array(["Kim", "Alex"] * 1000, dtype=object)
    table["sensor 2"] = np.array([f"{value:.4f}" for value in table["sensor 2"]], dtype=object)
    report = anomaly.check(table)
    assert not report.sensor("operator").used
    assert report.sensor("sensor 2").flaws[0].code == "number-as-text"
    assert "sensor 2" in anomaly.fit(table).sensors
    assert refusal({"a": ["x", "y"] * 200, "b": ["u", "v"] * 200}).code == "anomaly.too-few-sensors"


def test_shuffled_time_is_put_in_order_and_said():
    table, order = machine(3000), np.random.default_rng(5).permutation(3000)
    mixed = {name: values[order] for name, values in table.items()}
    report = anomaly.check(mixed)
    assert [flaw.code for flaw in report.table] == ["unsorted"]
    straight, shuffled = anomaly.fit(table), anomaly.fit(mixed)
    later = machine(1000, start=3000)
    np.testing.assert_allclose(straight.score(later).exceedance, shuffled.score(later).exceedance)


def test_labels_outside_the_table_are_refused_and_those_inside_are_left_out():
    table = machine(3000)
    said = refusal(table, labels=[("2031-01-01T00:00:00Z", "2031-01-02T00:00:00Z")])
    assert said.code == "anomaly.label-range"
    assert "time zone" in said.hint
    with pytest.raises(InvalidInput, match="ends before it begins"):
        anomaly.fit(table, labels=[(table["time"][20], table["time"][10])])
    with pytest.raises(InvalidInput, match="no kind of label"):
        anomaly.fit(table, labels=[(table["time"][10], table["time"][20], "strange")])
    table["sensor 0"][500:700] += 50
    model = anomaly.fit(table, labels=[(table["time"][500], table["time"][699], "anomaly", "bearing")])
    assert model.about["left_out"]["labelled"] == 200
    assert model.score(table).explain(table["time"][690])[0].sensor == "sensor 0"


def test_names_that_are_not_there_get_the_nearest():
    table = machine(500)
    assert refusal(table, drivers=["laod"]).hint == "did you mean 'load'?"
    assert "did you mean 'speed'?" in refusal(table, off="`sped` < 1").hint
    assert "did you mean 'drivers'?" in refusal(table, driver=["load"]).hint
    with pytest.raises(ConfigError, match="gaussien"):
        anomaly.fit(table, detector="gaussien")
    with pytest.raises(ConfigError, match="options"):
        anomaly.fit(table, options={"flor": 1})


def test_a_table_that_is_none_and_times_that_are_none():
    assert "not a table" in str(refusal(object()))
    assert "holds no times" in str(refusal({"time": ["yesterday"] * 200, "a": np.arange(200.0)}))
    assert refusal({"time": ["x"] * 3}, time="tme").hint == "did you mean 'time'?"


def test_off_rows_and_start_up_are_not_learned_from():
    table = machine(6000)
    off = np.zeros(6000, np.bool_)
    off[2000:2600] = off[4000:4300] = True
    for name in table:
        if name not in ("time", *DRIVERS):
            table[name] = np.where(off, 0.0, table[name])
    model = anomaly.fit(table, drivers=DRIVERS, off="`sensor 0` < 1", start_up="30m")
    assert model.about["left_out"]["off"] == 900 + 2 * 30
    scored = model.score(table)
    assert (scored.reason[off] == "off").all()
    assert (scored.reason[2600:2629] == "off").all()
    assert scored.reason[2631] == "normal"
    assert not scored.alerts


def test_a_switch_that_is_always_on_while_the_machine_runs_is_left_out_and_said():
    table = machine(6000)
    table["Running"] = np.arange(6000) % 1000 >= 150
    table["standby"] = np.where(np.arange(6000) > 5000, 3.0 + np.arange(6000) % 2, 3.0)
    model = anomaly.fit(table, drivers=DRIVERS, off="not Running")
    assert not {"Running", "standby"} & set(model.sensors)
    assert model.about["left_out"]["off"] >= 900
    said = {one["name"]: one for one in model.about["quality"]["sensors"]}
    assert not said["standby"]["used"]
    assert said["standby"]["flaws"][-1]["what"] == "does not move in the rows to learn from"
    assert model.score(table).time_in()["off"] > 0.1


def test_set_points_seen_for_a_while_only_are_not_taken_for_rounded_values():
    chance, rows = np.random.default_rng(0), 8000
    table = machine(rows)
    table["set"] = np.repeat(chance.choice([0.0, 50.0, 70.0, 100.0], rows // 100), 100)
    table["follows"] = table["set"] + chance.normal(0, 1, rows)
    model = anomaly.fit(table)
    later = machine(1000, start=rows)
    later["set"] = np.repeat([0.0, 50.0, 100.0, 50.0], 250)
    later["follows"] = later["set"] + chance.normal(0, 1, 1000)
    assert not model.coarser(model.read(later)).any()


def test_progress_is_told_and_may_stop_the_training():
    seen: list[float] = []
    anomaly.fit(machine(1000), progress=lambda share, what: seen.append(share))
    assert seen == sorted(seen)
    assert seen[-1] == 1.0

    class Stopped(Exception):
        pass

    def stop(share: float, what: str) -> None:
        if share > 0.3:
            raise Stopped(what)

    with pytest.raises(Stopped):
        anomaly.fit(machine(1000), progress=stop)


def test_a_fault_nobody_labelled_in_the_held_out_rows_is_pointed_at():
    table = machine(6000)
    for name in ("sensor 0", "sensor 1", "sensor 2", "sensor 3"):
        table[name][5200:5400] += 30
    warnings = anomaly.fit(table, drivers=DRIVERS).about["thresholds"]["warnings"]
    assert len(warnings) == 1
    assert "label it as an anomaly" in warnings[0]


def test_times_may_be_dates_texts_or_numbers():
    table = machine(500)
    texts = {**table, "time": [str(at) + "Z" for at in table["time"]]}
    numbers = {**table, "time": table["time"].astype(np.int64)}
    views = pa.table({"time": pa.array(texts["time"]).cast(pa.string_view()), "a": np.arange(500.0), "b": np.arange(500.0) % 7})
    for other in (texts, numbers, views):
        assert anomaly.check(other).start == START.astype(np.int64)
