"""The register in memory: an immutable picture of the plant that every lookup is served from, replaced when it changes."""

from __future__ import annotations

import bisect
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.assets import tables as t
from lineshaft.assets.bind import DERIVED, Meanings, Span, merged
from lineshaft.assets.model import AssetModel, Kind, ModelVersion
from lineshaft.assets.tree import Asset, Place, Property, firsts, join, paths, properties_of, template
from lineshaft.core import parse_time

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Stay:
    """A serial-numbered thing stood at a position from `start_ns` on and before `end_ns` (None: it still does)."""

    serial: str
    asset_id: str
    start_ns: int
    end_ns: int | None


class Snapshot:
    """All models, positions, properties, spans and stays, as they were committed at one moment."""

    def __init__(self, tx: Connection, now: int) -> None:
        self.now = now
        self.models = _models(tx)
        self.firsts = {name: each for name, own in self.models.items() if (each := self._first(own)) is not None}
        """Of each model in force: the names its properties began with, which their ids follow from."""
        self.next_change = min(
            (v.valid_from for versions in self.models.values() for v in versions if v.valid_from > now), default=None
        )
        self.things: dict[str, Mapping[str, Any]] = {}
        self.stays = self._stays(tx)
        self.values = _values(tx)
        self.assets: dict[str, Asset] = {}
        self.children: dict[str | None, list[str]] = {}
        self.retired: set[str] = set()
        self._constraints: dict[str, list[tuple[int, str]]] = {}
        self._aliases: dict[str, Mapping[str, str]] = {}
        self._assets(tx)
        self.by_path = {a.path: a for a in reversed(self.assets.values()) if a.id in self.retired}
        self.by_path.update({a.path: a for a in self.assets.values() if a.id not in self.retired})
        self.own: dict[str, tuple[Property, ...]] = {}
        self.properties: dict[str, Property] = {}
        self.property_paths: dict[str, Property] = {}
        self._properties()
        self.bindings = _bindings(tx)
        self.meanings = Meanings(self.bindings)

    def _assets(self, tx: Connection) -> None:
        rows = {row["id"]: row for row in tx.execute(sa.select(t.assets).order_by(t.assets.c.place)).mappings()}
        way = paths(Place(r["id"], r["name"], r["parent_id"]) for r in rows.values())
        standing = {s.asset_id: s.serial for stays in self.stays.values() for s in stays if s.end_ns is None}
        for asset_id, path in way.items():
            row: Row = dict(rows[asset_id])
            above = self.assets.get(row["parent_id"] or "")
            self._aliases[asset_id] = row["aliases"]
            self._constraints[asset_id] = sorted(
                (parse_time(c["valid_from"]) if c.get("valid_from") else 0, str(c["asset"])) for c in row["constraints"]
            )
            self.assets[asset_id] = self._asset(row, path, above, standing.get(asset_id))
            if row["retired_at"] is not None:
                self.retired.add(asset_id)
            else:
                self.children.setdefault(row["parent_id"], []).append(asset_id)

    def _asset(self, row: Row, path: str, above: Asset | None, serial: str | None) -> Asset:
        version = self.version(row["model"], self.now) if row["model"] else None
        constraint = self._latest(self._constraints[row["id"]], self.now)
        return Asset(
            id=row["id"],
            path=path,
            name=row["name"],
            parent_id=row["parent_id"],
            level=row["level"],
            model=row["model"],
            description=row["description"],
            timezone=row["timezone"] or (above.timezone if above else "UTC"),
            source=row["source"] or (above.source if above else ""),
            attributes=self._attributes(row["id"], version),
            thing={"serial": serial, **self.things[serial]} if serial else None,
            feeds=tuple(_at(path, name) for name in row["feeds"]),
            oee=bool(version and version.body.oee),
            constraint=None if constraint is None else _below(path, constraint),
            version=row["version"],
        )

    def _attributes(self, asset_id: str, version: ModelVersion | None) -> dict[str, Any]:
        if version is None:
            return {}
        names = [p.name for p in version.body.properties if p.kind is Kind.ATTRIBUTE]
        return {name: self.attribute(asset_id, name, version, self.now) for name in names}

    def _stays(self, tx: Connection) -> dict[str, list[Stay]]:
        serials = {row["id"]: row for row in tx.execute(sa.select(t.things)).mappings()}
        self.things = {row["serial"]: row["data"] for row in serials.values()}
        result: dict[str, list[Stay]] = {serial: [] for serial in self.things}
        for row in tx.execute(sa.select(t.installations).order_by(t.installations.c.start_ns)).mappings():
            serial = serials[row["thing_id"]]["serial"]
            result[serial].append(Stay(serial, row["asset_id"], row["start_ns"], row["end_ns"]))
        return result

    def _properties(self) -> None:
        common = {name: template(v, self.firsts[name]) for name in self.firsts if (v := self.version(name, self.now)) is not None}
        for asset in self.assets.values():
            own = properties_of(asset, common.get(asset.model or "", []), self._aliases[asset.id])
            self.own[asset.id] = own
            for one in own:
                self.properties[one.id] = one
        for one in sorted(self.properties.values(), key=lambda p: p.asset_id not in self.retired):
            self.property_paths[one.path] = one
            if one.alias and one.asset_id not in self.retired:
                self.property_paths.setdefault(one.alias, one)

    def _first(self, versions: tuple[ModelVersion, ...]) -> Mapping[str, str] | None:
        told = [names for version, names in zip(versions, firsts(versions), strict=True) if version.valid_from <= self.now]
        return told[-1] if told else None

    def version(self, model: str, at: int) -> ModelVersion | None:
        """Return the version of a model that is valid at a moment."""
        versions = self.models.get(model, ())
        return next((v for v in reversed(versions) if v.valid_from <= at), None)

    def attribute(self, asset_id: str, name: str, version: ModelVersion | None, at: int) -> Any:
        """Return an attribute's value at a moment: its own, else the default of the model."""
        own = self._latest(self.values.get((asset_id, name), []), at)
        definition = version.body.definition(name) if version else None
        return own if own is not None else (definition.default if definition else None)

    def constraint(self, asset: Asset, at: int) -> str | None:
        """Return the path of the line's constraint machine at a moment."""
        name = self._latest(self._constraints[asset.id], at)
        return None if name is None else _below(asset.path, name)

    def constraints(self, asset: Asset, start: int, end: int) -> list[tuple[int, int, str | None]]:
        """Return (from, until, path) of the line's constraint machines over a period."""
        cuts = [since for since, _ in self._constraints[asset.id] if start < since < end]
        edges = [start, *cuts, end]
        return [(low, high, self.constraint(asset, low)) for low, high in pairwise(edges)]

    def spans(self, one: Property) -> list[Span]:
        """Return where a property's values come from, in time order."""
        if one.kind in {Kind.TRANSFORM, Kind.METRIC}:
            return [Span(DERIVED, one.id)]
        return self.bindings.get(one.id, [])

    @staticmethod
    def _latest(entries: list[tuple[int, Any]], at: int) -> Any:
        number = bisect.bisect_right(entries, at, key=lambda e: e[0])
        return entries[number - 1][1] if number else None


