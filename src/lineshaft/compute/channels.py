"""Which series carried a property when: channels number the properties that take part in computing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
import pyarrow as pa

from lineshaft.assets import DERIVED, Property, Span
from lineshaft.compute.formula import Ints
from lineshaft.compute.points import Points, Raw, Shape, none, points, raw
from lineshaft.core import DataType

TEXTS = frozenset({DataType.STRING, DataType.JSON})
"""Types whose values are texts in a formula."""


class History(Protocol):
    """What compute reads from the store."""

    def sids(self, source: str, tags: Sequence[str]) -> np.ndarray:
        """Return the numbers of series."""
        ...

    def span(self, sids: Sequence[int] | np.ndarray, start: int, end: int, *, carry: bool = False) -> pa.Table:
        """Return rows of series over (start, end]; `carry` adds the last good row at or before the start."""
        ...


class Channels:
    """The properties that take part, numbered, with the series behind each of them."""

    def __init__(self) -> None:
        self.properties: list[Property] = []
        self.shapes: list[Shape | None] = []
        self._numbers: dict[str, int] = {}
        self._sids: list[list[int]] = []
        self._plain: Ints = np.zeros(0, np.int64)
        self._timed: dict[int, list[tuple[int, int | None, int]]] = {}

    def __len__(self) -> int:
        """Return the number of channels."""
        return len(self.properties)

    def number(self, of: Property) -> int:
        """Return the channel of a property, giving it one if it has none."""
        number = self._numbers.setdefault(of.id, len(self.properties))
        if number == len(self.properties):
            self.properties.append(of)
            self.shapes.append(None)
            self._sids.append([])
        return number

    def find(self, property_id: str) -> int | None:
        """Return the channel of a property, None if nothing is computed from or into it."""
        return self._numbers.get(property_id)

    def settle(self, store: History, spans: Iterable[Sequence[Span]]) -> None:
        """Look up the series of every channel; `spans` are those of the properties in their order."""
        wanted: dict[str, list[tuple[str, int, Span]]] = defaultdict(list)
        for number, own in enumerate(spans):
            for span in own:
                wanted[span.source].append((span.tag, number, span))
        plain: dict[int, int] = {}
        for source, entries in wanted.items():
            sids = store.sids(source, [tag for tag, _, _ in entries]).tolist()
            for sid, (_, number, span) in zip(sids, entries, strict=True):
                self._sids[number].append(sid)
                if span.start_ns <= 0 and span.end_ns is None:
                    plain[sid] = number
                else:
                    self._timed.setdefault(sid, []).append((span.start_ns, span.end_ns, number))
                if source == DERIVED:
                    of = self.properties[number]
                    self.shapes[number] = Shape(sid, of.type, of.model_version)
        self._plain = np.full(max(plain, default=-1) + 1, -1, np.int64)
        self._plain[list(plain)] = list(plain.values())

    def of(self, rows: Raw) -> Points:
        """Return rows as points, each under the property its series stood for at that time."""
        inside = rows.sid < len(self._plain)
        channel = np.full(len(rows.sid), -1, np.int64)
        channel[inside] = self._plain[rows.sid[inside]]
        for sid, entries in self._timed.items():
            mine = rows.sid == sid
            if not mine.any():
                continue
            for start, end, number in entries:
                channel[mine & (rows.ts >= start) & (rows.ts < end if end is not None else True)] = number
        keep = channel >= 0
        number, text = rows.number[keep], rows.text[keep]
        gone = np.isnan(number)
        if gone.any():
            gone[gone] = np.fromiter((cell is None for cell in text[gone]), np.bool_, int(gone.sum()))
        return points(channel[keep], rows.ts[keep], number, text, gone)

    def read(self, store: History, channels: Ints, start: int, end: int) -> Points:
        """Return the points over (start, end] and the last one at or before the start."""
        sids = [sid for channel in channels.tolist() for sid in self._sids[channel]]
        if not sids:
            return none()
        found = self.of(raw(store.span(sids, start, end, carry=True)))
        found = found.of(channels).standing
        early = found.ts <= start
        if early.any():
            last = np.ones(len(found), np.bool_)
            last[:-1] = (found.channel[1:] != found.channel[:-1]) | (found.ts[1:] > start)
            found = found.where(~early | last)
        return found

    def texts(self, channel: int) -> bool:
        """Return whether the channel's values are texts."""
        return self.properties[channel].type in TEXTS
