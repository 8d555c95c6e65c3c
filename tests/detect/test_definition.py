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
    (
        f"{LIMIT}, on_delay: HotAbove",
        "the on_delay 'HotAbove' is in degC, which is no time - give the attribute 'HotAbove' a unit",
    ),
    (f"{LIMIT}, on_delay: -5", "is negative - 0 or more"),
    ("name: A, property: Vibration, operator: '>', limit: HotAbove", "the limit 'HotAbove' is in degC, the value in mm/s"),
    ("name: A, property: Temperature, operator: '>', limit: 1, off_delay: HotAbov", "or the name of an attribute (did you mean"),
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
    ("name: A, when: \"Vibration == '7'\"", "compares a text with a number, which has no answer (character 14 of its formula)"),
    ("name: A, when: \"Vibration == '7'\"", "write 7 without quotes"),
    ("name: A, when: Mode == 3", "(character 9 of its formula) - a text stands in quotes: '3'"),
    ('name: A, when: "Vibration > 1 and gt(Mode, 2)"', "gt() compares a text with a number"),
    ("name: A, when: Mode > Vibration", "compare the text with a text in quotes, the number with a number"),
    ("name: A, when: Mode == HotAbove", "compares a text with a number"),
    ("name: A, when: Running and Mode", "'and' joins conditions, this is a text (character 13 of its formula) - compare Mode"),
    ("name: A, when: Vibration > HotAbove", "'>' joins mm/s with °C (character 11 of its formula)"),
    (f"{LIMIT}, suppress_when: 'Mode == 1'", "a text stands in quotes: '1'"),
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


def test_each_asset_sets_delays_deadband_and_silences_by_its_attributes(make):
    """One model, two pumps: the second waits longer, comes back further and may be silent longer."""
    lines = (
        "  - {name: Slow, property: Vibration, operator: '>', limit: 7, deadband: Band, on_delay: Wait, off_delay: Calm}",
        "  - {name: Quiet, property: Temperature, missing: Silence}",
    )
    watch: Watch = make(*lines)
    model = (watch.folder / "models" / "pump.yaml").read_text().replace("version: 1", "version: 2")
    more = (
        "  - {name: Band, kind: attribute, type: double, unit: mm/s, default: 0.5}\n"
        "  - {name: Wait, kind: attribute, type: double, unit: min, default: 1}\n"
        "  - {name: Calm, kind: attribute, type: string, default: 5s}\n"
        "  - {name: Silence, kind: attribute, type: double, default: 10}\nalarms:"
    )
    (watch.folder / "models" / "pump.yaml").write_text(model.replace("alarms:", more))
    plant = (watch.folder / "plant.yaml").read_text()
    own = "attributes: {HotAbove: 60, Band: 3, Wait: 2, Calm: 1m, Silence: 30}"
    (watch.folder / "plant.yaml").write_text(plant.replace("attributes: {HotAbove: 60}", own))
    watch.start()
    assert watch.problems == []

    def both(at, value):
        for tag in ("Pump/Vibration", "Pump2/Vibration"):
            watch.feed((at, value), tag=tag)
        return [watch.named("Slow", asset)["state"] for asset in ("Bakery/Pump", "Bakery/Pump 2")]

    assert both(1, 9.0) == ["normal", "normal"]
    assert both(62, 9.0) == ["unack", "normal"]
    assert both(122, 9.0) == ["unack", "unack"]
    assert both(130, 6.0) == ["unack", "unack"]
    assert both(136, 6.0) == ["rtn-unack", "unack"], "6 is within the band of the second pump"
    assert both(140, 3.0) == ["rtn-unack", "unack"]
    assert both(201, 3.0) == ["rtn-unack", "rtn-unack"]
    watch.now = 11
    watch.detect.tick()
    assert [watch.named("Quiet", asset)["state"] for asset in ("Bakery/Pump", "Bakery/Pump 2")] == ["unack", "normal"]
    with watch.db.begin() as tx:
        watch.assets.set_attribute(tx, "Bakery/Pump/Wait", -1.0)
    (problem,) = watch.detect.reload()
    assert "at Bakery/Pump the on_delay is -1" in problem.what
    assert watch.named("Slow", "Bakery/Pump 2")["retired"] is False
