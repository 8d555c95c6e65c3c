"""Histories of like assets: one table a life, brought to steps of equal length; gaps stay gaps.

A life begins when an asset is new (or as good as new) and ends in a failure, or is still going on. Time counts from the life's
first row, so it does not matter when an asset lived, nor in what unit a column is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import pyarrow as pa

from lineshaft.core import InvalidInput, did_you_mean
from lineshaft.detect.anomaly import clock
from lineshaft.detect.anomaly.reading import Readings, as_arrow, read
from lineshaft.detect.detector import Floats, Ints

ASSET_NAMES = ("asset", "unit", "machine", "machine_id", "tool", "id", "engine")
MOST_STEPS = 400
"""So many steps a usual life has at the most; finer rows are averaged."""
LONGEST = 2_000_000
"""No life has so many steps: its clock is another one."""


@dataclass(frozen=True, slots=True)
class Life:
    """One life of an asset: rows a step apart from its beginning, columns by name."""

    asset: str
    begin: int
    step: int
    columns: dict[str, Floats]
    failed: bool
    size: int

    def __len__(self) -> int:
        return self.size

    @property
    def age(self) -> int:
        """How old the asset is at its last row, in units of the time column."""
        return max(len(self) - 1, 0) * self.step

    @property
    def remaining(self) -> Floats:
        """What is left of the life at each row, in units of the time column: true only for a life that ended."""
        return (len(self) - 1 - np.arange(len(self), dtype=np.float64)) * self.step


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column names the asset and which the time (none: rows are counted), and what its whole numbers count."""

    asset: str | None = None
    time: str | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Fleet:
    """The lives of like assets, and what was odd about their tables."""

    lives: list[Life]
    step: int
    names: list[str]
    left_out: dict[str, str] = field(default_factory=dict[str, str])
    notes: list[str] = field(default_factory=list[str])
    columns: Columns = field(default_factory=Columns)


def fleet(
    tables: Any,
    *,
    asset: str | None = None,
    time: str | None = None,
    failed: bool | Iterable[Any] = True,
    step: int | None = None,
    known: Fleet | None = None,
) -> Fleet:
    """Read a mapping of names to tables, or one table (or several) with a column that names the asset.

    `failed` names the lives that ended in a failure (True: all did). `known` is what was learned from: its columns are asked for,
    whatever these tables hold. Raises InvalidInput for what is no table of lives.
    """
    parts, asset = _parts(tables, asset or (known.columns.asset if known else None))
    if not parts:
        raise InvalidInput("there is no row", hint="give a table with a column for the asset and one for time", code="life.empty")
    time, why = _clock(parts, time, known)
    readings = {name: read(_timed(table, time), time, every=1, plain=True) for name, table in parts.items()}
    if failed is not True and failed is not False:
        ends = {str(one) for one in failed}
        for name in ends - set(readings):
            raise InvalidInput(f"'{name}' has no rows", where="failed", hint=did_you_mean(name, readings), code="life.unknown")
    else:
        ends = set(readings) if failed else set[str]()
    names, left_out = (known.names, {}) if known else _usable(readings)
    every = step or _step(readings)
    lives = [_life(name, one, names, every, name in ends) for name, one in readings.items() if len(one)]
    columns = Columns(asset, time, known.columns.unit if known else _unit(parts, readings, time))
    return Fleet(lives, every, names, left_out, [*why, *_odd(readings)], columns)


def _parts(tables: Any, asset: str | None) -> tuple[dict[str, Any], str | None]:
    """Return a table for each life, and the column that named the asset."""
    if isinstance(tables, Mapping) and all(_is_table(one) for one in cast("Mapping[str, Any]", tables).values()):
        return {str(name): as_arrow(one) for name, one in cast("Mapping[str, Any]", tables).items()}, None
    if isinstance(tables, list | tuple):
        several = [as_arrow(one) for one in cast("Sequence[Any]", tables)]
        try:
            arrow = pa.concat_tables(several, promote_options="permissive")
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            hint = "give tables with the same columns, or a mapping of names to tables"
            raise InvalidInput(f"the tables do not go together: {error}", hint=hint, code="table.unreadable") from error
    else:
        arrow = as_arrow(tables)
    column = asset or next((name for name in arrow.column_names if name.strip().lower() in ASSET_NAMES), None)
    if column is None or column not in arrow.column_names:
        hint = "name it with asset=..., call it asset, or give a mapping of names to tables"
        raise InvalidInput("no column says which asset a row is of", where="asset", hint=hint, code="life.asset")
    order: dict[str, list[int]] = {}
    for place, label in enumerate(arrow[column].to_pylist()):
        order.setdefault(str(label), []).append(place)
    rest = arrow.drop_columns([column])
    return {label: rest.take(pa.array(places)) for label, places in order.items()}, column


