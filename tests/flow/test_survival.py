"""kill -9 at any moment: every acknowledged value is there, every case goes on, no order is doubled, the audit chain is whole."""

from __future__ import annotations

import random
import shutil
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from lineshaft.core import now_ns
from tests.flow.node import BAKERY, Node, until

PUMP = "Bakery/Line 1/Cooler/Coolant pump"


class Feeder(threading.Thread):
    """Posts values without a pause and remembers which were acknowledged; a killed node is only a reason to try again."""

    def __init__(self, node: Node, token: str) -> None:
        super().__init__(daemon=True)
        self.node = node
        self.headers = {"Authorization": f"Bearer {token}"}
        self.acknowledged: dict[int, float] = {}
        self.done = threading.Event()
        self.base = now_ns() - 3600 * 10**9

    def run(self) -> None:
        n = 0
        with httpx.Client(base_url=str(self.node.http.base_url), headers=self.headers, timeout=10) as http:
            while not self.done.is_set():
                path = f"{PUMP}/Flow"
                rows = [{"property": path, "timestamp": self.base + k * 10**6, "value": float(k)} for k in range(n, n + 20)]
                try:
                    answer = http.post("values", json={"rows": rows})
                except httpx.TransportError:
                    self.done.wait(0.05)
                    continue
                if answer.status_code == 200 and answer.json()["stored"] == 20:
                    self.acknowledged |= {row["timestamp"]: row["value"] for row in rows}  # type: ignore[misc]
                    n += 20


@pytest.mark.chaos
@pytest.mark.timeout(400)
@pytest.mark.parametrize("kills", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_kills_lose_nothing_and_double_nothing(tmp_path: Path, kills: int) -> None:
    home = tmp_path / "home"
    home.mkdir()
    shutil.copytree(BAKERY, home / "config")
    node = Node(home)
    try:
        node.start()
        token = node.login()
        dice = random.Random(11)
        feeder = Feeder(node, token)
        feeder.start()
        assets = [PUMP, *(f"Bakery/Line 1/{name}" for name in ("Mixer", "Former", "Oven", "Packer"))]
        wanted: set[tuple[str, str]] = set()
        for kill in range(kills):
            asset, mode = assets[kill % len(assets)], ("VIB", "OHE")[kill % 2]
            finding = {"asset": asset, "kind": "drift", "score": 0.9, "failure_mode": mode, "sensors": [], "evidence": {}}
            node.post("findings", finding, key=f"finding-{kill}")
            wanted.add((asset, mode))
            threading.Event().wait(dice.uniform(0.05, 1.2))
            node.kill()
            node.start()
        until(lambda: len(orders(node)) >= len(wanted), 60)
        feeder.done.set()
        feeder.join(20)
        assert len(feeder.acknowledged) > 100
        made = orders(node)
        by_case = [order["case_id"] for order in made]
        assert len(by_case) == len(set(by_case)), "a case has two orders"
        assert {(order["asset"], order["failure_mode"]) for order in made} == wanted
        assert len(made) == len(wanted)
        found = history(node, f"{PUMP}/Flow", feeder.base - 1, feeder.base + 10**12)
        missing = {ts for ts, value in feeder.acknowledged.items() if found.get(ts) != value}
        assert not missing, f"{len(missing)} of {len(feeder.acknowledged)} acknowledged values are gone"
        assert all(row["balance"] == 0 for row in node.get("ledger", limit=1000)["items"])
        assert node.get("audit/verify")["ok"]
    finally:
        node.stop()


def orders(node: Node) -> list[dict[str, Any]]:
    return list(node.get("work-orders", limit=200)["items"])


def history(node: Node, path: str, start: int, end: int) -> dict[int, float]:
    from lineshaft.core import parse_time

    rows: dict[int, float] = {}
    after = ""
    while True:
        page = node.get("history", property=path, start=start, end=end, limit=5000, **({"after": after} if after else {}))
        rows |= {parse_time(row["timestamp"]): row["value"] for row in page["rows"]}
        after = page["next"]
        if not after:
            return rows
