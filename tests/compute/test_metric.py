from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineshaft.compute import MIGRATIONS, Compute, ComputeSettings
from lineshaft.compute.tables import closed, touched
from lineshaft.core import NS, Bus, Database, SystemEvent
from lineshaft.store import Stored
from tests.compute.plant import Memory, batch, register, row

MODELS = {
    "machine": """
model: Machine
properties:
  - {name: X, kind: measurement, type: double}
  - {name: Count, kind: measurement, type: integer, counter: true}
  - {name: Gain, kind: attribute, default: 2}
  - {name: Double, kind: transform, formula: "gain * x", inputs: {x: X, gain: Gain}}
  - {name: Avg, kind: metric, formula: "avg(d)", inputs: {d: Double}, window: 1m}
  - {name: Sum, kind: metric, formula: "sum(x)", inputs: {x: X}, window: 1m}
  - {name: N, kind: metric, formula: "count(x)", inputs: {x: X}, window: 1m}
  - {name: On, kind: metric, formula: "statetime(x)", inputs: {x: X}, window: 1m}
  - {name: Mean, kind: metric, formula: "timeweightedavg(x)", inputs: {x: X}, window: 1m}
  - {name: Line, kind: metric, formula: "timeweightedavg(x, 'linear')", inputs: {x: X}, window: 1m}
  - {name: Parts, kind: metric, formula: "increase(c)", inputs: {c: Count}, window: 1m}
  - {name: Share, kind: metric, formula: "on / 60 * gain", inputs: {on: On, gain: Gain}, window: 1m}
  - {name: Five, kind: metric, formula: "sum(s)", inputs: {s: Sum}, window: 5m}
""",
    "line": """
model: Line
properties:
  - {name: All, kind: metric, formula: "sum(x)", inputs: {x: {children: X}}, window: 1m}
  - {name: Best, kind: metric, formula: "max(on)", inputs: {on: {children: On}}, window: 1m}
""",
}
PLANT = """
assets:
  - name: L
    model: Line
    children:
      - {name: A, model: Machine, source: s, tag_prefix: "A/"}
      - {name: B, model: Machine, source: s, tag_prefix: "B/", attributes: {Gain: 3}}
"""
M = 60


@pytest.fixture(scope="module")
def assets(tmp_path_factory):
    return register(tmp_path_factory.mktemp("line"), MODELS, PLANT)


@pytest.fixture(scope="module")
def db(tmp_path_factory):
    found = Database(f"sqlite:///{tmp_path_factory.mktemp('db') / 'compute.db'}")
    found.migrate({"compute": MIGRATIONS})
    yield found
    found.close()


class Line:
    """Compute beside a store that is a dictionary; `now` is the clock in seconds."""

    def __init__(self, assets, db, store=None, **options) -> None:
        if store is None:
            with db.begin() as tx:
                tx.execute(closed.delete())
                tx.execute(touched.delete())
        self.store = store or Memory()
        self._assets = assets
        self._seq = 0
        self.now = 0
        self.told: list[SystemEvent] = []
        bus = Bus()
        bus.on(SystemEvent, self.told.append)
        settings_ = ComputeSettings(**{"lateness": "0s", "idle": "1000s", **options})
        self.compute = Compute(assets, None, self.store, db, settings_, bus)  # type: ignore[arg-type]
        self.compute.clock = lambda: self.now * NS

    def sid(self, path: str) -> int:
        span = self._assets.spans(self._assets.property(f"L/{path}").id)[0]
        return int(self.store.sids(span.source, [span.tag])[0])

    def arrive(self, *points, source="s") -> None:
        self._seq += 1
        rows = batch([row(self.sid(path), round(t * NS), value) for path, t, value in points])
        self.store.show(rows)
        self.store.show(self.compute.on_rows(Stored(self._seq, source, rows)))

    def close(self) -> int:
        rows = self.compute.close()
        self.store.show(rows)
        return rows.num_rows

    def values(self, path: str) -> dict[float, object]:
        return {ts / NS: value for ts, value in self.store.values(self.sid(path)).items()}


