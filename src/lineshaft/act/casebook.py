"""Reading cases: the list with what each waits for, and one case with its tasks, notes and frozen definition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from lineshaft.act.tables import cases, notes, tasks
from lineshaft.core import Database, NotFound


class CaseBook:
    """What there is to read about cases."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def list(
        self, state: str | None = None, *, asset: str | None = None, limit: int = 100, before: int | None = None
    ) -> list[dict[str, Any]]:
        """Return cases, newest first."""
        query = sa.select(cases).order_by(cases.c.opened.desc(), cases.c.id).limit(limit)
        if state:
            query = query.where(cases.c.state == state)
        if asset:
            query = query.where(cases.c.asset == asset)
        if before is not None:
            query = query.where(cases.c.opened < before)
        rows = self._db.rows(query)
        here = sa.select(tasks.c.case_id, tasks.c.name).where(
            tasks.c.case_id.in_([row["id"] for row in rows]), tasks.c.state == "open"
        )
        waiting: dict[str, str] = {}
        for task in self._db.rows(here.order_by(tasks.c.position.desc())):
            waiting.setdefault(task["case_id"], task["name"])
        return [{**_brief(row), "current_task": waiting.get(row["id"])} for row in rows]

    def get(self, case_id: str) -> dict[str, Any]:
        """Return one case by id or number, with its tasks, notes and frozen definition."""
        query = sa.select(cases).where(sa.or_(cases.c.id == case_id, cases.c.number == case_id))
        with self._db.read() as tx:
            found = self._db.rows(query, tx)
            if not found:
                raise NotFound(f"there is no case {case_id}", code="cases.unknown")
            row = found[0]
            mine = self._db.rows(sa.select(tasks).where(tasks.c.case_id == row["id"]).order_by(tasks.c.position), tx)
            joined = self._db.rows(sa.select(notes).where(notes.c.case_id == row["id"]).order_by(notes.c.at), tx)
        current = [task["name"] for task in mine if task["state"] == "open"]
        return {
            **_brief(row),
            "current_task": current[-1] if current else None,
            "event": row["event"],
            "gives": row["gives"],
            "definition": row["definition"],
            "tasks": mine,
            "notes": joined,
        }

    def open_ones(self, condition: sa.ColumnElement[bool] | None = None) -> list[str]:
        """Return the ids of open cases, all or those of a condition."""
        query = sa.select(cases.c.id).where(cases.c.state == "open")
        rows = self._db.rows(query if condition is None else query.where(condition))
        return [row["id"] for row in rows]

    def waiting_for(self, does: str) -> list[str]:
        """Return the ids of open cases with an open task that does something."""
        query = sa.select(tasks.c.case_id).join(cases, cases.c.id == tasks.c.case_id)
        rows = self._db.rows(query.where(cases.c.state == "open", tasks.c.state == "open", tasks.c.does == does))
        return [row["case_id"] for row in rows]

    def knows(self, source_id: str) -> bool:
        """Say whether an alarm or finding opened a case or joined one."""
        queries = (
            sa.select(cases.c.id).where(cases.c.source_id == source_id),
            sa.select(notes.c.id).where(notes.c.source_id == source_id),
        )
        return any(self._db.rows(query) for query in queries)

    def unknown(self, source_ids: Sequence[str]) -> set[str]:
        """Return those alarms or findings of a list that neither opened a case nor joined one."""
        found: set[str] = set()
        for column in (cases.c.source_id, notes.c.source_id):
            found |= {row["source_id"] for row in self._db.rows(sa.select(column).where(column.in_(list(source_ids))))}
        return set(source_ids) - found

    def of_sources(self, source_ids: Sequence[str]) -> dict[str, str]:
        """Return the case each alarm or finding of a list opened or joined; those without one are left out."""
        joined = sa.select(notes.c.source_id, notes.c.case_id).where(notes.c.source_id.in_(list(source_ids)))
        opened = sa.select(cases.c.source_id, cases.c.id.label("case_id")).where(cases.c.source_id.in_(list(source_ids)))
        return {row["source_id"]: row["case_id"] for query in (joined, opened) for row in self._db.rows(query)}


def _brief(row: Mapping[str, Any]) -> dict[str, Any]:
    names = (
        "id", "number", "process", "process_version", "asset", "title", "state", "opened", "closed", "work_order_id",
        "alarm_id", "source_id", "outcome", "version",
    )  # fmt: skip
    return {name: row[name] for name in names}
