"""An entity of the twin: one position of the plant with everything that is known about it, in components, and its relations.

Components are read when asked for, from the rooms that own them; the twin keeps no copy. A relation leads to another
entity: what it is part of, and which machine comes before and after it in the flow of material.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from lineshaft.assets import Asset

RelationKind = Literal["isChildOf", "isParentOf", "upstream", "downstream"]


@dataclass(frozen=True, slots=True)
class Relation:
    """A way from one entity to another: `kind` says what the other one is to this one."""

    kind: RelationKind
    id: str
    path: str


@dataclass(frozen=True, slots=True)
class Value:
    """One property with its latest value; `at` in UTC nanoseconds, nothing if there never was a value."""

    id: str
    name: str
    kind: str
    type: str
    unit: str
    value: Any = None
    quality: int | None = None
    at: int | None = None


@dataclass(frozen=True, slots=True)
class Components:
    """What is known about an entity, by the room it comes from."""

    properties: tuple[Value, ...]
    alarms: tuple[dict[str, Any], ...]
    work_orders: tuple[dict[str, Any], ...]
    spares: tuple[dict[str, Any], ...]
    documents: tuple[dict[str, Any], ...]
    thing: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Entity:
    """One position of the plant; `components` only when a single entity was asked for."""

    id: str
    path: str
    name: str
    type: str | None
    level: str
    relations: tuple[Relation, ...]
    version: int
    retired: bool = False
    components: Components | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the entity as plain data for a door."""
        return asdict(self)

    def related(self, kind: RelationKind) -> tuple[str, ...]:
        """Return the paths of the entities that stand in this relation."""
        return tuple(r.path for r in self.relations if r.kind == kind)


class Flow:
    """Which machine hands material to which, from the `feeds` of the plant file."""

    def __init__(self, assets: list[Asset]) -> None:
        by_path = {asset.path: asset for asset in assets}
        self.after: dict[str, list[Asset]] = {a.id: [by_path[path] for path in a.feeds if path in by_path] for a in assets}
        self.before: dict[str, list[Asset]] = {a.id: [] for a in assets}
        for asset in assets:
            for fed in self.after[asset.id]:
                self.before[fed.id].append(asset)

    def reach(self, asset_id: str, *, down: bool) -> list[Asset]:
        """Return every machine behind (`down`) or before one, nearest first; a loop of material ends where it began."""
        ways = self.after if down else self.before
        found: dict[str, Asset] = {}
        edge = list(ways.get(asset_id, []))
        while edge:
            asset = edge.pop(0)
            if asset.id not in found and asset.id != asset_id:
                found[asset.id] = asset
                edge += ways.get(asset.id, [])
        return list(found.values())
