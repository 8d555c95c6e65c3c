"""Aggregates over windows: from roll-ups where they hold, from the rows where they do not, joined into one answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from lineshaft.core import InvalidInput
from lineshaft.store.reader import Piece, Reader
from lineshaft.store.stored import Sids
from lineshaft.store.windows import Plan, Span, table_for

_WEEK = 7 * 86_400_000_000_000
_MONDAY = 4 * 86_400_000_000_000
USABLE = "q = 0 and not (v is null and vi is null and vs is null and vb is null) and not coalesce(isnan(v), false)"
_NUMBER = "coalesce(v, vi::double)"
AGGREGATES: Mapping[str, str] = {
    "avg": "avg(x)",
    "min": "min(x)",
    "max": "max(x)",
    "sum": "sum(x)",
    "stdev": "stddev_pop(x)",
    "first": "arg_min(x, ts)",
    "last": "arg_max(x, ts)",
}
"""Aggregates by name; the standard deviation is that of the population, so one value gives 0."""
_OF_PARTS: Mapping[str, str] = {
    "avg": "sum(total) / sum(n)",
    "min": "min(minimum)",
    "max": "max(maximum)",
    "sum": "sum(total)",
    "stdev": "sqrt((sum(squares) + sum(n * (total / n - mean) * (total / n - mean))) / sum(n))",
    "first": "arg_min(first, o)",
    "last": "arg_max(last, o)",
}
_PARTS: Mapping[str, str] = {
    "minimum": "min(x)",
    "maximum": "max(x)",
    "total": "sum(x)",
    "squares": "var_pop(x) * count(x)",
    "first": "arg_min(x, ts)",
    "last": "arg_max(x, ts)",
}
_NOTHING = "select 0::integer as place, 0::bigint as w, 0::bigint as o, 0::bigint as n, " + (
    ", ".join(f"null::double as {name}" for name in _PARTS) + " where false"
)


def known(functions: Sequence[str], window_ns: int) -> None:
    """Raise InvalidInput for an aggregate nobody knows, or a window of no length."""
    unknown = [name for name in functions if name not in AGGREGATES]
    if unknown or window_ns <= 0:
        what = f"there is no aggregate '{unknown[0]}'" if unknown else "a window must be longer than nothing"
        raise InvalidInput(what, hint=f"known are: {', '.join(AGGREGATES)}", code="aggregates.invalid")


class Asked(NamedTuple):
    """What is wanted: windows of a length, functions, and whether the values are numbers (others are only counted)."""

    window: int
    functions: tuple[str, ...]
    numeric: bool

    @property
    def origin(self) -> int:
        """Where windows are counted from: 1970, for weeks its first Monday."""
        return _MONDAY if self.window % _WEEK == 0 else 0

    def bounds(self, start: int, end: int, *, partial: bool) -> tuple[int, int]:
        """Return the range of whole windows in (start, end], or the range itself."""
        if partial:
            return start, end
        up = self.origin - ((self.origin - start) // self.window) * self.window
        return up, self.origin + ((end - self.origin) // self.window) * self.window

    def answer(self, reader: Reader, cuts: Sequence[tuple[int, Piece]], start: int, end: int) -> pa.Table:
        """Return (place, ts, n, functions) by place and window; `cuts` are the series of each place."""
        spans: dict[Span, list[tuple[int, int]]] = {}
        for place, piece in cuts:
            a, b = max(piece.start, start), min(piece.end, end)
            if a < b:
                spans.setdefault((a, b), []).append((place, piece.sid))
        plans = {span: self._plan(reader, members, span) for span, members in spans.items()}
        if len(cuts) == 1 and not any(one.rolled for one in plans.values()):
            return self._from_rows(reader, *cuts[0], start, end)
        parts = [self._part(reader, plans[span], members) for span, members in spans.items()]
        return reader.fetch(self._joined(parts))

    def _plan(self, reader: Reader, members: Sequence[tuple[int, int]], span: Span) -> Plan:
        table = table_for(self.window)
        return reader.plan(table, _sids(members), *span) if table is not None else Plan((), (), (span,))

    def _from_rows(self, reader: Reader, place: int, piece: Piece, start: int, end: int) -> pa.Table:
        chosen = ", ".join(f"{AGGREGATES[name] if self.numeric else 'null::double'} as {name}" for name in self.functions)
        rows = reader.rows_of([piece], start, end)
        inner = f"select {self._bucket('ts')} as w, ts, {_NUMBER} as x from ({rows}) where {self._where}"
        comma = ", " if chosen else ""
        return reader.fetch(
            f"select {place}::integer as place, w as ts, count(*) as n{comma}{chosen} from ({inner}) group by w order by w"
        )

    @property
    def _where(self) -> str:
        return f"{USABLE} and {_NUMBER} is not null" if self.numeric else USABLE

    def _bucket(self, ts: str) -> str:
        return f"{ts} - 1 - (({ts} - 1 - {self.origin}) % {self.window}) + {self.window}"

    def _part(self, reader: Reader, plan: Plan, members: Sequence[tuple[int, int]]) -> str:
        """Return SQL for windows of series in one stretch of time, each from wherever its rows are known: (place, w, o, ...)."""
        sids = _sids(members)
        names = ", ".join(_PARTS)
        found: list[str] = []
        if plan.rolled:
            rows = reader.rolled(plan, sids, "kind = 0" if self.numeric else "true")
            found.append(f"select sid, {self._bucket('e')} as w, (e - 1) * 2 + part as o, n, {names} from ({rows})")
        squares = "stdev" in self.functions
        parts = ", ".join(
            f"{made if self.numeric and (squares or name != 'squares') else 'null::double'} as {name}"
            for name, made in _PARTS.items()
        )
        for start, end in reader.filled(plan.raw, sids):
            rows = reader.rows(sids, start, end)
            inner = f"select sid, {self._bucket('ts')} as w, ts, {_NUMBER} as x from ({rows}) where {self._where}"
            found.append(f"select sid, w, min(ts) * 2 as o, count(*) as n, {parts} from ({inner}) group by sid, w")
        if not found:
            return _NOTHING
        rows = " union all ".join(f"({one})" for one in found)
        columns = (pa.array([member[n] for member in members], pa.int32()) for n in (0, 1))
        places = reader.table(pa.table(list(columns), names=["place", "sid"]))
        return f"select place, w, o, n, {names} from ({rows}) join {places} using (sid)"

    def _joined(self, parts: Sequence[str]) -> str:
        of = {name: _OF_PARTS[name] if self.numeric else "null::double" for name in self.functions}
        chosen = "".join(f", {made} as {name}" for name, made in of.items())
        rows = " union all ".join(parts) or _NOTHING
        if "stdev" in of and self.numeric:
            rows = (
                f"select *, sum(total) over (partition by place, w) / sum(n) over (partition by place, w) as mean from ({rows})"
            )
        return f"select place, w as ts, sum(n)::bigint as n{chosen} from ({rows}) group by place, w order by place, w"


def _sids(members: Sequence[tuple[int, int]]) -> Sids:
    return np.unique(np.array([sid for _, sid in members], np.int32))
