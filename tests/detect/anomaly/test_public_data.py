"""The promises on public data, and on a generated machine; the data themselves are not part of the product."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from bench.detecting import figures
from lineshaft.detect import anomaly
from lineshaft.detect.anomaly.example import DRIVERS, OFF


def test_tennessee_eastman(public):
    public("tep")
    told = figures.tep()
    assert told.mean >= 0.95
    assert told.own_false_alarms <= 0.03, "a threshold from held-out training rows keeps its promise on rows never seen"


def test_water_network(public):
    public("batadal")
    told = figures.batadal()
    assert told.s >= 0.85
    assert told.found == told.attacks == 7
    assert told.false_alarms_per_month <= 1


def test_water_pump(public):
    public("skab")
    told = figures.skab()
    assert told.auc >= 0.79
    assert told.top2 >= 0.85


@pytest.fixture(scope="module")
def compressor() -> anomaly.Model:
    return anomaly.fit(anomaly.compressor(120, seed=3).table(), drivers=DRIVERS, off=OFF)


def test_generated_faults_are_found_early_and_named(compressor):
    truth = anomaly.compressor(60, seed=3, faults=4, first_day=120)
    told = figures.year(compressor.score(truth.table(), resets=truth.repairs), truth)
    assert told.found == 4
    assert told.top3 == 4
    assert told.lead >= 0.5
    assert told.false_alarms <= 2


def test_a_product_never_seen_does_not_alarm(compressor):
    truth = anomaly.compressor(30, seed=5, first_day=90, product_c=True)
    scored = compressor.score(truth.table())
    assert not scored.alerts
    assert 0.1 < scored.time_in()["unknown_regime"] < 0.6


def test_gaps_nobody_repaired_do_not_hide_faults(compressor):
    truth = anomaly.compressor(60, seed=3, faults=4, first_day=120, gaps=150, missing=0.03)
    told = figures.year(compressor.score(truth.table(), resets=truth.repairs), truth)
    assert told.found == 4
    assert told.top3 == 4


def test_without_the_reset_an_alert_goes_on_after_the_repair(compressor):
    truth = anomaly.compressor(60, seed=3, faults=4, first_day=120)
    with_reset = compressor.score(truth.table(), resets=truth.repairs)
    without = compressor.score(truth.table())
    assert (with_reset.reasons == 1).sum() < (without.reasons == 1).sum()


def test_the_drift_is_too_small_for_thresholds_on_single_sensors(compressor):
    truth = anomaly.compressor(60, seed=3, faults=4, first_day=120)
    alone = anomaly.fit(anomaly.compressor(120, seed=3).table(), drivers=DRIVERS, off=OFF, detector="univariate")
    told = figures.year(alone.score(truth.table(), resets=truth.repairs), truth)
    assert told.found < 4 or told.lead < 0.4 or told.false_alarms > 2


def test_scores_do_not_depend_on_the_length_of_the_pieces(compressor):
    truth = anomaly.compressor(6, seed=3, first_day=120)
    table = truth.table()
    whole, follower = compressor.score(table), compressor.follow(table)
    cuts = [0, 1, 777, 2048, 2049, 5000, len(truth.times)]
    parts = [
        follower.take({name: values[start:end] for name, values in table.items()}).exceedance
        for start, end in itertools.pairwise(cuts)
    ]
    np.testing.assert_allclose(np.concatenate(parts), whole.exceedance, rtol=1e-5)
