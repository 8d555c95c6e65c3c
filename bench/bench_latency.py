"""From a change in the OPC UA server to the derived value on the live stream of a browser."""

from __future__ import annotations

import time

from bench.node import demo
from bench.row import Row
from lineshaft.cli.rehearsal import Latency

NAME = "latency"
WARM, WATCH, ALLOWED_MS = 8.0, 45.0, 1000.0


def run() -> list[Row]:
    with demo("latency-") as (url, token, _):
        time.sleep(WARM)
        latency = Latency(url, token)
        time.sleep(WATCH)
        found = latency.close()
    p50, p99 = found["p50"], found["p99"]
    if p50 is None or p99 is None:
        raise RuntimeError("no derived value arrived")
    return [
        Row("latency p50", p50, "ms", "promise", ALLOWED_MS, ALLOWED_MS / p50),
        Row("latency p99", p99, "ms", "promise", ALLOWED_MS, ALLOWED_MS / p99),
    ]
