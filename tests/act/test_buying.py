"""A case buys every part that fell below its minimum, in one proposal."""

from __future__ import annotations

import pytest

from lineshaft.core import InvalidInput
from tests.act.conftest import BERT, CARL, PUMP


@pytest.fixture
def both(plant_lite):
    use = {"asset": PUMP, "quantity": 1, "failure_mode": "VIB"}
    card = {"name": "Shaft seal", "on_hand": 1, "minimum": 1, "target": 3, "unit_cost": 40.0, "used_by": [use]}
    with plant_lite.db.begin() as tx:
        plant_lite.spares.add(tx, "SEAL-25", card, BERT)
    plant_lite.shake()
    return plant_lite


def test_both_parts_are_proposed_edited_approved_and_ordered(both):
    (approval,) = both.act.approvals()
    lines = approval["proposal"]["lines"]
    assert [(line["part"], line["quantity"]) for line in lines] == [("BRG-6205", 6), ("SEAL-25", 3)]
    assert approval["proposal"]["cost"] == 6 * 24.5 + 3 * 40
    both.decide(BERT, "edit", edit={"lines": [lines[0], {**lines[1], "quantity": 2}]})
    assert both.act.approvals()[0]["proposal"]["cost"] == 6 * 24.5 + 2 * 40
    both.decide(CARL, "approve")
    bought = {row["part"]: (row["state"], row["quantity"]) for row in both.purchases.list()}
    assert bought == {"BRG-6205": ("ordered", 6), "SEAL-25": ("ordered", 2)}
    both.until(lambda: both.task("order_parts")["state"] == "done")
    assert len(list((both.home / "outbox").glob("*.json"))) == 2


@pytest.mark.parametrize(
    "change", [{"part": "GOLD"}, {"purchase_id": "x"}, {"unit_cost": 1}, {"quantity": 0}, {"quantity": True}]
)
def test_an_edit_changes_quantities_only(both, change):
    lines = both.act.approvals()[0]["proposal"]["lines"]
    with pytest.raises(InvalidInput):
        both.decide(BERT, "edit", edit={"lines": [lines[0], {**lines[1], **change}]})
    with pytest.raises(InvalidInput):
        both.decide(BERT, "edit", edit={"lines": lines[:1]})


def test_both_are_rejected_together(both):
    both.decide(BERT, "reject", reason="enough")
    assert {row["state"] for row in both.purchases.list()} == {"rejected"}
