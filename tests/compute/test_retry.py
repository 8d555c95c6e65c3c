"""A formula that fails for a moment: nothing is lost, not even by a crash, and everybody is told until it is mended."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from lineshaft.compute import metric, transform
from lineshaft.compute.tables import failed
from lineshaft.core import NS, samples
from tests.compute.node import Node

MODEL = """
model: Machine
properties:
  - {name: X, kind: measurement, type: double}
  - {name: Y, kind: measurement, type: double}
  - {name: Twice, kind: transform, formula: "2 * x", inputs: {x: X}}
  - {name: Both, kind: transform, formula: "t + y", inputs: {t: Twice, y: Y}}
  - {name: Sum, kind: metric, formula: "sum(t)", inputs: {t: Twice}, window: 1m}
  - {name: Double, kind: metric, formula: "s * 2", inputs: {s: Sum}, window: 1m}
"""
PLANT = "assets:\n  - {name: M, model: Machine, source: plc, tag_prefix: 'M/'}\n"


@pytest.fixture
def config(tmp_path):
    folder = tmp_path / "config"
    (folder / "models").mkdir(parents=True)
    (folder / "models" / "machine.yaml").write_text(MODEL)
    (folder / "plant.yaml").write_text(PLANT)
    return folder


def say(node, *points):
    node.compute.clock = lambda: 199 * NS
    node.arrive("plc", samples([{"tag": f"M/{tag}", "ts": round(s * NS), "value": float(v)} for tag, s, v in points]))


def close(node, times=1):
    for _ in range(times):
        node.close_windows(now=200 * NS)


def seconds(node, name):
    return {ts // NS: value for ts, value in node.values(f"M/{name}").items()}


def broken(monkeypatch, module, name="evaluated"):
    """Let an evaluation fail until the returned function is called."""
    whole = getattr(module, name)

    def fail(group, *rest):
        if "2 * x" in group.formula.text or "sum(t)" in group.formula.text:
            raise MemoryError("for a moment")
        return whole(group, *rest)

    monkeypatch.setattr(module, name, fail)
    return lambda: monkeypatch.setattr(module, name, whole)


EXPECTED = {
    "Twice": {10: 2.0, 20: 4.0, 30: 6.0, 70: 8.0},
    "Both": {15: 3.0, 20: 5.0, 25: 6.0, 30: 8.0, 70: 10.0},
    "Sum": {60: 12.0, 120: 8.0},
    "Double": {60: 24.0, 120: 16.0},
}
FIRST = (("X", 10, 1), ("Y", 15, 1))
MISSED = (("X", 20, 2),)
AFTER = (("Y", 25, 2), ("X", 30, 3), ("X", 70, 4), ("Y", 130, 1))


def check(node):
    both = seconds(node, "Both")
    assert {t: v for t, v in both.items() if t < 130} == EXPECTED["Both"]
    assert seconds(node, "Twice") == EXPECTED["Twice"]
    assert {t: v for t, v in seconds(node, "Sum").items() if t <= 120} == EXPECTED["Sum"]
    assert {t: v for t, v in seconds(node, "Double").items() if t <= 120} == EXPECTED["Double"]


def test_a_transform_that_failed_once_is_computed_again_with_all_that_stands_on_it(tmp_path, config, monkeypatch):
    with Node(tmp_path / "home", config) as node:
        say(node, *FIRST)
        mend = broken(monkeypatch, transform)
        say(node, *MISSED)
        mend()
        say(node, *AFTER)
        assert 20 not in seconds(node, "Twice")
        assert any(e.key.startswith("compute:failed") and e.active for e in node.told)
        close(node, 4)
        check(node)
        assert node.told[-1].key.startswith("compute:failed")
        assert not node.told[-1].active
        assert node.db.rows(sa.select(failed)) == []


def test_what_failed_before_a_crash_is_computed_after_it(tmp_path, config, monkeypatch):
    with Node(tmp_path / "home", config) as node:
        say(node, *FIRST)
        mend = broken(monkeypatch, transform)
        say(node, *MISSED)
        mend()
    with Node(tmp_path / "home", config) as node:
        node._seq = 10
        say(node, *AFTER)
        close(node, 4)
        check(node)


def test_while_it_fails_again_the_pause_doubles(tmp_path, config, monkeypatch):
    with Node(tmp_path / "home", config) as node:
        tried = []
        attempt = node.compute._retries.attempt
        say(node, *FIRST)
        broken(monkeypatch, transform)
        monkeypatch.setattr("lineshaft.compute.difference.evaluated", transform.evaluated)
        say(node, *MISSED)
        monkeypatch.setattr(node.compute._retries, "attempt", lambda *a: tried.append(1) or attempt(*a))
        close(node, 16)
        assert len(tried) == 4, "after 1, 2, 4 and 8 closings"
        assert node.db.rows(sa.select(failed))


def test_a_metric_that_failed_once_is_computed_again(tmp_path, config, monkeypatch):
    with Node(tmp_path / "home", config) as node:
        say(node, *FIRST, *MISSED, *AFTER)
        mend = broken(monkeypatch, metric, "_evaluated")
        close(node)
        mend()
        assert seconds(node, "Sum") == {}
        close(node, 4)
        check(node)


def test_a_batch_whose_computing_failed_as_a_whole_is_made_up_for(tmp_path, config, monkeypatch):
    with Node(tmp_path / "home", config) as node:
        say(node, *FIRST)
        monkeypatch.setattr(node, "_derive", node.compute.missed)
        say(node, *MISSED)
        monkeypatch.undo()
        say(node, *AFTER)
        close(node, 4)
        check(node)


def test_closed_windows_that_did_not_reach_the_store_are_given_again(tmp_path, config):
    with Node(tmp_path / "home", config) as node:
        say(node, *FIRST, *MISSED, *AFTER)
        lost = node.compute.close(200 * NS)
        assert lost.num_rows
        node.compute.not_taken()
        assert node.compute.close(200 * NS).equals(lost)
        node.compute.not_taken()
        close(node, 3)
        check(node)


def test_a_metric_that_stands_on_transforms_alone_closes_its_windows(tmp_path, config):
    with Node(tmp_path / "home", config) as node:
        say(node, ("X", 10, 1), ("X", 130, 1))
        close(node)
        assert seconds(node, "Sum") == {60: 2.0}
