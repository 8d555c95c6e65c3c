"""Open cases go with the machine they are about when it gets another name or place, so that its next event joins them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from lineshaft.act.agency.tables import runs
from lineshaft.act.moving import filled
from lineshaft.act.process import Process
from lineshaft.act.tables import cases, tower
from lineshaft.assets import Assets, Moved
from lineshaft.core import Database

WHO = "act"
ONE = "one_open_case_per"


def follow(db: Database, assets: Assets) -> None:
    """Let cases, the tower's lines and the agents' runs go with assets whose path is another since last time."""
    with db.begin() as tx:
        moved = assets.followed(tx, WHO)
        if moved:
            moved.carry(tx, tower.c.asset)
            moved.carry(tx, runs.c.asset)
            _cases(tx, assets, moved)


def _cases(tx: Connection, assets: Assets, moved: Moved) -> None:
    """Write cases under the names of now; first keys nobody else has, as two machines may have changed places."""
    keys: dict[str, str] = {}
    for row in tx.execute(sa.select(cases)).mappings().all():
        event = assets.retold(moved, row["event"])
        if event.get("asset") != row["event"].get("asset"):
            event["asset_name"] = str(event["asset"]).rpartition("/")[2]
        new = {"asset": moved.of(row["asset"]), "event": event, "gives": assets.retold(moved, row["gives"])}
        if all(row[name] == value for name, value in new.items()):
            continue
        if row["open_key"] is not None and row["open_key"] == _key(row, row["event"]):
            keys[row["id"]] = _key(row, event)
            new["open_key"] = row["id"]
        tx.execute(cases.update().where(cases.c.id == row["id"]).values(**new, version=cases.c.version + 1))
    for of, key in keys.items():
        tx.execute(cases.update().where(cases.c.id == of).values(open_key=key))


def _key(row: RowMapping, event: Mapping[str, Any]) -> str:
    template = row["definition"].get(ONE, Process.model_fields[ONE].default)
    return f"{row['process']}:{filled(template, event)}"
