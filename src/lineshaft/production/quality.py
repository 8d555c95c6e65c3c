"""Quality results: from a station, from a feed, or entered by hand; late ones are as welcome as early ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.assets import Assets
from lineshaft.core import Database, bump, new_id, now_ns, parse_time
from lineshaft.production.lot import Lots
from lineshaft.production.order import Orders
from lineshaft.production.scrap import Scraps
from lineshaft.production.tables import lots, orders, quality
from lineshaft.production.written import QualityEntry


class QualityResults:
    """The book of quality results."""

    def __init__(
        self, db: Database, assets: Assets, known_orders: Orders, known_lots: Lots, changed: Callable[[Connection], None]
    ) -> None:
        self._db, self._assets, self._orders, self._lots, self._changed = db, assets, known_orders, known_lots, changed
        self.scrap = Scraps(db, assets)

    def list(self, start: int | None = None, end: int | None = None, limit: int = 1000) -> list[dict[str, Any]]:
        """Return the results of (start, end], newest first, with lot, order and machine by name."""
        query = (
            sa.select(quality, lots.c.lot, orders.c.number)
            .outerjoin(lots, lots.c.id == quality.c.lot_id)
            .outerjoin(orders, orders.c.id == quality.c.order_id)
            .order_by(quality.c.at.desc(), quality.c.id)
            .limit(limit)
        )
        query = query if start is None else query.where(quality.c.at > start)
        query = query if end is None else query.where(quality.c.at <= end)
        rows = self._db.rows(query)
        return [
            {**row, "order": row["number"], "machine": self._assets.asset(row["asset_id"]).path if row["asset_id"] else None}
            for row in rows
        ]

    def add(self, tx: Connection, entry: QualityEntry, by: str = "") -> str:
        """Enter a result; return its id. The same result entered again (a repeated feed) is one.

        Entered again with another verdict or value it is corrected: the row keeps its id and gets a new version.
        """
        values = {
            "lot_id": None if entry.lot is None else self._lots.id_of(tx, entry.lot),
            "order_id": None if entry.order is None else self._orders.id_of(tx, entry.order),
            "asset_id": None if entry.machine is None else self._assets.asset(entry.machine).id,
            "check": entry.check,
            "at": now_ns() if entry.at is None else parse_time(entry.at),
        }
        mine = sa.select(quality).where(*(quality.c[key] == value for key, value in values.items()))
        same = tx.execute(mine).mappings().first()
        if same is not None:
            new = self.scrap.add(tx, str(same["id"]), entry, by) is not None
            if same["passed"] != entry.verdict or (entry.value is not None and same["value"] != entry.value):
                bump(tx, quality, str(same["id"]), None, passed=entry.verdict, value=entry.value, by=by)
                new = True
            if new:
                self._changed(tx)
            return str(same["id"])
        result_id = new_id()
        more = {"value": entry.value, "unit": entry.unit, "low": entry.low, "high": entry.high, "note": entry.note}
        tx.execute(quality.insert().values(id=result_id, version=1, passed=entry.verdict, by=by, **values, **more))
        self.scrap.add(tx, result_id, entry, by)
        self._changed(tx)
        return result_id
