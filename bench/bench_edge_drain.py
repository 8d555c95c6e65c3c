"""An edge hands over its backlog to its plant while it goes on collecting: values a second, and how old live values get."""

from __future__ import annotations

import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa

from bench.edging import keeping
from bench.row import Row, less_is_better, more_is_better
from lineshaft.connect import EdgeBuffer
from lineshaft.connect.edge.identity import enrol
from lineshaft.connect.edge.uplink import Uplink
from lineshaft.core import NS, SAMPLES, now_ns

NAME = "edge-drain"
TAGS, ROWS, BATCHES, LIVE_HZ, PROMISED, TIMES = 1_000, 5_000, 1_600, 10, 1_000_000, 5
PORTION = (200_000, 1_024)


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder, keeping(Path(folder) / "plant") as (url, code, plant):
        home = Path(folder) / "edge"
        buffer = EdgeBuffer(home / "edge.db", max_bytes=10**10)
        enrol(home, url, code)
        _fill(buffer)
        line = Uplink(home, buffer)
        line.report({})  # hands are shaken
        drained, seconds, ours, theirs, ages = _drain(buffer, line, psutil.Process(plant))
        line.close()
        buffer.close()
    live = ROWS * LIVE_HZ
    rate = drained / seconds
    return [
        more_is_better(
            f"{NAME}/backlog beside live values, to the plant's journal over TLS", rate, "values/s", "promised", PROMISED
        ),
        more_is_better(f"{NAME}/of the live rate of {live} values/s", rate / live, "times", "promised", TIMES),
        Row(f"{NAME}/age of live values when the plant has them, p99", float(np.percentile(ages, 99)), "s"),
        Row(f"{NAME}/edge", drained / ours, "values/CPU-s"),
        Row(f"{NAME}/plant", drained / theirs, "values/CPU-s"),
        less_is_better(f"{NAME}/edge and plant, a million values", (ours + theirs) / drained * 1e6, "CPU s", "promised", 1.0),
    ]


def _rows(number: int, began: int) -> pa.RecordBatch:
    at = np.arange(ROWS)
    tags = pa.DictionaryArray.from_arrays(pa.array((at % TAGS).astype(np.int32)), pa.array([f"T{n}" for n in range(TAGS)]))
    chance = np.random.default_rng(number)
    columns = {
        "tag": tags,
        "ts": pa.array(began + (at // TAGS) * 20_000_000, pa.timestamp("ns", "UTC")),
        "v": pa.array(np.round(50 + chance.normal(0, 2, ROWS), 2)),
        "q": pa.array(np.zeros(ROWS, np.int16)),
    }
    arrays = [columns[one.name] if one.name in columns else pa.nulls(ROWS, one.type) for one in SAMPLES]
    return pa.RecordBatch.from_arrays(arrays, schema=SAMPLES)


def _fill(buffer: EdgeBuffer) -> None:
    """Let the line have been cut for an hour."""
    began = now_ns() - 3600 * NS
    for first in range(0, BATCHES, 100):
        numbers = range(first, first + 100)
        buffer.put_all([("press", _rows(n, began + n * NS // LIVE_HZ)) for n in numbers], arrived=began + first * NS // LIVE_HZ)


def _drain(buffer: EdgeBuffer, line: Uplink, plant: psutil.Process) -> tuple[int, float, float, float, list[float]]:
    """Return values of the backlog, seconds, CPU seconds of edge and plant, and the age of each live batch at its arrival."""
    stop = threading.Event()
    collecting = threading.Thread(target=_collect, args=(buffer, stop))
    left, ages = BATCHES, list[float]()
    edge = psutil.Process()
    before = [sum(one.cpu_times()[:2]) for one in (edge, plant)]
    began = time.perf_counter()
    collecting.start()
    while left:
        batches = buffer.head(rows=PORTION[0], batches=PORTION[1], behind=60 * NS)
        line.deliver(batches)
        buffer.delivered(batches)
        buffer.returned()
        now = now_ns()
        old = [batch for batch in batches if now - batch.arrived > 600 * NS]
        ages += [(now - batch.arrived) / NS for batch in batches if now - batch.arrived <= 600 * NS]
        left -= len(old)
    seconds = time.perf_counter() - began
    used = [sum(one.cpu_times()[:2]) - was for one, was in zip((edge, plant), before, strict=True)]
    stop.set()
    collecting.join()
    return BATCHES * ROWS, seconds, *used, ages


def _collect(buffer: EdgeBuffer, stop: threading.Event) -> None:
    number = BATCHES
    while not stop.wait(1 / LIVE_HZ):
        buffer.put("press", _rows(number, now_ns()))
        number += 1
