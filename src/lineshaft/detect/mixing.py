"""The formulas of the alarms at work: conditions that look at several values, and what suppresses an alarm by design."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lineshaft.assets import Property
from lineshaft.core import DataType
from lineshaft.detect.blend import Blend, News
from lineshaft.detect.definition import Written
from lineshaft.detect.screen import Point, Rows

Sids = Callable[[Property], Sequence[int]]


@runtime_checkable
class Remembers(Protocol):
    """A store that knows the newest value of each series."""

    def latest_sids(self, sids: Sequence[int], /) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.int16]]:
        """Return times, values and qualities; a text is no number."""
        ...

    def latest(self, refs: Sequence[str], /) -> Sequence[Any]:
        """Return the newest value of each property (ts, value, quality), None where nothing ever came."""
        ...


class Mixture(NamedTuple):
    """A formula of one alarm: its condition, or what suppresses it."""

    number: int
    blend: Blend
    suppresses: bool


class Mixtures:
    """All formulas, found by the series they look at."""

    def __init__(self, points: Sequence[Point], sids: Sids, store: object) -> None:
        self._all: list[Mixture] = []
        self._of: dict[int, list[int]] = {}
        self._before: dict[int, Blend] = {}
        self._remembers = isinstance(store, Remembers)
        for number, point in enumerate(points):
            for written, suppresses in ((point.watched.when, False), (point.watched.suppress, True)):
                if written is not None:
                    floor = 0 if suppresses else point.last
                    self._add(Mixture(number, _blend(written, floor, point.last, sids, store), suppresses))

    def _add(self, one: Mixture) -> None:
        for sid in one.blend.series:
            self._of.setdefault(sid, []).append(len(self._all))
        self._all.append(one)

    def now(self, again: AbstractSet[int] = frozenset()) -> tuple[list[Rows], dict[int, bool]]:
        """Return what all formulas say about the values as they stand; a condition where it is new, or one of `again`."""
        judged: list[Rows] = []
        suppressed: dict[int, bool] = {}
        for one in self._all:
            said = one.blend.now()
            if one.suppresses:
                if said is not None or self._remembers:  # what was never said cannot be judged, and suppresses nothing
                    suppressed[one.number] = said is not None and bool(said.good[-1]) and bool(said.value[-1])
            elif said is not None and (not one.blend.floor or one.number in again):
                judged.append(Rows(one.number, *said))
        return judged, suppressed

    def take(self, rows: pa.RecordBatch) -> tuple[list[Rows], dict[int, list[tuple[int, bool]]]]:
        """Take rows: return what conditions said about them, and what suppressions said, each at its time."""
        self._before = {}
        judged: list[Rows] = []
        suppressed: dict[int, list[tuple[int, bool]]] = {}
        if not self._of or not rows.num_rows:
            return judged, suppressed
        every = rows.column(0).to_numpy(zero_copy_only=False).astype(np.int64)
        picked = np.flatnonzero(np.isin(every, np.fromiter(self._of, np.int64, len(self._of))))
        if not len(picked):
            return judged, suppressed
        news = News.of(rows.take(picked), every[picked])  # once for all formulas: most rows are no input of any
        for place in sorted({place for sid in news.places for place in self._of.get(sid, ())}):
            one = self._all[place]
            self._before[place] = one.blend.copy()
            said = one.blend.take(news)
            if said is None:
                continue
            if one.suppresses:  # what cannot be judged suppresses nothing
                holds = said.good & (said.value != 0)
                suppressed[one.number] = list(zip(said.ts.tolist(), holds.tolist(), strict=True))
            else:
                judged.append(Rows(one.number, *said))
        return judged, suppressed

    def undo(self, written: AbstractSet[int] = frozenset()) -> None:
        """Forget the rows taken last: what they said could not be written (but for these), and they come again."""
        for place, blend in self._before.items():
            if self._all[place].number not in written:
                self._all[place] = self._all[place]._replace(blend=blend)
        self._before = {}


def _blend(written: Written, floor: int, last: int, sids: Sids, store: object) -> Blend:
    """Return a formula with what its inputs said last: rows that are judged again after a restart come after it."""
    series: dict[int, tuple[str, ...]] = {}
    for name, one in written.properties.items():
        for sid in sids(one):
            series[sid] = (*series.get(sid, ()), name)
    blend = Blend(written.formula, series, written.fixed, floor, floor)
    if isinstance(store, Remembers) and series:
        for sid, ts, value, quality in zip(series, *store.latest_sids(list(series)), strict=True):
            if np.isfinite(value):
                blend.start(series[sid], _at(ts, last), float(value) if quality == 0 else None)
        texts = {name: one for name, one in written.properties.items() if one.type in (DataType.STRING, DataType.JSON)}
        for name, said in zip(texts, store.latest([one.path for one in texts.values()]) if texts else (), strict=True):
            if said is not None:
                blend.start([name], _at(said.ts, last), str(said.value) if said.quality == 0 else None)
    return blend


def _at(ts: int, last: int) -> int:
    """Return the time a remembered value counts from: rows after the last judged one may come again, and come after it."""
    return int(ts) if not last else min(int(ts), last)
