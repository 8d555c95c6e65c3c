from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from lineshaft.core import InvalidInput
from lineshaft.detect import vibration


def steady(count, middle, spread, seed=0):
    return np.random.default_rng(seed).normal(middle, spread, count)


def test_zones_hold_from_the_first_reading():
    monitor = vibration.Monitor(vibration.Position("Fan", power_kw=11))
    told = monitor.take(0, vibration=4.8)
    assert (told.zone, told.state) == ("D", "warning")  # one reading alone does not alarm
    assert [(one.cause, one.scope) for one in told.new] == [("iso zone", "pointwise")]
    for at in range(1, 5):
        told = monitor.take(at, vibration=4.9)
    assert told.state == "alarm"
    assert [(one.severity, one.scope) for one in told.new] == [("alarm", "persistent")]
    assert "class I" in told.new[0].says


def test_an_alarm_stays_until_somebody_has_looked_and_repaired():
    monitor = vibration.Monitor(vibration.Position("Fan", power_kw=11))
    for at in range(6):
        monitor.take(at, vibration=5.0)
    for at in range(6, 30):
        assert monitor.take(at, vibration=0.5).state == "alarm"
    assert monitor.acknowledge() == "needs maintenance"
    assert monitor.take(31, vibration=0.5).state == "needs maintenance"
    assert monitor.repaired() == "healthy"
    assert monitor.take(32, vibration=0.5).state == "healthy"


def test_a_warning_eases_by_itself():
    monitor = vibration.Monitor(vibration.Position("Fan", power_kw=11))
    assert monitor.take(0, vibration=2.2).state == "warning"
    states = [monitor.take(at, vibration=0.5).state for at in range(1, 8)]
    assert states[-1] == "healthy"


def test_a_learned_baseline_finds_what_no_zone_does():
    values = np.concatenate([steady(300, 0.30, 0.006), steady(40, 0.42, 0.006, 1)])
    told = vibration.follow({"vibration": values}, vibration.Position("Small pump", power_kw=4, learn=144))
    assert {one.zone for one in told.judged} == {"A"}
    assert told.state == "alarm"
    assert told.first_alarm.cause == "vibration baseline"
    place = [one.at for one in told.judged].index(told.first_alarm.at)
    assert 300 < place < 320
    assert not [one for one in told.findings if one.at < told.judged[300].at]
    assert "0.3" in told.first_alarm.says


def test_a_bearing_that_warms_is_found_and_one_kelvin_is_not():
    vibrations = steady(400, 0.3, 0.006)
    for rise, state in ((12.0, "alarm"), (1.0, "healthy")):
        warm = np.concatenate([steady(300, 48, 0.3, 2), steady(100, 48 + rise, 0.3, 3)])
        table = {"vibration": vibrations, "warm": warm}
        told = vibration.follow(table, vibration.Position("Pump", power_kw=4), temperature="warm")
        assert told.state == state
        assert {one.cause for one in told.findings} == ({"temperature baseline"} if state == "alarm" else set())


def test_a_temperature_limit():
    monitor = vibration.Monitor(vibration.Position("Pump", power_kw=4, temperature_limit=90))
    states = [monitor.take(at, temperature=95).state for at in range(6)]
    assert (states[0], states[-1]) == ("warning", "alarm")


def test_a_machine_that_stands_still_is_not_learned():
    values = np.concatenate([np.full(200, 0.01), steady(400, 0.3, 0.006)])
    table = {"vibration": values, "on": [0] * 200 + [1] * 400}
    told = vibration.follow(table, vibration.Position("Pump", power_kw=4), running="on")
    assert told.monitor.vibration.usual == pytest.approx(0.3, rel=0.01)
    assert told.findings == ()


def test_readings_go_on_after_a_restart_as_if_nothing_had_been():
    place = vibration.Position("Pump", power_kw=4)
    values = np.concatenate([steady(200, 0.3, 0.006), steady(30, 0.42, 0.006, 1)])
    whole, parted = vibration.Monitor(place), vibration.Monitor(place)
    for at, value in enumerate(values):
        expected = whole.take(at, vibration=value)
        assert parted.take(at, vibration=value) == expected
        if at % 7 == 0:
            parted = vibration.Monitor.restore(place, json.loads(json.dumps(parted.as_dict())))


def test_new_parts_mean_a_new_baseline():
    monitor = vibration.Monitor(vibration.Position("Pump", power_kw=4, learn=20))
    for at in range(20):
        monitor.take(at, vibration=0.3)
    monitor.repaired()
    assert monitor.vibration.learned
    monitor.repaired(learn=True)
    assert not monitor.vibration.learned


def test_a_waveform_with_the_reading_names_the_part(struck):
    place = vibration.Position("Motor", power_kw=2, bearing=vibration.bearing("6205"), rpm=1796)
    wave = vibration.waveform(struck(5.4152 * 29.93), rate=12_000, unit="g")
    told = vibration.Monitor(place).take(0, vibration=vibration.velocity(wave).rms, waveform=wave)
    assert told.diagnosis.fault == "inner race"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, "zones.power"),
        ({"measure": "noise"}, "position.measure"),
        ({"power_kw": 4, "learn": 3}, "position.learn"),
        ({"power_kw": 4, "needed": 7}, "position.limits"),
        ({"power_kw": 4, "warning": 9}, "position.limits"),
    ],
)
def test_a_position_that_makes_no_sense_is_refused(given, code):
    with pytest.raises(InvalidInput) as refused:
        vibration.Position("Pump", **given)
    assert refused.value.code == code
    assert refused.value.hint


