"""The twin: everything on one body - values, alarms, orders, spares, documents and the thing, at each position of the plant."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from lineshaft.assets import Asset, Assets, Kind
from lineshaft.detect import Detect
from lineshaft.maintain import Orders, Spares
from lineshaft.store import Store
from lineshaft.twin.entity import Components, Entity, Flow, Relation, Value

PER_COMPONENT = 50
"""How many orders and documents an entity shows; the rooms' own pages show all."""


class Twin:
    """Entities over the rooms that own the data; nothing is stored here."""

    def __init__(self, assets: Assets, store: Store, detect: Detect, orders: Orders, spares: Spares) -> None:
        self._assets, self._store, self._detect = assets, store, detect
        self._orders, self._spares = orders, spares

    def entities(self, under: str | None = None) -> list[Entity]:
        """Return the entity of every live position (or of one and all below it), without components."""
        assets = self._assets.tree()
        flow = Flow(assets)
        top = None if under is None else self._assets.asset(under).path
        return [self._entity(a, flow) for a in assets if top is None or a.path == top or a.path.startswith(f"{top}/")]

    def entity(self, path_or_id: str) -> Entity:
        """Return one entity with its components. Raises NotFound with the nearest path."""
        asset = self._assets.asset(path_or_id)
        return self._entity(asset, Flow(self._assets.tree()), self._components(asset))

    def upstream(self, path_or_id: str) -> list[str]:
        """Return the paths of all machines that material passes before this one, nearest first."""
        return [a.path for a in Flow(self._assets.tree()).reach(self._assets.asset(path_or_id).id, down=False)]

    def downstream(self, path_or_id: str) -> list[str]:
        """Return the paths of all machines that material passes after this one, nearest first."""
        return [a.path for a in Flow(self._assets.tree()).reach(self._assets.asset(path_or_id).id, down=True)]

    def _entity(self, asset: Asset, flow: Flow, components: Components | None = None) -> Entity:
        above = [] if asset.parent_id is None else [self._assets.asset(asset.parent_id)]
        relations = (
            *(Relation("isChildOf", a.id, a.path) for a in above),
            *(Relation("isParentOf", a.id, a.path) for a in self._assets.children(asset.id)),
            *(Relation("upstream", a.id, a.path) for a in flow.before.get(asset.id, [])),
            *(Relation("downstream", a.id, a.path) for a in flow.after.get(asset.id, [])),
        )
        retired = self._assets.is_retired(asset.id)
        return Entity(asset.id, asset.path, asset.name, asset.model, asset.level, relations, asset.version, retired, components)

    def _components(self, asset: Asset) -> Components:
        documents = [d for d in self._store.documents.list(asset.path, limit=PER_COMPONENT) if d.about == asset.path]
        return Components(
            properties=self._values(asset),
            alarms=tuple(self._detect.alarms(kind=None, asset=asset.path)),
            work_orders=tuple(self._orders.list(state="open", asset=asset.path, limit=PER_COMPONENT)),
            spares=tuple(self._parts(asset)),
            documents=tuple(asdict(document) for document in documents),
            thing=None if asset.thing is None else dict(asset.thing),
        )

    def _values(self, asset: Asset) -> tuple[Value, ...]:
        own = self._assets.properties(asset)
        streams = [p for p in own if p.kind is not Kind.ATTRIBUTE]
        latest = {p.id: row for p, row in zip(streams, self._store.latest(streams), strict=True)}
        values: list[Value] = []
        for p in own:
            row = latest.get(p.id)
            value = asset.attributes.get(p.name) if p.kind is Kind.ATTRIBUTE else (row.value if row else None)
            at, quality = (row.ts, int(row.quality)) if row else (None, None)
            values.append(Value(p.id, p.name, str(p.kind), str(p.type), p.unit, value, quality, at))
        return tuple(values)

    def _parts(self, asset: Asset) -> list[dict[str, Any]]:
        """Return the spare parts that are used at the position, with how many it takes."""
        found: list[dict[str, Any]] = []
        for spare in self._spares.list():
            uses = [use for use in spare["used_by"] or [] if use["asset"] == asset.path]
            if uses:
                names = ("id", "part", "name", "bin", "on_hand", "available", "minimum")
                found.append({**{name: spare[name] for name in names}, "quantity": sum(use["quantity"] for use in uses)})
        return found
