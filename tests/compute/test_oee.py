from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from lineshaft.compute import TIME_MODELS, Oee, rolled_up
from lineshaft.compute.states import UNKNOWN, elements, mapping, stretches, written
from lineshaft.core import NS, InvalidInput, NotFound, iso, parse_time, samples
from lineshaft.production import QualityEntry, TimeModel
from tests.compute.node import Node

H = 3600
T0 = parse_time("2026-11-20T06:00:00Z")
MODEL = """
model: Press
version: 3
properties:
  - {{name: State, kind: measurement, type: integer}}
  - {{name: Good, kind: measurement, type: integer, counter: true}}
  - {{name: Bad, kind: measurement, type: integer, counter: true}}
  - {{name: Fault, kind: measurement, type: integer}}
  - {{name: Ideal, kind: attribute, unit: s, default: 1}}
  - {{name: Rate, kind: attribute, default: 900}}
oee:
  state: State
  states: {{1: running, 2: starved, 3: blocked, 4: down, 5: setup, 0: idle, 9: planned_stop}}
  good: Good
  bad: Bad
  ideal_cycle: Ideal
  downtime_rate: Rate
{more}
"""
PLANT = """
assets:
  - name: Hall
    timezone: Europe/Berlin
    children:
      - name: Line
        constraint:
          - {asset: A, valid_from: "2020-01-01T00:00:00Z"}
          - {asset: B, valid_from: "2026-11-20T10:00:00Z"}
        children:
          - {name: A, model: Press, source: plc, tag_prefix: "A/"}
          - {name: B, model: Press, source: plc, tag_prefix: "B/", attributes: {Ideal: 30}}
"""
CALENDAR = """
calendar: Early
timezone: Europe/Berlin
valid_from: "2020-01-01T00:00:00Z"
shifts:
  - {name: Early, days: [mon, tue, wed, thu, fri], start: "06:00", end: "14:00", breaks: [{start: "10:00", end: "10:30"}]}
lines: [Hall/Line]
"""


@pytest.fixture
def plant(tmp_path: Path):
    opened = []

    def build(more="", calendar="", production=""):
        config = tmp_path / "config"
        (config / "models").mkdir(parents=True)
        (config / "models" / "press.yaml").write_text(MODEL.format(more=more))
        (config / "plant.yaml").write_text(PLANT)
        if calendar:
            (config / "calendar.yaml").write_text(calendar)
        if production:
            (config / "production.yaml").write_text(production)
        node = Node(tmp_path / "home", config)
        assert not node.loaded.problems
        assert not node.compute.problems()
        node.compute.clock = lambda: T0 + 30 * 86400 * NS
        opened.append(node)
        return node

    yield build
    for node in opened:
        node.close()


def say(node, machine, *points):
    """Points (tag, second, value) of a machine."""
    node.arrive("plc", samples([{"tag": f"{machine}/{tag}", "ts": T0 + round(s * NS), "value": v} for tag, s, v in points]))


def over(node, end, machine="Hall/Line/A", start=0, **more):
    return node.compute.oee(machine, T0 + start * NS, T0 + end * NS, **more)


def test_the_tutorials_fixture(plant):
    node = plant("  time_model: sitewise")
    say(node, "A", ("State", 0, 1), ("State", 1800, 4), ("State", 2100, 1), ("State", 3000, 0), ("State", 3300, 9))
    say(node, "A", ("Good", 0, 0), ("Bad", 0, 0), ("Good", 3600, 2430), ("Bad", 3600, 270))
    found = over(node, 3600)
    assert found.model == "sitewise"
    assert (found.availability, found.performance, found.quality) == (0.75, 1.0, 0.9)
    assert found.oee == pytest.approx(0.675)
    iso22400 = over(node, 3600, model="iso22400")
    assert iso22400.availability == pytest.approx(2700 / 3300)
    assert iso22400.elements["planned_stop"] == 300


def shift(node):
    """480 minutes: 30 planned stop, 20 setup, 60 down, 15 idle, 355 running; 620 parts of 0.5 min, 600 of them good."""
    states = ((0, 9), (30, 5), (50, 4), (110, 0), (125, 1))
    say(node, "B", *(("State", 60 * minute, code) for minute, code in states))
    say(node, "B", ("Good", 0, 100), ("Bad", 0, 7), ("Good", 480 * 60, 700), ("Bad", 480 * 60, 27))


