"""Handing a file of an older historian to a running node, part by part, and following it until it is in the lake."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from lineshaft.client.wire import Node, Unreached
from lineshaft.core import Conflict, Retryable

PART = 16 << 20
ENDED = frozenset({"done", "failed", "cancelled"})
_TRIES = 60


def hand_over(
    node: Node, path: Path, how: Mapping[str, Any], progress: Callable[[int, int], None] | None = None
) -> dict[str, Any]:
    """Send a file (how it is read: layout, time, tag, value, source ...), going on where an earlier try was cut off.

    Return the import as the node shows it; `progress` hears (bytes, of bytes).
    """
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    size = path.stat().st_size
    job = cast("dict[str, Any]", node.ask("imports", body={**how, "file": path.name, "size": size, "sha256": digest}).json())
    with path.open("rb") as file:
        while job["state"] == "uploading":
            offset = int(job["received"])
            file.seek(offset)
            part = file.read(PART)
            where = f"imports/{job['id']}"
            try:
                if part:
                    job = node.ask(f"{where}/content", {"offset": offset}, data=part, method="PUT").json()
                else:  # all of it is here, and the node was stopped before it heard so
                    job = node.ask(f"{where}/take", body={}).json()
            except Conflict:  # the part before was cut off on its way back to us
                job = node.ask(where).json()
            if progress is not None:
                progress(int(job["received"]), size)
    return job


def follow(
    node: Node, job: dict[str, Any], progress: Callable[[int, int], None] | None = None, every: float = 0.5
) -> dict[str, Any]:
    """Return an import once it has ended; `progress` hears (rows, of rows). A node that starts again is waited for."""
    lost = 0
    while job["state"] not in ENDED:
        time.sleep(every)
        try:
            job = cast("dict[str, Any]", node.ask(f"imports/{job['id']}").json())
            lost = 0
        except (Retryable, Unreached):
            lost += 1
            if lost > _TRIES:
                raise
            time.sleep(1)
        if progress is not None:
            progress(int(job["done"]), int(job["total"]))
    return job
