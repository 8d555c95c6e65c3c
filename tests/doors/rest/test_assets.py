from __future__ import annotations

from tests.doors.conftest import OVEN, PUMP, House


def test_the_plant_is_a_tree(house: House):
    items = house.get("assets")["items"]
    paths = [a["path"] for a in items]
    assert paths[0] == "Bakery"
    assert PUMP in paths
    line = next(a for a in items if a["path"] == "Bakery/Line 1")
    assert line["constraint"] == OVEN
    oven = next(a for a in items if a["path"] == OVEN)
    assert (oven["oee"], oven["parent_id"]) == (True, line["id"])
    assert oven["oee_mapping"]["states"]["1"] == "running"
    assert [a["path"] for a in house.get("assets?under=Bakery/Line 1/Cooler")["items"]] == ["Bakery/Line 1/Cooler", PUMP]


def test_the_tree_comes_in_pages(house: House):
    first = house.get("assets?limit=3")
    rest = house.get(f"assets?after={first['next']}")
    assert len(first["items"]) == 3
    assert first["items"] + rest["items"] == house.get("assets")["items"]
    assert rest["next"] is None


def test_one_position_by_path_or_id(house: House):
    by_path = house.get(f"assets/{PUMP}")
    assert house.get(f"assets/{by_path['id']}") == by_path
    vibration = next(p for p in by_path["properties"] if p["name"] == "Vibration")
    assert (vibration["unit"], vibration["kind"]) == ("mm/s", "measurement")
    assert by_path["limits"][0]["limit"] == 7.1
    assert house.get("assets/Bakery/Line 1/Cooler")["children"][0]["path"] == PUMP


def test_a_login_for_one_line_sees_its_branch_only(house: House):
    assert {a["path"].split("/")[1] for a in house.get("assets", "line 1")["items"]} == {"Line 1"}
    assert house.get("assets", "elsewhere")["items"] == []
    assert house.ask("GET", f"assets/{OVEN}", "elsewhere").status_code == 403
    assert house.ask("GET", f"latest?property={OVEN}/Power", "elsewhere").status_code == 403
    assert house.ask("GET", f"oee?asset={OVEN}", "elsewhere").status_code == 403


def test_an_attribute_and_a_binding_change_from_a_moment_on(house: House):
    path = f"{OVEN}/IdealCycle"
    set_ = house.post("attributes", {"property": path, "value": 0.6}, "engineer")
    assert (set_.status_code, set_.json()["value"]) == (200, 0.6)
    assert house.get(f"assets/{OVEN}")["attributes"]["IdealCycle"] == 0.6
    assert house.post("attributes", {"property": path, "value": "fast"}, "engineer").status_code == 422
    house.post("attributes", {"property": path, "value": 0.5}, "engineer")
    body = {"property": f"{OVEN}/Power", "source": "meter", "tag": "P1", "valid_from": "2030-01-01T00:00:00Z"}
    spans = house.post("bindings", body, "engineer").json()["spans"]
    assert [s["source"] for s in spans] == ["bakery", "meter"]
    taken = {"property": f"{OVEN}/Speed", "source": "bakery", "tag": "ns=2;s=Mixer/Speed"}
    assert house.post("bindings", taken, "engineer").json()["code"] == "assets.tag-taken"
    assert house.post("bindings", taken, "elsewhere").status_code == 403
