"""Work orders as a phone on the shop floor sends them: belongings, locks, and what happens when it was offline."""

from __future__ import annotations

import uuid

from tests.doors.conftest import OVEN, PUMP, House

LOCK = {"text": "Main switch Q1", "points": ["Q1 off and locked"]}
CODES = {"mode": "VIB", "cause": "AGE", "remedy": "REPLACE"}


def made(house: House, **body) -> dict:
    answer = house.post("work-orders", {"asset": PUMP, "title": "pump", **body}, "technician")
    assert answer.status_code == 201, answer.text
    return answer.json()


def send(house: House, path: str, body: object = None, role: str = "technician", **options) -> dict:
    answer = house.post(f"work-orders/{path}", body or {}, role, **options)
    assert answer.status_code < 300, answer.text
    return answer.json()


def test_priority_is_criticality_times_urgency_and_due_is_its_service_level(house: House):
    pump = made(house, urgency=5)
    assert (pump["criticality"], pump["urgency"], pump["priority"]) == (4, 5, 1)
    oven = made(house, asset=OVEN, urgency=1)
    assert (oven["criticality"], oven["priority"]) == (3, 4)
    assert pump["due"] < oven["due"]


def test_everything_that_belongs_to_an_order(house: House):
    order = made(house, permits=[LOCK], instruction="")
    ref = order["id"]
    send(house, f"{ref}/comments", {"text": "sounds rough"})
    send(
        house,
        f"{ref}/labour",
        {"start": "2026-11-20T06:00:00Z", "end": "2026-11-20T07:30:00Z", "person": "anna", "hourly_cost": 40},
    )
    stood = send(house, f"{ref}/downtime", {"start": "2026-11-20T06:00:00Z"})["downtime"][0]
    send(house, f"{ref}/downtime/{stood['id']}/end", {"end": "2026-11-20T07:00:00Z"})
    send(house, f"{ref}/parts", {"part": "BRG-6205", "quantity": 1})
    send(house, f"{ref}/parts", {"part": "BRG-6205", "quantity": 1, "action": "issue"})
    send(house, f"{ref}/parts", {"part": "BRG-6205", "quantity": 1, "action": "return"})
    picture = house.ask("POST", "documents", "technician", files={"file": ("b.png", b"\x89PNG", "image/png")}).json()
    send(house, f"{ref}/attachments", {"document": picture["id"], "kind": "photo"})
    send(house, f"{ref}/findings", {"source": {"type": "finding", "id": "f-77"}, "score": 0.8, "priority": 2})
    shown = send(house, f"{ref}/avoided", {"hours": 6, "assumption": "as in March"})
    assert shown["labour"][0]["person"] == "Anna Berg"
    assert (shown["labour"][0]["hours"], shown["cost"]) == (1.5, {"labour": 60.0, "parts": 0.0})
    assert shown["downtime"][0]["end"] == "2026-11-20T07:00:00Z"
    assert [one["name"] for one in shown["attachments"]] == ["b.png"]
    assert (shown["findings"][0]["id"], shown["priority"]) == ("f-77", 2)
    assert shown["avoided"] is None  # corrective: it broke
    whats = [line["what"] for line in shown["history"]]
    assert whats == [
        "create", "note", "labour", "downtime", "downtime", "reserve", "issue", "return", "attach", "merge", "avoided",
    ]  # fmt: skip


def test_a_lock_stops_the_start_and_is_seen_by_everybody(house: House):
    order = made(house, permits=[LOCK])
    ref, lock = order["id"], order["permits"][0]["id"]
    early = house.post(f"work-orders/{ref}/start", {}, "technician")
    assert (early.status_code, early.json()["code"]) == (409, "work-orders.permit")
    send(house, f"{ref}/permits/{lock}/apply", {"points": LOCK["points"]})
    assert [one["number"] for one in house.get("lockouts")["items"]] == [order["number"]]
    assert house.get("lockouts", "elsewhere")["items"] == []
    assert order["number"] in house.get(f"work-orders/{ref}")["locked_out"]
    send(house, f"{ref}/start")
    other = house.post(f"work-orders/{ref}/permits/{lock}/release", {}, "operator")
    assert other.status_code == 403
    assert house.post(f"work-orders/{ref}/permits/{lock}/release", {}, "planner").status_code == 422
    send(house, f"{ref}/permits/{lock}/release", {"reason": "checked"}, "planner")
    assert house.get("lockouts")["items"] == []


