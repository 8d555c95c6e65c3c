"""What every detector must be able to do, whoever wrote it: one suite for all files in detectors/."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import lineshaft.detect.detectors as folder
from lineshaft.core import Registry

REGISTRY = Registry("lineshaft.detectors", folder)
CHARTED = np.array([1, 2, 3, 4, 5])


SMALL = {"boosted": {"least_rows": 500, "trees": 30}}
"""What a detector needs to learn from the few rows here."""


@pytest.fixture(params=list(REGISTRY))
def make(request):
    kind = REGISTRY.load(request.param)
    return lambda: kind(kind.Options(**SMALL.get(request.param, {})))


def rows(size: int = 1500, seed: int = 1):
    chance = np.random.default_rng(seed)
    hidden = chance.normal(0, 1, (size, 2))
    mixed = hidden @ np.random.default_rng(0).normal(0, 1, (2, 6)) + chance.normal(0, 0.4, (size, 6))
    return mixed / mixed.std(axis=0)


def weigh(off):
    return np.nanmean(off * off, axis=1)


@pytest.fixture
def fitted(make):
    detector = make()
    told = detector.fit(rows(), rows(500, 2), CHARTED, weigh)
    assert isinstance(told, dict)
    detector.refit(np.vstack([rows(), rows(500, 2)]))
    return detector


def test_residuals_are_one_column_a_charted_sensor_and_about_one(fitted):
    off = fitted.residuals(rows(400, 3))
    assert off.shape == (400, 5)
    assert ((off.std(axis=0) > 0.2) & (off.std(axis=0) < 2)).all()
    assert fitted.expected(rows(400, 3)).shape == (400, 6)


def test_a_sensor_that_is_off_is_far_from_what_is_expected(fitted):
    table = rows(400, 3)
    table[:, 3] += 6
    off = np.abs(fitted.residuals(table)).mean(axis=0)
    assert off[2] == off.max()
    assert (table - fitted.expected(table))[:, 3].mean() > 1


def test_missing_values_give_no_residual_and_do_not_spread(fitted):
    table, whole = rows(300, 4), rows(300, 4)
    table[50:100, 2] = np.nan
    table[80:120, 5] = np.nan
    off = fitted.residuals(table)
    assert np.isnan(off[50:100, 1]).all()
    assert np.isnan(off[80:120, 4]).all()
    assert not np.isnan(np.delete(off, [1, 4], axis=1)).any()
    np.testing.assert_allclose(off[:50], fitted.residuals(whole)[:50])
    assert not np.isnan(fitted.expected(table)).any()


def test_training_rows_may_have_holes(make):
    table, chance = rows(2000), np.random.default_rng(6)
    table[chance.random(table.shape) < 0.2] = np.nan
    detector = make()
    detector.fit(table[:1500], table[1500:], CHARTED, weigh)
    assert np.isfinite(detector.residuals(rows(100, 7))).all()


def test_a_constant_column_is_no_accident(make):
    table = rows(1000)
    table[:, 4] = 0
    detector = make()
    detector.fit(table[:700], table[700:], CHARTED, weigh)
    assert np.isfinite(detector.residuals(rows(100, 7))).all()


def test_columns_shuffled_give_shuffled_residuals(make):
    order = np.array([3, 5, 0, 2, 1, 4])
    one, other = make(), make()
    everything = np.arange(6)
    one.fit(rows(), rows(500, 2), everything, weigh)
    other.fit(rows()[:, order], rows(500, 2)[:, order], everything, weigh)
    np.testing.assert_allclose(one.residuals(rows(200, 3))[:, order], other.residuals(rows(200, 3)[:, order]), rtol=1e-6)


def test_the_same_rows_give_the_same_detector(make):
    one, other = make(), make()
    for detector in (one, other):
        detector.fit(rows(), rows(500, 2), CHARTED, weigh)
    np.testing.assert_array_equal(one.residuals(rows(200, 3)), other.residuals(rows(200, 3)))


def test_rows_one_by_one_are_rows_together(fitted):
    table = rows(40, 5)
    table[7, 2] = np.nan
    together = fitted.residuals(table)
    apart = np.vstack([fitted.residuals(table[n : n + 1]) for n in range(40)])
    np.testing.assert_allclose(together, apart, rtol=1e-8)


def test_state_and_pickle_bring_the_same_detector_back(make, fitted):
    other = make()
    other.restore({name: np.array(values) for name, values in fitted.state().items()})
    np.testing.assert_array_equal(other.residuals(rows(50, 8)), fitted.residuals(rows(50, 8)))
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.residuals(rows(50, 8)), fitted.residuals(rows(50, 8)))
    assert all(values.dtype != object for values in fitted.state().values())


def test_memory_does_not_grow_with_the_rows_seen(fitted):
    def size():
        return len(pickle.dumps(fitted))

    before = size()
    for seed in range(20):
        table = rows(300, seed)
        table[np.random.default_rng(seed).random(table.shape) < 0.2] = np.nan
        fitted.residuals(table)
        fitted.expected(table)
    assert size() <= before + 1000


def test_more_noise_of_rounding_makes_no_residual_larger(fitted):
    noise = np.zeros(6)
    noise[3] = 0.5
    other, added = fitted.coarsen(noise)
    assert added.shape == (5,)
    assert added[2] == added.max() > 0
    calm = np.abs(other.residuals(rows(300, 9))).mean(axis=0)
    assert (calm[2] <= np.abs(fitted.residuals(rows(300, 9))).mean(axis=0)[2] + 1e-9).all()
