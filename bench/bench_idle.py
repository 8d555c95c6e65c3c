"""What a node costs that has nothing to do: memory shared fairly (PSS) over its process tree, and its share of a core."""

from __future__ import annotations

import time

import psutil

from bench.node import up
from bench.row import Row

NAME = "idle"
SETTLE, WATCH = 8.0, 20.0
ALLOWED_MB, ALLOWED_CORE = 450.0, 2.0


def run() -> list[Row]:
    with up("idle-") as (_, _, pid):
        time.sleep(SETTLE)
        tree = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        before, began = _cpu(tree), time.monotonic()
        time.sleep(WATCH)
        core = (_cpu(tree) - before) / (time.monotonic() - began) * 100
        megabytes = sum(one.memory_full_info().pss for one in tree) / 1e6
    return [
        Row("idle memory", megabytes, "MB", "promise", ALLOWED_MB, ALLOWED_MB / megabytes),
        Row("idle cpu", core, "% of a core", "promise", ALLOWED_CORE, ALLOWED_CORE / max(core, 1e-6)),
    ]


def _cpu(tree: list[psutil.Process]) -> float:
    return sum(sum(one.cpu_times()[:2]) for one in tree)
