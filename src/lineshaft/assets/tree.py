"""The plant as a tree: positions of any depth, and the properties each of them has by its model.

A path names a position in the process (`Bakery/Line 1/Oven`), not the serial-numbered thing that stands there.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lineshaft.assets.model import SEPARATOR, Input, Kind, ModelVersion
from lineshaft.core import Conflict, DataType


@dataclass(frozen=True, slots=True)
class Asset:
    """A position in the plant. `level` is a free ISA-95 label; `timezone` and `source` come from above if not its own."""

    id: str
    path: str
    name: str
    parent_id: str | None
    level: str = ""
    model: str | None = None
    description: str = ""
    timezone: str = "UTC"
    source: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    thing: Mapping[str, Any] | None = None
    feeds: tuple[str, ...] = ()
    oee: bool = False
    constraint: str | None = None
    version: int = 1


@dataclass(frozen=True, slots=True)
class Property:
    """One property of one asset: what a path like `Bakery/Line 1/Oven/Temperature` means now."""

    id: str
    path: str
    asset_id: str
    asset_path: str
    name: str
    kind: Kind
    type: DataType
    unit: str = ""
    formula: str = ""
    inputs: Mapping[str, Input] = field(default_factory=dict[str, Input])
    window_ns: int = 0
    offset_ns: int = 0
    by_shift: bool = False
    timezone: str = "UTC"
    counter: bool = False
    model: str = ""
    model_version: int = 1
    valid_from: int = 0
    description: str = ""
    alias: str | None = None
    default: Any = None


@dataclass(frozen=True, slots=True)
class Place:
    """What the tree needs to know of an asset to give it a path: its name and what it hangs on."""

    id: str
    name: str
    parent_id: str | None


def join(*names: str) -> str:
    """Return the path of the names, empty ones left out."""
    return SEPARATOR.join(name for name in names if name)


def paths(places: Iterable[Place]) -> dict[str, str]:
    """Return the path of every place, parents first, siblings in the order given."""
    children: dict[str | None, list[Place]] = {}
    for place in places:
        children.setdefault(place.parent_id, []).append(place)
    result: dict[str, str] = {}
    waiting = list(reversed(children.get(None, [])))
    while waiting:
        place = waiting.pop()
        result[place.id] = join(result[place.parent_id] if place.parent_id else "", place.name)
        waiting.extend(reversed(children.get(place.id, [])))
    return result


def moved(places: Iterable[Place], asset_id: str, parent_id: str | None, name: str) -> list[Place]:
    """Return the places after hanging one under another parent. Raises Conflict for a ring or a name taken there."""
    before = {place.id: place for place in places}
    above = parent_id
    while above is not None:
        if above == asset_id:
            raise Conflict(
                "an asset cannot hang below itself", code="assets.ring", hint="choose a parent outside of its own branch"
            )
        above = before[above].parent_id
    if any(p.name == name and p.parent_id == parent_id and p.id != asset_id for p in before.values()):
        raise Conflict(f"there is already an asset '{name}' at that place", code="assets.name-taken", hint="choose another name")
    before[asset_id] = Place(asset_id, name, parent_id)
    return list(before.values())


def property_id(asset_id: str, name: str) -> str:
    """Return the lasting identity of an asset's property: the same through moves, renames of the asset and new models."""
    return str(uuid.uuid5(uuid.UUID(asset_id), name))


def firsts(versions: Iterable[ModelVersion]) -> Iterator[Mapping[str, str]]:
    """Yield, version by version, the name each property began with: its identity follows from it, also after `was:`.

    A name that is free again because its property has another one now belongs to another property when it comes back.
    """
    known: dict[str, str] = {}
    before: dict[str, str | None] = {}
    for version in versions:
        now: dict[str, str] = {}
        for one in version.body.properties:
            if one.was in known and one.was != one.name and before.get(one.name) != one.was:
                now[one.name] = known[one.was]
        for one in sorted(version.body.properties, key=lambda each: each.name not in before):
            if one.name not in now:
                first = known.get(one.name, one.name)
                taken = first in now.values()
                now[one.name] = f"{one.name}{SEPARATOR}{version.body.version}" if taken else first
        known |= now
        before = {one.name: one.was for one in version.body.properties}
        yield now


def template(version: ModelVersion, names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return what the properties of every asset of a model version have in common; `names` are those they began with."""
    return [
        {
            "first": names[one.name],
            "name": one.name,
            "kind": one.kind,
            "type": one.type,
            "unit": one.unit,
            "formula": one.formula,
            "inputs": one.sources,
            "window_ns": one.window_ns,
            "offset_ns": one.offset_ns,
            "by_shift": one.by_shift,
            "counter": one.counter,
            "model": version.body.model,
            "model_version": version.body.version,
            "valid_from": version.valid_from,
            "description": one.description,
            "default": one.default,
        }
        for one in version.body.properties
    ]


def properties_of(asset: Asset, common: list[dict[str, Any]], aliases: Mapping[str, str]) -> tuple[Property, ...]:
    """Return the properties an asset has by the template of its model's version."""
    space, above = uuid.UUID(asset.id), asset.path + SEPARATOR
    return tuple(
        Property(
            id=str(uuid.uuid5(space, one["first"])),
            path=above + one["name"],
            asset_id=asset.id,
            asset_path=asset.path,
            timezone=asset.timezone,
            alias=aliases.get(one["name"]),
            **{key: value for key, value in one.items() if key != "first"},
        )
        for one in common
    )
