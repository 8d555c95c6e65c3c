"""The figures of every machine, hour by hour, kept as series: ISO 22400's time elements, counts and ratios.

So that the number in SQL and in the files of the lake is the one on the screen, and sums over hours need no state series.
An hour is written when the time of the machine's values has passed its end; values that come late write its hours, and
those after it, anew. Late scrap is not taken here: it waits for a recompute.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from lineshaft.assets import Asset, Assets, Span
from lineshaft.compute.channels import History
from lineshaft.compute.formula import Ints
from lineshaft.compute.machine import Machines
from lineshaft.compute.oee import Oee
from lineshaft.compute.points import Raw, Shape, points, raw, rows
from lineshaft.compute.transform import NEVER
from lineshaft.core import NS, DataType, LineshaftError

FIGURES = "figures"
"""The source under which the figures are kept: the tag is the machine's path and the name of the figure."""
RATIOS = ("oee", "availability", "performance", "quality")
COUNTS = ("good", "bad")
TIMES = (
    *("calendar", "planned_busy", "planned_stop", "actual_production", "down", "setup"),
    *("starved", "blocked", "idle", "micro_stop", "unknown"),
)
EARNED = ("earned", "earned_good")
KEPT = (*RATIOS, *COUNTS, *EARNED, *TIMES)
HOUR = 3600 * NS
_PATIENCE_S = 0.05
"""Time given to keeping at each closing of windows; the rest waits for the next."""


class Shelf(History, Protocol):
    """What keeping asks the store."""

    def sid(self, source: str, tag: str, /) -> int | None:
        """Return a series' number, None if there is none."""
        ...


class Source(Protocol):
    """What keeping asks compute."""

    def oee(self, asset: str, start: int, end: int) -> Oee:
        """Return a machine's figures."""
        ...


@dataclass(slots=True)
class _Kept:
    """One machine: the sources its values come from, and until when its hours are kept."""

    asset: Asset
    sources: frozenset[str]
    until: int = NEVER


def figures_of(found: Oee) -> dict[str, float | None]:
    """Return everything that is kept of a machine's figures of one hour."""
    ratios = {name: getattr(found, name) for name in (*RATIOS, *EARNED)}
    return {**ratios, **{name: found.counts[name] for name in COUNTS}, **{name: found.elements[name] for name in TIMES}}


def rows_of_figures(store: History, machine: str, hour: int, values: Mapping[str, float | None], version: int) -> pa.RecordBatch:
    """Return one hour's figures as rows for the store; what is not known is a row without a value."""
    sids = store.sids(FIGURES, [f"{machine}/{name}" for name in KEPT]).tolist()
    number = np.array([np.nan if (value := values[name]) is None else value for name in KEPT], np.float64)
    found = points(np.arange(len(KEPT)), np.full(len(KEPT), hour), number, gone=np.isnan(number))
    return rows(found, [Shape(sid, DataType.DOUBLE, version) for sid in sids])


def kept(store: Shelf, machine: str, start: int, end: int) -> dict[int, dict[str, float | None]]:
    """Return the hours of a machine that are kept in (start, end], by their end."""
    names = {sid: name for name in KEPT if (sid := store.sid(FIGURES, f"{machine}/{name}")) is not None}
    if not names:
        return {}
    table = raw(store.span(list(names), start, end))
    found: dict[int, dict[str, float | None]] = {}
    for sid, ts, number in zip(table.sid.tolist(), table.ts.tolist(), table.number.tolist(), strict=True):
        found.setdefault(ts, dict.fromkeys(KEPT))[names[sid]] = number if np.isfinite(number) else None
    return found


