"""What a person picks variables from: a server's tree level by level, with value, type and unit, or all below a node."""

# pyright: reportPrivateImportUsage=false
# asyncua re-exports its names without saying so
from __future__ import annotations

from typing import Any

from asyncua import ua

from lineshaft.connect.discovery.probes.opcua.tree import (
    BATCH,
    OBJECTS,
    PROPERTY,
    SERVER,
    below_nodes,
    opened,
    read_attribute,
    values_of,
)
from lineshaft.connect.poll import Budget
from lineshaft.connect.sight import Inside, Pick, Seen, Wish, cut
from lineshaft.connect.sources.opcua.options import OpcuaOptions

CALLS_PER_SECOND = 20.0
"""Most questions to a server in a second, each for up to a hundred nodes."""
MOST_NODES, MOST_VALUES = 20_000, 300
UNIT = "EngineeringUnits"
Found = tuple[str, str, str, str, str]


class Calm:
    """A session that is asked no faster than its budget allows."""

    def __init__(self, session: Any) -> None:
        self._session, self._budget = session, Budget(CALLS_PER_SECOND)

    async def browse(self, parameters: Any) -> Any:
        """Browse, when it is our turn."""
        await self._budget.wait()
        return await self._session.browse(parameters)

    async def browse_next(self, parameters: Any) -> Any:
        """Browse on, when it is our turn."""
        await self._budget.wait()
        return await self._session.browse_next(parameters)

    async def read(self, parameters: Any) -> Any:
        """Read, when it is our turn."""
        await self._budget.wait()
        return await self._session.read(parameters)


async def pick(name: str, options: OpcuaOptions, wish: Wish) -> Seen:
    """Return what a person can pick from. Raises Retryable or CredentialsError with a sentence."""

    async def ask(session: Any) -> Seen:
        calm = Calm(session)
        return await (_all(calm, wish) if wish.deep or wish.find else _level(calm, wish.below))

    return await opened(name, options, ask)


async def _level(session: Any, below: str) -> Seen:
    found = {one[1]: one for one in await below_nodes(session, [below or OBJECTS]) if _wanted(one)}
    variables = [node for node, one in found.items() if one[3] == "variable"]
    values = await values_of(session, variables)
    units, parents = await _beside(session, variables)
    items: list[Inside] = []
    for node, one in found.items():
        value, kind = values.get(node, ("", ""))
        if one[3] == "object":
            items.append(Inside(node, below, one[2], "branch", more=True))
        else:
            unit, more = units.get(node, ""), node in parents
            items.append(Inside(node, below, one[2], "value", kind, value, unit, more=more, pick=Pick("nodes", node)))
    return Seen(items)


async def _beside(session: Any, variables: list[str]) -> tuple[dict[str, str], set[str]]:
    """Return the unit of each variable that has one, and which variables have others below them."""
    at: dict[str, str] = {}
    parents: set[str] = set()
    for start in range(0, len(variables), BATCH):
        for parent, node, name, kind, definition in await below_nodes(session, variables[start : start + BATCH]):
            if name == UNIT and definition == PROPERTY:
                at[node] = parent
            elif definition != PROPERTY and kind in ("object", "variable"):
                parents.add(parent)
    answers = await read_attribute(session, list(at), ua.AttributeIds.Value)
    told = {parent: _unit(data) for parent, data in zip(at.values(), answers, strict=True)}
    return {parent: unit for parent, unit in told.items() if unit}, parents


def _unit(data: Any) -> str:
    said = getattr(data.Value.Value, "DisplayName", None) if data.Value is not None else None
    return str(getattr(said, "Text", "") or "")


async def _all(session: Any, wish: Wish) -> Seen:
    """Walk down, many nodes a call, until all is seen or enough was found."""
    word = wish.find.casefold()
    edge: list[tuple[str, str]] = [(wish.below or OBJECTS, "")]
    seen, found = {SERVER}, dict[str, str]()
    while edge and len(found) < wish.most and len(seen) < MOST_NODES:
        batch, edge = edge[:BATCH], edge[BATCH:]
        paths = dict(batch)
        for one in await below_nodes(session, list(paths)):
            parent, node, name, kind, definition = one
            if node in seen or not _wanted(one) or definition == PROPERTY:
                continue
            seen.add(node)
            path = f"{paths[parent]}/{name}" if paths[parent] else name
            edge.append((node, path))
            if kind == "variable" and (not word or word in path.casefold() or word in node.casefold()):
                found[node] = path
    nodes = list(found)[: wish.most]
    values = await values_of(session, nodes[:MOST_VALUES])
    items: list[Inside] = []
    for node in nodes:
        value, kind = values.get(node, ("", ""))
        items.append(Inside(node, wish.below, found[node], "value", kind, value, pick=Pick("nodes", node)))
    return Seen(items, (cut(len(items)),) if edge else ())


def _wanted(one: Found) -> bool:
    return one[3] in ("object", "variable") and one[1] != SERVER
