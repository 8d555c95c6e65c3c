"""Many steps of many alarms in one transaction: rows are read at once, and what became of them is written at once."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.detect.tables import alarms, log

MOST = 500
"""So many alarms are written in one transaction: whoever else writes does not wait for a whole flood."""
_COLUMNS = [column.name for column in alarms.columns if column.name != "id"]


class Gathered:
    """The rows of some alarms, held, and the lines of their log that are still to be written."""

    def __init__(self, tx: Connection, ids: Collection[str]) -> None:
        query = sa.select(alarms).where(alarms.c.id.in_(list(ids))).order_by(alarms.c.id).with_for_update()
        self.rows: dict[str, dict[str, Any]] = {row["id"]: dict(row) for row in tx.execute(query).mappings()}
        self._changed: set[str] = set()
        self._lines: list[dict[str, Any]] = []

    def put(self, row: dict[str, Any], line: dict[str, Any] | None = None) -> None:
        """Take over what became of a row, with its line of the log."""
        self.rows[row["id"]] = row
        self._changed.add(row["id"])
        if line is not None:
            self._lines.append(line)

    def write(self, tx: Connection) -> None:
        """Write what was gathered."""
        if self._changed:
            named = {name: sa.bindparam(f"new_{name}") for name in _COLUMNS}
            query = alarms.update().where(alarms.c.id == sa.bindparam("of")).values(**named)
            rows = [self.rows[one] for one in sorted(self._changed)]
            tx.execute(query, [{"of": row["id"], **{f"new_{name}": row[name] for name in _COLUMNS}} for row in rows])
        if self._lines:
            tx.execute(log.insert(), self._lines)
