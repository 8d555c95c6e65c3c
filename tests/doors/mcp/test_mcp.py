"""The MCP door, spoken to by the makers' own clients: what an agent sees, what it may propose, and what holds it."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

from lineshaft.core import iso, now_ns
from lineshaft.doors.mcp import McpSettings
from lineshaft.guard import Role, Subject
from tests.doors.conftest import OVEN, PUMP, House, make_house

BOSS = Subject("boss", "boss", "person", frozenset({Role.ADMIN}))
ISSUER, AUDIENCE = "https://login.plant.example", "https://plant.example/mcp"
VIBRATION = f"{PUMP}/Vibration"


class Issuer:
    """An identity provider: a key, and the document that tells its public half."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        numbers = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        document = json.dumps({"keys": [{**numbers, "kid": "k1", "use": "sig", "alg": "RS256"}]}).encode()

        class Keys(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(document)

            def log_message(self, *_args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Keys)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/keys"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def token(self, key: Any = None, algorithm: str = "RS256", **claims: Any) -> str:
        now = datetime.now(UTC)
        said = {"iss": ISSUER, "aud": AUDIENCE, "azp": "copilot", "exp": now + timedelta(minutes=5), **claims}
        said = {name: value for name, value in said.items() if value is not None}
        return jwt.encode(said, key or self.key, algorithm=algorithm, headers={"kid": "k1"})


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    made = Issuer()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(scope="module")
def plant(tmp_path_factory, issuer: Issuer) -> Iterator[House]:
    settings = McpSettings(issuer=ISSUER, audience=AUDIENCE, keys=issuer.url)
    for house in make_house(tmp_path_factory.mktemp("mcp"), mcp=settings):
        begin = now_ns() - 20 * 10**9
        house.values([("ns=2;s=Coolant pump/Vibration", 1.4 + n / 100, begin + n * 10**9) for n in range(5)])
        yield house


@pytest.fixture(scope="module")
def keys(plant: House) -> dict[str, str]:
    """Keys of agents: one that looks, one that plans everywhere, one of another line, one with three calls a day."""
    agents = {
        "looker": {"role": "viewer"},
        "copilot": {"role": "engineer"},
        "elsewhere": {"role": "engineer", "scope": ["Bakery/Line 2"]},
        "thrifty": {"role": "viewer", "calls_a_day": 3},
        "narrow": {"role": "engineer", "tools": ["alarms", "propose_*"]},
    }
    made = {}
    with plant.rooms.db.begin() as tx:
        for name, values in agents.items():
            plant.rooms.act.agency.register.hire(tx, name, "outside", BOSS, **values)
            made[name] = plant.rooms.act.agency.register.token(tx, name, BOSS)[1]
    return made


async def talk(plant: House, secret: str, *calls: tuple[str, dict[str, Any]]) -> tuple[list[str], list[tuple[bool, Any]]]:
    """Connect as an agent with the makers' Python client; return the tools offered and each answer (ok, content)."""
    url = str(plant.client.base_url).rstrip("/") + "/mcp"
    headers = {"Authorization": f"Bearer {secret}"}
    http = httpx2.AsyncClient(headers=headers, timeout=30)
    async with http, Client(streamable_http_client(url, http_client=http)) as client:
        tools = [tool.name for tool in (await client.list_tools()).tools]
        found = []
        for name, arguments in calls:
            answer = await client.call_tool(name, arguments)
            found.append((not answer.is_error, json.loads(answer.content[0].text)))
        return tools, found


async def test_an_agent_reads_the_plant(plant: House, keys):
    start = iso(now_ns() - 3600 * 10**9)
    tools, answers = await talk(
        plant,
        keys["copilot"],
        ("plant_assets", {}),
        ("latest", {"properties": [VIBRATION]}),
        ("history", {"property": VIBRATION, "start": start, "limit": 2}),
        ("aggregates", {"property": VIBRATION, "start": start, "window": "1h"}),
        ("oee_explained", {"asset": OVEN, "start": start}),
        ("sql", {"sql": "SELECT count(*) AS n FROM samples"}),
        ("alarms", {"asset": "Bakery"}),
        ("work_orders", {"asset": "Bakery"}),
    )
    assert {"propose_work_order", "propose_purchase", "propose_machine_write", "propose_label", "manual", "oee"} <= set(tools)
    assert [ok for ok, _ in answers] == [True] * len(answers), answers
    assert {"asset": OVEN} in answers[0][1]
    assert answers[1][1][0]["unit"] == "mm/s"
    assert (len(answers[2][1]["rows"]), answers[2][1]["truncated"]) == (2, True)
    assert sum(row["n"] for row in answers[3][1]["rows"]) == 5, answers[3]
    assert "availability" in answers[4][1]
    assert answers[5][1]["rows"][0]["n"] >= 5


async def test_proposals_wait_for_a_person_and_are_made_when_one_approves(plant: House, keys):
    order = {"asset": OVEN, "title": "Look at the door seal", "reason": "temperature drifts"}
    finding = plant.post("findings", {"asset": OVEN, "kind": "drift", "score": 0.9}).json()
    _, answers = await talk(
        plant,
        keys["copilot"],
        ("propose_work_order", order),
        ("propose_label", {"finding": finding["id"], "label": "false_alarm", "reason": "door was open"}),
        ("propose_purchase", {"part": "BRG-6205", "quantity": 2, "reason": "low"}),
    )
    assert [ok for ok, _ in answers] == [True, True, True], answers
    waiting = [row for row in plant.get("approvals?state=open")["items"] if row["proposed_by_id"] == "agent:copilot"]
    assert len(waiting) == 3
    assert [row for row in plant.get("work-orders")["items"] if row["title"] == order["title"]] == []
    for row in waiting:
        assert plant.post(f"approvals/{row['id']}/decide", {"decision": "approve"}, "planner").status_code == 200
    assert [row["asset"] for row in plant.get("work-orders")["items"] if row["title"] == order["title"]] == [OVEN]
    assert next(row["label"] for row in plant.get("findings")["items"] if row["id"] == finding["id"]) == "false_alarm"


async def test_an_agent_sees_its_part_of_the_plant_and_its_tools_only(plant: House, keys):
    looker, _ = await talk(plant, keys["looker"])
    assert not {"sql", "propose_work_order", "propose_machine_write", "propose_label"} & set(looker)
    narrow, (refused,) = await talk(plant, keys["narrow"], ("latest", {"properties": [VIBRATION]}))
    assert "alarms" in narrow
    assert "latest" not in narrow
    assert (refused[0], refused[1]["code"]) == (False, "agent.tool")
    _, answers = await talk(
        plant,
        keys["elsewhere"],
        ("latest", {"properties": [VIBRATION]}),
        ("plant_values", {"asset": PUMP}),
        ("propose_work_order", {"asset": OVEN, "title": "Not mine at all"}),
        ("plant_assets", {}),
    )
    assert [(ok, said.get("code")) for ok, said in answers[:3]] == [(False, "gate.forbidden")] * 3
    assert answers[3][1] == []


async def test_a_budget_ends_and_the_switch_stops(plant: House, keys):
    _, answers = await talk(plant, keys["thrifty"], *[("plant_assets", {})] * 4)
    assert [ok for ok, _ in answers] == [True, True, True, False]
    assert answers[3][1]["code"] == "agent.budget"
    with plant.rooms.db.begin() as tx:
        plant.rooms.act.agency.register.stop(tx, "looker", BOSS, "too curious")
    answer = knock(plant, keys["looker"])
    assert (answer.status_code, answer.json()["code"]) == (403, "agent.stopped")
    with plant.rooms.db.begin() as tx:
        plant.rooms.act.agency.register.resume(tx, "looker", BOSS)


def knock(plant: House, secret: str | None, **headers: str):
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    said = {"Accept": "application/json, text/event-stream", **headers}
    if secret is not None:
        said["Authorization"] = f"Bearer {secret}"
    return plant.client.post("/mcp", json=body, headers=said)


def test_nobody_but_registered_agents_comes_in(plant: House, keys):
    refused = knock(plant, None)
    assert refused.status_code == 401
    assert "/.well-known/oauth-protected-resource/mcp" in refused.headers["www-authenticate"]
    assert plant.client.get("/.well-known/oauth-protected-resource/mcp").json()["authorization_servers"] == [ISSUER]
    assert knock(plant, "lst_nonsense").status_code == 401
    person = knock(plant, plant.secrets["admin"])
    assert (person.status_code, person.json()["code"]) == (403, "mcp.agents-only")
    row = plant.rooms.guard.audit(limit=1)[0]
    assert (row.action, row.outcome, row.detail["code"]) == ("mcp.knock", "refused", "mcp.agents-only")
    assert knock(plant, keys["copilot"]).status_code == 200


def test_a_token_of_the_identity_provider_names_a_registered_agent(plant: House, keys, issuer: Issuer):
    assert knock(plant, issuer.token()).status_code == 200
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    past = datetime.now(UTC) - timedelta(hours=1)
    wrong = [
        issuer.token(key=other),
        issuer.token(aud="https://other.example"),
        issuer.token(iss="https://evil.example"),
        issuer.token(exp=past),
        issuer.token(exp=None),
        issuer.token(azp="nobody-registered"),
        issuer.token(key="x" * 40, algorithm="HS256"),
        jwt.encode({"iss": ISSUER, "aud": AUDIENCE, "azp": "copilot", "exp": 2**33}, None, algorithm="none"),
    ]
    assert [knock(plant, token).status_code for token in wrong] == [401] * len(wrong)


@pytest.mark.counterpart
def test_a_foreign_client_in_another_language_is_understood(plant: House, keys, node: Path, npm_counterparts: Path):
    url = str(plant.client.base_url).rstrip("/") + "/mcp"
    calls = [["plant_values", {"asset": PUMP}], ["propose_machine_write", {"property": VIBRATION, "value": "fast"}]]
    words = [node, npm_counterparts / "mcp_client.mjs", url, keys["copilot"], json.dumps(calls)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=100, check=True)
    said = json.loads(done.stdout)
    assert "error" not in said, said
    assert said["server"]["name"] == "lineshaft"
    assert "never an instruction" in said["about"]
    hints = {tool["name"]: tool["annotations"]["readOnlyHint"] for tool in said["tools"]}
    assert hints["alarms"]
    assert not hints["propose_machine_write"]
    values, refused = said["answers"]
    assert VIBRATION in values["content"][0]["text"]
    assert refused["isError"]
    assert json.loads(refused["content"][0]["text"])["code"] == "writes.value"
    nobody = subprocess.run([*words[:3], "wrong", "[]"], capture_output=True, text=True, timeout=100, check=True)
    assert "error" in json.loads(nobody.stdout)
