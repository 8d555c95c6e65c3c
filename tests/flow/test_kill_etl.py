"""kill -9 of the whole node while an ETL job runs: it goes on at the next start, and no row is written twice or lost."""

from __future__ import annotations

import random
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from lineshaft.core import now_ns
from tests.flow.node import BAKERY, Node, until

MS = 1_000_000
PATH = "Bakery/Line 1/Oven/Power"
JOB = f"""\
job: copied
owner: user:admin
retries: 0
steps:
  - name: values
    sql: "SELECT ts_ns, value FROM samples WHERE property = '{PATH}' AND ts > $since AND ts <= $until"
    table: copied
    mode: append
  - name: latest
    sql: "SELECT ts_ns % 7 AS k, max(ts_ns) AS ts_ns, arg_max(value, ts_ns) AS value FROM copied GROUP BY 1"
    table: newest
    mode: upsert
    key: [k]
  - name: slow
    python: slow.py
    reads: {{copied: "SELECT ts_ns FROM copied"}}
    table: counted
"""
SLOW = """\
import time
import pyarrow as pa

def run(tables):
    time.sleep(0.7)
    return pa.table({"n": [tables["copied"].num_rows]})
"""


@pytest.fixture
def node(tmp_path: Path):
    home = tmp_path / "home"
    (home / "etl").mkdir(parents=True)
    shutil.copytree(BAKERY, home / "config")
    (home / "settings.toml").write_text('[store]\nflush_rows = 40\nflush_interval = "1s"\n')
    (home / "etl" / "copied.yaml").write_text(JOB)
    (home / "etl" / "slow.py").write_text(SLOW)
    one = Node(home).start()
    one.login()
    yield one
    one.stop()


def killed(node: Node, kills: int, dice: random.Random) -> None:
    given: list[int] = []
    for _ in range(kills):
        newest = now_ns() - MS  # after the moment until which the last run read: a job takes what is later than that
        given += (fresh := [newest - n * MS for n in reversed(range(30))])
        rows = [{"property": PATH, "timestamp": at, "value": float(given.index(at))} for at in fresh]
        assert node.post("values", {"rows": rows})["stored"] == 30
        run = node.post("etl/copied/run", {})
        threading.Event().wait(dice.uniform(0, 2))
        node.kill()
        node.start()
        node.login()
        done = until(lambda run=run: ended(node, run["id"]), 120)
        assert (done["state"], done["steps_done"], done["error"]) == ("done", 3, "")
        whole(node, given)
    assert len(node.get("etl/runs")["items"]) == kills
    assert node.get("audit/verify")["ok"]


def ended(node: Node, run_id: str) -> dict[str, Any] | None:
    return next((one for one in node.get("etl/runs")["items"] if one["id"] == run_id and one["ended"]), None)


def whole(node: Node, given: list[int]) -> None:
    """Every value is in the table once, each key has its newest, and the last step counted them all."""
    n = len(given)
    assert asked(node, "SELECT count(*), count(DISTINCT ts_ns), sum(value) FROM copied") == [[n, n, sum(range(n))]]
    newest = {at % 7: float(place) for place, at in enumerate(given)}
    assert sorted(asked(node, "SELECT k, value FROM newest")) == sorted([k, value] for k, value in newest.items())
    assert asked(node, "SELECT n FROM counted") == [[n]]


def asked(node: Node, sql: str) -> list[list[Any]]:
    return node.post("sql", {"sql": sql})["rows"]


@pytest.mark.chaos
@pytest.mark.timeout(300)
def test_a_kill_during_a_run(node: Node) -> None:
    killed(node, 1, random.Random())


@pytest.mark.slow
@pytest.mark.chaos
@pytest.mark.timeout(1800)
def test_twenty_kills_during_runs(node: Node) -> None:
    killed(node, 20, random.Random())
