"""Which paths are others since last time: for rooms that keep paths in their own books and must go with what they name.

A position's path changes when it, or one above it, gets another name or place; a property's also when its model calls it
otherwise (`was:`). Each room has its own memory of the paths it knew, kept with its own writing in one transaction: whatever
changed the plant, and whenever, the room finds it out once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.assets import tables as t
from lineshaft.assets.snapshot import Snapshot
from lineshaft.assets.tree import join

ASSET, MODEL = "asset", "model"


@dataclass(frozen=True, slots=True)
class Moved:
    """Paths as they were and as they are, all at once: two positions may have changed places."""

    assets: Mapping[str, str]
    properties: Mapping[str, str]

    def __bool__(self) -> bool:
        """Say whether any path is another one."""
        return bool(self.assets or self.properties)

    def of(self, path: str) -> str:
        """Return what a path of a position or of a property is now."""
        if path in self.properties:
            return self.properties[path]
        if path in self.assets:
            return self.assets[path]
        above, _, name = path.rpartition("/")
        return f"{self.assets[above]}/{name}" if above in self.assets else path

    def within(self, value: Any, of: Callable[[str], str] | None = None) -> Any:
        """Return the same lists and mappings with every text that is a path as it is now; other texts stay."""
        return within(value, of or self.of)

    def told(self, value: Any, of: Callable[[str], str]) -> Any:
        """Return what is told of properties under their names of now; of positions where it says which `asset` or `position`."""
        new = self.within(value, of)
        if not isinstance(value, Mapping):
            return new
        places = {key: self.of(one) for key, one in _items(value) if key in (ASSET, "position") and isinstance(one, str)}
        return {**new, **places}

    def carry(self, tx: Connection, *columns: sa.Column[Any]) -> int:
        """Write the paths in these columns (texts) of one table as they are now; return how many rows that were."""
        table = columns[0].table
        rows = tx.execute(sa.select(table.c.id, *columns)).all()
        names = [column.name for column in columns]
        new = [(row, {name: self.of(old) for name, old in zip(names, row[1:], strict=True)}) for row in rows]
        changed = [
            {"of": row[0], **{f"to {n}": v for n, v in now.items()}} for row, now in new if list(now.values()) != [*row[1:]]
        ]
        if changed:
            values = {name: sa.bindparam(f"to {name}") for name in names}
            tx.execute(sa.update(table).where(table.c.id == sa.bindparam("of")).values(values), changed)
        return len(changed)


def within(value: Any, of: Callable[[str], str]) -> Any:
    """Return the same lists and mappings, keys too, with what `of` gives for every text."""
    if isinstance(value, str):
        return of(value)
    if isinstance(value, Mapping):
        return {of(key): within(one, of) for key, one in _items(value)}
    if isinstance(value, list):
        return [within(one, of) for one in _each(value)]
    return value


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    return iter(value.items())


def _each(value: Any) -> Iterator[Any]:
    return iter(value)


def followed(tx: Connection, picture: Snapshot, who: str) -> Moved:
    """Return the paths that are others since this was asked for the last time by the same name, and remember those of now."""
    mine = t.followed.c.who == who
    query = sa.select(t.followed).where(mine)
    known = {(row["kind"], row["key"]): (row["name"], row["id"]) for row in tx.execute(query).mappings()}
    now = {(ASSET, one.id): one.path for one in picture.assets.values()}
    now |= {(MODEL, f"{model}/{first}"): name for model, names in picture.firsts.items() for name, first in names.items()}
    if not known:
        _remember(tx, who, now)
        return Moved({}, {})
    other = {key: name for key, name in now.items() if key in known and known[key][0] != name}
    moved = _moved(picture, {key: known[key][0] for key in known}, other)
    for key, name in other.items():
        tx.execute(t.followed.update().where(t.followed.c.id == known[key][1]).values(name=name))
    _remember(tx, who, {key: name for key, name in now.items() if key not in known})
    return moved


def _remember(tx: Connection, who: str, names: Mapping[tuple[str, str], str]) -> None:
    rows = [{"who": who, "kind": kind, "key": key, "name": name} for (kind, key), name in names.items()]
    if rows:
        tx.execute(t.followed.insert(), rows)


def _moved(picture: Snapshot, known: Mapping[tuple[str, str], str], other: Mapping[tuple[str, str], str]) -> Moved:
    """Return the paths as they were and are; where a retired position had the path of a live one, the live one counts."""
    renamed: dict[str, dict[str, str]] = {}
    for (kind, key), name in other.items():
        if kind == MODEL:
            renamed.setdefault(key.rpartition("/")[0], {})[known[kind, key]] = name
    assets: dict[str, str] = {}
    properties: dict[str, str] = {}
    for asset in sorted(picture.assets.values(), key=lambda one: one.id not in picture.retired):
        before = known.get((ASSET, asset.id), asset.path)
        if before != asset.path:
            assets[before] = asset.path
        for old, new in renamed.get(asset.model or "", {}).items():
            properties[join(before, old)] = join(asset.path, new)
    return Moved(assets, properties)
