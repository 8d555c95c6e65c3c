"""One Parquet file of the lake while it is written: encodings, row groups, what lies in it, and that it is on the disk."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import pyarrow as pa
import pyarrow.parquet as pq

from lineshaft.core import fsync
from lineshaft.store.stored import Column

QUICK, CLOSE = 1, 6
"""Levels of zstd: for a flush, which a compaction packs anew, and for what stays (3.05 instead of 3.6 bytes a value)."""
_GROUP, _SMALL_GROUP = 131_072, 20_480


class Sheet:
    """A file being written. Leaving it normally closes and fsyncs it; leaving it by an exception deletes it.

    Row groups are small where a question wants few rows of a series (roll-ups) and large where it wants a day of it.
    """

    def __init__(self, path: Path, name: str, day: int, schema: pa.Schema, level: int) -> None:
        self.path = path
        self.name = name
        self.day = day
        self.rows = self.size = 0
        self.sid = self.ts = (0, 0)
        self._schema = schema
        self._group = _SMALL_GROUP if "kind" in schema.names else _GROUP
        self._waiting: list[pa.RecordBatch] = []
        self._held = 0
        plain = {"ts", "v", "vi", "seq", "n", "minimum", "maximum", "total", "squares", "first", "last"}
        coded = [name for name in schema.names if name not in plain]
        delta = {name: "DELTA_BINARY_PACKED" for name in ("ts", "seq") if name in schema.names}
        options = {"compression": "zstd", "compression_level": level, "use_dictionary": coded, "column_encoding": delta or None}
        self._writer = pq.ParquetWriter(path, schema, **cast("Any", options))

    def __enter__(self) -> Self:
        return self

    def add(self, batch: pa.RecordBatch) -> None:
        """Take rows in, sorted by key and after those before."""
        if not batch.num_rows:
            return
        if "ts" in batch.schema.names:
            self.sid = self._wider(self.sid, batch.column("sid"))
            self.ts = self._wider(self.ts, batch.column("ts").cast(pa.int64()))
        self.rows += batch.num_rows
        self._waiting.append(batch)
        self._held += batch.num_rows
        if self._held >= self._group:
            self._write(final=False)

    def _wider(self, before: tuple[int, int], column: Column) -> tuple[int, int]:
        values = column.to_numpy(zero_copy_only=False)
        low, high = int(values.min()), int(values.max())
        return (min(before[0], low), max(before[1], high)) if self.rows else (low, high)

    def _write(self, *, final: bool) -> None:
        held = pa.Table.from_batches(self._waiting)
        whole = len(held) if final else len(held) - len(held) % self._group
        self._writer.write_table(held.slice(0, whole).cast(self._schema), row_group_size=self._group)
        self._waiting = held.slice(whole).to_batches()
        self._held = len(held) - whole

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if kind is None and self._held:
                self._write(final=True)
            self._writer.close()
        except BaseException:
            self.path.unlink(missing_ok=True)
            raise
        if kind is not None:
            self.path.unlink(missing_ok=True)
            return
        fsync(self.path)
        fsync(self.path.parent)
        self.size = self.path.stat().st_size
