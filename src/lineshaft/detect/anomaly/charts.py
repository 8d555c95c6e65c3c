"""Charts over time: exponentially weighted means in blocks, with memory, and grids of readings that come in steps."""

from __future__ import annotations

import numpy as np

from lineshaft.detect.detector import Bools, Floats, Ints

BLOCK = 32
CLIP = 8.0
"""A residual beyond so many standard deviations counts as that many: one spike is no drift."""


def smooth(rows: Floats, share: float, before: Floats) -> Floats:
    """Return the running mean y[t] = (1 - share) y[t-1] + share x[t] of every column, going on from `before`."""
    if not len(rows):
        return rows.copy()
    keep = 1 - share
    found = _scan(rows * share, keep)
    powers = keep ** np.arange(1, len(rows) + 1)
    alive = int(np.searchsorted(-powers, -1e-12))
    found[:alive] += powers[:alive, None] * before
    return found


def smooth_seen(rows: Floats, share: float, before: Floats) -> Floats:
    """Return the same where NaN is no evidence: a column without a value keeps its mean."""
    missing = np.isnan(rows)
    holes = missing.any(axis=0)
    if not holes.any():
        return smooth(rows, share, before)
    found = np.empty_like(rows)
    whole = ~holes
    found[:, whole] = smooth(rows[:, whole], share, before[whole])
    for column in np.flatnonzero(holes):
        seen = ~missing[:, column]
        means = smooth(rows[seen, column : column + 1], share, before[column : column + 1])[:, 0]
        found[:, column] = np.append(before[column], means)[np.cumsum(seen)]
    return found


def _scan(rows: Floats, keep: float) -> Floats:
    """Return y[t] = keep y[t-1] + x[t] from nothing: triangular products within blocks, then the same over the blocks' ends."""
    size, width = rows.shape
    block = min(BLOCK, size)
    steps = np.subtract.outer(np.arange(block), np.arange(block))
    triangle = np.where(steps >= 0, keep ** np.maximum(steps, 0), 0.0)
    if size <= BLOCK:
        return triangle @ rows
    blocks = -(-size // BLOCK)
    padded = np.zeros((blocks * BLOCK, width))
    padded[:size] = rows
    within = np.matmul(triangle, padded.reshape(blocks, BLOCK, width))
    ends = _scan(np.ascontiguousarray(within[:-1, -1]), keep**BLOCK)
    within[1:] += (keep ** np.arange(1, BLOCK + 1))[None, :, None] * ends[:, None, :]
    return within.reshape(-1, width)[:size]


def spread_of_mean(share: float) -> float:
    """Return the standard deviation of the running mean of independent values of standard deviation 1."""
    return float(np.sqrt(share / (2 - share)))


def step(values: Floats) -> float:
    """Return the step in which a column's values come (0.01 when they are rounded to two decimals), 0 when there is none."""
    distinct = np.unique(values[~np.isnan(values)])
    if len(distinct) < 3:
        return 0.0
    size = max(abs(float(distinct[0])), abs(float(distinct[-1])))
    gaps = np.diff(distinct)
    gaps = gaps[gaps > 1e-9 * size]
    if len(gaps) < 2:
        return 0.0
    smallest = float(gaps.min())
    times = gaps / smallest
    regular = bool(np.all(np.abs(times - np.round(times)) < 0.01)) and float(times.max()) < 1e5
    return smallest if regular else 0.0


def longest_run(values: Floats) -> int:
    """Return the length of the longest run of equal values (NaN ends a run)."""
    if not len(values):
        return 0
    edges = np.flatnonzero(np.concatenate(([True], values[1:] != values[:-1], [True])))
    return int(np.diff(edges).max())


def runs(flags: Bools) -> tuple[Ints, Ints]:
    """Return first and last places of the runs of True."""
    padded = np.concatenate(([0], flags.astype(np.int8), [0]))
    change = np.diff(padded)
    return np.flatnonzero(change == 1), np.flatnonzero(change == -1) - 1
