"""Remaining life over REST: planned, refused with a way out, seen only by those who reach it; learning is tested in the room."""

from __future__ import annotations

PUMP = "Bakery/Line 1/Cooler/Coolant pump"


def test_a_fleet_is_planned_listed_and_refuses_what_it_cannot_do(house):
    wanted = {"assets": [PUMP], "name": "pumps", "low": "14d", "index": {"property": "Vibration", "limit": 7.1}}
    made = house.post("life", {**wanted, "lives": [{"asset": "an old pump", "age": "200d"}]})
    assert made.status_code == 201, made.text
    one = made.json()
    assert (one["assets"], one["low_h"], one["every_h"], one["lives"]) == ([PUMP], 336, 1, 1)
    assert one["index"] == {"property": "Vibration", "limit": 7.1, "rising": True}
    assert "Vibration" in one["properties"]
    assert [row["name"] for row in house.get("life")["items"]] == ["pumps"]
    assert house.get(f"life/{one['id']}")["versions"] == []
    assert house.get("life/forecasts")["items"] == []
    again = house.post("life", wanted)
    assert (again.status_code, again.json()["code"]) == (409, "life.name")
    typo = house.post("life", {"assets": ["Bakery/Line 1/Ovn"]})
    assert typo.status_code == 422
    assert "Bakery/Line 1/Oven" in typo.json()["hint"]
    assert house.post(f"life/{one['id']}/use", {"number": 1}).status_code == 404
    assert house.post(f"life/{one['id']}/cancel").json()["code"] == "life.not-training"
    assert house.post(f"life/{one['id']}/use", {"number": None}).status_code == 200


def test_who_does_not_reach_every_machine_does_not_see_the_fleet(house):
    fleet = house.post("life", {"assets": ["Bakery/Line 1/Mixer", "Bakery/Line 1/Oven"], "name": "both"}).json()
    made = house.post("tokens", {"name": "narrow", "role": "engineer", "scope": ["Bakery/Line 1/Oven"]})
    house.secrets["narrow"] = made.json()["secret"]
    assert [row["name"] for row in house.get("life", "narrow")["items"]] == []
    assert house.ask("GET", f"life/{fleet['id']}", "narrow").status_code == 403
    assert house.ask("POST", f"life/{fleet['id']}/train", "narrow").status_code == 403
