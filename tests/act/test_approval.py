from __future__ import annotations

import pytest

from lineshaft.act import ActSettings
from lineshaft.core import Conflict, Forbidden, InvalidInput, NotFound
from lineshaft.guard import Command, Role, Subject
from tests.act.conftest import ANNA, BERT, CARL, Plant


def test_whoever_edited_a_proposal_may_not_decide_it_and_a_second_person_may(plant: Plant):
    plant.shake()
    edited = plant.decide(BERT, "edit", edit={"quantity": 4})
    assert (edited["state"], edited["proposal"]["quantity"], edited["proposal"]["cost"]) == ("open", 4, 98.0)
    for decision in ("approve", "reject"):
        with pytest.raises(Forbidden) as own:
            plant.decide(BERT, decision)
        assert own.value.code == "approval.own-proposal"
    plant.decide(CARL, "approve", reason="needed")
    (purchase,) = plant.purchases.list()
    assert (purchase["state"], purchase["quantity"], purchase["approved_by"]) == ("ordered", 4, "carl")
    refused = [row for row in plant.guard.audit(50) if row.outcome == "refused"]
    assert len(refused) == 2
    with pytest.raises(Conflict) as decided, plant.db.begin() as tx:
        plant.act.decide(tx, edited["id"], CARL, "reject")
    assert decided.value.code == "approval.decided"


def token_of(plant: Plant, by: Subject | None) -> Subject:
    with plant.db.begin() as tx:
        _, secret = plant.guard.create_token(tx, "script", "planner", by=by)
    return plant.guard.authenticate(secret)


def test_a_token_is_nobody_else_than_the_person_who_made_it(plant_lite: Plant):
    own, others, unknown = token_of(plant_lite, BERT), token_of(plant_lite, CARL), token_of(plant_lite, None)
    own_again = token_of(plant_lite, own)
    with plant_lite.db.begin() as tx:
        plant_lite.act.propose_purchase(tx, "BRG-6205", 2, BERT, "for the shelf")
    for subject, code in ((own, "own-proposal"), (own_again, "own-proposal"), (unknown, "person")):
        with pytest.raises(Forbidden) as refused:
            plant_lite.decide(subject, "approve")
        assert refused.value.code == f"approval.{code}"
    assert plant_lite.decide(others, "approve")["state"] == "approved"
    with plant_lite.db.begin() as tx:
        plant_lite.act.propose_purchase(tx, "BRG-6205", 2, own, "by my script")
    with pytest.raises(Forbidden):
        plant_lite.decide(BERT, "approve")


def test_a_purchase_a_person_wants_is_decided_by_another_and_ordered_once(plant: Plant):
    with plant.db.begin() as tx:
        made = plant.act.propose_purchase(tx, "BRG-6205", 2, BERT, "for the shelf")
    with pytest.raises(Forbidden) as own:
        plant.decide(BERT, "approve")
    assert own.value.code == "approval.own-proposal"
    assert plant.purchases.get(made["id"])["state"] == "proposed"
    plant.decide(CARL, "approve")
    assert plant.purchases.get(made["id"])["state"] == "ordered"
    assert len(list((plant.home / "outbox").glob("*.json"))) == 1


def test_only_persons_with_the_role_decide(plant: Plant):
    plant.shake()
    for subject in (ANNA, Subject.rule("replenisher"), Subject("a", "a", "agent", frozenset({Role.ADMIN})), Subject.system("x")):
        with pytest.raises(Forbidden):
            plant.decide(subject, "approve")
    approval = plant.act.approvals()[0]
    with pytest.raises(Forbidden) as kind, plant.db.begin() as tx:
        plant.act.decide(tx, approval["id"], Subject.rule("x"), "approve")
    assert kind.value.code == "approval.person"
    assert plant.act.approvals()[0]["state"] == "open"


@pytest.mark.parametrize(
    "edit",
    [
        {},
        {"cost": 1},
        {"part": "GOLD"},
        {"purchase_id": "x"},
        {"quantity": -1},
        {"quantity": "many"},
        {"quantity": True},
        {"new": 1},
    ],
)
def test_an_edit_touches_only_what_may_be_edited(plant_lite: Plant, edit):
    plant_lite.shake()
    with pytest.raises(InvalidInput):
        plant_lite.decide(BERT, "edit", edit=edit)


def test_bad_decisions_are_refused(plant_lite: Plant):
    plant_lite.shake()
    with pytest.raises(InvalidInput, match="did you mean 'approve'"):
        plant_lite.decide(BERT, "aprove")
    with pytest.raises(InvalidInput) as edit:
        plant_lite.decide(BERT, "approve", edit={"quantity": 1})
    assert edit.value.code == "approval.edit-first"
    with pytest.raises(Conflict) as stale:
        plant_lite.decide(BERT, "approve", version=99)
    assert stale.value.code == "version.conflict"
    with pytest.raises(NotFound), plant_lite.db.begin() as tx:
        plant_lite.act.decide(tx, "nothing", BERT, "approve")


def test_silence_is_no(plant: Plant):
    plant.process(("expires: 7d", "expires: 300ms"))
    plant.shake()
    approval = plant.act.approvals(None)[0]  # it may have run out before we look
    plant.until(lambda: plant.act.approval(approval["id"])["state"] == "expired")
    assert plant.act.settle()
    assert plant.task("replenish")["state"] == "rejected"
    assert plant.task("order_parts")["state"] == "skipped"
    assert plant.purchases.list()[0]["state"] == "rejected"
    with pytest.raises(Conflict) as late, plant.db.begin() as tx:
        plant.act.decide(tx, approval["id"], BERT, "approve")
    assert late.value.code == "approval.expired"
    assert any(line["what"].startswith("expired") for line in plant.act.tower())


def test_a_proposal_past_its_time_is_refused_also_before_the_clock_has_looked(database, tmp_path):
    plant = Plant(database, tmp_path, settings=ActSettings(approval_expiry="0s"))
    plant.stock()
    with database.begin() as tx:
        plant.act.propose_purchase(tx, "BRG-6205", 2, BERT)
    with pytest.raises(Conflict) as late:
        plant.decide(CARL, "approve")
    assert late.value.code == "approval.expired"


def test_a_repeated_decision_with_the_same_key_is_one_decision(plant: Plant):
    plant.shake()
    approval = plant.act.approvals()[0]
    command = Command(BERT, "approvals.decide", approval["id"], {"decision": "approve"}, key="k1")
    answers = [plant.guard.perform(command, lambda tx: plant.act.decide(tx, approval["id"], BERT, "approve")) for _ in range(2)]
    assert answers[0] == answers[1]


def test_a_task_left_open_is_told_to_somebody_else(plant: Plant):
    plant.process(("after: 4h, to: planner", "after: 100ms, to: planner"))
    plant.shake()
    plant.until(lambda: any("still open" in line["what"] for line in plant.act.tower()))
    (line,) = [line for line in plant.act.tower() if "still open" in line["what"]]
    assert (line["task"], line["outcome"]) == ("repair", "told: planner")
