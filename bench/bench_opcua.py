"""OPC UA values a CPU-second of the client, from node-opcua on loopback into columns, beside asyncua's own callback."""

# pyright: reportPrivateImportUsage=false
from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
from asyncua import Client

from bench.node import free_port
from bench.row import Row, less_is_better, more_is_better
from lineshaft.connect import Gateway, GatewaySettings, Source, SourceEntry, SourceStatus, open_buffer
from lineshaft.core import Batch, Bus, Database
from lineshaft.store import Store, StoreSettings

NAME = "opcua"
TAGS, HZ, SECONDS, PROMISED, SHARE = 5_000, 10, 8.0, 1_000_000, 5.0
FOLDER = Path(__file__).resolve().parents[1] / "tests" / "counterparts"
NODE = Path(__file__).resolve().parents[1] / ".venv" / "bin" / "node"


def run() -> list[Row]:
    os.environ["LINESHAFT_BENCH_PASSWORD"] = "password1"
    with _server() as url, tempfile.TemporaryDirectory() as home:
        os.environ["LINESHAFT_HOME"] = home
        ours = asyncio.run(_ours(url, "None"))
        signed = asyncio.run(_ours(url, "Basic256Sha256"))
        theirs = asyncio.run(_theirs(url))
        rate, share = asyncio.run(_to_the_journal(url, Path(home) / "journal", shown=False))
        seen, whole = asyncio.run(_to_the_journal(url, Path(home) / "shown", shown=True))
    unit = "values/CPU-s"
    return [
        more_is_better(f"{NAME}/columns", ours, unit, "promised", PROMISED),
        more_is_better(f"{NAME}/columns, beside the callback", ours, unit, "asyncua handler", theirs),
        more_is_better(f"{NAME}/columns, SignAndEncrypt", signed, unit, "None", ours),
        Row(f"{NAME}/end to end, {TAGS} tags at {HZ} Hz, arrived", rate, "values/s"),
        less_is_better(f"{NAME}/end to end, to the journal", share, "% of a core", "promised", SHARE),
        less_is_better(f"{NAME}/end to end, a million values", share / rate * 1e4, "CPU s", "promised", 1.0),
        less_is_better(
            f"{NAME}/end to end, shown to readers too", whole / seen * 1e4, "CPU s", "journal only", share / rate * 1e4
        ),
    ]


@contextmanager
def _server() -> Iterator[str]:
    port = free_port()
    node = str(NODE) if NODE.exists() else shutil.which("node") or "node"
    with tempfile.TemporaryDirectory() as pki:
        command = [node, FOLDER / "opcua_server.mjs", str(port), str(TAGS), str(HZ), pki]
        with subprocess.Popen(command, cwd=FOLDER, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith("listening"):
                    break
            try:
                yield f"opc.tcp://127.0.0.1:{port}/line"
            finally:
                process.kill()


class _Counter:
    """An outlet that only counts."""

    def __init__(self) -> None:
        self.rows = 0
        self.heard = asyncio.Event()

    def emit(self, rows: pa.RecordBatch) -> None:
        self.rows += rows.num_rows
        self.heard.set()

    def status(self, status: SourceStatus) -> None:
        del status

    def reject(self, tag: str, reason: str, n: int = 1) -> None:
        raise AssertionError(f"{tag}: {reason} ({n})")

    async def ready(self) -> None:
        return

    async def kept(self) -> None:
        return


def _source(url: str, security: str) -> Source:
    entry: dict[str, Any] = {"name": "bench", "type": "opcua", "url": url, "security": security, "publishing_interval": "250ms"}
    entry |= {"nodes": [f"ns=1;s=v{i}" for i in range(TAGS)], "sampling_interval": "100ms", "queue_size": 10}
    if security != "None":
        entry |= {"user": "user1", "password_env": "LINESHAFT_BENCH_PASSWORD", "trust": "first-sight"}
    return SourceEntry.model_validate(entry).build()


async def _to_the_journal(url: str, home: Path, *, shown: bool) -> tuple[float, float]:
    """Return values a second through gateway, edge buffer and journal, and the share of a core it took.

    `shown`: they come into memory's table and the last values too, as in a node; nothing is derived from them, no page listens.
    """
    settings = GatewaySettings()
    buffer = open_buffer(home / "edge.db", settings)
    store = Store(home, None, Database(f"sqlite:///{home / 'l.db'}"), StoreSettings(), Bus())
    gateway = Gateway([_source(url, "None")], buffer, settings, Bus())

    def deliver(batches: list[Batch]) -> int:
        stored = store.append(batches)
        if shown:
            store.show(stored)
        return len(stored)

    gateway.deliver = deliver
    task = asyncio.create_task(gateway.run())
    while not sum(buffer.received().values()):  # noqa: ASYNC110 - what is awaited happens in the gateway's own threads
        await asyncio.sleep(0.2)
    await asyncio.sleep(3.0)
    before, began, clock = sum(buffer.received().values()), time.process_time(), time.perf_counter()
    await asyncio.sleep(SECONDS)
    used, elapsed = time.process_time() - began, time.perf_counter() - clock
    rate = (sum(buffer.received().values()) - before) / elapsed
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    buffer.close()
    store.close()
    return rate, used / elapsed * 100


async def _ours(url: str, security: str) -> float:
    source, out = _source(url, security), _Counter()
    task = asyncio.create_task(source.run(out))
    await out.heard.wait()
    await asyncio.sleep(2.0)
    before, began = out.rows, time.process_time()
    await asyncio.sleep(SECONDS)
    figure = (out.rows - before) / (time.process_time() - began)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return figure


class _Handler:
    """What asyncua's documentation shows."""

    def __init__(self) -> None:
        self.values = 0

    def datachange_notification(self, _node: object, _value: object, _data: object) -> None:
        self.values += 1


async def _theirs(url: str) -> float:
    async with Client(url) as client:
        handler = _Handler()
        subscription = await client.create_subscription(250, handler)
        nodes = [client.get_node(f"ns=1;s=v{i}") for i in range(TAGS)]
        for first in range(0, TAGS, 500):
            await subscription.subscribe_data_change(nodes[first : first + 500], queuesize=10, sampling_interval=100)
        await asyncio.sleep(2.0)
        before, began = handler.values, time.process_time()
        await asyncio.sleep(SECONDS)
        return (handler.values - before) / (time.process_time() - began)
