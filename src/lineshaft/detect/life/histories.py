"""Histories of like assets: one table a life, brought to steps of equal length; gaps stay gaps.

A life begins when an asset is new (or as good as new) and ends in a failure, or is still going on. Time counts from the life's
first row, so it does not matter when an asset lived, nor in what unit a column is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import pyarrow as pa

from lineshaft.core import InvalidInput, did_you_mean
from lineshaft.detect.anomaly.reading import Readings, read
from lineshaft.detect.detector import Floats, Ints

ASSET_NAMES = ("asset", "unit", "machine", "machine_id", "tool", "id", "engine")
MOST_STEPS = 400
"""So many steps a usual life has at the most; finer rows are averaged."""


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
class Fleet:
    """The lives of like assets, and what was odd about their tables."""

    lives: list[Life]
    step: int
    names: list[str]
    left_out: dict[str, str] = field(default_factory=dict[str, str])
    notes: list[str] = field(default_factory=list[str])


def fleet(
    tables: Any,
    *,
    asset: str | None = None,
    time: str | None = None,
    failed: bool | Iterable[str] = True,
    step: int | None = None,
) -> Fleet:
    """Read a mapping of names to tables, or one table with a column that names the asset.

    `failed` names the lives that ended in a failure (True: all did). Raises InvalidInput for what is no table of lives.
    """
    parts = _parts(tables, asset)
    if not parts:
        raise InvalidInput("there is no row", hint="give a table with a column for the asset and one for time", code="life.empty")
    readings = {name: read(table, time, plain=True) for name, table in parts.items()}
    if failed is not True and failed is not False:
        ends = set(failed)
        for name in ends - set(readings):
            raise InvalidInput(f"'{name}' has no rows", where="failed", hint=did_you_mean(name, readings), code="life.unknown")
    else:
        ends = set(readings) if failed else set[str]()
    names, left_out = _usable(readings)
    notes = _odd(readings)
    every = step or _step(readings)
    lives = [_life(name, one, names, every, name in ends) for name, one in readings.items() if len(one)]
    return Fleet(lives, every, names, left_out, notes)


def _parts(tables: Any, asset: str | None) -> dict[str, Any]:
    if isinstance(tables, Mapping) and all(_is_table(one) for one in cast("Mapping[str, Any]", tables).values()):
        return {str(name): one for name, one in cast("Mapping[str, Any]", tables).items()}
    arrow = _arrow(tables)
    column = asset or next((name for name in arrow.column_names if name.strip().lower() in ASSET_NAMES), None)
    if column is None or column not in arrow.column_names:
        hint = did_you_mean(column, arrow.column_names) if column else f"name it with asset=..., or call it {ASSET_NAMES[0]}"
        raise InvalidInput("no column says which asset a row is of", where="asset", hint=hint, code="life.asset")
    labels = np.array([str(cell) for cell in arrow[column].to_pylist()], object)
    order: dict[str, list[int]] = {}
    for place, label in enumerate(labels):
        order.setdefault(label, []).append(place)
    rest = arrow.drop_columns([column])
    return {label: rest.take(pa.array(places)) for label, places in order.items()}


def _is_table(one: Any) -> bool:
    return isinstance(one, Mapping | pa.Table | pa.RecordBatch) or hasattr(one, "columns")


def _arrow(table: Any) -> pa.Table:
    try:
        if isinstance(table, pa.Table):
            return table
        if isinstance(table, Mapping):
            return pa.table({str(name): pa.array(values) for name, values in cast("Mapping[str, Any]", table).items()})
        if type(table).__module__.startswith("pandas"):
            return pa.Table.from_pandas(table, preserve_index=False)
        return pa.table(table)
    except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError, ValueError) as error:
        hint = "give a data frame, an Arrow table, or a dict of arrays of equal length"
        raise InvalidInput(f"this is not a table that can be read: {error}", hint=hint, code="table.unreadable") from error


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
