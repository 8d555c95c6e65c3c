"""Runs: one piece of work of one agent, from being handed over to its proposal, or to the person it falls to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.act.agency.tables import calls, runs
from lineshaft.core import Conflict, Database, NotFound, bump, new_id, now_ns

MOST_ATTEMPTS = 3
"""A run that was cut off so often falls to a person: perhaps it is what brings the node down."""
WAITING, UNDER_WAY = "queued", "running"


class Runs:
    """Every piece of work of every agent."""

    def __init__(self, db: Database, holder: str) -> None:
        self._db, self._holder = db, holder

    def open(self, tx: Connection, agent: Mapping[str, Any], asked_by: str, said: Mapping[str, Any], **about: Any) -> str:
        """Hand work to an agent; return the run's id."""
        row: dict[str, Any] = {"id": new_id(), "version": 1, "agent": agent["name"], "job": agent["job"], "asked_by": asked_by}
        row |= {
            "case_id": None,
            "state": WAITING,
            "dry_run": bool(agent["dry_run"]),
            "input": dict(said),
            "output": {},
            "diff": [],
        }
        row |= {"opened": now_ns(), "tokens": 0, "money": 0.0, "attempts": 0, "alone": False, "holder": "", "why": "", **about}
        tx.execute(runs.insert().values(**row))
        return str(row["id"])

    def claim(self) -> dict[str, Any] | None:
        """Take the oldest run that waits; None if there is none."""
        with self._db.begin() as tx:
            query = sa.select(runs).where(runs.c.state == WAITING).order_by(runs.c.opened, runs.c.id).limit(1)
            row = tx.execute(query.with_for_update(skip_locked=True)).mappings().first()
            if row is None:
                return None
            values = {"state": UNDER_WAY, "holder": self._holder, "started": now_ns(), "attempts": row["attempts"] + 1}
            bump(tx, runs, row["id"], row["version"], **values)
            return {**row, **values}

    def take_back(self, holder: str | None = None) -> None:
        """Let what an executor was at when it died be done anew, from its journal."""
        here = (runs.c.state == UNDER_WAY) & (runs.c.holder == (holder or self._holder))
        with self._db.begin() as tx:
            tx.execute(runs.update().where(here).values(state=WAITING, holder="", version=runs.c.version + 1))

    def close(self, tx: Connection, run_id: str, state: str, **values: Any) -> bool:
        """End a run (`done`, `fell`, `stopped`); false if it has ended already."""
        row = tx.execute(sa.select(runs.c.state).where(runs.c.id == run_id).with_for_update()).scalar()
        if row not in (WAITING, UNDER_WAY):
            return False
        sums = sa.select(sa.func.sum(calls.c.tokens_in + calls.c.tokens_out), sa.func.sum(calls.c.money))
        tokens, money = tx.execute(sums.where(calls.c.run_id == run_id)).one()
        bump(tx, runs, run_id, None, state=state, closed=now_ns(), tokens=int(tokens or 0), money=float(money or 0.0), **values)
        return True

    def was_alone(self, tx: Connection, run_id: str) -> None:
        """Note that what a run proposed was carried out without asking."""
        tx.execute(runs.update().where(runs.c.id == run_id).values(alone=True))

    def seen(self, run_id: str, fingerprint: str) -> None:
        """Note with which model, words and tools a run works."""
        with self._db.begin() as tx:
            tx.execute(runs.update().where(runs.c.id == run_id).values(fingerprint=fingerprint))

    def get(self, run_id: str, tx: Connection | None = None) -> dict[str, Any]:
        """Return one run. Raises NotFound."""
        rows = self._db.rows(sa.select(runs).where(runs.c.id == run_id), tx)
        if not rows:
            raise NotFound(f"there is no run {run_id}", code="agent.run")
        return rows[0]

    def of_task(self, tx: Connection, case_id: str, task: str) -> dict[str, Any] | None:
        """Return the run of a task, if an agent had it."""
        rows = self._db.rows(sa.select(runs).where(runs.c.case_id == case_id, runs.c.task == task), tx)
        return rows[0] if rows else None

    def list(
        self, *, agent: str | None = None, case_id: str | None = None, state: str | None = None, limit: int = 100,
        before: int | None = None,
    ) -> list[dict[str, Any]]:  # fmt: skip
        """Return runs, newest first."""
        query = sa.select(runs).order_by(runs.c.opened.desc(), runs.c.id).limit(limit)
        for column, value in ((runs.c.agent, agent), (runs.c.case_id, case_id), (runs.c.state, state)):
            if value:
                query = query.where(column == value)
        if before is not None:
            query = query.where(runs.c.opened < before)
        return self._db.rows(query)

    def cancel(self, tx: Connection, run_id: str, why: str) -> None:
        """End a run nobody waits for any more. Raises Conflict if it has ended."""
        if not self.close(tx, run_id, "stopped", why=why):
            raise Conflict("this run has ended already", code="agent.run")


def diff(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what a proposal changes, field by field.

    >>> diff({"quantity": 4, "part": "A"}, {"quantity": 6, "part": "A"})
    [{'field': 'quantity', 'before': 4, 'after': 6}]
    """
    names = [*before, *(name for name in after if name not in before)]
    return [
        {"field": name, "before": before.get(name), "after": after.get(name)}
        for name in names
        if before.get(name) != after.get(name)
    ]
