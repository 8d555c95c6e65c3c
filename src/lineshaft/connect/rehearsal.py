"""Reading a source once before it is added: it is run for a few seconds by itself, and nothing it says is kept.

A source has no way to write, so neither has its rehearsal: commissioning is read only. A source that keeps a place or says
something to others gives a twin that does neither (`Rehearses`); a broker's session ends with the rehearsal.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pyarrow as pa

from lineshaft.connect.settings import SourceEntry, source_plugins
from lineshaft.connect.source import Rehearses, Source, SourceState, SourceStatus
from lineshaft.connect.trust import STANDS_FOR
from lineshaft.core import LineshaftError, new_id

LONGEST, SETTLE = 10.0, 1.0
"""Seconds until a silent source is given up, and how long others of its tags are waited for after the first."""
MOST = 500
COLUMNS = ("v", "vi", "vs", "vb")
SPEAKS = (SourceState.CONNECTED, SourceState.DEGRADED)


class Once:
    """An outlet that remembers the last value of each tag, and that something came."""

    def __init__(self) -> None:
        self.last: dict[str, dict[str, Any]] = {}
        self.count = 0
        self.said: list[SourceStatus] = []
        self.rejected: dict[str, str] = {}
        self.news = asyncio.Event()

    def emit(self, rows: pa.RecordBatch) -> None:
        """Remember the last of each tag."""
        self.count += rows.num_rows
        cells = [rows.column(name).to_pylist() for name in COLUMNS]
        times, q = rows.column("ts").cast(pa.int64()).to_pylist(), rows.column("q").to_pylist()
        for at, tag in enumerate(map(str, rows.column("tag").to_pylist())):
            if tag in self.last or len(self.last) < MOST:
                value = next((column[at] for column in cells if column[at] is not None), None)
                self.last[tag] = {"tag": tag, "ts": times[at], "value": value, "q": q[at]}
        self.news.set()

    def status(self, status: SourceStatus) -> None:
        """Remember what the source says of itself."""
        self.said.append(status)
        self.news.set()

    def reject(self, tag: str, reason: str, n: int = 1) -> None:
        """Remember why values cannot be taken."""
        del n
        self.rejected[tag] = reason
        self.news.set()

    async def ready(self) -> None:
        """Return at once: there is always room."""

    async def kept(self) -> None:
        """Return at once: nothing is kept."""

    def heard(self) -> bool:
        """Say whether the source speaks and has said something, also that every tag is bad."""
        last = self.said[-1] if self.said else None
        return last is not None and last.state in SPEAKS and bool(self.last or last.tags_bad or self.rejected)


async def listen_once(source: Source, longest: float = LONGEST) -> Once:
    """Run a source until it has spoken, or for so long at most; return what it said."""
    out = Once()
    task = asyncio.create_task(source.run(out))
    with suppress(TimeoutError):
        async with asyncio.timeout(longest):
            while not out.heard() and not task.done():
                out.news.clear()
                await asyncio.wait({task, (news := asyncio.create_task(out.news.wait()))}, return_when="FIRST_COMPLETED")
                news.cancel()
            if not task.done():
                await asyncio.wait({task}, timeout=SETTLE)
    failed = task.exception() if task.done() and not task.cancelled() else None
    task.cancel()
    await asyncio.wait({task})
    if failed is not None:
        text = str(failed) if isinstance(failed, LineshaftError) else f"{type(failed).__name__}: {failed}"
        out.status(SourceStatus(source.name, SourceState.DOWN, text))
    return out


def read_once(entry: SourceEntry, longest: float = LONGEST) -> dict[str, Any]:
    """Read a source once; return its state, its last value of each tag, and why tags are bad. Raises ConfigError."""
    values = dict(entry.model_extra or {})
    if "session" in source_plugins().load(entry.type, where=f"source '{entry.name}'").Options.model_fields:
        values["session"] = "0s"
    name = f"{entry.name[:40]} test {new_id()[:8]}"  # a broker throws out the one that has the same name
    before = STANDS_FOR.set(entry.name)
    try:
        source = SourceEntry.model_validate({**values, "name": name, "type": entry.type}).build(where="the page")
        out = asyncio.run(listen_once(source.rehearsal() if isinstance(source, Rehearses) else source, longest))
    finally:
        STANDS_FOR.reset(before)
    last = out.said[-1] if out.said else SourceStatus(name, SourceState.DOWN, "it said nothing")
    speaking = next((one for one in reversed(out.said) if one.state in SPEAKS), last)
    return {
        "state": str(last.state),
        "message": last.message,
        "rows": out.count,
        "items": sorted(out.last.values(), key=lambda one: str(one["tag"])),
        "bad": {**dict(speaking.tags_bad), **out.rejected},
    }
