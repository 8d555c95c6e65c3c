"""An agent's work under kill -9, in every window there is: nothing is asked twice that was answered, nothing done twice."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest

from lineshaft.core import Database
from tests.act.agency.conftest import AgentPlant
from tests.conftest import ROOT

FEW = ("after",)
ALL = ("model:0", "model:1", "before", "after", "model:2", "end")


def start(url, folder, stop):
    return subprocess.Popen(
        [sys.executable, "-m", "tests.act.agency.child", url, str(folder), stop],
        cwd=ROOT, env={"PYTHONPATH": f"{ROOT}/src:{ROOT}", "PATH": "/usr/bin:/bin", "HOME": str(folder)},
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.chaos
@pytest.mark.timeout(280)
@pytest.mark.parametrize("windows", [FEW, pytest.param(ALL, marks=pytest.mark.slow)], ids=["few", "all"])
def test_a_run_killed_in_every_window_is_finished_once(tmp_path, windows):
    url = f"sqlite:///{tmp_path / 'killed.db'}"
    for stop in windows:
        with start(url, tmp_path, stop) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == "here\n", stop
            child.kill()
        # three attempts are allowed in a row: as if a day lay between these crashes
        db = Database(url)
        with db.begin() as tx:
            tx.exec_driver_sql("UPDATE agent_run SET attempts = 0")
        db.close()
    with start(url, tmp_path, "") as child:
        out, _ = child.communicate(timeout=120)
    assert out == "finished\n"
    counted = Counter((tmp_path / "done.txt").read_text().split())
    # an answer that was lost on the way is asked for again, one that arrived never
    asked = {name: counted[name] for name in ("model:0", "model:1", "model:2")}
    assert asked == {name: 2 if name in windows else 1 for name in asked}
    db = Database(url)
    (tmp_path / "home").mkdir(exist_ok=True)
    plant = AgentPlant(db, tmp_path / "home")
    assert plant.runs()[0]["state"] == "done"
    assert plant.runs()[0]["output"]["advice"] == "look"
    assert [one["task"] for one in plant.act.approvals()] == [
        "work-order"
    ]  # proposed once, although it was killed before and after
    calls = plant.act.agency.journal.list()
    assert Counter(one["state"] for one in calls) == {"ok": 5}
    assert plant.guard.verify().ok
    db.close()
