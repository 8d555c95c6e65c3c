"""Tags keep their variable when a server numbers its namespaces anew, as many do after a restart or an engineering download.

A NodeId `ns=2;s=Temp` means the namespace that was number 2 when this source first met the server: its URI is remembered, and
looked up anew at every connect. `nsu=URI;s=Temp` names the URI itself.
"""

# pyright: reportPrivateImportUsage=false, reportArgumentType=false
# asyncua re-exports its names without saying so, and its int types are not int
from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from asyncua import ua

NAMESPACE_ARRAY = 2255
LOCAL = 1
"""Numbers 0 and 1 are OPC UA's own and the server's own: they never move, whatever the server is called."""
BY_URI = re.compile(r"^nsu=([^;]+);(.+)$")


class UnknownNamespace(ValueError):
    """A tag's namespace does not exist at this server."""


class Namespaces:
    """The namespaces of one server, as it numbers them now and as it did when we first met."""

    def __init__(self, file: Path, url: str) -> None:
        self._file = file
        self._url = url
        self._now: list[str] = []
        self._first: list[str] = []

    async def learn(self, session: Any) -> None:
        """Read how the server numbers its namespaces now; the first time, remember it."""
        node = ua.NodeId(NAMESPACE_ARRAY)
        parameters = ua.ReadParameters(NodesToRead=[ua.ReadValueId(node, ua.AttributeIds.Value)])
        (found,) = await session.read(parameters)
        self._now = [str(uri) for uri in (found.Value.Value if found.Value is not None else None) or []]
        self._first = self._first or self._remembered()
        if self._first[: len(self._now)] != self._now:
            self._first += [uri for uri in self._now if uri not in self._first and not self._taken(uri)]
            self._remember()

    @property
    def moved(self) -> str:
        """What to say of namespaces that have another number than before; nothing as a rule."""
        here = [(i, uri) for i, uri in enumerate(self._first) if i > LOCAL and self._now[i : i + 1] != [uri]]
        told = [f"{uri} from {i} to {self._now.index(uri)}" for i, uri in here if uri in self._now]
        words = [f"the server numbers its namespaces anew ({'; '.join(told)}): tags follow by name"] if told else []
        words += [f"namespace {i} is called {self._now[i]} and was {uri}: is it the same?" for i, uri in here if self._renamed(i)]
        return "; ".join(words)

    def _renamed(self, index: int) -> bool:
        """Whether a namespace is gone and one nobody knew has its number."""
        now = self._now[index : index + 1]
        return self._first[index] not in self._now and bool(now) and now[0] not in self._first[: len(self._now)]

    def node(self, tag: str) -> Any:
        """Return the NodeId a tag means now. Raises UnknownNamespace, ValueError or UaError."""
        match = BY_URI.match(tag)
        if match:
            if match[1] not in self._now:
                raise UnknownNamespace(f"the server has no namespace {match[1]}")
            return ua.NodeId.from_string(f"ns={self._now.index(match[1])};{match[2]}")
        node = ua.NodeId.from_string(tag)
        index = int(node.NamespaceIndex)
        if index < len(self._first) and index > LOCAL and self._first[index] not in self._now and not self._renamed(index):
            raise UnknownNamespace(f"the server has no namespace {self._first[index]} (number {index}) any more")
        return _translated(node, self._first, self._now)

    def tag(self, node: Any) -> str:
        """Return the tag's name of a node that was found by browsing: with the number its namespace first had."""
        return str(_translated(node, self._now, self._first).to_string())

    def _taken(self, uri: str) -> bool:
        """Whether a namespace only has a new name for a number we know."""
        index = self._now.index(uri)
        return index < len(self._first) and self._first[index] not in self._now

    def _remembered(self) -> list[str]:
        try:
            kept = json.loads(self._file.read_text("utf-8"))
        except (OSError, ValueError):
            return []
        return [str(uri) for uri in kept["namespaces"]] if isinstance(kept, dict) and kept.get("url") == self._url else []

    def _remember(self) -> None:
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            made = self._file.with_suffix(".new")
            made.write_text(json.dumps({"url": self._url, "namespaces": self._first}), "utf-8")
            made.replace(self._file)
        except OSError:  # a full disk is told elsewhere; we remember in memory meanwhile
            return


def _translated(node: Any, given: list[str], wanted: list[str]) -> Any:
    """Return the NodeId with the number that the namespace has in the wanted list; as it is where it has none there."""
    index = int(node.NamespaceIndex)
    if index <= LOCAL or index >= len(given) or wanted[index : index + 1] == [given[index]] or given[index] not in wanted:
        return node
    return ua.NodeId(node.Identifier, wanted.index(given[index]), node.NodeIdType)
