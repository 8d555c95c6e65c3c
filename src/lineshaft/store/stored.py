"""The shape of a value once it has a series: SAMPLES with the series' number in place of the tag's name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lineshaft.core import SAMPLES

if TYPE_CHECKING:
    Column = pa.Array[Any]
else:
    Column = pa.Array

STORED = pa.schema([pa.field("sid", pa.int32(), nullable=False), *[SAMPLES.field(name) for name in SAMPLES.names[1:]]])
"""Columns of rows in the store: sid, ts, v, vi, vs, vb, q, code."""

DERIVED = "derived"
"""The source name under which values computed from other values are kept; the tag is the property's id."""

_WRITE = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
_READ = pa.ipc.IpcReadOptions(use_threads=False)
"""A batch is small: waking other threads for a column each costs more than it saves."""

Ints = npt.NDArray[np.int64]
Sids = npt.NDArray[np.int32]
Counts = tuple[tuple[int, int], ...]

HINTS: Mapping[str, str] = {
    "future": "set the clock of the machine or server, or raise [store] future_limit",
    "past": "timestamps before 1970 cannot be kept: check the unit of the timestamp",
    "type": "send the value in the type of the property, or change the property's type in the model",
    "quality": "quality is 0 (good), 1 (uncertain) or 2 (bad)",
    "json": "the property is of type json: the text must be valid JSON",
    "schema": "send the columns tag, ts, v, vi, vs, vb, q, code",
    "damaged": "the batch contradicts itself, or holds a text that is not UTF-8: look at the program that made it",
    "version": "this batch was written by a newer gateway: update the node",
}
"""How to mend what made us reject a row, by reason."""


class Rejection(NamedTuple):
    """One row that could not be taken, and why; `HINTS[reason]` says how to mend it."""

    tag: str
    ts: int
    reason: str


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of one batch: its journal number, the rows taken (columns of STORED) and those refused.

    `rejected_rows` are the positions of the refused rows in the batch; `duplicate` counts the rows of a batch that was
    delivered before.
    """

    seq: int
    source: str
    rows: pa.RecordBatch
    rejected: list[Rejection] = field(default_factory=list[Rejection])
    rejected_rows: tuple[int, ...] = ()
    duplicate: int = 0


def nothing() -> pa.RecordBatch:
    """Return no rows, in the shape of STORED."""
    return pa.RecordBatch.from_arrays([pa.array([], f.type) for f in STORED], schema=STORED)


def ints(column: Column) -> Ints:
    """Return a timestamp or integer column without nulls as NumPy int64, copying nothing where possible."""
    whole = column if pa.types.is_int64(column.type) else column.cast(pa.int64())
    return whole.to_numpy(zero_copy_only=False)


def sids_of(rows: pa.RecordBatch) -> Sids:
    """Return the series numbers of rows in the shape of STORED."""
    return rows.column(0).to_numpy(zero_copy_only=False)


def encode(rows: pa.RecordBatch) -> bytes:
    """Return rows as one Arrow IPC stream (lz4): what the journal keeps."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema, options=_WRITE) as writer:
        writer.write_batch(rows)
    return sink.getvalue().to_pybytes()


def decode(blob: bytes) -> pa.RecordBatch:
    """Read what `encode` wrote."""
    with pa.ipc.open_stream(pa.py_buffer(blob), options=_READ) as reader:
        return reader.read_next_batch()
