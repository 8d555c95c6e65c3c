"""Late scrap: good parts that turned out to be scrap afterwards. Every entry stays; a smaller number takes parts back."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.assets import Assets
from lineshaft.core import Database, InvalidInput, new_id, now_ns, parse_time
from lineshaft.production.tables import lots, runs, scrap
from lineshaft.production.written import QualityEntry


@dataclass(frozen=True, slots=True)
class Scrap:
    """So many parts made at a machine over (start, end] were counted good and are scrap; known since `recorded`."""

    id: str
    machine: str
    start: int
    end: int
    quantity: float
    reason: str
    recorded: int
    by: str = ""


class Scraps:
    """The book of late scrap: only ever added to, so that what was known at any earlier time can be told."""

    def __init__(self, db: Database, assets: Assets) -> None:
        self._db, self._assets = db, assets

    def between(self, machine: str, start: int, end: int) -> list[Scrap]:
        """Return the scrap of a machine whose parts were made, wholly or partly, in (start, end], as it was recorded."""
        asset = self._assets.asset(machine)
        mine = (scrap.c.asset_id == asset.id) & (scrap.c.start < end) & (scrap.c.end > start)
        rows = self._db.rows(sa.select(scrap).where(mine).order_by(scrap.c.recorded, scrap.c.id))
        names = ("id", "start", "end", "quantity", "reason", "recorded", "by")
        return [Scrap(machine=asset.path, **{name: row[name] for name in names}) for row in rows]

    def add(self, tx: Connection, quality_id: str, entry: QualityEntry, by: str = "") -> str | None:
        """Enter what a quality result says of scrap; return the id of what is new, None if it was known already.

        A result entered again with another number is corrected by the difference.
        """
        bad = entry.scrap if entry.scrap is not None else self._one_part(entry)
        if bad is None:
            return None
        known = tx.execute(sa.select(sa.func.sum(scrap.c.quantity)).where(scrap.c.quality_id == quality_id)).scalar() or 0.0
        if bad == known:
            return None
        start, end = self._stretch(tx, entry)
        scrap_id = new_id()
        values = {"asset_id": self._assets.asset(entry.machine or "").id, "start": start, "end": end, "by": by}
        more = {"quantity": bad - known, "reason": entry.reason or entry.check, "recorded": now_ns()}
        tx.execute(scrap.insert().values(id=scrap_id, version=1, quality_id=quality_id, **values, **more))
        return scrap_id

    def _one_part(self, entry: QualityEntry) -> float | None:
        """Return how many parts a check without a number takes: one if failed, where each check of the machine is a part."""
        asset = None if entry.machine is None else self._assets.asset(entry.machine)
        body = self._assets.model(asset.model).body.oee if asset is not None and asset.model else None
        if not body or body.get("checks") != "parts" or entry.at is None:
            return None
        return 0.0 if entry.verdict else 1.0

    def _stretch(self, tx: Connection, entry: QualityEntry) -> tuple[int, int]:
        """Return when the parts were made: as said, at a part's own check, else while the lot's order ran or it was made."""
        if entry.start is not None and entry.end is not None:
            return parse_time(entry.start), parse_time(entry.end)
        if entry.scrap is None and entry.at is not None:
            return parse_time(entry.at) - 1, parse_time(entry.at)
        if entry.lot is not None:
            lot = tx.execute(sa.select(lots).where(lots.c.lot == entry.lot)).mappings().one()
            ran = sa.select(sa.func.min(runs.c.start_ns), sa.func.max(sa.func.coalesce(runs.c.end_ns, now_ns())))
            first, last = tx.execute(ran.where(runs.c.order_id == lot["order_id"])).one()
            if first is not None:
                return int(first), int(last)
            if lot["made_at"] is not None:
                return int(lot["made_at"]) - 1, int(lot["made_at"])
        hint = "give start and end, or a lot whose order ran or whose making has a time"
        raise InvalidInput("it is not known when these parts were made", where="start", hint=hint, code="scrap.when")
