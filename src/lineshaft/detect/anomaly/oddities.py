"""What looks like a measurement and is none: codes for "no value", lone spikes, and columns that are another one told again."""

from __future__ import annotations

import numpy as np

from lineshaft.detect.anomaly.charts import runs
from lineshaft.detect.detector import Bools, Floats

CODES = (-99, -999, -9999, -99999, 999, 9999, 99999, 999999, 32767, -32768, 65535, 2147483647, -2147483648)
"""Values that say that there is none."""
CODE_SHARE, CODE_REACH = 0.2, 3.0
SPIKE_SHARE, SPIKE_REACH, SPIKE_ROWS = 0.01, 20.0, 2
"""Codes and spikes make up such a share at most, lie so many ranges of the others outside, and spikes last so many rows."""
SAMPLE = 20_000
ROWS = 2_000
EQUAL, NEARLY = 1 - 1e-10, 0.995


def wild(values: Floats) -> tuple[float, float] | None:
    """Return between what a sensor's measurements lie; None where no value is so far out that it is none."""
    some = values[:: max(1, len(values) // SAMPLE)]
    some = some[~np.isnan(some) & ~np.isin(some, CODES)]
    if len(some) < ROWS // 20:
        return None
    low, high = (float(one) for one in np.quantile(some, (0.01, 0.99)))
    room = high - low
    if room <= 0 or (np.nanmin(values) >= low - CODE_REACH * room and np.nanmax(values) <= high + CODE_REACH * room):
        return None
    out = (values < low - CODE_REACH * room) | (values > high + CODE_REACH * room)
    coded = out & np.isin(values, CODES)
    coded &= coded.mean() <= CODE_SHARE
    spikes = (values < low - SPIKE_REACH * room) | (values > high + SPIKE_REACH * room)
    spikes &= ~coded
    spikes &= bool(spikes.mean() <= SPIKE_SHARE and _lone(spikes))
    none = coded | spikes
    if not none.any():
        return None
    kept = values[~none & ~np.isnan(values)]
    return _clear(float(kept.min()), float(kept.max()), values[none])


def _lone(spikes: Bools) -> bool:
    first, last = runs(spikes)
    return bool(len(first)) and int((last - first).max()) < SPIKE_ROWS


def _clear(low: float, high: float, none: Floats) -> tuple[float, float] | None:
    """Return the ends of what is kept, if what is not lies outside."""
    return (low, high) if bool(((none < low) | (none > high)).all()) else None


def same(columns: dict[str, Floats]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the columns that are an earlier one told again (times a factor, plus an offset), and those that nearly are.

    Each comes with that one's name.
    """
    names = list(columns)
    if len(names) < 2:
        return {}, {}
    size = len(columns[names[0]])
    rows = np.array([columns[name][:: max(1, size // ROWS)] for name in names])
    seen = ~np.isnan(rows)
    rows = np.where(seen, rows, 0.0)
    rows = np.where(seen, rows - (rows.sum(axis=1) / np.maximum(seen.sum(axis=1), 1))[:, None], 0.0)
    length = np.sqrt((rows**2).sum(axis=1))
    rows /= np.where(length > 0, length, 1.0)[:, None]
    alike = np.abs(rows @ rows.T)
    again, near = dict[str, str](), dict[str, str]()
    for place in range(1, len(names)):
        earlier = [one for one in range(place) if names[one] not in again]
        best = max(earlier, key=lambda one: float(alike[place, one]))
        if alike[place, best] > EQUAL:
            again[names[place]] = names[best]
        elif alike[place, best] > NEARLY:
            near[names[place]] = names[best]
    return again, near
