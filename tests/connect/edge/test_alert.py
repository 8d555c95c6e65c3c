"""Alerts at the edge are those of the plant's rule, row for row, over a restart and a repair."""

from __future__ import annotations

import json

import numpy as np
import pytest

from lineshaft.connect.edge.alert import Alerts
from lineshaft.core import NS
from lineshaft.detect.anomaly.alerts import LOW, Rule, Watch

MINUTE = 60 * NS


def figure(seed: int, size: int = 6000) -> np.ndarray:
    """Return scores that wander about the threshold, with rows that were not judged."""
    chance = np.random.default_rng(seed)
    wander = np.convolve(chance.normal(0, 1, size), np.ones(40) / 40, "same") * 8
    made = np.abs(wander) * chance.uniform(0.5, 1.5) + 0.1 * chance.random(size)
    made[chance.random(size) < 0.03] = np.nan
    made[2000:2100] = np.nan
    return made


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("rule", [Rule(60, 30, 720, 1440 * MINUTE), Rule(4, 2, 12, 24 * MINUTE), Rule(2, 1, 1, 0)])
def test_the_same_rows_give_the_same_alerts(seed, rule):
    beyond, times = figure(seed), np.arange(6000, dtype=np.int64) * MINUTE
    weights = np.random.default_rng(9).random((6000, 3))
    judged = ~np.isnan(beyond)
    plant = Watch(rule)
    flags, repaired = np.zeros(6000, np.bool_), 4000
    for part in (slice(0, repaired), slice(repaired, 6000)):
        here = np.flatnonzero(judged[part]) + part.start
        flags[here] = plant.feed(times[here], beyond[here], lambda at, here=here: weights[here[at]])
        if part.stop == repaired:
            plant.reset(int(times[repaired - 1]))
    told = {"window": rule.window, "needed": rule.needed, "clear": rule.clear, "merge_s": rule.merge / NS, "low": LOW}
    edge, seen, raised, grew = Alerts(told, ("a", "b", "c")), [], [], []
    for start, end in ((0, 1), (1, 700), (700, 2050), (2050, repaired), (repaired, 6000)):
        seen.append(edge.take(times[start:end], beyond[start:end], weights[start:end]))
        raised += [one.at for one in edge.changes if one.raised]
        grew += [one for one in edge.changes if one.grew]
        if end == repaired:
            edge.reset(int(times[end - 1]))
        remembered = json.loads(json.dumps(edge.state()))
        edge = Alerts(told, ("a", "b", "c"))
        edge.restore(remembered)
    np.testing.assert_array_equal(np.concatenate(seen), flags)
    assert edge.raised == len(plant.alerts) > 0
    assert {alert.start for alert in plant.alerts} <= set(raised)
    last, same = plant.alerts[-1], edge.last
    assert same is not None
    assert (same.start, same.end, same.peak_at) == (last.start, last.end, last.peak_at)
    assert same.peak == pytest.approx(last.peak)
    assert list(same.weights.values()) == pytest.approx(last.weights.tolist())
    assert 0 < len(grew) < np.nansum(flags) / 4, "told again when it grew by much, never with each row"
    strongest = {row: dict(one.top) for one in grew for row in (one.peak_at // MINUTE,)}
    for row, shares in strongest.items():
        assert shares == pytest.approx(dict(zip("abc", weights[row] / weights[row].sum(), strict=True)))
    assert all(one.end is None and one.peak == pytest.approx(beyond[one.peak_at // MINUTE]) for one in grew)
