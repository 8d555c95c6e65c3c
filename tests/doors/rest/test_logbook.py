from __future__ import annotations

from lineshaft.core import iso
from tests.doors.conftest import BAKERY, OVEN, PUMP, House

LINE = "Bakery/Line 1"


def test_an_entry_is_written_corrected_and_found_by_shift(house: House):
    body = {"asset": OVEN, "text": "door seal is brittle", "tags": ["seal"], "at": "2026-11-18T06:30:00+01:00"}
    made = house.post("logbook", body, "operator")
    assert made.status_code == 201, made.text
    entry = made.json()
    assert (entry["shift"], entry["day"], entry["author"], entry["version"]) == ("Early", "2026-11-18", "test operator", 1)
    body = {"text": "door seal was replaced", "version": 1}
    assert house.post(f"logbook/{entry['id']}/correct", body, "technician").json()["version"] == 2
    assert house.post(f"logbook/{entry['id']}/correct", body, "technician").status_code == 409
    query = "logbook?start=2026-11-17T00:00:00Z&end=2026-11-19T00:00:00Z"
    found = house.get(f"{query}&line={LINE}&shift=Early&tag=seal")["items"]
    assert [(one["text"], one["author"]) for one in found] == [("door seal was replaced", "test technician")]
    assert house.get(f"{query}&shift=Late")["items"] == house.get(query, "elsewhere")["items"] == []
    assert [one["text"] for one in house.get(f"logbook/{entry['id']}")["items"]] == [
        "door seal is brittle",
        "door seal was replaced",
    ]
    assert house.post("logbook", {"asset": OVEN, "text": "no"}, "viewer").status_code == 403
    assert house.post("logbook", {"asset": OVEN, "text": "no"}, "elsewhere").status_code == 403


def test_a_reading_by_hand_is_stored_and_audited_with_who(house: House):
    with house.rooms.db.begin() as tx:
        house.rooms.assets.unbind(tx, f"{OVEN}/Power")
    at = iso(house.moment() - 10**10)
    body = {"property": f"{OVEN}/Power", "value": 41, "timestamp": at, "note": "read at the meter"}
    made = house.post("readings", body, "operator")
    assert made.status_code == 201, made.text
    assert house.get("latest", params={"property": f"{OVEN}/Power"})["items"][0]["value"] == 41.0
    spans = house.rooms.assets.spans(house.rooms.assets.property(f"{OVEN}/Power").id)
    assert [span.source for span in spans] == ["manual"]
    row = next(row for row in house.get("audit")["items"] if row["resource"] == f"reading:{OVEN}/Power")
    assert (row["subject"], row["action"], row["outcome"]) == ("test operator", "values.write", "ok")
    assert house.rooms.assets.load(BAKERY).problems == []
    assert house.rooms.assets.spans(house.rooms.assets.property(f"{OVEN}/Power").id) == spans


def test_a_machines_own_property_and_what_does_not_fit_are_refused(house: House):
    refused = house.post("readings", {"property": f"{PUMP}/Vibration", "value": 1.0}, "operator")
    assert (refused.status_code, refused.json()["code"]) == (409, "reading.of-a-machine")
    refused = house.post("readings", {"property": f"{OVEN}/Power", "value": "much"}, "operator")
    assert (refused.status_code, refused.json()["code"]) == (422, "reading.type")
    assert house.post("readings", {"property": f"{OVEN}/Power", "value": 1}, "viewer").status_code == 403


def test_figures_running_order_genealogy_and_feeds(house: House):
    span = "&start=2026-11-18T00:00:00Z&end=2026-11-19T00:00:00Z"
    figures = house.get(f"production/figures?line={LINE}{span}")
    order = next(one for one in figures["orders"] if one["order"] == "PO-1001")
    assert (figures["otif"], order["target"], order["made"]) == (None, order["planned_s"] / 0.5, None)
    running = house.get(f"production/running?line={LINE}{span}")
    assert [run["order"] for run in running["runs"]] == ["PO-1001"]
    assert {one["kind"] for one in running["planned"]} >= {"shift"}
    assert house.get("production/lots/DO-4410/genealogy")["made_from"] == ["BU-0778", "FL-2291"]
    made = house.post("production/orders/PO-1001/deliveries", {"quantity": 1000}, "planner")
    assert made.status_code == 201
    orders = house.get("production/orders")["items"]
    assert next(one for one in orders if one["number"] == "PO-1001")["lines"][0]["delivered"] == 1000
    assert house.get("production/feeds") == {"items": []}
    assert house.post("production/feeds/none/read").status_code == 404
