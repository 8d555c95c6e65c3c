"""Conditions that are no limit: formulas over several values, silence, a heartbeat; and suppression by design."""

from __future__ import annotations

import pytest

from lineshaft.core import NS, Conflict
from lineshaft.detect import AlarmsSettings
from tests.detect.conftest import PUMP, Shelf, Watch

DRY = "  - {name: Dry, when: 'r and v < 0.5 and t > HotAbove', inputs: {r: Running, v: Vibration, t: Temperature}, on_delay: 2s}"
QUIET = "  - {name: Quiet, property: Vibration, missing: 30s}"
STUCK = "  - {name: Stuck, property: Vibration, heartbeat: 30s}"
IDLE = "  - {name: High, property: Vibration, operator: '>', limit: 7.1, suppress_when: 'not Running'}"


def say(watch, at, **values):
    for name, value in values.items():
        watch.feed((at, value), tag=f"Pump/{name}")


def test_a_formula_over_several_values_is_a_condition_with_delays_in_event_time(make):
    watch: Watch = make(DRY)
    say(watch, 1, Running=True, Vibration=0.2)
    assert (watch.alarm["state"], watch.alarm["input"]) == ("normal", "bad"), "what was never measured cannot be judged"
    say(watch, 2, Temperature=90.0)
    say(watch, 3, Temperature=91.0)
    assert (watch.alarm["state"], watch.alarm["input"]) == ("normal", "good")
    say(watch, 5, Vibration=0.1)
    up = watch.alarm
    assert (up["state"], up["raised"]) == ("unack", 4 * NS)
    assert (up["condition"], up["operator"], up["limit"]) == ("r and v < 0.5 and t > HotAbove", "==", 1)
    say(watch, 6, Running=False)
    assert watch.alarm["state"] == "rtn-unack"


def test_each_asset_judges_a_formula_by_its_own_attributes(make):
    watch: Watch = make("  - {name: Hot, when: Temperature > HotAbove}")
    for tag in ("Pump/Temperature", "Pump2/Temperature"):
        watch.feed((1, 70.0), tag=tag)
    assert [watch.named("Hot", asset)["state"] for asset in (PUMP, "Bakery/Pump 2")] == ["normal", "unack"]


def test_a_formula_can_ask_for_a_text(make):
    watch: Watch = make("""  - {name: Manual, when: "Mode == 'MANUAL' and Running"}""")
    say(watch, 1, Mode="MANUAL", Running=True)
    assert watch.alarm["state"] == "unack"
    say(watch, 2, Mode="AUTO")
    assert watch.alarm["state"] == "rtn-unack"


def test_a_bad_input_is_not_judged_and_the_alarm_says_so(make):
    watch: Watch = make("  - {name: Hot, when: Temperature > HotAbove and Running}")
    say(watch, 1, Temperature=90.0, Running=True)
    watch.feed((2, 20.0, 2), tag="Pump/Temperature")
    assert (watch.alarm["state"], watch.alarm["input"]) == ("unack", "bad")
    say(watch, 3, Temperature=20.0)
    assert (watch.alarm["state"], watch.alarm["input"]) == ("rtn-unack", "good")


def test_a_formula_takes_rows_late_or_again_only_once(make):
    watch: Watch = make("  - {name: Hot, when: Temperature > HotAbove}")
    say(watch, 5, Temperature=20.0)
    say(watch, 3, Temperature=99.0)
    assert watch.alarm["state"] == "normal"
    say(watch, 6, Temperature=99.0)
    log = watch.detect.history(watch.alarm["id"])
    say(watch, 6, Temperature=99.0)
    assert watch.detect.history(watch.alarm["id"]) == log


