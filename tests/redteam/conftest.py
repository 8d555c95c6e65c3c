"""A whole node that is attacked: real rooms, real doors on a real port, people, tokens and agents of every kind.

`attempt` asserts of everything tried inside it: nothing changed in any table but the books of the guard, and a refusal is in
the audit. What was tried is told in a table at the end of the run.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from lineshaft.app import Plant
from lineshaft.core import Batch, metadata, now_ns, samples
from lineshaft.guard import Role, Subject, refusals
from tests.doors.conftest import BAKERY, serving

OVEN, PUMP = "Bakery/Line 1/Oven", "Bakery/Line 1/Cooler/Coolant pump"
SETPOINT = f"{OVEN}/SpeedSetpoint"
PASSWORD = "a long enough password"
BOOKS = ("audit", "audit_head", "command_answer", "session", "agent_call", "agent_use", "executor", "outgoing", "migration")
"""What a refused attempt may leave behind: records of itself."""
SETTINGS = """
[[sources]]
name = "bakery"
type = "opcua"
url = "opc.tcp://127.0.0.1:1/nowhere"
security = "None"
nodes = ["ns=2;s=Oven/SpeedSetpoint"]

[writer]
dry_run = false

[[writer.allow]]
source = "bakery"
tag = "ns=2;s=Oven/SpeedSetpoint"
minimum = 60
maximum = 125
every = "0s"
permissive = "setpoint > 50"
inputs = {setpoint = "Bakery/Line 1/Oven/SpeedSetpoint"}
"""


@dataclass
class Target:
    """The node, and how to knock at it as somebody."""

    plant: Plant
    http: httpx.Client
    keys: dict[str, str] = field(default_factory=dict)
    agents: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    def ask(self, method: str, path: str, who: str | None, body: Any = None, **more: Any) -> httpx.Response:
        """Ask the REST door as a person, a token or an agent (by its key); None as nobody."""
        headers = dict(more.pop("headers", {}))
        if who:
            headers["Authorization"] = f"Bearer {self.keys.get(who) or self.agents.get(who) or who}"
        said = {} if body is None else {"json": body}
        self.http.cookies.clear()  # of a login before
        return self.http.request(method, f"/api/v1/{path}", headers=headers, **said, **more)

    def post(self, path: str, body: Any, who: str | None, **more: Any) -> httpx.Response:
        return self.ask("POST", path, who, body, **more)

    def made(self, path: str, body: Any, who: str) -> Any:
        answer = self.post(path, body, who)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def tool(self, agent: str, name: str, arguments: dict[str, Any], **more: Any) -> httpx.Response:
        """Call a tool at the MCP door, as any client would write it on the wire."""
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
        headers = {"Accept": "application/json, text/event-stream", "Authorization": f"Bearer {self.agents.get(agent, agent)}"}
        return self.http.post("/mcp", json=call, headers={**headers, **more})

    def said(self, answer: httpx.Response) -> tuple[bool, Any]:
        """Return whether a tool did it, and what it said."""
        result = answer.json()["result"]
        return not result.get("isError"), json.loads(result["content"][0]["text"])

    def agent(self, name: str, **values: Any) -> str:
        """Register an agent from outside and return its key."""
        boss = Subject(self.ids["boss"], "boss", "person", frozenset({Role.ADMIN}))
        with self.plant.db.begin() as tx:
            self.plant.act.agency.register.hire(tx, name, "outside", boss, **values)
            self.agents[name] = self.plant.act.agency.register.token(tx, name, boss)[1]
        return self.agents[name]

    def proposal(self, who: str = "eng", value: float = 100.0) -> dict[str, Any]:
        """File a proposal to write to the oven, as somebody who may."""
        return self.made("writes", {"property": SETPOINT, "value": value, "reason": "too dark"}, who)

    def state(self, *free: str) -> dict[str, str]:
        """Return a digest of every table that is not the guard's books."""
        found = {}
        with self.plant.db.read() as look:
            have = set(sa.inspect(look).get_table_names())
            for name, table in metadata.tables.items():
                if name in have and name not in BOOKS and name not in free:
                    rows = sorted(repr(tuple(row)) for row in look.execute(sa.select(table)))
                    found[name] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
        return found

    def seq(self) -> int:
        rows = self.plant.guard.audit(1)
        return rows[0].seq if rows else 0


