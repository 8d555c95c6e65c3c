"""A formula over several series as one: each input holds its last good value, and every row of any of them gives a result.

Rows of an input at or before its newest one are late or delivered again: they change nothing. An input without a good value
leaves the formula without a result; a formula is never judged on a guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lineshaft.compute import Formula
from lineshaft.core import Quality

OLDEST = np.iinfo(np.int64).min


class Results(NamedTuple):
    """What a formula said, in event time: 1 where it holds, 0 where not, and whether it could be judged."""

    ts: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]
    good: npt.NDArray[np.bool_]


class News(NamedTuple):
    """Rows in the order of time, and where those of each series are among them."""

    ts: list[int]
    sids: list[int]
    cells: list[float | str | None]
    places: Mapping[int, npt.NDArray[np.intp]]

    @classmethod
    def of(cls, rows: pa.RecordBatch, sids: npt.NDArray[np.int64]) -> News:
        """Return rows as news; `sids` are their series."""
        ts = rows.column("ts").cast(pa.int64()).to_numpy(zero_copy_only=False)
        order = np.argsort(ts, kind="stable")
        rows, ts, sids = rows.take(order), ts[order], sids[order]
        by_sid = np.argsort(sids, kind="stable")
        known = np.unique(sids)
        parts = np.split(by_sid, np.searchsorted(sids[by_sid], known[1:]))
        return cls(ts.tolist(), sids.tolist(), _cells(rows), dict(zip(known.tolist(), parts, strict=True)))


@dataclass(slots=True)
class Input:
    """One input: its newest row."""

    ts: int = OLDEST
    value: float | str | None = None


@dataclass(slots=True)
class Blend:
    """A formula at work. `series` maps a series number to the variables it feeds; `fixed` are attributes.

    Rows up to `floor` were judged before a restart: delivered again they only tell the inputs.
    """

    formula: Formula
    series: Mapping[int, tuple[str, ...]]
    fixed: Mapping[str, Any]
    floor: int = 0
    last: int = 0
    inputs: dict[str, Input] = field(default_factory=dict[str, Input])

    def start(self, names: Iterable[str], ts: int, value: float | str | None) -> None:
        """Take over what inputs said before the node started."""
        for name in names:
            self.inputs[name] = Input(ts, value)

    def now(self) -> Results | None:
        """Return what the formula says about its inputs as they stand; None while none of them has said anything."""
        heard = [one.ts for one in self.inputs.values()]
        if not heard:
            return None
        stamp = max(*heard, self.last, self.floor)
        return self._say(np.array([stamp], np.int64), [{name: one.value for name, one in self.inputs.items()}])

    def copy(self) -> Blend:
        """Return it as it is now, to go back to if what it said could not be written."""
        return replace(self, inputs=dict(self.inputs))

    def take(self, news: News) -> Results | None:
        """Return the results of rows, one a row of any input; None if no row is about this formula or all are late."""
        mine = [news.places[sid] for sid in self.series if sid in news.places]
        if not mine:
            return None
        steps: list[dict[str, float | str | None]] = []
        stamps: list[int] = []
        for at in np.sort(np.concatenate(mine)).tolist():
            stamp = news.ts[at]
            if self._put(news.sids[at], stamp, news.cells[at]) and stamp > self.floor:
                self.last = max(self.last, stamp)
                stamps.append(self.last)
                steps.append({name: one.value for name, one in self.inputs.items()})
        if not stamps:
            return None
        return self._say(np.array(stamps, np.int64), steps)

    def _put(self, sid: int, ts: int, value: float | str | None) -> bool:
        taken = False
        for name in self.series[sid]:
            known = self.inputs.setdefault(name, Input())
            if ts > known.ts:
                self.inputs[name] = Input(ts, value)
                taken = True
        return taken

    def _say(self, ts: npt.NDArray[np.int64], steps: list[dict[str, float | str | None]]) -> Results:
        columns: dict[str, npt.NDArray[Any]] = {}
        for name in self.formula.variables:
            if name in self.fixed:
                columns[name] = _column([self.fixed[name]] * len(steps))
            else:
                columns[name] = _column([step.get(name) for step in steps])
        said = self.formula.evaluate(columns, stamps=ts, now=int(ts[-1]), size=len(ts))
        ok = np.asarray(said.ok, np.bool_)
        if said.values.dtype.kind == "f":
            value = np.where(ok, said.values, 0.0)
        else:
            value = np.array([_number(cell) if fit else 0.0 for cell, fit in zip(said.values, ok, strict=True)])
        return Results(ts, (value != 0).astype(np.float64), ok)


def _column(cells: list[Any]) -> npt.NDArray[Any]:
    """Return values as an array: of numbers where there is no text among them, which is judged much faster."""
    if any(isinstance(cell, str) for cell in cells):
        return np.array(cells, np.object_)
    return np.array([np.nan if cell is None else float(cell) for cell in cells], np.float64)


def _number(cell: object) -> float:
    return float(cell) if isinstance(cell, int | float | np.number | np.bool_) else 0.0


def _cells(rows: pa.RecordBatch) -> list[float | str | None]:
    """Return each row's good value."""
    quality = rows.column("q").to_pylist()
    columns = [rows.column(name).to_pylist() for name in ("v", "vi", "vb", "vs")]
    found: list[float | str | None] = []
    for q, *values in zip(quality, *columns, strict=True):
        given = next((one for one in values if one is not None), None)
        found.append(None if q != Quality.GOOD else given if isinstance(given, str) else None if given is None else float(given))
    return found
