"""Who is born: edge nodes, devices and their metrics, by name and alias, looked up for many metrics at once."""

# pyright: reportArgumentType=false, reportCallIssue=false
# pyarrow's stubs know neither NumPy buffers nor boolean arrays
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lineshaft.connect.sparkplug_b import UINT64, name_key

_MIX = np.random.default_rng().integers(1, 2**63, 3, np.uint64) * np.uint64(2) + np.uint64(1)
MOST_PATTERNS = 10_000
HIDDEN = ("bdSeq", "Node Control/", "Device Control/")


@dataclass(slots=True)
class Body:
    """An edge node, or a device of one (then `device` is its name); `ids` are its metrics."""

    number: int
    node: Node
    device: str
    ids: list[int] = field(default_factory=list[int])
    alive: bool = False

    @property
    def path(self) -> str:
        """Return the first part of its tags: group/node or group/node/device."""
        return f"{self.node.path}/{self.device}" if self.device else self.node.path


@dataclass(slots=True)
class Node:
    """An edge node's life: the number of its birth, where its sequence is, and when it may be asked for a rebirth again."""

    group: str
    name: str
    bd_seq: int = -1
    seq: int = -1
    born: bool = False
    wants: bool = False
    ask_from: float = 0.0
    wait: float = 0.0
    unproven_since: float | None = None
    why_dead: str = ""
    bodies: dict[str, Body] = field(default_factory=dict[str, Body])

    @property
    def path(self) -> str:
        """Return group/node."""
        return f"{self.group}/{self.name}"


class Register:
    """All that was ever born. A metric's id is for ever; whether it is spoken for by an alias changes with each birth."""

    def __init__(self) -> None:
        self.nodes: dict[tuple[str, str], Node] = {}
        self.tags: list[str] = []
        self._bodies: list[Body] = []
        self._numbers: dict[str, int] = {}
        self._kinds: list[int] = []
        self._keys: dict[int, dict[int, int]] = {}
        self._sorted: tuple[UINT64, NDArray[np.int64]] | None = None
        self._of_pattern: dict[tuple[object, int], NDArray[np.int64]] = {}
        self._names: pa.StringArray | None = None
        self.kinds = np.zeros(0, np.uint8)

    def node(self, group: str, name: str) -> Node:
        """Return an edge node, a new one when it was never heard of."""
        return self.nodes.setdefault((group, name), Node(group, name))

    def body(self, node: Node, device: str) -> Body:
        """Return a device of a node ('' is the node itself)."""
        if device not in node.bodies:
            node.bodies[device] = Body(len(self._bodies), node, device)
            self._bodies.append(node.bodies[device])
        return node.bodies[device]

    def bear(self, body: Body, metrics: Sequence[tuple[str, int | None, int]]) -> list[int]:
        """Note the metrics (name, alias, type) of a birth, which replace those before; return their ids."""
        keys: dict[int, int] = {}
        ids: list[int] = []
        for name, alias, kind in metrics:
            tag = f"{body.path}/{name}"
            number = self._numbers.get(tag)
            if number is None:
                number = self._numbers[tag] = len(self.tags)
                self.tags.append(tag)
                self._kinds.append(0)
            self._kinds[number] = kind if 0 <= kind < 256 else 0
            keys[_key(body.number, name_key(name.encode()), named=True)] = number
            if alias is not None:
                keys[_key(body.number, alias, named=False)] = number
            ids.append(number)
        self._keys[body.number] = keys
        self._sorted = self._names = None
        self._of_pattern.clear()
        body.ids = ids
        body.alive = True
        return ids

    def find(self, bodies: NDArray[np.int64], keys: UINT64, named: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the ids of metrics by body and alias or name key, -1 for those nobody was born with."""
        known, ids = self._table()
        if not len(known):
            return np.full(len(keys), -1, np.int64)
        wanted = _mixed(bodies, keys, named)
        place = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
        return np.where(known[place] == wanted, ids[place], -1)

    def find_pattern(
        self, pattern: object, bodies: NDArray[np.int64], keys: UINT64, named: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        """Return what `find` does, for payloads of these bodies that all have the keys of one pattern."""
        found: list[NDArray[np.int64]] = []
        n = len(keys) // max(len(bodies), 1)
        for body in bodies.tolist():
            ids = self._of_pattern.get((pattern, body))
            if ids is None:
                ids = self.find(np.full(n, body, np.int64), keys[:n], named[:n])
                if len(self._of_pattern) > MOST_PATTERNS:
                    self._of_pattern.clear()
                self._of_pattern[pattern, body] = ids
            found.append(ids)
        return np.concatenate(found)

    def name(self, ids: NDArray[np.int64]) -> Any:
        """Return the tags of metrics, as a dictionary of those that occur."""
        if self._names is None:
            self._names = pa.array(self.tags, pa.string())
        used = np.flatnonzero(np.bincount(ids))
        narrow = np.zeros(int(used[-1]) + 1, np.int32)
        narrow[used] = np.arange(len(used), dtype=np.int32)
        return pa.DictionaryArray.from_arrays(pa.array(narrow[ids]), self._names.take(pa.array(used)))

    def locate(self, body: int, word: str | int) -> int:
        """Return the id of one metric by its name or alias, -1 when nobody was born with it."""
        named = isinstance(word, str)
        key = name_key(word.encode()) if isinstance(word, str) else word
        return self._keys.get(body, {}).get(_key(body, key, named=named), -1)

    def kind(self, number: int) -> int:
        """Return the type a metric was born with."""
        return self._kinds[number]

    def _table(self) -> tuple[UINT64, NDArray[np.int64]]:
        if self._sorted is None:
            pairs = [pair for keys in self._keys.values() for pair in keys.items()]
            known = np.array([key for key, _ in pairs], np.uint64)
            order = np.argsort(known)
            self._sorted = known[order], np.array([number for _, number in pairs], np.int64)[order]
            self.kinds = np.array(self._kinds, np.uint8)
        return self._sorted


def hidden(name: str) -> bool:
    """Whether a metric is the protocol's own and no value of the plant."""
    return name.startswith(HIDDEN)


def _mixed(bodies: NDArray[np.int64], keys: UINT64, named: NDArray[np.bool_]) -> UINT64:
    """Return one 64-bit key for (body, alias or name); two of them are equal by chance once in 2^64."""
    with np.errstate(over="ignore"):
        return keys * _MIX[0] + bodies.astype(np.uint64) * _MIX[1] + named.astype(np.uint64) * _MIX[2]


def _key(body: int, key: int, *, named: bool) -> int:
    mixed = _mixed(np.array([body]), np.array([key & 0xFFFFFFFFFFFFFFFF], np.uint64), np.array([named]))
    return int(mixed[0])
