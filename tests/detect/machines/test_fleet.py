"""Like machines: a model each or one from the rows of all; labels with fault codes; what a version would have raised; ONNX."""

from __future__ import annotations

import numpy as np
import pytest

from lineshaft.connect.edge.exported import Exported
from lineshaft.core import InvalidInput, NotFound
from lineshaft.detect.machines.book import absolute
from lineshaft.detect.machines.verdict import takes_over
from lineshaft.detect.model_tables import models
from tests.detect.machines.test_machines import ENGINEER, MINUTE, NAMES, PUMP, ROWS, Node

FLEET = {"name": "Pumps", "under": "Site", "model": "Pump", "properties": [*NAMES], "lookback": f"{ROWS}m"}
SETTINGS = {"drivers": ["Load"], "off": "Current < 1"}


@pytest.fixture
def node(tmp_path):
    made = Node(tmp_path, pumps=("Pump", "Second pump"))
    made.feed(0, ROWS)
    yield made
    made.plant.stop()


def fleet(node, **wanted):
    with node.plant.db.begin() as tx:
        return node.machines.book.create_fleet(tx, ENGINEER, {**FLEET, "settings": SETTINGS, **wanted})


@pytest.mark.timeout(400)
def test_a_model_each_waits_its_turn(node):
    models = fleet(node)
    assert [one["asset"] for one in models] == [PUMP, "Site/Second pump"]
    assert models[1]["settings"]["drivers"] == ["Site/Second pump/Load"]
    assert models[1]["settings"]["off"] == "`Site/Second pump/Current` < 1"
    begun = []
    for one in models:
        with node.plant.db.begin() as tx:
            begun.append(node.machines.train(tx, one["id"], "eva", node.at(ROWS)))
    trainings = [node.machines.begin(rows) for rows in begun]
    for one in trainings:
        one.wait(300)
    for one in models:
        version = node.machines.book.number(one["id"], 1)
        assert version["state"] == "ready", version["error"]
    assert [row["name"] for row in node.machines.book.fleet("Pumps")] == ["Pumps: Site/Pump", "Pumps: Site/Second pump"]


def test_together_they_learn_one_model_that_works_on_each(node):
    models = fleet(node, together=True)
    version = node.train(models[1]["id"], ROWS)
    assert version["state"] == "ready", version["error"]
    assert node.machines.book.number(models[0]["id"], 1)["state"] == "ready", "the others got theirs too"
    assert version["about"]["rows"] > 1.9 * ROWS
    made, _ = node.machines.version(models[1]["id"], 1)
    assert made.sensors == tuple(f"Site/Second pump/{name}" for name in NAMES[1:])
    node.feed(ROWS, ROWS + 500, drift=2.5)
    _, scored = node.machines.scores(models[0]["id"], 1, node.at(ROWS), node.at(ROWS + 500))
    assert scored.alerts[0].sensors[0][0] == f"{PUMP}/Bearing"


def test_labels_with_codes_are_left_out_and_held_against(node):
    with node.plant.db.begin() as tx:
        wanted = {"start": node.at(400), "end": node.at(500), "code": "BRG"}
        one = node.machines.labels.add(tx, PUMP, ENGINEER, wanted)
        with pytest.raises(InvalidInput, match="in the future"):
            node.machines.labels.add(tx, PUMP, ENGINEER, {**wanted, "end": node.at(10**7)})
        with pytest.raises(InvalidInput, match="ends before"):
            node.machines.labels.add(tx, PUMP, ENGINEER, {**wanted, "end": node.at(300)})
    model = node.create(name="pump")
    version = node.train(model["id"], ROWS)
    assert version["about"]["left_out"]["labelled"] >= 100
    assert version["backtest"]["labels"][0]["code"] == "BRG"
    assert "not found: BRG" in version["backtest"]["said"], "nothing was wrong then, whatever the label says"
    told = node.machines.backtest(model["id"], 1, node.at(0), node.at(ROWS))
    assert told.recall == 0
    with node.plant.db.begin() as tx:
        node.machines.labels.remove(tx, one["id"])
        with pytest.raises(NotFound):
            node.machines.labels.remove(tx, one["id"])
    assert node.machines.backtest(model["id"], 1, node.at(0), node.at(ROWS)).recall is None


