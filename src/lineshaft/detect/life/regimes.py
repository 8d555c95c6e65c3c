"""Operating conditions that assets switch between (load steps, altitudes, recipes): found in the data, taken out of the sensors.

Where a machine runs under a few separate conditions, they move its sensors far more than wear does. Columns whose values lie in a
few separate ranges, and that with these ranges explain most of what the other sensors do and nothing of the remaining life, tell
the condition; each sensor is then held against its own mean and spread under the same condition.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lineshaft.detect.detector import Floats, Ints

GAP = 0.02
"""Ranges are separate where there is nothing over such a share of all that a column's values span."""

MOST, LEAST = 24, 0.005
"""So many conditions at most, each with such a share of the rows at least."""

EXPLAINED = 0.5
"""Conditions count when they explain such a share of the variance of half of the sensors."""

BETTER = 0.8
"""A further column tells of the condition if it leaves so much less unexplained."""

TELLS_AGE = 0.1
"""Columns whose ranges explain more than that of the remaining life tell of wear, not of conditions."""


@dataclass(slots=True)
class Regimes:
    """Which columns tell the condition, where their ranges are cut, which conditions there were, and what is usual in each."""

    names: list[str] = field(default_factory=list[str])
    cuts: list[list[float]] = field(default_factory=list[list[float]])
    known: list[int] = field(default_factory=list[int])
    center: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    scale: dict[str, list[float]] = field(default_factory=dict[str, list[float]])

    @classmethod
    def learn(cls, columns: dict[str, Floats], left: Floats) -> Regimes:
        """Look for conditions in the rows of lives that ended; without any, nothing is ever changed."""
        made = cls()
        ranges = {name: cuts for name, values in columns.items() if (cuts := _cuts(values)) and _ageless(values, cuts, left)}
        best, labels = 1.0, np.zeros(len(left), np.int64)
        while ranges:
            tried = {name: _joined(labels, columns[name], cuts) for name, cuts in ranges.items()}
            rest = {name: _unexplained(columns, found) for name, found in tried.items() if _few(found)}
            name = min(rest, key=lambda one: rest[one], default="")
            if not name or rest[name] > (BETTER * best if made.names else 1 - EXPLAINED):
                break
            best, labels = rest[name], tried[name]
            made.names.append(name)
            made.cuts.append(ranges.pop(name))
        if made.names:
            made._settle(columns, labels)
        return made

    def _settle(self, columns: dict[str, Floats], labels: Ints) -> None:
        self.known = [int(one) for one in np.unique(labels[labels >= 0])]
        for name, values in columns.items():
            groups = [values[labels == one] for one in self.known]
            seen = [group[~np.isnan(group)] for group in groups]
            self.center[name] = [float(group.mean()) if len(group) else 0.0 for group in seen]
            spread = [float(group.std()) if len(group) > 1 else 0.0 for group in seen]
            size = float(np.nanmax(np.abs(values), initial=0.0))
            self.scale[name] = [one if one > 1e-9 * size else 0.0 for one in spread]

    def flat(self, columns: dict[str, Floats]) -> dict[str, Floats]:
        """Return the columns as if there were one condition: 0 is usual, 1 a spread; a condition never seen is no value."""
        if not self.names:
            return columns
        size = len(next(iter(columns.values())))
        labels = np.zeros(size, np.int64)
        for name, cuts in zip(self.names, self.cuts, strict=True):
            labels = _joined(labels, columns.get(name, np.full(size, np.nan)), cuts)
        place = np.searchsorted(self.known, labels)
        place[place == len(self.known)] = 0
        unknown = np.array(self.known)[place] != labels
        return {name: self._one(name, values, place, unknown) for name, values in columns.items() if name in self.center}

    def _one(self, name: str, values: Floats, place: Ints, unknown: Any) -> Floats:
        center, scale = np.array(self.center[name])[place], np.array(self.scale[name])[place]
        still = scale == 0
        found = np.where(still, 0.0 * values, (values - center) / np.where(still, 1.0, scale))
        return np.where(unknown, np.nan, found)

    def state(self) -> dict[str, Any]:
        """Return what was found, as JSON."""
        return {"names": self.names, "cuts": self.cuts, "known": self.known, "center": self.center, "scale": self.scale}


def _cuts(values: Floats) -> list[float]:
    """Return where a column's separate ranges are parted; nothing for one whose values run through, or lie in too many."""
    distinct = np.unique(values[~np.isnan(values)])
    if len(distinct) < 2:
        return []
    room = GAP * (distinct[-1] - distinct[0])
    gaps = np.flatnonzero(np.diff(distinct) > room)
    if not 0 < len(gaps) < MOST:
        return []
    parted = [(distinct[place] + distinct[place + 1]) / 2 for place in gaps]
    cuts = [float(one) for one in (distinct[0] - room, *parted, distinct[-1] + room)]
    return cuts if _few(_joined(np.zeros(len(values), np.int64), values, cuts)) else []


def _joined(labels: Ints, values: Floats, cuts: list[float]) -> Ints:
    """Return conditions told apart by one column more; -1 where it has no value."""
    joined = labels * (MOST + 2) + np.searchsorted(cuts, values)
    return np.where((labels < 0) | np.isnan(values), -1, joined).astype(np.int64)


def _few(labels: Ints) -> bool:
    counts = np.unique(labels[labels >= 0], return_counts=True)[1]
    return 1 < len(counts) <= MOST and int(counts.min()) >= max(20, LEAST * len(labels))


def _ageless(values: Floats, cuts: list[float], left: Floats) -> bool:
    return _within(left, _joined(np.zeros(len(values), np.int64), values, cuts)) > 1 - TELLS_AGE


def _unexplained(columns: dict[str, Floats], labels: Ints) -> float:
    """Return the share of variance that conditions leave, of the median sensor that moves at all."""
    left = [_within(values, labels) for values in columns.values() if np.nanmax(values) > np.nanmin(values)]
    return max(float(np.median(left)), 1e-4)


def _within(values: Floats, labels: Ints) -> float:
    """Return the share of a column's variance that lies within conditions."""
    use = (labels >= 0) & ~np.isnan(values)
    _, place = np.unique(labels[use], return_inverse=True)
    some = values[use] - values[use].mean() if use.any() else values[use]
    total = float((some**2).sum())
    if total <= 0:
        return 1.0
    between = float((np.bincount(place, some) ** 2 / np.bincount(place)).sum())
    return 1 - between / total
