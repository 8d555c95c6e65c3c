"""Sparkplug B metrics a CPU-second, from payloads to columns, beside protobuf (upb) to tuples."""

from __future__ import annotations

import time
from typing import Any

from bench.row import Row, more_is_better
from lineshaft.connect.sources.sparkplug.host import Heard, Host
from lineshaft.connect.sparkplug_b import Type, messages

NAME = "sparkplug"
METRICS, MESSAGES, BURST, PROMISED = 100, 2_000, 20, 3_000_000
KINDS = (Type.DOUBLE, Type.INT32, Type.BOOLEAN, Type.FLOAT)


def run() -> list[Row]:
    rows: list[Row] = []
    for named, mixed in ((False, False), (False, True), (True, False), (True, True)):
        what = f"{'names' if named else 'aliases'}, {'four types' if mixed else 'doubles'}"
        payloads = [_payload(i, named=named, mixed=mixed) for i in range(MESSAGES)]
        ours, theirs = _ours(payloads, named=named, mixed=mixed), _theirs(payloads)
        rows.append(more_is_better(f"{NAME}/{what}, bursts of {BURST} messages", ours, "metrics/CPU-s", "promised", PROMISED))
        rows.append(more_is_better(f"{NAME}/{what}, beside protobuf", ours, "metrics/CPU-s", "upb to tuples", theirs))
    return rows


def _kind(i: int, *, mixed: bool) -> Type:
    return KINDS[i % 4] if mixed else Type.DOUBLE


def _payload(k: int, *, named: bool, mixed: bool, birth: bool = False) -> bytes:
    payload: Any = messages()[0](timestamp=1_763_700_000_000 + k, seq=k % 256)
    for i in range(METRICS):
        metric = payload.metrics.add(timestamp=1_763_700_000_000 + k * 100 + i)
        if named or birth:
            metric.name = f"machine/value/{i}"
        if not named:
            metric.alias = 200 + i
        kind = _kind(i, mixed=mixed)
        if birth:
            metric.datatype = kind
        if kind is Type.INT32:
            metric.int_value = k * i % 65_536
        elif kind is Type.BOOLEAN:
            metric.boolean_value = bool((k + i) % 2)
        elif kind is Type.FLOAT:
            metric.float_value = k + i / 2
        else:
            metric.double_value = k + i / 3
    return payload.SerializeToString()


def _ours(payloads: list[bytes], *, named: bool, mixed: bool) -> float:
    host = Host(5.0)
    node = host.register.node("Plant", "Edge")
    host.hear([Heard("NBIRTH", node, "", _payload(255, named=named, mixed=mixed, birth=True), 0)])
    bursts = [[Heard("NDATA", node, "", raw, 0) for raw in payloads[i : i + BURST]] for i in range(0, len(payloads), BURST)]
    for burst in bursts[:5]:
        host.hear(burst)  # warm
    rows = 0
    began = time.process_time()
    for burst in bursts:
        rows += sum(batch.num_rows for batch in host.hear(burst))
    used = time.process_time() - began
    if rows != METRICS * len(payloads):
        raise AssertionError(f"{rows} rows of {METRICS * len(payloads)}: {dict(host.rejected)}")
    return rows / used


def _theirs(payloads: list[bytes]) -> float:
    kind: Any = messages()[0]
    began = time.process_time()
    for raw in payloads:
        for metric in kind.FromString(raw).metrics:
            _ = (metric.alias or metric.name, metric.timestamp, getattr(metric, metric.WhichOneof("value")))
    return METRICS * len(payloads) / (time.process_time() - began)
