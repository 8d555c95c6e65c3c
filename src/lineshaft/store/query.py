"""Questions to the store: now, then, how it went, and in windows. Hot rows and lake files answer as one.

The key of a row is (series, timestamp in ns, quality) and the last arrival wins: rows of the lake's main files are taken
unless a hot or late row has their key.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lineshaft.core import DataType, InvalidInput
from lineshaft.store.aggregate import AGGREGATES, USABLE, Asked, known
from lineshaft.store.hot import Hot
from lineshaft.store.index import ROWS, File, Index
from lineshaft.store.last import NEVER, Last, Value
from lineshaft.store.meaning import Meaning, PropertyLike, Ref, Tag
from lineshaft.store.reader import EMPTY, FOREVER, Piece, Reader
from lineshaft.store.series import KINDS, Series
from lineshaft.store.stored import Sids

_VALUES = {
    DataType.DOUBLE: "coalesce(v, vi::double, vb::double)",
    DataType.INTEGER: "coalesce(vi, vb::bigint, case when v = trunc(v) and abs(v) < 9e18 then v::bigint end)",
    DataType.BOOLEAN: "coalesce(vb, vi <> 0, v <> 0)",
    DataType.STRING: "coalesce(vs, vi::varchar, v::varchar, vb::varchar)",
    DataType.JSON: "vs",
}


class Latest(NamedTuple):
    """One value of a property with its time and quality."""

    path: str
    ts: int
    value: Value
    quality: int
    unit: str


class Track(NamedTuple):
    """A property resolved: its series over time, its type and unit."""

    path: str
    type: DataType
    unit: str
    pieces: tuple[Piece, ...]


_NOWHERE = Piece(-1, NEVER, NEVER)
_end = attrgetter("end")


class Query:
    """Reads over hot rows and lake files; any thread may ask."""

    def __init__(self, hot: Hot, index: Index, series: Series, meaning: Meaning) -> None:
        self._hot = hot
        self._index = index
        self._series = series
        self._meaning = meaning
        self._tags: dict[Tag, Track] = {}

    def track(self, ref: Ref) -> Track:
        """Return the series behind a property's path, a property or a Tag."""
        if isinstance(ref, Tag):
            return self._tags.get(ref) or self._tag(ref)
        found: PropertyLike = self._meaning.property(ref) if isinstance(ref, str) else ref
        pieces: list[Piece] = []
        for span in self._meaning.spans(found.id):
            sid = self._series.find(span.source, span.tag)
            if sid is not None:
                start = NEVER if span.start_ns <= 0 else span.start_ns - 1
                pieces.append(Piece(sid, start, FOREVER if span.end_ns is None else span.end_ns - 1))
        return Track(found.path, found.type, found.unit, tuple(pieces))

    def _tag(self, ref: Tag) -> Track:
        sid = self._series.find(*ref)
        kind = KINDS[self._series.kinds[sid]] if sid is not None else None
        whole = () if sid is None else (Piece(sid, NEVER, FOREVER),)
        track = Track(f"{ref.source}:{ref.tag}", kind or DataType.DOUBLE, "", whole)
        if kind is not None:  # from its first value on it stays what it is
            self._tags[ref] = track
        return track

    def latest(self, refs: Iterable[Ref]) -> list[Latest | None]:
        """Return the newest value of each property, of any quality; None where nothing ever came."""
        tracks = [self.track(ref) for ref in refs]
        last = [max(track.pieces, key=_end) if track.pieces else _NOWHERE for track in tracks]
        rows = self._hot.any.several(np.array([piece.sid for piece in last], np.int64))
        return [
            Latest(track.path, row[0], _typed(row[1], track.type), row[2], track.unit)
            if row is not None and piece.start < row[0] <= piece.end
            else self._newest(track)
            for track, piece, row in zip(tracks, last, rows, strict=True)
        ]

    def _newest(self, track: Track) -> Latest | None:
        for piece in sorted(track.pieces, key=lambda p: -p.end):
            row = self._hot.any.one(piece.sid)
            if row is None or row[0] <= piece.start:
                continue
            if row[0] <= piece.end:
                return Latest(track.path, row[0], _typed(row[1], track.type), row[2], track.unit)
            found = self._last_row(track, [piece], piece.end, "true")
            if found is not None:
                return found
        return None

    def before(self, ref: Ref, at: int) -> Latest | None:
        """Return the last good value at or before a time, or None."""
        track = self.track(ref)
        for piece in sorted(track.pieces, key=lambda p: -p.end):
            row = self._hot.good.one(piece.sid)
            if row is None or piece.start >= min(at, row[0]):
                continue
            if row[0] <= min(at, piece.end) and piece.sid not in self._hot.good.unsure:
                return Latest(track.path, row[0], _typed(row[1], track.type), row[2], track.unit)
            found = self._last_row(track, [piece], min(at, piece.end), USABLE)
            if found is not None:
                return found
        return None

    def as_of(self, refs: Iterable[Ref], at: int, look_back: int | None = None) -> list[Latest | None]:
        """Return the last good value of each property at or before a time, but not older than `look_back` before it."""
        asked = list(refs)
        tracks = [self.track(ref) for ref in asked]
        floor = NEVER if look_back is None else at - look_back - 1
        pieces = [max((p for p in track.pieces if p.start < at), key=_end, default=_NOWHERE) for track in tracks]
        sids = np.unique(np.array([piece.sid for piece in pieces if piece.sid >= 0], np.int32))
        rows = {row["sid"]: row for row in _plain(self._carried(sids, at, floor))} if len(sids) else {}
        found: list[Latest | None] = []
        for ref, track, piece in zip(asked, tracks, pieces, strict=True):
            row = rows.get(piece.sid)
            if row is None or not piece.start < row["ts"] <= piece.end:  # the tag before it, or one that was unbound since
                old = self.before(ref, at) if row is not None or len(track.pieces) > 1 else None
                found.append(old if old is not None and old.ts > floor else None)
                continue
            value = next((row[name] for name in ("v", "vi", "vs", "vb") if row[name] is not None), None)
            found.append(Latest(track.path, row["ts"], _typed(value, track.type), row["q"], track.unit))
        return found

    def _last_row(self, track: Track, pieces: Sequence[Piece], at: int, condition: str) -> Latest | None:
        floor = min(piece.start for piece in pieces)
        sids = np.array([piece.sid for piece in pieces], np.int32)
        table = self._look_back(sids, at, condition)
        rows = [row for row in table.to_pylist() if row["ts_ns"] > floor]
        if not rows:
            return None
        row = max(rows, key=lambda r: r["ts_ns"])
        value = next((row[name] for name in ("v", "vi", "vs", "vb") if row[name] is not None), None)
        return Latest(track.path, row["ts_ns"], _typed(value, track.type), row["q"], track.unit)

    def _look_back(self, sids: Sids, at: int, condition: str, floor: int = NEVER) -> pa.Table:
        """Return the newest row at or before a time of each series: memory and late rows first, then day by day back.

        Nothing at or before `floor` is looked at.
        """
        reader = self._reader()
        newest = "qualify row_number() over (partition by sid order by ts desc, q) = 1"
        found: list[pa.Table] = []
        missing = sids
        for back in reader.days_back(at):
            if not len(missing) or at <= floor:
                break
            reader.let_go()
            start = max(back, floor)
            rows = reader.rows(missing, start, at)
            at = start
            sql = f"select sid, ts as ts_ns, v, vi, vs, vb, q from ({rows}) where {condition} {newest}"
            table = reader.fetch(sql)
            if len(table):
                found.append(table)
                missing = missing[~np.isin(missing, table["sid"].to_numpy())]
        return pa.concat_tables(found) if found else reader.fetch(EMPTY)

    def history(
        self,
        ref: Ref,
        start: int,
        end: int,
        *,
        good_only: bool = False,
        limit: int | None = None,
        after: str | None = None,
        descending: bool = False,
        lake: tuple[File, ...] | None = None,
    ) -> pa.Table:
        """Return (ts, value, q) over (start, end]; `after` is the `page(...)` of the table before, for the next one.

        With `lake`, files of an earlier time, only what they hold.
        """
        track = self.track(ref)
        reader = self._reader() if lake is None else Reader(self._hot.cursor(), (), lake, self._index)
        conditions = ["q = 0"] if good_only else []
        if after is not None:
            ts, q = _place(after)
            sign = "<" if descending else ">"
            conditions.append(f"(ts {sign} {ts} or (ts = {ts} and q {sign} {q}))")
            start, end = (start, min(end, ts)) if descending else (max(start, ts - 1), end)
        where = f" where {' and '.join(conditions)}" if conditions else ""
        way = " desc" if descending else ""
        sids = np.array([piece.sid for piece in track.pieces], np.int32)
        found, left = list[pa.Table](), limit
        for a, b in sorted(reader.portions(sids, start, end), reverse=descending):
            reader.let_go()
            rows = reader.rows_of(track.pieces, a, b)
            top = f" limit {int(left)}" if left is not None else ""
            sql = f"select ts, {_VALUES[track.type]} as value, q from ({rows}){where} order by ts{way}, q{way}{top}"
            found.append(reader.fetch(sql))
            left = None if left is None else left - len(found[-1])
            if left is not None and left <= 0:
                break
        return _timed(pa.concat_tables(found))

    @staticmethod
    def page(table: pa.Table) -> str | None:
        """Return the place after a history's last row, to go on from; rows that arrive meanwhile do not shift it."""
        if not len(table):
            return None
        return f"{table['ts'][-1].cast(pa.int64()).as_py()}.{table['q'][-1].as_py()}"

    def span(self, sids: Sequence[int] | Sids, start: int, end: int, *, carry: bool = False) -> pa.Table:
        """Return rows (sid, ts, v, vi, vs, vb, q) of series over (start, end], by series and time.

        `carry` adds the last good row at or before `start` of each series that has one.
        """
        wanted = np.unique(np.asarray(sids, np.int32))
        reader = self._reader()
        found: list[pa.Table] = []
        for a, b in reader.portions(wanted, start, end):
            reader.let_go()
            rows = reader.rows(wanted, a, b)
            found.append(reader.fetch(f"select sid, ts, v, vi, vs, vb, q from ({rows}) order by sid, ts, q"))
        table = _timed(pa.concat_tables(found))
        if len(found) > 1:
            table = table.sort_by([("sid", "ascending"), ("ts", "ascending"), ("q", "ascending")])
        if not carry or not len(wanted):
            return table
        return pa.concat_tables([self._carried(wanted, start), table]).sort_by([("sid", "ascending"), ("ts", "ascending")])

    def _carried(self, sids: Sids, at: int, floor: int = NEVER) -> pa.Table:
        good: Last = self._hot.good
        ts, _, _ = good.arrays(sids)
        known = (ts != NEVER) & (ts <= at) & good.sure(sids)
        older = sids[(ts != NEVER) & ~known]
        parts = [good.rows(sids[known & (ts > floor)])]
        if len(older):
            found = self._look_back(older, at, USABLE, floor)
            parts.append(_timed(found.rename_columns(["sid", "ts", "v", "vi", "vs", "vb", "q"])))
        return pa.concat_tables([part.cast(parts[0].schema) for part in parts])

    def aggregates(
        self,
        ref: Ref,
        window_ns: int,
        start: int,
        end: int,
        functions: Sequence[str] = tuple(AGGREGATES),
        *,
        partial: bool = False,
    ) -> pa.Table:
        """Return a row a window: `ts` (its end), `n` and the asked functions over its good values.

        Windows are (end - window, end], aligned to UTC (weeks to Monday). Empty ones are absent; one that is not wholly
        inside (start, end] is left out unless `partial`.
        """
        known(functions, window_ns)
        track = self.track(ref)
        asked = Asked(window_ns, tuple(functions), track.type in (DataType.DOUBLE, DataType.INTEGER))
        cuts = [(0, piece) for piece in track.pieces]
        table = asked.answer(self._reader(), cuts, *asked.bounds(start, end, partial=partial))
        return _timed(table.drop_columns(["place"]))

    def aggregates_of(
        self,
        refs: Sequence[Ref],
        window_ns: int,
        start: int,
        end: int,
        functions: Sequence[str] = tuple(AGGREGATES),
        *,
        partial: bool = False,
    ) -> pa.Table:
        """Return what `aggregates` does for many properties at once, with `place`: which of `refs` a row is of."""
        known(functions, window_ns)
        tracks = [self.track(ref) for ref in refs]
        reader, found = self._reader(), list[pa.Table]()
        for numeric in (True, False):
            places = [n for n, one in enumerate(tracks) if (one.type in (DataType.DOUBLE, DataType.INTEGER)) is numeric]
            asked = Asked(window_ns, tuple(functions), numeric)
            cuts = [(n, piece) for n in places for piece in tracks[n].pieces]
            if cuts or not numeric:
                found.append(asked.answer(reader, cuts, *asked.bounds(start, end, partial=partial)))
        table = pa.concat_tables([one.cast(found[0].schema) for one in found])
        return _timed(table.sort_by([("place", "ascending"), ("ts", "ascending")]))

    def kept(self, sid: int) -> int | None:
        """Return how many keys a series has, each counted once; None where that would bring files from another tier."""
        _, files = self._index.view(self._hot)
        if any(f.kind in ROWS and f.min_sid <= sid <= f.max_sid and self._index.elsewhere(f) for f in files):
            return None
        reader = self._reader()
        rows = reader.rows(np.array([sid], np.int32), -1, FOREVER)
        return int(reader.fetch(f"select count(*) as n from ({rows})")["n"][0].as_py())

    def _reader(self) -> Reader:
        return Reader(self._hot.cursor(), *self._index.view(self._hot), self._index)


def _typed(value: Value, kind: DataType) -> Value:
    if isinstance(value, int) and not isinstance(value, bool) and kind is DataType.DOUBLE:
        return float(value)
    if isinstance(value, int | float) and kind is DataType.BOOLEAN:
        return bool(value)
    return value


def _timed(table: pa.Table) -> pa.Table:
    place = table.schema.get_field_index("ts")
    return table.set_column(place, "ts", pc.cast(table.column(place), pa.timestamp("ns", "UTC")))


def _plain(table: pa.Table) -> list[dict[str, Any]]:
    """Return rows with their time in nanoseconds."""
    place = table.schema.get_field_index("ts")
    return table.set_column(place, "ts", table["ts"].cast(pa.int64())).to_pylist()


def _place(after: str) -> tuple[int, int]:
    try:
        ts, q = after.split(".")
        return int(ts), int(q)
    except ValueError:
        raise InvalidInput(
            f"'{after}' is not a page of this history", hint="send `next` of the page before", code="page.invalid"
        ) from None