@pytest.mark.parametrize(
    ("model", "expected"), [("sitewise", 62.5), ("calendar", 62.5), ("iso22400", 66.7), ("run-over-run-plus-down", 72.3)]
)
def test_four_definitions_of_one_shift(plant, model, expected):
    node = plant()
    shift(node)
    found = over(node, 480 * 60, "Hall/Line/B", model=model)
    assert round(100 * found.oee, 1) == expected
    assert found.oee == pytest.approx(found.availability * found.performance * found.quality)
    assert found.counts == {"good": 600, "bad": 20}
    assert round(100 * found.teep, 1) == 62.5


def test_the_waterfall_leads_from_calendar_time_to_good_parts(plant):
    node = plant()
    shift(node)
    found = over(node, 480 * 60, "Hall/Line/B", explain=True)
    assert sum(step["seconds"] for step in found.losses) + found.earned_good == pytest.approx(480 * 60)
    assert {step["name"]: step["seconds"] / 60 for step in found.losses if step["seconds"]} == pytest.approx(
        {"planned_stop": 30, "setup": 20, "down": 60, "idle": 15, "speed": 45, "quality": 10}
    )
    assert [step["state"] for step in found.explain if "state" in step] == ["planned_stop", "setup", "down", "idle", "running"]
    assert found.explain[-2] == {
        "element": "good",
        "parts": 600.0,
        "readings": 1,
        "start": "2026-11-20T14:00:00Z",
        "end": "2026-11-20T14:00:00Z",
        "property": "Hall/Line/B/Good",
        "samples": [{"timestamp": "2026-11-20T06:00:00Z", "value": 100}, {"timestamp": "2026-11-20T14:00:00Z", "value": 700}],
    }
    (cycle,) = [step for step in found.explain if step["element"] == "ideal_cycle"]
    assert (cycle["parts"], cycle["ideal_cycle_s"], cycle["seconds"]) == (620, 30, found.earned)
    assert {step["calendar"] for step in found.explain if "calendar" in step} == {"shift"}
    assert found.gain_per_10_points == {"money_per_hour": 90.0}
    assert found.versions["model_version"] == 3


def figure(run, length, earned):
    times = {"calendar": length, "planned_busy": length, "planned_stop": 0, "actual_production": run, "down": length - run}
    rest = dict.fromkeys(("setup", "starved", "blocked", "idle", "micro_stop", "unknown"), 0)
    return Oee("A", 0, length, "iso22400", times | rest, {"good": earned * 2, "bad": 0}, earned, earned, 0.5)


def test_rolling_up_sums_times_and_never_averages_ratios():
    long, short = figure(430, 480, 395), figure(10, 60, 5)
    assert round(100 * (long.oee + short.oee) / 2, 1) == 45.3
    assert round(100 * rolled_up("A", [long, short]).oee, 1) == 74.1


def test_performance_above_one_is_shown(plant):
    node = plant()
    say(node, "A", ("State", 0, 1), ("Good", 0, 0), ("Good", 100, 150))
    assert over(node, 100).performance == 1.5
    assert over(node, 100).losses[-2] == {"name": "speed", "seconds": -50.0}


def test_a_counter_is_not_its_value(plant):
    node = plant()
    say(node, "A", ("State", 0, 1), ("Good", 0, 5000), ("Good", 10, 5010), ("Good", 20, 3), ("Good", 30, 8))
    assert over(node, 100).counts["good"] == 10 + 3 + 5
    say(node, "B", ("State", 0, 1), ("Good", 0, 2**32 - 4), ("Good", 10, 6))
    assert over(node, 100, "Hall/Line/B").counts["good"] == 10


def test_absent_is_not_zero(plant):
    node = plant()
    nothing = over(node, 3600)
    assert nothing.elements["unknown"] == 3600
    assert (nothing.availability, nothing.oee, nothing.quality, nothing.coverage) == (None, None, None, 0)
    say(node, "A", ("State", 1800, 4))
    standing = over(node, 3600)
    assert (standing.availability, standing.oee, standing.performance, standing.quality) == (0, 0, None, None)
    assert standing.coverage == 0.5


def test_bad_quality_is_unknown_until_the_next_good_value(plant):
    node = plant()
    rows = [
        {"tag": "A/State", "ts": T0, "value": 1},
        {"tag": "A/State", "ts": T0 + 600 * NS, "value": None, "q": 2},
        {"tag": "A/State", "ts": T0 + 900 * NS, "value": 1},
        {"tag": "A/State", "ts": T0 + 1200 * NS, "value": 77},
    ]
    node.arrive("plc", samples(rows))
    found = over(node, 1800)
    assert found.elements["unknown"] == 300 + 600
    assert found.availability == 1