def _clock(parts: Mapping[str, Any], time: str | None, known: Fleet | None) -> tuple[str | None, list[str]]:
    """Return the time column, and what is to be said where nobody named it."""
    if time is None and known is not None:
        time = known.columns.time
        if time is None and known.columns.unit == "rows":
            return None, []
    names = list(dict.fromkeys(name for table in parts.values() for name in table.column_names))
    if time is not None:
        if time not in names:
            hint = did_you_mean(time, names) or "name it with time=..."
            raise InvalidInput(f"there is no column '{time}'", where="time", hint=hint, code="table.time")
        return time, []
    some = next(iter(parts.values()))
    if found := clock.find(some, None):
        return found.name, []
    counting = [name for name in some.column_names if all(_counts(table, name) for table in parts.values())]
    if len(counting) == 1:
        return counting[0], [f"column '{counting[0]}' counts up in every life: it is taken as the time"]
    return None, ["no column is called like time: rows are counted, remaining life is in rows"]


def _counts(table: Any, name: str) -> bool:
    """Say whether a column of whole numbers begins near 0 and rises with every row."""
    if name not in table.column_names or not pa.types.is_integer(table[name].type) or table[name].null_count:
        return False
    values = table[name].to_numpy()
    return bool(len(values) and 0 <= values.min() <= 1 and (np.diff(values) > 0).all())


def _timed(table: Any, time: str | None) -> Any:
    """Return a table without the columns that only look like a time, where rows are counted."""
    if time is not None:
        return table
    looks = [name for name in table.column_names if clock.find(table.select([name]), None)]
    return table.drop_columns(looks) if looks else table


def _unit(parts: Mapping[str, Any], readings: Mapping[str, Readings], time: str | None) -> str:
    """Return in what times are counted: ns, rows, or empty: whatever the time column counts."""
    if time is None:
        return "rows"
    kind = next(table[time].type for table in parts.values() if time in table.column_names)
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return "ns"
    ends = np.array([one.times[place] for one in readings.values() if len(one) for place in (0, -1)], np.float64)
    return "ns" if clock.epoch(ends)[0] == 1 else ""


def _is_table(one: Any) -> bool:
    return isinstance(one, Mapping | pa.Table | pa.RecordBatch) or hasattr(one, "columns")


def _usable(readings: Mapping[str, Readings]) -> tuple[list[str], dict[str, str]]:
    """Return the columns that can be learned from, and why the others cannot."""
    left_out: dict[str, str] = {}
    names: list[str] = []
    for name in dict.fromkeys(name for one in readings.values() for name in one.names):
        if any(name in one.texts for one in readings.values()):
            left_out[name] = "holds texts, no numbers"
            continue
        values = np.concatenate([one.numbers[name] for one in readings.values() if name in one.numbers])
        known = values[~np.isnan(values)]
        total = sum(len(one) for one in readings.values())
        if len(known) < 0.1 * total:
            left_out[name] = f"{1 - len(known) / max(total, 1):.0%} of its values are missing"
        elif not np.ptp(known) > 1e-9 * float(np.abs(known).max() or 1):
            left_out[name] = "never changes"
        else:
            names.append(name)
    return names, left_out


def _odd(readings: Mapping[str, Readings]) -> list[str]:
    unsorted = sum(one.unsorted > 0 for one in readings.values())
    doubled = sum(one.duplicates for one in readings.values())
    notes = [f"rows of {unsorted} lives were out of order in time and have been sorted"] if unsorted else []
    return notes + ([f"{doubled} rows had the time of another row of the same asset; the last one counts"] if doubled else [])


def _step(readings: Mapping[str, Readings]) -> int:
    """Return the usual distance of rows, or more where a usual life would have too many steps."""
    gaps = [np.diff(one.times) for one in readings.values() if len(one) > 1]
    if not gaps:
        return 1
    usual = int(np.median(np.concatenate(gaps)))
    length = float(np.median([one.times[-1] - one.times[0] for one in readings.values() if len(one) > 1]))
    return max(usual, int(length / MOST_STEPS), 1)


def _life(name: str, one: Readings, names: list[str], step: int, failed: bool) -> Life:
    begin = int(one.times[0])
    cells: Ints = ((one.times - begin + step // 2) // step).astype(np.int64)
    size = int(cells[-1]) + 1
    if size > LONGEST:
        said = f"'{name}' would have {size} steps of {step}"
        raise InvalidInput(
            said, where="time", hint="is its time column in the same unit as those learned from?", code="life.time"
        )
    columns = {label: _averaged(one.numbers.get(label), cells, size) for label in names}
    return Life(name, begin, step, columns, failed, size)


def _averaged(values: Floats | None, cells: Ints, size: int) -> Floats:
    if values is None:
        return np.full(size, np.nan)
    known = ~np.isnan(values)
    total = np.bincount(cells[known], values[known], size)
    count = np.bincount(cells[known], minlength=size)
    out = np.full(size, np.nan)
    np.divide(total, count, out=out, where=count > 0)
    return out


Progress = Callable[[float, str], None]


def quiet(share: float, what: str) -> None:
    """Tell nobody how far it is."""
    del share, what
