"""The plant as a tree of positions, what each one has, and which tag means what."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from lineshaft.assets import Asset, Property
from lineshaft.core import parse_time
from lineshaft.doors.rest.detect import AlarmShape, alarm_items
from lineshaft.doors.rest.frame.asking import House, Reader, Sender
from lineshaft.doors.rest.frame.paging import After, Limit, page
from lineshaft.doors.rest.frame.shape import AssetPath, Body, Id, Listed, PropertyPath, Shape, Version
from lineshaft.doors.rooms import Rooms

router = APIRouter(tags=["assets"])


class AssetShape(Shape):
    """A position in the plant."""

    id: Id
    path: AssetPath
    name: Annotated[str, Field(examples=["Coolant pump"])]
    level: Annotated[str, Field(examples=["machine"], description="A free ISA-95 label.")]
    model: Annotated[str | None, Field(examples=["Pump"])]
    parent_id: Annotated[str | None, Field(examples=["5d1c9a52-6c1e-4f0e-9d53-9a7f0a3f6d11"])]
    description: Annotated[str, Field(examples=["circulates the coolant"])] = ""
    timezone: Annotated[str, Field(examples=["Europe/Berlin"])] = "UTC"
    thing: Annotated[dict[str, Any] | None, Field(examples=[{"serial": "PU-7", "maker": "Acme"}])]
    attributes: Annotated[dict[str, Any], Field(examples=[{"IdealCycle": 0.5}])]
    oee: Annotated[bool, Field(examples=[True])]
    oee_mapping: Annotated[
        dict[str, Any] | None, Field(examples=[{"state": "State", "states": {"1": "running"}, "good": "Good"}])
    ]
    constraint: Annotated[str | None, Field(examples=["Bakery/Line 1/Oven"])]
    version: Version


class PropertyShape(Shape):
    """What an asset has: an attribute, a measurement, a transform or a metric."""

    id: Id
    path: PropertyPath
    name: Annotated[str, Field(examples=["Vibration"])]
    kind: Annotated[str, Field(examples=["measurement"])]
    type: Annotated[str, Field(examples=["double"])]
    unit: Annotated[str, Field(examples=["mm/s"])]
    formula: Annotated[str, Field(examples=[""])]
    description: Annotated[str, Field(examples=["RMS velocity at the drive end"])] = ""


class AssetDetail(AssetShape):
    """A position with what it has, what is wrong there and what stands below it."""

    properties: list[PropertyShape]
    alarms: list[AlarmShape]
    limits: Annotated[list[AlarmShape], Field(description="The same list: what each alarm of this asset is defined by.")]
    children: list[AssetShape]


class BindingBody(Body):
    """Which tag feeds a property, from when on."""

    property: PropertyPath
    source: Annotated[str, Field(examples=["bakery"])]
    tag: Annotated[str, Field(examples=["ns=2;s=Coolant pump/Vibration"])]
    valid_from: Annotated[str | None, Field(examples=["2026-11-20T06:00:00Z"], description="Default: with all history.")] = None
    move: Annotated[bool, Field(examples=[False], description="Take the tag from the property it belongs to.")] = False


class Bound(Shape):
    """A property's bindings after the change."""

    property: PropertyPath
    spans: Annotated[list[dict[str, Any]], Field(examples=[[{"source": "bakery", "tag": "ns=2;s=Coolant pump/Vibration"}]])]


class AttributeBody(Body):
    """A new value of an attribute."""

    property: Annotated[str, Field(examples=["Bakery/Line 1/Oven/IdealCycle"])]
    value: Annotated[Any, Field(examples=[0.5])]
    valid_from: Annotated[str | None, Field(examples=["2026-11-20T06:00:00Z"], description="Default: from now on.")] = None


class AttributeSet(Shape):
    """The attribute as it is from that moment on."""

    property: Annotated[str, Field(examples=["Bakery/Line 1/Oven/IdealCycle"])]
    value: Annotated[Any, Field(examples=[0.5])]


