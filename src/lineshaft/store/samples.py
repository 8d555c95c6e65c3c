"""What SQL sees of the values: the views `samples`, `latest`, `series`, `minute` and `hour`, over memory and lake as one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, cast

import duckdb
import numpy as np
import pyarrow as pa

from lineshaft.core import DataType
from lineshaft.store.hot import Generation, Hot
from lineshaft.store.index import File, Index
from lineshaft.store.last import NEVER
from lineshaft.store.meaning import SpanLike
from lineshaft.store.reader import Reader, between
from lineshaft.store.series import KINDS, Series
from lineshaft.store.stored import Ints, Sids
from lineshaft.store.view import TYPES, Field

FOREVER = int(np.iinfo(np.int64).max)
_NAMES = (
    Field("property", "text", description="Path of the property; null while the tag is bound to none."),
    Field("asset", "text", description="Path of the asset it belongs to."),
    Field("name", "text", description="Name of the property."),
    Field("source", "text", description="Where the value came from."),
    Field("tag", "text", description="Its name there."),
    Field("unit", "text", description="Unit of the value."),
)
_VALUE = (
    Field("value", "number", description="The value as a number (true is 1); null for texts."),
    Field("value_integer", "integer", description="Whole numbers, exactly."),
    Field("value_text", "text", description="Texts and JSON."),
    Field("value_boolean", "boolean", description="Yes and no."),
    Field("quality", "text", description="good, uncertain or bad."),
)
_TS = Field("ts", "time", description="Time of the value (UTC).")
_TS_NS = Field("ts_ns", "integer", "ns", "The same, exactly, since 1970.")
_WINDOW = (
    Field("ts", "time", description="End of the window; windows are (start, end]."),
    Field("n", "integer", description="Good values in the window."),
    *(Field(name, "number") for name in ("average", "minimum", "maximum", "total", "first", "last")),
)
VALUE_VIEWS: Mapping[str, tuple[tuple[Field, ...], str]] = {
    "samples": ((*_NAMES, _TS, _TS_NS, *_VALUE), "Every value ever stored, once per key, from memory and lake."),
    "latest": ((*_NAMES, _TS, _TS_NS, *_VALUE), "The newest value of every property and unbound tag."),
    "series": (
        (
            *_NAMES,
            Field("type", "text", description="double, integer, boolean, string or json."),
            Field("kind", "text", description="measurement, transform, metric; null for an unbound tag."),
            Field("bound_from", "time", description="Since when the tag means the property; null is always."),
            Field("bound_to", "time", description="Until when; null is still."),
        ),
        "Which tag means which property, and when.",
    ),
    "minute": ((*_NAMES, *_WINDOW), "Good numeric values by the minute."),
    "hour": ((*_NAMES, *_WINDOW), "Good numeric values by the hour."),
}
"""The views over values: their columns and what they say."""
NAMED_BY = frozenset({"property", "asset", "name", "source", "tag", "unit"})
"""Columns that name a series: a condition on them alone picks series before any value is read."""
WINDOWS = {"minute": 60_000_000_000, "hour": 3_600_000_000_000}
_ROW = "sid, ts, ns, v, vi, vs, vb, q"


class Described(Protocol):
    """What is read of a property here."""

    @property
    def id(self) -> str: ...  # noqa: D102
    @property
    def path(self) -> str: ...  # noqa: D102
    @property
    def asset_path(self) -> str: ...  # noqa: D102
    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def type(self) -> DataType: ...  # noqa: D102
    @property
    def unit(self) -> str: ...  # noqa: D102
    @property
    def formula(self) -> str: ...  # noqa: D102
    @property
    def inputs(self) -> Mapping[str, Any]: ...  # noqa: D102


class Plant(NamedTuple):
    """What the workbench asks the assets room: every property, and which tags fed it when."""

    properties: Callable[[], Iterable[Described]]
    spans: Callable[[str], Sequence[SpanLike]]


def _nowhere(_id: str) -> Sequence[SpanLike]:
    return ()


NOBODY = Plant(tuple, _nowhere)
"""A plant nobody has modelled."""


class _Line(NamedTuple):
    sid: int
    start: int
    end: int
    of: Described | None


def dictionary(series: Series, plant: Plant, reaches: Callable[[str], bool] | None) -> pa.Table:
    """Return a row for every stretch of time during which a series meant one property (or none).

    Only stretches of assets a subject reaches are in it: every view over values is joined to this table, so that no other
    value is ever seen.
    """
    count = len(series)
    lines: list[_Line] = []
    bound: dict[int, list[tuple[int, int]]] = {}
    for one in plant.properties():
        for span in plant.spans(one.id):
            sid = series.find(span.source, span.tag)
            if sid is not None and sid < count:
                start = NEVER if span.start_ns <= 0 else span.start_ns
                end = FOREVER if span.end_ns is None else span.end_ns
                bound.setdefault(sid, []).append((start, end))
                if reaches is None or reaches(one.asset_path):
                    lines.append(_Line(sid, start, end, one))
    if reaches is None:
        lines += [_Line(sid, a, b, None) for sid in range(count) for a, b in _gaps(bound.get(sid, []))]
    return _dictionary(sorted(lines, key=lambda one: (one.sid, one.start)), series)


def _gaps(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    at, gaps = NEVER, list[tuple[int, int]]()
    for start, end in sorted(spans):
        if start > at:
            gaps.append((at, start))
        at = max(at, end)
    return [*gaps, (at, FOREVER)] if at < FOREVER else gaps


def _dictionary(lines: Sequence[_Line], series: Series) -> pa.Table:
    of = [line.of for line in lines]
    types = [one.type if one is not None else KINDS[series.kinds[line.sid]] for line, one in zip(lines, of, strict=True)]
    text = pa.string()
    return pa.table(
        {
            "place": pa.array(range(len(lines)), pa.int32()),
            "sid": pa.array([line.sid for line in lines], pa.int32()),
            "start_ns": pa.array([line.start for line in lines], pa.int64()),
            "end_ns": pa.array([line.end for line in lines], pa.int64()),
            "property": pa.array([one and one.path for one in of], text),
            "asset": pa.array([one and one.asset_path for one in of], text),
            "name": pa.array([one and one.name for one in of], text),
            "source": pa.array([series.names[line.sid][0] for line in lines], text),
            "tag": pa.array([series.names[line.sid][1] for line in lines], text),
            "unit": pa.array([one and one.unit for one in of], text),
            "kind": pa.array([one and str(one.kind) for one in of], text),
            "type": pa.array([None if kind is None else kind.value for kind in types], text),
        }
    )


class Rows(NamedTuple):
    """Values of memory as a table (with their order of arrival `n`), and the files of the lake, for some series and time.

    `rolled` is SQL for the windows that roll-ups answer; then the rest is only the rows of the other windows. The files stay on
    this disk as long as these rows are held.
    """

    memory: pa.Table
    main: Sequence[File]
    late: Sequence[File]
    where: str
    rolled: str = ""
    held: Reader | None = None


_MEMORY = pa.schema(
    [
        pa.field("n", pa.int64()),
        pa.field("sid", pa.int32()),
        pa.field("ts", TYPES["time"]),
        pa.field("ns", pa.int16()),
        pa.field("v", pa.float64()),
        pa.field("vi", pa.int64()),
        pa.field("vs", pa.string()),
        pa.field("vb", pa.bool_()),
        pa.field("q", pa.int16()),
    ]
)


def collect(hot: Hot, index: Index, sids: Sids, start: int, end: int, window: int = 0, known: pa.Table | None = None) -> Rows:
    """Return what holds values of series between two times (UTC microseconds, both included).

    With a `window` (a minute or an hour) roll-ups are used where they hold; `known` is the `dictionary` of what the series mean.
    """
    generations, files = index.view(hot)
    if not len(sids):
        return Rows(_MEMORY.empty_table(), [], [], "false")
    low, high = int(sids.min()), int(sids.max())
    who = f"sid = {low}" if low == high else f"sid between {low} and {high}"
    if 1 < len(sids) <= 64 and len(sids) < high - low + 1:
        who += f" and sid in ({', '.join(map(str, sids.tolist()))})"
    first, last = max(start, -(2**62) // 1000) * 1000, min(end, 2**62 // 1000) * 1000 + 999
    bounded = start > -(2**61) or end < 2**61
    spans, rolled = [(first - 1, last)], ""
    reader = Reader(hot.cursor(), generations, files, index)
    if window:
        spans, rolled = _from_roll_ups(reader, sids, (first - 1, last), _NAMES_OF[window], _edges(known))
    when = " or ".join(between(*span) for span in spans) or "false"
    near = [f for f in files if any(f.overlaps(*span) for span in spans) and f.max_sid >= low and f.min_sid <= high]
    of = {kind: reader.bring([f for f in near if f.kind == kind]) for kind in ("samples", "late")}
    memory = _of_memory(hot.cursor(), generations, who, spans)
    return Rows(memory, of["samples"], of["late"], f"{who} and ({when})" if bounded or rolled else who, rolled, reader)


def _of_memory(
    cursor: duckdb.DuckDBPyConnection, generations: Iterable[Generation], who: str, spans: Sequence[tuple[int, int]]
) -> pa.Table:
    below = "(ts - ((ts % 1000) + 1000) % 1000)"
    when = " or ".join(f"(ts > {a} and ts <= {b})" for a, b in spans)
    parts = [
        cursor.sql(
            f"select {g.arrival} as n, sid, make_timestamptz({below} // 1000) as ts, (ts - {below})::smallint as ns, "
            f"{g.columns('v, vi, vs, vb, q')} from {g.table} where {who} and ({when})"
        ).to_arrow_table()
        for g in generations
        if any(g.overlaps(*span) for span in spans)
    ]
    return pa.concat_tables([part.cast(_MEMORY) for part in parts]) if parts else _MEMORY.empty_table()


_NAMES_OF = {length: name for name, length in WINDOWS.items()}


def _edges(known: pa.Table | None) -> Ints:
    """Return the times at which a series begins to mean something else."""
    if known is None:
        return np.zeros(0, np.int64)
    times = np.unique(np.concatenate([known[name].to_numpy() for name in ("start_ns", "end_ns")]))
    return times[(times != NEVER) & (times != FOREVER)]


def _from_roll_ups(
    reader: Reader, sids: Sids, span: tuple[int, int], table: str, edges: Ints
) -> tuple[list[tuple[int, int]], str]:
    """Return what has to be computed from rows, and SQL for the windows that roll-ups answer (nothing if they answer none)."""
    found = reader.plan(table, sids, *span, edges=edges)
    if not found.rolled:
        return [span], ""
    yes_and_no = reader.fetch(f"select distinct sid from ({reader.rolled(found, sids, 'kind = 1')})")["sid"].to_numpy()
    if len(yes_and_no):  # a tag that is now a number, now a yes or no: which came first in a window is not in the roll-ups
        numbers = reader.rolled(found, yes_and_no.astype(np.int32), "kind = 0")
        if reader.fetch(f"select 1 from ({numbers}) limit 1").num_rows:
            return [span], ""
    return list(found.raw), reader.rolled(found, sids, "kind in (0, 1)", alone=True)


def rows_sql(rows: Rows, memory: str) -> str:
    """Return SQL for the rows (sid, ts, ns, v, vi, vs, vb, q), each key once; `memory` names the table of memory's rows."""
    base = _files(rows.main, rows.where) if rows.main else f"select {_ROW} from {memory} where false"
    top = [f"select n, {_ROW} from {memory}"] if rows.memory.num_rows else []
    if rows.late:
        top.append(_files(rows.late, rows.where, "seq as n, "))
    if not top:
        return base
    newest = "qualify row_number() over (partition by sid, ts, ns, q order by n desc) = 1"
    above = f"select {_ROW} from ({' union all '.join(top)}) {newest}"
    if not rows.main:
        return above
    return (
        f"with above as materialized ({above}) select {_ROW} from ({base}) anti join above using (sid, ts, ns, q) "
        "union all select * from above"
    )


