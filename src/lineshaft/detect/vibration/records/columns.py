"""CSV and Parquet: a column is a channel; a column called time or seconds gives the rate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from lineshaft.detect.detector import Floats
from lineshaft.detect.vibration.records.channel import Channel, broken

SECONDS = ("time", "t", "seconds", "second", "s", "time_s", "time (s)", "time [s]")
EVEN = 0.01


def parquet(path: Path) -> list[Channel]:
    """Return the channels of a Parquet file."""
    try:
        return _channels(path, pyarrow.parquet.read_table(path))
    except pa.ArrowInvalid as error:
        raise broken(path, f"this is no Parquet file: {error}") from error


def csv(path: Path) -> list[Channel]:
    """Return the channels of a CSV file with comma, semicolon or tab; one without a head has channels 1, 2, ..."""
    try:
        lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()[:2]
        first = lines[0] if lines else ""
        mark = max(",;\t", key=first.count)
        numbers = all(_number(cell, mark) for cell in first.split(mark))
        names = [str(place + 1) for place in range(first.count(mark) + 1)] if numbers else None
        comma = mark == ";" and "," in "".join(lines)
        table = pyarrow.csv.read_csv(
            path,
            read_options=pyarrow.csv.ReadOptions(column_names=names),
            parse_options=pyarrow.csv.ParseOptions(delimiter=mark),
            convert_options=pyarrow.csv.ConvertOptions(decimal_point="," if comma else "."),
        )
    except pa.ArrowInvalid as error:
        raise broken(path, f"this is no table of numbers: {error}") from error
    return _channels(path, table)


def _number(cell: str, mark: str) -> bool:
    try:
        float(cell.strip().strip('"').replace(",", ".") if mark == ";" else cell.strip().strip('"'))
    except ValueError:
        return False
    return True


def _channels(path: Path, table: pa.Table) -> list[Channel]:
    clock = next((name for name in table.column_names if name.strip().lower() in SECONDS), None)
    rate = _rate(path, table[clock]) if clock else None
    found = [
        Channel(name, pc.cast(table[name], pa.float64()).to_numpy(), rate)
        for name in table.column_names
        if name != clock and (pa.types.is_floating(table[name].type) or pa.types.is_integer(table[name].type))
    ]
    if not found:
        raise broken(path, "there is no column of numbers", "a channel is a column; the first line may name them")
    return found


def _rate(path: Path, column: Any) -> float:
    if pa.types.is_timestamp(column.type):
        seconds: Floats = pc.cast(pc.cast(column, pa.timestamp("ns", column.type.tz)), pa.int64()).to_numpy() / 1e9
    else:
        seconds = pc.cast(column, pa.float64()).to_numpy()
    steps = np.diff(seconds)
    middle = float(np.median(steps)) if len(steps) else 0.0
    if middle <= 0 or np.abs(steps - middle).max() > max(EVEN * middle, 2e-6):
        hint = "a spectrum needs even steps: cut the record at the gap, or leave the time column out and give rate="
        raise broken(path, "the steps of the time column are not even", hint)
    return (len(seconds) - 1) / float(seconds[-1] - seconds[0])
