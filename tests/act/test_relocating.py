"""A machine gets another name while a case of it is open: what happens next belongs to the same case."""

from __future__ import annotations

from lineshaft import act
from tests.act.conftest import BERT, PUMP, Plant


def follow(plant: Plant) -> None:
    plant.detect.reload()
    act.follow(plant.db, plant.assets)


def find(plant: Plant, asset: str) -> None:
    sensors = [{"property": f"{asset}/Vibration", "share": 1.0}]
    with plant.db.begin() as tx:
        plant.detect.find(tx, asset, "drift", 0.93, by=BERT, failure_mode="VIB", sensors=sensors)
    assert plant.act.settle()


def move(plant: Plant, path: str, name: str) -> None:
    with plant.db.begin() as tx:
        plant.assets.move(tx, path, "Bakery", name)


def test_the_next_finding_of_a_renamed_machine_joins_its_open_case(plant: Plant):
    follow(plant)
    find(plant, PUMP)
    before = plant.case
    move(plant, PUMP, "Feed pump")
    follow(plant)
    case = plant.case
    assert (case["id"], case["asset"]) == (before["id"], "Bakery/Feed pump")
    assert (case["event"]["asset"], case["event"]["asset_name"]) == ("Bakery/Feed pump", "Feed pump")
    assert case["event"]["sensors"][0]["property"] == "Bakery/Feed pump/Vibration"
    find(plant, "Bakery/Feed pump")
    assert len(plant.act.cases()) == 1
    assert [note["text"] for note in plant.case["notes"]] == ["finding again: drift"]


def test_two_machines_that_change_places_keep_their_own_cases(plant: Plant):
    follow(plant)
    other = "Bakery/Pump 2"
    find(plant, PUMP)
    find(plant, other)
    before = {case["id"]: case["asset"] for case in plant.act.cases()}
    move(plant, PUMP, "Between")
    move(plant, other, "Pump")
    move(plant, "Bakery/Between", "Pump 2")
    follow(plant)
    after = {case["id"]: case["asset"] for case in plant.act.cases()}
    assert after == {of: {PUMP: other, other: PUMP}[asset] for of, asset in before.items()}
    find(plant, PUMP)
    find(plant, other)
    assert len(plant.act.cases()) == 2
