"""One read: SQL over the hot tables and lake files that were current when it began."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa

from lineshaft.store.hot import Generation
from lineshaft.store.index import File
from lineshaft.store.stored import Sids

DAY = 86_400_000_000_000
FOREVER = int(np.iinfo(np.int64).max)
ROW = "sid, ts, v, vi, vs, vb, q"


class Piece(NamedTuple):
    """A series and the time (start, end] during which it is asked for."""

    sid: int
    start: int
    end: int


class Reader:
    """One read: a connection and the tables and files that were current when it began."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, hot: tuple[Generation, ...], files: tuple[File, ...]) -> None:
        self._cursor = cursor
        self._hot = hot
        self._files = files

    def fetch(self, sql: str) -> pa.Table:
        """Run a query and return its rows."""
        return self._cursor.sql(sql).to_arrow_table()

    def days_back(self, at: int) -> list[int]:
        """Return ever earlier times to look back to: minutes, hours, the start of each day with files and of memory."""
        days = {file.day * DAY - 1 for file in self._files if file.min_ts <= at}
        hot = {g.min_ts - 1 for g in self._hot if g.rows and g.min_ts <= at}
        first = min(days | hot, default=at)
        near = {at - minutes * 60_000_000_000 for minutes in (1, 10, 60, 360)}
        return sorted({start for start in near if start > first} | days | hot, reverse=True)

    def rows_of(self, pieces: Sequence[Piece], start: int, end: int) -> str:
        """Return SQL for the rows of a track over (start, end]."""
        cut = [(p.sid, max(p.start, start), min(p.end, end)) for p in pieces]
        parts = [self.rows(np.array([sid], np.int32), a, b) for sid, a, b in cut if a < b]
        return " union all ".join(f"({part})" for part in parts) or EMPTY_ROWS

    def rows(self, sids: Sids, start: int, end: int) -> str:
        """Return SQL for the rows (sid, ts in ns, v, vi, vs, vb, q) of series over (start, end], each key once."""
        start, end = max(start, -1), min(end, FOREVER - 1)
        if not len(sids) or start >= end:
            return EMPTY_ROWS
        who = self._who(sids)
        files = [f for f in self._files if f.overlaps(start, end) and f.max_sid >= sids.min() and f.min_sid <= sids.max()]
        within = f"{who} and {_between(start, end)}"
        paths = {kind: [f.path for f in files if f.kind == kind] for kind in ("samples", "late")}
        base = [parquet(paths["samples"], within)] if paths["samples"] else []
        top = [parquet(paths["late"], within, "seq as n, ")] if paths["late"] else []
        for g in self._hot:
            if g.overlaps(start, end):
                rows = f"{g.columns(ROW)} from {g.table} where {who} and ts > {start} and ts <= {end}"
                (base if g.orderly else top).append(f"select {rows}" if g.orderly else f"select {g.arrival} as n, {rows}")
        below = " union all ".join(base)
        return merged(below, top) if top else below or EMPTY_ROWS

    def _who(self, sids: Sids) -> str:
        if len(sids) == 1:
            return f"sid = {int(sids[0])}"
        if len(sids) == int(sids.max()) - int(sids.min()) + 1:
            return f"sid between {int(sids.min())} and {int(sids.max())}"
        if len(sids) <= 64:
            return f"sid in ({', '.join(map(str, sids.tolist()))})"
        self._cursor.register("wanted", pa.table({"sid": sids}))
        return f"sid between {int(sids.min())} and {int(sids.max())} and sid in (select sid from wanted)"


EMPTY_ROWS = (
    "select 0::integer as sid, 0::bigint as ts, null::double as v, null::bigint as vi, null::varchar as vs, "
    "null::boolean as vb, 0::smallint as q where false"
)
EMPTY = f"select sid, ts as ts_ns, v, vi, vs, vb, q from ({EMPTY_ROWS})"


def merged(base: str, top: Sequence[str]) -> str:
    """Return SQL for the rows of `base` (unique by key) under those of `top` (with their order of arrival `n`)."""
    newest = "qualify row_number() over (partition by sid, ts, q order by n desc) = 1"
    above = f"select {ROW} from ({' union all '.join(top)}) {newest}"
    if not base:
        return above
    below = f"select {ROW} from ({base}) anti join above using (sid, ts, q)"
    return f"with above as materialized ({above}) {below} union all select * from above"


def parquet(paths: Sequence[str], where: str, extra: str = "") -> str:
    """Return SQL for rows of lake files, with their time in nanoseconds."""
    files = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
    return (
        f"select {extra}sid, epoch_us(ts) * 1000 + ns as ts, v, vi, vs, vb, q "
        f"from read_parquet([{files}], hive_partitioning=false) where {where}"
    )


def _between(start: int, end: int) -> str:
    """Return (start, end] in the lake's columns: microseconds that files can be skipped by, then the exact nanoseconds."""
    coarse = f"ts >= make_timestamptz({start // 1000}::bigint) and ts <= make_timestamptz({end // 1000}::bigint)"
    return f"{coarse} and epoch_us(ts) * 1000 + ns > {start} and epoch_us(ts) * 1000 + ns <= {end}"