def test_short_stops_are_losses_of_performance_wherever_the_period_begins(plant):
    node = plant("  micro_stop: 5m")
    say(
        node,
        "A",
        ("State", 0, 1),
        ("State", 1000, 4),
        ("State", 1200, 1),
        ("State", 2000, 4),
        ("State", 2600, 1),
        ("State", 3000, 2),
    )
    say(node, "A", ("Good", 0, 0), ("Good", 3000, 2000))
    found = over(node, 3600)
    assert (found.elements["micro_stop"], found.elements["down"], found.elements["starved"]) == (200, 600, 600)
    assert found.availability == pytest.approx(2400 / 3600)
    assert found.performance == pytest.approx(2000 / 2400)
    cut = over(node, 2100, start=1100)
    assert (cut.elements["micro_stop"], cut.elements["down"]) == (100, 100)


def test_the_calendar_says_what_was_planned(plant):
    node = plant(calendar=CALENDAR)  # early shift 05:00-13:00 UTC, break 09:00-09:30
    say(node, "A", ("State", 0, 1), ("State", 2 * H, 4), ("State", 4 * H, 1), ("State", 7 * H + 1800, 4))
    found = over(node, 10 * H)
    assert found.elements["planned_stop"] == 1800 + 2.5 * H  # the break, and after the shift and half an hour of overtime
    assert found.elements["down"] == 1.5 * H
    assert found.elements["actual_production"] == 5.5 * H
    assert found.elements["planned_busy"] == 7 * H
    assert found.versions["calendar"] == "Early"


@pytest.mark.parametrize(
    ("day", "start", "end"),
    [("2026-03-29", "04:00", "12:00"), ("2026-10-25", "05:00", "13:00"), ("2026-06-15", "04:00", "12:00")],
)
def test_the_early_shift_is_eight_hours_of_busy_time_on_the_day_the_clock_changes(plant, day, start, end):
    node = plant(calendar=CALENDAR.replace("fri]", "fri, sat, sun]").replace(', breaks: [{start: "10:00", end: "10:30"}]', ""))
    low, high = parse_time(f"{day}T00:00:00Z"), parse_time(f"{day}T20:00:00Z")
    node.compute.clock = lambda: high
    node.arrive("plc", samples([{"tag": "A/State", "ts": low, "value": 4}]))
    found = node.compute.oee("Hall/Line/A", low, high)
    assert (found.elements["down"], found.elements["planned_stop"]) == (8 * H, 12 * H)
    shift = node.compute.oee("Hall/Line/A", parse_time(f"{day}T{start}:00Z"), parse_time(f"{day}T{end}:00Z"))
    assert (shift.elements["down"], shift.elements["planned_stop"]) == (8 * H, 0)


PRODUCTION = """
products:
  - {product: Slow, ideal_cycles: [{machine: Hall/Line/A, seconds: 2, valid_from: "2020-01-01T00:00:00Z"}]}
  - {product: Any}
orders:
  - {order: O-1, lines: [{product: Slow, quantity: 450}]}
  - {order: O-2, lines: [{product: Any, quantity: 800}]}
running:
  - {order: O-1, at: Hall/Line, start: "2026-11-20T06:00:00Z", end: "2026-11-20T06:16:40Z"}
  - {order: O-2, at: Hall/Line, start: "2026-11-20T06:16:40Z"}
"""


def test_mixed_products_earn_their_own_time(plant):
    node = plant(production=PRODUCTION)
    say(node, "A", ("State", 0, 1), ("Good", 0, 0), ("Bad", 0, 0), ("Good", 1000, 400), ("Bad", 1000, 50))
    say(node, "A", ("Good", 2000, 1200))
    found = over(node, 2000)
    assert found.performance == pytest.approx((450 * 2 + 800 * 1) / 2000)
    assert found.quality == pytest.approx((400 * 2 + 800) / (450 * 2 + 800))
    assert found.ideal_cycle_s == pytest.approx(1700 / 1250)


