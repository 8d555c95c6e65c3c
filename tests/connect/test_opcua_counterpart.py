"""The OPC UA source against node-opcua, a server nobody here wrote."""

from __future__ import annotations

import asyncio
import math
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lineshaft.connect import SourceState
from lineshaft.connect.sources.opcua import OpcuaOptions, OpcuaSource
from lineshaft.connect.sources.opcua.subscription import refused
from tests.connect.conftest import Proxy, listening

pytestmark = [
    pytest.mark.counterpart,
    # asyncua's transports are closed by their owner's garbage collection when a server dies under them
    pytest.mark.filterwarnings("ignore:unclosed transport:ResourceWarning"),
]
TAGS, HZ = 20, 10


class NodeOpcua:
    """The server as a process that can be killed and started again on the same port."""

    def __init__(self, node: Path, folder: Path, port: int, pki: Path) -> None:
        self.command = [node, folder / "opcua_server.mjs", str(port), str(TAGS), str(HZ), pki]
        self.folder, self.port, self.pki = folder, port, pki
        self.start()

    def start(self) -> None:
        log = self.pki.with_suffix(".log")
        with log.open("w") as errors:
            self.process = subprocess.Popen(self.command, cwd=self.folder, stdout=subprocess.PIPE, stderr=errors, text=True)
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("listening"):
                return
        pytest.fail(f"node-opcua did not start: {log.read_text()}")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture(scope="module")
def server(node: Path, npm_counterparts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeOpcua]:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = NodeOpcua(node, npm_counterparts, port, tmp_path_factory.mktemp("node") / "pki")
    yield server
    server.kill()


def source(port: int, nodes: list[str] | None = None, **options: object) -> OpcuaSource:
    nodes = [f"ns=1;s=v{i}" for i in range(TAGS)] if nodes is None else nodes
    given = {"security": "None", "sampling_interval": "0ms", "keepalive": "1s", "timeout": "2s"} | options
    return OpcuaSource("line", OpcuaOptions(url=f"opc.tcp://127.0.0.1:{port}/line", nodes=tuple(nodes), **given))


def gaps(values: list[float], tag: int) -> list[int]:
    """Counter steps missing between the first and the last value of a tag."""
    seen = [round(value - tag / TAGS) for value in values]
    assert seen == sorted(seen), "out of order"
    assert len(set(seen)) == len(seen), "something came twice"
    return sorted(set(range(seen[0], seen[-1] + 1)) - set(seen))


async def test_every_kind_of_value_arrives_in_its_column(server: NodeOpcua):
    names = "Boolean SByte Byte Int16 UInt16 Int32 UInt32 Int64 UInt64 Float Double NaN String DateTime"
    names += " ByteString Guid LocalizedText Array"
    nodes = [f"ns=1;s=x/{name}" for name in names.split()]
    async with listening(source(server.port, [*nodes, "ns=1;s=nobody"])) as ear:
        await ear.until(lambda: len(ear.values()) >= len(nodes))
        got = {tag.removeprefix("ns=1;s=x/"): value for tag, _, value, _ in ear.values()}
        assert ear.statuses[-1].tags_bad == {"ns=1;s=nobody": refused("BadNodeIdUnknown")}
        assert ear.statuses[-1].state is SourceState.DEGRADED
        assert ear.statuses[-1].tags_ok == len(nodes)
    assert math.isnan(got.pop("NaN"))
    assert got == {
        "Boolean": True,
        "SByte": -7,
        "Byte": 200,
        "Int16": -30000,
        "UInt16": 60000,
        "Int32": -2000000000,
        "UInt32": 4000000000,
        "Int64": 7,
        "UInt64": 1 << 32,
        "Float": 0.5,
        "Double": 1e-300,
        "String": "Straße 7 \U0001f35e",
        "DateTime": "2026-01-02T03:04:05.678Z",
        "ByteString": "AQL/",
        "Guid": "72962b91-fa75-4ae6-8d28-b404dc7daf63",
        "LocalizedText": "Ofen",
        "Array": "[1.0,2.5]",
    }
    assert got["Boolean"] is True


