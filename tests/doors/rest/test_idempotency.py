from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.doors.conftest import House


def test_a_repeated_command_is_done_once_and_answered_alike(house: House):
    body, key = {"part": "BRG-6205", "quantity": 2}, {"Idempotency-Key": "order bearings"}
    first = house.post("purchases", body, headers=key)
    again = house.post("purchases", body, headers=key)
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert len([p for p in house.get("purchases")["items"] if p["id"] == first.json()["id"]]) == 1


def test_the_same_key_with_another_body_or_path_is_a_conflict(house: House):
    key = {"Idempotency-Key": "one key"}
    house.post("purchases", {"part": "BRG-6205", "quantity": 2}, headers=key)
    for path, body in (("purchases", {"part": "BRG-6205", "quantity": 3}), ("spares/BRG-6205/receive", {"quantity": 2})):
        answer = house.post(path, body, headers=key)
        assert (answer.status_code, answer.json()["code"]) == (409, "idempotency.conflict")


def test_keys_belong_to_their_sender(house: House):
    body, key = {"part": "BRG-6205", "quantity": 2}, {"Idempotency-Key": "shared key"}
    mine = house.post("purchases", body, headers=key).json()
    theirs = house.post("purchases", body, "planner", headers=key).json()
    assert mine["id"] != theirs["id"]


def test_many_at_once_make_one(house: House):
    body, key = {"asset": "Bakery/Line 1/Oven", "title": "clicked ten times"}, {"Idempotency-Key": "impatient"}
    with ThreadPoolExecutor(5) as hands:
        answers = list(hands.map(lambda _: house.post("work-orders", body, headers=key), range(10)))
    assert {a.status_code for a in answers} == {201}
    assert len({a.json()["id"] for a in answers}) == 1
    assert len([o for o in house.get("work-orders")["items"] if o["title"] == body["title"]]) == 1
