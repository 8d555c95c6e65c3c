"""Rows, formulas and an outlet for the tests of what runs at an edge."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pyarrow as pa

from lineshaft.app.edge_parts import compiled
from lineshaft.connect import SourceStatus
from lineshaft.core import NS, samples

T0 = 1_700_000_000 * NS
COMPILE = compiled


def rows(*values: tuple[str, float, object] | tuple[str, float, object, int]) -> pa.RecordBatch:
    """Rows of (tag, seconds, value[, quality])."""
    return samples(
        {"tag": tag, "ts": T0 + round(at * NS), "value": value, "q": rest[0] if rest else 0} for tag, at, value, *rest in values
    )


def table(batch: pa.RecordBatch, tag: str) -> list[tuple[float, object]]:
    """What a batch holds of a tag: (seconds, value)."""
    found = []
    for row in batch.to_pylist():
        if row["tag"] == tag:
            value = next((row[name] for name in ("v", "vi", "vs", "vb") if row[name] is not None), None)
            found.append(((row["ts"].value if hasattr(row["ts"], "value") else 0), value))
    stamps = [
        ts
        for name, ts in zip(batch.column(0).to_pylist(), batch.column(1).cast(pa.int64()).to_pylist(), strict=True)
        if name == tag
    ]
    return [((ts - T0) / NS, value) for ts, (_, value) in zip(stamps, found, strict=True)]


class Ear:
    """An outlet that remembers."""

    def __init__(self) -> None:
        self.batches: list[pa.RecordBatch] = []
        self.statuses: list[SourceStatus] = []
        self.rejected: list[tuple[str, str]] = []
        self.news = asyncio.Event()

    def emit(self, batch: pa.RecordBatch) -> None:
        self.batches.append(batch)
        self.news.set()

    def status(self, status: SourceStatus) -> None:
        self.statuses.append(status)
        self.news.set()

    def reject(self, tag: str, reason: str, n: int = 1) -> None:
        self.rejected.append((tag, reason))
        self.news.set()

    async def ready(self) -> None:
        return

    async def kept(self) -> None:
        return

    async def until(self, what, timeout: float = 20) -> None:  # noqa: ASYNC109 - a test says how long it waits
        async with asyncio.timeout(timeout):
            while not what(self):
                self.news.clear()
                await self.news.wait()

    def all(self, tag: str) -> list[tuple[float, object]]:
        return [one for batch in self.batches for one in table(batch, tag)]


def said(ear: Ear) -> Sequence[str]:
    return [f"{one.state.value}: {one.message}" for one in ear.statuses]
