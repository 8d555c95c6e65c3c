"""The journal of calls: every question to a model and every use of a tool, written before it begins and once it has ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.act.agency.budget import Amount
from lineshaft.act.agency.tables import calls, runs
from lineshaft.core import Database, new_id, now_ns

LONGEST = 20_000
"""Characters of an argument or answer that are kept word by word where nothing is replayed from them."""


class Journal:
    """What agents asked and did."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def begin(
        self, tx: Connection, agent: str, kind: str, name: str, arguments: Mapping[str, Any], run_id: str | None, key: str | None
    ) -> str:
        """Note that a call begins (again, where a crash cut it off); return its id."""
        there = self.kept(tx, run_id, key)
        if there is not None:
            tx.execute(calls.update().where(calls.c.id == there["id"]).values(state="started", at=now_ns(), why=""))
            return str(there["id"])
        row = {"id": new_id(), "agent": agent, "run_id": run_id, "key": key, "kind": kind, "name": name[:100]}
        row |= {"arguments": _short(dict(arguments)), "state": "started", "at": now_ns(), "why": ""}
        tx.execute(calls.insert().values(**row))
        return str(row["id"])

    def kept(self, tx: Connection, run_id: str | None, key: str | None) -> dict[str, Any] | None:
        """Return the call of a run under a key, if there was one."""
        if run_id is None or key is None:
            return None
        row = tx.execute(sa.select(calls).where(calls.c.run_id == run_id, calls.c.key == key)).mappings().first()
        return None if row is None else dict(row)

    def end(
        self, tx: Connection, call_id: str, state: str, answer: Any = None, why: str = "", used: Amount | None = None,
        tokens: tuple[int, int] = (0, 0),
    ) -> None:  # fmt: skip
        """Note how a call ended."""
        at = tx.execute(sa.select(calls.c.at).where(calls.c.id == call_id)).scalar() or now_ns()
        values = {"state": state, "answer": answer, "why": why[:300], "took_ns": now_ns() - int(at)}
        values |= {"tokens_in": tokens[0], "tokens_out": tokens[1], "money": used.money if used else 0.0}
        tx.execute(calls.update().where(calls.c.id == call_id).values(**values))

    def refused(self, tx: Connection, agent: str, name: str, arguments: Mapping[str, Any], run_id: str | None, why: str) -> None:
        """Note a call that was not let through."""
        row = {"id": new_id(), "agent": agent, "run_id": run_id, "key": None, "kind": "tool", "name": name[:100]}
        row |= {"arguments": _short(dict(arguments)), "state": "refused", "at": now_ns(), "why": why[:300]}
        tx.execute(calls.insert().values(**row))

    def list(
        self, *, agent: str | None = None, run_id: str | None = None, case_id: str | None = None, limit: int = 100,
        before: int | None = None,
    ) -> list[dict[str, Any]]:  # fmt: skip
        """Return calls, newest first, with the case and place of their run."""
        query = sa.select(calls, runs.c.case_id, runs.c.task, runs.c.asset).outerjoin(runs, runs.c.id == calls.c.run_id)
        if agent:
            query = query.where(calls.c.agent == agent)
        if run_id:
            query = query.where(calls.c.run_id == run_id)
        if case_id:
            query = query.where(runs.c.case_id == case_id)
        if before is not None:
            query = query.where(calls.c.at < before)
        return self._db.rows(query.order_by(calls.c.at.desc(), calls.c.id).limit(limit))


def _short(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments as they are kept: nothing of great length."""
    return {str(key): (text[:LONGEST] if isinstance(text, str) else text) for key, text in value.items()}
