"""What was found in a time that a model is to learn from: left out until somebody has judged it, and said."""

from __future__ import annotations

import pytest

from lineshaft.core import iso
from lineshaft.detect.finding import Findings
from lineshaft.detect.model_tables import models
from tests.detect.machines.test_machines import ENGINEER, MINUTE, PUMP, ROWS, Node


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    made = Node(tmp_path_factory.mktemp("plant"))
    made.feed(0, ROWS)
    made.machines.ingest = lambda batches: None  # nobody takes scores in: this node has no pipeline
    yield made
    made.plant.stop()


def find(node, first, last, label=None, *, asset=PUMP, ns=True):
    start, end = node.at(first), node.at(last)
    evidence = {"start_ns": start, "end_ns": end} if ns else {"start": iso(start), "end": iso(end)}
    with node.plant.db.begin() as tx:
        one = Findings(node.plant.db, node.plant.bus).add(tx, asset, "anomaly", 0.7, by=ENGINEER, evidence=evidence)
        if label:
            node.plant.detect.label(tx, one["id"], label, ENGINEER)
    return one["id"]


def warnings(version):
    return [one for one in version["about"]["thresholds"]["warnings"] if "nobody has judged" in one]


def test_findings_nobody_has_judged_are_left_out_and_said(node):
    find(node, 100, 200, "confirmed")
    find(node, 300, 350, "false_alarm")
    model = node.create(name="pump")
    wanted = {"every": MINUTE, "lookback": (ROWS + 2000) * MINUTE}
    assert [one.code for one in node.machines.look(PUMP, wanted).table if one.code == "unjudged"] == []
    before = node.train(model["id"], ROWS)
    assert warnings(before) == []
    assert before["about"]["left_out"]["labelled"] == 101, "what was confirmed is left out, what was a false alarm is learned"

    open_ = find(node, 400, 500, ns=False)
    find(node, 600, 640, asset=f"{PUMP}/Motor")
    (said,) = [one for one in node.machines.look(PUMP, wanted).table if one.code == "unjudged"]
    assert said.figure == 2
    assert iso(node.at(400)) in said.what
    assert "judge them" in said.action
    model = node.machines.book.model(model["id"])
    with node.plant.db.begin() as tx:
        (begun,) = node.machines.train(tx, model["id"], "eva", node.at(ROWS))
        assert "2 findings that nobody has judged lie in this time" in begun["about"]["notes"][0], "said as it begins"
        tx.rollback()
    version = node.train(model["id"], ROWS)
    assert version["about"]["left_out"]["labelled"] == 101 + 101 + 41
    assert warnings(version)[0].startswith(said.what)
    assert version["backtest"]["anomalies"] == 1, "what nobody has judged is held against no model, for or against"
    with node.plant.db.begin() as tx:
        node.plant.detect.label(tx, open_, "false_alarm", ENGINEER)
    judged = node.train(model["id"], ROWS)
    assert judged["about"]["left_out"]["labelled"] == 101 + 41, "a false alarm's time is normal running"
    assert warnings(judged)[0].startswith("a finding that nobody has judged lies in this time")


def test_a_finding_that_lasts_is_left_out_until_now_also_where_a_model_is_trained_by_its_schedule(node, monkeypatch):
    model = node.create(name="again", promote="better", retrain="1h")
    with node.plant.db.begin() as tx:
        for one in node.machines.labels.unjudged(PUMP, node.at(0), node.at(ROWS)):
            node.plant.detect.label(tx, one.id, "false_alarm", ENGINEER)
    node.train(model["id"], ROWS)
    node.use(model["id"], 1, "active")
    node.feed(ROWS, ROWS + 400, drift=2.0)
    for minute in range(ROWS + 20, ROWS + 401, 20):
        node.machines.tick(node.at(minute))
    (found,) = [one for one in node.plant.detect.findings(asset=PUMP) if one["label"] is None]
    assert found["evidence"]["lasts"]
    (left,) = node.machines.labels.unjudged(PUMP, node.at(0), node.at(ROWS + 400))
    assert (left.start, left.end) == (found["at"], node.at(ROWS + 400)), "what it began with is not all of its time"

    begun = []
    monkeypatch.setattr(node.machines, "begin", begun.extend)
    monkeypatch.setattr(node.machines, "_clock", lambda: node.at(ROWS + 400))
    with node.plant.db.begin() as tx:
        tx.execute(models.update().where(models.c.id == model["id"]).values(trained=node.at(0)))
    node.machines._retrain()
    assert [row["model_id"] for row in begun] == [model["id"]]
    (member,) = node.machines.task(begun).members
    assert (left.start, left.end, "neutral", "") in member.labels
    assert any("lies in this time" in note and "…" in note for note in member.notes)
