"""A plant renames and moves its machines and their properties: models, labels and findings go with them, untrained."""

from __future__ import annotations

import pytest

from lineshaft.assets import Assets
from lineshaft.core import Bus
from lineshaft.detect.machines.opening import as_named, renamed_settings
from lineshaft.detect.machines.record import Record
from lineshaft.detect.machines.training import learn
from lineshaft.detect.moving import composed
from lineshaft.maintain import ReturnedToService
from tests.detect.machines.test_machines import ENGINEER, NAMES, PUMP, ROWS, Node


@pytest.fixture
def node(tmp_path):
    made = Node(tmp_path)
    made.feed(0, ROWS)
    yield made
    made.plant.stop()


def move(node, path: str, parent: str | None, name: str) -> None:
    with node.plant.db.begin() as tx:
        node.plant.assets.move(tx, path, parent, name)


def files(node, plant: str = "", **models: str) -> None:
    folder = node.plant.home / "config"
    for name, text in models.items():
        (folder / "models" / f"{name}.yaml").write_text(text)
    if plant:
        (folder / "plant.yaml").write_text(plant)
    assert node.plant.load_models() == []


def working(node, **wanted):
    model = node.create(name="pump", settings={"drivers": [f"{PUMP}/Load"], "off": f"`{PUMP}/Load` < 1"}, **wanted)
    node.train(model["id"], ROWS)
    node.use(model["id"], 1, "active")
    return model


def troubles(node) -> list[str]:
    return [one.message for one in node.plant.system_events.current() if one.key.startswith("detect:models:")]


def model_of(node):
    (model,) = node.machines.book.list()
    return model


def test_an_alert_that_lasts_goes_on_through_every_rename_and_move_as_one_finding(node):
    model = working(node)
    with node.plant.db.begin() as tx:
        span = {"start": node.at(10), "end": node.at(20)}
        node.machines.labels.add(tx, PUMP, ENGINEER, span)
    node.feed(ROWS, ROWS + 700, drift=4.0)
    node.machines.tick(node.at(ROWS + 300))
    node.machines.tick(node.at(ROWS + 500))
    (finding,) = node.plant.detect.findings()
    assert finding["asset"] == PUMP
    before = node.machines.book.number(model["id"], 1)

    move(node, PUMP, "Site", "Feed pump")
    move(node, "Site", None, "Works")
    move(node, "Works/Feed pump", None, "Pump 7")
    node.machines.tick(node.at(ROWS + 600))
    kept = (node.plant.home / "config" / "models" / "pump.yaml").read_text()
    changed = kept.replace("version: 1", "version: 2").replace("{name: Bearing,", "{name: Bearing temperature, was: Bearing,")
    files(node, models_plant(node), pump=changed.replace("{name: Load,", "{name: Speed, was: Load,"))
    node.machines.tick(node.at(ROWS + 700))

    assert troubles(node) == []
    names = {"Bearing": "Bearing temperature", "Load": "Speed"}
    now = model_of(node)
    assert now["asset"] == "Pump 7"
    assert now["properties"] == [f"Pump 7/{names.get(name, name)}" for name in NAMES]
    assert now["settings"] == {"drivers": ["Pump 7/Speed"], "off": "`Pump 7/Speed` < 1"}
    row = node.machines.book.number(model["id"], 1)
    assert row["through"] > before["through"]
    assert row["alerts"] == 1
    assert row["now"]["reason"] == "anomaly"
    assert len(node.machines.book.versions(model["id"])) == 1, "nothing is trained again"
    (again,) = node.plant.detect.findings()
    assert (again["id"], again["asset"]) == (finding["id"], "Pump 7")
    assert again["sensors"][0]["property"] == "Pump 7/Bearing temperature"
    assert {one["sensor"] for one in again["evidence"]["explanation"]} <= set(now["properties"])
    (alert,) = node.plant.detect.alarms(kind="alert")
    assert (alert["asset"], alert["property"]) == ("Pump 7", "Pump 7/Bearing temperature")
    assert [one["asset"] for one in node.machines.labels.list("Pump 7")] == ["Pump 7"]
    (score,) = node.plant.store.latest(["Pump 7/Anomaly score"])
    assert score.ts == row["through"], "the property shows the score on"

    reopened = node.machines.version(model["id"], 1)[0]
    assert set(reopened.sensors) <= set(now["properties"])
    told = node.machines.backtest(model["id"], 1, node.at(ROWS), node.at(ROWS + 600))
    assert len(told.alerts) == 1
    node.machines._following.clear()
    node.feed(ROWS + 700, ROWS + 760, drift=0.0)
    node.machines.tick(node.at(ROWS + 760))
    assert troubles(node) == []
    assert len(node.plant.detect.findings()) == 1, "also after a restart"


def models_plant(node) -> str:
    """Return plant.yaml as it is now, with what moved by hand."""
    folder = node.plant.home / "config"
    node.plant.assets.export(folder, canonical=True)
    return (folder / "plant.yaml").read_text()


def test_a_file_that_says_what_a_machine_was_while_the_node_was_down(node):
    model = working(node)
    text = (node.plant.home / "config" / "plant.yaml").read_text()
    text = text.replace("- name: Site", "- name: Works\n    was: Site").replace("{name: Pump,", "{name: P1, was: Pump,")
    (node.plant.home / "config" / "plant.yaml").write_text(text)
    assert Assets(node.plant.db, Bus()).load(node.plant.home / "config").problems == [], "another program, which tells nobody"
    assert model_of(node)["asset"] == PUMP
    node.plant.assets.refresh()
    assert node.plant.load_models() == []
    assert model_of(node)["asset"] == "Works/P1"
    node.feed(ROWS, ROWS + 60)
    assert node.machines.tick(node.at(ROWS + 60)) == 59
    assert troubles(node) == []
    assert node.machines.book.number(model["id"], 1)["about"]["renamed"][f"{PUMP}/Flow"] == "Works/P1/Flow"