@pytest.mark.parametrize("seconds", [5])
async def test_a_cut_line_loses_nothing(server: NodeOpcua, seconds: float):
    async with Proxy(server.port) as proxy, listening(source(proxy.port)) as ear:
        await ear.until(lambda: len(ear.of("ns=1;s=v0")) > HZ)
        proxy.cut()
        await ear.until(lambda: ear.state is SourceState.DOWN)
        await asyncio.sleep(seconds)  # the cut has to last: what is tested is what happens meanwhile
        proxy.open()
        await ear.until(lambda: ear.state is SourceState.CONNECTED)
        mark = len(ear.of("ns=1;s=v0"))
        await ear.until(lambda: len(ear.of("ns=1;s=v0")) > mark + seconds * HZ + HZ)
        assert {tag: gaps(ear.of(f"ns=1;s=v{tag}"), tag) for tag in range(TAGS)} == {tag: [] for tag in range(TAGS)}


async def test_a_black_hole_is_noticed_and_loses_nothing(server: NodeOpcua):
    async with Proxy(server.port) as proxy, listening(source(proxy.port, timeout="1s")) as ear:
        await ear.until(lambda: len(ear.of("ns=1;s=v0")) > HZ)
        proxy.hole()
        await ear.until(lambda: ear.state is SourceState.DOWN)
        proxy.cut()
        proxy.open()
        await ear.until(lambda: ear.state is SourceState.CONNECTED)
        mark = len(ear.of("ns=1;s=v3"))
        await ear.until(lambda: len(ear.of("ns=1;s=v3")) > mark + 2 * HZ)
        assert gaps(ear.of("ns=1;s=v3"), 3) == []


async def test_a_server_that_was_killed_and_came_back_is_heard_again(server: NodeOpcua):
    async with listening(source(server.port)) as ear:
        await ear.until(lambda: len(ear.of("ns=1;s=v0")) > 3)
        server.kill()
        await ear.until(lambda: ear.state is SourceState.DOWN)
        await asyncio.to_thread(server.start)
        await ear.until(lambda: ear.state is SourceState.CONNECTED, 30)
        mark = len(ear.rows)
        await ear.until(lambda: len(ear.rows) > mark + 3)


async def test_browsing_finds_every_variable(server: NodeOpcua):
    async with listening(source(server.port, [], browse=True)) as ear:
        await ear.until(lambda: ear.state is SourceState.CONNECTED)
        assert ear.statuses[-1].tags_ok >= TAGS + 18
        await ear.until(lambda: ear.of("ns=1;s=x/String"))


@pytest.mark.parametrize("policy", ["Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss"])
async def test_signed_and_encrypted_with_a_user(server: NodeOpcua, policy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LINESHAFT_HOME", str(tmp_path))
    monkeypatch.setenv("LINE_PASSWORD", "password1")
    user = {"user": "user1", "password_env": "LINE_PASSWORD", "trust": "first-sight"}
    async with listening(source(server.port, security=policy, **user)) as ear:
        await ear.until(lambda: len(ear.of("ns=1;s=v0")) > 2)
    assert (tmp_path / "pki" / "trusted" / "line.der").exists()


async def test_a_refused_password_is_told_in_plain_words(server: NodeOpcua, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LINESHAFT_HOME", str(tmp_path))
    monkeypatch.setenv("LINE_PASSWORD", "wrong")
    user = {"user": "user1", "password_env": "LINE_PASSWORD", "trust": "first-sight"}
    async with listening(source(server.port, security="Basic256Sha256", **user)) as ear:
        await ear.until(lambda: ear.state is SourceState.DOWN)
        assert "the server refuses us: BadUserAccessDenied" in ear.statuses[-1].message
