"""The report of a shift: asked for, drafted by a rule, worded by an agent, corrected and approved by people, in the logbook."""

from __future__ import annotations

import pytest

from lineshaft.act.agency import Endpoint
from lineshaft.core import now_ns
from tests.act.agency.conftest import Script
from tests.doors.conftest import House, make_house

WORDED = {
    "headline": "One pump, one order",
    "text": "The coolant pump was noisy at six.",
    "open_points": ["Look at the coupling"],
}


@pytest.fixture
def house(tmp_path):
    for made in make_house(tmp_path):
        made.rooms.act.start_engine()
        yield made
        made.rooms.act.stop()


def ask(house: House) -> None:
    body = {"process": "shift-report", "asset": "Bakery/Line 1", "reason": "end of the early shift"}
    assert house.post("cases", body, "operator").status_code == 201
    assert house.rooms.act.settle()


def decide(house: House, **said) -> None:
    approval = house.get("approvals")["items"][0]
    answer = house.post(f"approvals/{approval['id']}/decide", {**said, "version": approval["version"]}, "planner")
    assert answer.status_code == 200, answer.text
    assert house.rooms.act.settle()


def logbook(house: House) -> list[str]:
    return [row["text"] for row in house.rooms.production.logbook.list(0, now_ns() + 10**12)]


def test_without_an_agent_a_person_gets_the_rules_list(house: House):
    house.post("work-orders", {"asset": "Bakery/Line 1/Oven", "title": "Door seal is worn"})
    ask(house)
    proposal = house.get("approvals")["items"][0]["proposal"]
    assert "Door seal is worn" in proposal["text"]
    decide(house, decision="approve")
    assert "Door seal is worn" in logbook(house)[0]


def test_an_agent_words_it_and_nothing_is_in_the_logbook_before_a_person_approves(house: House):
    staff = house.rooms.act.staff
    staff.settings.endpoints["local"] = Endpoint(url="http://127.0.0.1:9/v1", model="scripted")
    staff.crew.open_model = Script(("alarms", {"asset": "Bakery/Line 1"}), ("answer", WORDED))
    house.post("agents", {"name": "reporter", "job": "reporter"})
    ask(house)
    assert logbook(house) == []
    approval = house.get("approvals")["items"][0]
    assert (approval["proposed_by_id"], approval["proposal"]["headline"]) == ("agent:reporter", WORDED["headline"])
    decide(house, decision="approve")
    assert logbook(house) == ["One pump, one order\n\nThe coolant pump was noisy at six.\n\n- Look at the coupling"]
    staff.settings.endpoints.clear()
