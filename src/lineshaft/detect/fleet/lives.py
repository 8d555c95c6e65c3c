"""The lives of a fleet's assets: from the maintenance history, from what somebody told, and the one that goes on now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from lineshaft.core import NS, iso
from lineshaft.detect.life import Record


@dataclass(frozen=True, slots=True)
class End:
    """An asset's life ended: it failed at `at` (or was mended before it did), and was as good as new at `again`."""

    at: int
    again: int
    failed: bool


Ends = Callable[[str, str, int, int], Sequence[End]]
"""Takes an asset, a failure mode (empty: any) and a time; returns the ends of lives in it, oldest first."""


@dataclass(frozen=True, slots=True)
class Span:
    """One life of an asset; `sure` where its beginning is known, and is not just where the looking back begins."""

    asset: str
    begin: int
    end: int
    failed: bool
    now: bool = False
    sure: bool = True

    @property
    def name(self) -> str:
        """Return a name no other life has."""
        return f"{self.asset} @{self.begin}"


class Store(Protocol):
    """What fleets ask the store."""

    def aggregates(
        self, ref: str, window_ns: int, start: int, end: int, functions: Sequence[str], *, partial: bool = False
    ) -> pa.Table:
        """Return a row a window."""
        ...


def spans(fleet: dict[str, Any], ends: Ends, now: int) -> list[Span]:
    """Return every life within the fleet's time of looking back; each asset's last one goes on."""
    start = now - int(fleet["lookback"])
    found: list[Span] = []
    for asset in fleet["assets"]:
        told = [
            End(int(one["end"]), int(one["end"]), bool(one["failed"]))
            for one in fleet["lives"]
            if one["asset"] == asset and one.get("end")
        ]
        begun = [int(one["begin"]) for one in fleet["lives"] if one["asset"] == asset and one.get("begin")]
        known = sorted([*told, *ends(asset, fleet["failure_mode"], start, now)], key=lambda one: one.at)
        begin, sure = min(begun, default=start), bool(begun)
        for one in known:
            first = max([begin, *(at for at in begun if begin <= at < one.at)])
            if one.at > first:
                found.append(Span(asset, first, one.at, one.failed, sure=sure))
            begin, sure = max(one.again, one.at), True
        last = max([begin, *(at for at in begun if begin <= at < now)])
        found.append(Span(asset, last, now, failed=False, now=True, sure=sure))
    return found


def outside(fleet: dict[str, Any], now: int) -> list[str]:
    """Say which told lives ended before the fleet's time of looking back: they are not learned from."""
    start = now - int(fleet["lookback"])
    left = [one for one in fleet["lives"] if one.get("end") and int(one["end"]) <= start]
    if not left:
        return []
    which = f"{len(left)} lives that were told ended" if len(left) > 1 else "a life that was told ended"
    return [f"{which} before {iso(start // NS * NS)}, from when on it is looked back: look back further, or tell the age alone"]


def records(fleet: dict[str, Any], known: Sequence[Span], first: dict[str, int]) -> list[Record]:
    """Return lives by their age alone; `first` tells when a life's values began where nobody knows when the life did.

    One of which neither is known has no age: it is left out.
    """
    told = [Record(str(one["asset"]), float(one["age"]), bool(one["failed"])) for one in fleet["lives"] if one.get("age")]
    begins = [(one, one.begin if one.sure else first.get(one.name)) for one in known]
    return told + [Record(one.asset, float(one.end - begin), one.failed) for one, begin in begins if begin is not None]


def table(store: Store, asset: str, names: Sequence[str], every: int, start: int, end: int) -> dict[str, Any]:
    """Return `time` and a column a property: means of each step, NaN where there is no value, from the first value on."""
    first, last = start // every + 1, end // every
    size = max(last - first + 1, 0)
    columns: dict[str, Any] = {}
    for name in names:
        column = np.full(size, np.nan)
        found = store.aggregates(f"{asset}/{name}", every, start, end, ("avg",)) if size else None
        if found is not None and found.num_rows:
            place = found["ts"].cast(pa.int64()).to_numpy() // every - first
            inside = (place >= 0) & (place < size)
            column[place[inside]] = found["avg"].to_numpy()[inside]
        columns[name] = column
    seen = np.zeros(size, np.bool_)
    for column in columns.values():
        seen |= ~np.isnan(column)
    begun = int(np.argmax(seen)) if seen.any() else size
    times = np.arange(first, last + 1, dtype=np.int64) * every
    return {"time": times[begun:], **{name: column[begun:] for name, column in columns.items()}}
