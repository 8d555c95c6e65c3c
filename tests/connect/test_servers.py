"""Simulators in every protocol: what they show is heard by our own source and, the same, by a client nobody here wrote."""

from __future__ import annotations

import asyncio
import json
import math
import shutil
import struct
import tomllib
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from lineshaft.connect import Source, SourceEntry, SourceState
from lineshaft.connect.simulator import make_server
from lineshaft.connect.wire import Server, Value, Wire
from lineshaft.core import ConfigError, now_ns
from tests.connect.conftest import Ear, listening
from tests.counterparts.mosquitto import mosquitto
from tests.counterparts.programs import MEND, python

FOLDER = Path(__file__).parents[1] / "counterparts"
TAGS: dict[str, tuple[Wire, Value]] = {
    "Oven/Temperature": ("double", 181.5),
    "Oven/Good": ("uint32", 4_000_000_000),
    "Oven/Offset": ("int32", -7),
    "Cooler/Coolant pump/Total": ("integer", -(2**40)),
    "Oven/On": ("boolean", True),
    "Oven/Recipe": ("string", "Butterkeks groß"),
}
FIRST = {tag: value for tag, (_, value) in TAGS.items()}
SECOND: dict[str, Value] = {"Oven/Temperature": -2.25, "Oven/Good": 5, "Oven/Offset": 8, "Oven/On": False, "Oven/Recipe": "Zimt"}


@pytest.fixture
def broker(tmp_path: Path, free_port: int) -> Iterator[int]:
    with mosquitto(tmp_path, free_port) as one:
        yield one.port


@asynccontextmanager
async def shown(protocol: str, port: int, tags: dict[str, tuple[Wire, Value]] = TAGS) -> AsyncGenerator[Server]:
    server = make_server(protocol, port, "bakery")
    await server.start(tags, writable=["Oven/Temperature", "Oven/On"])
    try:
        yield server
    finally:
        await server.stop()


def hearing(server: Server) -> Source:
    return SourceEntry.model_validate(tomllib.loads(server.source())["sources"][0]).build()


def told(ear: Ear) -> dict[str, object]:
    """The last good value of each tag, by the names the simulator gave them."""
    found = {tag: value for tag, _, value, q in ear.values() if q == 0}
    return {
        tag.removeprefix("bakery/Simulator/").removeprefix("bakery/").replace(":", "/"): value for tag, value in found.items()
    }


async def check(protocol: str, port: int) -> None:
    async with shown(protocol, port) as server, listening(hearing(server)) as ear:
        await ear.until(lambda: ear.state is SourceState.CONNECTED, 30)
        await server.write([("Oven/Offset", -7)], now_ns())  # a host that comes late hears of a node by its first word
        await ear.until(lambda: told(ear) == FIRST, 30)
        await server.write(list(SECOND.items()), now_ns())
        await ear.until(lambda: told(ear) == FIRST | SECOND, 30)
        assert server.listeners() == len(TAGS)
        await server.write([("Oven/Temperature", None)], now_ns())
        await ear.until(lambda: "Oven/Temperature" in [tag for tag, q in said(ear) if q == 2], 30)


def said(ear: Ear) -> list[tuple[str, int]]:
    """Names and quality of every row; no value, or a NaN where the protocol knows nothing better, counts as bad."""
    rows = [
        (tag, 2 if value is None or (isinstance(value, float) and math.isnan(value)) else q) for tag, _, value, q in ear.values()
    ]
    return [(tag.removeprefix("bakery/Simulator/").removeprefix("bakery/"), q) for tag, q in rows]


@pytest.mark.parametrize("protocol", ["modbus", "s7"])
async def test_what_is_shown_in_a_memory_is_heard(protocol: str, free_port: int):
    await check(protocol, free_port)


@pytest.mark.counterpart
@pytest.mark.parametrize("protocol", ["mqtt", "sparkplug"])
async def test_what_is_shown_at_a_broker_is_heard(protocol: str, broker: int):
    await check(protocol, broker)


async def test_without_a_broker_it_says_what_to_do(free_port: int):
    with pytest.raises(ConfigError, match="no MQTT broker answers") as refused:
        async with shown("mqtt", free_port):
            pass
    assert "start one there first" in refused.value.hint


async def run(*command: str | Path, text: str = "") -> str:
    process = await asyncio.create_subprocess_exec(*map(str, command), stdin=-1, stdout=-1, stderr=-1)
    out, errors = await asyncio.wait_for(process.communicate(text.encode()), 60)
    assert process.returncode == 0, errors.decode() + out.decode()
    return out.decode()


def places(server: Server) -> dict[str, str]:
    return {tag["name"]: tag["at"] for tag in tomllib.loads(server.source())["sources"][0]["tags"]}


