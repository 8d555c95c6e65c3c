"""What is taken away is nowhere: every SQL table and every reading route is searched for a canary."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lineshaft.core import iso, now_ns
from tests.doors.conftest import OVEN, PASSWORD, PUMP, House

PERSON = "Kingfisher Canarybird"
COST = 98765.25
CAUSE = "zugluft-canary"


@pytest.fixture(scope="module")
def told(house: House) -> dict[str, str]:
    """A plant where a person of a rare name did something everywhere, and a part has a rare price."""
    body = {"name": "kingfisher", "display": PERSON, "password": PASSWORD, "roles": ["engineer"]}
    assert house.post("users", body).status_code == 201
    login = house.post("login", {"name": "kingfisher", "password": PASSWORD}, None).json()
    house.secrets["kingfisher"] = login["token"]
    headers: dict[str, Any] = {"role": "kingfisher", "headers": {"X-Lineshaft": "1"}}
    alarm = house.shake_the_pump()
    house.post(f"alarms/{alarm['id']}/acknowledge", {"note": f"seen by {PERSON}"}, **headers)
    part = {"part": "CAN-1", "name": "Canary part", "on_hand": 4, "minimum": 9, "target": 12, "unit_cost": COST}
    assert house.post("spares", part, **headers).status_code < 300
    order = house.post("work-orders", {"asset": PUMP, "title": "canary"}, **headers).json()
    house.post(f"work-orders/{order['id']}/triage", {}, **headers)
    house.post(f"work-orders/{order['id']}/assign", {"to": login["user"]["id"]}, **headers)
    house.post(f"work-orders/{order['id']}/comments", {"text": f"{PERSON} looks at it"}, **headers)
    house.post(f"work-orders/{order['id']}/parts", {"part": "CAN-1", "quantity": 1}, **headers)
    house.post("purchases", {"part": "CAN-1", "quantity": 2}, **headers)
    house.post("logbook", {"asset": OVEN, "text": f"{PERSON} cleaned the oven"}, **headers)
    house.post("production/quality", {"check": "weight", "machine": OVEN, "passed": True, "value": 1.0}, **headers)
    house.post("findings", {"asset": PUMP, "kind": "drift", "score": 0.5}, **headers)
    spare = next(one for one in house.get("spares")["items"] if one["part"] == "CAN-1")
    return {"order": order["id"], "case": alarm["case_id"], "spare": spare["id"], "asset": PUMP, "person": login["user"]["id"]}


@pytest.fixture
def taken(house: House, told) -> Iterator[None]:
    """For planners: names of persons are masked, money is hidden, and the cause of an alarm too."""
    del told
    made = [
        house.post("permissions", {"who": "role:planner", "tables": "*", **rule}).json()["id"]
        for rule in (
            {"columns": ["@person"], "effect": "mask"},
            {"columns": ["@cost"], "effect": "hide"},
            {"columns": ["cause"], "effect": "mask"},
        )
    ]
    yield
    for one in made:
        assert house.ask("DELETE", f"permissions/{one}").status_code == 200


def routes(house: House, told: dict[str, str]) -> list[str]:
    """Return every reading route with its places filled in; one that could not be filled is asked all the same."""
    ids = {"order_id": told["order"], "case_id": told["case"], "spare_id": told["spare"], "asset_id": told["asset"]}
    ids |= {"table": "alarms", "entry_id": house.get("logbook")["items"][0]["id"]}
    given = {"property": f"{OVEN}/Power", "asset": "Bakery/Line 1", "window": "1m", "part": "CAN-1", "machine": OVEN}
    found: list[str] = []
    for path, operations in house.client.get("/api/openapi.json").json()["paths"].items():
        if "get" not in operations or path.endswith("/stream"):
            continue
        asked = [one for one in operations["get"].get("parameters", []) if one["in"] == "query" and one.get("required")]
        words = {one["name"]: given.get(one["name"], iso(now_ns())) for one in asked}
        for name, value in ids.items():
            path = path.replace(f"{{{name}}}", value)  # noqa: PLW2901
        query = "&".join(f"{name}={value}" for name, value in words.items())
        found.append(path.removeprefix("/api/v1/") + (f"?{query}" if query else ""))
    return found


def leaks(text: str, *more: str) -> list[str]:
    return [one for one in (PERSON, str(COST), f"{COST:,.2f}", f"{COST:g}", *more) if one in text]


def tables(house: House) -> list[str]:
    return [one["name"] for one in house.get("catalog")["items"]]


def test_the_canary_is_there_to_be_found(house: House, told):
    leaking = [path for path in routes(house, told) if leaks(house.ask("GET", path).text)]
    assert len(leaking) >= 8, leaking
    rows = [house.post("sql", {"sql": f"SELECT * FROM {name}"}).text for name in tables(house)]
    assert sum(bool(leaks(text, told["person"])) for text in rows) >= 4


@pytest.mark.usefixtures("taken")
def test_no_reading_route_tells_what_is_taken(house: House, told):
    for path in routes(house, told):
        said = house.ask("GET", path, "planner")
        assert not leaks(said.text), (path, leaks(said.text), said.text[:2000])
        for form in ("text/csv", "application/vnd.apache.arrow.stream"):
            assert not leaks(house.ask("GET", path, "planner", headers={"Accept": form}).text), (path, form)


@pytest.mark.usefixtures("taken")
def test_no_table_tells_what_is_taken_however_it_is_asked(house: House, told):
    for name in tables(house):
        columns = [one["name"] for one in house.get(f"catalog/{name}")["columns"]]
        shown = [one["name"] for one in house.get(f"catalog/{name}", "planner")["columns"]]
        assert "unit_cost" not in shown
        for sql in (
            f"SELECT * FROM {name}",
            f"SELECT t FROM {name} t",
            f"WITH a AS (SELECT * FROM {name}) SELECT * FROM a JOIN {name} b ON true",
            f"SELECT (SELECT list(x) FROM (SELECT * FROM {name}) x)",
            *(f'SELECT "{one}" FROM {name}' for one in columns),
        ):
            for form in ("application/json", "text/csv"):
                said = house.post("sql", {"sql": sql, "limit": 500}, "planner", headers={"Accept": form})
                assert not leaks(said.text, told["person"]), (sql, form)


@pytest.mark.usefixtures("taken")
def test_what_is_masked_picks_no_rows(house: House):
    def count(where: str, role: str) -> int:
        return house.post("sql", {"sql": f"SELECT count(*) FROM alarms WHERE {where}"}, role).json()["rows"][0][0]

    assert count("cause LIKE '%e%'", "admin") > 0
    assert count("cause LIKE '%e%'", "planner") == 0
    assert count("cause = '•••'", "planner") == count("true", "planner")


def test_a_hidden_table_is_nowhere_and_the_others_stay(house: House, told):
    rule = house.post("permissions", {"who": "role:technician", "tables": "purchases"}).json()["id"]
    try:
        assert house.ask("GET", "purchases", "technician").status_code == 403
        assert house.ask("GET", "purchases", "viewer").status_code == 403
        assert house.ask("GET", "purchases", "planner").status_code == 200
        assert "purchases" not in {one["name"] for one in house.get("catalog", "technician")["items"]}
        assert house.ask("GET", "work-orders", "technician").status_code == 200
    finally:
        house.ask("DELETE", f"permissions/{rule}")
    assert house.ask("GET", "purchases", "technician").status_code == 200


@pytest.mark.parametrize(("table", "what"), [("work_orders", "orders"), ("spares", "parts"), ("assets", "assets")])
def test_a_hidden_table_is_in_no_file_either(house: House, table: str, what: str):
    rule = house.post("permissions", {"who": "role:technician", "tables": table}).json()["id"]
    try:
        assert house.ask("GET", f"export/{what}", "technician").status_code == 403
        assert house.ask("GET", f"export/{what}", "planner").status_code == 200
    finally:
        house.ask("DELETE", f"permissions/{rule}")


def test_a_part_of_the_plant_remains(house: House, told):
    rule = house.post("permissions", {"who": "role:viewer", "assets": [OVEN]}).json()["id"]
    try:
        assert {one["path"] for one in house.get("assets", "viewer")["items"]} == {OVEN}
        assert house.ask("GET", f"history?property={PUMP}/Vibration", "viewer").status_code == 403
        assert len(house.get("assets", "operator")["items"]) > 1
    finally:
        house.ask("DELETE", f"permissions/{rule}")


def test_hidden_values_are_in_no_history_and_no_stream(house: House, told):
    rule = house.post("permissions", {"who": "role:viewer", "tables": "samples", "columns": ["value*"]}).json()["id"]
    try:
        for path in ("history", "aggregates", "latest"):
            asked = f"{path}?property={OVEN}/Power&window=1m&start=2026-01-01T00:00:00Z&end=2026-01-01T01:00:00Z"
            assert house.ask("GET", asked, "viewer").status_code == 403, path
    finally:
        house.ask("DELETE", f"permissions/{rule}")


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({"who": "role:admin", "tables": "x"}, "permission.admin"),
        ({"who": "everybody", "tables": "x"}, "permission.who"),
        ({"who": "user:nobody-here", "tables": "x"}, "permission.who"),
        ({"who": "role:viewer"}, "permission.all"),
        ({"who": "role:viewer", "tables": "x", "effect": "mask"}, "permission.mask"),
        ({"who": "role:viewer", "tables": "x", "columns": ["@gold"]}, "permission.class"),
        ({"who": "role:viewer", "tables": "x", "assets": ["y"]}, "permission.both"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(house: House, rule, code):
    answer = house.post("permissions", rule)
    assert answer.status_code == 422
    assert json.loads(answer.text)["code"] == code
