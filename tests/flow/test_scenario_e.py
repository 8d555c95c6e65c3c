"""Scenario E: an agent proposes a slower set-point: refused, approved by a person, read back; refused under lock-out."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.connect.test_opcua_counterpart import NodeOpcua
from tests.connect.test_opcua_counterpart import server as server  # noqa: PLC0414 - a fixture
from tests.flow.node import BAKERY, Node, until

pytestmark = pytest.mark.counterpart
SETPOINT = "Bakery/Line 1/Oven/SpeedSetpoint"
SECRET = "flow-Test-Second-1"


@pytest.fixture
def node_of(server: NodeOpcua, tmp_path: Path) -> Iterator[Node]:
    home = tmp_path / "home"
    home.mkdir()
    shutil.copytree(BAKERY, home / "config")
    plant = home / "config" / "plant.yaml"
    oven = "tag_prefix: ns=2;s=Oven/\n"
    assert oven in plant.read_text()
    tags = f"{oven}            tags: {{SpeedSetpoint: ns=1;s=x/Setpoint}}\n"
    plant.write_text(plant.read_text().replace(oven, tags))
    (home / "settings.toml").write_text(
        f'[[sources]]\nname = "bakery"\ntype = "opcua"\nurl = "opc.tcp://127.0.0.1:{server.port}/line"\nsecurity = "None"\n'
        'nodes = ["ns=1;s=x/Setpoint", "ns=1;s=x/Int32"]\n\n[writer]\ndry_run = false\n\n[[writer.allow]]\nsource = "bakery"\n'
        'tag = "ns=1;s=x/Setpoint"\nminimum = 60\nmaximum = 125\nevery = "0s"\n'
        'permissive = "setpoint > 50"\ninputs = {setpoint = "Bakery/Line 1/Oven/SpeedSetpoint"}\n'
    )
    node = Node(home)
    yield node.start()
    node.stop()


def people(node: Node) -> str:
    """Make a second person; return a token of that person."""
    node.login()
    node.post("users", {"name": "second", "password": SECRET, "roles": ["engineer"], "display": "Second"})
    answer = node.http.post("login", json={"name": "second", "password": SECRET})
    node.http.cookies.clear()
    return str(answer.json()["token"])


def latest(node: Node) -> Any:
    return node.get("latest", property=SETPOINT)["items"][0]["value"]


def outcome(node: Node, write: str) -> dict[str, Any] | None:
    row = next(one for one in node.get("writes")["items"] if one["id"] == write)
    return row if row["outcome"] in {"written", "failed", "unsure", "dry-run"} else None


def agent(node: Node) -> str:
    """Register a program that may look and propose at the oven; return its key."""
    said = {"name": "optimiser", "job": "outside", "role": "engineer", "scope": ["Bakery/Line 1"]}
    node.post("agents", said)
    return str(node.post("agents/optimiser/token")["secret"])


def test_an_agents_set_point_is_refused_approved_read_back_and_refused_under_lock_out(node_of: Node):
    node = node_of
    second, machine = people(node), agent(node)
    until(lambda: latest(node) == 117.6, 30)
    node.post("writes", {"property": SETPOINT, "value": 300}, token=machine, expect=422)
    seen = node.post("writes/check", {"property": SETPOINT, "value": 100}, token=machine)
    assert (seen["now"], seen["value"], seen["allowed"]) == (117.6, 100, True)
    made = node.post("writes", {"property": SETPOINT, "value": 100, "reason": "cookies are too dark"}, token=machine)
    decide = f"approvals/{made['id']}/decide"
    node.post("values", {"rows": [{"property": SETPOINT, "value": 100}]}, token=machine, expect=403)
    node.post(decide, {"decision": "approve"}, token=machine, expect=403)
    assert latest(node) == 117.6
    node.post(decide, {"decision": "approve", "reason": "slower is better today"}, token=second)
    row = until(lambda: outcome(node, made["id"]), 30)
    assert (row["outcome"], row["before"], row["readback"]) == ("written", 117.6, 100.0)
    until(lambda: latest(node) == 100.0, 30)
    tower = node.get("tower")["items"]
    assert any(line["what"] == f"wrote 100 to {SETPOINT}" for line in tower)
    refused = [row for row in node.get("audit", limit=200)["items"] if row["outcome"] == "refused"]
    assert {row["action"] for row in refused} >= {"values.write", "approvals.decide"}

    mine = node.post("writes", {"property": SETPOINT, "value": 95})
    node.post(f"approvals/{mine['id']}/decide", {"decision": "approve"}, expect=403)
    before = node.post("writes", {"property": SETPOINT, "value": 90}, token=machine)
    order = lock_out(node)
    for key in (machine, None):
        refused = node.post("writes", {"property": SETPOINT, "value": 80}, token=key, expect=409)
        assert order["number"] in refused["detail"]
    node.post(f"approvals/{before['id']}/decide", {"decision": "approve"}, token=second)
    row = until(lambda: outcome(node, before["id"]), 30)
    assert (row["outcome"], "locked out" in row["why"]) == ("failed", True)
    assert latest(node) == 100.0
    node.post(f"work-orders/{order['id']}/permits/{order['permits'][0]['id']}/release")
    node.post("writes", {"property": SETPOINT, "value": 80}, token=machine, expect=201)
    assert node.get("audit/verify")["ok"]


def lock_out(node: Node) -> dict[str, Any]:
    """Somebody works on the oven: a lock is put on, every point confirmed."""
    order = node.post("work-orders", {"asset": "Bakery/Line 1/Oven", "title": "Change the belt", "kind": "corrective"})
    points = ["Switch Q1 off and locked", "Try to start: it does not"]
    lock = {"kind": "lockout", "text": "Main switch Q1", "points": points}
    order = node.post(f"work-orders/{order['id']}/permits", lock)
    return dict(node.post(f"work-orders/{order['id']}/permits/{order['permits'][0]['id']}/apply", {"points": points}))