@dataclass
class Tried:
    """One attempt: how often it was tried, and what the node answered."""

    answers: list[str] = field(default_factory=list)

    def no(self, answer: httpx.Response, *statuses: int) -> httpx.Response:
        """Assert that an answer is a refusal."""
        code = ""
        if "json" in answer.headers.get("content-type", ""):
            said = answer.json()
            code = str(said.get("code", "")) if isinstance(said, dict) else ""
        self.answers.append(f"{answer.status_code} {code}".strip())
        assert answer.status_code in (statuses or (401, 403, 404, 405, 409, 413, 422)), answer.text
        return answer

    def no_tool(self, target: Target, answer: httpx.Response) -> Any:
        """Assert that a tool was refused."""
        done, said = target.said(answer)
        self.answers.append(f"tool {said.get('code', '') if isinstance(said, dict) else ''}".strip())
        assert not done, said
        return said


Attempt = Callable[..., Any]


@pytest.fixture
def attempt(target: Target, request: pytest.FixtureRequest) -> Attempt:
    @contextmanager
    def trying(*free: str, rows: int = 1) -> Iterator[Tried]:
        tried = Tried()
        before, seq = target.state(*free), target.seq()
        yield tried
        after = target.state(*free)
        changed = [name for name in after if after[name] != before.get(name)]
        assert changed == [], f"this attempt changed {changed}"
        refused = [row for row in target.plant.guard.audit(500) if row.seq > seq and row.outcome == "refused"]
        assert len(refused) >= rows, "a refusal is not in the audit"
        where = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "…", f"{refused[0].action} {refused[0].detail.get('code', '')}")
        request.node.user_properties.append(
            ("redteam", [request.node.name, ", ".join(dict.fromkeys(tried.answers)), where.strip()])
        )

    return trying


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """One node a file of attempts: each attempt leaves it as it was."""
    home: Path = tmp_path_factory.mktemp("redteam") / "home"
    home.mkdir()
    shutil.copytree(BAKERY, home / "config")
    plan = home / "config" / "plant.yaml"
    prefix = "tag_prefix: ns=2;s=Oven/\n"
    assert prefix in plan.read_text()
    plan.write_text(plan.read_text().replace(prefix, f"{prefix}            tags: {{SpeedSetpoint: ns=2;s=Oven/SpeedSetpoint}}\n"))
    (home / "settings.toml").write_text(SETTINGS)
    plant = Plant(home)
    plant.act._writes._hand._alive = lambda _source: True
    refusals.AT_ONCE = 1e6  # every attempt comes from one address here; a storm has a test of its own
    plant.act.start_engine()
    plant.load_models()
    with serving(plant.web) as url, httpx.Client(base_url=url, timeout=30) as http:
        made = Target(plant, http)
        _people(made)
        _values(made)
        yield made
    plant.act.stop()
    plant.stop()


def _people(target: Target) -> None:
    guard, roles = (
        target.plant.guard,
        {"boss": "admin", "eng": "engineer", "eng2": "engineer", "anna": "planner", "bert": "planner"},
    )
    roles |= {"tec": "technician", "ops": "operator", "view": "viewer"}
    secret = "hash of nobody's password"
    with target.plant.db.begin() as tx:
        for name, role in roles.items():
            row = {"id": f"id-{name}", "version": 1, "name": name, "display": name.title(), "roles": [role], "scope": []}
            tx.execute(metadata.tables["users"].insert().values(**row, password=secret, created=1))
            target.ids[name] = row["id"]
            target.keys[name] = guard.sessions.open(tx, Subject(row["id"], name, "person", frozenset({Role(role)}))).token
        boss = Subject("id-boss", "boss", "person", frozenset({Role.ADMIN}))
        target.keys["boss token"] = guard.create_token(tx, "of the boss", "admin", by=boss)[1]
        target.keys["orphan"] = guard.create_token(tx, "of nobody", "admin")[1]
        target.keys["line 2"] = guard.create_token(tx, "line 2", "engineer", scope=["Bakery/Line 2"], by=boss)[1]
        target.ids["ended"], target.keys["ended"] = guard.create_token(tx, "ended", "admin", by=boss)
        guard.tokens.disable(tx, target.ids["ended"])
    guard.sessions.changed()


def _values(target: Target) -> None:
    rows = [{"tag": "ns=2;s=Oven/SpeedSetpoint", "ts": now_ns() - 10**9, "value": 117.0}]
    target.plant.shaft.take([Batch("bakery", 1, now_ns(), samples(rows))])
