from __future__ import annotations

import time

import numpy as np
import pyarrow as pa
import pytest

from lineshaft.core import NS, Conflict, InvalidInput, now_ns
from lineshaft.detect import AlarmCleared, AlarmRaised
from lineshaft.store import STORED
from tests.detect.conftest import PUMP, VIBRATION, Watch


def test_an_alarm_lives_its_whole_life_in_event_time(watch):
    watch.feed((1, 1.4), (2, 9.0), (3, 9.1))
    assert watch.alarm["state"] == "normal"
    watch.feed((4.5, 9.2))
    up = watch.alarm
    assert (up["state"], up["raised"], up["value"], up["limit"]) == ("unack", 4 * NS, 9.1, 7.1)
    assert [event.name for event in watch.told] == ["High"]
    event = watch.told[0]
    assert isinstance(event, AlarmRaised)
    assert (event.process, event.failure_mode, event.at, event.asset_path) == ("maintenance", "VIB", 4 * NS, PUMP)
    assert event.evidence["property"] == f"{PUMP}/Vibration"
    watch.do("acknowledge", "seen")
    assert (watch.alarm["state"], watch.alarm["acknowledged_by"]) == ("acked", "olga")
    watch.feed((6, 6.8), (9, 6.9))
    assert watch.alarm["state"] == "acked", "between limit and deadband it holds"
    watch.feed((10, 6.0), (11.2, 6.0))
    assert (watch.alarm["state"], watch.alarm["cleared"]) == ("normal", 11 * NS)
    assert isinstance(watch.told[1], AlarmCleared)
    assert [line["what"] for line in watch.detect.history(up["id"])][::-1] == ["input-good", "raise", "acknowledge", "clear"]
    assert [step.what for step in watch.steps] == ["input-good", "raise", "acknowledge", "clear"]


def test_a_return_to_normal_wants_an_acknowledgement_and_a_new_beginning_is_a_new_occurrence(watch):
    watch.feed((1, 9.0), (4, 9.0), (5, 1.0), (7, 1.0))
    assert watch.alarm["state"] == "rtn-unack"
    first = watch.alarm["occurrence"]
    assert [row["id"] for row in watch.detect.alarms()] == [watch.alarm["id"]]
    watch.feed((8, 9.0), (11, 9.0))
    assert watch.alarm["state"] == "unack"
    assert watch.alarm["occurrence"] != first
    watch.feed((12, 1.0), (14, 1.0))
    watch.do("acknowledge")
    assert watch.detect.alarms() == []
    with pytest.raises(Conflict, match="normal"):
        watch.do("acknowledge")


def test_rows_delivered_again_change_nothing_also_after_a_crash(watch):
    rows = [(1, 1.4), (2, 9.0), (4.5, 9.1), (5, 1.0), (7, 1.0), (8, 9.0)]
    watch.feed(*rows)
    before, log = watch.alarm, watch.detect.history(watch.alarm["id"])
    watch.feed(*rows)
    watch.start()
    watch.feed(*rows)
    assert watch.alarm == before
    assert watch.detect.history(before["id"]) == log
    assert watch.told == []
    watch.feed((10.5, 9.0))
    assert (watch.alarm["state"], watch.alarm["raised"]) == ("unack", 10 * NS), "a delay that was running runs on"


def test_a_value_that_stays_as_it_is_raises_when_its_delay_is_over(watch):
    watch.feed((1, 9.0))
    watch.now = 1.0
    watch.detect.tick()
    assert watch.alarm["state"] == "normal"
    watch.now = 2.1
    watch.detect.tick()
    assert (watch.alarm["state"], watch.alarm["raised"]) == ("unack", 3 * NS)


def test_bad_values_are_never_judged_but_seen(watch):
    watch.feed((1, 1.0), (2, 99.0, 2), (3, float("nan")), (9, 99.0, 1), (10, None))
    assert (watch.alarm["state"], watch.alarm["input"]) == ("normal", "bad")
    assert not watch.detect.is_normal(watch.alarm["id"])
    watch.feed((11, 1.0))
    assert watch.alarm["input"] == "good"
    assert watch.detect.is_normal(watch.alarm["id"])


