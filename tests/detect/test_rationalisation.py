"""Why an alarm exists: records that are added, never overwritten, and count over the model file; alerts become alarms by them."""

from __future__ import annotations

import itertools
from typing import get_args

import pytest

from lineshaft.core import NS, Conflict, InvalidInput
from lineshaft.detect import AlarmRaised, Decision, Impact
from lineshaft.detect.rank import IMPACTS, STEPS, TABLE, priority_of
from tests.detect.conftest import OPERATOR, PUMP, VIBRATION

WORDS = {"cause": "a worn bearing", "consequence": "the line stops", "action": "reduce the load"}


def decide(watch, alarm_id=None, version=None, **more):
    said = {"kind": "alarm", "impact": "major", "respond_within": 300 * NS, **WORDS, **more}
    with watch.db.begin() as tx:
        return watch.detect.rationalise(tx, alarm_id or watch.alarm["id"], Decision(**said), OPERATOR, version)


def test_a_record_makes_the_priority_and_counts_over_the_file_also_after_a_reload(watch):
    assert (watch.alarm["priority"], watch.alarm["rationalised"]) == (1, None)
    record = decide(watch, note="HAZOP 12")
    assert (record["number"], record["priority"], record["by"], record["outdated"]) == (1, 2, "olga", False)
    for _ in range(2):
        row = watch.alarm
        assert (row["priority"], row["cause"], row["respond_within"]) == (2, "a worn bearing", 300 * NS)
        assert row["rationalised"] == record["at"]
        watch.start()
    assert watch.steps == [], "reading it again is no step of its life"


def test_records_are_added_and_the_newest_counts(watch):
    decide(watch)
    decide(watch, impact="minor", respond_within=3600 * NS)
    assert [(one["number"], one["priority"]) for one in watch.detect.rationalisation(watch.alarm["id"])] == [(2, 4), (1, 2)]
    assert watch.alarm["priority"] == 4
    assert [line["what"] for line in watch.detect.history(watch.alarm["id"])] == []


def test_a_record_says_when_its_condition_is_another(watch):
    decide(watch)
    watch.write(VIBRATION.replace("7.1", "9.3"), version=2)
    watch.start()
    (record,) = watch.detect.rationalisation(watch.alarm["id"])
    assert record["outdated"]
    assert (record["basis"]["limit"], watch.alarm["limit"]) == (7.1, 9.3)


@pytest.mark.parametrize("name", ["cause", "consequence", "action"])
def test_what_nobody_can_act_on_is_no_alarm(watch, name):
    with pytest.raises(InvalidInput, match=f"the {name} is missing") as refused:
        decide(watch, **{name: " "})
    assert refused.value.where == name
    with pytest.raises(InvalidInput, match="no time to respond"):
        decide(watch, respond_within=0)
    assert watch.detect.rationalisation(watch.alarm["id"]) == []


def test_two_people_do_not_decide_over_each_other(watch):
    version = watch.alarm["version"]
    decide(watch, version=version)
    with pytest.raises(Conflict):
        decide(watch, version=version)
    assert len(watch.detect.rationalisation(watch.alarm["id"])) == 1


def test_an_alert_of_a_detector_becomes_an_operators_alarm_by_a_record_only(watch):
    with watch.db.begin() as tx:
        first = watch.detect.find(tx, PUMP, "anomaly", 0.9, by=OPERATOR)
    alert = watch.named("Finding: anomaly")
    assert (alert["kind"], alert["state"], alert["origin"]) == ("alert", "unack", "finding")
    assert watch.detect.alarms() == []
    assert not any(isinstance(event, AlarmRaised) for event in watch.told), "a finding tells of itself"
    with watch.db.begin() as tx:
        watch.detect.label(tx, first["id"], "confirmed", OPERATOR)
    assert watch.named("Finding: anomaly")["state"] == "normal"
    decide(watch, alert["id"])
    watch.start()
    with watch.db.begin() as tx:
        watch.detect.find(tx, PUMP, "anomaly", 0.9, by=OPERATOR)
    assert [row["name"] for row in watch.detect.alarms()] == ["Finding: anomaly"]
    (told,) = [event for event in watch.told if isinstance(event, AlarmRaised)]
    assert (told.kind, told.priority) == ("alarm", 2)


def test_the_table_of_priorities_never_rises_with_more_time_or_less_consequence():
    assert set(IMPACTS) == set(get_args(Impact)) == set(TABLE)
    for row in TABLE.values():
        assert list(row) == sorted(row)
    for lower, higher in itertools.pairwise(IMPACTS):
        assert all(a >= b for a, b in zip(TABLE[lower], TABLE[higher], strict=True))
    assert [priority_of("severe", bound) for bound in (STEPS[0] - 1, STEPS[1], STEPS[2])] == [1, 2, 3]
