"""Lots and batches of material: what they were made from, and what was made from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import Conflict, Database, InvalidInput, NotFound, bump, did_you_mean, new_id, parse_time
from lineshaft.production.order import Orders
from lineshaft.production.product import Products
from lineshaft.production.tables import lot_parents, lots
from lineshaft.production.written import LotEntry

STATES = ("free", "hold", "scrap")


class Lots:
    """The book of lots with their genealogy."""

    def __init__(self, db: Database, known: Products, orders: Orders, changed: Callable[[Connection], None]) -> None:
        self._db, self._products, self._orders, self._changed = db, known, orders, changed

    def list(self, tx: Connection | None = None) -> list[dict[str, Any]]:
        """Return every lot with the numbers of the lots it was made from."""
        rows = self._db.rows(sa.select(lots).order_by(lots.c.lot), tx)
        names = {row["id"]: row["lot"] for row in rows}
        parents: dict[str, list[str]] = {}
        for link in self._db.rows(sa.select(lot_parents), tx):
            parents.setdefault(link["lot_id"], []).append(names[link["parent_id"]])
        return [{**row, "parents": sorted(parents.get(row["id"], []))} for row in rows]

    def get(self, lot_or_id: str) -> dict[str, Any]:
        """Return a lot by number or id. Raises NotFound."""
        found = self.list()
        for row in found:
            if lot_or_id in (row["id"], row["lot"]):
                return row
        raise _no_lot(lot_or_id, [row["lot"] for row in found])

    def id_of(self, tx: Connection, lot: str) -> str:
        """Return the id of a lot by its number. Raises NotFound with the nearest one."""
        known = {row.lot: row.id for row in tx.execute(sa.select(lots.c.lot, lots.c.id))}
        if lot not in known:
            raise _no_lot(lot, list(known))
        return str(known[lot])

    def add(self, tx: Connection, entry: LotEntry) -> bool:
        """Make a lot known, or what is written about it new; False if nothing is new. Raises Conflict for a ring."""
        parents = {self.id_of(tx, parent) for parent in entry.parents}
        values = {
            "material": entry.material,
            "product_id": None if entry.product is None else self._products.id_of(tx, entry.product),
            "quantity": entry.quantity,
            "unit": entry.unit,
            "made_at": None if entry.made is None else parse_time(entry.made),
            "order_id": None if entry.order is None else self._orders.id_of(tx, entry.order),
        }
        row = tx.execute(sa.select(lots).where(lots.c.lot == entry.lot)).mappings().first()
        lot_id = new_id() if row is None else str(row["id"])
        if parents & self._kin(tx, lot_id, down=True):
            raise Conflict(f"the lot '{entry.lot}' would be made from itself", code="production.lot-ring")
        links = lot_parents.c
        if row is not None:  # what several systems know of a lot adds up: what one does not say stays as it is
            said = entry.model_fields_set
            columns = {"product_id": "product", "made_at": "made", "order_id": "order"}
            values = {name: value for name, value in values.items() if columns.get(name, name) in said}
        have = {link.parent_id for link in tx.execute(sa.select(links.parent_id).where(links.lot_id == lot_id))}
        if row is not None and "parents" not in entry.model_fields_set:
            parents = have
        if row is not None and have == parents and {key: row[key] for key in values} == values:
            return False
        if row is None:
            tx.execute(lots.insert().values(id=lot_id, version=1, lot=entry.lot, state="free", **values))
        else:
            bump(tx, lots, lot_id, None, **values)
        tx.execute(lot_parents.delete().where(links.lot_id == lot_id))
        for parent in sorted(parents):
            tx.execute(lot_parents.insert().values(lot_id=lot_id, parent_id=parent))
        self._changed(tx)
        return True

    def set_state(self, tx: Connection, lot: str, state: str, version: int | None = None) -> int:
        """Put a lot on hold, free it, or scrap it; return its new version."""
        if state not in STATES:
            raise InvalidInput(f"'{state}' is not a state of a lot", hint=f"one of {', '.join(STATES)}")
        self._changed(tx)
        return bump(tx, lots, self.id_of(tx, lot), version, state=state)

    def genealogy(self, lot: str) -> dict[str, list[str]]:
        """Return all lots that went into a lot, and all that were made with it."""
        with self._db.read() as tx:
            lot_id = self.id_of(tx, lot)
            names = {row.id: row.lot for row in tx.execute(sa.select(lots.c.id, lots.c.lot))}
            made_from, went_into = self._kin(tx, lot_id, down=False), self._kin(tx, lot_id, down=True)
        return {
            "made_from": sorted(names[one] for one in made_from - {lot_id}),
            "went_into": sorted(names[one] for one in went_into - {lot_id}),
        }

    def _kin(self, tx: Connection, lot_id: str, *, down: bool) -> set[str]:
        """Return a lot with all its descendants (`down`) or ancestors."""
        here, there = (lot_parents.c.parent_id, lot_parents.c.lot_id) if down else (lot_parents.c.lot_id, lot_parents.c.parent_id)
        found, edge = {lot_id}, {lot_id}
        while edge:
            edge = {str(row[0]) for row in tx.execute(sa.select(there).where(here.in_(sorted(edge))))} - found
            found |= edge
        return found


def _no_lot(lot: str, known: list[str]) -> NotFound:
    return NotFound(f"there is no lot '{lot}'", hint=did_you_mean(lot, known), code="production.no-lot")
