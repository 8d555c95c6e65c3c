"""A plant in this process with many machines of one model: what the benches of figures work on."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from lineshaft.app import Plant
from lineshaft.core import NS, SAMPLES, Batch, now_ns

METRICS = (
    "avg(load)", "min(load)", "max(load)", "sum(load)", "count(load)",
    "stdev(load)", "TimeWeightedAvg(load)", "latest(load) - earliest(load)", "statetime(state == 1)", "statetime(state == 4)",
)  # fmt: skip
"""Ten figures a machine and minute."""
MINUTE = 60 * NS


def models(folder: Path, machines: int) -> None:
    """Write the YAML of a line with so many machines."""
    (folder / "models").mkdir(parents=True)
    lines = ["model: Machine", "version: 1", "properties:"]
    lines += ["  - {name: Load, kind: measurement, unit: kW}", "  - {name: State, kind: measurement, type: integer}"]
    for n, formula in enumerate(METRICS):
        lines.append(f"  - {{name: M{n}, kind: metric, formula: {formula!r}, inputs: {{load: Load, state: State}}, window: 1m}}")
    (folder / "models" / "machine.yaml").write_text("\n".join(lines) + "\n")
    rows = ["assets:", "  - name: Site", "    source: bench", "    children:"]
    rows += [f"      - {{name: M{n}, model: Machine, tag_prefix: 'M{n}/'}}" for n in range(machines)]
    (folder / "plant.yaml").write_text("\n".join(rows) + "\n")


@contextlib.contextmanager
def plant(machines: int) -> Iterator[Plant]:
    """Yield a node's rooms on a disk of their own, their threads at rest."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        models(home / "config", machines)
        made = Plant(home)
        wrong = made.load_models()
        if wrong:
            raise RuntimeError(f"the bench's models are wrong: {wrong[0]}")
        try:
            yield made
        finally:
            made.stop()


def minute_of(machines: int, start: int, seq: int, seconds: int = 60) -> list[Batch]:
    """Return a batch a second: load and state of every machine."""
    names = [f"M{n}/Load" for n in range(machines)] + [f"M{n}/State" for n in range(machines)]
    tag = pa.DictionaryArray.from_arrays(pa.array(np.arange(2 * machines, dtype=np.int32)), pa.array(names))
    half, chance = np.arange(2 * machines) < machines, np.random.default_rng(seq)
    made: list[Batch] = []
    for second in range(seconds):
        load = np.r_[chance.normal(20, 3, machines), np.zeros(machines)]
        state = np.r_[np.zeros(machines, np.int64), np.where(chance.random(machines) < 0.1, 4, 1)]
        columns = {name: pa.nulls(2 * machines, SAMPLES.field(name).type) for name in ("vs", "vb", "code")}
        columns |= {
            "tag": tag,
            "ts": pa.array(np.full(2 * machines, start + (second + 1) * NS)).cast(SAMPLES.field("ts").type),
            "v": pa.array(load, mask=~half),
            "vi": pa.array(state, mask=half),
            "q": pa.array(np.zeros(2 * machines, np.int16)),
        }
        rows = pa.RecordBatch.from_arrays([columns[name] for name in SAMPLES.names], schema=SAMPLES)
        made.append(Batch("bench", seq + second, now_ns(), rows))
    return made


def take(made: Plant, batches: list[Batch]) -> None:
    """Store and derive, as the shaft does, in this thread."""
    stored = made.store.append(batches)
    made.store.show(stored)
    for one in stored:
        made.store.show(made.store.append_derived(made.compute.on_rows(one), one.seq))


def close(made: Plant) -> tuple[int, float]:
    """Close what is due, durable and shown; return how many values and the seconds it took."""
    begin = time.perf_counter()
    closed = made.compute.close(now_ns())
    made.store.show(made.store.append_derived(closed, 0))
    made.store.commit()
    return closed.num_rows, time.perf_counter() - begin
