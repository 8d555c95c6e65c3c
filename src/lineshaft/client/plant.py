"""What a script asks a plant: tables of values, as Arrow, Polars or pandas."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, cast

import pyarrow as pa
import pyarrow.compute as pc

from lineshaft.client.wire import ARROW, Node
from lineshaft.core import ConfigError, InvalidInput, iso, now_ns, parse_time

Moment = str | int | datetime | timedelta
"""ISO 8601 with a zone, `now`, UTC nanoseconds, a datetime with a zone, or a timedelta (so long before now)."""
Into = Literal["arrow", "polars", "pandas"]
PAGE = 100_000
_LATEST = 5_000


def connect(url: str | None = None, token: str | None = None, *, timeout: float = 600.0) -> RemotePlant:
    """Return the plant of a running node; LINESHAFT_URL and LINESHAFT_TOKEN stand for what is not given."""
    address = url or os.environ.get("LINESHAFT_URL") or "http://127.0.0.1:8080"
    return RemotePlant(Node(address, token if token is not None else os.environ.get("LINESHAFT_TOKEN", ""), timeout))


class RemotePlant:
    """A plant as its node shows it. Every table is asked for anew; nothing is kept here."""

    def __init__(self, node: Node) -> None:
        self.node = node

    def history(
        self,
        properties: str | Sequence[str],
        start: Moment,
        end: Moment = "now",
        *,
        good_only: bool = False,
        into: Into = "arrow",
        progress: Callable[[int], None] | None = None,
    ) -> Any:
        """Return the stored values of (start, end], oldest first.

        One property gives (timestamp, value, quality); several give the same with a column `property` before it, one after
        the other, values of unlike types as text. Times are UTC nanoseconds, qualities good, uncertain or bad. `progress` is
        told the number of rows after each page. Raises NotFound (with the nearest name), Forbidden, InvalidInput.
        """
        alone = isinstance(properties, str)
        paths = [properties] if isinstance(properties, str) else list(properties)
        first, last = moment(start), moment(end)
        done = 0
        found: list[pa.Table] = []
        for path in paths:
            pages: list[pa.Table] = []
            for page in self.pages(path, first, last):
                pages.append(page.filter(pc.field("quality") == "good") if good_only else page)
                done += len(page)
                if progress is not None:
                    progress(done)
            table: Any = pa.concat_tables(pages)
            named = pa.array([path] * len(table), pa.string()).dictionary_encode()
            found.append(table if alone else table.add_column(0, "property", named))
        return _into(_together(found), into)

    def pages(self, path: str, start: Moment, end: Moment, size: int = PAGE) -> Iterator[pa.Table]:
        """Yield a property's values page by page: for more than fits into memory."""
        query = {"property": path, "start": iso(moment(start)), "end": iso(moment(end)), "limit": size}
        after = ""
        while True:
            said = self.node.ask("history", {**query, "after": after or None}, accept=ARROW)
            yield _table(said.body)
            after = said.next
            if not after:
                return

    def latest(self, properties: str | Sequence[str], *, into: Into = "arrow") -> Any:
        """Return the newest value of each property: (property, timestamp, value, quality, unit), none where nothing came."""
        paths = [properties] if isinstance(properties, str) else list(properties)
        return _into(_values_of(self._asked("latest", paths)), into)

    def as_of(self, properties: str | Sequence[str], at: Moment, *, look_back: str = "7d", into: Into = "arrow") -> Any:
        """Return what each property was at a time: its last good value at or before it, none older than `look_back`."""
        paths = [properties] if isinstance(properties, str) else list(properties)
        return _into(_values_of(self._asked("as-of", paths, at=iso(moment(at)), look_back=look_back)), into)

    def _asked(self, what: str, paths: Sequence[str], **how: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        for n in range(0, len(paths), _LATEST):
            rows += self.node.ask(what, body={"properties": paths[n : n + _LATEST], **how}).json()["items"]
        return rows

    def aggregates(self, path: str, window: str, start: Moment, end: Moment = "now", *, into: Into = "arrow") -> Any:
        """Return count, average, minimum ... of good values per window (start, end], stamped at its end."""
        query = {"property": path, "window": window, "start": iso(moment(start)), "end": iso(moment(end))}
        return _into(_table(self.node.ask("aggregates", query, accept=ARROW).body), into)

    def interpolated(
        self, path: str, interval: str, start: Moment, end: Moment = "now", *, method: str = "linear", into: Into = "arrow"
    ) -> Any:
        """Return the good values at start + k x interval, drawn between the recorded ones (linear) or held (locf)."""
        query = {"property": path, "interval": interval, "start": iso(moment(start)), "end": iso(moment(end)), "method": method}
        return _into(_table(self.node.ask("interpolated", query, accept=ARROW).body), into)

    def time_weighted(
        self, path: str, window: str, start: Moment, end: Moment = "now", *, method: str = "locf", into: Into = "arrow"
    ) -> Any:
        """Return the mean per window weighted by time, and which share of the window was known."""
        query = {"property": path, "window": window, "start": iso(moment(start)), "end": iso(moment(end)), "method": method}
        return _into(_table(self.node.ask("time-weighted", query, accept=ARROW).body), into)

    def sql(self, question: str, *, limit: int = 1_000_000, into: Into = "arrow") -> Any:
        """Return the answer to one SELECT over values, assets, orders, alarms ... (needs the right sql.query)."""
        return _into(_table(self.node.ask("sql", accept=ARROW, body={"sql": question, "limit": limit}).body), into)

    def oee(self, asset: str, start: Moment, end: Moment = "now", *, explain: bool = False) -> dict[str, Any]:
        """Return the OEE of an asset over (start, end] with its time elements and counts; what is undefined is None."""
        query = {"asset": asset, "start": iso(moment(start)), "end": iso(moment(end)), "explain": "true" if explain else None}
        return cast("dict[str, Any]", self.node.ask("oee", query).json())

    def properties(self, asset: str) -> list[str]:
        """Return the paths of an asset's properties."""
        for one in self._listed("assets", under=asset):
            if one["path"] == asset:
                return [row["path"] for row in self.node.ask(f"assets/{one['id']}").json()["properties"]]
        raise InvalidInput(f"there is no asset '{asset}'", where="asset", hint="assets() names them", code="assets.no-asset")

    def assets(self, under: str | None = None) -> list[str]:
        """Return the paths of all assets, or of those below one."""
        return [row["path"] for row in self._listed("assets", under=under)]

    def _listed(self, path: str, **query: str | None) -> Iterator[dict[str, Any]]:
        after: str | None = None
        while True:
            page = self.node.ask(path, {**query, "limit": 500, "after": after}).json()
            yield from page["items"]
            after = page["next"]
            if after is None:
                return


def _values_of(rows: list[dict[str, Any]]) -> pa.Table:
    """Return values of several properties as a table: (property, timestamp, value, quality, unit)."""
    stamps = [None if row["timestamp"] is None else parse_time(row["timestamp"]) for row in rows]
    columns: dict[str, Any] = {
        "property": pa.array([row["property"] for row in rows], pa.string()),
        "timestamp": pa.array(stamps, pa.timestamp("ns", "UTC")),
        "value": _values([row["value"] for row in rows]),
        "quality": pa.array([row["quality"] for row in rows], pa.string()),
        "unit": pa.array([row["unit"] for row in rows], pa.string()),
    }
    return pa.table(columns)


def moment(value: Moment) -> int:
    """Return UTC nanoseconds. Raises InvalidInput for a time without a zone."""
    if isinstance(value, timedelta):
        return now_ns() - _nanoseconds(value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            hint = "datetime(..., tzinfo=ZoneInfo('Europe/Berlin'))"
            raise InvalidInput(f"{value} has no time zone", where="time", hint=hint, code="time.invalid")
        extra = int(getattr(value, "nanosecond", 0))  # a pandas Timestamp knows nanoseconds
        return _nanoseconds(value - datetime.fromisoformat("1970-01-01T00:00:00+00:00")) // 1000 * 1000 + extra
    return parse_time(value)


def _nanoseconds(length: timedelta) -> int:
    return (length.days * 86_400 + length.seconds) * 1_000_000_000 + length.microseconds * 1000


def _table(body: bytes) -> pa.Table:
    with pa.ipc.open_stream(pa.py_buffer(body)) as reader:
        return reader.read_all()


def _values(values: list[Any]) -> Any:
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float}:
        return pa.array(values, pa.float64())
    return pa.array([None if value is None else str(value) for value in values]) if len(kinds) > 1 else pa.array(values)


def _together(tables: list[pa.Table]) -> pa.Table:
    kinds = {table["value"].type for table in tables}
    if len(kinds) <= 1:
        return pa.concat_tables(tables).unify_dictionaries()
    numbers = all(pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in kinds)
    kind = pa.float64() if numbers else pa.string()
    place = tables[0].schema.get_field_index("value")
    return pa.concat_tables(table.set_column(place, "value", table["value"].cast(kind)) for table in tables).unify_dictionaries()


def _into(table: pa.Table, into: Into) -> Any:
    if into == "arrow":
        return table
    if into not in {"polars", "pandas"}:
        raise InvalidInput(f"'{into}' is no kind of table", where="into", hint="arrow, polars or pandas")
    try:
        library: Any = importlib.import_module(into)
    except ImportError:
        raise ConfigError(f"{into} is not installed", where="into", hint=f"install it: uv pip install {into}") from None
    return library.from_arrow(table) if into == "polars" else table.to_pandas()
