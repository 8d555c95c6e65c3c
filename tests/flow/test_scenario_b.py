"""Scenario B from the finding on: one order, its part bought once in a real Tryton though the node dies, its label back."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.counterparts import tryton
from tests.flow.node import BAKERY, Node, until

pytestmark = [pytest.mark.counterpart, pytest.mark.chaos]
PUMP = "Bakery/Line 1/Cooler/Coolant pump"
PASSWORD = "flow-Test-Second-1"
SENSORS = [{"property": f"{PUMP}/Vibration", "share": 0.6}, {"property": f"{PUMP}/BearingTemperature", "share": 0.4}]
FINDING = {
    "asset": PUMP,
    "kind": "drift",
    "score": 0.93,
    "failure_mode": "VIB",
    "sensors": SENSORS,
    "evidence": {"property": f"{PUMP}/Vibration", "start": "2026-11-20T05:00:00Z", "end": "2026-11-20T06:00:00Z"},
}


@pytest.fixture
def erp(monkeypatch: pytest.MonkeyPatch) -> Iterator[tryton.Tryton]:
    running = tryton.running()
    try:
        server = running.__enter__()
    except tryton.Absent as reason:
        pytest.skip(str(reason))
    monkeypatch.setenv("TRYTON_KEY", server.key)
    yield server
    running.__exit__(None, None, None)


@pytest.fixture
def node(erp: tryton.Tryton, tmp_path: Path) -> Iterator[Node]:
    home = tmp_path / "home"
    home.mkdir()
    shutil.copytree(BAKERY, home / "config")
    (home / "settings.toml").write_text(
        '[maintain]\nerp = "tryton"\nerp_in_flight = "1s"\nerp_every = "1h"\n\n[maintain.erp_options]\n'
        f'url = "{erp.url}"\ndatabase = "{tryton.DATABASE}"\ntimeout_s = 60\n'
    )
    one = Node(home)
    yield one.start()
    one.stop()


def person(node: Node, name: str, role: str) -> str:
    node.post("users", {"name": name, "password": PASSWORD, "roles": [role], "display": name.title()})
    answer = node.http.post("login", json={"name": name, "password": PASSWORD})
    node.http.cookies.clear()
    return str(answer.json()["token"])


def order_of(node: Node) -> dict[str, Any] | None:
    rows = node.get("work-orders", asset=PUMP)["items"]
    assert len(rows) <= 1
    return node.get(f"work-orders/{rows[0]['id']}") if rows and rows[0]["reserved"] else None


def purchase(node: Node) -> dict[str, Any]:
    (row,) = node.get("purchases")["items"]
    return row


@pytest.mark.timeout(300)
def test_a_finding_becomes_finished_work_and_exactly_one_purchase_order(node: Node, erp: tryton.Tryton):
    node.login()
    bert, carl, anna = (person(node, *who) for who in (("bert", "planner"), ("carl", "planner"), ("anna", "technician")))
    found = [node.post("findings", FINDING)["id"] for _ in range(2)]

    order = until(lambda: order_of(node))
    assert (order["asset"], order["failure_mode"], order["kind"]) == (PUMP, "VIB", "predictive")
    assert order["score"] == 0.93
    assert {sensor["property"] for one in order["findings"] for sensor in one["sensors"]} == {one["property"] for one in SENSORS}
    assert order["evidence"]["property"] == f"{PUMP}/Vibration"
    assert [(one["part"], one["quantity"]) for one in order["reserved"]] == [("BRG-6205", 2)]
    proposed = node.get(f"work-orders/{order['id']}/candidates")["items"]
    assert proposed[0]["fits"]
    assert all(reason["why"] for reason in proposed[0]["reasons"])

    approval = until(lambda: node.get("approvals")["items"])[0]
    assert (approval["proposal"]["part"], approval["proposal"]["quantity"]) == ("BRG-6205", 6)
    decide = f"approvals/{approval['id']}/decide"
    node.post(decide, {"decision": "edit", "edit": {"quantity": 5}}, token=bert)
    node.post(decide, {"decision": "approve"}, token=bert, expect=403)
    assert erp.purchases() == []

    rng = random.Random()
    node.post(decide, {"decision": "approve"}, token=carl)
    time.sleep(rng.uniform(0.0, 1.0))
    node.kill()
    node.start()
    until(lambda: purchase(node)["state"] == "ordered", 90)
    there = [one for one in erp.purchases() if one["state"] != "cancelled"]
    assert [(one["state"], one["lines"][0]["quantity"], one["reference"].partition("/")[0]) for one in there] == [
        ("processing", 5, purchase(node)["number"])
    ]
    assert purchase(node)["reference"] == there[0]["number"]

    repair(node, order["id"], anna)
    node.post(f"work-orders/{order['id']}/verify", {"note": "runs quietly"}, token=bert)
    codes = {"mode": "VIB", "cause": "AGE", "remedy": "REPLACE", "codes": {"label": "confirmed"}}
    until(lambda: node.get(f"work-orders/{order['id']}")["state"] == "verified")
    node.post(f"work-orders/{order['id']}/close", codes, token=bert)
    labels = {one["id"]: one["label"] for one in node.get("findings")["items"]}
    assert [labels[one] for one in found] == ["confirmed", "confirmed"]
    until(lambda: node.get("cases")["items"][0]["state"] == "done")
    assert len(node.get("cases")["items"]) == len(node.get("work-orders")["items"]) == 1
    assert node.get("audit/verify")["ok"]


def repair(node: Node, order: str, anna: str) -> None:
    """Work the order off as the technician at the pump."""
    for permit in node.get(f"work-orders/{order}")["permits"]:
        node.post(f"work-orders/{order}/permits/{permit['id']}/apply", {"points": permit["points"]}, token=anna)
    node.post(f"work-orders/{order}/start", token=anna)
    for step in node.get(f"work-orders/{order}")["checklist"]:
        node.post(f"work-orders/{order}/checklist/{step['id']}", {"result": True}, token=anna)
    node.post(f"work-orders/{order}/done", {"used": {"BRG-6205": 2}}, token=anna)
    for permit in node.get(f"work-orders/{order}")["permits"]:
        node.post(f"work-orders/{order}/permits/{permit['id']}/release", {}, token=anna)
