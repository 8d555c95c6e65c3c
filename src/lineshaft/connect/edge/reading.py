"""A batch as numbers: what pipelines, formulas, rules and detectors look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Numbers:
    """The columns of a batch; `number` holds doubles, integers, and yes and no as 1 and 0, where `numeric`."""

    tags: list[str]
    tag: Ints
    ts: Ints
    quality: Ints
    number: Floats
    numeric: Bools

    def place(self, tag: str) -> int:
        """Return a tag's number in this batch, -1 if it does not occur."""
        return self.tags.index(tag) if tag in self.tags else -1


def numbers_of(rows: pa.RecordBatch) -> Numbers:
    """Read a batch."""
    column: Any = rows.column(0)
    doubles, whole, flags = rows.column("v"), rows.column("vi"), rows.column("vb")
    number: Floats = doubles.fill_null(float("nan")).to_numpy(zero_copy_only=False).astype(np.float64)
    numeric: Bools = _there(doubles)
    for other in (whole, flags):
        if other.null_count < len(other):
            there = _there(other)
            number = np.where(there, other.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False), number)
            numeric = numeric | there
    return Numbers(
        column.dictionary.to_pylist(),
        column.indices.to_numpy(zero_copy_only=False).astype(np.int64),
        rows.column("ts").cast(pa.int64()).to_numpy(zero_copy_only=False),
        rows.column("q").to_numpy(zero_copy_only=False).astype(np.int64),
        number,
        numeric,
    )


def _there(column: Any) -> Bools:
    return np.asarray(column.is_valid().to_numpy(zero_copy_only=False), np.bool_)