def test_what_an_order_made_is_counted_at_the_constraint_where_no_lot_says_it(plant):
    node = plant(production=PRODUCTION)
    say(node, "A", ("State", 0, 1), ("Good", 0, 0), ("Bad", 0, 0), ("Good", 1000, 400), ("Bad", 1000, 50), ("Good", 2000, 1200))
    say(node, "A", ("Good", 2 * H, 5000), ("State", 3 * H + 60, 1))
    expected = {("O-1", "Slow"): 400, ("O-2", "Any"): 4600}
    assert node.compute.counted("Hall/Line", T0, T0 + 2 * H * NS + 1) == expected
    for _ in range(8):
        node.close_windows(T0 + 30 * 86400 * NS)
    assert len(node.compute.kept("Hall/Line/A", T0, T0 + 4 * H * NS)) == 3
    assert node.compute.counted("Hall/Line", T0, T0 + 2 * H * NS + 1) == expected, "from the kept hours and the rest"
    figures = node.production.figures("Hall/Line", T0, T0 + 2 * H * NS, expected)
    assert [(one.order, one.made, one.made_by, one.target) for one in figures.orders] == [
        ("O-1", 400, "counter", 500),
        ("O-2", 4600, "counter", None),
    ]


def test_a_lines_figures_are_those_of_the_machine_that_limits_it(plant):
    node = plant()
    say(node, "A", ("State", 0, 1))
    say(node, "B", ("State", 0, 4))
    early = over(node, 3600, "Hall/Line")
    assert (early.asset, early.constraint, early.availability) == ("Hall/Line", "Hall/Line/A", 1)
    late = over(node, 5 * H, "Hall/Line", start=4 * H)
    assert (late.constraint, late.availability) == ("Hall/Line/B", 0)


def test_what_has_no_line_with_figures_has_none(tmp_path: Path):
    config = tmp_path / "config"
    (config / "models").mkdir(parents=True)
    (config / "plant.yaml").write_text("assets:\n  - {name: Office}\n")
    with Node(tmp_path / "home", config) as node, pytest.raises(NotFound, match="has no OEE"):
        node.compute.oee("Office", 0, NS)


def test_a_site_sums_the_times_and_counts_of_its_lines(tmp_path: Path):
    config = tmp_path / "config"
    (config / "models").mkdir(parents=True)
    (config / "models" / "press.yaml").write_text(MODEL.format(more=""))
    line = "{{name: L{0}, constraint: [{{asset: M}}], children: [{{name: M, model: Press, source: plc, tag_prefix: '{0}/'}}]}}"
    (config / "plant.yaml").write_text(f"assets:\n  - name: Hall\n    children: [{line.format(1)}, {line.format(2)}]\n")
    with Node(tmp_path / "home", config) as node:
        node.compute.clock = lambda: T0 + 86400 * NS
        say(node, "1", ("State", 0, 1), ("State", 3000, 4), ("Good", 0, 0), ("Good", 3000, 3000))
        say(node, "2", ("State", 0, 4), ("State", 3000, 1), ("Good", 0, 0), ("Good", 3600, 300))
        found = over(node, 3600, "Hall")
        assert (found.elements["planned_busy"], found.elements["actual_production"]) == (7200, 3600)
        assert found.counts["good"] == 3300
        assert found.oee == pytest.approx(3300 / 7200)
        assert [(p["machine"], round(p["oee"], 3)) for p in found.parts] == [("Hall/L1/M", 0.833), ("Hall/L2/M", 0.083)]
        assert found.rate == 1800, "an hour of both"


def test_another_version_of_the_model_tells_the_figures_from_its_moment_on(plant, tmp_path):
    node = plant()
    say(node, "A", ("State", 0, 1), ("State", H, 7), ("State", 3 * H, 1), ("Good", 0, 0))
    before = over(node, 4 * H)
    assert before.elements["unknown"] == 2 * H
    newer = MODEL.format(more='  micro_stop: 1m\nvalid_from: "2026-11-20T08:00:00Z"').replace("0: idle", "0: idle, 7: setup")
    (tmp_path / "config" / "models" / "press.yaml").write_text(newer.replace("version: 3", "version: 4"))
    node.assets.load(tmp_path / "config")
    after = over(node, 4 * H, explain=True)
    assert (after.elements["unknown"], after.elements["setup"]) == (H, H)
    assert [(p["model_version"], p["start"]) for p in after.parts] == [(3, "2026-11-20T06:00:00Z"), (4, "2026-11-20T08:00:00Z")]
    assert (after.asset, after.constraint) == ("Hall/Line/A", None)
    assert over(node, 2 * H).elements["unknown"] == H, "what was told before stays"


