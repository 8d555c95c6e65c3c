"""Earned autonomy: a task becomes an agent's own only when people have agreed with it often enough, and stops being so by itself.

Each decision of a person about an agent's proposal is a verdict: approved as it stood is agreement, edited or rejected is not.
A task is delegated when the lower end of Wilson's interval of the share of agreement, at the stated confidence and over at
least so many verdicts, reaches the level that was set. It falls back on the first disagreement, when the agent's model, words
or tools change, and when the verdicts grow too old; what is earned again is earned anew. Every so many deeds of a delegated
task are laid before a person nevertheless, or nobody would notice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.act.agency.tables import trust, verdicts
from lineshaft.core import NS, Database, InvalidInput, NotFound, bump, new_id, now_ns

DAY = 86_400 * NS
AGREES = "approve"


@dataclass(frozen=True, slots=True)
class Agreement:
    """How often people agreed: `agreed` of `count`, and the lower end of Wilson's interval."""

    agreed: int
    count: int
    lower: float


def wilson(agreed: int, count: int, confidence: float = 0.95) -> float:
    """Return the lower end of Wilson's two-sided interval of a share.

    >>> round(wilson(20, 20), 3), round(wilson(73, 73), 3), round(wilson(98, 100), 3), wilson(0, 0)
    (0.839, 0.95, 0.93, 0.0)
    """
    if count == 0:
        return 0.0
    z = NormalDist().inv_cdf(1 - (1 - confidence) / 2)
    share = agreed / count
    spread = z * sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return (share + z * z / (2 * count) - spread) / (1 + z * z / count)


