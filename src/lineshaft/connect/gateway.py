"""The gateway: runs the sources, batches what they say, keeps it in the edge buffer, and hands it to the store.

A value is safe once its batch is in the edge buffer; it leaves the buffer only after the store's journal has it. A
source that fails is started again; a store that fails is asked again; both are told as system events, and neither
stops anything else.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa

from lineshaft.connect.buffer import BufferRefused, EdgeBuffer
from lineshaft.connect.edge.accounts import Accounts
from lineshaft.connect.edge.pipeline import Pipelines
from lineshaft.connect.outlet import Ears, GatewayOutlet
from lineshaft.connect.settings import GatewaySettings
from lineshaft.connect.source import Source, SourceChanged, SourceState, SourceStatus
from lineshaft.core import NS, Batch, Bus, SystemEvent, now_ns, parse_duration

log = logging.getLogger("lineshaft.connect")
Deliver = Callable[[list[Batch]], int]
Tap = Callable[[str, pa.RecordBatch], None]
"""Given a source's name and rows: `at_once` as they are decoded, in the source's thread; `taps` once they are kept."""
LONGEST = 60.0
PORTION = (50_000, 64)
"""Rows and batches handed over at once, at most."""
CALM = 600 * NS
"""A condition that shows only in what is refused or dropped is over when nothing of it came for so long."""
LINGER = 0.005
"""Seconds a sender waits for others before what it sent is put on disk and acknowledged: one commit for all of them."""


def open_buffer(path: Path, settings: GatewaySettings) -> EdgeBuffer:
    """Open the edge buffer with the caps and the policy of the settings."""
    return EdgeBuffer(
        path,
        max_bytes=settings.buffer_bytes,
        max_age=parse_duration(settings.buffer_age),
        drop_oldest=settings.when_full == "drop-oldest",
    )


class Gateway:
    """Sources in, batches out, nothing lost between; `deliver` is set, before `run`, by whoever owns the store."""

    def __init__(self, sources: Sequence[Source], buffer: EdgeBuffer, settings: GatewaySettings, bus: Bus) -> None:
        self.buffer = buffer
        self.settings = settings
        self.deliver: Deliver | None = None
        self.pipelines = Pipelines(())
        self.portion: tuple[int, int] = PORTION
        self.behind = 0
        self.at_once: Tap | None = None
        self.taps: list[Tap] = []
        self.afar: Accounts | None = None
        self._bus = bus
        self._ears = Ears(self._on_said, self._on_rows, self._on_status, self._on_reject, self._ready, self._until_kept)
        self._outlets = [self._outlet(source) for source in sources]
        self._tasks: asyncio.TaskGroup | None = None
        self._running: dict[str, asyncio.Task[None]] = {}
        self._changing = asyncio.Lock()
        self._flush = parse_duration(settings.flush) / NS
        self._loop: asyncio.AbstractEventLoop | None = None
        self._heard, self._urgent, self._room, self._kept = (asyncio.Event() for _ in range(4))
        self._room.set()
        self._kept.set()
        self._putting = threading.Lock()
        self._acknowledging: list[asyncio.Future[None]] = []
        self._told: set[str] = set()
        self._seen: dict[str, int] = {}
        buffer.on_drop = self._on_drop

    async def run(self) -> None:
        """Run until cancelled; the last rows are in the edge buffer before it returns."""
        self._loop = asyncio.get_running_loop()
        worker = ThreadPoolExecutor(1, "lineshaft-deliver")
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                tasks.create_task(self._deliver_for_ever(worker), name="gateway:deliver")
                tasks.create_task(self._flush_for_ever(), name="gateway:flush")
                for outlet in self._outlets:
                    self._begin(outlet)
        finally:
            self._loop = self._tasks = None
            self._put()
            worker.shutdown(wait=True)

    def sources(self) -> list[Source]:
        """Return the sources that are listened to."""
        return [outlet.source for outlet in self._outlets]

    def change(self, name: str, source: Source | None) -> None:
        """Listen to a source, in place of the one of that name if there is one, or to none of that name any more.

        Any thread may ask; nothing else stops. What the old one said is kept before the new one begins.
        """
        loop = self._loop
        if loop is None:
            kept = [outlet for outlet in self._outlets if outlet.source.name != name]
            self._outlets = kept + ([self._outlet(source)] if source is not None else [])
        else:
            asyncio.run_coroutine_threadsafe(self._change(name, source), loop)

    async def _change(self, name: str, source: Source | None) -> None:
        async with self._changing:
            task = self._running.pop(name, None)
            if task is not None:
                task.cancel()
                await asyncio.wait({task})
                await asyncio.to_thread(self._put)
            self.end(f"source:{name}", f"source {name} is not listened to any more")
            self._outlets = [outlet for outlet in self._outlets if outlet.source.name != name]
            if source is not None:
                outlet = self._outlet(source)
                self._outlets = [*self._outlets, outlet]
                self._begin(outlet)

    def _outlet(self, source: Source) -> GatewayOutlet:
        return GatewayOutlet(source, self._ears, SourceStatus(source.name, SourceState.CONNECTING))

    def _begin(self, outlet: GatewayOutlet) -> None:
        if self._tasks is not None:
            name = outlet.source.name
            self._running[name] = self._tasks.create_task(self._keep_running(outlet), name=f"source:{name}")

    async def _keep_running(self, outlet: GatewayOutlet) -> None:
        """Run one source; when it raises or ends, say so and start it again, later each time."""
        first = parse_duration(self.settings.restart_delay) / NS
        delay = first
        while True:
            began = now_ns()
            try:
                await outlet.source.run(outlet)
                reason = "it ended by itself"
            except Exception as error:
                log.exception("source %s failed", outlet.source.name)
                reason = f"{type(error).__name__}: {error}"
            delay = first if now_ns() - began > LONGEST * NS else delay
            outlet.status(SourceStatus(outlet.source.name, SourceState.DOWN, f"{reason}; starting again in {delay:g} s"))
            await asyncio.sleep(delay)
            delay = min(delay * 2, LONGEST)

    async def _flush_for_ever(self) -> None:
        """Put what was heard into the buffer every `flush`, sooner when a batch is full; sleep while nothing is heard."""
        while True:
            await self._heard.wait()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._urgent.wait(), self._flush)
            self._heard.clear()
            self._urgent.clear()
            delay = 0.5
            waiting, self._acknowledging = self._acknowledging, []
            while not await asyncio.to_thread(self._put):
                await asyncio.sleep(delay)
                delay = min(delay * 2, 10.0)
            for future in waiting:
                if not future.done():
                    future.set_result(None)
            self._room.set()
            self._kept.set()

    def _put(self) -> bool:
        """Move every outlet's rows into the buffer in one transaction; what the disk refuses goes back to its outlet."""
        with self._putting:
            taken = [(outlet, rows) for outlet in self._outlets if (rows := outlet.take()) is not None]
            try:
                if taken:
                    self._keep([(outlet.source.name, rows) for outlet, rows in taken])
            except BufferRefused as error:
                self.pipelines.forget()
                for outlet, rows in taken:
                    outlet.put_back(rows)
                self.tell("buffer:refused", f"{error}: values wait in memory, then at their machines", severity="error")
                return False
        self.end("buffer:refused", "the edge buffer is written again")
        return True

    def _keep(self, taken: list[tuple[str, pa.RecordBatch]]) -> None:
        """Send rows through the pipelines and keep what stays, and the counts of what does not."""
        refined = [(name, *self.pipelines.refine(name, rows)) for name, rows in taken]
        counts = [(name, one.rule, one.tags, one.counts) for name, _, filtered in refined for one in filtered]
        self.buffer.put_all([(name, rows) for name, rows, _ in refined if rows.num_rows], filtered=counts)
        self.pipelines.commit()
        for name, rows, _ in refined:
            for tap in self.taps if rows.num_rows else ():
                try:
                    tap(name, rows)
                except Exception:
                    log.exception("a listener to kept values failed")

    async def _deliver_for_ever(self, worker: ThreadPoolExecutor) -> None:
        """Hand the oldest batches to the store, in order, from one thread; ask again as long as it refuses."""
        loop = asyncio.get_running_loop()
        delay = 0.2
        while True:
            await self._kept.wait()
            self._kept.clear()
            while True:
                try:
                    handed = await loop.run_in_executor(worker, self._hand_over)
                except Exception as error:
                    log.exception("the store takes nothing")
                    self.tell(
                        "gateway:delivery", f"the store takes nothing ({error}): values wait in the edge buffer", severity="error"
                    )
                    await asyncio.sleep(delay)
                    delay = min(delay * 2, 5.0)
                else:
                    delay = 0.2
                    if handed:
                        self.end("gateway:delivery", "the store takes values again")
                    if not handed or not self.buffer.waits:
                        break

    def _hand_over(self) -> bool:
        """Give the store the oldest batches and forget them once it has them; return whether there were any."""
        if self.deliver is None:
            return False
        rows, most = self.portion
        batches = self.buffer.head(rows=rows, batches=most, behind=self.behind)
        if batches:
            try:
                self.deliver(batches)
                self.buffer.delivered(batches)
            finally:
                self.buffer.returned()
        return bool(batches)

    def received(self) -> dict[tuple[str, str], int]:
        """Return how many values were received ever, here and by the edge nodes, per (source, tag); durable."""
        return {**self.buffer.received(), **(self.afar.received() if self.afar else {})}

    def pending(self) -> dict[tuple[str, str], int]:
        """Return how many values wait in the edge buffer, or at an edge node, per (source, tag)."""
        return {**self.buffer.pending(), **(self.afar.pending() if self.afar else {})}

    def lost(self) -> dict[tuple[str, str], int]:
        """Return how many received values a full buffer dropped, here and at the edge nodes, per (source, tag)."""
        return {**self.buffer.lost(), **(self.afar.lost() if self.afar else {})}

    def filtered(self) -> dict[tuple[str, str], dict[str, int]]:
        """Return how many received values which rule of a pipeline took out, here and at the edge nodes, per (source, tag)."""
        return {**self.buffer.filtered(), **(self.afar.filtered() if self.afar else {})}

    def statuses(self) -> list[SourceStatus]:
        """Return what each source last said of itself."""
        return [outlet.last for outlet in self._outlets]

    def tell(self, key: str, message: str, *, severity: str = "warning", hint: str = "") -> None:
        """Tell a condition of our own."""
        self._told.add(key)
        self._bus.tell(SystemEvent(key, message, severity, hint=hint))

    def end(self, key: str, message: str) -> None:
        """Tell that a condition ended, if it was told."""
        if key in self._told:
            self._told.discard(key)
            self._bus.tell(SystemEvent(key, message, active=False))

    def _on_said(self, source: str, rows: pa.RecordBatch) -> None:
        if self.at_once is not None:
            try:
                self.at_once(source, rows)
            except Exception:
                log.exception("a listener to decoded values failed")

    def calm(self, now: int) -> None:
        """End what was told of values refused or dropped once there was no more of it for a while."""
        for key in [key for key, at in tuple(self._seen.items()) if now - at > CALM]:
            self._seen.pop(key, None)
            self.end(key, "no more of it for ten minutes")

    def _on_rows(self, waiting: int) -> None:
        loop = self._loop
        if loop is None:
            return
        if waiting >= self.settings.batch_rows:
            loop.call_soon_threadsafe(self._urgent.set)
        if not self._heard.is_set():
            loop.call_soon_threadsafe(self._heard.set)

    def _on_status(self, status: SourceStatus) -> None:
        self._bus.tell(SourceChanged(status))
        key = f"source:{status.name}"
        if status.state is SourceState.DOWN:
            hint = "is the machine on, the address right, the firewall open? `lineshaft doctor` tries it"
            self.tell(key, f"source {status.name} is down: {status.message}", hint=hint)
        elif status.state is SourceState.DEGRADED:
            self.tell(key, f"source {status.name}: {status.message}", hint="the page Sources and GET health name each tag")
        elif status.state is SourceState.CONNECTED:
            self.end(key, f"source {status.name} is connected")

    def _on_reject(self, source: str, tag: str, reason: str, n: int) -> None:
        self.buffer.reject(source, tag, n)
        key = f"reject:{source}/{tag}"
        self._seen[key] = now_ns()
        self.tell(key, f"{n} values of {source}/{tag} cannot be taken: {reason}")

    def _on_drop(self, batches: int, rows: int) -> None:
        message = f"the edge buffer was full: its oldest {batches} batches ({rows} values) were dropped and counted as lost"
        self._seen["buffer:full"] = now_ns()
        self.tell("buffer:full", message, severity="error", hint="raise [gateway] buffer_bytes or let the store catch up")

    async def _until_kept(self) -> None:
        """Wait for the next commit, which is soon when somebody waits for it."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        if not self._acknowledging:
            loop.call_later(LINGER, self._urgent.set)
        self._acknowledging.append(future)
        self._heard.set()
        await future

    async def _ready(self) -> None:
        while sum(outlet.count for outlet in self._outlets) > self.settings.room_rows:
            self._room.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._room.wait(), 1.0)
