"""One read: SQL over the hot tables and lake files that were current when it began."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa

from lineshaft.store.hot import Generation
from lineshaft.store.index import DAY, LATE_TABLE, ROWS, File, Index
from lineshaft.store.roll import UNITS
from lineshaft.store.stored import Ints, Sids
from lineshaft.store.windows import Plan, Span, plan, reach, touched

FOREVER = int(np.iinfo(np.int64).max)
ROW = "sid, ts, v, vi, vs, vb, q"


class Piece(NamedTuple):
    """A series and the time (start, end] during which it is asked for."""

    sid: int
    start: int
    end: int


class Reader:
    """One read: a connection and the tables and files that were current when it began."""

    def __init__(
        self, cursor: duckdb.DuckDBPyConnection, hot: tuple[Generation, ...], files: tuple[File, ...], index: Index
    ) -> None:
        self._cursor = cursor
        self._hot = hot
        self._files = files
        self._index = index
        self._tables = 0
        self._held: list[Sequence[File]] = []

    def bring(self, files: Sequence[File]) -> Sequence[File]:
        """Return files to read, which stay on this disk until this read ends or lets go."""
        self._held.append(self._index.bring(files))
        return self._held[-1]

    def let_go(self) -> None:
        """Say that what was asked for until now has been fetched."""
        self._held.clear()

    def fetch(self, sql: str) -> pa.Table:
        """Run a query and return its rows."""
        return self._cursor.sql(sql).to_arrow_table()

    def table(self, rows: pa.Table) -> str:
        """Give a table to this read's SQL; return its name there."""
        self._tables += 1
        name = f"given_{self._tables}"
        self._cursor.register(name, rows)
        return name

    def days_back(self, at: int) -> list[int]:
        """Return ever earlier times to look back to: minutes, hours, the start of each day with files and of memory."""
        days = {file.day * DAY - 1 for file in self._files if file.kind in ROWS and file.min_ts <= at}
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
        files = self.bring(self._near(sids, start, end))
        within = f"{who} and {between(start, end)}"
        paths = {kind: [f.path for f in files if f.kind == kind] for kind in ("samples", "late")}
        base = [parquet(paths["samples"], within)] if paths["samples"] else []
        top = [parquet(paths["late"], within, "seq as n, ")] if paths["late"] else []
        for g in self._hot:
            if g.overlaps(start, end):
                rows = f"{g.columns(ROW)} from {g.table} where {who} and ts > {start} and ts <= {end}"
                (base if g.orderly else top).append(f"select {rows}" if g.orderly else f"select {g.arrival} as n, {rows}")
        below = " union all ".join(base)
        return merged(below, top) if top else below or EMPTY_ROWS

    def _near(self, sids: Sids, start: int, end: int) -> list[File]:
        low, high = int(sids.min()), int(sids.max())
        near = (f for f in self._files if f.kind in ROWS and f.overlaps(start, end))
        return [f for f in near if f.max_sid >= low and f.min_sid <= high]

    def portions(self, sids: Sids, start: int, end: int) -> list[Span]:
        """Take a stretch apart where files of several days lie in another tier: they need not all be here at once."""
        away = sorted({file.day for file in self._near(sids, start, end) if self._index.elsewhere(file)}) if len(sids) else []
        if len(away) < 2:
            return [(start, end)]
        found, at = list[Span](), start
        for day in away:
            first, last = max(day * DAY - 1, start), min((day + 1) * DAY - 1, end)
            found += [(at, first)] if at < first else []
            found.append((first, last))
            at = last
        return [*found, (at, end)] if at < end else found

    def filled(self, spans: Sequence[Span], sids: Sids) -> list[Span]:
        """Return those stretches in which anything may be."""
        return [one for one in spans if any(g.overlaps(*one) for g in self._hot) or self._near(sids, *one)]

    def plan(self, table: str, sids: Sids, start: int, end: int, edges: Ints | None = None) -> Plan:
        """Return what roll-ups answer of (start, end], and what has to be computed from the rows of these series.

        `edges` are times whose windows have to be computed in any case: what is asked for changes inside them.
        """
        start, end = max(start, -1), min(end, FOREVER - 1)
        if not len(sids) or start >= end:
            return Plan((), (), ())
        near = self._near(sids, start, end)
        roll_ups, without, whole = reach(table, near, self._index.rolled(self._files), (start, end))
        dirty = [(file.min_ts, file.max_ts) for file in without]
        if edges is not None:
            dirty += [(first - 1, last) for first, last in touched(edges[(edges > start) & (edges <= end)])]
        if whole is not None:
            dirty += self._touched(table, sids, whole, [f for f in near if f.kind == LATE_TABLE])
        return plan(table, (start, end), whole, roll_ups, dirty)

    def _touched(self, table: str, sids: Sids, whole: Span, late: Sequence[File]) -> list[Span]:
        """Return where late rows and memory have rows of these series."""
        who = self._who(sids)
        paths = [file.path for file in self.bring([file for file in late if file.overlaps(*whole)])]
        parts = [f"select ts from ({parquet(paths, f'{who} and {between(*whole)}')})"] if paths else []
        parts += [
            f"select ts from {g.table} where {who} and ts > {whole[0]} and ts <= {whole[1]}"
            for g in self._hot
            if g.overlaps(*whole)
        ]
        if not parts:
            return []
        unit = UNITS[table]
        sql = f"select distinct ((ts - 1) // {unit} + 1) * {unit} as ts from ({' union all '.join(parts)}) order by ts"
        return touched(self.fetch(sql)["ts"].to_numpy())

    def rolled(self, found: Plan, sids: Sids, kinds: str, *, alone: bool = False) -> str:
        """Return SQL for the windows (sid, e: their end in ns, part, n, ...) roll-ups have of series.

        `alone` is for SQL that another connection runs: it names nothing of this one, and may return more series.
        """
        files = self.bring([f for f in found.files if any(f.overlaps(*span) for span in found.rolled)])
        if not files:
            return f"select * from ({WINDOWS_OF_NOTHING})"
        who = f"sid between {int(sids.min())} and {int(sids.max())}" if alone else self._who(sids)
        when = " or ".join(
            f"(ts > make_timestamptz({a // 1000}::bigint) and ts <= make_timestamptz({b // 1000}::bigint))"
            for a, b in found.rolled
        )
        return (
            "select sid, epoch_us(ts) * 1000 as e, part, n, minimum, maximum, total, squares, first, last "
            f"from {_files([file.path for file in files])} where {who} and {kinds} and ({when})"
        )

    def _who(self, sids: Sids) -> str:
        if len(sids) == 1:
            return f"sid = {int(sids[0])}"
        if len(sids) == int(sids.max()) - int(sids.min()) + 1:
            return f"sid between {int(sids.min())} and {int(sids.max())}"
        if len(sids) <= 64:
            return f"sid in ({', '.join(map(str, sids.tolist()))})"
        wanted = self.table(pa.table([pa.array(sids)], names=["sid"]))
        return f"sid between {int(sids.min())} and {int(sids.max())} and sid in (select sid from {wanted})"


EMPTY_ROWS = (
    "select 0::integer as sid, 0::bigint as ts, null::double as v, null::bigint as vi, null::varchar as vs, "
    "null::boolean as vb, 0::smallint as q where false"
)
WINDOWS_OF_NOTHING = (
    "select 0::integer as sid, 0::bigint as e, 0::tinyint as part, 0::bigint as n, null::double as minimum, "
    "null::double as maximum, null::double as total, null::double as squares, null::double as first, null::double as last "
    "where false"
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
    return f"select {extra}sid, epoch_us(ts) * 1000 + ns as ts, v, vi, vs, vb, q from {_files(paths)} where {where}"


def _files(paths: Sequence[str]) -> str:
    quoted = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
    return f"read_parquet([{quoted}], hive_partitioning=false)"


def between(start: int, end: int) -> str:
    """Return (start, end] in the lake's columns: microseconds that files can be skipped by, then the exact nanoseconds."""
    coarse = f"ts >= make_timestamptz({start // 1000}::bigint) and ts <= make_timestamptz({end // 1000}::bigint)"
    return f"{coarse} and epoch_us(ts) * 1000 + ns > {start} and epoch_us(ts) * 1000 + ns <= {end}"
