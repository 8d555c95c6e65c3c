"""What a server has inside: one level for a person who picks, or all of it as machines with their types and variables."""

# pyright: reportPrivateImportUsage=false, reportArgumentType=false
# asyncua re-exports its names without saying so, and its int types are not int
from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from asyncua import ua

from lineshaft.connect.sources.opcua.link import Link, reason
from lineshaft.connect.sources.opcua.options import OpcuaOptions
from lineshaft.core import Retryable

T = TypeVar("T")
OBJECTS, SERVER, PROPERTY = "i=85", "i=2253", "i=68"
UNTYPED = frozenset({"i=58", "i=61"})
"""BaseObjectType and FolderType: an object of these says nothing of what it is."""
BATCH, MASK = 100, 63
TYPES = {
    **dict.fromkeys(("Boolean",), "boolean"),
    **dict.fromkeys(("SByte", "Byte", "Int16", "UInt16", "Int32", "UInt32", "Int64"), "integer"),
    **dict.fromkeys(("Float", "Double"), "double"),
    **dict.fromkeys(("String", "LocalizedText", "DateTime", "Guid", "UInt64"), "string"),
}


@dataclass(slots=True)
class _Thing:
    """An object of the server, and what lies below it."""

    node: str
    name: str
    type: str
    variables: dict[str, str] = field(default_factory=dict[str, str])
    properties: dict[str, str] = field(default_factory=dict[str, str])


async def children(name: str, options: OpcuaOptions, node: str) -> list[dict[str, Any]]:
    """Return what lies directly below a node: objects to open and variables to pick, with the value each has now."""

    async def ask(session: Any) -> list[dict[str, Any]]:
        found = await below_nodes(session, [node])
        rows = {one[1]: one for one in found}
        variables = [text for text, one in rows.items() if one[3] == "variable"]
        values = await values_of(session, variables)
        return [
            {"node": text, "name": one[2], "kind": one[3], "value": value, "type": kind}
            for text, one in rows.items()
            for value, kind in [values.get(text, ("", ""))]
            if one[3] in ("object", "variable")
        ]

    return await opened(name, options, ask)


async def survey(name: str, options: OpcuaOptions, most: int = 20_000) -> list[dict[str, Any]]:
    """Return the machines of a server: objects with a type of their own, else those that hold variables."""

    async def ask(session: Any) -> list[dict[str, Any]]:
        things = await _things(session, most)
        names = await _names(session, sorted({thing.type for thing in things}))
        told: list[dict[str, Any]] = []
        for thing in things:
            if thing.variables:
                kinds = await values_of(session, list(thing.variables))
                types = {path: kinds.get(node, ("", ""))[1] for node, path in thing.variables.items()}
                what = "" if thing.type in UNTYPED else names.get(thing.type, "")
                told.append(
                    {
                        "node": thing.node,
                        "name": thing.name,
                        "type": what,
                        "variables": [
                            {"node": node, "name": path, "type": types[path]} for node, path in thing.variables.items()
                        ],
                        "properties": list(thing.properties.values()),
                    }
                )
        return told

    return await opened(name, options, ask)


async def opened(name: str, options: OpcuaOptions, ask: Callable[[Any], Awaitable[T]]) -> T:
    """Open a line, ask, close it. Raises Retryable with a sentence."""
    link = Link(name, options)
    try:
        await link.open()
        return await ask(link.session)
    except (OSError, TimeoutError, ua.UaError) as error:
        raise Retryable(
            f"{options.url}: {reason(error)}", hint="is the server on, and does it let us in?", code="opcua.away"
        ) from None
    finally:
        await link.close()


