"""Remaining life: the method follows from what there is; forecasts are near the truth, their intervals honest."""

from __future__ import annotations

import numpy as np
import pytest

from lineshaft.core import InvalidInput
from lineshaft.detect import life


@pytest.fixture(scope="module")
def pumps():
    return life.wearing(30, seed=1)


@pytest.fixture(scope="module")
def now():
    return life.wearing(40, seed=2, running=True)


@pytest.fixture(scope="module")
def model(pumps):
    return life.fit(pumps.table(), time="hour")


def said(model, table):
    return {one.asset: one for one in model.predict(table, time="hour")}


def test_many_lives_with_sensors_are_learned_from(model, pumps, now):
    assert model.method == "sensors"
    assert "30 lives with sensors ended in a failure" in model.why[0]
    assert model.about["left_out"] == {"ambient": "does not follow the remaining life"}
    assert model.cap == pytest.approx(0.6 * np.median([one - 1 for one in pumps.lengths.values()]))
    told = said(model, now.table())
    true = {name: now.remaining[name] for name in told}
    guess = np.array([told[name].remaining for name in true])
    capped = np.minimum(list(true.values()), model.cap)
    error = np.sqrt(np.mean((guess - capped) ** 2))
    assert error < 0.6 * capped.std(), "much better than saying the mean"
    inside = [one.low <= true[name] and (one.high is None or true[name] <= one.high) for name, one in told.items()]
    assert 0.65 <= np.mean(inside) <= 0.95
    assert 0.7 <= model.about["quality"]["coverage"] <= 0.9
    assert all(one.low <= one.remaining <= (one.high or np.inf) for one in told.values())


def test_an_asset_that_is_well_has_more_than_so_much_left(model, now):
    told = said(model, now.table())
    well = [one for one in told.values() if one.more_than]
    assert well
    assert all(one.high is None and one.remaining <= model.cap for one in well)
    assert f"more than {well[0].low:.4g}" in str(well[0])
    ill = min(told.values(), key=lambda one: one.remaining)
    assert not ill.more_than
    assert ill.why[0]["sensor"] in {"vibration", "flow", "current", "bearing_temperature"}
    assert ill.why[0]["adds"] < 0, "the strongest reason takes life away"


def test_names_units_order_and_clocks_do_not_matter(model, pumps, now):
    def other(table):
        names = {"vibration": "TAG_9", "flow": "A1", "current": "zz", "bearing_temperature": "m", "ambient": "b"}
        factor = {"vibration": 25.4, "flow": 0.2642, "current": 1000.0, "bearing_temperature": 1.8, "ambient": 1.8}
        made = {
            names[one]: np.asarray(table[one]) * factor[one] + 32
            for one in ("flow", "ambient", "current", "vibration", "bearing_temperature")
        }
        clock = (np.asarray(table["hour"]) * 3600 + 1_700_000_000) * 10**9
        return {**made, "at": clock, "asset": ["M-" + name for name in table["asset"]]}

    twin = life.fit(other(pumps.table()), time="at")
    theirs = {one.asset: one for one in twin.predict(other(now.table()), time="at")}
    ours = said(model, now.table())
    for name, one in ours.items():
        hours = theirs[f"M-{name}"].remaining / 3600e9
        assert hours == pytest.approx(one.remaining, rel=0.1, abs=6)
    both = [(one.remaining, theirs[f"M-{name}"].remaining / 3600e9) for name, one in ours.items()]
    assert np.mean([abs(a - b) for a, b in both]) < 1


def test_rows_out_of_order_and_gaps_are_borne(model, pumps, now):
    chance = np.random.default_rng(3)

    def holed(table, *, shuffle):
        size = len(table["hour"])
        kept = np.flatnonzero(chance.random(size) > 0.1)
        order = chance.permutation(kept) if shuffle else kept
        made = {name: np.asarray(values)[order] for name, values in table.items()}
        for name in ("vibration", "flow", "current", "bearing_temperature"):
            for start in range(0, len(order), 97):
                made[name][start : start + int(chance.integers(0, 12))] = np.nan
        return made

    whole = said(model, now.table())
    told = said(model, holed(now.table(), shuffle=False))
    assert np.mean([abs(told[name].remaining - whole[name].remaining) for name in told]) < 0.15 * model.cap
    mixed = life.fit(holed(pumps.table(), shuffle=True), time="hour")
    assert any("out of order" in note for note in mixed.about["notes"])
    assert mixed.about["quality"]["rmse"] < 1.4 * model.about["quality"]["rmse"]


