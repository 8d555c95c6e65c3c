"""Kill -9 at any moment doubles and loses nothing: one executor on SQLite, three on one PostgreSQL database."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Self

import pytest
import sqlalchemy as sa

from lineshaft.core import Database
from lineshaft.guard import Guard
from tests.act.child import Shop
from tests.detect.conftest import VIBRATION

ROOT = Path(__file__).resolve().parents[2]
TASKS = 8
"""Of one case."""


class Crew:
    """Executors as processes, and what is on disk while they live and die."""

    def __init__(self, url: str, home: Path, cases: int, names: list[str]) -> None:
        self.url, self.home, self.cases, self.names = url, home, cases, names
        Shop.pumps = cases
        self.db = Database(url)
        self.shop = Shop(self.db, home, VIBRATION)
        self.shop.bearings()
        self.shop.process(("hold: 200ms", "hold: 10ms"))
        self.children: dict[str, subprocess.Popen[str]] = {}
        self.cut_off = 0
        self.allow(0)

    def allow(self, cases: int) -> None:
        self.allowed = min(cases, self.cases)
        written = self.home / "allowed.new"
        written.write_text(str(self.allowed))
        written.replace(self.home / "allowed")

    def begin(self, *names: str, wait: bool = True) -> None:
        for name in names:
            self.spawn(name)
        for name in names:
            self.wait(name, wait=wait)

    def spawn(self, name: str) -> None:
        env = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
        command = [sys.executable, "-m", "tests.act.child", self.url, str(self.home), str(self.cases), name]
        with (self.home / f"{name}.log").open("a") as log:
            child = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=log, text=True)
        self.children[name] = child

    def wait(self, name: str, *, wait: bool) -> None:
        """Wait until one says that it is there, and that it has recovered."""
        child = self.children[name]
        assert child.stdout is not None
        for said in ("READY\n", "GOING\n") if wait else ("READY\n",):
            assert child.stdout.readline() == said, (self.home / f"{name}.log").read_text()[-3000:]

    def kill(self, name: str) -> bool:
        """Kill one; say whether it was alive to be killed."""
        child = self.children.pop(name)
        child.kill()
        killed = child.wait() == -9
        assert child.stdout is not None
        child.stdout.close()
        own = "executor_id = :name" if self.db.is_sqlite else "executor_id LIKE :name || '/%'"
        table = "workflow_status" if self.db.is_sqlite else "dbos.workflow_status"
        with self.db.read() as tx:
            query = sa.text(f"SELECT count(*) FROM {table} WHERE status = 'PENDING' AND {own}")
            self.cut_off += tx.execute(query, {"name": name}).scalar_one() > 0
        return killed

    def tasks(self) -> int:
        with self.db.read() as tx:
            return tx.execute(sa.text("SELECT count(*) FROM case_task WHERE state = 'done'")).scalar_one()

    def wait_for_more(self) -> None:
        """Let some work be done first: on a slow machine as on a fast one the kill comes in the middle of it."""
        before, all_of_it = self.tasks(), self.allowed * TASKS
        end = time.monotonic() + 30
        while time.monotonic() < end and before < all_of_it and self.tasks() <= before:
            time.sleep(0.02)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for child in self.children.values():
            if child.poll() is None:
                child.kill()
                child.wait()
            if child.stdout is not None:
                child.stdout.close()
        self.db.close()

    def finish(self) -> None:
        for name, child in self.children.items():
            said, _ = child.communicate(timeout=240)
            assert said.endswith("COMPLETE\n"), (self.home / f"{name}.log").read_text()[-3000:]


def kill_again_and_again(crew: Crew, kills: int, rng: random.Random) -> None:
    """Kill one of the crew at a time. The next comes soon or late after it; the last to die stays dead if there are others."""
    done = 0
    crew.begin(*crew.names)
    while done < kills:
        missing = [name for name in crew.names if name not in crew.children]
        for name in missing:
            late = len(crew.names) > 1 and name != "e0" and rng.random() < 0.5
            if not late or len(missing) > 1:  # else it stays away until the others have taken its cases over
                crew.begin(name, wait=rng.random() < 0.75)  # every fourth dies while it starts and recovers
        crew.allow((crew.cases - 1) * (done + 1) // kills)  # the last case waits for the last kill
        crew.wait_for_more()
        time.sleep(rng.uniform(0.0, 0.3))
        done += crew.kill(rng.choice(sorted(crew.children)))
    crew.allow(crew.cases)
    if "e0" not in crew.children:
        crew.begin("e0")
    crew.finish()


def check(crew: Crew) -> None:
    """Every case has one of everything, in this database and in the outbox, and the audit chain is whole."""
    cases, shop = crew.cases, crew.shop
    assert Counter(case["state"] for case in shop.act.cases(limit=1000)) == {"done": cases}
    orders = shop.orders.list(limit=1000)
    assert sorted(order["asset"] for order in orders) == sorted(f"Bakery/P{n}" for n in range(cases))
    assert {order["state"] for order in orders} == {"closed"}
    assert {order["number"] for order in orders} == {f"WO-{n:06d}" for n in range(1, cases + 1)}
    for n in range(cases):
        kinds = [move["kind"] for move in shop.spares.ledger(f"BRG-{n}")]
        assert sorted(kinds) == ["issue", "receive", "reserve"]
    purchases = shop.purchases.list(limit=1000)
    assert sorted(row["part"] for row in purchases) == sorted(f"BRG-{n}" for n in range(cases))
    files = [json.loads(path.read_text())["id"] for path in (crew.home / "outbox").glob("*.json")]
    assert sorted(files) == sorted(row["id"] for row in purchases)
    with crew.db.read() as tx:
        counted = tx.execute(sa.text("SELECT count(*), count(distinct case_id || name) FROM case_task")).one()
    assert counted[0] == counted[1] == cases * TASKS
    report = Guard(crew.db).verify()
    assert report.ok, report
    print(f"{cases} cases, {cut(crew)}, {report.rows} rows of audit")


def cut(crew: Crew) -> str:
    return f"{crew.cut_off} kills cut a run off"


def crew_of(url: str, home: Path, cases: int) -> Crew:
    return Crew(url, home, cases, ["e0"] if url.startswith("sqlite") else ["e0", "e1", "e2"])


@pytest.mark.chaos
@pytest.mark.timeout(400)
def test_kill_9_at_any_moment_doubles_and_loses_nothing(database_url, tmp_path):
    with crew_of(database_url, tmp_path, 9) as crew:
        kill_again_and_again(crew, 3, random.Random(2))
        check(crew)


@pytest.mark.chaos
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_twenty_six_kills_over_forty_cases(database_url, tmp_path):
    with crew_of(database_url, tmp_path, 40) as crew:
        kill_again_and_again(crew, 26, random.Random(4))
        assert crew.cut_off >= 3, "kills hit work under way"
        check(crew)