def test_a_window_closes_when_the_time_of_the_values_has_passed_its_end(assets, db):
    line = Line(assets, db)
    line.arrive(("A/X", 10, 1.0), ("A/X", 59, 3.0))
    line.now = 500
    assert line.close() == 0
    line.arrive(("A/X", 60, 5.0), ("A/X", 61, 0.0))
    line.close()
    assert line.values("A/Sum") == {60: 9.0}
    assert line.values("A/Avg") == {60: 6.0}
    assert line.values("A/Share") == {60: pytest.approx(50 / 60 * 2)}
    assert line.values("All") == {60: 9.0}


def test_a_silent_source_is_taken_to_run_on(assets, db):
    line = Line(assets, db, idle="15s")
    line.arrive(("A/X", 10, 1.0))
    line.now = 14
    assert line.close() == 0
    line.now = 130
    line.close()
    assert line.values("A/On") == {60: 50.0, 120: 60.0}
    assert line.values("A/N") == {60: 1.0, 120: 0.0}


def test_late_values_recompute_what_they_touch_up_to_the_next_point(assets, db):
    line = Line(assets, db)
    line.arrive(("A/X", 10, 1.0), ("A/X", 250, 0.0), ("A/X", 301, 0.0))
    line.close()
    assert line.values("A/On") == {60: 50.0, 120: 60.0, 180: 60.0, 240: 60.0, 300: 10.0}
    line.arrive(("A/X", 90, 0.0))
    line.close()
    assert line.values("A/On") == {60: 50.0, 120: 30.0, 180: 0.0, 240: 0.0, 300: 0.0}
    assert line.values("A/Sum") == {60: 1.0, 120: 0.0, 300: 0.0}
    assert line.values("Best") == line.values("A/On")
    assert line.close() == 0


def test_metrics_stand_on_metrics_also_with_longer_windows(assets, db):
    line = Line(assets, db)
    line.arrive(*(("A/X", 30 + 60 * k, float(k)) for k in range(6)))
    line.close()
    assert line.values("A/Five") == {300: 10.0}
    line.arrive(("A/X", 31, 100.0))
    line.close()
    assert line.values("A/Five") == {300: 110.0}


def test_children_are_pooled(assets, db):
    line = Line(assets, db)
    line.arrive(("A/X", 10, 1.0), ("B/X", 10, 2.0), ("B/X", 20, 4.0), ("A/X", 61, 0.0))
    line.close()
    assert line.values("All") == {60: 7.0}
    assert line.values("Best") == {60: 50.0}
    assert line.values("B/Avg") == {60: 9.0}


def test_linear_averages_wait_for_the_point_after_the_window(assets, db):
    line = Line(assets, db)
    line.arrive(("A/X", 0, 0.0), ("A/X", 60, 6.0), ("B/X", 130, 1.0))
    line.close()
    assert line.values("A/Line") == {60: 3.0, 120: 6.0}
    line.arrive(("A/X", 180, 18.0))
    line.close()
    assert line.values("A/Line") == {60: 3.0, 120: 9.0, 180: 15.0}


def test_a_value_out_of_order_bends_the_line_into_closed_windows(assets, db):
    line = Line(assets, db)
    line.arrive(("A/X", 1, 0.0))
    line.arrive(("A/X", 182, 0.0))
    line.close()
    line.arrive(("A/X", 181, 1.0))
    line.close()
    assert line.values("A/Line")[180] == pytest.approx(149 / 180)


def test_which_windows_are_closed_survives_a_restart(assets, db):
    line = Line(assets, db)
    line.arrive(("A/X", 10, 1.0), ("A/X", 61, 0.0))
    line.close()
    line.close()
    again = Line(assets, db, line.store)
    assert again.close() > 0  # the last window once more: its rows may have been lost
    assert again.values("A/Sum") == {60: 1.0}
    again.arrive(("A/X", 30, 5.0), ("A/X", 121, 1.0))
    again.close()
    assert again.values("A/Sum") == {60: 6.0, 120: 0.0}


def test_a_crash_between_a_late_value_and_its_recomputation_loses_nothing(assets, db):
    line = Line(assets, db)
    line.arrive(("A/X", 10, 1.0), ("A/X", 301, 0.0))
    line.close()
    line.close()
    line.arrive(("A/X", 20, 5.0))
    again = Line(assets, db, line.store)
    again.close()
    assert again.values("A/Sum") == {60: 6.0}
    again.close()
    with db.begin() as tx:
        assert tx.execute(touched.select()).all() == []


