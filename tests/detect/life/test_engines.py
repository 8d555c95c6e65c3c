"""Turbofan engines of the public C-MAPSS data: the promised figures, also with everything renamed, rescaled and full of gaps."""

from __future__ import annotations

import numpy as np
import pytest

from bench.bench_detect import LIVES
from bench.detecting import lives, public

pytestmark = pytest.mark.skipif(not public.there("cmapss"), reason="the public data set 'cmapss' is not here")


@pytest.mark.parametrize("name", [pytest.param("FD001", marks=pytest.mark.slow), "FD003"])
def test_what_was_promised_is_reached(name):
    told = lives.measure(name)
    raw, capped = LIVES[name]
    assert told.raw <= raw
    assert told.capped <= capped
    assert 0.7 <= told.coverage <= 0.9
    assert 0.7 <= told.coverage_test <= 0.9
    assert 0.2 < told.open_ends < 0.6


def disguised(table: dict, chance: np.random.Generator, scale: dict, gaps: float) -> dict:
    """The same engines with other names, units, order of columns, clocks, and with lost rows and values."""
    size = len(table["asset"])
    _, begins = np.unique(table["asset"], return_index=True)
    last = np.append(begins[1:], size) - 1
    kept = chance.random(size) >= gaps
    kept[begins] = kept[last] = True
    sensors = [name for name in table if name.startswith("column")]
    made = {}
    for name in sorted(sensors, key=lambda one: scale[one][0]):
        factor, offset = scale[name]
        values = np.asarray(table[name]) * factor + offset
        values[chance.random(size) < gaps] = np.nan
        made[f"TI-{len(name) * 31}-{name[-2:].strip()}"] = values[kept]
    return {
        **made,
        "unit": [f"E{number}" for number in table["asset"][kept]],
        "ts": (table["time"][kept] + 70_000) * 3600 * 10**9,
    }


def test_disguise_does_not_change_what_is_known():
    train, test, left = public.cmapss("FD003")
    chance = np.random.default_rng(8)
    scale = {name: (float(chance.uniform(0.01, 100)) * chance.choice([-1, 1]), float(chance.normal(0, 300))) for name in train}
    from lineshaft.detect import life

    model = life.fit(disguised(train, chance, scale, 0.05), cap=lives.CAP * 3600e9)
    said = model.predict(disguised(test, chance, scale, 0.05))
    cycles = np.array([one.remaining for one in said]) / 3600e9
    assert np.sqrt(np.mean((cycles - left) ** 2)) <= LIVES["FD003"][0]
    assert np.sqrt(np.mean((cycles - np.minimum(left, lives.CAP)) ** 2)) <= LIVES["FD003"][1]