@pytest.mark.slow
def test_machines_change_places_and_each_model_stays_with_its_own(tmp_path):
    node = Node(tmp_path, pumps=("Pump", "Other"))
    try:
        first = node.create(name="first")
        with node.plant.db.begin() as tx:
            second = node.machines.book.create(tx, "Site/Other", ENGINEER, {"name": "second", "lookback": "10m"})
        ids = {one["asset"]: node.plant.assets.asset(one["asset"]).id for one in (first, second)}
        with node.plant.db.begin() as tx:
            node.plant.assets.move(tx, ids["Site/Pump"], "Site", "Between")
        with node.plant.db.begin() as tx:
            node.plant.assets.move(tx, ids["Site/Other"], "Site", "Pump")
        with node.plant.db.begin() as tx:
            node.plant.assets.move(tx, ids["Site/Pump"], "Site", "Other")
        there = {one["name"]: one["asset"] for one in node.machines.book.list()}
        assert there == {"first": "Site/Other", "second": "Site/Pump"}
    finally:
        node.plant.stop()


@pytest.mark.slow
def test_a_rename_while_a_version_is_trained(node):
    model = node.create(name="pump")
    with node.plant.db.begin() as tx:
        rows = node.machines.train(tx, model["id"], "eva", node.at(ROWS))
    stale = node.machines.book.model(model["id"])
    results = learn(node.machines.task(rows), lambda share, what: None)
    move(node, PUMP, "Site", "P1")
    node.machines._trained(stale, rows[0], results[0])
    made, row = node.machines.version(model["id"], 1)
    assert all(name.startswith("Site/P1/") for name in made.sensors)
    assert all(one["name"].startswith("Site/P1/") for one in row["about"]["quality"]["sensors"])
    node.use(model["id"], 1, "active")
    node.feed(ROWS, ROWS + 60)
    assert node.machines.tick(node.at(ROWS + 60)) == 59
    assert node.train(model["id"], ROWS + 60)["backtest"]["rival"]["alerts"] is not None, "held against the one of before"


@pytest.mark.slow
def test_a_model_with_another_name_is_still_shown_by_its_machine(node):
    model = working(node)
    node.feed(ROWS, ROWS + 60)
    node.machines.tick(node.at(ROWS + 60))
    with node.plant.db.begin() as tx:
        node.machines.book.change(tx, model["id"], {"name": "another"})
    one = node.plant.assets.property(f"{PUMP}/Anomaly score")
    assert [span.tag for span in node.plant.assets.spans(one.id)][-2:] == ["pump/score", "another/score"]


@pytest.mark.slow
def test_a_property_that_is_gone_is_told_with_a_way_out(node):
    working(node)
    text = (node.plant.home / "config" / "models" / "pump.yaml").read_text()
    gone = "\n".join(line for line in text.splitlines() if "name: Flow," not in line)
    files(node, pump=gone.replace("version: 1", "version: 2"))
    node.feed(ROWS, ROWS + 60)
    node.machines.tick(node.at(ROWS + 60))
    (told,) = troubles(node)
    assert "there is no property 'Site/Pump/Flow'" in told
    (event,) = [one for one in node.plant.system_events.current() if one.message == told]
    node.plant.bus.tell(ReturnedToService("o", "WO-1", PUMP, "", (), node.at(ROWS + 60), "tom"))
    assert [one for one in node.plant.system_events.current() if one.key.startswith("bus:")] == []
    assert "was:" in event.hint
    assert node.plant.detect.findings() == []


def test_a_machine_renamed_without_a_word_is_told_and_goes_on_once_it_is_said(node):
    working(node)
    text = (node.plant.home / "config" / "plant.yaml").read_text()
    files(node, text.replace("{name: Pump,", "{name: P1,"))
    node.feed(ROWS, ROWS + 60)
    node.machines.tick(node.at(ROWS + 60))
    assert troubles(node) == ["the model 'pump' cannot follow its machine: 'Site/Pump' is no longer part of the plant"]
    files(node, text.replace("{name: Pump,", "{name: P1, was: Pump,"))
    node.feed(ROWS + 60, ROWS + 90)
    assert node.machines.tick(node.at(ROWS + 90)) > 0
    assert troubles(node) == []
    assert model_of(node)["asset"] == "Site/P1"


def test_names_of_a_training_after_several_renames():
    once = composed({}, {"a": "b", "c": "c"})
    assert once == {"a": "b"}
    assert composed(once, {"b": "d", "c": "a"}) == {"a": "d", "c": "a"}
    assert composed({"a": "b"}, {"b": "a"}) == {}
    settings = {"drivers": ["x/a"], "off": "`x/a` < 1 and State == 'x/a' or `x/b` > 2", "held_out": 0.2}
    assert renamed_settings(settings, {"x/a": "y/a"}) == {
        **settings,
        "drivers": ["y/a"],
        "off": settings["off"].replace("`x/a`", "`y/a`"),
    }


def test_what_an_edge_tells_by_names_of_before():
    said = Record(2, "m", "pump", "1", 1, None, 2.0, (("Site/Pump/Flow", 0.7), ("Site/P1/Load", 0.3)))
    row, model = {"about": {"renamed": {"Site/Pump/Flow": "Site/P1/Flow"}}}, {"properties": ["Site/P1/Flow", "Site/P1/Load"]}
    assert as_named(said, row, model).sensors == (("Site/P1/Flow", 0.7), ("Site/P1/Load", 0.3))
    assert as_named(said, {"about": {}}, model) is said
