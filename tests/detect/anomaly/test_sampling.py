"""Rows from a second to an hour apart: charts, persistence and endings follow the time, not the number of rows."""

from __future__ import annotations

import numpy as np
import pytest

from lineshaft.core import NS
from lineshaft.detect import anomaly


def machine(every_s: int, rows: int, fault: tuple[int, int] | None = None, seed: int = 4) -> dict[str, np.ndarray]:
    chance = np.random.default_rng(seed)
    load = 60 + 15 * np.sin(np.arange(rows) / 37) + 5 * np.sin(np.arange(rows) / 11) + chance.normal(0, 1, rows)
    gains = {"flow": 2.0, "pressure": -0.05, "current": 0.1, "bearing": 0.3, "winding": 0.2}
    table = {name: gain * load + chance.normal(0, 0.3 * abs(gain), rows) for name, gain in gains.items()}
    if fault:
        table["bearing"][fault[0] : fault[1]] += np.linspace(0, 3, fault[1] - fault[0])
    start = 1_700_000_000 // every_s * every_s
    return {"time": (start + every_s * np.arange(rows, dtype=np.int64)) * NS, "load": load, **table}


@pytest.mark.parametrize("every_s", [1, 10, 60, 300, 900, 3600])
def test_a_fault_that_creeps_is_found_at_every_sampling_period(every_s):
    model = anomaly.fit(machine(every_s, 6000), drivers=["load"])
    assert model.every == every_s * NS
    reach = model.span * every_s
    assert model.span >= 8, "a chart is a mean of several rows"
    assert reach <= max(7200, 8 * every_s), "two hours, or eight rows where they are further apart"
    found = model.score(machine(every_s, 3000, (1500, 3000), seed=9))
    assert [alert.sensors[0][0] for alert in found.alerts] == ["bearing"], "one alert, of the right sensor"
    assert found.alerts[0].start > found.times[1500], "nothing before the fault"
    calm = model.score(machine(every_s, 3000, seed=11))
    months = 3000 * every_s / (30 * 86_400)
    assert len(calm.alerts) <= 1 + months, "the budget is one false alarm a month, whatever the period"
