"""A fleet's forecasts go on when its assets or their properties have another name or place; nothing is trained again."""

from __future__ import annotations

import pytest

from lineshaft.detect.fleet.training import learn
from tests.detect.fleet.test_fleets import HOUR, MODEL, PUMPS, Node


@pytest.fixture
def node(tmp_path):
    made = Node(tmp_path, lives=7)
    yield made
    made.plant.stop()


def move(node, path: str, parent: str | None, name: str) -> None:
    with node.plant.db.begin() as tx:
        node.plant.assets.move(tx, path, parent, name)


def remaining(node) -> dict[str, float]:
    return {row["asset"]: row["remaining"] for row in node.fleets.book.forecasts()}


def troubles(node) -> list:
    return [one for one in node.plant.system_events.current() if one.key.startswith("detect:life")]


@pytest.mark.slow
def test_forecasts_go_on_in_the_same_series_with_one_finding(node):
    fleet = node.create(low="20h", index={"property": "Vibration", "limit": 11.0})
    node.now -= HOUR
    node.train(fleet["id"])
    node.fleets.tick(node.now)
    before = remaining(node)
    (finding,) = node.plant.detect.findings()
    assert finding["asset"] == "Site/P0"

    move(node, "Site/P0", "Site", "Between")
    move(node, "Site/P1", "Site", "P0")
    move(node, "Site/Between", "Site", "P1")
    move(node, "Site", None, "Works")
    text = MODEL.replace("version: 1", "version: 2").replace("{name: Vibration,", "{name: Shake, was: Vibration,")
    folder = node.plant.home / "config"
    node.plant.assets.export(folder, canonical=True)
    (folder / "models" / "pump.yaml").write_text(text)
    assert node.plant.load_models() == []

    now = node.fleets.book.fleet(fleet["id"])
    assert now["assets"] == ["Works/P1", "Works/P0", "Works/P2"], "the first and the second have changed places"
    assert now["properties"][0] == "Shake"
    assert now["index"]["property"] == "Shake"
    assert {one["asset"] for one in now["lives"]} == set(now["assets"])
    assert remaining(node) == {"Works/P1": before["Site/P0"], "Works/P0": before["Site/P1"], "Works/P2": before["Site/P2"]}
    node.now += HOUR
    assert node.fleets.tick(node.now) == PUMPS
    assert troubles(node) == []
    assert remaining(node)["Works/P1"] == pytest.approx(before["Site/P0"], abs=3 * HOUR)
    assert len(node.plant.detect.findings()) == 1
    (again,) = node.plant.detect.findings()
    assert (again["id"], again["asset"]) == (finding["id"], "Works/P1")
    assert {one["property"].rpartition("/")[0] for one in again["sensors"]} == {"Works/P1"}
    told = {row["asset"]: row for row in node.fleets.book.forecasts()}["Works/P1"]
    assert "Vibration" not in {one["sensor"] for one in told["why"]}
    series = node.plant.store.history("Works/P1/Remaining life", node.now - 2 * HOUR, node.now + HOUR)
    assert len(series) == 2, "one series, before and after"
    assert len(node.fleets.book.versions(fleet["id"])) == 1
    version = node.train(fleet["id"])
    assert version["state"] == "ready", version["error"]
    assert "renamed" not in version["about"]


def test_a_rename_while_a_version_is_trained_and_a_property_that_is_gone(node):
    fleet = node.create(method="trend", index={"property": "Vibration", "limit": 11.0})
    with node.plant.db.begin() as tx:
        row = node.fleets.train(tx, fleet["id"], "eva", node.now)
    task = node.fleets.task(node.fleets.book.fleet(fleet["id"]), node.now)
    text = MODEL.replace("version: 1", "version: 2").replace("{name: Vibration,", "{name: Shake, was: Vibration,")
    path = node.plant.home / "config" / "models" / "pump.yaml"
    path.write_text(text)
    assert node.plant.load_models() == []
    node.fleets.trained(row, learn(task, lambda share, what: None))
    assert node.fleets.tick(node.now) == PUMPS
    assert troubles(node) == []
    assert all(one["error"] == "" for one in node.fleets.book.forecasts())
    plant = path.parent.parent / "plant.yaml"
    text_of = plant.read_text()
    plant.write_text("\n".join(line for line in text_of.splitlines() if "name: P1," not in line) + "\n")
    assert node.plant.load_models() == []
    assert node.fleets.tick(node.now + HOUR) == PUMPS, "one that is retired stops no other"
    errors = {one["asset"]: one["error"] for one in node.fleets.book.forecasts()}
    assert errors["Site/P1"].startswith("it is no longer part of the plant")
    assert errors["Site/P0"] == errors["Site/P2"] == ""
    gone = "\n".join(line for line in text.splitlines() if "name: Flow" not in line).replace("version: 2", "version: 3")
    path.write_text(gone)
    assert node.plant.load_models() == []
    node.fleets.tick(node.now + 2 * HOUR)
    (told,) = troubles(node)
    assert "there is no property 'Site/P0/Flow'" in told.message
    assert "was:" in told.hint
