"""Values that arrive one by one, with their tag and time, become columns: for protocols whose messages are small."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from lineshaft.core import SAMPLES, Quality

LARGEST = 2**63


class Collector:
    """Rows on their way to the gateway; `take` gives all since the last time as one batch."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._names: list[str] = []
        self._tags: list[int] = []
        self._ts: list[int] = []
        self._values: list[object] = []
        self._q: list[int] = []

    def __len__(self) -> int:
        """Return how many rows wait."""
        return len(self._ts)

    @property
    def known(self) -> int:
        """Return how many different tags were ever named."""
        return len(self._names)

    def knows(self, tag: str) -> bool:
        """Return whether a tag was named before."""
        return tag in self._numbers

    def add(self, tag: str, ts: int, value: object, q: int = Quality.GOOD) -> None:
        """Take one row; dicts and lists are kept as JSON text, None as no value."""
        number = self._numbers.get(tag)
        if number is None:
            number = self._numbers[tag] = len(self._names)
            self._names.append(tag)
        self._tags.append(number)
        self._ts.append(ts)
        self._values.append(value)
        self._q.append(q)

    def take(self) -> pa.RecordBatch | None:
        """Return what waits as SAMPLES, in the order it came, and begin anew."""
        if not self._ts:
            return None
        used, place = np.unique(np.array(self._tags, np.int32), return_inverse=True)
        names = pa.array([self._names[number] for number in used], pa.string())
        n = len(self._ts)
        arrays = [
            pa.DictionaryArray.from_arrays(pa.array(place, pa.int32()), names),
            pa.array(np.array(self._ts, np.int64)).cast(pa.timestamp("ns", tz="UTC")),
            *value_columns(self._values),
            pa.array(np.array(self._q, np.int16)),
            pa.nulls(n, pa.int32()),
        ]
        self._tags, self._ts, self._values, self._q = [], [], [], []
        return pa.RecordBatch.from_arrays(arrays, schema=SAMPLES)


def value_columns(values: Sequence[object]) -> list[pa.Array[Any]]:
    """Return the columns v, vi, vs, vb of SAMPLES: each value in the column of its own type."""
    kinds = set(map(type, values))
    n = len(values)
    if kinds == {float}:
        return [pa.array(values, pa.float64()), pa.nulls(n, pa.int64()), pa.nulls(n, pa.string()), pa.nulls(n, pa.bool_())]
    plain = [_plain(value) for value in values] if kinds - {float, str, bool, type(None)} else values
    kinds_in_order = ((float, pa.float64()), (int, pa.int64()), (str, pa.string()), (bool, pa.bool_()))
    return [_only(plain, kind, column) for kind, column in kinds_in_order]


def _plain(value: object) -> object:
    """Return what a column can hold: integers too large and structures become text."""
    if isinstance(value, bool | float | str) or value is None:
        return value
    if isinstance(value, int):
        return value if -LARGEST <= value < LARGEST else str(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _only(values: Sequence[object], kind: type, column: pa.DataType) -> pa.Array[Any]:
    return pa.array([value if type(value) is kind else None for value in values], column)
