"""The one shape in which values travel: a Batch of samples in columns, and the quality of a sample.

A row holds one value in the column of its type (`v` double, `vi` integer, `vs` string or JSON, `vb` boolean);
all four null is a null value. NaN is an ordinary double here: stored, never computed with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum

import pyarrow as pa

SCHEMA_VERSION = 1
SAMPLES = pa.schema(
    [
        pa.field("tag", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        pa.field("ts", pa.timestamp("ns", tz="UTC"), nullable=False),
        pa.field("v", pa.float64()),
        pa.field("vi", pa.int64()),
        pa.field("vs", pa.string()),
        pa.field("vb", pa.bool_()),
        pa.field("q", pa.int16(), nullable=False),
        pa.field("code", pa.int32()),
    ]
)
"""Columns of a gateway batch. `ts` is event time, `q` a Quality, `code` the upper 16 bits of an OPC UA status."""


_WRITE = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
_READ = pa.ipc.IpcReadOptions(use_threads=False)
"""A batch is small: waking other threads for a column each costs more than it saves."""


class Quality(IntEnum):
    """The three classes of OPC UA part 8; bad and uncertain values are stored, never computed with."""

    GOOD = 0
    UNCERTAIN = 1
    BAD = 2


class DataType(StrEnum):
    """Types a property can have; the value of each lives in its own column."""

    DOUBLE = "double"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    STRING = "string"
    JSON = "json"

    @property
    def column(self) -> str:
        """Name of the column of SAMPLES that holds values of this type."""
        return {"double": "v", "integer": "vi", "boolean": "vb", "string": "vs", "json": "vs"}[self.value]


@dataclass(frozen=True, slots=True)
class Batch:
    """Samples of one source, in the order they arrived; (source, seq) identifies it for ever.

    `arrived` is UTC nanoseconds on the clock of the gateway; `rows` has the columns of SAMPLES.
    """

    source: str
    seq: int
    arrived: int
    rows: pa.RecordBatch
    version: int = SCHEMA_VERSION

    def to_bytes(self) -> bytes:
        """Return the batch as one Arrow IPC stream (lz4), its identity in the schema's metadata."""
        meta = {"source": self.source, "seq": str(self.seq), "arrived": str(self.arrived), "version": str(self.version)}
        rows = self.rows.replace_schema_metadata(meta)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, rows.schema, options=_WRITE) as writer:
            writer.write_batch(rows)
        return sink.getvalue().to_pybytes()

    @staticmethod
    def from_bytes(blob: bytes | memoryview) -> Batch:
        """Read what `to_bytes` wrote."""
        with pa.ipc.open_stream(pa.py_buffer(blob), options=_READ) as reader:
            meta = {k.decode(): v.decode() for k, v in (reader.schema.metadata or {}).items()}
            rows = reader.read_next_batch()
        return Batch(
            meta["source"], int(meta["seq"]), int(meta["arrived"]), rows.replace_schema_metadata(None), int(meta["version"])
        )


def samples(rows: Iterable[Mapping[str, object]] | Sequence[Mapping[str, object]]) -> pa.RecordBatch:
    """Build SAMPLES from dicts with `tag`, `ts` (UTC ns) and `value`; for tests, doors and hand input only.

    The value's own Python type chooses the column. Never call this in the hot path.
    """
    columns: dict[str, list[object]] = {name: [] for name in SAMPLES.names}
    for row in rows:
        value = row.get("value")
        columns["tag"].append(row["tag"])
        columns["ts"].append(row["ts"])
        columns["q"].append(int(row.get("q", Quality.GOOD)))  # type: ignore[call-overload]
        columns["code"].append(row.get("code"))
        columns["v"].append(value if isinstance(value, float) else None)
        columns["vi"].append(value if isinstance(value, int) and not isinstance(value, bool) else None)
        columns["vs"].append(value if isinstance(value, str) else None)
        columns["vb"].append(value if isinstance(value, bool) else None)
    arrays = [
        pa.array(columns[f.name], pa.string()).dictionary_encode() if f.name == "tag" else pa.array(columns[f.name], f.type)
        for f in SAMPLES
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=SAMPLES)
