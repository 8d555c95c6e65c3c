from __future__ import annotations

import pytest

from tests.doors.conftest import PUMP, House


@pytest.fixture(scope="module")
def case(house: House) -> dict:
    alarm = house.shake_the_pump()
    return house.get(f"cases/{alarm['case_id']}")


def test_an_alarm_opened_a_case(house: House, case):
    assert (case["process"], case["asset"], case["state"]) == ("maintenance", PUMP, "open")
    assert case["number"].startswith("CASE-")
    assert case["opened"].endswith("Z")
    assert case["definition"]["tasks"]
    assert house.get("cases?state=open")["items"][0]["id"] == case["id"]
    assert house.get(f"cases/{case['number']}")["id"] == case["id"]
    assert house.get("cases?state=done")["items"] == []


def test_a_case_is_seen_by_its_part_of_the_plant(house: House, case):
    assert house.get("cases", "elsewhere")["items"] == []
    assert house.ask("GET", f"cases/{case['id']}", "elsewhere").status_code == 403
    assert house.get("tower", "elsewhere")["items"] == []


def test_an_open_case_cannot_be_retried(house: House, case):
    assert house.post(f"cases/{case['id']}/retry", None, "planner").status_code == 409
    assert house.ask("GET", "cases/unknown").json()["code"] == "cases.unknown"


def test_a_proposal_is_edited_by_one_and_approved_by_another(house: House):
    house.post("purchases", {"part": "BRG-6205", "quantity": 8}, "planner")
    waiting = house.get("approvals?state=open")["items"][0]
    assert (waiting["what"], waiting["proposed_by"], waiting["state"]) == (
        "Buy Deep groove ball bearing 6205",
        "test planner",
        "open",
    )
    assert waiting["proposed_by_id"] == house.rooms.guard.authenticate(house.secrets["planner"]).id
    path = f"approvals/{waiting['id']}/decide"
    edited = house.post(path, {"decision": "edit", "edit": {"quantity": 6}, "version": waiting["version"]}, "engineer").json()
    assert edited["proposal"]["quantity"] == 6
    assert house.post(path, {"decision": "approve"}, "engineer").json()["code"] == "approval.own-proposal"
    assert house.post(path, {"decision": "approve", "version": waiting["version"]}).status_code == 409
    done = house.post(path, {"decision": "approve", "reason": "fine"}).json()
    assert (done["state"], done["decided_by"], done["reason"]) == ("approved", "test admin", "fine")
    assert house.post(path, {"decision": "approve"}).status_code == 409
    assert house.get("purchases")["items"][0]["quantity"] == 6
    assert house.post(path, {"decision": "perhaps"}).status_code == 422


def test_the_tower_tells_what_was_done_by_whom_or_what(house: House, case):
    first = house.get("tower?limit=1")
    second = house.get(f"tower?limit=50&after={first['next']}")
    assert first["items"][0]["at"] >= second["items"][0]["at"]
    assert {line["actor_kind"] for line in first["items"] + second["items"]} >= {"token"}
    assert all(line["actor"] for line in first["items"] + second["items"])
    assert house.get(f"tower?case_id={case['id']}")["items"][0]["case_id"] == case["id"]


def test_a_write_is_proposed_by_one_and_decided_by_another(house: House):
    body = {"property": "Bakery/Line 1/Oven/Speed", "value": 110.0, "reason": "biscuits are too dark"}
    made = house.post("writes", body, "engineer")
    assert made.status_code == 201, made.text
    write = made.json()
    assert (write["state"], write["value"], write["proposed_by"]) == ("open", 110.0, "test engineer")
    assert house.get("writes?state=open")["items"] == [write]
    assert house.get("writes", "elsewhere")["items"] == []
    assert [one["id"] for one in house.get("approvals?state=open", "line 1")["items"]] == [write["id"]]
    assert house.get("approvals?state=open", "elsewhere")["items"] == []
    path = f"approvals/{write['id']}/decide"
    assert house.post(path, {"decision": "approve"}, "engineer").json()["code"] == "approval.own-proposal"
    assert house.post(path, {"decision": "approve"}, "planner").status_code == 200
    assert house.get("writes")["items"][0]["state"] == "approved"
    refused = house.post("writes", {**body, "property": "Bakery/Line 1/Oven/IdealCycle"}, "engineer")
    assert refused.json()["code"] == "writes.property"
