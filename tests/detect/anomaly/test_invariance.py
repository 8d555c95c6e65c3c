"""The same machine, told differently, gets the same scores: renamed, rescaled, shuffled, shifted in time, with gaps."""

from __future__ import annotations

import numpy as np
import pytest

from lineshaft.detect import anomaly

from .conftest import DRIVERS, machine


@pytest.fixture(scope="module")
def train():
    return machine(6000)


@pytest.fixture(scope="module")
def later():
    return machine(3000, start=6000, fault=(1000, "sensor 4", 6.0))


@pytest.fixture(scope="module")
def plain(train, later):
    return anomaly.fit(train, drivers=DRIVERS).score(later)


def close(one, other):
    np.testing.assert_allclose(one.exceedance, other.exceedance, rtol=1e-5, atol=1e-7)
    assert (one.reason == other.reason).all()


def test_tags_renamed(train, later, plain):
    names = {name: f"PLC7/DB{n}.{n}" for n, name in enumerate(reversed(list(train))) if name != "time"}
    new = lambda table: {names.get(name, name): values for name, values in table.items()}  # noqa: E731
    other = anomaly.fit(new(train), drivers=[names[name] for name in DRIVERS]).score(new(later))
    close(plain, other)
    assert other.alerts[0].sensors[0][0] == names["sensor 4"]


def test_units_rescaled(train, later, plain):
    scales = {name: (10.0 ** (n - 6), 300.0 * n) for n, name in enumerate(train) if name != "time"}
    new = lambda t: {n: v * scales[n][0] + scales[n][1] if n in scales else v for n, v in t.items()}  # noqa: E731
    other = anomaly.fit(new(train), drivers=DRIVERS).score(new(later))
    close(plain, other)
    assert other.alerts[0].sensors[0][0] == "sensor 4"


def test_columns_shuffled_and_superfluous(train, later, plain):
    order = list(train)[::-1]
    other = anomaly.fit({name: train[name] for name in order}, drivers=DRIVERS[::-1])
    close(plain, other.score({**{name: later[name] for name in order}, "new sensor": np.arange(3000.0)}))


@pytest.mark.parametrize("by", [np.timedelta64(-3650, "D"), np.timedelta64(7 * 3600 + 1234, "s"), np.timedelta64(333, "D")])
def test_time_shifted(train, later, plain, by):
    other = anomaly.fit({**train, "time": train["time"] + by}, drivers=DRIVERS).score({**later, "time": later["time"] + by})
    close(plain, other)


def test_gaps_injected_do_not_hide_the_fault(train, later, plain):
    chance = np.random.default_rng(9)

    def holed(table):
        made = {name: values.copy() for name, values in table.items()}
        for name in list(made)[1:]:
            made[name][chance.random(len(made["time"])) < 0.02] = np.nan
            for start in chance.integers(0, len(made["time"]), 2):
                made[name][start : start + 180] = np.nan
        return made

    scored = anomaly.fit(holed(train), drivers=DRIVERS).score(holed(later))
    assert len(scored.alerts) == 1
    assert scored.alerts[0].sensors[0][0] == "sensor 4"
    assert abs(np.searchsorted(scored.times, scored.alerts[0].start) - np.searchsorted(plain.times, plain.alerts[0].start)) < 400


def test_rows_missing_altogether_do_not_hide_the_fault(train, later):
    keep = np.ones(3000, np.bool_)
    keep[1200:1500] = keep[100:130] = False
    scored = anomaly.fit(train, drivers=DRIVERS).score({name: values[keep] for name, values in later.items()})
    assert scored.alerts[0].sensors[0][0] == "sensor 4"


def test_the_same_table_gives_the_same_model(train, later):
    one, other = anomaly.fit(train, drivers=DRIVERS), anomaly.fit(train, drivers=DRIVERS)
    assert one.to_bytes()[:0] == other.to_bytes()[:0]
    assert one.about == other.about
    np.testing.assert_array_equal(one.score(later).exceedance, other.score(later).exceedance)


def test_states_are_regimes_and_one_never_seen_is_unknown(train, later):
    recipe = np.where(np.arange(6000) % 400 < 200, "bread", "roll").astype(object)
    shift = np.where(recipe == "roll", 8.0, 0.0)
    table = {**train, "sensor 3": train["sensor 3"] + shift, "recipe": recipe}
    model = anomaly.fit(table, drivers=DRIVERS, states=["recipe"])
    new = np.where(np.arange(3000) < 2000, "roll", "cake").astype(object)
    scored = model.score({**machine(3000, start=6000), "sensor 3": machine(3000, start=6000)["sensor 3"] + 8.0, "recipe": new})
    assert set(scored.reason[:2000]) == {"normal"}
    assert set(scored.reason[2000:]) == {"unknown_regime"}
