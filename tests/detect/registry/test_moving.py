"""Scorers of own models go on when assets and properties are renamed or moved; what is gone is told and stops no other."""

from __future__ import annotations

import pytest

from lineshaft.core import NS
from tests.detect.registry.conftest import ENGINEER, MINUTE, MODEL, OVEN, TEXT


def move(node, path: str, parent: str | None, name: str) -> None:
    with node.plant.db.begin() as tx:
        node.plant.assets.move(tx, path, parent, name)


def troubles(node):
    return [one for one in node.plant.system_events.current() if one.key.startswith("detect:scorer")]


def said(node, path: str) -> list[float]:
    return node.plant.store.history(path, node.now, node.now + 10 * MINUTE)["value"].to_pylist()


def model(node, text: str) -> None:
    (node.plant.home / "config" / "models" / "oven.yaml").write_text(text)
    assert node.plant.load_models() == []


def scoring(node) -> None:
    node.create(asset=OVEN)
    node.register("python", TEXT)
    node.score(number=1)
    node.score(number=1, property=f"{OVEN}/Second", mode="streaming", output="twice")
    node.feed(("T", 1, 200.0), ("S", 1, 1.0))
    node.registry.tick(node.now)  # from here on its values are listened to
    node.feed(("T", 20, 200.0), ("S", 20, 1.0))
    assert node.registry.tick(node.now + MINUTE + 6 * NS) == 2


def test_scorers_go_on_under_every_new_name_and_write_the_same_series(node):
    scoring(node)
    move(node, OVEN, "Site", "Furnace")
    move(node, "Site", None, "Works")
    move(node, "Works/Furnace", None, "F1")
    text = MODEL.replace("version: 1", "version: 2").replace("{name: Temperature,", "{name: Heat, was: Temperature,")
    text = text.replace("{name: Quality,", "{name: Grade, was: Quality,")
    folder = node.plant.home / "config"
    node.plant.assets.export(folder, canonical=True)
    plant = (folder / "plant.yaml").read_text().replace("Temperature:", "Heat:").replace("Quality:", "Grade:")
    (folder / "plant.yaml").write_text(plant)
    model(node, text)
    rows = {row["mode"]: row for row in node.registry.book.scorers()}
    assert rows["scheduled"]["property"] == "F1/Grade"
    assert rows["streaming"]["inputs"] == {"temperature": "F1/Heat", "speed": "F1/Speed"}
    assert node.registry.book.model("quality")["asset"] == "F1"
    node.registry.tick(node.now + MINUTE + 8 * NS)
    node.feed(("T", 70, 220.0), ("S", 70, 2.0))
    assert node.registry.tick(node.now + 2 * MINUTE + 8 * NS) == 2
    assert troubles(node) == []
    assert said(node, "F1/Grade") == [190.0, 200.0], "one series, before and after"
    assert said(node, "F1/Second") == [380.0, 400.0]


@pytest.mark.slow
def test_outputs_of_two_scorers_change_places(node):
    scoring(node)
    text = MODEL.replace("version: 1", "version: 2").replace("{name: Quality,", "{name: Second, was: Quality,", 1)
    model(node, text.replace("{name: Second, kind", "{name: Quality, was: Second, kind"))
    rows = {row["mode"]: row["property"] for row in node.registry.book.scorers()}
    assert rows == {"scheduled": f"{OVEN}/Second", "streaming": f"{OVEN}/Quality"}


@pytest.mark.slow
def test_an_input_that_is_gone_is_told_with_a_way_out_and_stops_no_other(node):
    scoring(node)
    other = {"temperature": f"{OVEN}/Speed", "speed": f"{OVEN}/Speed"}
    with node.plant.db.begin() as tx:
        row = next(one for one in node.registry.book.scorers() if one["mode"] == "scheduled")
        node.registry.end(tx, "quality", row["id"])
    with node.plant.db.begin() as tx:
        node.registry.score(tx, ENGINEER, "quality", {"number": 1, "inputs": other, "property": f"{OVEN}/Quality"})
    folder = node.plant.home / "config"
    plant = (folder / "plant.yaml").read_text().replace("Temperature: T, ", "")
    (folder / "plant.yaml").write_text(plant)
    lines = [line for line in MODEL.splitlines() if "Temperature" not in line]
    model(node, "\n".join(lines).replace("version: 1", "version: 2"))
    node.feed(("S", 70, 2.0))
    assert node.registry.tick(node.now + 2 * MINUTE + 8 * NS) == 2, "the other's two steps"
    (told,) = troubles(node)
    assert "'Site/Oven/Second' gets no scores of 'quality': there is no property 'Site/Oven/Temperature'" in told.message
    assert "was:" in told.hint
    back = MODEL.replace("version: 1", "version: 3").replace("{name: Temperature,", "{name: Heat, was: Temperature,")
    (folder / "plant.yaml").write_text(plant.replace("tags: {", "tags: {Heat: T, "))
    model(node, back)
    node.registry.tick(node.now + 2 * MINUTE + 8 * NS)
    node.feed(("T", 90, 210.0), ("S", 90, 1.0))
    assert node.registry.tick(node.now + 2 * MINUTE + 9 * NS) == 1, "said later, it goes on"
    assert troubles(node) == []
