"""The figures of every hour are kept as series: the number in SQL and Parquet is the one on the screen."""

from __future__ import annotations

import pytest

from lineshaft.compute import KEPT, ComputeSettings
from lineshaft.core import NS, parse_time, samples
from tests.compute.node import Node

T0 = parse_time("2026-11-20T06:00:00Z")
H = 3600
MODEL = """
model: Press
version: 3
properties:
  - {name: State, kind: measurement, type: integer}
  - {name: Good, kind: measurement, type: integer, counter: true}
  - {name: Bad, kind: measurement, type: integer, counter: true}
oee: {state: State, states: {1: running, 4: down}, good: Good, bad: Bad, ideal_cycle: 1}
"""


@pytest.fixture
def config(tmp_path):
    folder = tmp_path / "config"
    (folder / "models").mkdir(parents=True)
    (folder / "models" / "press.yaml").write_text(MODEL)
    (folder / "plant.yaml").write_text("assets:\n  - {name: A, model: Press, source: plc, tag_prefix: 'A/'}\n")
    return folder


def say(node, *points):
    node.compute.clock = lambda: T0 + 86_400 * NS
    node.arrive("plc", samples([{"tag": f"A/{tag}", "ts": T0 + round(s * NS), "value": v} for tag, s, v in points]))


def close(node, times=8):
    return sum(node.close_windows(T0 + 86_400 * NS) for _ in range(times))


def hours(node):
    return {(ts - T0) // (H * NS): values for ts, values in node.compute.kept("A", T0, T0 + 10 * H * NS).items()}


SHIFT = (("State", 0, 1), ("Good", 0, 0), ("Bad", 0, 0), ("Good", 1800, 900), ("State", 5400, 4), ("Bad", 7000, 100))


def test_hours_that_are_over_are_kept_with_elements_counts_and_ratios(tmp_path, config):
    with Node(tmp_path / "home", config) as node:
        say(node, *SHIFT, ("State", 2 * H + 60, 1))
        assert close(node) == 2 * len(KEPT)
        first, second = hours(node)[1], hours(node)[2]
        assert (first["actual_production"], first["planned_busy"], first["good"], first["oee"]) == (3600, 3600, 900, 0.25)
        assert (second["actual_production"], second["down"], second["bad"]) == (1800, 1800, 100)
        shown = node.compute.oee("A", T0, T0 + 2 * H * NS)
        assert shown.oee == pytest.approx(
            (first["earned_good"] + second["earned_good"]) / (first["planned_busy"] + second["planned_busy"])
        ), "sums of what is kept are what is shown"
        assert close(node) == 0


def test_late_values_write_their_hours_anew_and_the_same_again_is_not_written(tmp_path, config):
    with Node(tmp_path / "home", config) as node:
        say(node, *SHIFT, ("State", 4 * H, 1))
        close(node)
        assert hours(node)[3]["down"] == 3600
        say(node, ("State", H + 60, 4))
        assert close(node) == len(KEPT), "only the second hour is different"
        assert hours(node)[2]["down"] == 3540
        say(node, ("State", 6000, 1))
        close(node)
        assert [hours(node)[n]["down"] for n in (1, 2, 3)] == [0, 2340, 0], "up to the next value of the state"


def test_a_stop_in_between_loses_no_hour_and_doubles_none(tmp_path, config):
    with Node(tmp_path / "home", config) as node:
        say(node, *SHIFT, ("State", 2 * H + 60, 1))
        close(node)
        before = hours(node)
    with Node(tmp_path / "home", config) as node:
        node._seq = 100
        node.compute.clock = lambda: T0 + 86_400 * NS
        assert hours(node) == before
        assert close(node) == 0
        say(node, ("State", 3 * H + 60, 1))
        assert close(node) == len(KEPT)


def test_an_hour_nobody_knows_anything_about_is_absent_not_zero(tmp_path, config):
    with Node(tmp_path / "home", config) as node:
        say(node, ("Good", 0, 0), ("Good", 2 * H + 60, 5))
        assert close(node) == 0
        assert hours(node) == {}


def test_keeping_can_be_switched_off(tmp_path, config):
    with Node(tmp_path / "home", config, ComputeSettings(keep_figures=False)) as node:
        say(node, *SHIFT, ("State", 2 * H + 60, 1))
        assert close(node) == 0
