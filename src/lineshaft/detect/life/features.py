"""What a window of a life says about its end: means, spread, slopes, the distance to the asset's own beginning, its age."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lineshaft.detect.detector import Floats
from lineshaft.detect.life.histories import Life
from lineshaft.detect.life.regimes import Regimes

SHARES = (0.025, 0.05, 0.15)
"""Lengths of the windows as shares of a usual life."""
KINDS = ("mean over {0}", "mean over {1}", "mean over {2}", "spread over {2}", "smoothed", "slope", "against its own beginning")
EXACT = 0.9999
CORRELATED = 0.05
"""A sensor that follows the remaining life less than this is left out."""


@dataclass(slots=True)
class Features:
    """Turns lives into rows of features; knows the sensors, their mean and spread, and the windows."""

    names: list[str]
    center: Floats
    scale: Floats
    windows: tuple[int, int, int]
    left_out: dict[str, str] = field(default_factory=dict[str, str])
    regimes: Regimes = field(default_factory=Regimes)

    @classmethod
    def learn(cls, lives: list[Life], names: list[str], cap: float) -> Features:
        """Choose sensors, scales and windows from lives that ended, in an order that follows from the data alone."""
        usual = float(np.median([len(life) for life in lives]))
        small, middle, large = (max(floor, round(share * usual)) for share, floor in zip(SHARES, (3, 5, 10), strict=True))
        left = np.concatenate([np.minimum(life.remaining, cap) for life in lives])
        together = {name: np.concatenate([life.columns[name] for life in lives]) for name in names}
        regimes = Regimes.learn({name: values for name, values in together.items() if not np.isnan(values).all()}, left)
        together = {**together, **regimes.flat(together)}
        kept: list[tuple[float, str, float, float]] = []
        left_out: dict[str, str] = {}
        for name in names:
            values = together[name]
            known = ~np.isnan(values)
            if known.sum() < 0.1 * len(values) or not np.ptp(values[known]) > 1e-9 * float(np.abs(values[known]).max() or 1):
                left_out[name] = "never changes, or is mostly missing, in lives that ended"
                continue
            center, scale = float(values[known].mean()), float(values[known].std())
            follows = abs(float(np.corrcoef(values[known], left[known])[0, 1]))
            if _counts_down(values, lives, left):
                left_out[name] = "counts down to the end, which is known only afterwards"
            elif follows > CORRELATED:
                kept.append((-round(follows, 6), name, center, scale))
            else:
                left_out[name] = "does not follow the remaining life"
        kept.sort(key=lambda one: one[0])
        names = [name for _, name, _, _ in kept]
        values = (np.array([one[2] for one in kept]), np.array([one[3] for one in kept]))
        return cls(names, *values, (small, middle, large), left_out, regimes)

    @property
    def asked(self) -> list[str]:
        """Return the columns that forecasts are made of: sensors, and what tells the operating condition."""
        return list(dict.fromkeys([*self.names, *self.regimes.names]))

    @property
    def labels(self) -> list[tuple[str, str]]:
        """Return (sensor, kind) of every column; the last one is the age."""
        kinds = [kind.format(*self.windows) for kind in KINDS]
        return [(name, kind) for kind in kinds for name in self.names] + [("", "age")]

    def rows(self, life: Life) -> Any:
        """Return a row of features for every row of a life."""
        size = len(life)
        columns = self.regimes.flat(life.columns)
        matrix = np.column_stack([columns.get(name, np.full(size, np.nan)) for name in self.names])
        values = (matrix - self.center) / self.scale
        small, middle, large = self.windows
        steady = _mean(values, large)
        first = _nanmean(values[: max(middle, 1)])
        before = np.vstack([np.repeat(steady[:1], min(middle, size), axis=0), steady[:-middle]])[:size]
        parts = [
            _mean(values, small),
            _mean(values, middle),
            steady,
            _spread(values, large),
            _smooth(values, 2 / (2 * large / 3 + 1)),
            steady - before,
            steady - first,
            np.arange(size, dtype=np.float64)[:, None],
        ]
        return np.round(np.column_stack(parts), 5).astype(np.float32)

    def state(self) -> dict[str, Any]:
        """Return what was learned, as JSON."""
        return {
            "names": self.names,
            "center": self.center.tolist(),
            "scale": self.scale.tolist(),
            "windows": list(self.windows),
            "left_out": self.left_out,
            "regimes": self.regimes.state(),
        }

    @classmethod
    def restore(cls, state: dict[str, Any]) -> Features:
        """Be again what `state` returned."""
        small, middle, large = state["windows"]
        center, scale = np.array(state["center"]), np.array(state["scale"])
        regimes = Regimes(**state.get("regimes", {}))
        return cls(state["names"], center, scale, (small, middle, large), state["left_out"], regimes)


def _counts_down(values: Floats, lives: list[Life], left: Floats) -> bool:
    """Say whether a column is the remaining life itself, as no sensor is: the same in lives of any length."""
    lengths = np.array([len(life) for life in lives])
    if np.ptp(lengths) <= 0.1 * np.median(lengths):
        return False
    known = ~np.isnan(values)
    whole = np.concatenate([life.remaining for life in lives])
    return any(abs(float(np.corrcoef(values[known], told[known])[0, 1])) > EXACT for told in (whole, left))


def _sums(values: Floats, width: int) -> tuple[Floats, Floats, Floats]:
    """Return, over the last `width` rows, how many values there were, their sum, and the sum of squares."""
    known = ~np.isnan(values)
    filled = np.where(known, values, 0.0)

    def windowed(each: Floats) -> Floats:
        total = np.cumsum(each, axis=0)
        total[width:] -= total[:-width].copy()
        return total

    return windowed(known.astype(np.float64)), windowed(filled), windowed(filled**2)


def _mean(values: Floats, width: int) -> Floats:
    count, total, _ = _sums(values, width)
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0.5)


def _spread(values: Floats, width: int) -> Floats:
    count, total, squares = _sums(values, width)
    safe = np.maximum(count, 2.0)
    inside = np.maximum(squares - total**2 / np.maximum(count, 1.0), 0.0) / (safe - 1)
    return np.where(count > 1.5, np.sqrt(inside), 0.0)


def _smooth(values: Floats, share: float) -> Floats:
    """Return the mean of the past with weights that fade; rows without a value add nothing."""
    known = ~np.isnan(values)
    filled = np.where(known, values, 0.0)
    total, weight = np.zeros(values.shape[1]), np.zeros(values.shape[1])
    out = np.empty_like(values)
    keep = 1 - share
    for row in range(len(values)):
        total = total * keep + filled[row]
        weight = weight * keep + known[row]
        out[row] = np.divide(total, weight, out=np.full(len(total), np.nan), where=weight > 1e-9)
    return out


def _nanmean(values: Floats) -> Floats:
    known = ~np.isnan(values)
    count = known.sum(axis=0)
    return np.divide(np.where(known, values, 0.0).sum(axis=0), count, out=np.full(values.shape[1], np.nan), where=count > 0)
