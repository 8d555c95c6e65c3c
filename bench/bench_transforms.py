"""Durable, queryable values with a transform on every tenth tag, derived and durable too, all on one core."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from bench.row import Row, more_is_better
from lineshaft.app import Plant
from lineshaft.core import NS, SAMPLES, Batch, now_ns

NAME = "transforms"
MACHINES, TAGS, BATCHES = 500, 10, 400
PROMISE = 500_000


def models(folder: Path) -> None:
    """Ten measured values a machine, and one computed from the first."""
    (folder / "models").mkdir(parents=True)
    lines = ["model: Machine", "version: 1", "properties:"]
    lines += [f"  - {{name: V{n}, kind: measurement}}" for n in range(TAGS)]
    lines.append("  - {name: F, kind: transform, formula: 9 / 5 * celsius + 32, inputs: {celsius: V0}}")
    (folder / "models" / "machine.yaml").write_text("\n".join(lines) + "\n")
    rows = ["assets:", "  - name: Site", "    source: bench", "    children:"]
    rows += [f"      - {{name: M{n}, model: Machine, tag_prefix: 'M{n}/'}}" for n in range(MACHINES)]
    (folder / "plant.yaml").write_text("\n".join(rows) + "\n")


def batches() -> list[Batch]:
    """Return batches of 5,000 values: every tag once a second."""
    size = MACHINES * TAGS
    names = pa.array([f"M{n}/V{k}" for n in range(MACHINES) for k in range(TAGS)])
    tag = pa.DictionaryArray.from_arrays(pa.array(np.arange(size, dtype=np.int32)), names)
    empty = {name: pa.nulls(size, SAMPLES.field(name).type) for name in ("vi", "vs", "vb", "code")}
    quality, chance = pa.array(np.zeros(size, np.int16)), np.random.default_rng(3)
    start = now_ns() - 2 * BATCHES * NS
    made: list[Batch] = []
    for seq in range(1, BATCHES + 1):
        ts = pa.array(np.full(size, start + seq * NS)).cast(SAMPLES.field("ts").type)
        columns = {**empty, "tag": tag, "ts": ts, "v": pa.array(chance.normal(20, 3, size)), "q": quality}
        made.append(
            Batch("bench", seq, now_ns(), pa.RecordBatch.from_arrays([columns[name] for name in SAMPLES.names], schema=SAMPLES))
        )
    return made


def run() -> list[Row]:
    """Store, show, derive, store and show what was derived, batch after batch."""
    with contextlib.suppress(OSError, AttributeError):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        models(home / "config")
        plant = Plant(home)
        wrong = plant.load_models()
        if wrong:
            raise RuntimeError(f"the bench's models are wrong: {wrong[0]}")
        store, compute, made, derived = plant.store, plant.compute, batches(), 0
        begin, used = time.perf_counter(), time.process_time()
        for batch in made:
            stored = store.append([batch])
            store.show(stored)
            for one in stored:
                rows = compute.on_rows(one)
                derived += rows.num_rows
                store.show(store.append_derived(rows, one.seq))
        store.commit()
        elapsed, cpu = time.perf_counter() - begin, time.process_time() - used
        plant.stop()
    values = BATCHES * MACHINES * TAGS
    if derived != values // TAGS:
        raise RuntimeError(f"{derived} derived values instead of {values // TAGS}")
    rate = more_is_better("transforms: values/s with transforms on 10 % of tags", values / elapsed, "1/s", "promise", PROMISE)
    return [rate, Row("transforms: CPU", cpu / values * 1e6, "s/1M values")]
