"""The overseer: people at the switch of agents, and people's judgement of what agents propose and do, both told in the tower."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Connection

from lineshaft.act.agency import Staff
from lineshaft.act.tower import Tower
from lineshaft.guard import Subject

NOWHERE = {"id": "", "asset": ""}


class Overseer:
    """What people do about agents."""

    def __init__(self, staff: Staff, tower: Tower) -> None:
        self._staff, self._tower = staff, tower

    def stop(self, tx: Connection, name: str, by: Subject, why: str = "") -> None:
        """Stop one agent, or all (`*`): what they are doing is cut off, nothing of theirs is committed after this."""
        register = self._staff.agency.register
        if name == "*":
            register.stop_all(tx, by, why)
        else:
            register.stop(tx, name, by, why)
        self._note(tx, name, by, "stopped", why)

    def resume(self, tx: Connection, name: str, by: Subject) -> None:
        """Let one agent, or all (`*`), go on."""
        register = self._staff.agency.register
        if name == "*":
            register.stop_all(tx, by, stopped=False)
        else:
            register.resume(tx, name, by)
        self._note(tx, name, by, "let go on", "")

    def object_to(self, tx: Connection, run_id: str, by: Subject, why: str) -> str:
        """Disagree with what an agent did alone; return what that changed."""
        run, changed = self._staff.object_to(tx, run_id, by)
        about = {"id": run["case_id"], "asset": run["asset"]}
        what = f"disagrees with {run['agent']}: {run['task']}"
        self._tower.add(tx, about, what, actor=by.id, actor_kind=by.kind, task=run["task"], outcome=why or changed)
        return changed

    def judge(self, tx: Connection, about: Mapping[str, Any], row: Mapping[str, Any], decision: str, by: Subject) -> None:
        """Let a person's decision about an agent's proposal count for the trust in it."""
        agent, changed = self._staff.judged(tx, row, decision, by)
        if changed:
            what, actor = f"{row['task']}: {changed}", f"agent:{agent}"
            self._tower.add(tx, about, what, actor=actor, actor_kind="agent", mode="agent", task=row["task"])

    def _note(self, tx: Connection, name: str, by: Subject, what: str, why: str) -> None:
        who = "all agents" if name == "*" else f"the agent {name}"
        self._tower.add(tx, NOWHERE, f"{who}: {what}", actor=by.id, actor_kind=by.kind, outcome=why)
