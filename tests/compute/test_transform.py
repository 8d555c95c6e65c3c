from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineshaft.compute.points import raw, rows
from lineshaft.compute.transform import Transforms
from tests.compute.plant import Memory, batch, compiled, register, row

MODEL = """
model: Pair
properties:
  - {name: X, kind: measurement, type: double}
  - {name: Y, kind: measurement, type: double}
  - {name: Mode, kind: measurement, type: string}
  - {name: Gain, kind: attribute, type: double, default: 2}
  - {name: Sum, kind: transform, formula: "x + y", inputs: {x: X, y: Y}}
  - {name: Guide, kind: transform, formula: "x + y + pretrigger(y)", inputs: {x: X, y: Y}}
  - {name: Ratio, kind: transform, formula: "gain * x / y", inputs: {x: X, y: Y, gain: Gain}}
  - {name: Chain, kind: transform, formula: "r + x", inputs: {r: Ratio, x: X}}
  - {name: Age, kind: transform, formula: "timestamp() - timestamp(y)", inputs: {x: X, y: Y}}
  - {name: Label, kind: transform, type: string, formula: "mode + ':' + x", inputs: {mode: Mode, x: X}}
  - {name: High, kind: transform, type: boolean, formula: "x > 1", inputs: {x: X}}
"""
PLANT = """
assets:
  - name: Hall
    children:
      - {name: A, model: Pair, source: s, tag_prefix: "A/"}
      - {name: B, model: Pair, source: s, tag_prefix: "B/", attributes: {Gain: 3}}
"""
NS = 1_000_000_000


@pytest.fixture(scope="module")
def assets(tmp_path_factory):
    return register(tmp_path_factory.mktemp("pair"), {"pair": MODEL}, PLANT)


class Line:
    """The way of a value in small: transforms beside a store."""

    def __init__(self, assets) -> None:
        self.store = Memory()
        self.plan = compiled(assets, self.store)
        self.transforms = Transforms(self.plan, self.store)
        self._assets = assets

    def sid(self, path: str) -> int:
        span = self._assets.spans(self._assets.property(path).id)[0]
        return int(self.store.sids(span.source, [span.tag])[0])

    def arrive(self, *points: tuple[str, float, object]) -> None:
        """Points (path below the hall, second, value) arrive as one batch."""
        stored = batch([row(self.sid(f"Hall/{path}"), round(t * NS), value) for path, t, value in points])
        out = rows(self.transforms.process(self.plan.channels.of(raw(stored))), self.plan.channels.shapes)
        self.store.show(stored)
        self.store.show(out)

    def values(self, path: str) -> dict[float, object]:
        return {ts / NS: value for ts, value in self.store.values(self.sid(f"Hall/{path}")).items()}


def test_the_table_of_the_guide(assets):
    line = Line(assets)
    for point in (("A/X", 0, 10.0), ("A/Y", 0, 1.0), ("A/X", 5, 20.0), ("A/Y", 5, 2.0), ("A/Y", 10, 3.0), ("A/X", 15, 30.0)):
        line.arrive(point)
    assert line.values("A/Guide") == {5: 23, 10: 25, 15: 36}


def test_the_guides_note_on_arrival_order_does_not_apply_to_us(assets):
    line = Line(assets)
    for point in (("A/X", 5, 20.0), ("A/Y", 5, 2.0), ("A/X", 0, 10.0), ("A/Y", 10, 3.0), ("A/X", 15, 30.0), ("A/Y", 0, 1.0)):
        line.arrive(point)
    assert line.values("A/Guide") == {5: 23, 10: 25, 15: 36}


def test_each_asset_by_itself_with_its_own_attribute(assets):
    line = Line(assets)
    line.arrive(("A/X", 1, 4.0), ("B/X", 1, 4.0), ("B/Y", 2, 2.0), ("A/Y", 3, 2.0))
    assert line.values("A/Ratio") == {3: 4.0}
    assert line.values("B/Ratio") == {2: 6.0}


def test_texts_booleans_and_times(assets):
    line = Line(assets)
    line.arrive(("A/Mode", 0, "auto"), ("A/X", 1, 1.5), ("A/Y", 1, 1.0), ("A/X", 4, 0.5))
    assert line.values("A/Label") == {1: "auto:1.5", 4: "auto:0.5"}
    assert line.values("A/High") == {1: True, 4: False}
    assert line.values("A/Age") == {1: 0.0, 4: 3.0}


def test_nan_null_and_bad_quality_start_nothing(assets):
    line = Line(assets)
    line.arrive(("A/X", 1, 1.0), ("A/Y", 1, 1.0))
    line.arrive(("A/X", 2, float("nan")), ("A/X", 3, None))
    stored = batch([row(line.sid("Hall/A/X"), 4 * NS, 9.0, q=2)])
    assert len(line.transforms.process(line.plan.channels.of(raw(stored)))) == 0
    assert line.values("A/Sum") == {1: 2.0}


