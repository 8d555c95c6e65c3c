from __future__ import annotations

from tests.doors.conftest import OVEN, House


def test_orders_lots_and_quality_are_entered_once(house: House):
    product = house.get("production/orders")["items"][0]["lines"][0]["product"]
    body = {"order": "PO-9", "customer": "kiosk", "lines": [{"product": product, "quantity": 100, "due": "2030-01-01T00:00:00Z"}]}
    made = house.post("production/orders", body, "planner")
    assert (made.status_code, made.json()["new"]) == (201, True)
    assert house.post("production/orders", body, "planner").json() == {**made.json(), "new": False}
    order = next(o for o in house.get("production/orders")["items"] if o["number"] == "PO-9")
    assert order["lines"][0]["due"] == "2030-01-01T00:00:00Z"
    lot = {"lot": "L-9", "material": "dough", "parents": [house.get("production/lots")["items"][0]["number"]]}
    house.post("production/lots", lot, "planner")
    assert next(o for o in house.get("production/lots")["items"] if o["number"] == "L-9")["parents"] == lot["parents"]
    result = {"check": "diameter", "lot": "L-9", "machine": OVEN, "value": 61.0, "low": 58.0, "high": 60.0}
    assert house.post("production/quality", result, "operator").status_code == 201
    found = house.get("production/quality")["items"][0]
    assert (found["passed"], found["machine"], found["lot"], found["by"]) == (False, OVEN, "L-9", "test operator")


def test_what_cannot_be_entered_is_told(house: House):
    assert house.post("production/orders", {"order": "X", "lines": []}).status_code == 422
    assert house.post("production/quality", {"check": "x", "passed": True}).status_code == 422
    unknown = house.post("production/lots", {"lot": "X", "parents": ["NO-SUCH"]})
    assert unknown.json()["code"] == "production.no-lot"
