from __future__ import annotations

import pytest

from lineshaft.core import NS, Conflict, NotFound
from tests.compute.test_oee import T0, plant, say  # noqa: F401 - the fixture


def stops(node, start, end, path="Hall/Line/A"):
    return node.compute.downtime(path, T0 + start * NS, T0 + end * NS)


def seconds(stop):
    return (stop.start - T0) / NS, None if stop.end is None else (stop.end - T0) / NS


def standing(node):
    say(node, "A", ("State", 0, 1), ("State", 1000, 4), ("State", 1200, 1), ("State", 20000, 4), ("State", 30000, 1))
    say(node, "A", ("State", 40000, 3))


def test_stops_are_told_whole_whatever_was_asked(plant):  # noqa: F811
    node = plant("  micro_stop: 5m")
    standing(node)
    found = stops(node, 0, 50000)
    assert [(*seconds(s), s.state, s.micro) for s in found] == [
        (1000, 1200, "down", True),
        (20000, 30000, "down", False),
        (40000, None, "blocked", False),
    ]
    assert stops(node, 25000, 25001) == [found[1]]
    assert stops(node, 45000, 45001) == [found[2]]
    assert stops(node, 2000, 19000) == []
    assert [s.asset for s in stops(node, 0, 50000, "Hall")] == ["Hall/Line/A"] * 3


def test_reasons_are_given_afterwards_and_none_is_lost(plant):  # noqa: F811
    node = plant()
    standing(node)
    stop = stops(node, 0, 50000)[1]
    assert (stop.reason, stop.version) == (None, 0)
    with node.db.begin() as tx:
        assert node.compute.code_stop(tx, stop.id, "bearing") == 1
    with node.db.begin() as tx:
        assert node.compute.code_stop(tx, stop.id, "belt", version=1) == 2
    with pytest.raises(Conflict), node.db.begin() as tx:
        node.compute.code_stop(tx, stop.id, "motor", version=1)
    again = stops(node, 0, 50000)[1]
    assert (again.reason, again.version, again.id) == ("belt", 2, stop.id)
    assert [row["reason"] for row in node.compute.stop_history(stop.id)] == ["bearing", "belt"]
    with pytest.raises(NotFound), node.db.begin() as tx:
        node.compute.code_stop(tx, "nothing", "x")


def test_a_reason_stays_when_late_values_move_the_beginning(plant):  # noqa: F811
    node = plant()
    standing(node)
    stop = stops(node, 0, 50000)[1]
    with node.db.begin() as tx:
        node.compute.code_stop(tx, stop.id, "bearing")
    say(node, "A", ("State", 19990, 4))
    moved = stops(node, 0, 50000)[1]
    assert (seconds(moved), moved.reason) == ((19990, 30000), "bearing")
