"""Taking a proposal in: what is in the files afterwards, what is kept of them, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from lineshaft import assets
from lineshaft.assets import Assets, Position
from lineshaft.core import Bus, Conflict, Database, InvalidInput, NotFound

MILL = """\
model: "MachineTool"
version: 1
description: "proposed from 10.0.0.5:4840; not confirmed yet"
properties:
  - {name: "Monitoring.Channel.FeedOverride", kind: measurement, type: double}
  - {name: "Identification.SerialNumber", kind: attribute, type: string}
"""
PLANT = """\
# the hall, as Anna wrote it
assets:
  - name: Hall            # the old one
    level: site
    children:
      - name: Line 1
        level: line
  - {name: Yard, level: site}
"""
TAGS = {"Monitoring.Channel.FeedOverride": "ns=3;i=5"}
MINE = Position("Mill 1", "Hall", "mill", tags=TAGS)


@pytest.fixture
def register(database: Database) -> Assets:
    database.migrate({"assets": assets.MIGRATIONS})
    return Assets(database, Bus())


def folder(tmp_path: Path, plant: str = PLANT) -> Path:
    (tmp_path / "models").mkdir()
    if plant:
        (tmp_path / "plant.yaml").write_text(plant, encoding="utf-8")
    return tmp_path


def test_a_machine_is_there_at_once_with_its_tags_and_the_file_keeps_its_comments(register: Assets, tmp_path: Path):
    place = folder(tmp_path)
    register.load(place)
    files, changes = register.adopt(place, MILL, [MINE])
    assert (files, changes.problems) == (["models/machinetool.yaml", "plant.yaml"], [])
    assert register.asset("Hall/Mill 1").model == "MachineTool"
    (span,) = register.spans(register.property("Hall/Mill 1/Monitoring.Channel.FeedOverride").id)
    assert (span.source, span.tag) == ("mill", "ns=3;i=5")
    text = (place / "plant.yaml").read_text()
    assert set(PLANT.splitlines()) <= set(text.splitlines())
    assert not register.load(place), "what was written is what is there"
    assert register.asset("Yard")


@pytest.mark.parametrize("parent", ["Hall", "Hall/Line 1", ""])
def test_it_hangs_where_it_was_put(register: Assets, tmp_path: Path, parent: str):
    place = folder(tmp_path)
    register.adopt(place, MILL, [Position("Mill 1", parent, "mill", tags=TAGS), Position("Mill 2", parent, "mill")])
    head = f"{parent}/" if parent else ""
    assert [one.path for one in register.tree() if one.name.startswith("Mill")] == [f"{head}Mill 1", f"{head}Mill 2"]
    assert "# the hall, as Anna wrote it" in (place / "plant.yaml").read_text()


def test_a_file_that_cannot_be_added_to_gets_its_canonical_form_and_the_old_text_is_kept(register: Assets, tmp_path: Path):
    place = folder(tmp_path)
    register.adopt(place, MILL, [Position("Mill 1", "Yard", "mill", tags=TAGS)])
    assert register.asset("Yard/Mill 1")
    assert (place / "plant.yaml.before").read_text() == PLANT


def test_a_plant_begins_with_what_was_found(register: Assets, tmp_path: Path):
    place = folder(tmp_path, "")
    register.adopt(place, MILL, [Position("Mill 1", "", "mill", tags=TAGS)])
    assert [one.path for one in register.tree()] == ["Mill 1"]
    register.adopt(place, MILL, [Position("Mill 2", "", "mill 2", tags=TAGS)])
    assert [one.path for one in register.tree()] == ["Mill 1", "Mill 2"]


def test_what_is_refused_leaves_the_files_alone(register: Assets, tmp_path: Path):
    place = folder(tmp_path)
    register.adopt(place, MILL, [MINE])
    before = {path: path.read_text() for path in place.rglob("*.yaml")}
    with pytest.raises(Conflict, match="position 'Hall/Mill 1' already"):
        register.adopt(place, MILL, [MINE])
    with pytest.raises(Conflict, match="model 'MachineTool' already, and it is another"):
        register.adopt(place, MILL.replace("double", "integer"), [])
    with pytest.raises(NotFound, match="no position 'Hall/Lyne 1'"):
        register.adopt(place, MILL, [Position("Mill 3", "Hall/Lyne 1")])
    with pytest.raises(InvalidInput, match="measures no 'Speed'"):
        register.adopt(place, MILL, [Position("Mill 3", "Hall", "mill", tags={"Speed": "x"})])
    with pytest.raises(InvalidInput, match="kind") as told:
        register.adopt(place, MILL.replace("kind: measurement", "kind: measured"), [])
    assert told.value.where == "proposal.yaml:5"
    assert {path: path.read_text() for path in place.rglob("*.yaml")} == before
