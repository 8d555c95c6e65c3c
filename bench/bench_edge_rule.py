"""An edge rule's way from the decoded notification to the write request, above a bare echo loop in the same run.

Both hear node-opcua over OPC UA and write to it; the rule passes formula, allow-list, limits, rate, lock-out and book of deeds.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from bench.edging import machine
from bench.row import Row, less_is_better
from lineshaft.app.edge import SWITCH_S
from lineshaft.app.edge_parts import compiled
from lineshaft.connect import Gateway, GatewaySettings, SourcesSettings, WriterSettings, open_buffer
from lineshaft.connect.edge.deeds import Deeds
from lineshaft.connect.edge.rule import RuleEntry, Rules
from lineshaft.connect.writer import Writer
from lineshaft.connect.writers.opcua import OpcuaWriter, WriteOptions
from lineshaft.core import Bus

NAME = "edge-rule"
SECONDS, TURNS, PROMISED, TARGET = 5.0, 5, 5.0, "ns=1;s=x/Setpoint"
LIMITS = {"minimum": -1e12, "maximum": 1e12, "every": "0s", "expires": "2099-01-01T00:00:00Z"}


def run() -> list[Row]:
    sys.setswitchinterval(SWITCH_S)  # as the edge node does
    with machine(4, 20) as url, tempfile.TemporaryDirectory() as home:
        echo, rule = asyncio.run(_both(url, Path(home)))
    above = {q: float(np.percentile(rule, q) - np.percentile(echo, q)) for q in (50, 99)}
    return [
        Row(f"{NAME}/echo loop, p50", float(np.percentile(echo, 50)), "ms"),
        Row(f"{NAME}/echo loop, p99", float(np.percentile(echo, 99)), "ms"),
        Row(f"{NAME}/rule, p50", float(np.percentile(rule, 50)), "ms"),
        Row(f"{NAME}/rule, p99", float(np.percentile(rule, 99)), "ms"),
        Row(f"{NAME}/above the echo loop, p50", above[50], "ms"),
        less_is_better(f"{NAME}/above the echo loop, p99, of {len(rule)} writes", above[99], "ms", "promised", PROMISED),
    ]


class _Clock:
    """Notes when a notification was decoded, and when the write it caused was asked for."""

    def __init__(self) -> None:
        self.heard = 0
        self.took: list[float] = []

    def hears(self, then: Callable[[str, pa.RecordBatch], None]) -> Callable[[str, pa.RecordBatch], None]:
        def hear(source: str, rows: pa.RecordBatch) -> None:
            self.heard = (
                time.perf_counter_ns()
            )  # of the newest: a value that comes while a write is under way is what it writes next
            then(source, rows)

        return hear

    def watch(self) -> Callable[[], None]:
        """Watch every write request of the OPC UA writer; returns what ends it."""
        write = OpcuaWriter.write

        async def timed(writer: OpcuaWriter, tag: str, value: Any) -> None:
            self.took.append((time.perf_counter_ns() - self.heard) / 1e6)
            await write(writer, tag, value)

        OpcuaWriter.write = timed  # type: ignore[method-assign]

        def end() -> None:
            OpcuaWriter.write = write  # type: ignore[method-assign]

        return end


async def _both(url: str, home: Path) -> tuple[list[float], list[float]]:
    entry = {"name": "machine", "type": "opcua", "url": url, "security": "None", "nodes": ["ns=1;s=v0"]}
    sources = SourcesSettings.model_validate([{**entry, "publishing_interval": "20ms", "sampling_interval": "20ms"}])
    buffer = open_buffer(home / "edge.db", GatewaySettings())
    gateway = Gateway(sources.build("bench"), buffer, GatewaySettings(), Bus())
    running = asyncio.create_task(gateway.run())
    found: tuple[list[float], list[float]] = ([], [])
    for place, measured in [(0, _echo), (1, _rule)] * TURNS:
        clock = _Clock()
        end = clock.watch()
        await measured(gateway, clock, url, sources, home)
        end()
        found[place].extend(clock.took[5:])
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    buffer.close()
    return found


async def _echo(gateway: Gateway, clock: _Clock, url: str, _sources: SourcesSettings, _home: Path) -> None:
    """Write each value back as it comes and read it back, the newest next, with nothing else between."""
    writer = OpcuaWriter("machine", WriteOptions(url=url, security="None"))
    await writer.read(TARGET)
    tasks: set[asyncio.Task[None]] = set()
    wanted: list[float] = []

    async def carry_out() -> None:
        while wanted:
            await writer.write(TARGET, wanted.pop())
            await writer.read(TARGET)

    def hear(_source: str, rows: pa.RecordBatch) -> None:
        wanted[:] = [rows.column("v")[-1].as_py()]
        if not tasks:
            task = asyncio.get_running_loop().create_task(carry_out())
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    gateway.at_once = clock.hears(hear)
    await asyncio.sleep(SECONDS)
    gateway.at_once = None
    if tasks:
        await asyncio.wait(tasks)
    await writer.close()


async def _rule(gateway: Gateway, clock: _Clock, _url: str, sources: SourcesSettings, home: Path) -> None:
    """Write what a formula says, guarded."""
    about = {"name": "rule", "source": "machine", "formula": "v * 2 + 1", "inputs": {"v": "ns=1;s=v0"}}
    entry = RuleEntry.model_validate({**about, "target": "machine", "tag": TARGET, **LIMITS})
    deeds = Deeds(home / "deeds.db")
    writer = Writer(WriterSettings(dry_run=False, allow=(entry.allowed(),)), sources, lambda _s, _t, _v: "", hold=True)
    rules = Rules([entry], compiled, writer, deeds)
    await rules.begin()
    gateway.at_once = clock.hears(rules.hear)
    await asyncio.sleep(SECONDS)
    gateway.at_once = None
    await rules.end()
    deeds.close()