def _files(files: Sequence[File], where: str, extra: str = "") -> str:
    paths = ", ".join("'" + file.path.replace("'", "''") + "'" for file in files)
    return f"select {extra}{_ROW} from read_parquet([{paths}], hive_partitioning=false) where {where}"


_WHO = "d.property, d.asset, d.name, d.source, d.tag, d.unit"
_AT = "(epoch_us(r.ts) * 1000 + r.ns)"
_MEANT = f"{_AT} >= d.start_ns and {_AT} < d.end_ns"
_SAMPLE = (
    f"{_WHO}, r.ts, {_AT} as ts_ns, coalesce(r.v, r.vi::double, r.vb::double) as value, r.vi as value_integer, "
    "r.vs as value_text, r.vb as value_boolean, case r.q when 0 then 'good' when 1 then 'uncertain' else 'bad' end as quality"
)


def samples_sql(rows: str, names: str, always: bool) -> str:
    """Return SQL for `samples`; `always` says that every tag means one property for all time."""
    meant = "" if always else f" and {_MEANT}"
    return f"select {_SAMPLE} from ({rows}) r join {names} d on r.sid = d.sid{meant}"


def latest_sql(last: str, names: str) -> str:
    """Return SQL for `latest` over the table of every series' last row."""
    of = "coalesce(d.property, d.source || chr(0) || d.tag)"
    newest = f"qualify row_number() over (partition by {of} order by r.ts desc, r.ns desc) = 1"
    return f"select {_SAMPLE} from {last} r join {names} d on r.sid = d.sid and {_MEANT} {newest}"