@pytest.mark.counterpart
async def test_mbpoll_reads_and_writes_the_same(free_port: int):
    mbpoll = shutil.which("mbpoll")
    if mbpoll is None:
        pytest.skip("mbpoll is not here: `apt-get install mbpoll`")
    async with shown("modbus", free_port) as server:
        at = {tag: int(place.partition(":")[2]) for tag, place in places(server).items()}

        async def ask(kind: str, first: int, count: int, *words: str) -> list[str]:
            where = ["-m", "tcp", "-p", str(free_port), "-a", "1", "-0", "-1", "-t", kind, "-r", str(first)]
            read = [] if words else ["-c", str(count)]
            answer = await run(mbpoll, *where, *read, "127.0.0.1", *words)
            return [line.split(":", 1)[1].split()[0] for line in answer.splitlines() if line.startswith("[")]

        words = [int(word, 16) for word in await ask("4:hex", at["Oven/Temperature"], 4)]
        assert struct.unpack(">d", struct.pack(">4H", *words)) == (181.5,)
        words = [int(word, 16) for word in await ask("4:hex", at["Oven/Good"], 2)]
        assert struct.unpack(">I", struct.pack(">2H", *words)) == (4_000_000_000,)
        assert await ask("0", at["Oven/On"], 1) == ["1"]
        await ask("0", at["Oven/On"], 1, "0")
        assert await server.read("Oven/On") is False
        with pytest.raises(AssertionError, match="Illegal data address"):
            await ask("4:hex", at["Oven/Good"], 1, "1")
        with pytest.raises(AssertionError, match="Illegal data address"):
            await ask("4:hex", 60_000, 1)
        with pytest.raises(AssertionError, match="Illegal function"):
            await ask("3:hex", 0, 1)


@pytest.mark.counterpart
async def test_the_c_snap7_client_reads_the_same(free_port: int):
    interpreter = python("snap7")
    if interpreter is None:
        pytest.skip(f"the C snap7 is not here: {MEND}")
    async with shown("s7", free_port) as server:
        data = bytes.fromhex(await run(interpreter, FOLDER / "s7_client.py", str(free_port), "90"))
        at = {tag: int(place.split(".")[1].lstrip("DBXW")) for tag, place in places(server).items()}
        assert struct.unpack_from(">d", data, at["Oven/Temperature"]) == (181.5,)
        assert struct.unpack_from(">q", data, at["Cooler/Coolant pump/Total"]) == (-(2**40),)
        assert struct.unpack_from(">i", data, at["Oven/Offset"]) == (-7,)
        assert data[at["Oven/On"]] == 1
        text = data[at["Oven/Recipe"] :]
        assert text[2 : 2 + text[1]].decode() == "Butterkeks groß"


def subscriber() -> str:
    found = shutil.which("mosquitto_sub")
    if found is None:
        pytest.skip("mosquitto_sub is not here: `apt-get install mosquitto-clients`")
    return found


@pytest.mark.counterpart
async def test_mosquitto_sub_hears_the_same(broker: int):
    program = subscriber()
    async with shown("mqtt", broker):
        out = await run(program, "-p", str(broker), "-t", "bakery/#", "-C", str(len(TAGS)), "-W", "20", "-F", "%t\t%p")
    said = {topic: json.loads(body) for topic, body in (line.split("\t") for line in out.splitlines())}
    assert {topic.removeprefix("bakery/"): body["value"] for topic, body in said.items()} == FIRST
    assert {body["quality"] for body in said.values()} == {"good"}


@pytest.mark.counterpart
async def test_tahus_own_library_understands_births_data_and_death(broker: int, node: Path, npm_counterparts: Path):
    program = subscriber()
    words = ["-oL", program, "-d", "-p", str(broker), "-t", "spBv1.0/#", "-F", "%t %x", "-W", "60", "-C", "5"]
    process = await asyncio.create_subprocess_exec("stdbuf", *words, stdout=-1)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            while not (await process.stdout.readline()).startswith(b"Subscribed"):
                pass
            async with shown("sparkplug", broker) as server:
                await server.write([("Oven/Offset", -9)], now_ns())
            said, _ = await process.communicate()
    finally:
        with suppress(ProcessLookupError):
            process.kill()
    lines = "\n".join(line for line in said.decode().splitlines() if line.startswith("spBv1.0/"))
    out = await run(node, npm_counterparts / "sparkplug_decode.cjs", text=lines)
    messages: list[dict[str, Any]] = [json.loads(line) for line in out.splitlines()]
    kinds = [one["topic"].split("/")[2] for one in messages]
    assert kinds == ["NBIRTH", "DBIRTH", "DBIRTH", "DDATA", "NDEATH"]
    assert [int(one.get("seq", 0)) for one in messages[:4]] == [0, 1, 2, 3], "Tahu leaves a 0 out"
    births = {metric["name"]: metric["value"] for one in messages[:3] for metric in one["metrics"]}
    assert births["Temperature"] == 181.5
    assert births["Offset"] == -7
    assert births["Recipe"] == "Butterkeks groß"
    ends = [metric["value"] for one in (messages[0], messages[-1]) for metric in one["metrics"] if metric["name"] == "bdSeq"]
    assert ends[0] == ends[1], "the death has the bdSeq of its birth"
