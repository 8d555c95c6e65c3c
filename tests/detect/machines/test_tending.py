"""A model over its life: its schedule changed, values that come late waited for, versions in and out as files, taken away."""

from __future__ import annotations

import json

import numpy as np
import pytest

from lineshaft.core import NS, Conflict, InvalidInput, NotFound, parse_time
from lineshaft.detect import anomaly
from lineshaft.detect.machines.labelfile import read_labels
from lineshaft.detect.machines.verdict import verdict
from tests.detect.machines.test_machines import ENGINEER, MINUTE, NAMES, PUMP, ROWS, Node

DRIVEN = {"settings": {"drivers": [f"{PUMP}/Load"]}, "lookback": f"{ROWS}m"}


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    made = Node(tmp_path_factory.mktemp("node"))
    made.feed(0, ROWS + 400)
    yield made
    made.plant.stop()


def change(node, model_id, version=None, **changes):
    with node.plant.db.begin() as tx:
        return node.machines.book.change(tx, model_id, changes, version)


def remove(node, model_id):
    with node.plant.db.begin() as tx:
        return node.machines.remove(tx, model_id)


def take(node, model_id, content):
    with node.plant.db.begin() as tx:
        return node.machines.take_version(tx, model_id, content, "eva")


def test_schedule_name_and_settings_change_and_what_versions_are_made_of_does_not(node):
    model = node.create(name="changing")
    changes = {
        "name": "renamed",
        "retrain": "30d",
        "promote": "better",
        "delay": "10m",
        "failure_mode": "BRG",
        "lookback": "P180D",
    }
    row = change(node, model["id"], **changes, settings={"false_alarms": 0.5})
    days = 86_400 * NS
    assert (row["name"], row["retrain"], row["promote"], row["delay"]) == ("renamed", 30 * days, "better", 600 * NS)
    assert (row["lookback"], row["failure_mode"], row["settings"]) == (180 * days, "BRG", {"false_alarms": 0.5})
    assert change(node, model["id"], retrain="")["retrain"] == 0
    for wrong, code in (
        ({"every": "5m"}, "models.fixed"),
        ({"retrain": "1m"}, "models.often"),
        ({"retrain": "P1M"}, "duration.invalid"),
        ({"delay": "2d"}, "models.delay"),
        ({"settings": {"false_alarms": -1}}, "models.settings"),
    ):
        with pytest.raises(InvalidInput) as refused:
            change(node, model["id"], **wrong)
        assert refused.value.code == code
    with pytest.raises(Conflict):
        change(node, model["id"], version=1, retrain="60d")
    other = node.create(name="another")
    with pytest.raises(Conflict, match="a model 'renamed' already"):
        change(node, other["id"], name="renamed")
    assert remove(node, other["id"])["name"] == "another"
    with pytest.raises(NotFound):
        node.machines.book.model(other["id"])


def test_a_version_is_taken_out_and_in_and_waits_for_values_that_come_late(node, tmp_path):
    model = node.create(name="late", delay="10m")
    node.train(model["id"], ROWS)
    first = node.machines.version(model["id"], 1)[0]
    again = take(node, model["id"], node.machines.saved(model["id"], 1))
    assert (again["number"], again["state"], again["about"]["taken_in"]) == (2, "ready", True)
    assert node.machines.version(model["id"], 2)[0].sensors == first.sensors

    node.use(model["id"], 2, "active")
    with pytest.raises(Conflict, match="version 2 of 'late' is at work"):
        remove(node, model["id"])
    node.machines.tick(node.at(ROWS + 200))
    through = node.machines.book.number(model["id"], 2)["through"]
    assert through == node.at(ROWS + 189), "ten minutes and what values may need to arrive are waited for"
    change(node, model["id"], delay="")
    node.machines.tick(node.at(ROWS + 200))
    assert node.machines.book.number(model["id"], 2)["through"] == node.at(ROWS + 199)

    start, end = node.at(ROWS), node.at(ROWS + 120)
    table = node.machines.table(model["id"], 2, start, end)
    assert table.num_rows == 120
    assert table.column_names[:3] == ["time", "score", "reason"]
    shares = np.array([table[name].to_numpy() for name in table.column_names[3:]])
    np.testing.assert_allclose(shares.sum(axis=0), 1)
    lines = [json.loads(line) for line in node.machines.lines(model["id"], 2, start, end)]
    assert len(lines) == 120
    assert {line["prediction_reason"] for line in lines} == {"NO_ANOMALY_DETECTED"}
    assert parse_time(lines[0]["timestamp"] + "Z") == node.at(ROWS + 1)
    assert {one["name"] for one in lines[0]["diagnostics"]} == {f"{PUMP}/{name}" for name in NAMES if name != "Load"}
    assert lines[0]["anomaly_score"] == pytest.approx(table["score"][0].as_py(), abs=1e-5)

    node.use(model["id"], 2, "off")
    remove(node, model["id"])
    assert all(one["name"] != "late" for one in node.machines.book.list())


