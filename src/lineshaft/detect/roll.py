"""The roll of alarms: definitions become rows, what people decided about them (rationalisation) laid over the model file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.assets import Asset, Assets
from lineshaft.core import Database, new_id, parse_duration
from lineshaft.detect.alarm import Register
from lineshaft.detect.definition import Watched
from lineshaft.detect.lifecycle import HIDDEN, AlarmState
from lineshaft.detect.rationalisation import decided
from lineshaft.detect.tables import alarms

LINES = ("line", "production line", "work center", "process cell", "production unit")
"""Labels of ISA-95 levels at which alarms follow from one another."""


JUDGED_BY = ("property", "operator", "limit", "condition")
"""Where one of these is another than before, the value that stands is judged anew."""
ANEW = {"active": False, "pending": None, "last": 0, "input": "unknown", "since": None, "tripped": 0}
"""What an alarm begins with, a new one or one whose definition is back: nothing was judged."""


class Entry(NamedTuple):
    """An alarm on the roll: its definition, its row, and whether it is judged by another rule than its row was."""

    watched: Watched
    row: Mapping[str, Any]
    changed: bool


def sync(db: Database, assets: Assets, tx: Connection, watched: Sequence[Watched], register: Register) -> list[Entry]:
    """Write new and changed definitions to the rows and retire those that are gone; return each with its row."""
    known = db.rows(sa.select(alarms).where(alarms.c.origin == "model"), tx)
    rows = {(row["asset_id"], row["name"]): row for row in known}
    said = decided(db, tx)
    levels = {asset.path: asset.level for asset in assets.tree()}
    found: list[Entry] = []
    fresh: list[dict[str, Any]] = []
    for one in watched:
        card = _card(one, area_of(one.asset, levels, one.definition.group))
        row = rows.pop(one.key(), None)
        if row is None:
            row = {"id": new_id(), "version": 1, **ANEW, **card, "state": AlarmState.NORMAL, "suppressing": 0}
            fresh.append(row)
            found.append(Entry(one, row, changed=False))
            continue
        changed = any(row[name] != card[name] for name in JUDGED_BY)
        card |= said.get(row["id"], {})
        if row["retired"]:
            card |= ANEW | ({} if row["state"] in HIDDEN else {"state": AlarmState.NORMAL})
        if any(row[name] != value for name, value in card.items()):
            tx.execute(alarms.update().where(alarms.c.id == row["id"]).values(version=alarms.c.version + 1, **card))
        found.append(Entry(one, {**row, **card}, changed=changed))
    if fresh:
        tx.execute(alarms.insert(), fresh)
    _retire(tx, [row for row in rows.values() if not row["retired"]], register)
    return found


def _retire(tx: Connection, gone: Sequence[Mapping[str, Any]], register: Register) -> None:
    quiet = [row["id"] for row in gone if row["state"] == AlarmState.NORMAL and not row["active"]]
    for begin in range(0, len(quiet), 500):
        here = alarms.c.id.in_(quiet[begin : begin + 500])
        tx.execute(alarms.update().where(here).values(retired=True, version=alarms.c.version + 1))
    for row in gone:
        if row["state"] != AlarmState.NORMAL or row["active"]:
            register.retire(tx, row)


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