def series_sql(names: str) -> str:
    """Return SQL for `series`."""
    start, end = f"nullif(start_ns, {NEVER})", f"nullif(end_ns, {FOREVER})"
    return (
        f"select {_WHO}, d.type, d.kind, make_timestamptz({start} // 1000) as bound_from, "
        f"make_timestamptz({end} // 1000) as bound_to from {names} d"
    )


def windows_sql(rows: str, names: str, window: int, always: bool, rolled: str = "") -> str:
    """Return SQL for `minute` or `hour`: grouped by stretch and window first, named afterwards."""
    x = "coalesce(r.v, r.vi::double, r.vb::double)"
    meant = "" if always else f" and {_MEANT}"
    at = f"({_AT} - 1)"
    end = f"({at} - ((({at} % {window}) + {window}) % {window}) + {window})"
    inner = (
        f"select d.place, {end} as w, count(*) as n, avg({x}) as average, min({x}) as minimum, max({x}) as maximum, "
        f"sum({x}) as total, arg_min({x}, {_AT}) as first, arg_max({x}, {_AT}) as last from ({rows}) r "
        f"join {names} d on r.sid = d.sid{meant} where r.q = 0 and {x} is not null and not isnan({x}) group by all"
    )
    if rolled:
        inner = _with_rolled(inner, rolled, names, always)
    numbers = "a.n, a.average, a.minimum, a.maximum, a.total, a.first, a.last"
    return f"select {_WHO}, make_timestamptz(a.w // 1000) as ts, {numbers} from ({inner}) a join {names} d on a.place = d.place"


