"""Finds the variables of a server, many nodes a call."""

# pyright: reportPrivateImportUsage=false, reportArgumentType=false
# asyncua re-exports its names without saying so, and its int types are not int
from __future__ import annotations

from typing import Any

from asyncua import ua

from lineshaft.connect.sources.opcua.names import Namespaces

BATCH = 200
RESULT_MASK = 63


async def variables(session: Any, root: str, limit: int, names: Namespaces) -> list[str]:
    """Return the tags of every variable below `root` but the server's own (namespace 0), in the order found."""
    seen: set[str] = set()
    found: dict[str, None] = {}
    edge = [names.node(root)]
    while edge and len(found) < limit:
        batch, edge = edge[:BATCH], edge[BATCH:]
        for reference in await _references(session, batch):
            node = ua.NodeId(reference.NodeId.Identifier, reference.NodeId.NamespaceIndex)
            text = node.to_string()
            if text in seen:
                continue
            seen.add(text)
            if node.NamespaceIndex or len(seen) < 20_000:
                edge.append(node)
            if reference.NodeClass == ua.NodeClass.Variable and node.NamespaceIndex:
                found[names.tag(node)] = None
    return list(found)[:limit]


async def _references(session: Any, nodes: list[Any]) -> list[Any]:
    parameters = ua.BrowseParameters()
    parameters.View = ua.ViewDescription()
    parameters.RequestedMaxReferencesPerNode = 0
    parent = ua.NodeId(ua.ObjectIds.HierarchicalReferences)
    parameters.NodesToBrowse = [
        ua.BrowseDescription(node, ua.BrowseDirection.Forward, parent, True, 0, RESULT_MASK) for node in nodes
    ]
    results = await session.browse(parameters)
    found: list[Any] = []
    while results:
        points: list[bytes] = []
        for result in results:
            found += result.References or []
            if result.ContinuationPoint:
                points.append(result.ContinuationPoint)
        results = await _more(session, points) if points else []
    return found


async def _more(session: Any, points: list[bytes]) -> list[Any]:
    parameters = ua.BrowseNextParameters()
    parameters.ReleaseContinuationPoints = False
    parameters.ContinuationPoints = points
    return await session.browse_next(parameters)
