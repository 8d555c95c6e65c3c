"""Between recorded values: held or drawn, nothing before the first, nothing after a bad one; means weighted by time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineshaft.core import InvalidInput
from lineshaft.store import Store, Tag, interpolated, time_weighted
from lineshaft.store.sampled import Points, areas
from tests.store.giving import SECOND, T0, give

REF = Tag("m", "t")


def at(*values: tuple[float, float] | tuple[float, float, int]) -> list[tuple[object, ...]]:
    return [("t", T0 + round(second * SECOND), value, *rest) for second, value, *rest in values]


def seconds(ts: np.ndarray) -> list[float]:
    return [(int(one) - T0) / SECOND for one in ts]


@pytest.fixture
def told(store: Store) -> Store:
    """0 at 0 s, 10 at 10 s, bad at 20 s, 30 at 30 s; half of it in the lake."""
    give(store, 1, at((0, 0.0), (10, 10.0)))
    store.flush()
    give(store, 2, at((20, 0.0, 2), (30, 30.0)))
    return store


def test_a_line_between_good_values_and_nothing_after_a_bad_one(told: Store):
    ts, value = interpolated(told, REF, T0 - 5 * SECOND, T0 + 40 * SECOND, 5 * SECOND, "linear")
    assert dict(zip(seconds(ts), value.tolist(), strict=True)) == {0: 0, 5: 5, 10: 10, 15: 10, 30: 30, 35: 30, 40: 30}


def test_the_last_observation_is_held(told: Store):
    ts, value = interpolated(told, REF, T0 - 5 * SECOND, T0 + 40 * SECOND, 5 * SECOND, "locf")
    assert dict(zip(seconds(ts), value.tolist(), strict=True)) == {0: 0, 5: 0, 10: 10, 15: 10, 30: 30, 35: 30, 40: 30}


def test_instants_far_from_any_value_are_left_out_when_asked(told: Store):
    ts, value = interpolated(told, REF, T0, T0 + 12 * SECOND, 2 * SECOND, "linear", within=6 * SECOND)
    assert dict(zip(seconds(ts), value.tolist(), strict=True)) == {4: 4, 6: 6, 10: 10}
    ts, _ = interpolated(told, REF, T0, T0 + 10 * SECOND, 2 * SECOND, "locf", within=3 * SECOND)
    assert seconds(ts) == [2, 10]


def test_means_weighted_by_time_say_how_much_was_known(told: Store):
    ts, mean, known = time_weighted(told, REF, T0, T0 + 40 * SECOND, 20 * SECOND, "locf")
    assert (seconds(ts), mean.tolist(), known.tolist()) == ([20, 40], [5.0, 30.0], [1.0, 0.5])
    _, mean, _ = time_weighted(told, REF, T0, T0 + 20 * SECOND, 10 * SECOND, "linear")
    assert mean.tolist() == [5.0, 10.0]
    _, mean, known = time_weighted(told, REF, T0 + 20 * SECOND, T0 + 30 * SECOND, 10 * SECOND, "locf")
    assert np.isnan(mean).all()
    assert known.tolist() == [0.0]


def test_nothing_recorded_has_no_value(store: Store):
    give(store, 1, [("other", T0, 1.0)])
    store.sids("m", ["t"])
    assert [len(part) for part in interpolated(store, REF, T0, T0 + 10 * SECOND, SECOND, "linear")] == [0, 0]
    _, mean, known = time_weighted(store, REF, T0, T0 + 10 * SECOND, 5 * SECOND, "linear")
    assert np.isnan(mean).all()
    assert known.tolist() == [0, 0]


def test_a_text_and_too_many_instants_are_refused(store: Store):
    give(store, 1, [("t", T0, "open")])
    with pytest.raises(InvalidInput, match="text"):
        interpolated(store, REF, T0 - 1, T0 + SECOND, SECOND, "locf")
    with pytest.raises(InvalidInput, match="at most"):
        interpolated(store, REF, T0, T0 + 10**6 * SECOND, SECOND // 10, "locf")


@given(
    st.lists(
        st.tuples(st.integers(0, 100), st.floats(-1e6, 1e6), st.booleans()), min_size=1, max_size=30, unique_by=lambda p: p[0]
    ),
    st.integers(1, 17),
    st.sampled_from(["locf", "linear"]),
)
def testareas_are_those_of_a_thousand_small_steps(rows: list[tuple[int, float, bool]], window: int, method: str):
    rows.sort()
    known = Points(*(np.array(column) for column in zip(*((t * SECOND, v, ok) for t, v, ok in rows), strict=True)))
    edges = np.arange(0, 100, window, dtype=np.int64) * SECOND
    area, time = areas(known, edges, method)  # type: ignore[arg-type]
    fine = np.arange(0, edges[-1], SECOND // 10) + SECOND // 20
    low = np.searchsorted(known.ts, fine, "right") - 1
    ok = (low >= 0) & known.ok[np.maximum(low, 0)]
    value = known.value[np.maximum(low, 0)]
    if method == "linear":
        high = np.minimum(low + 1, len(known.ts) - 1)
        drawn = ok & (high > low) & known.ok[high]
        share = (fine - known.ts[np.maximum(low, 0)]) / np.maximum(known.ts[high] - known.ts[np.maximum(low, 0)], 1)
        value = np.where(drawn, value + (known.value[high] - value) * share, value)
    place = np.searchsorted(edges, fine, "right") - 1
    sums = np.bincount(place[ok], weights=value[ok] * 0.1, minlength=len(edges) - 1)
    assert np.allclose(np.diff(area), sums, rtol=1e-6, atol=1e-3)
    assert np.allclose(np.diff(time), np.bincount(place[ok], minlength=len(edges) - 1) * 0.1, atol=1e-6)
