"""Orders, lock-outs, plans and parts go with the machines they name when those get another name or place.

A lock-out must hold its machine under every name, and what an asset has lived through is what its orders tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.assets import Assets, Moved
from lineshaft.core import bump
from lineshaft.maintain.records import downtimes, joined, permits, plans, technicians
from lineshaft.maintain.tables import orders, spares

WHO = "maintain"


def follow(tx: Connection, assets: Assets) -> Moved:
    """Let everything go with assets and properties whose path is another since last time."""
    moved = assets.followed(tx, WHO)
    if moved:
        for column in (orders.c.asset, permits.c.asset, downtimes.c.asset, technicians.c.line):
            moved.carry(tx, column)
        assets.retell(tx, moved, orders.c.evidence)
        assets.retell(tx, moved, joined.c.sensors, joined.c.evidence)
        _plans(tx, moved)
        _parts(tx, moved)
    return moved


def _plans(tx: Connection, moved: Moved) -> None:
    """Give plans the asset of now, and the properties their meter and condition read."""
    for row in tx.execute(sa.select(plans)).mappings().all():
        said: dict[str, Any] = dict(row["definition"])
        trigger: dict[str, Any] = dict(said.get("trigger") or {})
        if trigger.get("meter"):
            trigger["meter"] = moved.of(str(trigger["meter"]))
        if trigger.get("inputs"):
            inputs: Mapping[str, str] = trigger["inputs"]
            trigger["inputs"] = {name: moved.of(path) for name, path in inputs.items()}
        said |= {"asset": moved.of(str(said.get("asset", row["asset"]))), "trigger": trigger}
        if said != row["definition"] or moved.of(row["asset"]) != row["asset"]:
            bump(tx, plans, row["id"], None, asset=moved.of(row["asset"]), definition=said)


def _parts(tx: Connection, moved: Moved) -> None:
    for row in tx.execute(sa.select(spares.c.id, spares.c.used_by)).mappings().all():
        used = [{**one, "asset": moved.of(str(one["asset"]))} for one in row["used_by"]]
        if used != row["used_by"]:
            bump(tx, spares, row["id"], None, used_by=used)
