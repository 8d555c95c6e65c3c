"""What cannot be learned from gets a reason and a way out, never a silent model."""

from __future__ import annotations

import numpy as np
import pytest

from lineshaft.core import InvalidInput
from lineshaft.detect import life


def lives(number: int, rows: int, **columns):
    names = [f"a{n}" for n in range(number) for _ in range(rows)]
    hours = np.tile(np.arange(rows), number)
    return {"asset": names, "time": hours, **{name: make(hours) for name, make in columns.items()}}


def refused(**wanted):
    with pytest.raises(InvalidInput) as told:
        life.fit(**wanted)
    assert told.value.hint, "a way out"
    return str(told.value)


def test_constant_and_empty_sensors_leave_nothing_to_learn_from():
    table = lives(
        25,
        60,
        same=lambda h: np.full(len(h), 3.0),
        gone=lambda h: np.where(h % 60 == 1, 1.0, np.nan),
        text=lambda h: np.array(["on"] * len(h)),
    )
    model = life.fit(table)
    assert model.method == "history", "25 failures are known by their age"
    assert model.about["left_out"]["same"] == "never changes"
    assert "missing" in model.about["left_out"]["gone"]
    assert "texts" in model.about["left_out"]["text"]
    assert any("no sensor has usable values" in reason for reason in model.why)


def test_a_sensor_that_tells_nothing_is_refused_when_sensors_are_asked_for():
    table = lives(25, 60, noise=lambda h: np.random.default_rng(0).normal(0, 1, len(h)))
    assert "no sensor follows" in refused(tables=table, method="sensors")


def test_one_sensor_is_enough_if_it_follows():
    chance = np.random.default_rng(0)
    table = lives(25, 60, wear=lambda h: h / 60 + chance.normal(0, 0.05, len(h)))
    model = life.fit(table)
    assert (model.method, model.about["sensors"]) == ("sensors", ["wear"])


def test_nine_tenths_missing_are_learned_from_with_a_wider_interval_or_left_out():
    chance = np.random.default_rng(0)
    table = lives(25, 60, wear=lambda h: np.where(chance.random(len(h)) < 0.8, np.nan, h / 60 + chance.normal(0, 0.05, len(h))))
    model = life.fit(table)
    assert model.method == "sensors"
    assert 0.65 <= model.about["quality"]["coverage"] <= 0.97


def test_ten_rows_no_asset_odd_limits():
    assert "usual life has 10 rows" in refused(tables=lives(25, 10, wear=lambda h: h * 1.0))
    assert "no column says which asset" in refused(tables={"time": [1, 2], "wear": [1.0, 2.0]})
    assert "cap of -5" in refused(tables=lives(25, 60, wear=lambda h: h * 1.0), cap=-5)
    assert "less than five steps" in refused(tables=lives(25, 60, wear=lambda h: h * 1.0), cap=2)
    assert "'a77' has no rows" in refused(tables=lives(3, 60, wear=lambda h: h * 1.0), failed=["a77"])
    assert "no health index" in refused(tables=lives(2, 60, wear=lambda h: h * 1.0))
    assert "is no method" in refused(tables=lives(2, 60, wear=lambda h: h * 1.0), method="magic")
    assert "needs" in refused(tables=lives(2, 60, wear=lambda h: h * 1.0), method="sensors")
    assert "1 failures are too few" in refused(records=[("a", -4.0, True), ("b", float("nan"), True), ("c", 5.0, True)])


def test_an_index_that_is_not_there_is_said_for_each_asset():
    model = life.fit({"P": {"time": np.arange(50), "wear": np.arange(50.0)}}, failed=False, index=life.HealthIndex("waer", 90.0))
    told = model.predict({"P": {"time": np.arange(50), "wear": np.arange(50.0)}})
    assert "waer" in told[0].error
    short = life.fit({"P": {"time": np.arange(8), "wear": np.arange(8.0)}}, failed=False, index=life.HealthIndex("wear", 90.0))
    assert "8 values" in short.predict({"P": {"time": np.arange(8), "wear": np.arange(8.0)}})[0].error


def test_rows_in_no_order_are_put_in_order():
    chance = np.random.default_rng(0)
    table = lives(25, 60, wear=lambda h: h / 60 + chance.normal(0, 0.05, len(h)))
    order = chance.permutation(25 * 60)
    mixed = {name: [values[n] for n in order] for name, values in table.items()}
    straight, shuffled = life.fit(table), life.fit(mixed)
    assert straight.method == shuffled.method == "sensors"
    asked = {"now": {"time": np.arange(40), "wear": np.arange(40) / 60}}
    assert shuffled.predict(asked)[0].remaining == pytest.approx(straight.predict(asked)[0].remaining, rel=0.05)


def test_a_failure_of_an_asset_that_is_not_there_or_of_an_age_that_cannot_be_is_refused():
    table = lives(3, 60, wear=lambda h: h * 1.0)
    assert "'a3' has no rows" in refused(tables=table, failed=["a3"])
    assert "too few" in refused(records=[("a", -4.0, True), ("b", float("nan"), True), ("c", float("inf"), True)])