def _models(tx: Connection) -> dict[str, tuple[ModelVersion, ...]]:
    found: dict[str, list[ModelVersion]] = {}
    for row in tx.execute(sa.select(t.models).order_by(t.models.c.valid_from, t.models.c.number)).mappings():
        version = ModelVersion(
            id=row["id"],
            body=AssetModel.model_validate(row["body"]),
            valid_from=row["valid_from"],
            file=row["file"],
            lines=row["lines"],
        )
        found.setdefault(row["model"], []).append(version)
    return {name: tuple(versions) for name, versions in found.items()}


def _values(tx: Connection) -> dict[tuple[str, str], list[tuple[int, Any]]]:
    found: dict[tuple[str, str], list[tuple[int, Any]]] = {}
    for row in tx.execute(sa.select(t.attributes).order_by(t.attributes.c.valid_from)).mappings():
        found.setdefault((row["asset_id"], row["name"]), []).append((row["valid_from"], row["value"]))
    return found


def _bindings(tx: Connection) -> dict[str, list[Span]]:
    found: dict[str, list[Span]] = {}
    for row in tx.execute(sa.select(t.bindings).order_by(t.bindings.c.start_ns)).mappings():
        found.setdefault(row["property_id"], []).append(Span(row["source"], row["tag"], row["start_ns"], row["end_ns"]))
    return {property_id: spans if len(spans) == 1 else merged(spans) for property_id, spans in found.items()}


def _at(path: str, name: str) -> str:
    """Return the path of a name beside `path`; a name with a slash is a path from the top."""
    return name if "/" in name else join(path.rpartition("/")[0], name)


def _below(path: str, name: str) -> str:
    """Return the path of a name below `path`; one that already begins with it is complete."""
    return name if name.startswith(path + "/") else join(path, name)
