"""Charts over time: exponentially weighted means in blocks, with memory, and grids of readings that come in steps."""

from __future__ import annotations

import numpy as np

from lineshaft.detect.detector import Bools, Floats, Ints

BLOCK = 32
SPEAKING = 6
"""Fewer different values than that, seen less often each, may lie a whole number of steps apart by chance."""
CLIP = 8.0
"""A residual beyond so many standard deviations counts as that many: one spike is no drift."""


def smooth(rows: Floats, share: float, before: Floats) -> Floats:
    """Return the running mean y[t] = (1 - share) y[t-1] + share x[t] of every column, going on from `before`.

    Fastest for rows that lie in memory column after column; what is returned lies so.
    """
    if not len(rows):
        return rows.copy()
    return _scan(np.ascontiguousarray(rows.T), 1 - share, share, np.asarray(before, np.float64)).T


def smooth_seen(rows: Floats, share: float, before: Floats) -> Floats:
    """Return the same where NaN is no evidence: a column without a value keeps its mean."""
    lanes = np.ascontiguousarray(rows.T)
    seen = ~np.isnan(lanes)
    holes = np.flatnonzero(~seen.all(axis=1))
    if not len(holes):
        return smooth(rows, share, before)
    packed = lanes.copy()
    for lane in holes:
        values = lanes[lane, seen[lane]]
        packed[lane, : len(values)], packed[lane, len(values) :] = values, 0.0
    found = _scan(packed, 1 - share, share, np.asarray(before, np.float64))
    for lane in holes:
        found[lane] = np.append(before[lane], found[lane])[np.cumsum(seen[lane])]
    return found.T


def _scan(lanes: Floats, keep: float, share: float, before: Floats) -> Floats:
    """Return y[t] = keep y[t-1] + share x[t] of every lane: triangular products within blocks, then the same over their ends."""
    width, size = lanes.shape
    block = min(BLOCK, size)
    blocks = -(-size // block)
    if size % block:
        padded = np.zeros((width, blocks * block))
        padded[:, :size] = lanes
        lanes = padded
    steps = np.subtract.outer(np.arange(block), np.arange(block))
    triangle = np.where(steps >= 0, share * keep ** np.maximum(steps, 0), 0.0)
    within = (lanes.reshape(width * blocks, block) @ triangle.T).reshape(width, blocks, block)
    carried = before[:, None]
    if blocks > 1:
        ends = _scan(np.ascontiguousarray(within[:, :-1, -1]), keep**block, 1.0, before)
        carried = np.concatenate((carried, ends), axis=1)
    within += carried[:, :, None] * keep ** np.arange(1, block + 1)
    return within.reshape(width, blocks * block)[:, :size]


def spread_of_mean(share: float) -> float:
    """Return the standard deviation of the running mean of independent values of standard deviation 1."""
    return float(np.sqrt(share / (2 - share)))


def step(values: Floats) -> float:
    """Return the step in which a column's values come (0.01 when they are rounded to two decimals), 0 when there is none."""
    known = values[~np.isnan(values)]
    distinct = np.unique(known)
    if len(distinct) < 3 or (len(distinct) < SPEAKING and len(known) < SPEAKING * len(distinct)):
        return 0.0
    low, high = float(distinct[0]), float(distinct[-1])
    gaps = np.diff(distinct)
    gaps = gaps[gaps > max(1e-9 * (high - low), 1e-15 * max(abs(low), abs(high)))]
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
