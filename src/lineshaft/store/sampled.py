"""A property at even times, and its mean weighted by time: what lies between two recorded values, and for how long it stood.

Instants and windows as in the SiteWise dialect: values at start + k * interval for k >= 1 up to the end; windows (start, end],
stamped at their end. Only good values count. `locf` holds the last observation; `linear` draws a line to the next good one and
holds the value where the next is not good. After a bad value, and before the first one, nothing is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lineshaft.core import NS, InvalidInput, Quality

Method = Literal["linear", "locf"]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
MOST = 1_000_000
_PAST = -(2**62)
_FUTURE = 2**62


class Recorded(Protocol):
    """What is asked of the store."""

    def history(
        self, ref: Any, start: int, end: int, *, good_only: bool = False, limit: int | None = None, descending: bool = False
    ) -> pa.Table:
        """Return (ts, value, q) over (start, end]."""
        ...


@dataclass(frozen=True, slots=True)
class Points:
    """Recorded points in time order with the one before and the one after the span; where `ok` is False nothing is known."""

    ts: Ints
    value: Floats
    ok: npt.NDArray[np.bool_]


def points(store: Recorded, ref: Any, start: int, end: int) -> Points:
    """Return the points of (start, end] with the last one before it and the first one after. Raises InvalidInput for text."""
    before = store.history(ref, _PAST, start, limit=1, descending=True)
    after = store.history(ref, end, _FUTURE, limit=1)
    tables = [before, store.history(ref, start, end), after]
    ts, value, ok = (np.concatenate(parts) for parts in zip(*(_columns(table) for table in tables), strict=True))
    last = np.append(ts[1:] != ts[:-1], True) if len(ts) else np.zeros(0, np.bool_)  # one point a time: the last one said
    return Points(ts[last], value[last], ok[last])


def interpolated(
    store: Recorded, ref: Any, start: int, end: int, every: int, method: Method, within: int | None = None
) -> tuple[Ints, Floats]:
    """Return the times and values at even instants; what is not known is left out.

    `within` (ns) lets only points count that lie so near to an instant. Raises InvalidInput for too many instants.
    """
    at = np.arange(start + every, end + 1, every, dtype=np.int64)
    _not_too_many(len(at))
    known = points(store, ref, start, end)
    low = np.searchsorted(known.ts, at, "right") - 1
    there = (low >= 0) & known.ok[np.maximum(low, 0)] if len(known.ts) else np.zeros(len(at), np.bool_)
    low, at = low[there], at[there]
    value = known.value[low]
    near = at - known.ts[low] <= within if within is not None else np.ones(len(at), np.bool_)
    if method == "linear" and len(known.ts):
        high = np.minimum(low + 1, len(known.ts) - 1)
        exact = known.ts[low] == at
        usable = (high > low) & known.ok[high]
        if within is not None:
            usable &= known.ts[high] - at <= within
            near &= exact | usable
        share = (at - known.ts[low]) / np.maximum(known.ts[high] - known.ts[low], 1)
        value = np.where(usable & ~exact, value + (known.value[high] - value) * share, value)
    return at[near], value[near]


def time_weighted(store: Recorded, ref: Any, start: int, end: int, window: int, method: Method) -> tuple[Ints, Floats, Floats]:
    """Return each window's end, its mean weighted by time, and the share of the window in which the value was known.

    A window in which nothing is known has no mean (NaN).
    """
    edges = np.arange(start, end + 1, window, dtype=np.int64)
    _not_too_many(len(edges))
    known = points(store, ref, start, end)
    if not len(known.ts) or len(edges) < 2:
        return edges[1:], np.full(len(edges) - 1, np.nan), np.zeros(max(len(edges) - 1, 0))
    integral, good = areas(known, edges, method)
    length = np.diff(good)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(length > 0, np.diff(integral) / length, np.nan)
    return edges[1:], mean, length / (window / NS)


def areas(known: Points, edges: Ints, method: Method) -> tuple[Floats, Floats]:
    """Return, up to each edge, the area below the value and the seconds in which it was known; the last value holds on."""
    ts = (known.ts - edges[0]) / NS
    at = (edges - edges[0]) / NS
    value, ok = np.where(known.ok, known.value, 0.0), known.ok.astype(np.float64)
    slope = np.zeros(len(ts))
    if method == "linear":
        both = known.ok[:-1] & known.ok[1:]
        slope[:-1] = np.where(both, np.diff(value) / np.diff(ts), 0.0)
    steps = np.diff(ts)
    area = np.concatenate([[0.0], np.cumsum(steps * (value[:-1] + slope[:-1] * steps / 2))])
    time = np.concatenate([[0.0], np.cumsum(steps * ok[:-1])])
    here = np.searchsorted(ts, at, "right") - 1
    place = np.maximum(here, 0)
    into = np.where(here >= 0, at - ts[place], 0.0)
    return area[place] + into * (value[place] + slope[place] * into / 2), time[place] + into * ok[place]


def _columns(table: pa.Table) -> tuple[Ints, Floats, npt.NDArray[np.bool_]]:
    kind = table["value"].type
    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind)):
        raise InvalidInput("this property is a text: there is nothing between two of its values", code="history.text")
    ts = table["ts"].cast(pa.int64()).to_numpy().astype(np.int64, copy=False)
    value = table["value"].cast(pa.float64()).to_numpy().astype(np.float64, copy=False)
    good = table["q"].to_numpy() == int(Quality.GOOD)
    return ts, value, good & np.isfinite(value)


def _not_too_many(count: int) -> None:
    if count > MOST:
        raise InvalidInput(
            f"that is {count} instants, at most {MOST} are given at once", hint="a longer interval, or a shorter span"
        )
