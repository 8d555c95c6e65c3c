"""Running means and filled gaps, done in bulk, are what the plain loops over rows say."""

from __future__ import annotations

import numpy as np
import pytest

from lineshaft.detect.anomaly.charts import smooth, smooth_seen
from lineshaft.detect.anomaly.columns import Filler
from lineshaft.detect.anomaly.gate import Gate


def table(size, width=3, holes=0.0, seed=1):
    chance = np.random.default_rng(seed)
    rows = chance.normal(3, 2, (size, width))
    rows[chance.random(rows.shape) < holes] = np.nan
    if holes and size > 20:
        rows[5:18, 0] = np.nan
        rows[-6:, width - 1] = np.nan
        rows[:4, 1] = np.nan
    return rows


@pytest.mark.parametrize("size", [1, 31, 32, 33, 1000, 4096])
@pytest.mark.parametrize("holes", [0.0, 0.2])
def test_running_means_are_those_of_the_loop(size, holes):
    rows, mean = table(size, holes=holes), np.array([5.0, -1.0, 0.0])
    found = smooth_seen(rows, 0.017, mean)
    if not holes:
        np.testing.assert_array_equal(found, smooth(rows, 0.017, mean))
    for place, row in enumerate(rows):
        mean = np.where(np.isnan(row), mean, 0.983 * mean + 0.017 * np.nan_to_num(row))
        np.testing.assert_allclose(found[place], mean, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("cut", [1, 7, 150, 400])
def test_gaps_filled_in_pieces_are_those_of_the_loop(order, cut):
    rows, times = table(400, holes=0.3), np.cumsum(np.random.default_rng(2).integers(1, 4, 400))
    wanted, value, at = rows.copy(), np.full(3, np.nan), np.full(3, -(2**62))
    for place in range(400):
        seen = ~np.isnan(rows[place])
        value, at = np.where(seen, rows[place], value), np.where(seen, times[place], at)
        wanted[place] = np.where(seen | (times[place] - at > 6), rows[place], value)
    filler = Filler(3, 6)
    parts = [filler.fill(times[n : n + cut], np.array(rows[n : n + cut], order=order)) for n in range(0, 400, cut)]
    np.testing.assert_array_equal(np.vstack(parts), wanted)
    np.testing.assert_array_equal(filler.value, value)
    np.testing.assert_array_equal(filler.at, at)


def test_the_gate_knows_what_is_near_a_place_training_was_at():
    gate, chance = Gate(), np.random.default_rng(3)
    gate.learn(chance.normal(0, 1, (5000, 3)))
    asked = chance.normal(0, 3, (3000, 3))
    nearest = np.sqrt(((asked[:, None, :] - gate.places[None]) ** 2).sum(axis=2)).min(axis=1)
    clear = np.abs(nearest - gate.reach) > 1e-4
    assert 200 < (nearest <= gate.reach).sum() < 2800
    np.testing.assert_array_equal(gate.known(asked)[clear], (nearest <= gate.reach)[clear])
    holed = asked.copy()
    holed[:, 1] = np.nan
    assert gate.known(holed).sum() >= gate.known(asked).sum()
