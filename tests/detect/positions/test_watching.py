"""What keeps a position from being judged: said where it is so, and not where the machine only stands."""

from __future__ import annotations

from lineshaft.detect.positions.reading import Reading
from lineshaft.detect.positions.watching import SILENT, STUCK, Watching
from lineshaft.detect.vibration import Position

STEP = 600 * 10**9


def watching(**streams: str) -> Watching:
    row = {"memory": {}, "noticed": [], "now": {}, "through": 0, "since": 0, "created": 0, "every": STEP, "unsent": []}
    return Watching(Position("end", power_kw=30), {**row, "vibration": "", "temperature": "", **streams})


def take(one: Watching, steps: int, vibration=None, temperature=None, *, running=True) -> str:
    for _ in range(steps):
        one.take(Reading(one.through + STEP, vibration, temperature, running))
    return one.now.get("trouble", "")


def test_a_machine_that_stands_still_has_no_stuck_sensor():
    one = watching(vibration="v")
    assert take(one, 3 * STUCK, 0.0, running=False) == ""
    assert take(one, STUCK, 0.0) == ""
    assert "stuck" in take(one, 1, 0.0)
    assert take(one, 1, 0.0, running=False) == "", "now it says nothing of the sensor"


def test_a_sensor_of_temperature_alone_that_is_silent_is_told():
    one = watching(temperature="t")
    assert take(one, SILENT, None, None) == ""
    assert take(one, 1) == "no value has come lately: is the sensor connected, and its source running?"
    assert take(one, 1, None, 40.0) == ""
    assert "no value" in take(one, SILENT + 1)


def test_of_two_sensors_the_one_that_is_silent_is_named():
    one = watching(vibration="v", temperature="t")
    assert take(one, 1, 1.0, 40.0) == ""
    for step in range(SILENT + 1):
        said = take(one, 1, 1.0 + step / 100)
    assert said == "no temperature has come lately: is the sensor connected, and its source running?"
    assert take(one, 1, 2.0, 40.0) == ""
