"""Of alarms that come together, the first is named; whatever order their values arrive in."""

from __future__ import annotations

import random

from lineshaft.core import NS
from lineshaft.detect.firstout import WITHIN, groups
from tests.detect.conftest import OPERATOR, PUMP, Watch


def row(name, area, at, state="unack"):
    return {"id": name, "name": name, "area": area, "raised": None if at is None else at * NS, "state": state}


def test_alarms_within_a_minute_of_each_other_are_one_group_in_the_order_they_began():
    rows = [row("c", "L1", 110), row("a", "L1", 10), row("b", "L1", 60), row("x", "L2", 20), row("late", "L1", 300)]
    rows += [row("never", "L1", None)]
    for seed in range(5):
        random.Random(seed).shuffle(rows)
        (group,) = groups(rows)
        assert [one["name"] for one in group.alarms] == ["a", "b", "c"]
        assert (group.first["name"], group.area, group.start, group.end) == ("a", "L1", 10 * NS, 110 * NS)


def test_a_group_stays_known_while_one_of_it_stands_and_the_newest_is_first():
    old = [row("a", "L1", 10, "normal"), row("b", "L1", 11, "normal")]
    assert groups(old) == []
    young = [row("c", "L1", 500, "normal"), row("d", "L1", 501)]
    other = [row("e", "L2", 600), row("f", "L2", 601, "rtn-unack")]
    assert [group.first["name"] for group in groups([*old, *young, *other])] == ["e", "c"]


def test_the_bound_itself_is_still_together():
    at = WITHIN // NS
    assert len(groups([row("a", "L", 0), row("b", "L", at)])) == 1
    assert groups([row("a", "L", 0), row("b", "L", at + 1)]) == []


def test_a_definition_can_name_its_group_and_hidden_alarms_stay_out(make):
    watch: Watch = make(
        "  - {name: V, property: Vibration, operator: '>', limit: 7, group: lube}",
        "  - {name: T, property: Temperature, operator: '>', limit: 50, group: lube}",
        "  - {name: R, property: Running, operator: '==', limit: false}",
    )
    watch.feed((5, 9.0))
    watch.feed((3, 90.0), tag="Pump/Temperature")
    watch.feed((4, False), tag="Pump/Running")
    (group,) = watch.detect.groups()
    assert (group.area, [one["name"] for one in group.alarms]) == ("Bakery:lube", ["T", "V"])
    with watch.db.begin() as tx:
        for name in ("T", "V"):
            watch.detect.out_of_service(tx, watch.named(name, PUMP)["id"], OPERATOR, "overhaul")
    assert watch.detect.groups() == []


def test_the_first_out_stays_known_when_it_goes_and_comes_again(make):
    watch: Watch = make(
        "  - {name: V, property: Vibration, operator: '>', limit: 7}",
        "  - {name: T, property: Temperature, operator: '>', limit: 50}",
        "  - {name: R, property: Running, operator: '==', limit: false}",
    )
    watch.feed((3, 9.0))
    watch.feed((5, 90.0), tag="Pump/Temperature")
    watch.feed((8, False), tag="Pump/Running")
    watch.feed((100, 1.0), (300, 9.0))
    (group,) = watch.detect.groups()
    assert ([one["name"] for one in group.alarms], group.first["raised"]) == (["V", "T", "R"], 3 * NS)


def test_an_alarm_that_chatters_joins_nothing_that_lies_apart():
    rows = [row("chatters", "L", at, "normal") for at in range(0, 600, 50)] + [row("a", "L", 10), row("b", "L", 580)]
    assert [len(group.alarms) for group in groups(rows)] == [2, 2]
    assert not any({"a", "b"} <= {one["name"] for one in group.alarms} for group in groups(rows))