def test_it_is_kept_in_a_file_and_says_the_same(model, now, tmp_path):
    path = model.save(tmp_path / "pumps.life")
    again = life.load(path)
    assert [one.as_dict() for one in again.predict(now.table(), time="hour")] == [
        one.as_dict() for one in model.predict(now.table(), time="hour")
    ]
    assert again.why == model.why
    with pytest.raises(InvalidInput, match="no model"):
        life.load(b"something else")


def test_without_its_sensors_an_asset_gets_a_reason_instead_of_a_number(model):
    told = model.predict({"asset": ["x"] * 50, "hour": np.arange(50), "ambient": np.ones(50)}, time="hour")
    assert "too few of the sensors" in told[0].error
    assert np.isnan(told[0].remaining)


def test_few_failures_are_a_distribution_of_ages():
    chance = np.random.default_rng(0)
    inside = []
    for _ in range(60):
        size, shape = int(chance.integers(3, 12)), chance.uniform(1.2, 4)
        ages = chance.weibull(shape, size + 1) * 1000
        now = chance.uniform(0, 0.9) * ages[-1]
        model = life.fit(records=[*(("old", age, True) for age in ages[:-1]), ("mine", now, False)])
        one = model.predict(ages={"mine": now})[0]
        inside.append(one.low <= ages[-1] - now and (one.high is None or ages[-1] - now <= one.high))
    assert 0.68 <= np.mean(inside) <= 0.92
    assert model.method == "history"
    assert "failures are on record" in model.why[0]
    ages = chance.weibull(3.0, 60) * 1000
    sure = life.fit(records=[("old", age, True) for age in ages])
    assert sure.about["shape"] == pytest.approx(3.0, abs=0.8)
    assert sure.predict(ages={"a": 0.0})[0].remaining == pytest.approx(np.median(ages), rel=0.15)
    assert sure.predict(ages={"a": 900.0})[0].remaining < sure.predict(ages={"a": 100.0})[0].remaining


@pytest.mark.parametrize("kind", ["straight", "speeding up", "falling"])
def test_without_failures_an_index_is_followed_to_its_limit(kind):
    chance = np.random.default_rng(1)
    inside = []
    for _ in range(12):
        hours = np.arange(300)
        clean = 3 * np.exp(3 * hours / 300) if kind == "speeding up" else 10 * np.maximum(hours / 300 - 0.2, 0)
        seen = int(chance.uniform(0.6, 0.95) * 300)
        sign = -1 if kind == "falling" else 1
        shown = 100 + sign * (clean + chance.normal(0, 0.3, 300))
        index = life.HealthIndex("wear", 100 + sign * float(clean[-1]), rising=sign > 0)
        table = {"P1": {"time": hours[:seen], "wear": shown[:seen]}}
        model = life.fit(table, failed=False, index=index)
        one = model.predict(table)[0]
        left = 299 - (seen - 1)
        inside.append(one.low <= left and (one.high is None or left <= one.high))
    assert model.method == "trend"
    assert np.mean(inside) >= 0.75
    assert one.why[0]["limit"] == index.limit


def test_an_index_that_stands_still_has_no_end_in_sight():
    table = {"P1": {"time": np.arange(200), "wear": 5 + np.random.default_rng(2).normal(0, 0.1, 200)}}
    one = life.fit(table, failed=False, index=life.HealthIndex("wear", 9.0)).predict(table)[0]
    assert one.more_than
    assert one.high is None
    beyond = {"P1": {"time": np.arange(200), "wear": np.linspace(1, 10, 200)}}
    assert life.fit(beyond, failed=False, index=life.HealthIndex("wear", 9.0)).predict(beyond)[0].remaining == 0
