"""A new way to a machine beside the old one: two sources compared tag by tag over a period, before one takes the other's place.

Two ways never sample at the same moment. A row of one is therefore held against all the other said within `LAG` around it,
and what it held before: equal is what is near enough to any of these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lineshaft.core import NS, InvalidInput, Quality, did_you_mean

if TYPE_CHECKING:
    from lineshaft.store.store import Store

Pair: TypeAlias = tuple[str, str]
Times: TypeAlias = npt.NDArray[np.int64]
Values: TypeAlias = npt.NDArray[np.float64]
LAG = 2 * NS
MOST = 10_000
"""Rows of a tag that are held against the other way's, evenly chosen from more."""


@dataclass(frozen=True, slots=True)
class Way:
    """What one source said of a tag: good values by time, the one held at the beginning too, and how many rows of any quality."""

    ts: Times
    values: Values
    rows: int
    text: bool


def compare(
    store: Store, old: str, new: str, period: tuple[int, int], pairs: Sequence[Pair] = (), within: float = 0.0
) -> list[dict[str, Any]]:
    """Compare two sources over (start, end], by the pairs given or else by tags of one name; the worst comes first.

    Raises InvalidInput for a source that never said anything.
    """
    tags = _tags(store)
    for name in (old, new):
        if name not in tags:
            raise InvalidInput(f"the source '{name}' never said anything", hint=did_you_mean(name, tags), code="source.silent")
    chosen = list(pairs) or [(tag, tag) for tag in sorted(tags[old] | tags[new])]
    told = [_compared(store, (old, a), (new, b), period, within) for a, b in chosen]
    order = {"apart": 0, "only-old": 1, "only-new": 2, "same": 3, "silent": 4}
    return sorted(told, key=lambda one: (order[one["verdict"]], one["old"]))


def _tags(store: Store) -> dict[str, set[str]]:
    table = store.series()
    found: dict[str, set[str]] = {}
    for source, tag in zip(table["source"].to_pylist(), table["tag"].to_pylist(), strict=True):
        found.setdefault(str(source), set()).add(str(tag))
    return found


def _compared(store: Store, old: tuple[str, str], new: tuple[str, str], period: tuple[int, int], within: float) -> dict[str, Any]:
    a, b = _ways(store, old, new, period)
    told = {"old": old[1], "new": new[1], "old_rows": a.rows, "new_rows": b.rows, "compared": 0, "equal": 0}
    told |= {"largest": None, "mean": None, "apart_at": None, "late_s": None}
    if not (a.rows and b.rows):
        verdict = "only-old" if a.rows else "only-new" if b.rows else "silent"
        return {**told, "verdict": verdict}
    apart = [_apart(a, b, period[0]), _apart(b, a, period[0])]
    far = np.concatenate([distance for _, distance in apart])
    at = np.concatenate([when for when, _ in apart])
    if not len(far):
        return {**told, "verdict": "apart"}
    worst = int(far.argmax())
    equal = int((far <= within).sum())
    told |= {"compared": len(far), "equal": equal, "late_s": _late(a, b, period[0], within)}
    if not a.text and not b.text:
        told |= {"largest": float(far[worst]), "mean": float(far.mean())}
    return {**told, "apart_at": int(at[worst]) if equal < len(far) else None, "verdict": "same" if equal == len(far) else "apart"}


def _ways(store: Store, old: tuple[str, str], new: tuple[str, str], period: tuple[int, int]) -> tuple[Way, Way]:
    codes: dict[str, int] = {}
    return _way(store, old, period, codes), _way(store, new, period, codes)


def _way(store: Store, tag: tuple[str, str], period: tuple[int, int], codes: dict[str, int]) -> Way:
    sid = store.sid(*tag)
    rows = store.span([] if sid is None else [sid], *period, carry=True).sort_by("ts")
    ts = np.asarray(rows["ts"].cast(pa.int64()).to_numpy(zero_copy_only=False), np.int64)
    values = np.full(len(ts), np.nan)
    for name in ("v", "vi", "vb"):
        column = rows[name].cast(pa.float64()).to_numpy(zero_copy_only=False)
        values = np.where(np.isnan(values), column, values)
    texts = rows["vs"].to_pylist()
    said = [at for at, text in enumerate(texts) if text is not None]
    for at in said:
        values[at] = codes.setdefault(str(texts[at]), len(codes))
    good = (rows["q"].to_numpy(zero_copy_only=False) == Quality.GOOD) & ~np.isnan(values)
    return Way(ts[good], values[good], int((ts > period[0]).sum()), bool(said))


def _chosen(way: Way, start: int) -> npt.NDArray[np.intp]:
    inside = np.flatnonzero(way.ts > start)
    return inside if len(inside) <= MOST else inside[np.linspace(0, len(inside) - 1, MOST).astype(np.intp)]


def _apart(mine: Way, other: Way, start: int) -> tuple[Times, Values]:
    """Return, for rows of one way, how far the nearest value of the other is; rows before it began are left out."""
    at = _chosen(mine, start)
    first = np.maximum(np.searchsorted(other.ts, mine.ts[at] - LAG, "right") - 1, 0)
    last = np.searchsorted(other.ts, mine.ts[at] + LAG, "right")
    known = last > first
    at, first, last = at[known], first[known], last[known]
    distance = [
        float(np.abs(other.values[low:high] - mine.values[place]).min()) for place, low, high in zip(at, first, last, strict=True)
    ]
    return mine.ts[at], np.array(distance, np.float64)


def _late(old: Way, new: Way, start: int, within: float) -> float | None:
    """Return how much later the new way tells a change than the old, in seconds; the median of all that both told."""
    changed = np.flatnonzero((np.diff(old.values, prepend=np.nan) != 0) & (old.ts > start))[:MOST]
    delays: list[int] = []
    for place in changed:
        low, high = np.searchsorted(new.ts, [old.ts[place] - LAG, old.ts[place] + LAG])
        for near in range(int(low), int(high)):
            before = new.values[near - 1] if near else np.nan
            if abs(new.values[near] - old.values[place]) <= within and not abs(before - old.values[place]) <= within:
                delays.append(int(new.ts[near] - old.ts[place]))
                break
    return float(np.median(delays)) / NS if delays else None