def test_a_finding_nobody_judged_is_not_learned_from_until_it_ended(node):
    model = node.create(name="pump")
    node.train(model["id"], ROWS)
    node.use(model["id"], 1, "active")
    node.feed(ROWS, ROWS + 400, drift=2.5)
    for minute in range(ROWS + 50, ROWS + 401, 50):
        node.machines.tick(node.at(minute))
    finding = node.found[0]
    node.machines.returned(PUMP, node.at(ROWS + 390))
    known = node.machines.labels.known(PUMP, node.at(ROWS), node.at(ROWS + 400))
    assert known == [(finding.evidence["start_ns"], node.at(ROWS + 390), "neutral", "")]


def test_a_version_is_exported_and_scores_the_same_elsewhere(node):
    model = node.create(name="pump")
    node.train(model["id"], ROWS)
    exported = Exported.load(node.machines.export(model["id"], 1))
    assert (exported.name, exported.version, exported.every) == ("pump", 1, MINUTE)
    node.feed(ROWS, ROWS + 300, drift=2.5)
    table = node.machines._gather(model["properties"], MINUTE, node.at(ROWS - 1), node.at(ROWS + 299)).table
    made, _ = node.machines.version(model["id"], 1)
    score, _ = exported.follow().take(table["time"], table)
    np.testing.assert_allclose(score, made.follow().take(table).score, rtol=1e-9)


def test_a_new_version_takes_over_only_if_it_is_no_worse_on_the_same_rows():
    first = {"alerts": [], "days": 30.0, "anomalies": 0, "found": 0, "false_alarms": 1, "time_in": {}}
    assert takes_over(first, {}) == (True, "no other version was active")
    assert takes_over({**first, "false_alarms": 3}, {}) == (False, "it is poor: a person decides")
    assert takes_over({"found": 2, "false_alarms": 1, "rival": {"found": 1, "false_alarms": 1}}, {})[0]
    takes, why = takes_over({"found": 1, "false_alarms": 0, "rival": {"found": 2, "false_alarms": 1}}, {})
    assert not takes
    assert why == "labelled anomalies found: 1, the active version 2; false alarms: 0, the active version 1"
    assert not takes_over({"found": 2, "false_alarms": 2, "rival": {"found": 2, "false_alarms": 1}}, {})[0]


@pytest.mark.timeout(400)
def test_it_is_trained_again_when_it_is_time_and_only_then(node):
    model = node.create(name="pump", retrain="30d", promote="better", lookback=f"{ROWS + 2000}m")
    node.train(model["id"], ROWS)
    node.machines._retrain()
    assert len(node.machines.book.versions(model["id"])) == 1
    with node.plant.db.begin() as tx:
        tx.execute(models.update().values(trained=node.start - 40 * 86_400 * 10**9))
    node.machines._retrain()
    node.machines._retrain()
    for training in list(node.machines._trainings.values()):
        training.wait(300)
    second, first = node.machines.book.versions(model["id"])
    assert (second["number"], second["state"], first["number"]) == (2, "ready", 1)
    assert second["by"] == "system:models"
    assert second["backtest"]["false_alarms"] <= second["backtest"]["rival"]["false_alarms"]
    assert node.machines.book.model(model["id"])["active"] == 2
    assert second["about"]["promotion"]["taken_over"]
    assert second["about"]["promotion"]["why"].startswith("labelled anomalies found: 0, the active version 0; false alarms: ")
    assert len(node.plant.guard.audit(action="models.train")) == 1


def test_one_machine_is_no_fleet_and_names_are_seen_from_the_asset(node):
    with pytest.raises(InvalidInput, match="0 assets") as told:
        fleet(node, model="Pmp")
    assert "Pump" in told.value.hint
    made = absolute({"drivers": ["Load"], "off": "`Load` < 1 or Load_2 > 3 and abs(Flow) < 2"}, "A/B", ["Load", "Load_2", "Flow"])
    assert made == {"drivers": ["A/B/Load"], "off": "`A/B/Load` < 1 or `A/B/Load_2` > 3 and abs(`A/B/Flow`) < 2"}
