"""Any table becomes columns of numbers over time; what cannot be used is kept aside with the reason, never guessed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lineshaft.core import NS, InvalidInput
from lineshaft.detect.anomaly import cells, clock
from lineshaft.detect.anomaly.cells import Cells
from lineshaft.detect.detector import Floats, Ints

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
    odd: dict[str, Cells] = field(default_factory=dict[str, Cells])
    """Columns whose numbers were written as texts, or had words among them."""
    order: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    """For each row that was kept, its place in the table that was given."""
    unit: int = 1
    """Nanoseconds that a whole number in the time column stands for."""
    notes: tuple[str, ...] = ()
    """What was found out about the time column."""

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


def read(
    table: Any, time: str | None = None, every: int | None = None, *, states: Sequence[str] = (), plain: bool = False
) -> Readings:
    """Read a pandas or polars data frame, an Arrow table, or a mapping of names to arrays.

    `time` names the time column; without it, one that is typed as time, called like it, or holds nothing but times is taken.
    Without any, rows are taken as consecutive, `every` nanoseconds apart. Rows are sorted by time; of rows with the same time
    the last is kept. Words among the numbers of a column count as missing, but for `states`. `plain`: whole numbers in the time
    column are taken as they are, whatever they count.
    """
    arrow = as_arrow(table)
    arrow = pa.table({name: cells.plain(arrow[name]) for name in arrow.column_names})
    found = clock.find(arrow, time)
    order: Ints = np.arange(arrow.num_rows, dtype=np.int64)
    unit, notes = 1, list[str]()
    if found is None:
        times, unsorted, duplicates = order * (every or MINUTE), 0, 0
    else:
        stamps, unit, word = clock.nanoseconds(arrow[found.name], found.name, plain=plain)
        times, order, unsorted, duplicates = _ordered(stamps)
        notes += [f"column '{found.name}' is taken as the time: {found.why}"] if found.why else []
        notes += [f"the numbers in '{found.name}' are taken as {word} since 1970"] if word and not found.why else []
    straight = not unsorted and not duplicates
    made = Readings(times, {}, {}, found is not None, unsorted, duplicates, order=order, unit=unit, notes=tuple(notes))
    for name in arrow.column_names:
        if found is None or name != found.name:
            _take(made, name, arrow[name], straight, keep=name in states)
    return made


def _take(made: Readings, name: str, column: Any, straight: bool, *, keep: bool) -> None:
    """Put one column among the numbers or the texts."""
    read_as = cells.numbers(column, words=not keep)
    values = read_as.numbers
    if values is None:
        made.texts[name] = cells.texts(column)[made.order]
        return
    if read_as.written:
        made.odd[name] = read_as
    wild = int(np.isinf(values).sum())
    if wild:
        made.infinite[name] = wild
        values = np.where(np.isinf(values), np.nan, values)
    made.numbers[name] = values if straight else values[made.order]


def moments(values: Any, where: str = "time") -> Ints:
    """Return UTC nanoseconds of datetimes, ISO texts or epoch nanoseconds."""
    return clock.nanoseconds(pa.chunked_array([pa.array(values)]), where)[0]


def moment(at: Any, unit: int = 1, where: str = "time") -> int:
    """Return UTC nanoseconds of a datetime or an ISO text; a whole number counts in `unit` nanoseconds."""
    return int(at) * unit if isinstance(at, int | np.integer) else int(moments([at], where)[0])


def as_arrow(table: Any) -> Any:
    """Return any table as an Arrow table; an index that may be times or names is a column. Raises InvalidInput for none."""
    arrow = _arrow(table)
    if len(set(arrow.column_names)) < arrow.num_columns:
        raise InvalidInput("two columns have the same name", hint="rename one of them", code="table.names")
    return arrow


def _arrow(table: Any) -> Any:
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


def _from_pandas(frame: Any) -> Any:
    names = ["/".join(map(str, name)) if isinstance(name, tuple) else str(name) for name in frame.columns]
    columns = [_chunked(one) for _, one in frame.items()]
    index = frame.index.to_timestamp() if hasattr(frame.index, "to_timestamp") else frame.index
    if index.nlevels == 1 and (index.dtype.kind in "MO" or str(index.name).strip().lower() in clock.TIME_NAMES):
        name = str(index.name or ("time" if index.dtype.kind == "M" else "index"))
        if name not in names:
            names, columns = [name, *names], [_chunked(index), *columns]
    return pa.Table.from_arrays(columns, names)


def _chunked(values: Any) -> Any:
    made = _column(values.to_numpy() if values.dtype.kind == "O" else values)
    return made if isinstance(made, pa.ChunkedArray) else pa.chunked_array([made])


def _column(values: Any) -> Any:
    """Return one column; a mixture of numbers and texts becomes text."""
    try:
        return pa.array(values, from_pandas=getattr(getattr(values, "dtype", None), "kind", "O") == "O" or None)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if _nothing(cell) else str(cell) for cell in values])


def _nothing(cell: Any) -> bool:
    return cell is None or type(cell).__name__ in ("NAType", "NaTType") or (isinstance(cell, float) and np.isnan(cell))


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