@router.get("/assets")
def assets(
    rooms: House,
    subject: Reader,
    limit: Limit = 1000,
    after: After = None,
    under: Annotated[
        str | None, Query(description="Only this position and what lies below it.", examples=["Bakery/Line 1"])
    ] = None,
) -> Listed[AssetShape]:
    """List the positions of the plant, parents first."""
    top = rooms.assets.asset(under).path if under else ""
    found = [a for a in rooms.assets.tree() if not top or a.path == top or a.path.startswith(top + "/")]
    readable = set(rooms.guard.readable(subject, "read", [a.path for a in found]))
    return Listed[AssetShape].model_validate(page([_asset(rooms, a) for a in found if a.path in readable], limit, after))


@router.get("/assets/{asset_id:path}")
def asset(rooms: House, subject: Reader, asset_id: str) -> AssetDetail:
    """Show one position (by id or path) with its properties, alarms and children."""
    one = rooms.assets.asset(asset_id)
    rooms.guard.gate(subject, "read", one.path)
    alarms = alarm_items(rooms, active=False, asset=one.path)
    return AssetDetail.model_validate(
        {
            **_asset(rooms, one),
            "properties": [_property(p) for p in rooms.assets.properties(one)],
            "alarms": alarms,
            "limits": alarms,
            "children": [_asset(rooms, child) for child in rooms.assets.children(one.id)],
        }
    )


@router.get("/properties")
def properties(
    rooms: House,
    subject: Reader,
    limit: Limit = 100,
    after: After = None,
    search: Annotated[str, Query(max_length=200, description="Words that all occur in the path.", examples=["oven temp"])] = "",
    under: Annotated[str | None, Query(description="Only below this position.", examples=["Bakery/Line 1"])] = None,
) -> Listed[PropertyShape]:
    """List the properties of the plant, or those whose path has all the words looked for."""
    top = rooms.assets.asset(under).path + "/" if under else ""
    words = search.lower().split()
    found = [
        _property(one)
        for one in rooms.assets.properties()
        if one.path.startswith(top) and all(word in one.path.lower() for word in words) and subject.reaches(one.asset_path)
    ]
    return Listed[PropertyShape].model_validate(page(found, limit, after))


@router.post("/bindings")
def bind(sender: Sender, body: BindingBody) -> Bound:
    """Bind a property to a tag, with its history or from a moment on."""
    register = sender.rooms.assets
    one = register.property(body.property)

    def run(tx: Any) -> dict[str, Any]:
        moment = {} if body.valid_from is None else {"valid_from": parse_time(body.valid_from, where="valid_from")}
        spans = register.bind(tx, one.path, body.source, body.tag, move=body.move, **moment)
        return {"property": one.path, "spans": [{"source": s.source, "tag": s.tag} for s in spans]}

    return Bound.model_validate(sender.do("assets.edit", f"property:{one.id}", body.model_dump(), run, one.asset_path))


@router.post("/attributes")
def set_attribute(sender: Sender, body: AttributeBody) -> AttributeSet:
    """Give an attribute a value from a moment on; earlier figures keep the earlier value."""
    register = sender.rooms.assets
    one = register.property(body.property)

    def run(tx: Any) -> dict[str, Any]:
        since = None if body.valid_from is None else parse_time(body.valid_from, where="valid_from")
        register.set_attribute(tx, one.path, body.value, since)
        return {"property": one.path, "value": body.value}

    done = sender.do("assets.edit", f"property:{one.id}", body.model_dump(), run, one.asset_path)
    return AttributeSet.model_validate(done)


def _asset(rooms: Rooms, asset: Asset) -> dict[str, Any]:
    names = ("id", "path", "name", "level", "model", "parent_id", "description", "timezone", "oee", "constraint", "version")
    return {
        **{name: getattr(asset, name) for name in names},
        "thing": None if asset.thing is None else dict(asset.thing),
        "attributes": dict(asset.attributes),
        "oee_mapping": rooms.assets.model(asset.model).body.oee if asset.oee and asset.model else None,
    }


def _property(one: Property) -> dict[str, Any]:
    names = ("id", "path", "name", "unit", "formula", "description")
    return {**{name: getattr(one, name) for name in names}, "kind": one.kind.value, "type": one.type.value}
