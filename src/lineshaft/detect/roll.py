"""The roll of alarms: definitions become rows, what people decided about them (rationalisation) laid over the model file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.assets import Asset, Assets
from lineshaft.core import Database, new_id, parse_duration
from lineshaft.detect.definition import Watched
from lineshaft.detect.rationalisation import decided
from lineshaft.detect.tables import alarms

LINES = ("line", "production line", "work center", "process cell", "production unit")
"""Labels of ISA-95 levels at which alarms follow from one another."""


def sync(db: Database, assets: Assets, tx: Connection, watched: Sequence[Watched]) -> list[tuple[Watched, Mapping[str, Any]]]:
    """Write new and changed definitions to the rows and retire those that are gone; return each with its row."""
    known = db.rows(sa.select(alarms).where(alarms.c.origin == "model"), tx)
    rows = {(row["asset_id"], row["name"]): row for row in known}
    said = decided(db, tx)
    levels = {asset.path: asset.level for asset in assets.tree()}
    found: list[tuple[Watched, Mapping[str, Any]]] = []
    for one in watched:
        card = _card(one, area_of(one.asset, levels, one.definition.group))
        row = rows.pop(one.key(), None)
        if row is None:
            row = {"id": new_id(), "version": 1, "active": False, "pending": None, "last": 0, "input": "unknown"}
            tx.execute(alarms.insert().values(**row, **card))
            row |= {"state": "normal", "suppressing": 0}
        else:
            card |= said.get(row["id"], {})
            if any(row[name] != value for name, value in card.items()):
                tx.execute(alarms.update().where(alarms.c.id == row["id"]).values(version=alarms.c.version + 1, **card))
        found.append((one, row))
    gone = [row["id"] for row in rows.values() if not row["retired"]]
    if gone:
        tx.execute(alarms.update().where(alarms.c.id.in_(gone)).values(retired=True, version=alarms.c.version + 1))
    return found


def area_of(asset: Asset, levels: Mapping[str, str], group: str = "") -> str:
    """Return what an alarm is grouped with for first-out: as the definition says, the line it is in, or what is above it."""
    parts = asset.path.split("/")
    if group:
        return f"{'/'.join(parts[:-1])}:{group}"
    above = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
    lines = [path for path in above if levels.get(path, "").lower().replace("_", " ") in LINES]
    return max(lines, key=len, default=above[min(1, max(0, len(parts) - 2))])


def _card(one: Watched, area: str) -> dict[str, Any]:
    """Return the columns of an alarm's row that come from its definition."""
    definition = one.definition
    return {
        "asset_id": one.asset.id,
        "asset": one.asset.path,
        "name": definition.name,
        "kind": definition.kind,
        "priority": definition.urgency(),
        "property": one.property.path,
        "unit": one.unit(),
        "operator": one.operator(),
        "limit": one.limit,
        "condition": one.condition(),
        "area": area,
        "impact": definition.impact or "",
        "respond_within": None if definition.respond_within is None else parse_duration(definition.respond_within),
        "latched": definition.latched,
        "failure_mode": definition.failure_mode,
        "process": definition.process,
        "cause": definition.cause,
        "consequence": definition.consequence,
        "action": definition.action,
        "retired": False,
    }
