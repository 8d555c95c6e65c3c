"""How far a forecast may be off, learned from lives the model had not seen: for each forecast the range of what came true."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lineshaft.detect.detector import Floats, Ints

LEVEL = 0.8
"""Share of true remaining lives that lie within the interval."""
NODES = 24
NEAR = 0.08
"""How near, in shares of the cap, a past forecast must be to speak for this one."""
FEWEST = 10
"""At least so many assets speak for a forecast."""


@dataclass(slots=True)
class Bands:
    """Lower and upper ends over forecasts from 0 to the cap; an infinite upper end says that there is none."""

    at: Floats
    low: Floats
    high: Floats

    @classmethod
    def learn(cls, guess: Floats, truth: Floats, owner: Ints, cap: float) -> Bands:
        """Learn the ends from forecasts for unseen assets; every asset has the same weight wherever it takes part."""
        at = np.linspace(0, cap, NODES)
        low, high = np.zeros(NODES), np.full(NODES, np.inf)
        tail = (1 - LEVEL) / 2
        for place, here in enumerate(at):
            near = _near(guess, owner, here, cap)
            weight = 1 / np.bincount(owner[near])[owner[near]]
            off, true = truth[near] - guess[near], truth[near]
            assets = len(np.unique(owner[near]))
            level = min(1.0, (1 - tail) * (assets + 1) / assets)
            open_end = np.average(true >= 0.999 * cap, weights=weight) > 1 - level
            side = min(1.0, LEVEL * (assets + 1) / assets) if open_end else level
            low[place] = _quantile(off, weight, 1 - side)
            high[place] = np.inf if open_end else _quantile(off, weight, level)
        return cls(at, low, high)

    def of(self, guess: Floats) -> tuple[Floats, Floats]:
        """Return both ends for forecasts."""
        low = np.maximum(guess + np.interp(guess, self.at, self.low), 0.0)
        known = np.isfinite(self.high)
        offs = np.interp(guess, self.at[known], self.high[known]) if known.any() else np.zeros(len(guess))
        nearest = np.clip(np.searchsorted(self.at, guess), 0, len(self.at) - 1)
        high = np.where(known[nearest], np.maximum(guess + offs, low), np.inf)
        return np.minimum(low, guess), np.maximum(high, guess)

    def state(self) -> dict[str, Any]:
        """Return it as JSON, where an infinite end is null."""
        high = [float(one) if np.isfinite(one) else None for one in self.high]
        return {"at": self.at.tolist(), "low": self.low.tolist(), "high": high}

    @classmethod
    def restore(cls, state: dict[str, Any]) -> Bands:
        """Be again what `state` returned."""
        high = np.array([np.inf if one is None else one for one in state["high"]])
        return cls(np.array(state["at"]), np.array(state["low"]), high)


def _near(guess: Floats, owner: Ints, here: float, cap: float) -> Any:
    """Return the places of forecasts near this one: more of them until enough assets speak."""
    distance = np.abs(guess - here)
    reach = NEAR * cap
    wanted = min(FEWEST, len(np.unique(owner)))
    while True:
        near = np.flatnonzero(distance <= reach)
        if len(np.unique(owner[near])) >= wanted:
            return near
        reach *= 1.5


def _quantile(values: Floats, weight: Floats, level: float) -> float:
    order = np.argsort(values, kind="stable")
    sums = np.cumsum(weight[order])
    place = int(np.searchsorted(sums, level * sums[-1] - 1e-12))
    return float(values[order][min(place, len(values) - 1)])