def test_a_shelved_alarm_is_hidden_with_reason_and_end_and_comes_back_as_it_is(watch):
    with pytest.raises(InvalidInput):
        watch.do("shelve", now_ns() - 1, "late")
    with pytest.raises(InvalidInput, match="reason"):
        watch.do("shelve", now_ns() + NS, " ")
    watch.do("shelve", now_ns() + NS // 5, "sensor is being changed")
    watch.feed((1, 9.0), (4, 9.0))
    assert watch.detect.alarms() == []
    assert watch.told == []
    assert (watch.alarm["state"], watch.alarm["active"]) == ("shelved", True)
    time.sleep(0.21)
    watch.detect.tick()
    assert watch.alarm["state"] == "unack"
    assert len(watch.told) == 1


def test_out_of_service_hides_until_somebody_puts_it_back(watch):
    watch.do("out_of_service", "pump dismantled")
    watch.feed((1, 9.0), (4, 9.0), (5, 1.0), (7, 1.0))
    assert watch.detect.alarms() == []
    watch.do("show")
    assert watch.alarm["state"] == "normal"
    with pytest.raises(Conflict):
        watch.do("show")


def test_a_latched_alarm_wants_acknowledgement_and_reset(make):
    watch: Watch = make("  - {name: Hot, property: Temperature, operator: '>=', limit: HotAbove, latched: true}")
    watch.feed((1, 80.0), tag="Pump/Temperature")
    watch.feed((1, 61.0), (2, 59.0), tag="Pump2/Temperature")
    assert (watch.alarm["state"], watch.alarm["limit"]) == ("unack", 80)
    assert {row["state"] for row in watch.detect.alarms()} == {"unack", "latched-unack"}
    watch.feed((2, 79.0), tag="Pump/Temperature")
    assert watch.alarm["state"] == "latched-unack"
    with pytest.raises(Conflict, match="acknowledge it first"):
        watch.do("reset")
    watch.do("acknowledge")
    assert watch.alarm["state"] == "latched-acked"
    watch.do("reset")
    assert watch.alarm["state"] == "normal"


def test_words_and_switches_can_alarm_and_alerts_stay_out_of_the_operators_list(make):
    watch: Watch = make(
        "  - {name: Mode, property: Mode, operator: '==', limit: MANUAL, kind: alert}",
        "  - {name: Stopped, property: Running, operator: '==', limit: false}",
    )
    watch.feed((1, "AUTO"), (2, "MANUAL"), tag="Pump/Mode")
    watch.feed((1, True), (2, False), tag="Pump/Running")
    assert [row["name"] for row in watch.detect.alarms()] == ["Stopped"]
    assert [row["name"] for row in watch.detect.alarms(kind="alert")] == ["Mode"]
    watch.feed((3, "AUTO"), tag="Pump/Mode")
    assert watch.detect.alarms(kind="alert")[0]["state"] == "rtn-unack"


def test_silence_is_seen_where_a_definition_asks_for_it(make):
    watch: Watch = make("  - {name: High, property: Vibration, operator: '>', limit: 7.1, stale_after: 30s}")
    watch.feed((1, 1.0))
    watch.now = 31
    watch.detect.tick()
    assert watch.alarm["input"] == "stale"
    watch.feed((32, 1.0))
    assert watch.alarm["input"] == "good"


def test_a_changed_definition_keeps_the_alarm_and_a_removed_one_retires(watch):
    watch.feed((1, 9.0), (4, 9.0))
    before = watch.alarm
    watch.write(VIBRATION.replace("priority: 1", "priority: 2"), version=2)
    watch.start()
    assert (watch.alarm["id"], watch.alarm["state"], watch.alarm["priority"]) == (before["id"], "unack", 2)
    watch.write(version=3)
    watch.start()
    assert watch.detect.alarms(False, kind=None) == []


def test_a_stale_version_is_refused(watch):
    watch.feed((1, 9.0), (4, 9.0))
    with pytest.raises(Conflict) as stale:
        watch.do("acknowledge", "", watch.alarm["version"] - 1)
    assert stale.value.code == "version.conflict"


def test_a_failed_write_loses_nothing(watch, monkeypatch):
    rows = watch.stored((1, 9.0), (4, 9.0))
    with monkeypatch.context() as broken:
        broken.setattr(watch.detect._register, "changed", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            watch.detect.on_rows(rows)
    assert watch.alarm["input"] == "unknown"
    watch.detect.on_rows(rows)
    assert watch.alarm["state"] == "unack"


def test_a_quiet_plant_of_a_thousand_alarms_costs_a_few_comparisons(make):
    watch: Watch = make(*[f"  - {{name: H{n}, property: Vibration, operator: '>', limit: {9 + n}}}" for n in range(500)])
    watch.feed((1, 1.0))
    watch.feed((1, 1.0), tag="Pump2/Vibration")
    rng = np.random.default_rng(1)
    n = 20_000
    columns = [
        pa.array(rng.integers(0, 40, n), pa.int32()),
        pa.array(2 * NS + np.arange(n), STORED.field("ts").type),
        pa.array(rng.normal(1.4, 0.1, n)),
        *[pa.nulls(n, STORED.field(name).type) for name in ("vi", "vs", "vb")],
        pa.array(np.zeros(n), pa.int16()),
        pa.nulls(n, pa.int32()),
    ]
    rows = pa.RecordBatch.from_arrays(columns, schema=STORED)
    started = time.perf_counter()
    watch.detect.on_rows(rows)
    assert time.perf_counter() - started < 2
    assert watch.detect.alarms() == []