def test_a_model_of_a_notebook_is_fitted_to_the_machines_names(node):
    table = node.machines._gather([f"{PUMP}/{name}" for name in NAMES], MINUTE, node.at(0), node.at(ROWS)).table
    bare = {name.removeprefix(f"{PUMP}/"): values for name, values in table.items()}
    made = anomaly.fit(bare, drivers=["Load"], off="Current < 1")
    model = node.create(name="from a notebook")
    taken = take(node, model["id"], made.to_bytes())
    fitted = node.machines.version(model["id"], taken["number"])[0]
    assert fitted.settings.drivers == (f"{PUMP}/Load",)
    assert fitted.settings.off == f"`{PUMP}/Current` < 1"
    np.testing.assert_array_equal(fitted.score(table).score, made.score(bare).score)
    assert abs(taken["end"] - node.at(ROWS)) <= MINUTE

    odd = anomaly.fit({**bare, "Bering": bare["Flow"]}, ignore=["Flow"])
    with pytest.raises(InvalidInput, match="'Bering' is none of the model's properties") as refused:
        take(node, model["id"], odd.to_bytes())
    assert "Bearing" in refused.value.hint
    slow = anomaly.fit({name: values[::5] for name, values in bare.items()})
    with pytest.raises(InvalidInput, match="rows 300 s apart"):
        take(node, model["id"], slow.to_bytes())
    with pytest.raises(InvalidInput, match="not a saved model"):
        take(node, model["id"], b"no model")
    assert len(node.machines.book.versions(model["id"])) == 1, "what is refused leaves nothing"


def test_labels_of_a_file_are_taken_in_once(node):
    text = "2026-01-01T00:00:00Z,2026-01-02T00:00:00Z,ANOMALY,BRG\n2026-02-01T00:00:00Z,2026-02-02T00:00:00Z,NEUTRAL\n"
    said = read_labels(text, PUMP)
    for counts in ({"added": 2, "known": 0}, {"added": 0, "known": 2}):
        with node.plant.db.begin() as tx:
            assert node.machines.labels.take(tx, said, ENGINEER) == counts
    listed = node.machines.labels.list(PUMP, start=parse_time("2026-01-15T00:00:00Z"))
    assert [one["kind"] for one in listed] == ["neutral"]
    assert [one["kind"] for one in node.machines.labels.list(code="BRG")] == ["anomaly"]
    future = read_labels("2026-01-01T00:00:00Z,2026-01-03T00:00:00Z\n2026-01-01T00:00:00Z,2099-01-02T00:00:00Z", PUMP)
    with pytest.raises(InvalidInput, match="in the future") as refused, node.plant.db.begin() as tx:
        node.machines.labels.take(tx, future, ENGINEER)
    assert refused.value.where == "line 2"
    assert len(node.machines.labels.list(PUMP)) == 2, "all or none"


def test_a_look_at_the_data_counts_what_never_came_into_the_table(node):
    node.feed(10, 12)  # these minutes are there already
    wanted = {"every": MINUTE, "lookback": 2 * 86_400 * NS, "settings": {}}
    report = node.machines.look(PUMP, wanted).as_dict()
    assert report["summary"]["sensors"] == len(NAMES)
    assert report["summary"]["duplicate_timestamps"] == 2 * len(NAMES)
    assert report["summary"]["unsupported_timestamps"] == 0
    flaws = {flaw["code"]: flaw["what"] for flaw in report["sensors"][0]["flaws"]}
    assert flaws["overwritten"] == "2 values with the time of another"
    assert report["sensors"][0]["end"].startswith("20")


def told(**more):
    base = {"alerts": [], "days": 90.0, "anomalies": 0, "found": 0, "false_alarms": 0, "time_in": {"normal": 1.0}}
    return verdict({**base, **more}, {})


def test_a_version_is_good_poor_or_not_proven():
    assert verdict({}, {}) is None
    unlabelled = told()
    assert unlabelled.quality == "unproven"
    assert unlabelled.why[0].startswith("no labelled anomaly")
    good = told(anomalies=3, found=2, false_alarms=3)
    assert (good.quality, good.why) == ("good", ["2 of 3 labelled anomalies found", "false alarms: 3 in 90 days of running"])
    assert told(anomalies=3, found=1).why == ["only 1 of 3 labelled anomalies found"]
    assert told(false_alarms=4).why == ["false alarms: 4 in 90 days of running, at most 3 may be"]
    assert told(anomalies=1, found=1, time_in={"unknown_regime": 0.4, "bad_data": 0.2}).quality == "poor"
    assert told(anomalies=1, found=1, days=7.0).quality == "unproven"
    assert verdict(
        {"alerts": [], "days": 90, "anomalies": 1, "found": 1, "false_alarms": 3, "time_in": {}}, {"false_alarms": 0.5}
    )
