"""How processes apart are begun quickly: as copies of one that has loaded what they need, where the system can (50 ms each)."""

from __future__ import annotations

import multiprocessing
from typing import Any

LOADED = ("lineshaft.detect.positions.reader", "lineshaft.detect.registry.serving")
"""Whoever begins processes so. A node has one process to copy, so it loads what any of them needs."""


def prepared() -> Any:
    """Return the way (a context of multiprocessing) in which processes begin."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(LOADED))
    return context
