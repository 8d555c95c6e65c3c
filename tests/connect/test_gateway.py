"""The gateway: batches, hands over in order, asks again, restarts what fails, and says so."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from lineshaft.connect import (
    BufferRefused,
    EdgeBuffer,
    Gateway,
    GatewaySettings,
    Outlet,
    SourceChanged,
    SourceState,
    SourceStatus,
    open_buffer,
)
from lineshaft.core import NS, Batch, Bus, SystemEvent, now_ns, samples

T0 = 1_700_000_000_000_000_000


class Script:
    """A source that does what the test says."""

    def __init__(self, name: str, act: Callable[[Outlet], Any]) -> None:
        self.name = name
        self.act = act
        self.runs = 0

    async def run(self, out: Outlet) -> None:
        self.runs += 1
        await self.act(out)
        await asyncio.Event().wait()


def rows(first: int, n: int, tag: str = "a"):
    return samples([{"tag": tag, "ts": T0 + i, "value": i} for i in range(first, first + n)])


class Plant:
    """A gateway with its buffer and bus; what was told and delivered is kept."""

    def __init__(self, path: Path, *sources: Script, **settings: object) -> None:
        self.bus = Bus()
        self.events: list[SystemEvent] = []
        self.changes: list[SourceStatus] = []
        self.delivered: list[Batch] = []
        self.news = asyncio.Event()
        self.settings = GatewaySettings(**({"flush": "10ms", "restart_delay": "10ms"} | settings))
        self.buffer = open_buffer(path / "edge.db", self.settings)
        self.gateway = Gateway(sources, self.buffer, self.settings, self.bus)
        self.gateway.deliver = self.deliver
        self.refuse = 0
        self.bus.on(SystemEvent, self.events.append)
        self.bus.on(SourceChanged, lambda event: self.changes.append(event.status))

    def deliver(self, batches: list[Batch]) -> int:
        if self.refuse:
            self.refuse -= 1
            raise OSError("no space left on the lake")
        self.delivered += batches
        return len(batches)

    def got(self) -> list[int]:
        return [value for batch in self.delivered for value in batch.rows.column("vi").to_pylist()]

    async def until(self, true: Callable[[], object], seconds: float = 10) -> None:
        async with asyncio.timeout(seconds):
            while not true():  # noqa: ASYNC110 - what is awaited happens in the gateway's own threads
                await asyncio.sleep(0.005)


@asynccontextmanager
async def running(plant: Plant) -> AsyncIterator[Plant]:
    task = asyncio.create_task(plant.gateway.run())
    try:
        yield plant
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        plant.buffer.close()


async def test_rows_become_batches_in_order_and_leave_the_buffer(tmp_path: Path):
    async def talk(out: Outlet) -> None:
        for i in range(50):
            out.emit(rows(i * 10, 10))
            await asyncio.sleep(0.001)

    async with running(Plant(tmp_path, Script("line", talk))) as plant:
        await plant.until(lambda: len(plant.got()) == 500 and plant.gateway.pending() == {})
        assert plant.got() == list(range(500))
        assert len(plant.delivered) < 50
        seqs = [batch.seq for batch in plant.delivered]
        assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
        assert plant.gateway.received() == {("line", "a"): 500}


async def test_a_full_batch_does_not_wait_for_the_flush(tmp_path: Path):
    async def talk(out: Outlet) -> None:
        out.emit(rows(0, 100))

    async with running(Plant(tmp_path, Script("line", talk), flush="1h", batch_rows=100)) as plant:
        await plant.until(lambda: plant.got() == list(range(100)))


async def test_a_store_that_refuses_is_asked_again_in_order(tmp_path: Path):
    async def talk(out: Outlet) -> None:
        for i in range(5):
            out.emit(rows(i, 1))
            await asyncio.sleep(0.02)

    plant = Plant(tmp_path, Script("line", talk))
    plant.refuse = 2
    async with running(plant):
        await plant.until(lambda: plant.events)
        assert plant.gateway.pending()[("line", "a")] > 0
        assert plant.events[0].key == "gateway:delivery"
        assert "no space left on the lake" in plant.events[0].message
        await plant.until(lambda: plant.gateway.pending() == {} and plant.events[-1].active is False)
        assert plant.got() == [0, 1, 2, 3, 4]


async def test_a_source_that_raises_is_started_again_and_stops_nobody(tmp_path: Path):
    async def fail(_: Outlet) -> None:
        raise RuntimeError("the cable is a rope")

    async def talk(out: Outlet) -> None:
        out.emit(rows(0, 3))
        out.status(SourceStatus("good", SourceState.CONNECTED, tags_ok=1))

    bad = Script("bad", fail)
    async with running(Plant(tmp_path, bad, Script("good", talk))) as plant:
        await plant.until(lambda: bad.runs >= 3 and plant.got() == [0, 1, 2])
        states = {status.name: status for status in plant.gateway.statuses()}
        assert states["bad"].state is SourceState.DOWN
        assert "the cable is a rope" in states["bad"].message
        assert states["good"].state is SourceState.CONNECTED
        assert any(event.key == "source:bad" and event.active for event in plant.events)


async def test_since_moves_only_when_the_state_does(tmp_path: Path):
    async def talk(out: Outlet) -> None:
        out.status(SourceStatus("line", SourceState.CONNECTED, "one", since=5))
        out.status(SourceStatus("line", SourceState.CONNECTED, "two", since=9))
        out.status(SourceStatus("line", SourceState.CONNECTED, "two", since=11))

    async with running(Plant(tmp_path, Script("line", talk))) as plant:
        await plant.until(lambda: len(plant.changes) == 2)
        assert [(status.message, status.since) for status in plant.changes] == [("one", 5), ("two", 5)]


async def test_what_was_said_last_is_in_the_buffer_when_the_node_stops(tmp_path: Path):
    said = asyncio.Event()

    async def talk(out: Outlet) -> None:
        out.emit(rows(0, 7))
        said.set()

    async with running(Plant(tmp_path, Script("line", talk), flush="1h")):
        await said.wait()
    buffer = EdgeBuffer(tmp_path / "edge.db")
    assert buffer.pending() == {("line", "a"): 7}
    buffer.close()


async def test_a_disk_that_refuses_keeps_rows_in_memory_then_lets_the_source_wait(tmp_path: Path):
    async def talk(out: Outlet) -> None:
        for i in range(30):
            await out.ready()
            out.emit(rows(i * 100, 100))

    plant = Plant(tmp_path, Script("line", talk), room_rows=1_000)
    plant.buffer._db.execute("PRAGMA max_page_count=1")
    async with running(plant):
        await plant.until(lambda: any(event.key == "buffer:refused" for event in plant.events))
        await asyncio.sleep(0.05)
        assert 1_000 <= sum(outlet.count for outlet in plant.gateway._outlets) <= 1_200
        plant.buffer._db.execute("PRAGMA max_page_count=1000000")
        await plant.until(lambda: len(plant.got()) == 3_000)
        assert plant.got() == list(range(3_000))
        assert any(event.key == "buffer:refused" and not event.active for event in plant.events)


async def test_values_that_cannot_be_taken_are_counted(tmp_path: Path):
    async def talk(out: Outlet) -> None:
        out.reject("a", "no such type", 3)
        out.emit(rows(0, 1))

    async with running(Plant(tmp_path, Script("line", talk))) as plant:
        await plant.until(lambda: plant.got() == [0])
        assert plant.buffer.refused() == {("line", "a"): 3}
        assert any(event.key == "reject:line/a" for event in plant.events)
        plant.gateway.calm(now_ns())
        assert all(event.active for event in plant.events if event.key == "reject:line/a")
        plant.gateway.calm(now_ns() + 601 * NS)
        assert [event.active for event in plant.events if event.key == "reject:line/a"][-1] is False


async def test_rows_with_other_columns_are_refused_where_they_are_sent(tmp_path: Path):
    failed: list[BaseException] = []

    async def talk(out: Outlet) -> None:
        try:
            out.emit(rows(0, 1).select(["tag", "ts"]))
        except (KeyError, ValueError) as error:
            failed.append(error)

    async with running(Plant(tmp_path, Script("line", talk))) as plant:
        await plant.until(lambda: failed)
        assert len(failed) == 1


@pytest.mark.parametrize(("n", "tags"), [(1, 1), (3, 2)])
async def test_batches_of_different_dictionaries_are_joined(tmp_path: Path, n: int, tags: int):
    async def talk(out: Outlet) -> None:
        for i in range(n):
            out.emit(rows(i, 1, tag=f"t{i % tags}"))

    async with running(Plant(tmp_path, Script("line", talk))) as plant:
        await plant.until(lambda: len(plant.got()) == n)
        names = [name for batch in plant.delivered for name in batch.rows.column("tag").to_pylist()]
        assert names == [f"t{i % tags}" for i in range(n)]


async def test_a_sender_is_answered_when_its_rows_are_on_disk_and_soon(tmp_path: Path):
    kept: list[dict[tuple[str, str], int]] = []

    async def talk(out: Outlet) -> None:
        async def send(i: int) -> None:
            out.emit(rows(i, 1))
            await out.kept()
            kept.append(plant.buffer.received())

        await asyncio.gather(*(send(i) for i in range(20)))

    plant = Plant(tmp_path, Script("line", talk), flush="1h")
    async with running(plant):
        await plant.until(lambda: len(kept) == 20)
    assert kept == [{("line", "a"): 20}] * 20, "one commit for all who waited together, long before `flush`"


async def test_a_sender_waits_as_long_as_the_disk_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    kept = asyncio.Event()

    async def talk(out: Outlet) -> None:
        out.emit(rows(0, 1))
        await out.kept()
        kept.set()

    plant = Plant(tmp_path, Script("line", talk))
    whole = plant.buffer.put_all

    def refuse(_batches: object, **_: object) -> None:
        raise BufferRefused("no space left on device")

    monkeypatch.setattr(plant.buffer, "put_all", refuse)
    async with running(plant):
        await plant.until(lambda: [event for event in plant.events if event.key == "buffer:refused"])
        assert not kept.is_set()
        monkeypatch.setattr(plant.buffer, "put_all", whole)
        async with asyncio.timeout(10):
            await kept.wait()
        assert plant.buffer.received() == {("line", "a"): 1}
