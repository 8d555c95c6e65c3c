"""Technicians, plans, instructions, codes, bins and figures behind the door."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lineshaft.core import now_ns
from lineshaft.maintain import load_workshop
from tests.doors.conftest import BAKERY, OVEN, PUMP, House


@pytest.fixture(scope="module", autouse=True)
def _loaded(house: House):
    load_workshop(BAKERY / "maintenance.yaml", house.rooms.db, house.rooms.workshop, house.rooms.store)


def test_a_proposal_of_who_does_it_names_its_reasons_and_a_person_decides(house: House):
    order = house.post("work-orders", {"asset": PUMP, "title": "bearing", "instruction": "change-bearing"}).json()
    assert (order["instruction_number"], order["hours"], order["skills"]) == (1, 2.5, {"mechanical": 3})
    assert order["checklist"][0]["image"]
    people = house.get(f"work-orders/{order['id']}/candidates")["items"]
    assert {one["login"] for one in people} == {"anna", "jonas", "meryem"}
    for one in people:
        assert one["score"] == pytest.approx(sum(reason["points"] for reason in one["reasons"]), abs=0.002)
        assert [reason["name"] for reason in one["reasons"]] == ["skills", "shift", "load", "experience"]
    before = next(one for one in people if one["login"] == "anna")
    assert [one["login"] for one in people if one["account"]] == ["anna"]  # nobody else can sign in here
    house.post(f"work-orders/{order['id']}/assign", {"to": "anna"}, "planner")
    assert next(one for one in house.get("technicians")["items"] if one["login"] == "anna")["hours"] == 2.5
    after = next(one for one in house.get(f"work-orders/{order['id']}/candidates")["items"] if one["login"] == "anna")
    assert after["score"] < before["score"]
    assert [o["id"] for o in house.get(f"work-orders?assigned_to={house.rooms.workshop.ids()['anna']}")["items"]] == [order["id"]]


def test_technicians_are_changed_by_planners(house: House):
    body = {"login": "jonas", "name": "Jonas Winter", "skills": {"electrical": 5}, "hours_per_week": 20}
    changed = house.post("technicians", body, "planner").json()
    assert (changed["skills"], changed["hours_per_week"]) == ({"electrical": 5}, 20)
    assert house.post("technicians", {**body, "skills": {"electrical": 11}}, "planner").status_code == 422
    assert house.post("technicians", body, "technician").status_code == 403


def test_a_plan_makes_its_order_at_the_real_meter_of_the_store(house: House):
    trigger = {"meter": f"{OVEN}/Good", "every_units": 10}
    plan = {"name": "Every ten", "asset": OVEN, "trigger": trigger, "hours": 0.5, "title": "Clean the oven"}
    assert house.post("plans", {"plan": plan}, "planner").json()["trigger_kind"] == "meter"
    tag, planner = "ns=2;s=Oven/Good", house.rooms.workshop.planner
    house.values([(tag, 100, house.moment())])
    planner.tick(now_ns(), now_ns() / 1e9)
    house.values([(tag, 112, house.moment())])
    numbers = planner.tick(now_ns(), now_ns() / 1e9)
    orders = [house.get(f"work-orders/{number}") for number in numbers]
    assert "Clean the oven" in [order["title"] for order in orders]
    shown = next(one for one in house.get("plans")["items"] if one["name"] == "Every ten")
    assert (shown["used"], shown["occurrences"][0]["outcome"]) == (12.0, "open")
    assert "Every ten" not in [one["name"] for one in house.get("plans", "elsewhere")["items"]]
    paused = house.post("plans/Every ten/pause", {"paused": True, "version": shown["version"]}, "planner").json()
    assert paused["paused"]
    assert house.post("plans/Every ten/pause", {"paused": False, "version": shown["version"]}, "planner").status_code == 409


def test_a_plan_by_an_alarm_makes_one_order_each_time_it_is_raised(house: House):
    plan = {"name": "Look at it", "asset": PUMP, "trigger": {"alarm": "Coolant pump vibration high"}, "kind": "inspection"}
    assert house.post("plans", {"plan": plan}, "planner").json()["trigger_kind"] == "condition"
    planner = house.rooms.workshop.planner

    def made() -> list[str]:
        planner.tick(now_ns(), now_ns() / 1e9)
        return [o["number"] for o in house.get("work-orders")["items"] if o["title"] == "Look at it"]

    assert made() == []
    house.shake_the_pump()
    assert len(made()) == 1
    assert len(made()) == 1


def test_what_an_hour_of_somebody_costs_is_for_planners(house: House):
    costs = {one["login"]: one["hourly_cost"] for one in house.get("technicians", "planner")["items"]}
    assert costs["anna"] == 48
    assert {one["hourly_cost"] for one in house.get("technicians", "technician")["items"]} == {None}


def test_a_plan_that_makes_no_sense_is_told_where(house: House):
    answer = house.post("plans", {"plan": {"name": "x", "asset": OVEN, "trigger": {"every": "often"}}}, "planner")
    assert (answer.status_code, answer.json()["code"]) == (422, "duration.invalid")
    unknown = house.post("plans", {"plan": {"name": "x", "asset": "Bakery/Oben", "trigger": {"every": "1d"}}}, "planner")
    assert unknown.status_code == 404


def test_calendar_and_forecast_of_a_year(house: House):
    later = datetime.now(UTC).year + 2  # far enough that no order of it is open yet, on the last of December too
    year = house.get(f"maintenance/calendar?start={later}-01-01T00:00:00Z&end={later + 1}-01-01T00:00:00Z")["items"]
    greased = [one for one in year if one["plan"] == "Grease the coolant pump"]
    assert len(greased) in (13, 14), "every four weeks"
    assert {one["outcome"] for one in greased} == {"foreseen"}
    forecast = house.get("maintenance/forecast?months=12")
    assert len(forecast["months"]) == 12
    assert sum(month["hours"] for month in forecast["months"]) > 5
    assert "Look at the oven when its power stays high" in forecast["unforeseen"]
    bearings = next(one for one in forecast["parts"] if one["part"] == "BRG-6205")["quantity"]
    assert bearings in (2, 4), "two in a year, and two more where the renewal before is overdue"


def test_instructions_have_versions_and_take_a_table(house: House):
    table = "text;kind;upper;unit;warning\nMeasure it;number;2.8;mm/s;\nClose it;check;;;hot\n"
    body = {"name": "short", "content": {"title": "Short"}, "table": table}
    first = house.post("instructions", body, "planner").json()
    assert first["content"]["steps"][0] == {"text": "Measure it", "kind": "number", "upper": 2.8, "unit": "mm/s"}
    assert house.post("instructions", body, "planner").json()["number"] == 1
    body["content"]["title"] = "Shorter"
    assert house.post("instructions", body, "planner").json()["number"] == 2
    shown = house.get("instructions/short?number=1")
    assert (shown["title"], [one["number"] for one in shown["versions"]]) == ("Short", [2, 1])
    assert house.ask("GET", "instructions/shrt").json()["hint"] == "did you mean 'short'?"


def test_codes_of_the_plant_close_orders(house: House):
    lists = house.post("codes", {"csv": "list,code,text\ncause,WATER,water in the oil\n"}, "planner").json()["lists"]
    assert lists["cause"]["WATER"] == "water in the oil"
    order = house.post("work-orders", {"asset": OVEN, "title": "x"}).json()
    for verb in ("start", "done", "verify"):
        house.post(f"work-orders/{order['id']}/{verb}", {})
    closed = house.post(f"work-orders/{order['id']}/close", {"mode": "VIB", "cause": "WATER", "remedy": "LUBE"})
    assert closed.json()["closing"]["cause"] == "WATER"
    house.post("codes", {"codes": [{"list": "cause", "code": "WATER", "retired": True}]}, "planner")
    assert "WATER" not in house.get("codes")["lists"]["cause"]
    assert house.post("codes", {"csv": "a,b\n1,2\n"}, "planner").status_code == 422
    assert house.post("codes", {"codes": [{"list": "label", "code": "x", "text": "y"}]}, "planner").status_code == 422


def test_a_bin_is_counted_and_the_difference_is_a_move(house: House):
    belt = house.get("spares/BELT-PK-2")
    counted = house.post("spares/BELT-PK-2/count", {"counted": 5, "version": belt["version"]}, "planner").json()
    assert (counted["on_hand"], counted["counted"] is not None) == (5, True)
    assert house.post("spares/BELT-PK-2/count", {"counted": 1, "version": belt["version"]}, "planner").status_code == 409
    shown = house.get("spares/BELT-PK-2")
    assert (shown["moves"][0]["kind"], shown["moves"][0]["quantity"], shown["moves"][0]["by"]) == ("count", 3, "test planner")
    order = house.post("work-orders", {"asset": OVEN, "title": "x"}).json()
    house.post(f"work-orders/{order['id']}/parts", {"part": "BELT-PK-2", "quantity": 5})
    low = house.post("spares/BELT-PK-2/count", {"counted": 4}, "planner")
    assert (low.status_code, low.json()["code"]) == (409, "spares.reserved")
    outs = house.get("maintenance/figures")["stock_outs"]
    assert "BELT-PK-2" in [one["part"] for one in outs["events"]]
    assert "BELT-PK-2" in outs["out_now"]


def test_a_part_has_alternatives_a_place_in_the_bill_and_a_label(house: House):
    card = {"part": "BELT-PK-3", "name": "Belt, stronger", "bin": "A-08", "used_by": [{"asset": OVEN}], "on_hand": 2}
    assert house.post("spares", card, "planner").json()["on_hand"] == 2
    belt = house.get("spares/BELT-PK-2")
    more = {name: belt[name] for name in ("part", "name", "bin", "minimum", "target", "unit_cost", "used_by")}
    house.post("spares", {**more, "alternatives": ["BELT-PK-3"]}, "planner")
    assert house.get("spares/BELT-PK-2")["instead"][0]["available"] == 2
    assert house.get("spares/BELT-PK-2")["on_hand"] == 5
    used = house.get("parts-used?asset=Bakery/Line 1")["items"]
    assert {"BRG-6205", "BELT-PK-3"} <= {one["part"] for one in used}
    picture = house.ask("GET", "spares/BRG-6205/label")
    assert picture.headers["content-type"] == "image/svg+xml"
    assert picture.text.startswith("<svg")
    page = house.ask("GET", "spares/labels?part=BRG-6205&part=SEAL-32")
    assert page.text.count("<svg") == 2
    assert "sandbox" in page.headers["content-security-policy"]


def test_what_is_not_defined_has_no_value_and_says_why(house: House):
    figures = house.get("maintenance/figures?start=2020-01-01T00:00:00Z&end=2020-02-01T00:00:00Z")
    for name in ("mttr", "mtbf"):
        assert figures[name]["value_s"] is None
        assert figures[name]["why"]
    for name in ("pm_compliance", "planned_share", "first_time_fix"):
        assert figures[name]["value"] is None
        assert figures[name]["why"]
    assert house.ask("GET", "maintenance/figures", "elsewhere").status_code == 403
    assert house.get(f"maintenance/figures?asset={OVEN}")["mtbf"]["failures"] >= 1