def test_an_output_a_correction_makes_impossible_is_taken_back(assets):
    line = Line(assets)
    line.arrive(("A/X", 1, 4.0), ("A/Y", 1, 2.0))
    assert line.values("A/Chain") == {1: 8.0}
    line.arrive(("A/Y", 1, 0.0))
    assert line.values("A/Ratio") == {}
    assert line.values("A/Chain") == {}
    line.arrive(("A/X", 2, 5.0))
    assert line.values("A/Chain") == {}
    line.arrive(("A/Y", 3, 5.0))
    assert line.values("A/Chain") == {3: 7.0}


def test_an_output_at_the_same_time_is_taken_back_too(assets):
    line = Line(assets)
    line.arrive(("A/Y", 0, 1.0), ("A/X", 1, 0.0), ("B/Y", 0, 1.0), ("B/X", 1, 0.0))
    assert line.values("A/Ratio") == {1: 0.0}
    line.arrive(("A/Y", 1, 0.0), ("B/X", 2, 1.0))
    assert line.values("A/Ratio") == {}
    assert line.values("B/Ratio") == {1: 0.0, 2: 3.0}


def test_a_restart_goes_on_from_the_store(assets):
    line = Line(assets)
    line.arrive(("A/X", 1, 4.0), ("A/Mode", 1, "m"))
    line.transforms = Transforms(line.plan, line.store)
    line.arrive(("A/Y", 2, 2.0), ("A/X", 3, 1.0))
    assert line.values("A/Sum") == {2: 6.0, 3: 3.0}
    assert line.values("A/Label") == {1: "m:4", 3: "m:1"}


def brute(points) -> dict[str, dict[float, object]]:
    """Every output computed the obvious way from all the points that ever came."""
    series: dict[str, dict[float, float]] = {"X": {}, "Y": {}}
    for name, t, value in points:
        series[name][t] = value

    def at(name, t, strict=False):
        known = [k for k in series[name] if (k < t if strict else k <= t)]
        return series[name][max(known)] if known else None

    found: dict[str, dict[float, object]] = {"Sum": {}, "Guide": {}, "Ratio": {}, "Chain": {}, "High": {}}
    for t in sorted({*series["X"], *series["Y"]}):
        x, y, before = at("X", t), at("Y", t), at("Y", t, strict=True)
        if x is not None and t in series["X"]:
            found["High"][t] = x > 1
        if x is None or y is None:
            continue
        found["Sum"][t] = x + y
        if before is not None:
            found["Guide"][t] = x + y + before
        if y:
            found["Ratio"][t] = 2 * x / y
    for t in sorted({*series["X"], *found["Ratio"]}):
        known = [k for k in found["Ratio"] if k <= t]
        if known and at("X", t) is not None:
            found["Chain"][t] = found["Ratio"][max(known)] + at("X", t)
    return found


POINTS = st.lists(st.tuples(st.sampled_from("XY"), st.integers(0, 12), st.sampled_from([0.0, 1.0, 2.0, 5.0])), max_size=14)


@settings(max_examples=80, deadline=None)
@given(POINTS, st.randoms(use_true_random=False))
def test_the_answer_does_not_depend_on_the_order_of_arrival(assets, points, chance: random.Random):
    unique = list({(name, t): (name, t, value) for name, t, value in points}.values())
    expected = brute(unique)
    chance.shuffle(unique)
    line = Line(assets)
    rest = list(unique)
    while rest:
        size = chance.randint(1, len(rest))
        line.arrive(*((f"A/{name}", t, value) for name, t, value in rest[:size]))
        rest = rest[size:]
    for name, values in expected.items():
        assert line.values(f"A/{name}") == {t: pytest.approx(v) for t, v in values.items()}, name


@settings(max_examples=30, deadline=None)
@given(POINTS, st.integers(1, 5))
def test_a_value_sent_again_with_a_correction_counts_as_corrected(assets, points, size):
    line = Line(assets)
    for start in range(0, len(points), size):
        line.arrive(*((f"A/{name}", t, value) for name, t, value in points[start : start + size]))
    for name, values in brute(points).items():
        assert line.values(f"A/{name}") == {t: pytest.approx(v) for t, v in values.items()}, name


def test_a_rebound_tag_feeds_its_property_only_in_its_time(assets):
    line = Line(assets)
    found = line.plan.channels.of(raw(batch([row(line.sid("Hall/A/X"), 5, 1.0), row(999, 5, 1.0)])))
    assert len(found) == 1
    assert np.array_equal(found.ts, [5])
