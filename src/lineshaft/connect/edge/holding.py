"""What a value holds ends with a bad one: of sensors that are sent on change, in an exported model's memory.

The graph fills a step without a value with the last one, for as long as the manifest says. It is not told of bad values; where
one came the memory is made to say that the time is over, so that only a short gap is still filled, as it is at the plant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Holding:
    """The values a model remembers: of which sensor each is, and how long it holds (seconds; 0: it is not sent on change)."""

    def __init__(self, lanes: Mapping[str, Sequence[tuple[str, float]]]) -> None:
        self._names = {group: [name for name, _ in each] for group, each in lanes.items()}
        self._holds = {group: np.array([hold for _, hold in each], np.float64) for group, each in lanes.items()}
        self._held = frozenset(name for each in lanes.values() for name, hold in each if hold > 0)

    def parts(self, size: int, bad: Mapping[str, npt.NDArray[np.bool_]]) -> Iterator[tuple[slice, frozenset[str]]]:
        """Return rows in parts, each with the sensors whose hold ends with its first row."""
        mine = {name: rows for name, rows in bad.items() if name in self._held}
        any_ = np.any(list(mine.values()), axis=0) if mine else np.zeros(size, np.bool_)
        edges = sorted({0, size, *np.flatnonzero(any_).tolist()})
        for start, end in pairwise(edges):
            yield slice(start, end), frozenset(name for name, rows in mine.items() if rows[start])

    def end(self, sensors: frozenset[str], memory: dict[str, Any]) -> None:
        """End what the values of these sensors hold now."""
        for group, names in self._names.items() if sensors else ():
            age: Floats = memory[f"{group}_age"].copy()
            ends = np.array([name in sensors for name in names], np.bool_) & (age < self._holds[group])
            age[ends] = self._holds[group][ends]
            memory[f"{group}_age"] = age
