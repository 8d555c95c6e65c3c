"""The look at the data names what is wrong with each sensor and what will be done."""

from __future__ import annotations

import numpy as np
import pytest

from lineshaft.detect import anomaly

from .conftest import machine


def codes(report, name: str) -> list[str]:
    return [flaw.code for flaw in report.sensor(name).flaws]


def test_every_flaw_is_named_with_what_will_be_done():
    rows = 4000
    table, chance = machine(rows), np.random.default_rng(3)
    table["sensor 0"] = np.where(chance.random(rows) < 0.2, np.nan, table["sensor 0"])
    table["sensor 1"][1000:1600] = np.nan
    table["stuck"] = np.where(np.arange(rows) < 1800, 7.5, chance.normal(0, 1, rows))
    table["mode"] = np.repeat([1.0, 2.0, 3.0, 1.0], rows // 4)
    table["hours"] = np.cumsum(chance.uniform(0, 1, rows))
    table["two ranges"] = np.where(np.arange(rows) % 900 < 450, 10.0, 50.0) + chance.normal(0, 1, rows)
    table["still"] = np.full(rows, 4.0)
    table["wild"] = np.where(np.arange(rows) == 77, np.inf, chance.normal(0, 1, rows))
    table["note"] = np.array([f"text {n}" for n in range(rows)], dtype=object)
    report = anomaly.check(table)
    assert codes(report, "sensor 0")[0] == "missing"
    assert "gaps" in codes(report, "sensor 1")
    assert codes(report, "stuck") == ["stuck"]
    assert codes(report, "mode") == ["categorical"]
    assert codes(report, "hours") == ["monotonic"]
    assert codes(report, "two ranges") == ["multi-mode"]
    assert codes(report, "still") == ["constant"]
    assert codes(report, "wild") == ["infinite"]
    assert codes(report, "note") == ["text"]
    assert codes(report, "sensor 5") == []
    assert set(report.used) == set(table) - {"time", "hours", "still", "note"}
    assert all(flaw.action for sensor in report.sensors for flaw in sensor.flaws)
    said = str(report)
    assert "only ever rises" in said
    assert "left out" in said
    assert report.as_dict()["sensors"][0]["name"] == "load"


def test_doubled_times_and_gaps_in_time_are_counted():
    table = machine(1000)
    times = table["time"].copy()
    times[10:15] = times[10]
    times[500:] += np.timedelta64(5, "h")
    report = anomaly.check({**table, "time": times})
    assert {flaw.code: flaw.figure for flaw in report.table} == {"duplicates": 4, "time-gaps": 1}
    assert report.rows == 996


def test_without_a_time_column_rows_are_consecutive():
    table = machine(500)
    del table["time"]
    report = anomaly.check(table, every="10s")
    assert report.table[0].code == "no-time"
    assert report.every == 10 * 10**9


def test_a_state_with_many_values_is_no_state_and_texts_can_be_one():
    table = machine(1000)
    table["recipe"] = np.array(["bread", "roll"] * 500, dtype=object)
    report = anomaly.check(table, states=["recipe", "sensor 0"])
    assert report.sensor("recipe").used
    assert codes(report, "sensor 0") == ["not-a-state"]


def test_a_sensor_read_less_often_is_held_and_one_that_is_lost_is_not():
    rows = 3000
    table, chance = machine(rows), np.random.default_rng(4)
    every_tenth = np.arange(rows) % 10 == 0
    table["slow"] = np.where(every_tenth, table["sensor 1"], np.nan)
    table["too slow"] = np.where(np.arange(rows) % 30 == 0, table["sensor 2"], np.nan)
    table["lost"] = np.where(chance.random(rows) < 0.1, table["sensor 3"], np.nan)
    report = anomaly.check(table)
    assert codes(report, "slow") == ["slow"]
    assert report.sensor("slow").used
    assert not report.sensor("too slow").used
    assert "fill='1800s'" in report.sensor("too slow").flaws[0].action
    assert codes(report, "lost")[0] == "missing"
    assert "too slow" in anomaly.check(table, fill="30m").used
    assert "slow" in anomaly.fit(table).sensors


def test_a_number_of_a_batch_that_only_goes_up_is_a_counter():
    table = machine(3000)
    table["batch"] = np.arange(3000) // 300 + 4711.0
    table["product"] = np.arange(3000) // 300 % 3 + 1.0
    report = anomaly.check(table)
    assert codes(report, "batch") == ["monotonic"]
    assert codes(report, "product") == ["categorical"]


@pytest.mark.parametrize(("none", "share"), [(-9999.0, 0.002), (999.0, 0.1), (3e7, 0.001)], ids=["code", "many codes", "spikes"])
def test_what_says_that_there_is_no_value_is_not_learned_from(none, share):
    rows = 6000
    table, chance = machine(rows), np.random.default_rng(6)
    told = {**table, "sensor 1": np.where(chance.random(rows) < share, none, table["sensor 1"])}
    report = anomaly.check(told)
    assert codes(report, "sensor 1") == ["wild"]
    assert f"{none:g}" in report.sensor("sensor 1").flaws[0].what
    assert all(flaw.code != "wild" for one in report.sensors if one.name != "sensor 1" for flaw in one.flaws)
    later = machine(1500, start=rows, fault=(300, "sensor 1", 4.0))
    plain, wild = anomaly.fit(table).score(later), anomaly.fit(told).score(later)
    assert wild.alerts[0].sensors[0][0] == "sensor 1"
    assert np.nanmax(wild.exceedance) > 0.8 * np.nanmax(plain.exceedance), "the sensor is not made deaf"


def test_a_pump_that_hardly_ever_runs_and_heavy_tails_are_measurements():
    rows = 6000
    table, chance = machine(rows), np.random.default_rng(7)
    running = np.arange(rows) % 1500 > 1480
    table["pump"] = np.where(running, 50.0, 0.0) + chance.normal(0, 0.02, rows)
    table["gusts"] = chance.standard_t(3, rows)
    table["limit"] = np.where(running, 999.0, 500 + 200 * chance.normal(0, 1, rows))
    report = anomaly.check(table)
    assert not [flaw for name in ("pump", "gusts", "limit") for flaw in report.sensor(name).flaws if flaw.code == "wild"]


def test_a_sensor_told_twice_does_not_hide_what_it_shows():
    table = machine(6000)
    later = machine(1500, start=6000, fault=(300, "sensor 1", 6.0))

    def twice(one):
        return {**one, "sensor 1 in F": one["sensor 1"] * 1.8 + 32, "sensor 2 again": one["sensor 2"].astype(np.float32)}

    report = anomaly.check(twice(table))
    assert [report.sensor(name).flaws[-1].what for name in ("sensor 1 in F", "sensor 2 again")] == [
        "the same as 'sensor 1'",
        "the same as 'sensor 2'",
    ]
    plain, told = anomaly.fit(table).score(later), anomaly.fit(twice(table)).score(twice(later))
    np.testing.assert_allclose(told.exceedance, plain.exceedance, rtol=1e-6)
    near = {**table, "sensor 1 beside": table["sensor 1"] + np.random.default_rng(1).normal(0, 0.05, 6000)}
    assert anomaly.check(near).sensor("sensor 1 beside").used
    assert codes(anomaly.check(near), "sensor 1 beside") == ["twin"]