@dataclass(slots=True)
class Keeper:
    """Keeps the figures of all machines; one thread (the pipeline) calls it."""

    assets: Assets
    machines: Machines
    store: Shelf
    marks: dict[str, int] = field(default_factory=dict[str, int])
    _known: list[_Kept] = field(default_factory=list[_Kept])
    _of: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    _next: int = 0

    def reload(self) -> None:
        """Look up anew which machines have figures, and which series they are told from."""
        before = {one.asset.id: one.until for one in self._known}
        self._known = []
        tags: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for asset in self.assets.tree():
            spans = self._spans(asset) if asset.oee else []
            if not spans:
                continue
            for span in spans:
                tags[span.source].append((span.tag, len(self._known)))
            until = before.get(asset.id, self.marks.get(_key(asset), NEVER))
            self._known.append(_Kept(asset, frozenset(span.source for span in spans if span.end_ns is None), until))
        pairs = [
            (sid, number)
            for source, entries in tags.items()
            for sid, (_, number) in zip(self.store.sids(source, [tag for tag, _ in entries]).tolist(), entries, strict=True)
        ]
        self._of = np.full(max((sid for sid, _ in pairs), default=-1) + 1, -1, np.int64)
        for sid, number in pairs:
            self._of[sid] = number

    def _spans(self, asset: Asset) -> list[Span]:
        """Return the series a machine's figures are told from; none where its definition is wrong."""
        try:
            found, _ = self.machines.definition(asset)
        except LineshaftError:
            return []
        paths = [f"{asset.path}/{name}" for name in (found.state, found.good, found.bad) if name]
        return [span for path in paths for span in self.assets.spans(self.assets.property(path).id)]

    def see(self, fresh: Raw, furthest: int) -> dict[str, int]:
        """Take notice of new values; return the marks that late ones set back, at most by a length of time."""
        inside = fresh.sid < len(self._of)
        number = np.where(inside, self._of[np.where(inside, fresh.sid, 0)], -1) if len(self._of) else np.full(len(fresh.sid), -1)
        back: dict[str, int] = {}
        for place in np.unique(number[number >= 0]).tolist():
            one, mine = self._known[place], number == place
            first = _hour_before(int(fresh.ts[mine].min()))
            if one.until == NEVER or first < one.until:
                one.until = first if one.until == NEVER else max(first, one.until - furthest)
                back[_key(one.asset)] = one.until
        return back

    def close(self, source: Source, reached: Any, now: int) -> Iterator[tuple[str, int, pa.RecordBatch | None]]:
        """Yield (mark's name, new mark, rows) for hours that are over, for as long as there is time."""
        deadline = time.monotonic() + _PATIENCE_S
        for _ in range(len(self._known)):
            one = self._known[self._next % len(self._known)]
            limit = None if one.until == NEVER else reached(one.sources, now)
            while limit is not None and one.until + HOUR <= limit:
                hour = one.until + HOUR
                made = self._hour(source, one.asset, hour)
                one.until = hour
                yield _key(one.asset), hour, made
                if time.monotonic() > deadline:
                    return
            self._next += 1

    def _hour(self, source: Source, asset: Asset, hour: int) -> pa.RecordBatch | None:
        """Return one hour's figures, None where they are kept already as they are."""
        try:
            found = source.oee(asset.path, hour - HOUR, hour)
        except LineshaftError:
            return None
        values = figures_of(found)
        before = kept(self.store, asset.path, hour - 1, hour).get(hour)
        if before is not None and all(same(before[name], values[name]) for name in KEPT):
            return None
        if before is None and found.elements["unknown"] == found.elements["calendar"]:
            return None
        return rows_of_figures(self.store, asset.path, hour, values, 1 + len({str(c["correction"]) for c in found.corrections}))


def same(one: float | None, other: float | None) -> bool:
    """Say whether two figures are the same, within what adding up in another order makes."""
    if one is None or other is None:
        return one is other
    return abs(one - other) <= 1e-9 * max(abs(one), abs(other))


def joined(parts: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """Return several batches as one."""
    return parts[0] if len(parts) == 1 else pa.Table.from_batches(parts).combine_chunks().to_batches()[0]


def _key(asset: Asset) -> str:
    return f"{FIGURES}:{asset.id}"


def _hour_before(ts: int) -> int:
    """Return the start of the hour (start, end] a moment lies in."""
    return -(-ts // HOUR) * HOUR - HOUR
