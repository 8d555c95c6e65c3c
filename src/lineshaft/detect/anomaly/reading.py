"""Any table becomes columns of numbers over time; what cannot be used is kept aside with the reason, never guessed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from lineshaft.core import NS, InvalidInput, did_you_mean
from lineshaft.detect.detector import Bools, Floats, Ints

TIME_NAMES = ("time", "timestamp", "datetime", "date", "ts", "date_time")
MINUTE = 60 * NS


@dataclass(frozen=True, slots=True)
class Readings:
    """Columns over time: times in UTC nanoseconds ascending, numbers with NaN where there is no value."""

    times: Ints
    numbers: dict[str, Floats]
    texts: dict[str, npt.NDArray[Any]] = field(default_factory=dict[str, Any])
    timed: bool = True
    unsorted: int = 0
    duplicates: int = 0
    infinite: dict[str, int] = field(default_factory=dict[str, int])
    converted: frozenset[str] = frozenset()
    order: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    """For each row that was kept, its place in the table that was given."""

    def __len__(self) -> int:
        return len(self.times)

    @property
    def names(self) -> list[str]:
        """Names of all columns but time."""
        return [*self.numbers, *self.texts]

    def matrix(self, names: Sequence[str], part: slice | Ints) -> Floats:
        """Return columns side by side, one after the other in memory; one that is not in the table is all NaN."""
        out = np.empty((len(names), len(self.times[part])))
        for place, name in enumerate(names):
            out[place] = self.numbers[name][part] if name in self.numbers else np.nan
        return out.T


def read(table: Any, time: str | None = None, every: int | None = None) -> Readings:
    """Read a pandas or polars data frame, an Arrow table, or a mapping of names to arrays.

    `time` names the time column; without it, one that is typed as time or called like it is taken. Without any, rows are
    taken as consecutive, `every` nanoseconds apart. Rows are sorted by time; of rows with the same time the last is kept.
    """
    arrow = _arrow(table)
    if len(set(arrow.column_names)) < arrow.num_columns:
        raise InvalidInput("two columns have the same name", hint="rename one of them", code="table.names")
    clock = _time_column(arrow, time)
    order: Ints = np.arange(arrow.num_rows, dtype=np.int64)
    if clock is None:
        times, unsorted, duplicates = order * (every or MINUTE), 0, 0
    else:
        times, order, unsorted, duplicates = _ordered(_nanoseconds(arrow[clock], clock))
    straight = not unsorted and not duplicates
    numbers: dict[str, Floats] = {}
    texts: dict[str, npt.NDArray[Any]] = {}
    infinite: dict[str, int] = {}
    converted: set[str] = set()
    for name in arrow.column_names:
        if name == clock:
            continue
        values, was_text = _numbers(arrow[name])
        if values is None:
            texts[name] = arrow[name].to_numpy()[order]
            continue
        if was_text:
            converted.add(name)
        wild = int(np.isinf(values).sum())
        if wild:
            infinite[name] = wild
            values = np.where(np.isinf(values), np.nan, values)
        numbers[name] = values if straight else values[order]
    return Readings(times, numbers, texts, clock is not None, unsorted, duplicates, infinite, frozenset(converted), order)


def moments(values: Any, where: str = "time") -> Ints:
    """Return UTC nanoseconds of datetimes, ISO texts or epoch nanoseconds."""
    return _nanoseconds(pa.chunked_array([pa.array(values)]), where)


def _arrow(table: Any) -> pa.Table:
    try:
        if isinstance(table, pa.RecordBatch):
            return pa.Table.from_batches([table])
        if isinstance(table, pa.Table):
            return table
        if isinstance(table, Mapping):
            return pa.table({str(name): _column(values) for name, values in cast("Mapping[str, Any]", table).items()})
        if type(table).__module__.startswith("pandas"):
            return _from_pandas(table)
        return pa.table(table)
    except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError, ValueError) as error:
        raise InvalidInput(
            f"this is not a table that can be read: {error}",
            hint="give a pandas or polars data frame, an Arrow table, or a dict of names and arrays of equal length",
            code="table.unreadable",
        ) from error


def _from_pandas(frame: Any) -> pa.Table:
    if frame.index.dtype.kind == "M":
        frame = frame.rename_axis(frame.index.name or "time").reset_index()
    frame = frame.rename(columns=str)
    columns = {name: _column(frame[name].to_numpy() if frame[name].dtype.kind == "O" else frame[name]) for name in frame.columns}
    return pa.table(columns)


def _column(values: Any) -> Any:
    """Return one column; a mixture of numbers and texts becomes text."""
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if cell is None else str(cell) for cell in values])


def _time_column(arrow: pa.Table, time: str | None) -> str | None:
    if time is not None:
        if time not in arrow.column_names:
            hint = did_you_mean(time, arrow.column_names)
            raise InvalidInput(f"there is no column '{time}'", where="time", hint=hint, code="table.time")
        return time
    for name in arrow.column_names:
        if pa.types.is_timestamp(arrow[name].type) or pa.types.is_date(arrow[name].type):
            return name
    return next((name for name in arrow.column_names if name.strip().lower() in TIME_NAMES), None)


def _nanoseconds(column: Any, name: str) -> Ints:
    if pa.types.is_string_view(column.type):
        column = pc.cast(column, pa.string())
    kind = column.type
    try:
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            column = pc.cast(column, pa.timestamp("ns", "UTC")) if _zoned(column) else pc.cast(column, pa.timestamp("ns"))
        elif not (pa.types.is_timestamp(kind) or pa.types.is_date(kind) or pa.types.is_integer(kind)):
            raise InvalidInput(f"column '{name}' holds no times ({kind})", hint=TIME_HINT, code="table.time")
        if pa.types.is_date(kind):
            column = pc.cast(column, pa.timestamp("ns"))
        if not pa.types.is_integer(column.type):
            column = pc.cast(pc.cast(column, pa.timestamp("ns", getattr(column.type, "tz", None))), pa.int64())
    except pa.ArrowInvalid as error:
        raise InvalidInput(f"column '{name}' holds no times: {error}", hint=TIME_HINT, code="table.time") from error
    if column.null_count:
        raise InvalidInput(
            f"column '{name}' has {column.null_count} rows without a time", hint="leave these rows out", code="table.time"
        )
    return column.to_numpy().astype(np.int64)


TIME_HINT = "give times as datetimes, as ISO 8601 texts, or as integers of nanoseconds since 1970"


def _zoned(column: Any) -> bool:
    first = next((str(cell) for cell in column.slice(0, 100).to_pylist() if cell), "")
    return first.endswith("Z") or first[-6:-5] in ("+", "-")


def _ordered(times: Ints) -> tuple[Ints, Ints, int, int]:
    """Return ascending times without doubles, where each row came from, and how many were out of order or doubled."""
    steps = np.diff(times)
    unsorted, order = int((steps < 0).sum()), np.arange(len(times), dtype=np.int64)
    if unsorted:
        order = np.argsort(times, kind="stable").astype(np.int64)
        times = times[order]
    last = np.append(np.diff(times) > 0, True) if len(times) else np.zeros(0, np.bool_)
    doubled = int((~last).sum())
    return (times[last], order[last], unsorted, doubled) if doubled else (times, order, unsorted, 0)


def _numbers(column: Any) -> tuple[Floats | None, bool]:
    """Return the column as numbers (None: it holds texts), and whether they were written as texts."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = pc.cast(column, kind.value_type), kind.value_type
    if pa.types.is_string_view(kind):
        column, kind = pc.cast(column, pa.string()), pa.string()
    if pa.types.is_null(kind):
        return np.full(len(column), np.nan), False
    if pa.types.is_boolean(kind):
        column = pc.cast(column, pa.int8())
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        bare = pc.utf8_trim_whitespace(column)
        empty: Bools = pc.equal(bare, pa.scalar("", bare.type)).fill_null(True).to_numpy()
        try:
            return pc.cast(pc.if_else(pa.array(empty), None, bare), pa.float64()).to_numpy().astype(np.float64), True
        except pa.ArrowInvalid:
            return None, True
    try:
        return pc.cast(column, pa.float64(), safe=False).to_numpy().astype(np.float64, copy=False), False
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None, False
