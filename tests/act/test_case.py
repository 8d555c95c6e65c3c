from __future__ import annotations

import json

import pytest

from lineshaft.core import Conflict, Forbidden, Retryable
from lineshaft.guard import Command, Subject
from tests.act.conftest import ANNA, BERT, CARL, CODES, PUMP, Plant

SENSOR = [{"property": f"{PUMP}/Vibration", "share": 1.0}]


def test_an_alarm_becomes_finished_verified_coded_work(plant: Plant):
    plant.shake()
    case = plant.case
    assert (case["state"], case["current_task"]) == ("open", "repair")
    assert [(t["name"], t["state"], t["mode"]) for t in case["tasks"]] == [
        ("triage", "done", "automation"),
        ("open_work_order", "done", "automation"),
        ("reserve_parts", "done", "automation"),
        ("replenish", "open", "human_assistant"),
        ("repair", "open", "human_assistant"),
    ]
    (order,) = plant.orders.list()
    assert (order["state"], order["priority"], order["failure_mode"], order["kind"]) == ("triaged", 1, "VIB", "corrective")
    assert order["evidence"]["property"] == f"{PUMP}/Vibration"
    assert order["reserved"][0]["quantity"] == 2
    (approval,) = plant.act.approvals()
    assert (approval["proposal"]["quantity"], approval["proposal"]["cost"]) == (6, 147.0)
    assert approval["proposed_by"] == "rule:replenisher"

    plant.decide(BERT, "approve")
    assert plant.task("order_parts")["state"] == "done"
    (purchase,) = plant.purchases.list()
    assert (purchase["state"], purchase["approved_by"]) == ("ordered", "bert")
    assert json.loads((plant.home / purchase["reference"]).read_text())["number"] == "PO-000001"

    plant.repair()
    assert plant.task("verify")["state"] == "open", "the pump still shakes"
    plant.calm()
    plant.until(lambda: plant.task("verify")["state"] == "done")
    assert plant.act.settle()
    assert plant.task("verify")["actor"] == "rule:verifier"
    assert plant.orders.list()[0]["state"] == "verified"
    plant.press(ANNA, "close", CODES)
    done = plant.case
    assert (done["state"], done["current_task"]) == ("done", None)
    assert plant.guard.verify().ok
    kinds = {line["actor_kind"] for line in plant.act.tower()}
    assert {"rule", "person", "system"} <= kinds
    assert any(line["actor"] == "bert" and line["what"].startswith("approved") for line in plant.act.tower())
    actions = {row.action for row in plant.guard.audit(200)}
    assert {"cases.open", "work-orders.create", "spares.reserve", "purchases.propose", "purchases.order"} <= actions


def test_codes_given_with_the_work_close_the_order_by_rule(plant: Plant):
    plant.shake()
    plant.repair(codes=CODES)
    plant.calm()
    plant.decide(BERT, "reject", reason="enough in the other plant")
    plant.until(lambda: plant.case["state"] == "done")
    assert plant.orders.list()[0]["state"] == "closed"
    assert plant.task("close")["actor"] == "rule:closer"
    assert plant.task("order_parts")["state"] == "skipped"
    assert plant.purchases.list()[0]["state"] == "rejected"
    assert not (plant.home / "outbox").exists()


def test_a_person_may_verify_before_the_rule_does(plant: Plant):
    plant.shake()
    plant.repair()
    plant.press(BERT, "verify")
    assert (plant.task("verify")["actor"], plant.task("close")["state"]) == ("bert", "open")


def test_a_second_alarm_joins_the_open_case_until_the_asset_is_back_in_service(plant: Plant):
    plant.shake()
    plant.calm()
    plant.shake(20)
    assert len(plant.act.cases()) == 1
    assert [note["text"] for note in plant.case["notes"]] == ["alarm again: High"]
    assert plant.orders.get(plant.case["work_order_id"])["history"][-1]["what"] == "merge"
    plant.repair()
    plant.press(BERT, "verify")
    plant.calm(40)
    plant.shake(50)
    assert len(plant.act.cases()) == 2, "after the return to service a new failure is a new case"


