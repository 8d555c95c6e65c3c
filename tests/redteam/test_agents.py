"""Agents and programs that come through MCP or REST: beyond their role, place, tools, budget and time, and past the switch."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from lineshaft.act.tables import approvals
from lineshaft.core import now_ns
from lineshaft.guard import Role, Subject
from tests.redteam.conftest import OVEN, PUMP, SETPOINT, Target

pytestmark = pytest.mark.redteam
BOSS = Subject("id-boss", "boss", "person", frozenset({Role.ADMIN}))
ORDER = {"asset": OVEN, "title": "Look at the door", "reason": "it leaks"}


@pytest.fixture(scope="module", autouse=True)
def agents(target: Target) -> None:
    target.agent("mighty", role="engineer")
    target.agent("looker", role="viewer")
    target.agent("elsewhere", role="engineer", scope=["Bakery/Line 2"])
    target.agent("narrow", role="engineer", tools=["alarms"])


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "work-orders", {"asset": OVEN, "title": "I do it myself"}),
        ("POST", "values", {"rows": []}),
        ("POST", "findings", {"asset": OVEN, "kind": "drift", "score": 0.9}),
        ("POST", "users", {"name": "agent", "password": "x" * 20, "roles": ["admin"]}),
        ("POST", "tokens", {"name": "mine", "role": "admin"}),
        ("POST", "permissions", {"who": "user:boss", "tables": "audit"}),
        ("POST", "agents", {"name": "second", "job": "outside", "role": "engineer"}),
        ("PATCH", "agents/mighty", {"calls_a_day": 10**9}),
        ("POST", "agents/mighty/token", {}),
        ("POST", "agents/resume", {}),
        ("POST", "notifications/routes", {"who": "concerned"}),
        ("POST", "bindings", {"property": SETPOINT, "source": "x", "tag": "y", "valid_from": "2026-01-01T00:00:00Z"}),
        ("POST", "etl/x/run", None),
    ],
)
def test_an_engineers_agent_does_nothing_itself(target: Target, attempt, method, path, body):
    with attempt() as tried:
        tried.no(target.ask(method, path, "mighty", body), 403, 422)


def test_an_agent_decides_about_nothing(target: Target, attempt):
    made = target.proposal("eng")
    for decision in ({"decision": "approve"}, {"decision": "edit", "edit": {"value": 124.0}}):
        with attempt() as tried:
            tried.no(target.post(f"approvals/{made['id']}/decide", decision, "mighty"), 403)


def test_an_agent_approves_its_own_proposal(target: Target, attempt):
    done, said = target.said(target.tool("mighty", "propose_work_order", ORDER))
    assert done, said
    with attempt() as tried:
        tried.no(target.post(f"approvals/{said['proposal']}/decide", {"decision": "approve"}, "mighty"), 403)
    with attempt() as tried:
        tried.no_tool(target, target.tool("mighty", "approve", {"id": said["proposal"]}))


@pytest.mark.parametrize(
    "name", ["approve", "decide", "execute_sql", "write_machine", "../propose_machine_write", "", "__class__"]
)
def test_a_tool_there_is_not(target: Target, attempt, name):
    with attempt() as tried:
        tried.no_tool(target, target.tool("mighty", name, {}))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("sql", {"sql": "SELECT * FROM latest"}),
        ("propose_work_order", ORDER),
        ("propose_purchase", {"part": "BRG-6205", "quantity": 1}),
        ("propose_machine_write", {"property": SETPOINT, "value": 100}),
    ],
)
def test_a_viewers_agent_that_proposes(target: Target, attempt, name, arguments):
    with attempt() as tried:
        tried.no_tool(target, target.tool("looker", name, arguments))


@pytest.mark.parametrize("name", ["plant_values", "work_orders", "propose_work_order"])
def test_a_tool_it_was_not_given(target: Target, attempt, name):
    with attempt() as tried:
        said = tried.no_tool(target, target.tool("narrow", name, {"asset": OVEN, "title": "x" * 9}))
        assert said["code"] == "agent.tool"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("plant_values", {"asset": "Bakery/Line 2/../Line 1/Oven"}),
        ("plant_values", {"asset": OVEN}),
        ("alarms", {"asset": "bakery/line 1"}),
        ("latest", {"properties": [f"{PUMP}/Vibration"]}),
        ("history", {"property": f"{PUMP}/Vibration", "start": "2026-01-01T00:00:00Z"}),
        ("oee_explained", {"asset": OVEN, "start": "2026-01-01T00:00:00Z", "end": "2026-01-01T01:00:00Z"}),
        ("propose_work_order", ORDER),
        ("propose_machine_write", {"property": SETPOINT, "value": 100}),
    ],
)
def test_an_agent_that_looks_into_another_line(target: Target, attempt, name, arguments):
    with attempt() as tried:
        tried.no_tool(target, target.tool("elsewhere", name, arguments))


@pytest.mark.parametrize("value", [300, 59, 1e300, "fast", True])
def test_a_write_beyond_the_limits(target: Target, attempt, value):
    with attempt() as tried:
        tried.no_tool(target, target.tool("mighty", "propose_machine_write", {"property": SETPOINT, "value": value}))


def test_a_write_to_what_is_not_released(target: Target, attempt):
    with attempt() as tried:
        tried.no_tool(target, target.tool("mighty", "propose_machine_write", {"property": f"{OVEN}/Power", "value": 1.0}))


@pytest.mark.parametrize(
    "arguments",
    [
        {**ORDER, "state": "closed"},
        {**ORDER, "approved_by": "id-boss"},
        {"asset": OVEN, "title": "x"},
        {**ORDER, "priority": -1},
    ],
)
def test_arguments_nobody_offered(target: Target, attempt, arguments):
    with attempt() as tried:
        tried.no_tool(target, target.tool("mighty", "propose_work_order", arguments))


SQL = [
    "DELETE FROM samples",
    "UPDATE latest SET value = 1",
    "DROP TABLE work_orders",
    "SELECT 1; DELETE FROM samples",
    "INSERT INTO samples VALUES (1)",
    "COPY (SELECT 1) TO '/tmp/redteam.csv'",
    "ATTACH '/tmp/x.db' AS x",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('lineshaft.db')",
    "SELECT * FROM '/etc/passwd'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET enable_external_access = true",
    "PRAGMA database_list",
    "CREATE TABLE x AS SELECT 1",
    "SELECT getenv('HOME')",
    "SELECT * FROM users",
    "EXPORT DATABASE '/tmp/redteam'",
]


@pytest.mark.parametrize("sql", SQL)
def test_sql_that_does_more_than_read(target: Target, attempt, sql):
    with attempt() as tried:
        tried.no_tool(target, target.tool("mighty", "sql", {"sql": sql}))
    with attempt() as tried:
        tried.no(target.post("sql", {"sql": sql}, "anna"), 403, 404, 422)


@pytest.mark.parametrize("key", ["boss", "boss token", "eng", "ended", "lst_" + "A" * 43, ""])
def test_somebody_who_is_no_agent_at_the_mcp_door(target: Target, attempt, key):
    with attempt() as tried:
        tried.no(target.tool(target.keys.get(key, key) or "x", "plant_assets", {}), 401, 403)


def test_a_cookie_at_the_mcp_door(target: Target, attempt):
    with attempt() as tried:
        headers = {"Authorization": "", "Cookie": f"lineshaft_session={target.keys['boss']}"}
        tried.no(target.tool("mighty", "plant_assets", {}, **headers), 401)


def test_an_agents_key_that_ended_or_ran_out(target: Target, attempt):
    target.agent("short", role="engineer")
    with target.plant.db.begin() as tx:
        target.plant.act.agency.register.change(tx, "short", BOSS, expires=now_ns() - 1)
    with attempt() as tried:
        tried.no(target.tool("short", "plant_assets", {}), 401, 403)
    with attempt() as tried:
        tried.no(target.ask("GET", "assets", "short"), 401, 403)


def test_a_stopped_agent_and_one_that_lets_itself_go_on(target: Target, attempt):
    target.agent("stopped", role="engineer")
    with target.plant.db.begin() as tx:
        target.plant.act.agency.register.stop(tx, "stopped", BOSS, "enough")
    for method, path in (("GET", "assets"), ("POST", "agents/stopped/resume"), ("POST", "agents/resume")):
        with attempt() as tried:
            tried.no(target.ask(method, path, "stopped", {} if method == "POST" else None), 403)
    with attempt() as tried:
        tried.no(target.tool("stopped", "propose_work_order", ORDER), 403)


def test_more_calls_at_once_than_the_budget_allows(target: Target, attempt):
    target.agent("greedy", role="engineer", calls_a_day=5)
    with attempt(rows=15) as tried, ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _n: target.said(target.tool("greedy", "plant_assets", {})), range(20)))
        tried.answers.append("tool agent.budget")
    assert sum(done for done, _ in answers) == 5
    assert {said["code"] for done, said in answers if not done} == {"agent.budget"}


def test_the_switch_in_the_middle_of_a_storm_of_proposals(target: Target, attempt):
    """After the switch has answered nothing of the agent is filed any more, however many calls were under way."""
    target.agent("racer", role="engineer")
    go, end = threading.Event(), threading.Event()

    def storm(n: int) -> None:
        go.wait(10)
        while not end.is_set():
            target.tool("racer", "propose_work_order", {**ORDER, "title": f"Storm {n}"})

    with ThreadPoolExecutor(4) as pool:
        for n in range(4):
            pool.submit(storm, n)
        go.set()
        _wait(lambda: _filed(target) >= 3)
        assert target.post("agents/racer/stop", {"why": "storm"}, "boss").status_code == 200
        with attempt() as tried:
            seq = target.seq()
            _wait(lambda: target.seq() > seq + 3)
            tried.answers.append("403 agent.stopped")
        end.set()


def _filed(target: Target) -> int:
    query = sa.select(sa.func.count()).select_from(approvals).where(approvals.c.proposed_by == "agent:racer")
    with target.plant.db.read() as look:
        return int(look.execute(query).scalar_one())


def _wait(said, seconds: float = 30.0) -> None:
    pause = threading.Event()
    for _ in range(round(seconds / 0.02)):
        if said():
            return
        pause.wait(0.02)
    raise AssertionError("not in time")


def test_one_switch_for_all_of_them(target: Target, attempt):
    assert target.post("agents/stop", {"why": "red team"}, "boss").status_code == 200
    for name in ("mighty", "looker", "elsewhere"):
        with attempt() as tried:
            tried.no(target.tool(name, "plant_assets", {}), 403)
    assert target.post("agents/resume", {}, "boss").status_code == 200


def test_a_storm_of_forged_keys_is_counted_not_copied(target: Target, monkeypatch: pytest.MonkeyPatch):
    """A few rows in the audit that say how many there were: a storm neither hides itself nor fills the disk."""
    from lineshaft.guard import refusals

    monkeypatch.setattr(refusals, "AT_ONCE", 5.0)
    monkeypatch.setattr(refusals, "A_SECOND", 0.0)
    target.plant.guard._refusals._stores.clear()
    seq = target.seq()
    for n in range(40):
        assert target.tool(f"forged-{n}", "plant_assets", {}).status_code == 401
    rows = [row for row in target.plant.guard.audit(100) if row.seq > seq]
    assert [row.outcome for row in rows] == ["refused"] * 5
    monkeypatch.setattr(refusals, "A_SECOND", 1e6)
    target.tool("forged-last", "plant_assets", {})
    assert target.plant.guard.audit(1)[0].detail["untold"] == 35