def test_a_formula_whose_writing_failed_is_judged_when_the_rows_come_again(make, monkeypatch):
    watch: Watch = make("  - {name: Hot, when: Temperature > HotAbove}")
    with monkeypatch.context() as broken:
        broken.setattr(watch.detect._register, "changed", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            say(watch, 1, Temperature=99.0)
    say(watch, 1, Temperature=99.0)
    assert watch.alarm["state"] == "unack"


def test_after_a_crash_a_formula_knows_what_its_other_inputs_said(make):
    watch: Watch = make("  - {name: Hot, when: Temperature > HotAbove and Running}", numbers=Shelf())
    say(watch, 1, Running=True, Temperature=20.0)
    watch.start()
    say(watch, 2, Temperature=99.0)
    assert (watch.alarm["state"], watch.alarm["raised"]) == ("unack", 2 * NS)


def test_after_a_crash_a_suppression_by_a_text_holds_on(make):
    alarm = """  - {name: High, property: Vibration, operator: '>', limit: 7.1, suppress_when: "Mode == 'MANUAL' and Running"}"""
    watch: Watch = make(alarm, numbers=Shelf())
    say(watch, 1, Mode="MANUAL", Running=True, Vibration=9.0)
    watch.start()
    assert watch.alarm["state"] == "suppressed"
    say(watch, 2, Running=False)
    assert watch.alarm["state"] == "unack"


@pytest.mark.parametrize("alarm", ["property: Vibration, operator: '>', limit: 7.1", "when: Vibration > 7.1"])
def test_a_new_definition_judges_the_value_that_stands(make, alarm):
    watch: Watch = make(numbers=Shelf())
    say(watch, 7, Vibration=9.0)
    watch.write(f"  - {{name: High, {alarm}}}", version=2)
    watch.start()
    assert (watch.alarm["state"], watch.alarm["raised"]) == ("unack", 7 * NS)
    watch.start()
    assert len(watch.told) == 0, "it was told when it began"


def test_silence_raises_and_the_next_good_value_ends_it(make):
    watch: Watch = make(QUIET)
    say(watch, 1, Vibration=1.0)
    watch.now = 29
    watch.detect.tick()
    assert watch.alarm["state"] == "normal"
    watch.feed((2, 1.0, 2))
    watch.now = 31
    watch.detect.tick()
    quiet = watch.alarm
    assert (quiet["state"], quiet["condition"], quiet["limit"], quiet["unit"]) == ("unack", "missing 30 s", 30, "s")
    assert quiet["value"] >= 30, "bad values are no sign of life"
    watch.feed((40, 9.9, 2))
    assert watch.alarm["state"] == "unack"
    say(watch, 41, Vibration=1.0)
    assert watch.alarm["state"] == "rtn-unack"


def test_what_was_never_heard_of_is_missing_too_and_a_reload_ends_no_silence(make):
    watch: Watch = make(QUIET)
    watch.now = 20
    watch.detect.reload()
    watch.now = 31
    watch.detect.tick()
    assert watch.alarm["state"] == "unack"
    watch.start()
    watch.detect.tick()
    assert watch.alarm["state"] == "unack", "it is on disk"


def test_a_value_that_stands_still_has_no_heartbeat(make):
    watch: Watch = make(STUCK)
    for at in range(1, 40, 3):
        watch.now = at
        say(watch, at, Vibration=4.2)
        watch.detect.tick()
    assert watch.alarm["state"] == "unack"
    say(watch, 41, Vibration=4.2)
    assert watch.alarm["state"] == "unack"
    say(watch, 42, Vibration=4.3)
    assert watch.alarm["state"] == "rtn-unack"
    watch.now = 60
    watch.detect.tick()
    assert watch.alarm["state"] == "rtn-unack"


def test_what_its_design_suppresses_is_hidden_while_the_formula_holds_and_comes_back_by_itself(make):
    watch: Watch = make(IDLE)
    say(watch, 1, Running=True, Vibration=9.0)
    say(watch, 2, Running=False)
    hidden = watch.alarm
    assert (hidden["state"], hidden["hidden_reason"]) == ("suppressed", "not Running")
    assert watch.detect.alarms() == []
    with pytest.raises(Conflict, match="suppressed by design") as refused:
        watch.do("show")
    assert "not Running" in refused.value.hint
    told = len(watch.told)
    say(watch, 3, Vibration=1.0)
    say(watch, 4, Vibration=9.0)
    assert len(watch.told) == told + 1, "its end is told, its beginning not"
    say(watch, 5, Running=True)
    assert watch.alarm["state"] == "unack"
    assert [line["by"] for line in watch.detect.history(hidden["id"]) if line["what"] == "suppress"] == ["rule:suppression"]


def test_a_shelf_ends_while_the_design_still_suppresses(make):
    watch: Watch = make(IDLE)
    say(watch, 1, Running=False, Vibration=9.0)
    watch.do("out_of_service", "dismantled")
    watch.do("show")
    assert watch.alarm["state"] == "suppressed"
    say(watch, 2, Running=True)
    assert watch.alarm["state"] == "unack"


def test_what_cannot_be_judged_suppresses_nothing(make):
    watch: Watch = make(IDLE, numbers=Shelf())
    say(watch, 1, Vibration=9.0)
    assert watch.alarm["state"] == "unack"
    say(watch, 2, Running=False)
    assert watch.alarm["state"] == "suppressed"
    watch.start()
    assert watch.alarm["state"] == "suppressed", "a restart keeps it"
    watch.feed((3, True, 2), tag="Pump/Running")
    assert watch.alarm["state"] == "unack"


def test_late_values_of_a_long_gap_are_noted_and_told_only_if_they_still_hold(make, monkeypatch):
    watch: Watch = make("  - {name: High, property: Vibration, operator: '>', limit: 7.1}")
    watch.settings = AlarmsSettings(late_after="60s")
    watch.start()
    monkeypatch.setattr(watch.detect, "_wall", lambda: 1000 * NS)
    watch.feed((100, 9.0), (200, 1.0))
    assert (watch.alarm["state"], watch.told) == ("normal", [])
    assert [line["what"] for line in watch.detect.history(watch.alarm["id"])][:2] == ["past-clear", "past-raise"]
    watch.feed((300, 9.0))
    assert (watch.alarm["state"], bool(watch.alarm["active"]), watch.told) == ("normal", True, [])
    watch.feed((990, 9.0))
    watch.detect.tick()
    assert (watch.alarm["state"], watch.alarm["raised"]) == ("unack", 300 * NS)
    assert len(watch.told) == 1
