"""The book of sources: tried, added, changed, paused and removed while the gateway runs; what a page may not reach for."""

from __future__ import annotations

import asyncio
import contextlib
import tomllib
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from lineshaft import guard
from lineshaft.connect import MIGRATIONS, Gateway, GatewaySettings, SourceBook, SourcesSettings, kinds, open_buffer
from lineshaft.connect.simulator import make_server
from lineshaft.connect.wire import Server, Value, Wire
from lineshaft.core import Batch, Bus, Conflict, Database, Forbidden, InvalidInput, NotFound, SystemEvent

TAGS: dict[str, tuple[Wire, Value]] = {"Oven/Temperature": ("double", 181.5), "Oven/On": ("boolean", True)}


class House:
    """A gateway that runs, its book, and what was delivered."""

    def __init__(self, db: Database, home: Path) -> None:
        self.db, self.home = db, home
        self.delivered: list[Batch] = []
        self.events: list[SystemEvent] = []
        bus, settings = Bus(), GatewaySettings.model_validate({"flush": "10ms", "restart_delay": "10ms"})
        bus.on(SystemEvent, self.events.append, "test")
        self.buffer = open_buffer(home / "edge.db", settings)
        written = SourcesSettings.model_validate([{"name": "old", "type": "modbus", "url": "tcp://127.0.0.1:1", "tags": [TAG]}])
        self.gateway = Gateway(written.build(), self.buffer, settings, bus)
        self.gateway.deliver = self.deliver
        self.book = SourceBook(db, self.gateway, written, home)

    def deliver(self, batches: list[Batch]) -> int:
        self.delivered += batches
        return len(batches)

    def heard(self, source: str) -> int:
        return sum(batch.rows.num_rows for batch in self.delivered if batch.source == source)

    async def do(self, run: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        """Change something as a door does: in a thread, in a transaction."""

        def work() -> dict[str, Any]:
            with self.db.begin() as tx:
                return run(tx)

        return await asyncio.to_thread(work)

    async def until(self, true: Callable[[], Any], seconds: float = 30) -> None:
        async with asyncio.timeout(seconds):
            while not true():  # noqa: ASYNC110 - the gateway hands over in a thread of its own
                await asyncio.sleep(0.02)


TAG = {"name": "T", "at": "holding:0"}


@asynccontextmanager
async def house(database: Database, home: Path) -> AsyncGenerator[House]:
    database.migrate({"guard": guard.MIGRATIONS, "connect": MIGRATIONS})
    one = House(database, home)
    task = asyncio.create_task(one.gateway.run())
    await asyncio.sleep(0)
    try:
        yield one
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        one.buffer.close()


@asynccontextmanager
async def oven(port: int) -> AsyncGenerator[tuple[Server, dict[str, Any]]]:
    server = make_server("modbus", port, "oven")
    await server.start(TAGS)
    options = tomllib.loads(server.source())["sources"][0]
    try:
        yield server, {name: value for name, value in options.items() if name not in ("name", "type")}
    finally:
        await server.stop()


async def test_a_source_is_read_once_added_paused_and_removed_while_the_node_runs(
    database: Database, tmp_path: Path, free_port: int
):
    async with oven(free_port) as (_, options), house(database, tmp_path) as plant:
        book = plant.book
        tried = await asyncio.to_thread(book.rehearse, "oven", "modbus", options)
        assert tried["state"] == "connected"
        assert [(one["tag"], one["value"]) for one in tried["items"]] == [("Oven/On", True), ("Oven/Temperature", 181.5)]
        assert plant.heard("oven") == 0, "a rehearsal keeps nothing"
        made = await plant.do(lambda tx: book.add(tx, "oven", "modbus", options, "Anna"))
        await plant.until(lambda: plant.heard("oven") >= 2)
        row = next(row for row in book.all() if row["name"] == "oven")
        assert (row["written"], row["by"], row["status"].tags_ok) == ("here", "Anna", 2)
        await plant.do(lambda tx: book.change(tx, made["id"], 1, None, paused=True))
        await plant.until(lambda: "oven" not in [source.name for source in plant.gateway.sources()])
        assert next(row for row in book.all() if row["name"] == "oven")["status"].message.startswith("paused")
        before = plant.heard("oven")
        slower = {**options, "every": "500ms"}
        await plant.do(lambda tx: book.change(tx, made["id"], 2, slower, paused=False))
        await plant.until(lambda: plant.heard("oven") >= before + 2)
        with pytest.raises(Conflict):
            await plant.do(lambda tx: book.change(tx, made["id"], 1, options, paused=False))
        await plant.do(lambda tx: book.remove(tx, made["id"]))
        await plant.until(lambda: [source.name for source in plant.gateway.sources()] == ["old"])
        assert [row["name"] for row in book.all()] == ["old"]
        assert plant.gateway.received()["oven", "Oven/On"] == plant.heard("oven") // 2, "what it said is accounted for"
        with pytest.raises(NotFound):
            await plant.do(lambda tx: book.remove(tx, made["id"]))


async def test_what_was_added_begins_again_with_the_node(database: Database, tmp_path: Path, free_port: int):
    async with oven(free_port) as (_, options):
        async with house(database, tmp_path) as plant:
            await plant.do(lambda tx: plant.book.add(tx, "oven", "modbus", options, "Anna"))
            await plant.do(lambda tx: plant.book.add(tx, "spare", "modbus", options, "Anna"))
            with database.begin() as tx:
                tx.exec_driver_sql("UPDATE added_source SET type = 'gone' WHERE name = 'spare'")
        async with house(database, tmp_path) as plant:
            plant.book.start()
            await plant.until(lambda: plant.heard("oven") >= 2)
            assert [event.key for event in plant.events if event.severity == "error"] == ["source:spare"]


@pytest.mark.parametrize(
    ("name", "kind", "options", "error", "why"),
    [
        ("old", "modbus", {"url": "tcp://h:1", "tags": [TAG]}, Conflict, "a source 'old' already"),
        ("derived", "modbus", {"url": "tcp://h:1", "tags": [TAG]}, InvalidInput, "is the name of what is computed"),
        ("x", "modbsu", {}, InvalidInput, "no plugin 'modbsu'"),
        ("x", "modbus", {"url": "tcp://h:1"}, InvalidInput, "at least one tag"),
        ("x", "modbus", {"url": "tcp://h:1", "tags_file": "/etc/passwd"}, Forbidden, "lies below the home"),
        ("x", "modbus", {"url": "tcp://h:1", "tags_file": "../tags.csv"}, Forbidden, "lies below the home"),
        ("x", "mqtt", {"url": "mqtt://h", "password_env": "LINESHAFT_ADMIN_PASSWORD"}, Forbidden, "begins with SOURCE_"),
        ("x", "mqtt", {"url": "mqtt://me:secret@h", "topics": []}, Forbidden, "holds no password"),
    ],
)  # fmt: skip
async def test_what_is_refused(
    database: Database, tmp_path: Path, name: str, kind: str, options: dict[str, Any], error: type[Exception], why: str
):
    async with house(database, tmp_path) as plant:
        with pytest.raises(error, match=why):
            await plant.do(lambda tx: plant.book.add(tx, name, kind, options, "Anna"))
        assert [source.name for source in plant.gateway.sources()] == ["old"]


async def test_a_machine_that_is_not_there_is_told_and_not_waited_for_long(database: Database, tmp_path: Path, free_port: int):
    async with house(database, tmp_path) as plant:
        options = {"url": f"tcp://127.0.0.1:{free_port}", "tags": [TAG]}
        tried = await asyncio.to_thread(plant.book.rehearse, "x", "modbus", options, 0.5)
        assert (tried["state"], tried["rows"]) == ("down", 0)
        assert "nobody answers" in tried["message"]
        again = await asyncio.to_thread(plant.book.rehearse_written, "old", 0.5)
        assert again["state"] == "down"
        with pytest.raises(NotFound):
            plant.book.rehearse_written("new")


def test_every_protocol_says_what_a_form_needs():
    found = {one["type"]: one for one in kinds()}
    assert {"opcua", "modbus", "ethernet_ip", "s7", "mqtt", "sparkplug"} <= set(found)
    for one in found.values():
        assert not one["problem"]
        assert one["about"]
        assert all(field.get("description") for field in one["options"]["properties"].values()), one["type"]