def test_a_long_history_that_comes_late_is_worked_off_day_by_day(assets, db):
    line = Line(assets, db)
    day = 86_400
    line.arrive(("A/X", 4 * day, 0.0))
    line.close()
    line.arrive(*(("A/X", k * day / 2 + 30, 1.0) for k in range(6)))
    assert line.close() > 0
    half = Line(assets, db, line.store)  # a restart in the middle
    while half.close():
        pass
    sums = {t: v for t, v in half.values("A/Sum").items() if t < 4 * day}
    assert sums == {k * day / 2 + 60: 1.0 for k in range(6)}
    on = half.values("A/On")
    assert all(on[t] == 60.0 for t in range(120, 4 * day + 1, 60))
    with db.begin() as tx:
        assert tx.execute(touched.select()).all() == []


def test_a_long_gap_in_time_is_jumped_and_told(assets, db):
    line = Line(assets, db, catch_up="10m")
    line.arrive(("A/X", 10, 1.0))
    line.arrive(("A/X", 86_400, 1.0))
    line.close()
    assert min(line.values("A/On")) == 85_800
    assert any(event.key.startswith("compute:gap") for event in line.told)


def test_every_row_names_the_version_of_its_model(assets, db):
    line = Line(assets, db)
    line.arrive(("A/X", 10, 1.0))
    codes = {r["code"] for r in line.store.rows.values() if r["sid"] == line.sid("A/Double")}
    assert codes == {1}
    assert [v.formula for v in line.compute.versions("L/A/Double")] == ["gain * x"]


def brute(points) -> dict[str, dict[float, float]]:
    """Every metric of A/X computed the obvious way from all the points that ever came."""
    series = {t: v for _, t, v in points}
    found: dict[str, dict[float, float]] = {name: {} for name in ("Avg", "Sum", "N", "On", "Mean", "Line")}
    if not series:
        return found
    first = (min(series) + M - 1) // M * M if min(series) else 0
    for end in range(first, 600 + 1, M):
        start = end - M
        inside = [v for t, v in sorted(series.items()) if start < t <= end]
        found["N"][end] = len(inside)
        if inside:
            found["Sum"][end], found["Avg"][end] = sum(inside), 2 * sum(inside) / len(inside)

        def at(second):
            known = [t for t in series if t <= second]
            return series[max(known)] if known else None

        levels = [at(second) for second in range(start, end)]  # points lie on whole seconds
        if any(level is not None for level in levels):
            found["On"][end] = sum(1 for level in levels if level)
        if all(level is not None for level in levels):
            found["Mean"][end] = sum(levels) / M

            def line_at(second):
                later = [t for t in series if t > second]
                low = max(t for t in series if t <= second)
                if not later:
                    return series[low]
                high = min(later)
                return series[low] + (series[high] - series[low]) * (second + 0.5 - low) / (high - low)

            found["Line"][end] = sum(line_at(second) for second in range(start, end)) / M
    return found


POINTS = st.lists(st.tuples(st.just("A/X"), st.integers(1, 590), st.sampled_from([0.0, 1.0, 3.0])), min_size=1, max_size=12)


@settings(max_examples=30, deadline=None)
@given(POINTS, st.randoms(use_true_random=False))
def test_the_figures_do_not_depend_on_the_order_of_arrival(assets, db, points, chance: random.Random):
    unique = list({t: (name, t, value) for name, t, value in points}.values())
    expected = brute([*unique, ("A/X", 660, 0.0)])
    chance.shuffle(unique)
    line = Line(assets, db)
    rest = list(unique)
    while rest:
        size = chance.randint(1, len(rest))
        line.arrive(*rest[:size])
        rest = rest[size:]
        if chance.random() < 0.7:
            line.close()
    line.arrive(("A/X", 660, 0.0))
    line.close()
    line.close()
    for name, values in expected.items():
        ours = {t: v for t, v in line.values(f"A/{name}").items() if t <= 600}
        if name == "N":  # a window nobody ever looked at counts nothing
            values = {t: v for t, v in values.items() if v or t in ours}  # noqa: PLW2901
        assert ours == {t: pytest.approx(v) for t, v in values.items()}, name