def test_a_cancelled_order_ends_the_case_and_its_proposals(plant: Plant):
    plant.shake()
    plant.press(BERT, "cancel")
    assert plant.case["state"] == "cancelled"
    assert plant.act.approvals() == []
    assert plant.purchases.list()[0]["state"] == "rejected"
    assert plant.spares.get("BRG-6205")["reserved"] == 0


def test_an_edited_definition_changes_cases_to_come_never_open_ones(plant: Plant):
    plant.shake()
    before = plant.case["definition"]
    plant.process(
        ("version: 1", "version: 2"),
        ("    physical: true\n", "    physical: true\n    due: 2h\n".replace("    due: 2h\n", "")),
        ("title: Repair\n", "title: Mend\n"),
    )
    plant.repair()
    plant.press(BERT, "verify")
    assert plant.case["definition"] == before
    assert plant.case["process_version"] == 1
    plant.calm()
    plant.shake(50)
    assert plant.case["process_version"] == 2


ANOTHER = """\
process: maintenance
version: 9
start: [{event: alarm}]
tasks:
  - {id: judged, does: triage.rule, gives: judged}
  - {id: repair, does: person.do, when: judged.priority > 1, after: [judged], role: operator}
"""
"""A definition with other tasks in another order, one of them of an old name that does something else."""


def test_a_definition_that_is_another_one_altogether_breaks_no_open_case(plant: Plant):
    plant.shake()
    plant.write_process(ANOTHER)
    plant.act.stop()
    plant.act.start_engine()
    plant.repair()
    plant.press(BERT, "verify")
    plant.press(ANNA, "close", codes=CODES)
    plant.decide(BERT, "approve")
    plant.until(lambda: plant.case["state"] == "done")
    assert [task["name"] for task in plant.case["tasks"]][-1] == "close"
    plant.calm()
    plant.shake(50)
    assert [(task["name"], task["state"]) for task in plant.case["tasks"]] == [("judged", "done"), ("repair", "skipped")]


def test_parts_that_are_not_there_are_bought_and_nothing_goes_below_zero(plant: Plant):
    with plant.db.begin() as tx:
        other = plant.orders.create(tx, BERT, asset=PUMP, title="other")
        plant.spares.reserve(tx, other["id"], "BRG-6205", 3, BERT)
    plant.shake()
    stock = plant.case["gives"]["stock"]
    assert (stock["parts"][0]["reserved"], stock["parts"][0]["missing"]) == (1, 1)
    assert plant.act.approvals()[0]["proposal"]["quantity"] == 8


def test_a_finding_opens_a_case_that_only_a_person_verifies(plant: Plant):
    with plant.db.begin() as tx:
        plant.detect.find(tx, PUMP, "drift", 0.5, by=BERT, failure_mode="VIB")
        plant.detect.find(tx, PUMP, "drift", 0.93, by=BERT, failure_mode="VIB", sensors=[{"property": "x", "share": 1.0}])
    assert plant.act.settle()
    (case,) = plant.act.cases()
    order = plant.orders.get(case["work_order_id"])
    assert (order["kind"], order["priority"], order["evidence"]["score"]) == ("predictive", 2, 0.93)
    plant.repair()
    assert plant.task("verify")["state"] == "open"
    plant.press(BERT, "verify")
    assert plant.task("verify")["actor"] == "bert"


def test_a_second_finding_joins_the_order_with_its_sensors_and_both_get_the_label(plant: Plant):
    with plant.db.begin() as tx:
        ids = [plant.detect.find(tx, PUMP, "drift", s, by=BERT, failure_mode="VIB", sensors=SENSOR)["id"] for s in (0.8, 0.95)]
    assert plant.act.settle()
    (order,) = plant.orders.list()
    shown = plant.orders.get(order["id"])
    assert sorted(one["id"] for one in shown["findings"]) == sorted(ids)
    sources = [f"finding:{one}" for one in ids]
    assert plant.act.cases_of([*sources, "finding:nobody"]) == dict.fromkeys(sources, plant.case["id"])
    assert plant.act.cases_of([]) == {}
    assert shown["score"] in {0.8, 0.95}
    assert {len(one["sensors"]) for one in shown["findings"] if one["score"] is not None} == {1}


