from __future__ import annotations

from tests.doors.conftest import OVEN, PUMP, House


def step(house: House, order: dict, verb: str, role: str = "technician", **body) -> dict:
    answer = house.post(f"work-orders/{order['id']}/{verb}", {"version": order["version"], **body}, role)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_an_order_from_request_to_closed(house: House):
    check = [{"text": "runs quietly"}, {"text": "vibration", "kind": "number", "upper": 2.8, "unit": "mm/s"}]
    body = {"asset": OVEN, "title": "fan is loud", "priority": 2, "checklist": check, "due": "2030-01-01T00:00:00Z"}
    order = house.post("work-orders", body, "technician").json()
    assert (order["number"][:3], order["state"], order["due"]) == ("WO-", "requested", "2030-01-01T00:00:00Z")
    assert order["checklist"][1]["limits"] == {"min": None, "max": 2.8, "unit": "mm/s"}
    order = step(house, order, "assign", to="anna")
    assert order["assigned_to"] == "Anna Berg"
    order = step(house, order, "start")
    order = step(house, order, "hold", reason="parts")
    assert order["waiting_for"] == "parts"
    order = step(house, order, "resume")
    early = house.post(f"work-orders/{order['id']}/done", {}, "technician")
    assert (early.status_code, early.json()["code"]) == (409, "work-orders.checklist-open")
    for one, result in zip(order["checklist"], (True, 1.9), strict=True):
        ticked = house.post(f"work-orders/{order['id']}/checklist/{one['id']}", {"result": result, "version": order["version"]})
        assert ticked.status_code == 200
    assert [s["passed"] for s in ticked.json()["checklist"]] == [True, True]
    assert ticked.json()["checklist"][0]["done_by"] == "test admin"
    order = step(house, ticked.json(), "done")
    order = step(house, order, "verify")
    bare = house.post(f"work-orders/{order['id']}/close", {}, "technician")
    assert bare.status_code == 422
    from lineshaft.maintain import LISTS

    codes = {name: next(iter(LISTS[name])) for name in ("mode", "cause", "remedy")}
    order = step(house, order, "close", **codes)
    assert order["state"] == "closed"
    assert [line["what"] for line in order["history"]][-3:] == ["done", "verify", "close"]
    assert order["history"][-1]["by"] == "test technician"


def test_a_step_that_is_not_possible_names_those_that_are(house: House):
    order = house.post("work-orders", {"asset": OVEN, "title": "x"}).json()
    answer = house.post(f"work-orders/{order['id']}/verify", {})
    assert answer.status_code == 409
    assert answer.json()["possible"] == ["triage", "reject", "assign", "start", "cancel"]
    assert house.post(f"work-orders/{order['id']}/explode", {}).status_code == 422
    assert house.post(f"work-orders/{order['id']}/assign", {"to": "ana"}).json()["hint"] == "did you mean 'anna'?"
    stale = house.post(f"work-orders/{order['id']}/start", {"version": 7})
    assert stale.json()["code"] == "version.conflict"


def test_one_alarm_makes_one_order(house: House):
    body = {"asset": PUMP, "title": "pump", "source": {"type": "alarm", "id": "a-1"}}
    first, again = house.post("work-orders", body).json(), house.post("work-orders", body).json()
    assert first["id"] == again["id"]
    assert first["source"] == {"type": "alarm", "id": "a-1"}


def test_an_alarm_that_stands_is_the_occurrence_its_case_made_the_order_for(house: House):
    alarm = house.shake_the_pump()
    body = {"asset": PUMP, "title": "pump", "source": {"type": "alarm", "id": alarm["occurrence"]}}
    made = house.post("work-orders", body).json()
    body["source"] = {"type": "alarm", "id": alarm["id"]}
    assert house.post("work-orders", body).json()["id"] == made["id"]


def test_orders_come_in_pages_and_by_state(house: House):
    first = house.get("work-orders?limit=2")
    second = house.get(f"work-orders?limit=2&after={first['next']}")
    ids = [o["id"] for o in first["items"] + second["items"]]
    assert len(set(ids)) == len(ids) >= 3
    assert {o["state"] for o in house.get("work-orders?state=closed")["items"]} <= {"closed"}
    assert house.ask("GET", "work-orders?state=opn").status_code == 422
    assert house.get("work-orders", "elsewhere")["items"] == []


def test_parts_come_in(house: House):
    bearing = next(s for s in house.get("spares")["items"] if s["part"] == "BRG-6205")
    body = {"quantity": 2, "version": bearing["version"]}
    after = house.post(f"spares/{bearing['id']}/receive", body, "planner").json()
    assert after["on_hand"] == bearing["on_hand"] + 2
    assert house.post(f"spares/{bearing['id']}/receive", body, "planner").status_code == 409
    assert house.post("spares/BRG-6025/receive", {"quantity": 1}).json()["hint"] == "did you mean 'BRG-6205'?"


def test_a_purchase_needs_a_second_person(house: House):
    made = house.post("purchases", {"part": "BRG-6205", "quantity": 6}, "planner").json()
    assert (made["state"], made["cost"], made["proposed_by"]) == ("proposed", 147.0, "test planner")
    waiting = next(a for a in house.get("approvals?state=open")["items"] if a["proposal"]["purchase_id"] == made["id"])
    own = house.post(f"approvals/{waiting['id']}/decide", {"decision": "approve"}, "planner")
    assert (own.status_code, own.json()["code"]) == (403, "approval.own-proposal")
    assert house.rooms.guard.audit(limit=1)[0].outcome == "refused"
    decided = house.post(f"approvals/{waiting['id']}/decide", {"decision": "approve", "version": waiting["version"]}, "engineer")
    assert decided.json()["state"] == "approved"
    assert next(p for p in house.get("purchases")["items"] if p["id"] == made["id"])["state"] == "approved"
    assert house.get("tower")["items"][0]["what"].startswith("approved: Buy")
    assert house.get("tower")["items"][0]["actor"] == "test engineer"
