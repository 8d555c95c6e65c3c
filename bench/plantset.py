"""The mixed plant set: half slow walks rounded to 0.01, a fifth 16-bit ADC noise, set points, counters, full-entropy noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lineshaft.core import NS

START = 1_767_225_600 * NS


def tag_values(sid: int, n: int) -> np.ndarray:
    """Return n values of one tag, of the kind its number says."""
    chance, kind = np.random.default_rng(sid * 7919), sid % 10
    if kind < 5:
        return np.round(50 + np.cumsum(chance.normal(0, 0.02, n)), 2)
    if kind < 7:
        steps = np.round((np.sin(np.arange(n) / 900.0) * 0.3 + 0.5 + chance.normal(0, 0.01, n)) * 65535) * (10 / 65535)
        return steps.astype(np.float32).astype(np.float64)
    if kind == 7:
        return np.repeat(chance.integers(0, 100, n // 600 + 1), 600)[:n].astype(float)
    if kind == 8:
        return np.cumsum(chance.integers(0, 2, n)).astype(float)
    return chance.normal(0, 1, n)


def tag_times(sid: int, n: int, start: int = START) -> np.ndarray:
    """Return n times in ns, a second apart with 0-19 ms of jitter."""
    return start + np.arange(n) * NS + np.random.default_rng(sid + 99).integers(0, 20, n) * 1_000_000


def write(path: Path, tags: range, n: int, start: int = START) -> int:
    """Write n values of each tag as a legacy historian's Parquet (time, tag, value); return how many rows."""
    schema = pa.schema(
        [("time", pa.timestamp("ns", "UTC")), ("tag", pa.dictionary(pa.int32(), pa.string())), ("value", pa.float64())]
    )
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for sid in tags:
            tag = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n), pa.int32()), [f"t{sid}"])
            ts = pa.array(tag_times(sid, n, start)).cast(schema.field("time").type)
            writer.write_table(pa.table([ts, tag, pa.array(tag_values(sid, n))], schema=schema))
    return len(tags) * n
