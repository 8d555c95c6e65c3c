"""Reading work orders: one with all that belongs to it, and lists by state, asset, person or lateness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import Database, NotFound, now_ns
from lineshaft.maintain.avoided import avoided_of
from lineshaft.maintain.checklist import read_steps
from lineshaft.maintain.codebook import CodeBook
from lineshaft.maintain.effort import read_effort
from lineshaft.maintain.finding import findings_of, order_of, similar
from lineshaft.maintain.permit import read_permits, standing, why_locked
from lineshaft.maintain.place import Places
from lineshaft.maintain.steps import FINAL, State, possible, refuse_unknown
from lineshaft.maintain.tables import history, orders, reservations, spares

LINE = ("at", "by", "what", "state", "note")


class OrderBook:
    """What there is to read about orders."""

    def __init__(self, db: Database, places: Places) -> None:
        self._db = db
        self._places = places
        self.codes = CodeBook(db)

    def get(self, order_id: str, tx: Connection | None = None) -> dict[str, Any]:
        """Return one order by id or number, with everything that belongs to it."""
        with self._db.read(tx) as own:
            row = self._row(own, order_id)
            full = self._shown(own, [row])[0]
            query = sa.select(history).where(history.c.order_id == row["id"]).order_by(history.c.position)
            full["history"] = [{name: line[name] for name in LINE} for line in own.execute(query).mappings()]
            full.update(read_effort(own, row["id"]))
            full["permits"] = read_permits(own, row["id"])
            full["findings"] = findings_of(own, row["id"])
            full["possible"] = possible(row["state"])
            full["locked_out"] = why_locked(self._db, row["asset"], own)
            full["avoided"] = avoided_of(full, self._places)
        return full

    def similar(self, order_id: str, limit: int = 5) -> list[dict[str, Any]]:
        """Return finished orders that looked alike, with why, what was done, and which parts it took."""
        with self._db.read() as tx:
            row = self._row(tx, order_id)
            return similar(tx, row, self._places.alike(row["asset"]), limit)

    def list(
        self,
        *,
        state: str | None = None,
        asset: str | None = None,
        assigned_to: str | None = None,
        kind: str | None = None,
        late: bool = False,
        limit: int = 100,
        before: int | None = None,
    ) -> list[dict[str, Any]]:
        """Return orders, newest first; `state` may be `open`, `before` pages by creation time."""
        query = sa.select(orders).order_by(orders.c.created.desc(), orders.c.number.desc()).limit(limit)
        if state == "open" or late:
            query = query.where(orders.c.state.not_in(list(FINAL)))
        if state and state != "open":
            query = query.where(orders.c.state == refuse_unknown("state", state, tuple(State)))
        if late:
            query = query.where(orders.c.due < now_ns(), orders.c.done.is_(None))
        for column, value in ((orders.c.asset, asset), (orders.c.assigned_to, assigned_to), (orders.c.kind, kind)):
            if value:
                query = query.where(column == value)
        if before is not None:
            query = query.where(orders.c.created < before)
        with self._db.read() as tx:
            return self._shown(tx, [dict(row) for row in tx.execute(query).mappings()])

    def of_source(self, kind: str, source: str, tx: Connection | None = None) -> str | None:
        """Return the order that was made for an alarm, a finding or another system's order, if there is one."""
        with self._db.read(tx) as own:
            return order_of(own, f"{kind}:{source}")

    def locked_out(self, asset: str, tx: Connection | None = None) -> str:
        """Say which lock-out stands on an asset or on what it is part of; empty where none does. Writers ask this."""
        return why_locked(self._db, asset, tx)

    def lockouts(self) -> list[dict[str, Any]]:
        """Return every lock-out that stands."""
        return standing(self._db)

    def _row(self, tx: Connection, order_id: str) -> dict[str, Any]:
        query = sa.select(orders).where(sa.or_(orders.c.id == order_id, orders.c.number == order_id))
        row = tx.execute(query).mappings().first()
        if row is None:
            raise NotFound(f"there is no work order {order_id}", code="work-orders.unknown")
        return dict(row)

    def _shown(self, tx: Connection, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        ids = [str(row["id"]) for row in rows]
        steps, reserved = read_steps(tx, ids), self._reserved(tx, ids)
        shown: list[dict[str, Any]] = []
        for row in rows:
            _, _, source = (row["source_id"] or "").partition(":")
            one = {key: value for key, value in row.items() if key not in {"source_id", "source_type"}}
            one["source"] = {"type": row["source_type"], "id": source} if source else None
            one["skills"] = row["skills"] or {}
            shown.append({**one, "reserved": reserved[row["id"]], "checklist": steps[row["id"]]})
        return shown

    def _reserved(self, tx: Connection, order_ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = {order_id: [] for order_id in order_ids}
        query = (
            sa.select(reservations, spares.c.part, spares.c.name, spares.c.bin)
            .join(spares, spares.c.id == reservations.c.spare_id)
            .where(reservations.c.order_id.in_(list(order_ids)), reservations.c.quantity + reservations.c.issued > 0)
            .order_by(spares.c.part)
        )
        for row in tx.execute(query).mappings():
            names = ("part", "name", "bin", "quantity", "issued")
            found[row["order_id"]].append({name: row[name] for name in names})
        return found
