"""A node with an agent at work, in a process of its own: it stops at a point it is told, to be killed there."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

from lineshaft.core import Database
from lineshaft.guard import Command
from tests.act.agency.conftest import ERNA, AgentPlant, Script
from tests.act.conftest import PUMP


def main() -> None:
    url, folder, stop = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    home = folder / "home"
    fresh = not home.exists()
    home.mkdir(exist_ok=True)
    plant = AgentPlant(Database(url), home)

    def note(word: str) -> None:
        with (folder / "done.txt").open("a") as file:
            file.write(word + "\n")
            file.flush()
            os.fsync(file.fileno())

    def at(point: str) -> None:
        if point == stop:
            sys.stdout.write("here\n")
            sys.stdout.flush()
            time.sleep(600)

    def step(number: int, what: Any) -> Any:
        def say(_messages: Any) -> Any:
            note(f"model:{number}")
            at(f"model:{number}")
            return what

        return say

    want = {"asset": PUMP, "title": "Look at the coupling", "priority": 3, "reason": "it hums"}
    answer = {"causes": [{"cause": "coupling", "check": "listen"}], "advice": "look"}
    plant.act.staff.crew.open_model = Script(
        step(0, ("alarms", {"asset": PUMP})), step(1, ("propose_work_order", want)), step(2, ("answer", answer))
    )
    tool = plant.act.staff.tools["propose_work_order"]
    real_run, real_ends = tool.run, plant.act.staff.proposes

    def run(use: Any, said: Any) -> Any:
        at("before")
        made = real_run(use, said)
        note("proposed")
        at("after")
        return made

    object.__setattr__(tool, "run", run)

    def ends(*what: Any) -> None:
        at("end")
        real_ends(*what)

    object.__setattr__(plant.act.staff, "proposes", ends)
    if fresh:
        plant.hire("helper", "root_cause", role="planner")
        ask = Command(ERNA, "agents.ask", "helper")
        plant.guard.perform(ask, lambda tx: {"id": plant.act.staff.ask(tx, "helper", ERNA, "Why does it hum?", asset=PUMP)["id"]})
    plant.act.staff.crew.start()
    assert plant.act.staff.crew.settle(60)
    plant.act.staff.crew.stop()
    sys.stdout.write("finished\n")


if __name__ == "__main__":
    main()
