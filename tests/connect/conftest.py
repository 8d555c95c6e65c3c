"""What the room's tests share: an outlet that remembers, an OPC UA server in this process, a TCP proxy that can be cut."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pytest

from lineshaft.connect import Source, SourceState, SourceStatus

COLUMNS = ("v", "vi", "vs", "vb")


@dataclass
class Ear:
    """An outlet that keeps everything and can be waited on."""

    rows: list[pa.RecordBatch] = field(default_factory=list)
    statuses: list[SourceStatus] = field(default_factory=list)
    rejected: list[tuple[str, str, int]] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def emit(self, rows: pa.RecordBatch) -> None:
        self.rows.append(rows)
        self._news.set()

    def status(self, status: SourceStatus) -> None:
        self.statuses.append(status)
        self._news.set()

    def reject(self, tag: str, reason: str, n: int = 1) -> None:
        self.rejected.append((tag, reason, n))
        self._news.set()

    async def ready(self) -> None:
        return

    async def kept(self) -> None:
        return

    def values(self) -> list[tuple[str, int, object, int]]:
        """Every row as (tag, ns, value, quality)."""
        out = []
        for batch in self.rows:
            columns = [batch.column("tag").to_pylist(), batch.column("ts").cast(pa.int64()).to_pylist()]
            columns += [batch.column(name).to_pylist() for name in (*COLUMNS, "q")]
            for tag, ts, *values, q in zip(*columns, strict=True):
                out.append((tag, ts, next((value for value in values if value is not None), None), q))
        return out

    def of(self, tag: str) -> list[object]:
        return [value for name, _, value, _ in self.values() if name == tag]

    async def until(self, true: Callable[[], Any], seconds: float = 60) -> None:
        """Wait for news until the condition holds."""
        async with asyncio.timeout(seconds):
            while not true():
                self._news.clear()
                await self._news.wait()

    @property
    def state(self) -> SourceState | None:
        return self.statuses[-1].state if self.statuses else None


@asynccontextmanager
async def listening(source: Source, ear: Ear | None = None) -> AsyncIterator[Ear]:
    """Run a source until left; whatever it raised is raised here."""
    ear = ear or Ear()
    task = asyncio.create_task(source.run(ear))
    try:
        yield ear
    finally:
        if task.done():
            task.result()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


class Proxy:
    """A TCP proxy on loopback: `cut` closes and refuses, `hole` swallows without a word, `open` passes.

    `pace` makes the line slow (bytes a second); `half` lets one side die without telling the other.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self._open = asyncio.Event()
        self._open.set()
        self._refuse = False
        self.pace = 0.0
        self._far: set[asyncio.StreamWriter] = set()
        self._mute: set[asyncio.StreamWriter] = set()
        self._links: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._meet, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.cut()
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        self._refuse = True
        for writer in self._links:
            writer.transport.abort()
        self._links.clear()

    def half(self) -> None:
        """The machine's side of each line dies; ours is told nothing, as behind a firewall that forgot the line."""
        self._mute |= self._links - self._far
        for writer in self._far:
            writer.transport.abort()
        self._far.clear()

    def hole(self) -> None:
        self._open.clear()

    def open(self) -> None:
        self._refuse = False
        self._open.set()

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refuse:
            writer.transport.abort()
            return
        self._tasks.add(asyncio.current_task())  # type: ignore[arg-type]
        with contextlib.suppress(OSError):
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
            self._links |= {writer, far_writer}
            self._far.add(far_writer)
            await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                await self._open.wait()
                if self.pace:
                    await asyncio.sleep(len(data) / self.pace)
                writer.write(data)
                await writer.drain()
        if writer not in self._mute:
            writer.transport.abort()


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own for what sources keep of their machines."""
    monkeypatch.setenv("LINESHAFT_HOME", str(tmp_path))
    return tmp_path
