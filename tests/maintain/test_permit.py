from __future__ import annotations

import pytest

from lineshaft.core import Conflict, Forbidden, InvalidInput
from lineshaft.guard import Role, Subject
from tests.maintain.conftest import ANNA, BERT, PUMP

CARL = Subject("carl", "carl", "person", frozenset({Role.TECHNICIAN}), "Carl")
LOCK = {"kind": "lockout", "text": "Main switch Q1", "points": ["Switch Q1 off and locked", "Try to start: it does not"]}


def act(shop, verb, *args, **more):
    with shop.db.begin() as tx:
        return getattr(shop.workshop, verb)(tx, *args, **more)


def test_work_begins_only_behind_a_lock_and_ends_only_without_one(shop):
    made = shop.order(permits=[LOCK])
    with pytest.raises(Conflict) as refused:
        shop.do("start", made["id"])
    assert refused.value.code == "work-orders.permit"
    assert shop.orders.get(made["id"])["state"] == "triaged"
    lock = made["permits"][0]["id"]
    with pytest.raises(Conflict) as half:
        act(shop, "apply_permit", made["id"], ANNA, lock, LOCK["points"][:1])
    assert half.value.code == "permits.points"
    assert shop.orders.locked_out(PUMP) == ""
    act(shop, "apply_permit", made["id"], ANNA, lock, LOCK["points"])
    assert made["number"] in shop.orders.locked_out(PUMP)
    shop.do("start", made["id"])
    shop.do("done", made["id"])
    with pytest.raises(Conflict) as locked:
        shop.do("verify", made["id"])
    assert locked.value.code == "work-orders.locked"
    shown = act(shop, "release_permit", made["id"], ANNA, lock)
    assert shop.orders.locked_out(PUMP) == ""
    shop.do("verify", made["id"])
    assert [line["what"] for line in shown["history"]][-1] == "unlock"


def test_a_lock_holds_for_what_lies_below_and_outlives_its_order(shop):
    made = shop.order(asset="Bakery/Line 1/Cooler", permits=[LOCK])
    act(shop, "apply_permit", made["id"], ANNA, made["permits"][0]["id"], LOCK["points"])
    for path in ("Bakery/Line 1/Cooler", PUMP, f"{PUMP}/Speed"):
        assert shop.orders.locked_out(path)
    for path in ("Bakery/Line 1", "Bakery/Line 1/Cooler 2", "Bakery/Line 1/Oven"):
        assert shop.orders.locked_out(path) == ""
    shop.do("cancel", made["id"])
    assert shop.orders.locked_out(PUMP)
    assert [lock["number"] for lock in shop.orders.lockouts()] == [made["number"]]


def test_somebody_elses_lock_is_taken_off_by_a_planner_with_a_reason_only(shop):
    made = shop.order(permits=[LOCK])
    lock = made["permits"][0]["id"]
    act(shop, "apply_permit", made["id"], ANNA, lock, LOCK["points"])
    with pytest.raises(Forbidden):
        act(shop, "release_permit", made["id"], CARL, lock, "shift ends")
    with pytest.raises(Forbidden):
        act(shop, "release_permit", made["id"], Subject.rule("helper"), lock, "for speed")
    with pytest.raises(InvalidInput):
        act(shop, "release_permit", made["id"], BERT, lock)
    released = act(shop, "release_permit", made["id"], BERT, lock, "Anna went home, machine checked")
    assert (released["permits"][0]["released_by"], released["permits"][0]["state"]) == ("bert", "released")
    with pytest.raises(Conflict):
        act(shop, "release_permit", made["id"], BERT, lock, "again")


def test_a_permit_asked_for_while_work_rests_holds_the_work(shop):
    made = shop.order()
    shop.do("start", made["id"])
    shop.do("hold", made["id"], "permit")
    act(shop, "require_permit", made["id"], ANNA, {"kind": "permit", "text": "Hot work"})
    with pytest.raises(Conflict, match="Hot work"):
        shop.do("resume", made["id"])
    permit = shop.orders.get(made["id"])["permits"][0]["id"]
    act(shop, "apply_permit", made["id"], BERT, permit)
    assert shop.do("resume", made["id"])["state"] == "in_progress"
    assert shop.orders.locked_out(PUMP) == ""