async def _things(session: Any, most: int) -> list[_Thing]:
    """Walk down from the Objects folder; everything below an object with a type of its own belongs to it."""
    top: dict[str, _Thing] = {}
    seen = {OBJECTS, SERVER}
    called: dict[str, str] = {}
    edge: list[tuple[str, _Thing | None, str]] = [(OBJECTS, None, "")]
    while edge and len(seen) < most:
        batch, edge = edge[:BATCH], edge[BATCH:]
        owners = {node: (thing, path) for node, thing, path in batch}
        for parent, node, name, kind, definition in await below_nodes(session, list(owners)):
            if node in seen:
                continue
            seen.add(node)
            called[node] = name
            thing, path = owners[parent]
            below = f"{path}.{name}" if path else name
            if kind == "object":
                owner = thing
                if owner is None and definition not in UNTYPED:
                    owner = top[node] = _Thing(node, name, definition)
                    below = ""
                edge.append((node, owner, below if owner is not None else ""))
            elif kind == "variable":
                if thing is None and parent != OBJECTS:
                    thing = top.setdefault(parent, _Thing(parent, called[parent], "i=58"))
                    below = name
                if thing is not None:
                    (thing.properties if definition == PROPERTY else thing.variables)[node] = below
    return list(top.values())


async def below_nodes(session: Any, nodes: list[str]) -> list[tuple[str, str, str, str, str]]:
    """Return (parent, node, name, kind, type definition) of everything directly below some nodes."""
    parameters = ua.BrowseParameters()
    parameters.View = ua.ViewDescription()
    parameters.RequestedMaxReferencesPerNode = 0
    kind = ua.NodeId(ua.ObjectIds.HierarchicalReferences)
    parameters.NodesToBrowse = [
        ua.BrowseDescription(ua.NodeId.from_string(node), ua.BrowseDirection.Forward, kind, True, 0, MASK) for node in nodes
    ]
    found: list[tuple[str, str, str, str, str]] = []
    waiting: list[tuple[str, Any]] = list(zip(nodes, await session.browse(parameters), strict=True))
    while waiting:
        more: list[tuple[str, bytes]] = []
        for parent, result in waiting:
            found += [_one(parent, reference) for reference in result.References or []]
            if result.ContinuationPoint:
                more.append((parent, result.ContinuationPoint))
        waiting = []
        if more:
            following = ua.BrowseNextParameters()
            following.ReleaseContinuationPoints = False
            following.ContinuationPoints = [point for _, point in more]
            waiting = list(zip([parent for parent, _ in more], await session.browse_next(following), strict=True))
    return found


def _one(parent: str, reference: Any) -> tuple[str, str, str, str, str]:
    name = str(reference.DisplayName.Text or reference.BrowseName.Name or "")
    kind = {ua.NodeClass.Object: "object", ua.NodeClass.Variable: "variable"}.get(reference.NodeClass, "other")
    return parent, _text(reference.NodeId), name, kind, _text(reference.TypeDefinition)


def _text(node: Any) -> str:
    return str(ua.NodeId(node.Identifier, node.NamespaceIndex).to_string()) if node is not None else ""


async def read_attribute(session: Any, nodes: list[str], attribute: ua.AttributeIds) -> list[Any]:
    """Return one attribute of many nodes, a hundred a call."""
    answers: list[Any] = []
    for at in range(0, len(nodes), BATCH):
        parameters = ua.ReadParameters()
        parameters.NodesToRead = [
            ua.ReadValueId(NodeId=ua.NodeId.from_string(node), AttributeId=attribute) for node in nodes[at : at + BATCH]
        ]
        answers += await session.read(parameters)
    return answers


async def values_of(session: Any, nodes: list[str]) -> dict[str, tuple[str, str]]:
    """Return each variable's value as a short text and our type of it; empty where it cannot be read or stored."""
    told: dict[str, tuple[str, str]] = {}
    for node, data in zip(nodes, await read_attribute(session, nodes, ua.AttributeIds.Value), strict=True):
        variant = data.Value
        if variant is None or variant.Value is None:
            told[node] = ("", "")
        elif variant.is_array:
            told[node] = (str(variant.Value)[:60], "")
        else:
            told[node] = (str(variant.Value)[:60], TYPES.get(variant.VariantType.name, ""))
    return told


async def _names(session: Any, nodes: list[str]) -> dict[str, str]:
    answers = await read_attribute(session, nodes, ua.AttributeIds.BrowseName)
    return {node: data.Value.Value.Name for node, data in zip(nodes, answers, strict=True) if data.Value and data.Value.Value}
