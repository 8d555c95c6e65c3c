"""The same machine, told differently, gets the same scores: renamed, rescaled, shuffled, shifted in time, with gaps."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from lineshaft.detect import anomaly

from .conftest import DRIVERS, machine

DETECTORS = {
    "gaussian": {},
    "univariate": {"detector": "univariate"},
    "boosted": {"detector": "boosted", "options": {"least_rows": 500, "trees": 15, "leaves": 8, "trim": 0.0}},
}
CLOSE = {"gaussian": 1e-5, "univariate": 1e-5, "boosted": 0.05}
"""Trees split where values lie: the last bits of a rescaled value may move a split."""

LATER = {"gaussian": 400, "boosted": 1500}
"""Rows by which an alert may come later with gaps; the few small trees of this test know the machine loosely."""


@pytest.fixture(scope="module", params=list(DETECTORS))
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def fit(kind):
    return lambda table, **settings: anomaly.fit(table, **{**DETECTORS[kind], "drivers": DRIVERS, **settings})


@pytest.fixture(scope="module")
def close(kind):
    def check(one, other):
        np.testing.assert_allclose(one.exceedance, other.exceedance, rtol=CLOSE[kind], atol=CLOSE[kind] / 100)
        assert (one.reason == other.reason).mean() > 1 - CLOSE[kind] / 5

    return check


@pytest.fixture(scope="module")
def train():
    return machine(6000)


@pytest.fixture(scope="module")
def later():
    return machine(3000, start=6000, fault=(1000, "sensor 4", 6.0))


@pytest.fixture(scope="module")
def plain(fit, train, later):
    return fit(train).score(later)


def test_tags_renamed(fit, close, kind, train, later, plain):
    names = {name: f"PLC7/DB{n}.{n}" for n, name in enumerate(reversed(list(train))) if name != "time"}
    new = lambda table: {names.get(name, name): values for name, values in table.items()}  # noqa: E731
    other = fit(new(train), drivers=[names[name] for name in DRIVERS]).score(new(later))
    close(plain, other)
    assert kind == "univariate" or other.alerts[0].sensors[0][0] == names["sensor 4"]


def test_units_rescaled(fit, close, kind, train, later, plain):
    scales = {name: (10.0 ** (n - 6), 300.0 * n) for n, name in enumerate(train) if name != "time"}
    new = lambda t: {n: v * scales[n][0] + scales[n][1] if n in scales else v for n, v in t.items()}  # noqa: E731
    other = fit(new(train)).score(new(later))
    close(plain, other)
    assert kind == "univariate" or other.alerts[0].sensors[0][0] == "sensor 4"


def test_columns_shuffled_and_superfluous(fit, close, train, later, plain):
    order = list(train)[::-1]
    other = fit({name: train[name] for name in order}, drivers=DRIVERS[::-1])
    close(plain, other.score({**{name: later[name] for name in order}, "new sensor": np.arange(3000.0)}))


@pytest.mark.parametrize("by", [np.timedelta64(-3650, "D"), np.timedelta64(7 * 3600 + 1234, "s"), np.timedelta64(333, "D")])
def test_time_shifted(fit, close, train, later, plain, by):
    other = fit({**train, "time": train["time"] + by}).score({**later, "time": later["time"] + by})
    close(plain, other)


def test_gaps_injected_do_not_hide_the_fault(fit, kind, train, later, plain):
    if kind == "univariate":
        pytest.skip("a yardstick: it looks at each sensor alone")
    chance = np.random.default_rng(9)

    def holed(table):
        made = {name: values.copy() for name, values in table.items()}
        for name in list(made)[1:]:
            made[name][chance.random(len(made["time"])) < 0.02] = np.nan
            for start in chance.integers(0, len(made["time"]), 2):
                made[name][start : start + 180] = np.nan
        return made

    scored = fit(holed(train)).score(holed(later))
    assert len(scored.alerts) == 1
    assert scored.alerts[0].sensors[0][0] == "sensor 4"
    assert (
        abs(np.searchsorted(scored.times, scored.alerts[0].start) - np.searchsorted(plain.times, plain.alerts[0].start))
        < LATER[kind]
    )


def test_rows_missing_altogether_do_not_hide_the_fault(fit, kind, train, later):
    if kind == "univariate":
        pytest.skip("a yardstick: it looks at each sensor alone")
    keep = np.ones(3000, np.bool_)
    keep[1200:1500] = keep[100:130] = False
    scored = fit(train).score({name: values[keep] for name, values in later.items()})
    assert scored.alerts[0].sensors[0][0] == "sensor 4"


def test_the_same_table_gives_the_same_model(fit, train, later):
    one, other = fit(train), fit(train)
    assert one.about == other.about
    np.testing.assert_array_equal(one.score(later).exceedance, other.score(later).exceedance)


def test_a_model_saved_and_opened_gives_the_same_scores(fit, train, later):
    made = fit(train)
    again = anomaly.load(made.to_bytes())
    np.testing.assert_array_equal(made.score(later).exceedance, again.score(later).exceedance)
    np.testing.assert_array_equal(made.score(later).exceedance, pickle.loads(pickle.dumps(made)).score(later).exceedance)


def test_states_are_regimes_and_one_never_seen_is_unknown(train, later):
    recipe = np.where(np.arange(6000) % 400 < 200, "bread", "roll").astype(object)
    shift = np.where(recipe == "roll", 8.0, 0.0)
    table = {**train, "sensor 3": train["sensor 3"] + shift, "recipe": recipe}
    model = anomaly.fit(table, drivers=DRIVERS, states=["recipe"])
    new = np.where(np.arange(3000) < 2000, "roll", "cake").astype(object)
    scored = model.score({**machine(3000, start=6000), "sensor 3": machine(3000, start=6000)["sensor 3"] + 8.0, "recipe": new})
    assert set(scored.reason[:2000]) == {"normal"}
    assert set(scored.reason[2000:]) == {"unknown_regime"}


def test_a_state_that_changes_only_while_the_machine_is_off_is_no_sensor_out_of_order(train, later):
    off = np.arange(6000) % 1000 > 900
    mode = np.where(off, "idle", "run").astype(object)
    table = {**train, "mode": mode, "current": np.where(off, 0.0, 12.0)}
    model = anomaly.fit(table, drivers=DRIVERS, states=["mode"], ignore=["current"], off="current < 5")
    new = np.where(np.arange(3000) < 2000, "run", "test").astype(object)
    scored = model.score({**machine(3000, start=6000), "mode": new, "current": np.full(3000, 12.0)})
    assert set(scored.reason[:2000]) == {"normal"}
    assert set(scored.reason[2000:]) == {"unknown_regime"}, "a value that running machines never had"
