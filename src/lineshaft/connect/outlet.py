"""The gateway's end of a source: rows wait here, in memory, for the next batch."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import pyarrow as pa

from lineshaft.connect.source import Source, SourceStatus
from lineshaft.core import SAMPLES


@dataclass(frozen=True, slots=True)
class Ears:
    """What an outlet tells the gateway, from whatever thread the source speaks in."""

    said: Callable[[str, pa.RecordBatch], None]
    heard: Callable[[int], None]
    changed: Callable[[SourceStatus], None]
    refused: Callable[[str, str, str, int], None]
    ready: Callable[[], Awaitable[None]]
    kept: Callable[[], Awaitable[None]]


class GatewayOutlet:
    """Collects the rows of one source until the gateway takes them."""

    def __init__(self, source: Source, ears: Ears, first: SourceStatus) -> None:
        self.source = source
        self.last = first
        self._ears = ears
        self._lock = threading.Lock()
        self._rows: list[pa.RecordBatch] = []
        self._count = 0

    @property
    def count(self) -> int:
        """How many rows wait here."""
        return self._count

    def emit(self, rows: pa.RecordBatch) -> None:
        """Take rows of SAMPLES. A plugin that sends other columns is told so where it stands."""
        if rows.schema != SAMPLES:
            rows = rows.select(SAMPLES.names).cast(SAMPLES)
        if not rows.num_rows:
            return
        with self._lock:
            self._rows.append(rows)
            self._count += rows.num_rows
        self._ears.said(self.source.name, rows)
        self._ears.heard(self._count)

    def status(self, status: SourceStatus) -> None:
        """Keep the source's last word; `since` only moves when its state does."""
        before = self.last
        if before.state == status.state:
            status = replace(status, since=before.since)
        self.last = status
        if status != before:
            self._ears.changed(status)

    def reject(self, tag: str, reason: str, n: int = 1) -> None:
        """Count values that cannot be taken."""
        self._ears.refused(self.source.name, tag, reason, n)

    async def ready(self) -> None:
        """Wait while memory is full because the disk refuses."""
        await self._ears.ready()

    async def kept(self) -> None:
        """Wait until everything emitted so far lies in the edge buffer."""
        await self._ears.kept()

    def take(self) -> pa.RecordBatch | None:
        """Return everything that waits as one batch of rows, in order, and start anew."""
        with self._lock:
            rows, self._rows, self._count = self._rows, [], 0
        if not rows:
            return None
        if len(rows) == 1:
            return rows[0]
        return pa.concat_batches(rows)  # pyright: ignore[reportAttributeAccessIssue] - the stubs do not know it

    def put_back(self, rows: pa.RecordBatch) -> None:
        """Put rows that could not be kept in front of what came meanwhile."""
        with self._lock:
            self._rows.insert(0, rows)
            self._count += rows.num_rows