def test_parts_earn_the_ideal_cycle_of_their_time(plant):
    node = plant()
    say(node, "A", ("State", 0, 1), ("Good", 0, 0), ("Good", 1000, 100), ("Good", 2000, 300))
    with node.db.begin() as tx:
        node.assets.set_attribute(tx, "Hall/Line/A/Ideal", 4, T0 + 1500 * NS)
    found = over(node, 2000)
    assert found.earned == 100 * 1 + 200 * 4
    assert over(node, 1000).earned == 100


def test_a_line_counts_its_time_as_its_calendar_says_from_a_moment_on(plant, tmp_path):
    node = plant("  time_model: semi-e10", CALENDAR)
    say(node, "A", ("State", 0, 1), ("State", H, 9), ("State", 2 * H, 1))
    assert over(node, 3 * H).model == "semi-e10"
    newer = CALENDAR.replace("2020-01-01", "2026-11-20").replace("timezone", "time_model: sitewise\ntimezone")
    (tmp_path / "config" / "calendar.yaml").write_text(newer)
    assert not node.production.load(tmp_path / "config").problems
    found = over(node, 3 * H)
    assert (found.model, round(found.availability, 3)) == ("sitewise", 0.667)
    assert over(node, 3 * H, model="iso22400").availability == 1
    (tmp_path / "config" / "calendar.yaml").write_text(newer.replace("sitewise", "sightwise").replace("11-20", "11-21"))
    assert "time_model" in str(node.production.load(tmp_path / "config").problems[0])


def test_the_time_models_of_production_and_compute_are_the_same():
    assert set(get_args(TimeModel)) == set(TIME_MODELS)


def test_a_machine_says_why_it_stands_until_a_person_does(plant):
    more = '  reason: Ideal\n  reasons: {17: "jam at the infeed", 18: no film}'.replace("Ideal", "Fault")
    node = plant(more)
    say(node, "A", ("Fault", 0, 0), ("State", 1, 1), ("State", 100, 4), ("Fault", 101, 17), ("Fault", 190, 0), ("State", 200, 1))
    say(
        node,
        "A",
        ("Fault", 299, 18),
        ("State", 300, 4),
        ("State", 400, 1),
        ("State", 500, 4),
        ("Fault", 500, 99),
        ("State", 600, 1),
    )
    first, second, third = node.compute.downtime("Hall/Line/A", T0, T0 + 700 * NS)
    assert (first.reason, first.code, first.by) == ("jam at the infeed", "17", "machine")
    assert (second.reason, second.code) == ("no film", "18"), "said just before it stood"
    assert (third.reason, third.code, third.by) == (None, "99", ""), "a code nobody gave a meaning is shown, not guessed"
    with node.db.begin() as tx:
        node.compute.code_stop(tx, first.id, "wrong carton")
    first, *_ = node.compute.downtime("Hall/Line/A", T0, T0 + 700 * NS)
    assert (first.reason, first.code, first.by) == ("wrong carton", "17", "person")
    worst = node.compute.bad_actors("Hall/Line/A", T0, T0 + 700 * NS)[0]
    assert {reason for reason, _ in worst.reasons} == {"wrong carton", "no film", ""}


def test_what_cannot_be_asked_is_told(plant):
    node = plant()
    with pytest.raises(InvalidInput, match="no time model"):
        over(node, 3600, model="iso2240")
    with pytest.raises(InvalidInput, match="has not begun"):
        over(node, -5)


def test_late_scrap_changes_the_figures(plant):
    node = plant()
    say(node, "A", ("State", 0, 1), ("Good", 0, 0), ("Bad", 0, 0), ("Good", 900, 900))
    assert over(node, 1000).quality == 1
    say(node, "A", ("Bad", 950, 100))
    assert over(node, 1000).quality == 0.9


def test_elements_and_states_in_small():
    import pyarrow as pa

    empty = pa.table({"ts": pa.array([], pa.int64()), "value": pa.array([], pa.int64()), "q": pa.array([], pa.int16())})
    assert [s.state for s in stretches(empty, None, {}, 0, 10)] == [UNKNOWN]
    assert [s.state for s in stretches(empty, (-5, True), mapping({"True": "running"}), 0, 10)] == ["running"]
    assert (written(4.0), written(4), written(True), written("On")) == ("4", "4", "true", "On")
    assert elements([], [], 0) == []


