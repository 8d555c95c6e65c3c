"""A wrong definition says what is wrong, where, and how to mend it; and stops no other."""

from __future__ import annotations

import pytest

from lineshaft.core import SystemEvent
from tests.detect.conftest import VIBRATION, Watch

LIMIT = "name: A, property: Vibration, operator: '>', limit: 1"
WRONG = [
    ("property: Vibration, operator: '>', limit: 1", "alarm 2: the name is missing"),
    ("name: A, property: Vibratoin, operator: '>', limit: 1", "did you mean 'Vibration'"),
    ("name: A, property: Vibration, operator: '>', limit: HotAbov", "did you mean 'HotAbove'"),
    (f"{LIMIT}, dedband: 2", "did you mean 'deadband'"),
    (f"{LIMIT}, deadband: -2", "is negative"),
    (f"{LIMIT}, deadband: HotAbov", "the deadband 'HotAbov' is neither a number nor an attribute - did you mean 'HotAbove'"),
    ("name: A, property: Vibration, operator: '=>', limit: 1", "the operator is '=>' - one of > >= < <= == !="),
    ("name: A, property: Vibration, operator: '>'", "'A' has no limit - for example"),
    ("name: A, property: Vibration, limit: 1", "'A' has no operator - for example"),
    ("name: A, property: Vibration, operator: '>', limit: [1]", "the limit is [1] - a number, or the name of an attribute"),
    ("name: A, operator: '>', limit: 1", "names no property"),
    ("name: A, property: Vibration", "has no condition - give operator and limit, or when"),
    (f"{LIMIT}, when: 'Vibration > 1'", "more than one condition"),
    ("name: A, property: Mode, operator: '>', limit: X", "use == or !="),
    ("name: A, property: HotAbove, operator: '>', limit: 1", "is an attribute: it is never measured"),
    (f"{LIMIT}, on_delay: soon", "'soon' is not a duration - write for example"),
    (f"{LIMIT}, stale_after: 0", "is no time at all"),
    (f"{LIMIT}, priority: 9", "the priority is 9 - from 1 (the most urgent) to 5"),
    (f"{LIMIT}, priority: 9, kind: warning", "the priority is 9; the kind is 'warning'"),
    (f"{LIMIT}, impact: huge, respond_within: 5m", "one of minor, moderate, major, severe"),
    (f"{LIMIT}, impact: major", "give both: they make the priority"),
    (f"{LIMIT}, impact: major, respond_within: 5m, priority: 1", "leave one of them out"),
    (f"{LIMIT}, failure_mode: this-is-much-too-long-for-a-code", "at most 20 characters"),
    ("name: High, property: Vibration, operator: '>', limit: 1", "two alarms 'High'"),
    ("name: A, when: 'Vibraton > 3'", "did you mean 'Vibration'? "),
    ("name: A, when: 'Vibration > '", "(character 13 of its formula)"),
    ("name: A, when: 'avg(Vibration) > 3'", "avg() works over a window"),
    ("name: A, when: 'pretrigger(Vibration) > 3'", "looks at values of now - make a metric or transform of it"),
    ("name: A, when: 'HotAbove > 3'", "looks at no measured value"),
    ("name: A, when: 'v > 3', inputs: {v: Vibratin}", "did you mean 'Vibration'"),
    ("name: A, when: Mode", "gives a text, and a condition is true or false - compare it"),
    (f"{LIMIT}, suppress_when: 'not Runing'", "did you mean 'Running'"),
    ("name: A, property: Vibration, missing: 10s, heartbeat: 10s", "more than one condition"),
    ("name: A, property: Vibration, missing: 10s, on_delay: 5s", "leave the delays out"),
    ("name: A, property: Vibration, missing: 10s, deadband: 5", "a deadband without a limit"),
]


def test_every_wrong_definition_is_named_with_its_line_and_stops_no_other(make):
    events: list[SystemEvent] = []
    watch: Watch = make(VIBRATION)
    watch.bus.on(SystemEvent, events.append)
    version = 1
    for line, words in WRONG:
        version += 1
        watch.write(VIBRATION, f"  - {{{line}}}", version=version)
        watch.assets.load(watch.folder)
        (problem,) = watch.detect.reload()
        assert words.strip() in str(problem), line
        assert problem.where.endswith("pump.yaml:11"), line
        assert problem.hint, f"{line}: nothing says how to mend it"
        assert events[-1].active
        assert words.strip() in events[-1].message
    watch.feed((1, 9.0), (4, 9.0))
    assert watch.alarm["state"] == "unack"
    watch.write(VIBRATION, version=version + 1)
    watch.assets.load(watch.folder)
    assert watch.detect.reload() == []
    assert not events[-1].active


@pytest.mark.parametrize(("impact", "within", "priority"), [("severe", "1m", 1), ("major", "5m", 2), ("minor", "2h", 4)])
def test_consequence_and_time_to_respond_make_the_priority(make, impact, within, priority):
    watch: Watch = make(f"  - {{{LIMIT}, impact: {impact}, respond_within: {within}}}")
    assert (watch.alarm["priority"], watch.alarm["impact"]) == (priority, impact)


def test_each_asset_sets_limit_and_deadband_by_its_attributes_also_while_the_plant_runs(make):
    watch: Watch = make("  - {name: Hot, property: Temperature, operator: '>', limit: HotAbove, deadband: Band}")
    (problem,) = watch.problems
    assert "'Band' is neither a number nor an attribute" in problem.what
    watch.write("  - {name: Hot, property: Temperature, operator: '>', limit: HotAbove}", version=2)
    watch.start()
    assert [watch.named("Hot", asset)["limit"] for asset in ("Bakery/Pump", "Bakery/Pump 2")] == [80, 60]
    watch.feed((1, 70.0), tag="Pump/Temperature")
    assert watch.alarm["state"] == "normal"
    with watch.db.begin() as tx:
        watch.assets.set_attribute(tx, "Bakery/Pump/HotAbove", 65.0)
    watch.detect.reload()
    assert watch.alarm["limit"] == 65
    watch.feed((2, 70.0), tag="Pump/Temperature")
    assert watch.alarm["state"] == "unack"


def test_an_attribute_that_is_no_number_is_told_for_its_asset_only(make):
    watch: Watch = make("  - {name: Hot, property: Temperature, operator: '>', limit: HotAbove, deadband: HotAbove}")
    assert watch.problems == []
    with watch.db.begin() as tx:
        watch.assets.set_attribute(tx, "Bakery/Pump 2/HotAbove", -1.0)
    (problem,) = watch.detect.reload()
    assert "at Bakery/Pump 2 the deadband is -1" in problem.what
    assert [row["asset"] for row in watch.detect.alarms(False)] == ["Bakery/Pump"]