def test_a_command_sent_twice_from_a_phone_is_done_once(house: House):
    ref = made(house)["id"]
    key = {"Idempotency-Key": str(uuid.uuid4())}
    one = send(house, f"{ref}/comments", {"text": "hello"}, headers=key)
    two = send(house, f"{ref}/comments", {"text": "hello"}, headers=key)
    assert one["history"] == two["history"]
    other = house.post(f"work-orders/{ref}/comments", {"text": "other"}, "technician", headers=key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency.conflict")


def test_a_clash_answers_with_what_the_order_is_by_now(house: House):
    order = made(house)
    ref, seen = order["id"], order["version"]
    send(house, f"{ref}/assign", {"to": "anna", "version": seen}, "planner")
    late = house.post(f"work-orders/{ref}/start", {"version": seen}, "technician")
    assert (late.status_code, late.json()["code"]) == (409, "version.conflict")
    current = late.json()["current"]
    assert (current["state"], current["assigned_to"], current["version"]) == ("assigned", "Anna Berg", seen + 1)
    assert "start" in current["possible"]
    assert send(house, f"{ref}/start", {"version": current["version"]})["state"] == "in_progress"


def test_lines_that_are_only_added_merge_whatever_version_a_phone_saw(house: House):
    check = [{"text": "quiet"}, {"text": "dry"}]
    order = made(house, checklist=check)
    ref, (quiet, dry) = order["id"], order["checklist"]
    send(house, f"{ref}/assign", {"to": "anna", "version": order["version"]}, "planner")
    send(house, f"{ref}/comments", {"text": "written offline"})
    send(house, f"{ref}/checklist/{quiet['id']}", {"result": True, "step_version": quiet["version"]})
    send(house, f"{ref}/checklist/{dry['id']}", {"result": True, "step_version": dry["version"]}, "planner")
    same = send(house, f"{ref}/checklist/{quiet['id']}", {"result": True, "step_version": quiet["version"]}, "planner")
    assert [one["done_by"] for one in same["checklist"]] == ["test technician", "test planner"]
    clash = house.post(f"work-orders/{ref}/checklist/{quiet['id']}", {"result": False, "step_version": 1}, "planner")
    assert (clash.status_code, clash.json()["code"]) == (409, "step.conflict")
    assert clash.json()["result"] is True


def test_closing_tells_the_finding_what_it_was(house: House):
    body = {"asset": PUMP, "kind": "drift", "score": 0.5, "failure_mode": "LEK"}
    finding = house.post("findings", body, "engineer").json()
    order = made(house, source={"type": "finding", "id": finding["id"]}, kind="predictive", failure_mode="LEK")
    assert order["avoided"]["hours"] == 6.0
    for verb in ("start", "done", "verify"):
        send(house, f"{order['id']}/{verb}")
    bare = house.post(f"work-orders/{order['id']}/close", {"codes": CODES}, "technician")
    assert (bare.status_code, bare.json()["where"]) == (422, "label")
    send(house, f"{order['id']}/close", {"codes": {**CODES, "label": "no_fault_found"}})
    assert next(f for f in house.get("findings")["items"] if f["id"] == finding["id"])["label"] == "no_fault_found"
    assert house.get(f"work-orders/{order['id']}")["avoided"] is None
    again = made(house, failure_mode="LEK")
    alike = house.get(f"work-orders/{again['id']}/similar")["items"]
    assert alike[0]["number"] == order["number"]
    assert house.ask("GET", f"work-orders/{again['id']}/similar", "elsewhere").status_code == 403