def test_a_line_whose_constraint_moved_sums_times_and_counts_of_both_machines(plant):
    node = plant()
    say(node, "A", ("State", 0, 1), ("State", 3 * H, 4), ("Good", 0, 0), ("Good", 2 * H, 5000))
    say(node, "B", ("State", 0, 1), ("Good", 0, 0), ("Good", 5 * H, 120))
    both = over(node, 5 * H, "Hall/Line", start=2 * H)
    assert both.elements["calendar"] == 3 * H
    assert (both.elements["actual_production"], both.elements["down"]) == (2 * H, H)
    assert both.availability == pytest.approx(2 / 3)
    assert both.counts == {"good": 120, "bad": 0}
    assert [(p["machine"], p["start"], p["end"]) for p in both.parts] == [
        ("Hall/Line/A", "2026-11-20T08:00:00Z", "2026-11-20T10:00:00Z"),
        ("Hall/Line/B", "2026-11-20T10:00:00Z", "2026-11-20T11:00:00Z"),
    ]
    assert both.constraint == "Hall/Line/B"


def test_semi_e10_counts_standby_as_uptime_and_loses_it_as_performance(plant):
    node = plant()
    say(node, "A", ("State", 0, 1), ("State", H, 2), ("State", 2 * H, 4), ("State", 3 * H, 9), ("State", 4 * H, 1))
    say(node, "A", ("Good", 0, 0), ("Good", H, 3600))
    found = over(node, 4 * H, model="semi-e10")
    assert found.e10 == {
        "productive": H,
        "standby": H,
        "scheduled_downtime": 0,
        "unscheduled_downtime": H,
        "non_scheduled": H,
    }
    assert (found.availability, found.performance, found.quality) == (pytest.approx(2 / 3), 0.5, 1)
    assert found.oee == pytest.approx(1 / 3) == over(node, 4 * H).oee


def test_bad_actors_are_ranked_by_what_their_own_standstill_cost(plant):
    node = plant("  micro_stop: 5m")
    say(node, "A", ("State", 0, 1), ("State", 100, 4), ("State", 160, 1), ("State", H, 2), ("State", 2 * H, 1))
    say(node, "B", ("State", 0, 1), ("State", H, 4), ("State", H + 1800, 1), ("State", 2 * H, 4), ("State", 3 * H, 1))
    worst, other = node.compute.bad_actors("Hall", T0, T0 + 4 * H * NS)
    assert (worst.asset, worst.down_s, worst.failures) == ("Hall/Line/B", 5400, 2)
    assert (worst.cost, worst.mtbf_s, worst.mttr_s) == (1350, 4500, 2700)
    assert "900 per hour" in worst.assumption
    assert (other.asset, other.cost, other.failures, other.mtbf_s) == ("Hall/Line/A", 0, 0, None), "starved is B's doing"


def check(node, second, passed=None, **more):
    entry = {"check": "weight", "machine": "Hall/Line/A", "at": iso(T0 + second * NS), **more}
    with node.db.begin() as tx:
        node.production.quality.add(tx, QualityEntry.model_validate(entry if passed is None else {**entry, "passed": passed}))


@pytest.mark.parametrize(("more", "bad"), [("", 0), ("  checks: parts", 2)])
def test_a_failed_check_is_a_part_only_where_the_model_says_so(plant, more, bad):
    node = plant(more)
    node.compute.corrections._settles = 10**19  # the fixture's time lies in the past
    say(node, "A", ("State", 0, 1), ("Good", 0, 0), ("Bad", 0, 0), ("Good", 1000, 1000))
    check(node, 200, passed=False)
    check(node, 300, value=5.1, low=5)
    check(node, 400, value=4.9, low=5)
    check(node, 500, passed=False)
    check(node, 500, passed=True)
    found = over(node, 1000)
    assert found.counts == {"good": 1000 - bad, "bad": bad}
    assert found.quality == (1000 - bad) / 1000
    assert over(node, 250).counts["bad"] == bad / 2
    assert node.production.quality.list()[0]["passed"], "entered again with another verdict, it is corrected"


def test_a_failed_check_that_comes_late_waits_like_any_scrap(plant):
    node = plant("  checks: parts")
    say(node, "A", ("State", 0, 1), ("Good", 0, 0), ("Good", 1000, 1000))
    node.compute.corrections._settles = 0
    check(node, 200, passed=False)
    assert (over(node, 1000).counts["bad"], over(node, 1000).waiting) == (0, 1)
