from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from lineshaft.core import Database
from lineshaft.guard import Guard
from tests.act.child import Shop

ROOT = Path(__file__).resolve().parents[2]
PUMPS, KILLS = 15, 12


def tasks_so_far(url: str) -> int:
    db = Database(url)
    try:
        with db.read() as tx:
            return tx.execute(sa.text("select count(*) from case_task where state = 'done'")).scalar_one()
    finally:
        db.close()


def wait_for_more(url: str, before: int) -> None:
    """Let some work be done first: on a slow machine as on a fast one the kill comes in the middle of it."""
    end = time.monotonic() + 20
    while time.monotonic() < end and tasks_so_far(url) in range(before + 1) and before < PUMPS * 8:
        time.sleep(0.02)


@pytest.mark.chaos
@pytest.mark.timeout(400)
def test_kill_9_at_any_moment_doubles_and_loses_nothing(database_url, tmp_path):
    rng = random.Random(2)
    log = (tmp_path / "child.log").open("w")
    kills, progress = 0, []
    while True:
        env = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
        command = [sys.executable, "-m", "tests.act.child", database_url, str(tmp_path), str(PUMPS)]
        child = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=log, text=True)
        assert child.stdout is not None
        assert child.stdout.readline() == "READY\n", (tmp_path / "child.log").read_text()[-3000:]
        if kills < KILLS:
            if kills % 4:  # every fourth dies while it starts and recovers
                assert child.stdout.readline() == "GOING\n", (tmp_path / "child.log").read_text()[-3000:]
                wait_for_more(database_url, progress[-1] if progress else 0)
            time.sleep(rng.uniform(0.02, 0.3))
            child.kill()
            kills += child.wait() == -9
            child.stdout.close()
            progress.append(tasks_so_far(database_url))
            continue
        said, _ = child.communicate(timeout=120)
        assert said.endswith("COMPLETE\n"), (tmp_path / "child.log").read_text()[-3000:]
        break
    log.close()
    assert kills == KILLS
    print("tasks on disk at each kill:", progress)
    assert len(set(progress) - {0, PUMPS * 8}) >= KILLS // 3, "kills hit work under way"
    db = Database(database_url)
    Shop.pumps = PUMPS
    shop = Shop(db, tmp_path)
    assert [case["state"] for case in shop.act.cases(limit=1000)] == ["done"] * PUMPS
    orders = shop.orders.list(limit=1000)
    assert sorted(order["asset"] for order in orders) == sorted(f"Bakery/P{n}" for n in range(PUMPS))
    assert {order["state"] for order in orders} == {"closed"}
    assert {order["number"] for order in orders} == {f"WO-{n:06d}" for n in range(1, PUMPS + 1)}
    for n in range(PUMPS):
        kinds = [move["kind"] for move in shop.spares.ledger(f"BRG-{n}")]
        assert sorted(kinds) == ["issue", "receive", "reserve"]
    purchases = shop.purchases.list(limit=1000)
    assert sorted(row["part"] for row in purchases) == sorted(f"BRG-{n}" for n in range(PUMPS))
    files = [json.loads(path.read_text())["id"] for path in (tmp_path / "outbox").glob("*.json")]
    assert sorted(files) == sorted(row["id"] for row in purchases)
    with db.read() as tx:
        counted = tx.execute(sa.text("select count(*), count(distinct case_id || name) from case_task")).one()
    assert counted[0] == counted[1] == PUMPS * 8
    report = Guard(db).verify()
    assert report.ok
    db.close()
