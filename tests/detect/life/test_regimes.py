"""Operating conditions are found in the data and taken out of the sensors; where there are none, nothing is changed."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bench.detecting import lives, public
from lineshaft.detect.life.regimes import Regimes

ROWS = 4000
LEFT = np.tile(np.arange(200.0)[::-1], 20)


def columns(conditions: int = 3, seed: int = 1) -> dict[str, np.ndarray]:
    """Twenty lives of 200 rows; height tells the condition, four sensors follow it and, far less, their wear."""
    chance = np.random.default_rng(seed)
    here = chance.integers(0, conditions, ROWS)
    made = {"height": here * 10 + chance.normal(0, 0.05, ROWS)}
    for number in range(4):
        level = np.random.default_rng(number).normal(0, 50, 8)[here]
        made[f"sensor {number}"] = level + (1 - LEFT / 200) ** 2 * 3 + chance.normal(0, 0.5, ROWS)
    return made


def test_conditions_are_found_and_wear_shows_without_them():
    table = columns()
    found = Regimes.learn(table, LEFT)
    assert len(found.known) == 3
    assert abs(np.corrcoef(table["sensor 1"], LEFT)[0, 1]) < 0.1
    flat = Regimes(**json.loads(json.dumps(found.state()))).flat(table)
    assert np.corrcoef(flat["sensor 1"], LEFT)[0, 1] < -0.6
    assert flat["sensor 1"].std() == pytest.approx(1, abs=0.01)


def test_names_units_and_gaps_do_not_matter():
    table, chance = columns(), np.random.default_rng(3)
    other = {f"{name} of P-7": values * 1e-3 + 5 for name, values in reversed(table.items())}
    for values in other.values():
        values[chance.random(ROWS) < 0.05] = np.nan
    found = Regimes.learn(other, LEFT)
    assert len(found.known) == 3
    flat = found.flat(other)["sensor 2 of P-7"]
    there = ~np.isnan(flat)
    assert there.mean() > 0.85
    assert np.corrcoef(flat[there], Regimes.learn(table, LEFT).flat(table)["sensor 2"][there])[0, 1] > 0.99


def test_a_condition_never_seen_is_no_value():
    found, table = Regimes.learn(columns(), LEFT), columns()
    (tells,) = found.names
    table[tells][:10] = 1e6
    table[tells][10] = -1e6
    flat = found.flat({**table, "new": np.ones(ROWS)})
    assert "new" not in flat
    assert np.isnan(flat["sensor 0"][:11]).all()
    assert not np.isnan(flat["sensor 0"][11:]).any()


@pytest.mark.parametrize("why", ["one condition", "steps of wear", "a switch that moves nothing"])
def test_without_conditions_nothing_is_changed(why):
    table = columns(1)
    del table["height"]
    if why == "steps of wear":
        table |= {f"step {n}": np.floor(LEFT / 50) * (n + 1) for n in range(5)}
    if why == "a switch that moves nothing":
        table["switch"] = np.random.default_rng(2).integers(0, 3, ROWS).astype(float)
    found = Regimes.learn(table, LEFT)
    assert found.names == []
    assert found.flat(table) is table


@pytest.mark.slow
@pytest.mark.skipif(not public.there("cmapss"), reason="the public data set 'cmapss' is not here")
def test_engines_under_six_conditions_are_forecast_as_under_one():
    """FD001 with each row moved to one of six conditions, as FD002 has them: what is left is told as well as without."""
    train, test, left = public.cmapss("FD001")
    chance = np.random.default_rng(4)
    names = [name for name in train if name.startswith("column")]
    shift, factor = chance.normal(0, 40, (len(names), 6)), chance.uniform(0.6, 1.6, (len(names), 6))
    setting = chance.normal(0, 30, (3, 6))
    spread = {name: max(float(np.std(train[name])), 1e-9) for name in names}

    def moved(table, seed):
        own = np.random.default_rng(seed)
        here = own.integers(0, 6, len(table["asset"]))
        made = dict(table)
        for place, name in enumerate(names):
            sensor = factor[place][here] * table[name] + shift[place][here] * spread[name]
            made[name] = setting[place][here] + own.normal(0, 0.05, len(here)) if place < 3 else sensor
        return made

    told = lives.judged(moved(train, 1), moved(test, 2), left)
    assert told.raw <= 13.5
    assert told.capped <= 12.5
    assert 0.7 <= told.coverage <= 0.9
