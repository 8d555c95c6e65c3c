from __future__ import annotations

import pytest

from lineshaft.core import Forbidden, InvalidInput
from tests.act.conftest import BERT, CARL, PUMP, Plant


def test_a_write_is_a_proposal_a_second_person_decides(plant_lite: Plant):
    target = plant_lite.assets.property(f"{PUMP}/Vibration")
    with plant_lite.db.begin() as tx:
        made = plant_lite.act.propose_write(tx, target, 2.5, BERT, "slower")
    assert (made["state"], made["property"], made["value"]) == ("open", f"{PUMP}/Vibration", 2.5)
    with pytest.raises(Forbidden):
        plant_lite.decide(BERT, "approve")
    with pytest.raises(InvalidInput):
        plant_lite.decide(CARL, "edit", edit={"property": "x"})
    plant_lite.decide(CARL, "approve")
    (row,) = plant_lite.act.writes()
    assert (row["state"], row["decided_by"]) == ("approved", "carl")
    assert plant_lite.act.writes("open") == []


@pytest.mark.parametrize(("name", "value"), [("Vibration", "fast"), ("Vibration", True), ("Running", 1), ("HotAbove", 3.0)])
def test_a_senseless_write_is_refused(plant_lite: Plant, name, value):
    target = plant_lite.assets.property(f"{PUMP}/{name}")
    with pytest.raises(InvalidInput), plant_lite.db.begin() as tx:
        plant_lite.act.propose_write(tx, target, value, BERT)
