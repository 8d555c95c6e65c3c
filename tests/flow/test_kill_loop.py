"""kill -9, again and again, while values come in, are flushed, compacted and recomputed: nothing is lost, nothing counts twice.

Raw values are all there with their last value; what was computed is what a clean recompute computes; the accounts balance.
"""

from __future__ import annotations

import random
import shutil
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from lineshaft.core import NS, iso, now_ns
from tests.flow.node import BAKERY, Node, until
from tests.flow.test_survival import history

OVEN = "Bakery/Line 1/Oven"
SETTINGS = '[store]\nflush_rows = 3000\nflush_interval = "2s"\ncompact_files = 2\ncompact_interval = "1s"\n'
STEP = 2 * NS
"""Time of the machine between two batches: the loop tells some hours of it in some minutes of ours."""


class Machine(threading.Thread):
    """Says what an oven does, batch by batch, each until it is acknowledged; some of it late, some of it corrected."""

    def __init__(self, node: Node, token: str, dice: random.Random) -> None:
        super().__init__(daemon=True)
        self.node, self.dice = node, dice
        self.headers = {"Authorization": f"Bearer {token}"}
        self.base = now_ns() // (3600 * NS) * 3600 * NS - 20 * 3600 * NS
        self.kept: dict[tuple[str, int], float] = {}
        self.done = threading.Event()
        self.batches = 0

    def run(self) -> None:
        with httpx.Client(base_url=str(self.node.http.base_url), headers=self.headers, timeout=20) as http:
            while not self.done.is_set():
                rows = self.batch(self.batches)
                if self.told(http, rows):
                    self.kept |= {(row["property"], row["timestamp"]): row["value"] for row in rows}
                    self.batches += 1

    def batch(self, n: int) -> list[dict[str, Any]]:
        dice, rows = random.Random(n), []
        for k in range(10):
            at = self.base + (n * 10 + k) * STEP
            rows += [
                {"property": f"{OVEN}/State", "timestamp": at, "value": 4 if (n + k) % 17 == 0 else 1},
                {"property": f"{OVEN}/Good", "timestamp": at, "value": n * 20 + k * 2},
                {"property": f"{OVEN}/Power", "timestamp": at, "value": float((n * 7 + k) % 40)},
            ]
        if n > 5 and n % 4 == 0:  # a value that comes late, and one that is corrected
            then = self.base + dice.randrange(n * 10) * STEP
            rows.append({"property": f"{OVEN}/Power", "timestamp": then + NS, "value": 99.0})
            rows.append({"property": f"{OVEN}/Power", "timestamp": then, "value": 55.0})
        return rows

    def told(self, http: httpx.Client, rows: list[dict[str, Any]]) -> bool:
        while not self.done.is_set():
            try:
                answer = http.post("values", json={"rows": rows})
            except httpx.TransportError:
                self.done.wait(0.05)
                continue
            if answer.status_code == 200:
                assert answer.json()["rejected_count"] == 0, answer.text
                return True
            self.done.wait(0.05)
        return False


def recompute(node: Node, machine: Machine, dice: random.Random) -> None:
    """Ask for a stretch of the past again; that it is killed before it answers is what the loop is for."""
    start = machine.base + dice.randrange(max(1, machine.batches * 10)) * STEP
    body = {"paths": [OVEN], "start": iso(start), "end": iso(start + 3600 * NS), "reason": "late-data"}
    try:
        node.http.post("recompute", json=body, timeout=2)
    except httpx.HTTPError:
        return


def loop(tmp_path: Path, kills: int, seed: int) -> None:
    home = tmp_path / "home"
    home.mkdir()
    shutil.copytree(BAKERY, home / "config")
    (home / "settings.toml").write_text(SETTINGS)
    node = Node(home)
    dice = random.Random(seed)
    try:
        node.start()
        machine = Machine(node, node.login(), dice)
        machine.start()
        for kill in range(kills):
            pause = dice.uniform(0.1, 2.5)
            if kill % 2:
                threading.Event().wait(pause / 2)
                recompute(node, machine, dice)
            threading.Event().wait(pause)
            node.kill()
            node.start()
        threading.Event().wait(1)
        machine.done.set()
        machine.join(60)
        assert machine.batches > kills
        proven(node, machine)
    finally:
        node.stop()


def proven(node: Node, machine: Machine) -> None:
    end = machine.base + (machine.batches + 1) * 10 * STEP
    for name in ("State", "Good", "Power"):
        path = f"{OVEN}/{name}"
        found = history(node, path, machine.base - 1, end)
        wanted = {at: value for (of, at), value in machine.kept.items() if of == path}
        wrong = {at: (value, found.get(at)) for at, value in wanted.items() if found.get(at) != value}
        assert not wrong, f"{len(wrong)} of {len(wanted)} acknowledged values of {name} are wrong: {list(wrong.items())[:5]}"
        sql = f"SELECT count(*), count(DISTINCT ts_ns) FROM samples WHERE property = '{path}'"
        rows, keys = node.post("sql", {"sql": sql})["rows"][0]
        assert rows == keys, f"{rows - keys} keys of {name} count twice"
    body = {"paths": [OVEN], "start": iso(machine.base), "end": iso(end), "reason": "late-data"}

    def clean() -> bool:
        told = node.post("recompute/preview", body)
        return told["state"] == "done" and told["windows"] > 100 and told["changed"] == 0

    until(clean, 180, every=2)
    until(lambda: all(row["balance"] == 0 for row in node.get("ledger", limit=1000)["items"]))
    assert node.get("audit/verify")["ok"]


@pytest.mark.chaos
@pytest.mark.timeout(300)
def test_three_kills(tmp_path: Path) -> None:
    loop(tmp_path, 3, 5)


@pytest.mark.slow
@pytest.mark.chaos
@pytest.mark.timeout(1800)
def test_thirty_kills(tmp_path: Path) -> None:
    loop(tmp_path, 30, 11)