class Trust:
    """The verdicts, and which tasks they make an agent's own."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def allow(self, tx: Connection, agent: str, process: str, task: str, **values: Any) -> dict[str, Any]:
        """Say from which agreement an agent may do a task alone."""
        row = {"level": 0.95, "confidence": 0.95, "least": 50, "age_ns": 180 * DAY, "check_every": 10, **values}
        if not (0.5 <= row["level"] < 1 and 0.5 <= row["confidence"] < 1 and row["least"] >= 5 and row["check_every"] >= 2):
            hint = "0.5 <= level, confidence < 1; at least 5 verdicts; a check of every 2nd deed or rarer"
            raise InvalidInput("this would be no trust earned", hint=hint, code="agent.trust")
        there = self._row(tx, agent, process, task)
        state = {"state": "earning", "since": now_ns(), "why": "set by hand", "alone": 0}
        if there is None:
            new = {
                "id": new_id(),
                "version": 1,
                "agent": agent,
                "process": process,
                "task": task,
                "counts_from": 0,
                "fingerprint": "",
            }
            tx.execute(trust.insert().values(**new, **row, **state))
        else:
            bump(tx, trust, there["id"], None, **row, **state)
        return self._found(tx, agent, process, task)

    def forbid(self, tx: Connection, agent: str, process: str, task: str) -> None:
        """Have every proposal for a task decided by a person again."""
        self._found(tx, agent, process, task)
        here = (trust.c.agent == agent) & (trust.c.process == process) & (trust.c.task == task)
        tx.execute(trust.delete().where(here))

    def judged(self, tx: Connection, run: Mapping[str, Any], approval: Mapping[str, Any], decision: str, by: str) -> str:
        """Note a person's verdict on an agent's proposal; return what it changed (`delegated`, `fallen back` or nothing)."""
        agreed = decision == AGREES and not approval["edited_by"]
        row = {name: run[name] for name in ("agent", "process", "task", "case_id", "fingerprint")}
        row |= {"verdict": decision, "agreed": agreed, "by": by, "at": now_ns(), "approval_id": approval["id"]}
        there = tx.execute(sa.select(verdicts.c.id).where(verdicts.c.approval_id == approval["id"])).scalar()
        if there is None:
            tx.execute(verdicts.insert().values(id=new_id(), version=1, **row))
        else:  # edited before it was decided: the edit stays what it was, a disagreement
            return ""
        return self._review(tx, run["agent"], run["process"], run["task"], run["fingerprint"], disagreed=not agreed)

    def objected(self, tx: Connection, run: Mapping[str, Any], by: str) -> str:
        """Note that a person disagrees with what an agent did alone."""
        row = {name: run[name] for name in ("agent", "process", "task", "case_id", "fingerprint")}
        row |= {"verdict": "objection", "agreed": False, "by": by, "at": now_ns(), "approval_id": run["id"]}
        tx.execute(verdicts.insert().values(id=new_id(), version=1, **row))
        return self._review(tx, run["agent"], run["process"], run["task"], run["fingerprint"], disagreed=True)

    def may_alone(self, tx: Connection, agent: str, process: str, task: str, fingerprint: str) -> bool:
        """Say whether an agent does this task alone this time, and count it; falls back first if what it rests on is gone."""
        row = self._row(tx, agent, process, task)
        if row is None:
            return False
        self._review(tx, agent, process, task, fingerprint, disagreed=False)
        row = self._found(tx, agent, process, task)
        if row["state"] != "delegated":
            return False
        bump(tx, trust, row["id"], None, alone=row["alone"] + 1)
        return (row["alone"] + 1) % row["check_every"] != 0

    def agreement(self, row: Mapping[str, Any], fingerprint: str, tx: Connection | None = None) -> Agreement:
        """Return the agreement that counts for a task: of this model and these words, not too old, since the last fall."""
        query = sa.select(sa.func.count(), sa.func.sum(sa.case((verdicts.c.agreed, 1), else_=0))).where(
            *(verdicts.c[name] == row[name] for name in ("agent", "process", "task")),
            verdicts.c.fingerprint == fingerprint,
            verdicts.c.at >= now_ns() - row["age_ns"],
            verdicts.c.at > row["counts_from"],
        )
        with self._db.read(tx) as look:
            count, agreed = look.execute(query).one()
        return Agreement(int(agreed or 0), int(count), wilson(int(agreed or 0), int(count), row["confidence"]))

    def list(self, agent: str | None = None) -> list[dict[str, Any]]:
        """Return what agents may come to do alone, with the agreement so far."""
        query = sa.select(trust).order_by(trust.c.agent, trust.c.process, trust.c.task)
        rows = self._db.rows(query.where(trust.c.agent == agent) if agent else query)
        found: list[dict[str, Any]] = []
        for row in rows:
            got = self.agreement(row, row["fingerprint"])
            found.append({**row, "agreed": got.agreed, "count": got.count, "lower": round(got.lower, 4)})
        return found

    def verdicts(self, agent: str, limit: int = 100) -> list[dict[str, Any]]:
        """Return how people judged an agent, newest first."""
        query = sa.select(verdicts).where(verdicts.c.agent == agent).order_by(verdicts.c.at.desc(), verdicts.c.id).limit(limit)
        return self._db.rows(query)

    def _review(self, tx: Connection, agent: str, process: str, task: str, fingerprint: str, *, disagreed: bool) -> str:
        row = self._row(tx, agent, process, task)
        if row is None:
            return ""
        if disagreed and row["state"] == "delegated":
            return self._fall(tx, row, fingerprint, "a person disagreed", now_ns())
        if fingerprint != row["fingerprint"]:
            why = "its model, words or tools changed" if row["state"] == "delegated" else row["why"]
            if row["state"] == "delegated":
                return self._fall(tx, row, fingerprint, why, row["counts_from"])
            bump(tx, trust, row["id"], None, fingerprint=fingerprint)
            row = self._found(tx, agent, process, task)
        got = self.agreement(row, fingerprint, tx)
        enough = got.count >= row["least"] and got.lower >= row["level"]
        if row["state"] == "delegated" and not enough:
            return self._fall(tx, row, fingerprint, "the verdicts it rested on grew too old", row["counts_from"])
        if row["state"] == "earning" and enough:
            why = f"{got.agreed} of {got.count} agreed, at least {got.lower:.3f} at {row['confidence']:g}"
            bump(tx, trust, row["id"], None, state="delegated", since=now_ns(), why=why, alone=0)
            return "delegated"
        return ""

    @staticmethod
    def _fall(tx: Connection, row: Mapping[str, Any], fingerprint: str, why: str, counts_from: int) -> str:
        values = {"state": "earning", "since": now_ns(), "why": why, "counts_from": counts_from, "fingerprint": fingerprint}
        bump(tx, trust, row["id"], None, **values)
        return "fallen back"

    @staticmethod
    def _row(tx: Connection, agent: str, process: str, task: str) -> dict[str, Any] | None:
        here = (trust.c.agent == agent) & (trust.c.process == process) & (trust.c.task == task)
        row = tx.execute(sa.select(trust).where(here).with_for_update()).mappings().first()
        return None if row is None else dict(row)

    def _found(self, tx: Connection, agent: str, process: str, task: str) -> dict[str, Any]:
        row = self._row(tx, agent, process, task)
        if row is None:
            raise NotFound(f"nothing is agreed on {agent} and {process}/{task}", code="agent.trust")
        return row
