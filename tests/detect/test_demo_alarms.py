"""The demo's alarms are well made: hours of the line play without one that comes and goes, and a broken pump raises them all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
import yaml

import lineshaft.detect
from lineshaft.connect.simulators.bakery import Line
from lineshaft.core import NS, parse_duration
from lineshaft.detect.condition import Change, Condition, limits, walk
from lineshaft.detect.definition import AlarmDefinition

MODELS = Path(lineshaft.detect.__file__).parents[1] / "examples" / "bakery" / "models"
DOWN = 4
READ: dict[str, Callable[[Line], float]] = {
    "Cooler down": lambda line: float(line.machines[3].state == DOWN),
    "Oven temperature deviation": lambda line: abs(line.oven_temperature - 220),
    "Coolant pump vibration high": lambda line: line.pump.vibration,
    "Coolant pump bearing hot": lambda line: line.pump.bearing,
}
"""What each alarm watches, as the models' formulas say it."""


def alarms() -> dict[str, AlarmDefinition]:
    files = (yaml.safe_load(file.read_text("utf-8")) for file in sorted(MODELS.glob("*.yaml")))
    found = [AlarmDefinition.model_validate(one) for file in files for one in file.get("alarms", ())]
    return {one.name: one for one in found}


def seconds(line: Line, count: int) -> list[dict[str, float]]:
    """Play so many seconds and read the line after each."""
    rows: list[dict[str, float]] = []
    for _ in range(count):
        for _ in range(10):
            line.step()
        rows.append({name: read(line) for name, read in READ.items()})
    return rows


def changes(alarm: AlarmDefinition, values: Iterable[float]) -> list[Change]:
    value = np.array(list(values))
    rule = limits(str(alarm.operator), float(alarm.limit or 0), float(alarm.deadband))
    delays = (parse_duration(alarm.on_delay), parse_duration(alarm.off_delay))
    return walk(Condition(), rule, delays, np.arange(len(value), dtype=np.int64) * NS, value)[1]


def test_every_alarm_of_the_demo_is_played():
    assert set(alarms()) == set(READ)


@pytest.mark.parametrize("seed", [7, 8])
def test_no_alarm_comes_in_hours_of_a_sound_line(seed: int):
    rows = seconds(Line(seed), 2 * 3600)
    down = np.array([row["Cooler down"] for row in rows])
    assert np.count_nonzero(np.diff(down) > 0) >= 5  # it does stop, for seconds at a time
    assert {name: changes(one, (row[name] for row in rows)) for name, one in alarms().items()} == {name: [] for name in READ}


def test_a_broken_pump_raises_what_follows_from_it_once_and_its_repair_ends_it():
    line = Line(7)
    seconds(line, 600)
    line.faults["pump"] = True
    rows = seconds(line, 400)
    line.faults["pump"] = False
    rows += seconds(line, 600)
    told = {
        name: [(one.active, one.at // NS) for one in changes(alarm, (row[name] for row in rows))]
        for name, alarm in alarms().items()
    }
    assert told.pop("Oven temperature deviation") == []
    for name, (raised, cleared) in told.items():
        assert (raised[0], cleared[0]) == (True, False), name
        assert raised[1] <= 60, name
        assert 400 <= cleared[1] <= 430, name
    order = sorted(told, key=lambda name: told[name][0][1])
    assert order[0] == "Coolant pump vibration high"
    assert told[order[0]][0][1] <= 15
