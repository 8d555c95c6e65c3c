"""Modbus registers a CPU-second of ours, from libmodbus (C) on loopback into columns, beside pymodbus alone."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path

from pymodbus.client import AsyncModbusTcpClient

from bench.node import free_port
from bench.row import Row, more_is_better
from lineshaft.connect.memory import MemoryDevice
from lineshaft.connect.sources.modbus.line import ModbusLine
from lineshaft.connect.sources.modbus.modbus import plan
from lineshaft.connect.sources.modbus.options import ModbusOptions

NAME = "modbus"
REGISTERS, ROUNDS, PROMISED = 1_000, 400, 1_500_000
SERVER = Path(__file__).resolve().parents[1] / "tests" / "counterparts" / "modbus_server.py"


def run() -> list[Row]:
    port = free_port()
    with subprocess.Popen([sys.executable, SERVER, "tcp", str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout is not None
            server.stdout.readline()
            ours, rows = asyncio.run(_ours(port))
            theirs = asyncio.run(_theirs(port))
        finally:
            server.kill()
    if rows != ROUNDS * REGISTERS // 2:
        raise AssertionError(f"{rows} values of {ROUNDS * REGISTERS // 2}")
    return [
        more_is_better(f"{NAME}/registers as float32, decoded and in columns", ours, "registers/CPU-s", "promised", PROMISED),
        more_is_better(f"{NAME}/beside pymodbus alone, not decoded", ours, "registers/CPU-s", "pymodbus", theirs),
    ]


async def _ours(port: int) -> tuple[float, int]:
    tags = [{"name": f"t{i}", "at": f"holding:{2 * i}", "type": "float32"} for i in range(REGISTERS // 2)]
    options = ModbusOptions.model_validate({"url": f"tcp://127.0.0.1:{port}", "tags": tags, "requests_per_second": 1e6})
    device = MemoryDevice(options.url, plan(options.tags, options), ModbusLine(options), 60.0)
    await device.open()
    for _ in range(20):
        await device.read(0, time.time_ns())  # warm
    rows = 0
    began = time.process_time()
    for _ in range(ROUNDS):
        answer = await device.read(0, time.time_ns())
        rows += sum(batch.num_rows for batch in answer.rows)
    used = time.process_time() - began
    await device.close()
    return ROUNDS * REGISTERS / used, rows


async def _theirs(port: int) -> float:
    client = AsyncModbusTcpClient("127.0.0.1", port=port)
    await client.connect()
    for _ in range(20):
        await client.read_holding_registers(0, count=125)
    began = time.process_time()
    for _ in range(ROUNDS):
        for start in range(0, REGISTERS, 125):
            await client.read_holding_registers(start, count=125)
    used = time.process_time() - began
    client.close()
    return ROUNDS * REGISTERS / used
