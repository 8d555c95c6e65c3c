"""Products: what is made, and how fast each machine could make it at best - in versions, so that past figures keep theirs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.assets import ALWAYS, Assets
from lineshaft.core import Conflict, Database, NotFound, bump, did_you_mean, new_id, now_ns, parse_time
from lineshaft.production.tables import cycles, products
from lineshaft.production.written import ProductEntry


class Products:
    """The book of products."""

    def __init__(self, db: Database, assets: Assets, changed: Callable[[Connection], None]) -> None:
        self._db, self._assets, self._changed = db, assets, changed

    def list(self) -> list[dict[str, Any]]:
        """Return every product with the ideal cycles of now, by machine path."""
        found = self._db.rows(sa.select(products).order_by(products.c.product))
        valid = sa.select(cycles).where(cycles.c.valid_from <= now_ns()).order_by(cycles.c.valid_from)
        own: dict[str, dict[str, float]] = {row["id"]: {} for row in found}
        for row in self._db.rows(valid):
            own[row["product_id"]][self._assets.asset(row["asset_id"]).path] = row["seconds"]
        return [{**row, "ideal_cycles": own[row["id"]]} for row in found]

    def id_of(self, tx: Connection, product: str) -> str:
        """Return the id of a product by its code. Raises NotFound with the nearest one."""
        known = {row.product: row.id for row in tx.execute(sa.select(products.c.product, products.c.id))}
        if product not in known:
            raise NotFound(f"there is no product '{product}'", hint=did_you_mean(product, known), code="production.no-product")
        return str(known[product])

    def add(self, tx: Connection, entry: ProductEntry, at: int | None = None) -> bool:
        """Make a product known, or its name and ideal cycles new from now on; False if nothing is new."""
        machines = [self._assets.asset(cycle.machine).id for cycle in entry.ideal_cycles]
        row = tx.execute(sa.select(products).where(products.c.product == entry.product)).mappings().first()
        values = {"name": entry.name, "unit": entry.unit}
        if row is not None:
            values = {name: value for name, value in values.items() if name in entry.model_fields_set}
        new = row is None or {key: row[key] for key in values} != values
        if row is None:
            product_id = new_id()
            tx.execute(products.insert().values(id=product_id, version=1, product=entry.product, **values))
        else:
            product_id = str(row["id"])
            if new:
                bump(tx, products, product_id, None, **values)
        dated = {machine for cycle, machine in zip(entry.ideal_cycles, machines, strict=True) if cycle.valid_from is not None}
        for cycle, machine in zip(entry.ideal_cycles, machines, strict=True):
            first = ALWAYS if machine in dated else None
            since = first if cycle.valid_from is None else parse_time(cycle.valid_from)
            new |= self._cycle(tx, product_id, machine, cycle.seconds, since, at)
        if new:
            self._changed(tx)
        return new

    def _cycle(self, tx: Connection, product_id: str, asset_id: str, seconds: float, since: int | None, at: int | None) -> bool:
        """Give a product its ideal cycle at a machine, from `since`, else from the beginning (the first) or from now."""
        own = (cycles.c.product_id == product_id) & (cycles.c.asset_id == asset_id)
        rows = tx.execute(sa.select(cycles).where(own).order_by(cycles.c.valid_from)).mappings().all()
        if since is None:
            if rows and rows[-1]["seconds"] == seconds:
                return False
            since = (now_ns() if at is None else at) if rows else ALWAYS
        same = next((row for row in rows if row["valid_from"] == since), None)
        if same is not None and same["seconds"] == seconds:
            return False
        if same is not None:
            raise Conflict(
                f"the ideal cycle is {same['seconds']:g} s from then on already, and figures were computed with it",
                hint="give the new one a later valid_from",
                code="production.cycle-known",
            )
        tx.execute(
            cycles.insert().values(
                id=new_id(), version=1, product_id=product_id, asset_id=asset_id, seconds=seconds, valid_from=since
            )
        )
        return True
