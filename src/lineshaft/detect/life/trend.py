"""No failures: when a health index will reach its limit, if it goes on as it does.

The index may have stood still and then moved in a line, or it speeds up: every shape that fits about as well has a say, so the
interval covers what a single curve would hide. That a wearing part does not move evenly widens it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lineshaft.core import InvalidInput
from lineshaft.detect.detector import Floats

FEWEST = 12
MOST = 400
DRAWS = 6000
FARTHEST = 2.0
"""In lengths of what has been seen: beyond it nothing is said but `more than`."""
STILL = np.linspace(0, 0.8, 25)
"""Shares of the time an index may have stood still before it moved in a straight line."""
BENDS = np.geomspace(0.3, 9, 40)
"""Or it speeds up: so often by a factor of e in the time that was seen."""
SPEAKING = 30
"""At most so many values speak for one shape against another: shapes that fit nearly as well stay in."""


@dataclass(frozen=True, slots=True)
class HealthIndex:
    """A column that tells wear, and the value at which the asset must not run on. `rising` tells from which side."""

    column: str
    limit: float
    rising: bool = True


@dataclass(frozen=True, slots=True)
class Course:
    """How an index moves: since when, how fast now, and what is left; None: no end in sight within `horizon`."""

    since: float
    slope: float
    now: float
    left: float | None
    low: float
    high: float | None
    horizon: float


@dataclass(frozen=True, slots=True)
class _Shape:
    """One way the index may have gone: level plus height times a shape over time (0 to 1 of what was seen)."""

    still: float
    bend: float
    fitted: Floats
    spread: Floats
    misfit: float

    def reach(self, level: Floats, height: Floats, limit: Floats) -> Floats:
        """Return when (1: now) the limit is reached; infinite if never."""
        out = np.full(len(level), np.inf)
        up = height > 0
        gap = np.maximum(limit[up] - level[up], 0.0) / height[up]
        out[up] = np.log1p(gap * np.expm1(self.bend)) / self.bend if self.bend else self.still + gap * (1 - self.still)
        return out


def follow(times: Floats, values: Floats, index: HealthIndex) -> Course:
    """Return the course of an index over one life. Raises InvalidInput for too few values."""
    known = ~(np.isnan(times) | np.isnan(values))
    if known.sum() < FEWEST:
        hint = f"wait until there are {FEWEST} values, or take shorter steps"
        raise InvalidInput(f"the index '{index.column}' has {int(known.sum())} values", hint=hint, code="life.few-values")
    times, values = _thinned(times[known], values[known])
    sign = 1.0 if index.rising else -1.0
    wear, limit = sign * values, sign * index.limit
    begin, span = float(times[0]), float(times[-1] - times[0])
    seen = (times - begin) / span
    now = float(np.median(wear[-max(3, len(wear) // 40) :]))
    shapes = [_fit(seen, wear, share, 0.0) for share in STILL] + [_fit(seen, wear, 0.0, float(bend)) for bend in BENDS]
    best = min(shapes, key=lambda one: one.misfit)
    since = begin + best.still * span
    rate = best.bend * np.exp(best.bend) / np.expm1(best.bend) if best.bend else 1 / (1 - best.still)
    slope = sign * float(best.fitted[1]) * rate / span
    horizon = FARTHEST * span
    if now >= limit:
        return Course(since, slope, sign * now, 0.0, 0.0, 0.0, horizon)
    low, middle, high = (one * span for one in _left(seen, wear, limit, shapes, best))
    if middle >= horizon:
        return Course(since, slope, sign * now, None, min(low, horizon), None, horizon)
    return Course(since, slope, sign * now, middle, low, high if high < horizon else None, horizon)


def _thinned(times: Floats, values: Floats) -> tuple[Floats, Floats]:
    if len(times) <= MOST:
        return times, values
    parts = np.array_split(np.arange(len(times)), MOST)
    return np.array([times[part].mean() for part in parts]), np.array([np.median(values[part]) for part in parts])


def _fit(seen: Floats, wear: Floats, still: float, bend: float) -> _Shape:
    """Fit level and height of one shape, and how sure they are when neighbouring values hang together."""
    run = np.expm1(bend * seen) / np.expm1(bend) if bend else np.maximum(seen - still, 0.0) / (1 - still)
    design = np.column_stack([np.ones(len(seen)), run])
    fitted, *_ = np.linalg.lstsq(design, wear, rcond=None)
    off = wear - design @ fitted
    misfit = float((off**2).mean()) + 1e-18
    spread = np.linalg.pinv(design.T @ design) * misfit * len(off) / _alone(off)
    return _Shape(still, bend, fitted.astype(np.float64), spread.astype(np.float64), misfit)


def _alone(off: Floats) -> float:
    """Return for how many independent values these residuals count."""
    ties = float(np.clip(np.corrcoef(off[1:], off[:-1])[0, 1], 0, 0.98)) if off.std() > 0 else 0.0
    return max(3.0, len(off) * (1 - ties) / (1 + ties))


def _wander(seen: Floats, wear: Floats) -> float:
    """Return how much an index wanders in the time that was seen (variance), beyond noise that does not last."""
    steady = wear - np.polyval(np.polyfit(seen, wear, 3), seen)
    short = float(np.var(np.diff(steady)))
    lags = [lag for lag in (len(wear) // 16, len(wear) // 10, len(wear) // 6) if lag > 1]
    lasting = [max(float(np.var(steady[lag:] - steady[:-lag])) - short, 0.0) / float(seen[lag] - seen[0]) for lag in lags]
    return max(lasting, default=0.0)


def _left(seen: Floats, wear: Floats, limit: float, shapes: list[_Shape], best: _Shape) -> tuple[float, float, float]:
    """Return when the limit is reached (10, 50, 90 %), in lengths of what was seen, over all shapes that fit about as well."""
    chance = np.random.default_rng(0)
    off = min(_alone(wear - _of(best, seen)), SPEAKING)
    weight = np.array([(one.misfit / best.misfit) ** (-off / 2) for one in shapes])
    parts = np.round(DRAWS * weight / weight.sum()).astype(int)
    wander = _wander(seen, wear)
    found: list[Floats] = []
    for one, size in zip(shapes, parts.tolist(), strict=True):
        if not size:
            continue
        drawn = chance.multivariate_normal(one.fitted, one.spread, size, method="svd")
        drawn[:, 1] += chance.normal(0, np.sqrt(wander), size)  # a course that wanders hides its own slope
        aim = np.full(size, limit)
        first = np.maximum(one.reach(drawn[:, 0], drawn[:, 1], aim) - 1, 0.0)
        going = np.sqrt(wander * np.minimum(first, 10.0))
        found.append(np.maximum(one.reach(drawn[:, 0], drawn[:, 1], aim + chance.normal(0, 1, size) * going) - 1, 0.0))
    low, middle, high = np.quantile(np.minimum(np.concatenate(found), 1e9), (0.1, 0.5, 0.9))
    return float(low), float(middle), float(high)


def _of(one: _Shape, seen: Floats) -> Floats:
    run = np.expm1(one.bend * seen) / np.expm1(one.bend) if one.bend else np.maximum(seen - one.still, 0.0) / (1 - one.still)
    return one.fitted[0] + one.fitted[1] * run
