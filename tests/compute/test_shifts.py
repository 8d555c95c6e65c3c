"""Metrics over the shifts of a calendar: one value a shift, right across both changes of the clock."""

from __future__ import annotations

import pytest

from lineshaft.core import iso, parse_time, samples
from tests.compute.node import Node

H = 3600
MODEL = """
model: Machine
properties:
  - {name: X, kind: measurement, type: double}
  - {name: Running, kind: metric, unit: s, window: shift, formula: "statetime(x)", inputs: {x: X}}
  - {name: Count, kind: metric, window: shift, formula: "count(x)", inputs: {x: X}}
"""
PLANT = "assets:\n  - {name: L, children: [{name: M, model: Machine, source: plc, tag_prefix: 'M/'}]}\n"
CALENDAR = """
calendar: Early
timezone: Europe/Berlin
valid_from: "2020-01-01T00:00:00Z"
shifts:
  - {name: Early, days: [mon, tue, wed, thu, fri, sat, sun], start: "06:00", end: "14:00"}
lines: [L]
"""


@pytest.fixture
def config(tmp_path):
    folder = tmp_path / "config"
    (folder / "models").mkdir(parents=True)
    (folder / "models" / "machine.yaml").write_text(MODEL)
    (folder / "plant.yaml").write_text(PLANT)
    (folder / "calendar.yaml").write_text(CALENDAR)
    return folder


def say(node, *points):
    node.arrive("plc", samples([{"tag": "M/X", "ts": parse_time(at), "value": value} for at, value in points]))
    for _ in range(8):
        node.close_windows()


def shifts(node, name="Running"):
    return {iso(ts): value for ts, value in node.values(f"L/M/{name}").items()}


@pytest.mark.parametrize(
    ("eve", "day", "ends"),
    [
        ("2026-03-28", "2026-03-29", ("2026-03-28T13:00:00Z", "2026-03-29T12:00:00Z")),
        ("2026-10-24", "2026-10-25", ("2026-10-24T12:00:00Z", "2026-10-25T13:00:00Z")),
    ],
)
def test_the_early_shift_has_eight_hours_on_the_day_the_clock_changes(tmp_path, config, eve, day, ends):
    with Node(tmp_path / "home", config) as node:
        assert not node.compute.problems()
        node.compute.clock = lambda: parse_time(f"{day}T23:00:00Z")
        say(node, (f"{eve}T01:00:00Z", 1.0), (f"{day}T11:00:00Z", 0.0), (f"{day}T22:00:00Z", 0.0))
        second = 7 * H if day.startswith("2026-03") else 6 * H
        assert shifts(node) == {ends[0]: 8 * H, ends[1]: second}
        assert shifts(node, "Count") == {ends[0]: 0, ends[1]: 1}


def test_late_values_write_their_shift_anew(tmp_path, config):
    with Node(tmp_path / "home", config) as node:
        node.compute.clock = lambda: parse_time("2026-01-08T00:00:00Z")
        say(node, ("2026-01-05T04:00:00Z", 1.0), ("2026-01-07T22:00:00Z", 1.0))
        assert shifts(node) == dict.fromkeys(("2026-01-05T13:00:00Z", "2026-01-06T13:00:00Z", "2026-01-07T13:00:00Z"), 8 * H)
        say(node, ("2026-01-05T20:00:00Z", 0.0), ("2026-01-07T06:00:00Z", 1.0))
        assert list(shifts(node).values()) == [8 * H, 0, 7 * H], "also what lies between two shifts is carried into the next"


def test_a_new_calendar_is_followed_from_its_moment_on(tmp_path, config):
    with Node(tmp_path / "home", config) as node:
        node.compute.clock = lambda: parse_time("2026-01-08T00:00:00Z")
        say(node, ("2026-01-05T04:00:00Z", 1.0), ("2026-01-05T22:00:00Z", 1.0))
        newer = CALENDAR.replace("2020-01-01T00", "2026-01-06T00").replace('"14:00"', '"12:00"')
        (config / "calendar.yaml").write_text(newer)
        assert not node.production.load(config).problems
        node.compute.calendars_changed()
        say(node, ("2026-01-07T22:00:00Z", 1.0))
        assert list(shifts(node).values()) == [8 * H, 6 * H, 6 * H]


def test_shifts_without_a_calendar_are_told(tmp_path, config):
    (config / "calendar.yaml").unlink()
    with Node(tmp_path / "home", config) as node:
        (problem,) = {problem.what for problem in node.compute.problems()}
        assert problem == "its windows are shifts, and 'L/M' has no calendar"
        (config / "calendar.yaml").write_text(CALENDAR)
        node.production.load(config)
        node.compute.calendars_changed()
        assert not node.compute.problems()