def test_an_order_made_by_hand_for_the_same_trouble_is_the_cases_order(plant: Plant):
    with plant.db.begin() as tx:
        mine = plant.orders.create(tx, ANNA, asset=PUMP, title="it rattles", failure_mode="VIB")
    plant.shake()
    (order,) = plant.orders.list()
    assert (order["id"], order["case_id"]) == (mine["id"], plant.case["id"])
    assert plant.case["work_order_id"] == mine["id"]


def test_a_finding_raised_while_the_database_was_busy_is_taken_later(plant: Plant, monkeypatch):
    def busy(*_args: object, **_more: object) -> None:
        raise Retryable("the database was busy")

    with monkeypatch.context() as broken:
        broken.setattr(plant.guard, "perform", busy)
        with plant.db.begin() as tx:
            plant.detect.find(tx, PUMP, "drift", 0.9, by=BERT, failure_mode="VIB", sensors=SENSOR)
            old = plant.detect.find(tx, PUMP, "wear", 0.9, by=BERT, failure_mode="LEK")["id"]
            plant.detect.label(tx, old, "neutral", BERT)
    assert plant.act.cases() == []
    plant.act.recover()
    assert plant.act.settle()
    assert [case["title"] for case in plant.act.cases()] == ["drift (Pump)"]
    plant.act.recover()
    assert plant.act.settle()
    assert len(plant.act.cases()) == len(plant.orders.list()) == 1


def test_the_matrix_lays_a_risky_rule_before_a_person(plant: Plant):
    plant.process(("does: work-order.create\n", "does: work-order.create\n    risk: high if triage.priority <= 2 else low\n"))
    plant.shake()
    assert plant.orders.list() == []
    plant.decide(BERT, "edit", edit={"priority": 2})
    plant.decide(CARL, "approve")
    (order,) = plant.orders.list()
    assert order["priority"] == 2
    assert (plant.task("open_work_order")["mode"], plant.task("open_work_order")["actor"]) == ("human_assistant", "carl")


def test_a_case_that_cannot_go_on_says_why_stops_no_other_and_can_be_retried(plant: Plant, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(plant.spares, "needed_for", lambda *_: 1 / 0)
        plant.shake()
        plant.until(lambda: plant.case["state"] == "failed")
    assert "ZeroDivisionError" in plant.case["outcome"]
    done = {task["name"] for task in plant.case["tasks"] if task["state"] == "done"}
    assert done == {"triage", "open_work_order"}, "what came before in the same transaction stands"
    assert len(plant.orders.list()) == 1
    assert any(event.key.startswith("act:") and "ZeroDivision" in event.message for event in plant.events)
    with plant.db.begin() as tx:
        plant.act.retry(tx, plant.case["id"], BERT)
    assert plant.act.settle()
    assert plant.case["current_task"] == "repair"
    told = [event.active for event in plant.events if event.key == f"act:{plant.case['id']}"]
    assert (told[0], told[-1]) == (True, False), "the condition is over when the case goes on"
    with pytest.raises(Conflict), plant.db.begin() as tx:
        plant.act.retry(tx, plant.case["id"], BERT)


def test_a_restart_takes_up_open_cases_and_alarms_nobody_took(database, tmp_path):
    first = Plant(database, tmp_path)
    first.stock()
    first.feed((1, 9.0), (4, 9.2))
    assert len(first.act.cases()) == 1, "the case is there before the engine is"
    with database.begin() as tx:
        for table in ("case_task", "case_note", "tower", "cases"):
            tx.exec_driver_sql(f"DELETE FROM {table}")
        tx.exec_driver_sql("DELETE FROM command_answer")
    second = Plant(database, tmp_path)
    second.act.start_engine()
    try:
        assert second.act.settle()
        assert second.case["current_task"] == "repair"
        assert len(second.act.cases()) == 1
    finally:
        second.act.stop()


def test_rules_pass_the_gate_like_anybody(plant: Plant):
    with pytest.raises(Forbidden):
        plant.guard.perform(Command(Subject.rule("replenisher"), "approvals.decide", "x"), lambda _tx: {})
