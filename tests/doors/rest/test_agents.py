"""Agents over REST: registered, used, stopped; and what one with a token may and may not do."""

from __future__ import annotations

import pytest

from lineshaft.act import AgentsSettings
from tests.doors.conftest import OVEN, PUMP, House

BOT = {"name": "bot", "job": "outside", "role": "planner", "tools": ["alarms"], "calls_a_day": 1000}


@pytest.fixture(scope="module")
def bot(house: House) -> str:
    assert house.post("agents", BOT, "engineer").status_code == 201
    made = house.post("agents/bot/token", None, "engineer")
    assert made.status_code == 201
    house.secrets["bot"] = made.json()["secret"]
    house.post("spares", {"part": "BOT-1", "name": "Bot's part", "on_hand": 4, "minimum": 1, "target": 5, "unit_cost": 2.0})
    return made.json()["secret"]


@pytest.fixture
def going(house: House, bot):
    yield house
    house.post("agents/resume")
    house.post("agents/bot/resume")


def test_the_list_says_what_there_is_and_what_may_be_registered(house: House, bot):
    answer = house.get("agents", "viewer")
    agent = next(one for one in answer["items"] if one["name"] == "bot")
    assert (agent["state"], agent["role"], agent["tools"], agent["calls_a_day"]) == ("active", "planner", ["alarms"], 1000)
    assert {"triage", "drafter", "purchaser", "reporter", "root_cause"} <= {one["name"] for one in answer["jobs"]}
    assert answer["stopped"] is False


def test_an_agent_with_a_token_reads_and_proposes(house: House, bot):
    assert house.ask("GET", "assets", "bot").status_code == 200
    made = house.post("purchases", {"part": "BOT-1", "quantity": 2}, "bot")
    assert made.status_code == 201
    approval = next(one for one in house.get("approvals")["items"] if one["proposal"].get("number") == made.json()["number"])
    assert approval["proposed_by_id"] == "agent:bot"
    refused = house.post(f"approvals/{approval['id']}/decide", {"decision": "approve"}, "bot")
    assert (refused.status_code, refused.json()["code"]) == (403, "gate.forbidden")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "work-orders", {"asset": OVEN, "title": "by a robot"}),
        ("POST", "spares", {"part": "X", "name": "x", "on_hand": 1, "minimum": 0, "target": 1}),
        ("POST", "agents", BOT | {"name": "bot2"}),
        ("POST", "agents/resume", None),
        ("PATCH", "agents/bot", {"calls_a_day": 100000}),
        ("POST", "agents/bot/token", None),
        ("POST", "agents/bot/trust", {"process": "maintenance", "task": "replenish"}),
        ("POST", "tokens", {"name": "mine", "role": "admin"}),
        ("POST", "users", {"name": "mine", "password": "long enough for me", "roles": ["admin"]}),
        ("POST", "store/flush", None),
    ],
)
def test_an_agent_changes_nothing_itself(house: House, bot, method, path, body):
    answer = house.ask(method, path, "bot", json=body)
    assert answer.status_code == 403, answer.text
    row = house.rooms.guard.audit(limit=1)[0]
    assert (row.outcome, row.subject_id) == ("refused", "agent:bot")


def test_the_switch_holds_from_the_next_request_on(going: House):
    assert going.post("agents/bot/stop", {"why": "drill"}, "engineer").json() == {"name": "bot", "state": "stopped"}
    answer = going.ask("GET", "assets", "bot")
    assert (answer.status_code, answer.json()["code"]) == (403, "agent.stopped")
    assert going.post("purchases", {"part": "BOT-1", "quantity": 2}, "bot").json()["code"] == "agent.stopped"
    going.post("agents/bot/resume", None, "engineer")
    assert going.ask("GET", "assets", "bot").status_code == 200
    going.post("agents/stop", {"why": "all of you"}, "engineer")
    assert going.ask("GET", "assets", "bot").json()["code"] == "agent.stopped"
    assert going.get("agents")["stopped_why"] == "all of you"
    assert any(line["what"] == "all agents: stopped" for line in going.get("tower")["items"])


def test_the_budget_of_the_day_is_kept_by_the_server(house: House, bot):
    house.post("agents", BOT | {"name": "small", "calls_a_day": 3})
    house.secrets["small"] = house.post("agents/small/token").json()["secret"]
    codes = [house.ask("GET", "assets", "small").status_code for _ in range(5)]
    assert codes == [200, 200, 200, 403, 403]
    assert house.ask("GET", "assets", "small").json()["code"] == "agent.budget"
    agent = next(one for one in house.get("agents")["items"] if one["name"] == "small")
    assert (agent["used"]["calls"], agent["used"]["refused"]) == (3, 3)
    assert house.ask("PATCH", "agents/small", json={"calls_a_day": 10}).json()["calls_a_day"] == 10
    assert house.ask("GET", "assets", "small").status_code == 200


def test_trust_is_set_by_an_engineer_and_shown(house: House, bot):
    said = {"process": "maintenance", "task": "replenish", "level": 0.9, "least": 30}
    assert house.post("agents/bot/trust", said, "engineer").json()["allowed"] is True
    row = house.get("agents/bot/trust")["items"][0]
    assert (row["state"], row["level"], row["count"], row["lower"]) == ("earning", 0.9, 0, 0.0)
    assert house.post("agents/bot/trust", said | {"level": 1.2}).status_code == 422
    house.post("agents/bot/trust", said | {"allowed": False})
    assert house.get("agents/bot/trust")["items"] == []


def test_asking_without_a_model_says_so(house: House, bot):
    house.post("agents", {"name": "reporter", "job": "reporter"})
    answer = house.post("agents/reporter/ask", {"wanted": "Report the shift.", "asset": PUMP}, "operator")
    assert (answer.status_code, answer.json()["code"]) == (404, "agent.endpoint")
    assert AgentsSettings().endpoints == {}


def test_runs_and_calls_are_listed(house: House, bot):
    subject = house.rooms.act.agency.subject("bot")
    house.rooms.act.agency.call(subject, "alarms", {"asset": PUMP}, list)
    call = house.get("agent-calls?agent=bot")["items"][0]
    assert (call["name"], call["state"], call["arguments"]) == ("alarms", "ok", {"asset": PUMP})
    assert house.get("agent-runs")["items"] == []
    assert house.ask("GET", "agent-runs/nothing").status_code == 404


def test_a_case_is_replayed_step_by_step(house: House, bot):
    case = house.shake_the_pump()["case_id"]
    steps = house.get(f"cases/{case}/replay")["items"]
    assert steps[0]["what"] == "case opened"
    assert [one["number"] for one in steps] == list(range(1, len(steps) + 1))
    assert [one["at"] for one in steps] == sorted(one["at"] for one in steps)
    house.calm_the_pump()
