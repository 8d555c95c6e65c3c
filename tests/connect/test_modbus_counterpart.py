"""The Modbus source against libmodbus (C, TCP and serial) and jsmodbus: neither was written here."""

from __future__ import annotations

import asyncio
import ctypes.util
import os
import pty
import subprocess
import sys
import termios
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from lineshaft.connect import Source, SourceEntry, SourceState
from lineshaft.core import Quality
from tests.connect.checks import check_source
from tests.connect.conftest import Ear, Proxy, listening
from tests.counterparts.programs import running

pytestmark = pytest.mark.counterpart
FOLDER = Path(__file__).parents[1] / "counterparts"
SPEAKS = (SourceState.CONNECTED, SourceState.DEGRADED)  # degraded: a slow test machine leaves rounds out
TAGS = [
    {"name": "Ten", "at": "holding:10"},
    {"name": "Twelve", "at": "40013"},
    {"name": "Doubled", "at": "input:7"},
    {"name": "Odd", "at": "coil:1"},
    {"name": "Even", "at": "discrete:2"},
]


@contextmanager
def libmodbus(*words: str) -> Iterator[subprocess.Popen[str]]:
    if ctypes.util.find_library("modbus") is None:
        pytest.skip("libmodbus is not here: `apt-get install libmodbus5`")
    with running(sys.executable, FOLDER / "modbus_server.py", *words) as process:
        yield process


def source(port: int, tags: list[dict[str, Any]], **more: Any) -> Source:
    entry = {"name": "chiller", "type": "modbus", "url": f"tcp://127.0.0.1:{port}", "tags": tags, "every": "50ms", **more}
    return SourceEntry.model_validate(entry).build()


def latest(ear: Ear) -> dict[str, object]:
    return {tag: value for tag, _, value, _ in ear.values()}


async def test_it_keeps_the_rules_of_every_source(free_port: int):
    with libmodbus("tcp", str(free_port)):
        await check_source("modbus", {"url": f"tcp://127.0.0.1:{free_port}", "tags": TAGS, "every": "50ms"})


async def test_every_table_is_read_and_a_change_is_seen(free_port: int):
    with libmodbus("tcp", str(free_port)) as server:
        async with listening(source(free_port, TAGS)) as ear:
            await ear.until(lambda: len(latest(ear)) == 5)
            assert latest(ear) == {"Ten": 10, "Twelve": 12, "Doubled": 14, "Odd": True, "Even": False}
            assert server.stdin is not None
            server.stdin.write("set 10 4711\n")
            server.stdin.flush()
            await ear.until(lambda: latest(ear)["Ten"] == 4711)
            assert ear.state in SPEAKS


async def test_a_register_that_does_not_exist_is_named_and_stops_no_other(free_port: int):
    tags = [*TAGS, {"name": "Beyond", "at": "holding:2003"}, {"name": "Last", "at": "holding:1999"}]
    with libmodbus("tcp", str(free_port)):
        async with listening(source(free_port, tags)) as ear:
            await ear.until(lambda: ear.state is SourceState.DEGRADED and len(latest(ear)) == 6)
            assert latest(ear)["Last"] == 1_999
            assert "illegal data address" in ear.statuses[-1].tags_bad["Beyond"]
            assert (ear.statuses[-1].tags_ok, "1 of 7 tags are bad" in ear.statuses[-1].message) == (6, True)


async def test_a_server_that_answers_with_nothing_is_not_believed(free_port: int, node: Path, npm_counterparts: Path):
    tags = [{"name": "In", "at": "holding:199"}, {"name": "Out", "at": "holding:205"}]
    with running(node, npm_counterparts / "modbus_jsmodbus.mjs", str(free_port)):
        async with listening(source(free_port, tags)) as ear:
            await ear.until(lambda: ear.state is SourceState.DEGRADED)
            assert latest(ear) == {"In": 199}
            assert set(ear.statuses[-1].tags_bad) == {"Out"}


async def test_a_cut_line_makes_its_tags_bad_once_and_comes_back(free_port: int):
    with libmodbus("tcp", str(free_port)):
        async with Proxy(free_port) as proxy, listening(source(proxy.port, TAGS)) as ear:
            await ear.until(lambda: len(latest(ear)) == 5)
            proxy.cut()
            await ear.until(lambda: ear.state is SourceState.DOWN)
            absent = [row for row in ear.values() if row[3] == Quality.BAD]
            assert sorted(tag for tag, *_ in absent) == sorted(str(tag["name"]) for tag in TAGS)
            assert all(value is None for _, _, value, _ in absent)
            before = len(ear.values())
            proxy.open()
            await ear.until(lambda: len(ear.values()) > before + 5 and ear.state in SPEAKS)
            assert len([row for row in ear.values() if row[3] == Quality.BAD]) == 5


async def test_a_black_hole_is_a_lost_line(free_port: int):
    with libmodbus("tcp", str(free_port)):
        async with Proxy(free_port) as proxy, listening(source(proxy.port, TAGS, timeout="300ms")) as ear:
            await ear.until(lambda: len(latest(ear)) == 5)
            proxy.hole()
            await ear.until(lambda: ear.state is SourceState.DOWN)
            assert "does not answer" in ear.statuses[-1].message
            proxy.open()
            await ear.until(lambda: ear.state in SPEAKS)


@contextmanager
def serial_line() -> Iterator[tuple[str, str]]:
    """Two serial devices joined by a null modem."""
    ends = [pty.openpty() for _ in range(2)]
    for pair in ends:
        for end in pair:
            tty.setraw(end, termios.TCSANOW)

    def carry(here: int, there: int) -> None:
        with suppress(OSError):
            while data := os.read(here, 4_096):
                os.write(there, data)

    for here, there in ((0, 1), (1, 0)):
        threading.Thread(target=carry, args=(ends[here][0], ends[there][0]), daemon=True).start()
    try:
        yield os.ttyname(ends[0][1]), os.ttyname(ends[1][1])
    finally:
        for pair in ends:
            for end in pair:
                os.close(end)


async def test_a_serial_line_and_a_unit_on_it_that_is_silent():
    with serial_line() as (ours, theirs), libmodbus("rtu", theirs, "7"):
        url = f"rtu://{ours}?baud=115200&parity=N"
        tags = [*TAGS, {"name": "Elsewhere", "at": "holding:1", "unit": 9}]
        async with listening(source(0, tags, url=url, unit=7, timeout="300ms")) as ear:
            await ear.until(lambda: ear.state is SourceState.DEGRADED and len(latest(ear)) == 5)
            assert latest(ear)["Twelve"] == 12
            assert "unit 9 does not answer" in ear.statuses[-1].tags_bad["Elsewhere"]
            await asyncio.sleep(0)


async def test_the_budget_of_the_controller_is_kept(free_port: int):
    tags = [{"name": f"t{i}", "at": f"holding:{i * 20}"} for i in range(10)]
    with libmodbus("tcp", str(free_port)):
        chosen = source(free_port, tags, gap=0, every="10ms", requests_per_second=100)
        async with listening(chosen) as ear:
            await ear.until(lambda: len(ear.values()) >= 100)
            first, last = ear.values()[0][1], ear.values()[99][1]
            assert last - first >= 0.5e9, "ten requests a round, a hundred a second: ten rounds take a second"
            await ear.until(lambda: "left out" in ear.statuses[-1].message)
