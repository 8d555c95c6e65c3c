"""A sensor position hung on an asset while the node runs: its results are properties, and the plant's files leave it alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from lineshaft.assets import AssetModel, Assets
from lineshaft.core import Bus, Conflict, InvalidInput
from tests.assets.conftest import PLANT, PUMP, Plant

BODY = AssetModel.model_validate(
    {
        "model": "Vibration position",
        "properties": [
            {"name": "State", "kind": "measurement", "type": "string"},
            {"name": "Velocity", "kind": "measurement", "unit": "mm/s"},
        ],
    }
)


def fit(plant: Plant, parent: str = "Works/P1", name: str = "Drive end") -> str:
    with plant.db.begin() as tx:
        return plant.assets.fit(tx, parent, name, BODY, "condition")[1]


def test_its_results_are_properties_and_loading_the_files_leaves_it_alone(plant: Plant) -> None:
    assert fit(plant) == "Works/P1/Drive end"
    one = plant.assets.property("Works/P1/Drive end/Velocity")
    assert plant.assets.property_of("condition", "Works/P1/Drive end/Velocity") == one
    fit(plant, name="Free end")
    assert plant.load() == []
    assert [a.path for a in plant.assets.children("Works/P1")] == ["Works/P1/Drive end", "Works/P1/Free end"]
    again = Assets(plant.db, Bus())
    assert again.property("Works/P1/Free end/State").type == "string"

    plant.write(PLANT.replace("      - {name: P1, model: Pump, tag_prefix: P1., thing: {serial: S-1, maker: Rotaflow}}\n", ""))
    assert plant.load() == []
    assert [a.path for a in plant.assets.tree()] == ["Works", "Works/P2"], "with its machine it goes"


def test_one_that_was_taken_off_comes_back_with_its_history(plant: Plant) -> None:
    before = plant.assets.asset(fit(plant)).id
    with plant.db.begin() as tx:
        plant.assets.take_off(tx, "Works/P1/Drive end")
    assert plant.assets.children("Works/P1") == []
    fit(plant)
    assert plant.assets.asset("Works/P1/Drive end").id == before
    assert plant.assets.property_of("condition", "Works/P1/Drive end/State") is not None


def test_what_cannot_be_fitted_is_said(plant: Plant) -> None:
    fit(plant)
    with pytest.raises(Conflict, match="already an asset"):
        fit(plant)
    with pytest.raises(Conflict, match="has a property 'Vibration'"):
        fit(plant, name="Vibration")
    with pytest.raises(InvalidInput, match="cannot be a name"):
        fit(plant, name="a/b")
    with pytest.raises(Conflict, match="no sensor position"), plant.db.begin() as tx:
        plant.assets.take_off(tx, "Works/P1")


def test_it_is_exported_with_the_plant_and_read_back(plant: Plant, tmp_path: Path) -> None:
    fit(plant)
    plant.assets.export(tmp_path / "out")
    text = (tmp_path / "out" / "plant.yaml").read_text()
    assert "sensor position" in text
    assert (tmp_path / "out" / "models" / "vibration-position.yaml").is_file()
    identity = plant.assets.asset("Works/P1/Drive end").id
    plant.write(text, pump=PUMP, position=(tmp_path / "out" / "models" / "vibration-position.yaml").read_text())
    assert plant.load() == []
    assert plant.assets.asset("Works/P1/Drive end").id == identity
    assert plant.assets.property_of("condition", "Works/P1/Drive end/State") is not None