def test_a_table_that_makes_no_sense_is_refused():
    place = vibration.Position("Pump", power_kw=4)
    for table, word in (
        ({"shake": [1.0] * 30}, "no column"),
        ({"vibration": [None] * 30}, "no value"),
        ({"vibration": [-1.0]}, "below 0"),
    ):
        with pytest.raises(InvalidInput, match=word):
            vibration.follow(table, place)


def test_a_bearing_that_was_run_to_its_end(data_folder):
    path = data_folder / "ims_bearing" / "2nd_test_resmaple_10minutes.csv"
    if not path.is_file():
        pytest.skip(f"the recorded data is not here: {path}")
    with path.open() as file:
        rows = list(csv.DictReader(file))
    times = [row["Datetime"].replace(".", "-", 2).replace(".", "T", 1).replace(".", ":") for row in rows]
    table = {"time": times, "shake": [float(row["Bearing 1"]) for row in rows]}
    place = vibration.Position("Bearing 1", measure="other")
    told = vibration.follow(table, place, vibration="shake")
    life = [one.at for one in told.judged].index(told.first_alarm.at) / len(rows)
    assert 0.2 < life < 0.6
    early = told.judged[int(0.2 * len(rows))].at
    assert not [one for one in told.findings if one.at < early]
    scaled = {
        "time": times[::-1],
        "x": [1000 * value for value in table["shake"]][::-1],
    }  # another unit, another order, another name
    assert vibration.follow(scaled, place, vibration="x").first_alarm.at == told.first_alarm.at


def test_two_records_of_the_same_race_are_an_alarm_and_one_is_a_warning(struck):
    place = vibration.Position("Motor", power_kw=2, bearing=vibration.bearing("6205"), rpm=1796)
    monitor = vibration.Monitor(place)

    def taken(at, multiple, seed):
        return monitor.take(at, waveform=vibration.waveform(struck(multiple * 29.93, seed=seed), rate=12_000, unit="g"))

    first = taken(0, 5.4152, 1)
    assert [(one.cause, one.scope, one.severity) for one in first.new] == [("bearing", "pointwise", "warning")]
    assert first.state == "warning"
    other = taken(1, 3.5848, 2)  # the other race: nothing lasts yet
    assert other.state == "warning"
    monitor = vibration.Monitor.restore(place, json.loads(json.dumps(monitor.as_dict())))
    last = taken(2, 3.5848, 3)
    assert [(one.scope, one.severity) for one in last.new] == [("persistent", "alarm")]
    assert "outer race" in last.new[0].says
    assert last.state == "alarm"


def test_a_ball_raises_nothing_however_often_it_shows(struck):
    monitor = vibration.Monitor(vibration.Position("Motor", power_kw=2, bearing=vibration.bearing("6205"), rpm=1796))
    for at in range(4):
        wave = vibration.waveform(struck(4.7134 * 29.93, seed=at), rate=12_000, unit="g")
        told = monitor.take(at, waveform=wave)
        assert (told.new, told.state) == ((), "healthy")


def test_what_damages_the_machine_is_never_learned_as_usual():
    monitor = vibration.Monitor(vibration.Position("Fan", power_kw=11, learn=20))
    for at in range(40):
        monitor.take(at, vibration=6.0)
    assert not monitor.vibration.learned


def test_the_baseline_alone_judges_where_that_is_asked_for():
    place = vibration.Position("Small motor", power_kw=0.4, group="baseline", learn=20)
    assert place.zones is None
    assert vibration.Monitor(place).take(0, vibration=9.0).state == "healthy"


def test_the_temperature_of_a_machine_that_shakes_itself_apart_or_is_too_hot_is_never_learned_as_usual():
    monitor = vibration.Monitor(vibration.Position("Pump", power_kw=3, temperature_limit=85, learn=30))
    for at in range(5):
        monitor.take(at, vibration=1.0, temperature=50.0)
    for at in range(5, 40):
        told = monitor.take(at, vibration=9.0, temperature=80.0)
    assert (told.state, monitor.temperature.learned, monitor.vibration.learned) == ("alarm", False, False)
    for at in range(40, 60):
        monitor.take(at, vibration=1.0, temperature=50.0)
    assert not monitor.temperature.learned, "an alarm nobody has looked into is no usual time"
    monitor.repaired()
    for at in range(60, 80):
        monitor.take(at, vibration=1.0, temperature=90.0)
    assert not monitor.temperature.learned
    monitor.repaired()
    for at in range(80, 110):
        monitor.take(at, vibration=1.0, temperature=50.0)
    assert monitor.temperature.usual == 50.0
    assert monitor.vibration.usual == pytest.approx(1.0)
