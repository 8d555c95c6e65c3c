"""A sensor position goes on when its machine gets another name or place: what it learned, its values and its findings."""

from __future__ import annotations

import pytest

from tests.detect.positions.test_positions import PUMP, Node


@pytest.fixture
def node(tmp_path):
    made = Node(tmp_path)
    yield made
    made.close()


def test_a_position_of_a_machine_with_another_name_is_judged_on(node):
    watch = node.positions._detect
    watch.reload()
    made = node.commission()
    node.feed(0, 70)
    node.tick(60)
    node.feed(70, 80, shake=0.68)
    node.tick(80)
    assert node.now()["state"] == "alarm"
    count = len(node.found)
    with node.db.begin() as tx:
        node.assets.move(tx, PUMP, None, "P7")
    watch.reload()
    node.feed(80, 90, shake=0.68)
    node.tick(90)
    (row,) = node.positions.book.list()
    assert (row["id"], row["path"], row["state"]) == (made["id"], "P7/Drive end", "alarm")
    assert len(node.found) == count, "one finding, and not a second"
    findings = watch.findings()
    assert {one["asset"] for one in findings} == {"P7"}
    assert {one["evidence"]["property"] for one in findings} == {"P7/Vibration"}
    assert {one["evidence"]["position"] for one in findings} == {"P7/Drive end"}
    assert len(node.store.history("P7/Drive end/State", 0, node.at(100))) == 90, "one series, before and after"
