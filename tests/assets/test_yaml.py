"""Golden cases: each folder of `cases/` holds the files of a plant and `expected.txt`, the problems they are told for."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lineshaft.core import SystemEvent
from tests.assets.conftest import PLANT, PUMP, Plant

CASES = sorted(p for p in (Path(__file__).parent / "cases").iterdir() if p.is_dir())
EXAMPLES = Path(__file__).resolve().parents[2] / "src" / "lineshaft" / "examples"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Path, empty: Plant) -> None:
    shutil.copytree(case, empty.folder, dirs_exist_ok=True)
    expected = (case / "expected.txt").read_text().splitlines()
    assert empty.load(at=1000) == [line for line in expected if not line.startswith("=")]
    there = [line.removeprefix("= ") for line in expected if line.startswith("=")]
    assert [a.path for a in empty.assets.tree()] == there
    assert empty.load(at=2000) == [line for line in expected if not line.startswith("=")]


@pytest.mark.parametrize("example", sorted(p.parent for p in EXAMPLES.glob("*/plant.yaml")), ids=lambda p: p.name)
def test_examples_come_back_byte_for_byte(example: Path, empty: Plant, tmp_path: Path) -> None:
    assert [str(p) for p in empty.assets.load(example).problems] == []
    for canonical in (False, True):
        out = tmp_path / f"out-{canonical}"
        names = empty.assets.export(out, canonical=canonical)
        assert names == sorted([*(f"models/{p.name}" for p in example.glob("models/*.yaml")), "plant.yaml"])
        for name in names:
            assert (out / name).read_bytes() == (example / name).read_bytes(), name


def test_a_file_nobody_touched_keeps_its_comments(plant: Plant, tmp_path: Path) -> None:
    plant.write("# our works\n" + PLANT).load()
    plant.assets.export(tmp_path / "out")
    assert (tmp_path / "out" / "plant.yaml").read_text().startswith("# our works\n")


def test_an_export_with_history_is_the_same_plant_elsewhere(plant: Plant, tmp_path: Path) -> None:
    register = plant.assets
    with plant.db.begin() as tx:
        register.bind(tx, "Works/P1/Flow", "other", "new", 5000)
        register.set_attribute(tx, "Works/P1/Rating", 4, 7000)
        register.move(tx, "Works/P2", None, "Spare")
    plant.write(pump=PUMP.replace("version: 1", "version: 2")).load(at=8000)
    out = tmp_path / "out"
    assert register.export(out) == ["models/pump.v1.yaml", "models/pump.yaml", "plant.yaml"]
    before = {p.path: (p.id, register.spans(p.id)) for p in register.properties()}
    with plant.db.begin() as tx:
        for table in ("thing_installation", "asset_binding", "asset_attribute", "asset_file", "thing", "asset_model"):
            tx.exec_driver_sql(f"delete from {table}")
        tx.exec_driver_sql("update asset set parent_id = null")
        tx.exec_driver_sql("delete from asset")
    assert [str(p) for p in register.load(out).problems] == []
    assert {p.path: (p.id, register.spans(p.id)) for p in register.properties()} == before
    assert register.attribute("Works/P1/Rating") == 4
    register.export(tmp_path / "again", canonical=True)
    assert (tmp_path / "again" / "plant.yaml").read_bytes() == (out / "plant.yaml").read_bytes()


def test_what_was_bound_by_hand_is_exported_also_after_the_file_changed(plant: Plant, tmp_path: Path) -> None:
    with plant.db.begin() as tx:
        plant.assets.bind(tx, "Works/P1/Flow", "plc", "hand", 5000)
    plant.write(PLANT + "  - {name: Yard}\n").load()
    plant.assets.export(tmp_path / "out")
    assert "{tag: hand, valid_from" in (tmp_path / "out" / "plant.yaml").read_text()


def test_a_changed_model_with_an_old_number_is_refused_and_the_old_one_stays(plant: Plant) -> None:
    plant.write(pump=PUMP.replace("/ 7", "/ 8"))
    said = plant.load()
    assert len(said) == 1
    assert said[0].startswith("models/pump.yaml: model Pump differs from its version 1, which figures were computed with")
    assert said[0].endswith("write version: 2 to make it a new one")
    assert plant.assets.property("Works/P1/Index").formula == "vibration / 7"
    plant.write(pump="# only a comment\n" + PUMP)
    assert plant.load() == []


def test_a_broken_plant_file_retires_nothing_and_is_a_system_event(plant: Plant) -> None:
    events: list[SystemEvent] = []
    plant.bus.on(SystemEvent, events.append)
    plant.write("assets: [\n")
    assert plant.load()[0].startswith("plant.yaml:2: this is not YAML")
    assert len(plant.assets.tree()) == 3
    assert events[-1].active
    plant.write(PLANT).load()
    assert not events[-1].active
