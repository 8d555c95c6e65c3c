"""What detection keeps by path goes with the machine: models, their versions, labels, fleets, own models, what findings name.

Rewritten in one transaction, once, whatever gave an asset or property its other path. Nothing is trained again: a version
knows what the names it was trained with are now (`renamed`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.assets import Assets, Moved, within
from lineshaft.core import bump
from lineshaft.detect.fleet import tables as life
from lineshaft.detect.machines.opening import called, renamed_settings
from lineshaft.detect.model_tables import labels, models, versions
from lineshaft.detect.position_tables import resolutions
from lineshaft.detect.registry import tables as own
from lineshaft.detect.tables import alarms, findings

WHO = "detect"


def follow(tx: Connection, assets: Assets) -> Moved:
    """Let everything go with assets and properties whose path is another since last time."""
    moved = assets.followed(tx, WHO)
    if moved:
        moved.carry(tx, labels.c.asset)
        moved.carry(tx, resolutions.c.asset, resolutions.c.position)
        moved.carry(tx, own.models.c.asset)
        moved.carry(tx, alarms.c.property)
        _models(tx, moved)
        _scorers(tx, moved)
        _fleets(tx, moved)
        assets.retell(tx, moved, findings.c.sensors, findings.c.evidence)
    return moved


def _models(tx: Connection, moved: Moved) -> None:
    """Give models the names of now, and their versions what the names they were trained with are now."""
    for row in tx.execute(sa.select(models)).mappings().all():
        names = {path: moved.of(path) for path in row["properties"]}
        new = {
            "asset": moved.of(row["asset"]),
            "properties": list(names.values()),
            "settings": renamed_settings(row["settings"], names),
        }
        if any(row[key] != value for key, value in new.items()):
            bump(tx, models, row["id"], None, **new)
            _versions(tx, row["id"], names)


def _versions(tx: Connection, model_id: str, names: Mapping[str, str]) -> None:
    columns, of = (versions.c.id, versions.c.about, versions.c.backtest, versions.c.memory), called(names)
    for row in tx.execute(sa.select(*columns).where(versions.c.model_id == model_id)).mappings().all():
        memory = json.dumps(within(json.loads(row["memory"]), of)) if row["memory"] else ""
        about = _about(row["about"], names)
        values = {"about": about, "backtest": within(row["backtest"], of), "memory": memory}
        tx.execute(versions.update().where(versions.c.id == row["id"]).values(**values))


def _about(about: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return what is told of a version under the names of now, with what those it was trained with are called."""
    return {**within(about, called(names)), "renamed": composed(about.get("renamed", {}), names)}


def composed(before: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    """Return what names of the training are now, after those of `before` have changed once more."""
    fresh = {old: new for old, new in names.items() if old not in before.values() and old not in before}
    both = {first: names.get(then, then) for first, then in before.items()} | fresh
    return {first: now for first, now in both.items() if first != now}


def _scorers(tx: Connection, moved: Moved) -> None:
    """Give scorers the paths of now; first a name nobody else has, as two may have changed places."""
    table = own.scorers
    rows = tx.execute(sa.select(table.c.id, table.c.property, table.c.inputs)).mappings().all()
    for row in rows:
        inputs = {name: moved.of(path) for name, path in row["inputs"].items()}
        if inputs != row["inputs"]:
            tx.execute(table.update().where(table.c.id == row["id"]).values(inputs=inputs))
    _apart(tx, moved, table, table.c.property)


def _apart(tx: Connection, moved: Moved, table: sa.Table, column: sa.Column[Any]) -> None:
    """Carry a column of which no two rows may say the same."""
    rows = [(row[0], moved.of(row[1]), row[1]) for row in tx.execute(sa.select(table.c.id, column)).all()]
    changed = [(of, new) for of, new, old in rows if new != old]
    for of, _ in changed:
        tx.execute(table.update().where(table.c.id == of).values({column.name: of}))
    for of, new in changed:
        tx.execute(table.update().where(table.c.id == of).values({column.name: new}))


def _fleets(tx: Connection, moved: Moved) -> None:
    """Give fleets the paths of now, and the names of properties where every asset of the fleet calls it the same."""
    for row in tx.execute(sa.select(life.fleets)).mappings().all():
        paths = [moved.of(path) for path in row["assets"]]
        names = {name: _name(moved, row["assets"], name) for name in row["properties"]}
        index = row["index"]
        new = {
            "assets": paths,
            "properties": list(names.values()),
            "lives": [{**one, "asset": moved.of(str(one["asset"]))} for one in row["lives"]],
            "index": None if index is None else {**index, "property": names.get(index["property"], index["property"])},
        }
        if all(row[key] == value for key, value in new.items()):
            continue
        bump(tx, life.fleets, row["id"], None, **new)
        if any(old != name for old, name in names.items()):
            _learned(tx, row["id"], names)
    _apart(tx, moved, life.forecasts, life.forecasts.c.asset)


def _learned(tx: Connection, fleet_id: str, names: Mapping[str, str]) -> None:
    table = life.versions
    for row in tx.execute(sa.select(table.c.id, table.c.about).where(table.c.fleet_id == fleet_id)).mappings().all():
        about = _about(row["about"], names)
        tx.execute(table.update().where(table.c.id == row["id"]).values(about=about))


def _name(moved: Moved, assets: list[str], name: str) -> str:
    """Return what the assets of a fleet call a property now; the old name where they do not agree."""
    said = {moved.of(f"{asset}/{name}").rpartition("/")[2] for asset in assets}
    return said.pop() if len(said) == 1 else name
