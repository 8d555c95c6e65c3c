"""The control tower: one list of what was done in which case, by whom or what, in which mode, with what outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.act.tables import tower
from lineshaft.core import Bus, Database, after_commit, new_id, now_ns


@dataclass(frozen=True, slots=True)
class TowerAdded:
    """A line was added to the control tower."""

    line: Mapping[str, Any]


class Tower:
    """The list, written in the transaction of what it tells."""

    def __init__(self, db: Database, bus: Bus) -> None:
        self._db = db
        self._bus = bus

    def add(
        self,
        tx: Connection,
        case: Mapping[str, Any],
        what: str,
        *,
        actor: str,
        actor_kind: str,
        mode: str = "",
        task: str = "",
        outcome: str = "",
    ) -> None:
        """Add a line."""
        line = {
            "id": new_id(),
            "at": now_ns(),
            "actor": actor,
            "actor_kind": actor_kind,
            "mode": mode,
            "what": what[:300],
            "case_id": case["id"],
            "task": task,
            "asset": case["asset"],
            "outcome": outcome[:300],
        }
        tx.execute(tower.insert().values(**line))
        after_commit(tx, lambda: self._bus.tell(TowerAdded(line)))

    def lines(self, limit: int = 100, before: int | None = None, case_id: str | None = None) -> list[dict[str, Any]]:
        """Return lines, newest first."""
        query = sa.select(tower).order_by(tower.c.at.desc(), tower.c.id).limit(limit)
        if before is not None:
            query = query.where(tower.c.at < before)
        if case_id is not None:
            query = query.where(tower.c.case_id == case_id)
        return self._db.rows(query)