def _with_rolled(computed: str, rolled: str, names: str, always: bool) -> str:
    """Join windows that were computed with those of roll-ups; a midnight's has a part in each of two files."""
    meant = "" if always else " and r.e - 1 >= d.start_ns and r.e - 1 < d.end_ns"
    return (
        "select place, w, sum(n)::bigint as n, sum(total) / sum(n) as average, min(minimum) as minimum, "
        "max(maximum) as maximum, sum(total) as total, arg_min(first, part) as first, arg_max(last, part) as last from ("
        f"select place, w, n, minimum, maximum, total, first, last, 0 as part from ({computed}) union all "
        f"select d.place, r.e as w, r.n, r.minimum, r.maximum, r.total, r.first, r.last, r.part from ({rolled}) r "
        f"join {names} d on r.sid = d.sid{meant}) group by place, w"
    )


def last_rows(hot: Hot) -> pa.Table:
    """Return the last row of every series in the columns of a sample."""
    table = hot.any.to_table()
    at = cast("Any", table["ts"].combine_chunks().cast(pa.int64()).to_numpy(zero_copy_only=False))
    us = at // 1000
    return table.set_column(1, "ts", pa.array(us).cast(TYPES["time"])).append_column(
        "ns", pa.array((at - us * 1000).astype(np.int16))
    )
