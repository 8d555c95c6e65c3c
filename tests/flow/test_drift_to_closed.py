"""Scenario B from its beginning: a drift in step, too small for any limit, becomes closed work and a label to learn from."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.flow.node import BAKERY, Node, until
from tests.flow.test_scenario_b import PUMP, order_of, person, purchase, repair

LEARNED, DRIFTING = 2400, 480
LIMITS = {"Vibration": 7.1, "BearingTemperature": 75.0}


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    home = tmp_path / "home"
    home.mkdir()
    shutil.copytree(BAKERY, home / "config")
    one = Node(home)
    yield one.start()
    one.stop()


def pump() -> dict[str, Any]:
    """Return minutes of a pump under a changing load; in the last hours its bearing wears a little."""
    size, chance = LEARNED + DRIFTING, np.random.default_rng(4)
    minute = np.arange(size)
    load = 1 + np.where(minute < LEARNED, 1, 0.7) * (0.2 * np.sin(minute / 37) + 0.08 * np.sin(minute / 11))
    wear = np.clip((minute - LEARNED) / DRIFTING, 0, 1)
    return {
        "Flow": 120 * load + chance.normal(0, 0.8, size),
        "Current": 6.2 * load + chance.normal(0, 0.05, size),
        "Vibration": 1.4 + 0.9 * (load - 1) + 0.07 * wear + chance.normal(0, 0.015, size),
        "BearingTemperature": 48 + 20 * (load - 1) + 1.5 * wear + chance.normal(0, 0.25, size),
    }


def send(node: Node, columns: dict[str, Any], end: datetime) -> None:
    size = LEARNED + DRIFTING
    stamps = [(end - timedelta(minutes=size - 1 - n)).isoformat() for n in range(size)]
    for name, values in columns.items():
        pairs = zip(stamps, values, strict=True)
        rows = [{"property": f"{PUMP}/{name}", "timestamp": at, "value": float(value)} for at, value in pairs]
        answer = node.post("values", {"rows": rows})
        assert answer["stored"] == size, answer["rejected"][:3]


def learn(node: Node, end: datetime) -> str:
    """Plan, train and activate a model of the pump; return its id."""
    body = {"asset": PUMP, "name": "pump", "failure_mode": "VIB", "lookback": f"{LEARNED}m", "settings": {}}
    body["properties"] = [f"{PUMP}/{name}" for name in pump()]
    body["settings"] = {"drivers": [f"{PUMP}/Flow"]}
    model = node.post("anomaly-models", body)["id"]
    node.post(f"anomaly-models/{model}/train", {"end": (end - timedelta(minutes=DRIFTING)).isoformat()})
    trained(node, model, 1)
    node.post(f"anomaly-models/{model}/use", {"number": 1, "mode": "active"})
    return str(model)


def trained(node: Node, model: str, number: int) -> dict[str, Any]:
    def ready() -> Any:
        version = node.get(f"anomaly-models/{model}")["versions"][0]
        assert version["state"] in ("training", "ready"), version["error"]
        return version["number"] == number and version["state"] == "ready" and version

    return dict(until(ready, 120))


@pytest.mark.timeout(300)
def test_a_drift_no_limit_would_tell_becomes_closed_work_and_a_label(node: Node):
    node.login()
    columns, end = pump(), datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=1)
    for name, values in columns.items():
        usual, last = values[:LEARNED], values[LEARNED:]
        assert usual.min() < last.min() < last.max() < usual.max(), f"no limit on {name} that is quiet in normal running tells"
        assert last.max() < LIMITS.get(name, np.inf)
    send(node, columns, end)
    model = learn(node, end)

    (found,) = until(lambda: node.get("findings")["items"], 60)
    assert found["asset"] == PUMP
    assert {one["property"].rsplit("/", 1)[1] for one in found["sensors"][:2]} == {"Vibration", "BearingTemperature"}
    order = until(lambda: order_of(node), 60)
    assert (order["failure_mode"], order["kind"]) == ("VIB", "predictive")
    assert f"{PUMP}/BearingTemperature" in str(order["findings"])
    assert node.get("alarms", state="active")["items"] == [], "what a model finds is no operator's alarm"

    bert, carl, anna = (person(node, *who) for who in (("bert", "planner"), ("carl", "planner"), ("anna", "technician")))
    approval = until(lambda: node.get("approvals")["items"], 60)[0]
    node.post(f"approvals/{approval['id']}/decide", {"decision": "approve"}, token=carl)
    until(lambda: purchase(node)["state"] == "ordered", 60)

    repair(node, order["id"], anna)
    node.post(f"work-orders/{order['id']}/verify", {"note": "runs quietly"}, token=bert)
    until(lambda: node.get(f"work-orders/{order['id']}")["state"] == "verified")
    ended = until(lambda: node.get("findings")["items"][0]["evidence"]["end"])
    assert ended > found["evidence"]["start"]
    codes = {"mode": "VIB", "cause": "AGE", "remedy": "REPLACE", "codes": {"label": "confirmed"}}
    node.post(f"work-orders/{order['id']}/close", codes, token=bert)
    until(lambda: node.get("cases")["items"][0]["state"] == "done", 60)
    assert [one["label"] for one in node.get("findings")["items"]] == ["confirmed"]
    assert len(node.get("cases")["items"]) == len(node.get("work-orders")["items"]) == len(node.get("purchases")["items"]) == 1

    node.post(f"anomaly-models/{model}/train", {"end": end.isoformat()})
    second = trained(node, model, 2)
    assert second["about"]["left_out"]["labelled"] > 60, "what was confirmed is not learned as normal"
    assert second["backtest"]["labels"][0]["code"] == "VIB"
    assert node.get("audit/verify")["ok"]
