"""The OPC UA source against an asyncua server in this process: what machines do wrong must be told and stop nothing."""

from __future__ import annotations

import asyncio
import math
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from asyncua import Server, ua

from lineshaft.connect import SourceState, source_plugins
from lineshaft.connect.sources.opcua import OpcuaOptions, OpcuaSource
from lineshaft.connect.sources.opcua.subscription import refused
from lineshaft.core import ConfigError, Quality, now_ns
from tests.connect.checks import check_source
from tests.connect.conftest import Ear, Proxy, listening

pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed transport:ResourceWarning"),  # asyncua leaves closing dead ones to the collector
    pytest.mark.asyncio(loop_scope="module"),  # one server for all: an asyncua server takes seconds to start
]


class Machine:
    """A server with variables of namespace 2 that a test writes."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def __aenter__(self) -> Machine:  # noqa: PYI034
        self.server = Server()
        await self.server.init()
        self.server.set_endpoint(f"opc.tcp://127.0.0.1:{self.port}/machine")
        self.server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        await self.server.register_namespace("urn:test")
        self.nodes: dict[str, Any] = {}
        await self.add("Speed", 1.0, ua.VariantType.Double)
        await self.server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.server.stop()

    async def add(self, tag: str, value: Any, kind: Any) -> None:
        parent = self.server.nodes.objects
        self.nodes[tag] = await parent.add_variable(ua.NodeId(tag, 2), tag, ua.Variant(value, kind), datatype=ua.NodeId(24))

    async def write(
        self, tag: str, value: Any, kind: Any = ua.VariantType.Double, *, at: datetime | None = None, status: int = 0
    ) -> None:
        data = ua.DataValue(ua.Variant(value, kind), ua.StatusCode(status), at or datetime.now(UTC))
        space, node = self.server.iserver.aspace, self.nodes[tag].nodeid
        space._nodes[node].attributes[ua.AttributeIds.Value].value = None  # a controller loaded anew may change a type
        assert (await space.write_attribute_value(node, ua.AttributeIds.Value, data)).is_good()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def started() -> AsyncIterator[Machine]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    async with Machine(port) as machine:
        yield machine


@pytest_asyncio.fixture(loop_scope="module")
async def machine(started: Machine) -> Machine:
    await started.write("Speed", 1.0)
    return started


def source(port: int, *tags: str, **options: Any) -> OpcuaSource:
    given = {"security": "None", "publishing_interval": "20ms", "sampling_interval": "0ms", "timeout": "1s", "keepalive": "500ms"}
    nodes = tuple(f"ns=2;s={tag}" for tag in tags)
    return OpcuaSource("machine", OpcuaOptions(url=f"opc.tcp://127.0.0.1:{port}/machine", nodes=nodes, **(given | options)))


async def test_values_arrive_with_the_machines_own_time(machine: Machine):
    at = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    async with listening(source(machine.port, "Speed")) as ear:
        await ear.until(ear.values)
        await machine.write("Speed", 7.5, at=at)
        await ear.until(lambda: len(ear.values()) == 2)
        assert ear.values()[-1] == ("ns=2;s=Speed", int(at.timestamp()) * 10**9 + 678_901_000, 7.5, Quality.GOOD)
        assert ear.state is SourceState.CONNECTED


async def test_one_unknown_node_makes_only_that_tag_bad(machine: Machine):
    async with listening(source(machine.port, "Speed", "Sped")) as ear:
        await ear.until(ear.values)
        assert ear.statuses[-1].state is SourceState.DEGRADED
        assert ear.statuses[-1].tags_ok == 1
        assert ear.statuses[-1].tags_bad == {"ns=2;s=Sped": refused("BadNodeIdUnknown")}


async def test_a_text_that_is_no_node_id_says_how_to_write_one(machine: Machine):
    options = {"nodes": ("Speed", "ns=2;s=Speed")}
    both = OpcuaSource("machine", source(machine.port, "Speed").options.model_copy(update=options))
    async with listening(both) as ear:
        await ear.until(ear.values)
        assert "write for example ns=2;s=Oven/Temperature" in ear.statuses[-1].tags_bad["Speed"]


async def test_a_change_of_type_goes_to_the_column_of_the_new_type(machine: Machine):
    async with listening(source(machine.port, "Speed")) as ear:
        await ear.until(ear.values)
        await machine.write("Speed", 5, ua.VariantType.Int32)
        await machine.write("Speed", "fast", ua.VariantType.String)
        await machine.write("Speed", True, ua.VariantType.Boolean)
        await ear.until(lambda: len(ear.values()) == 4)
        assert ear.of("ns=2;s=Speed") == [1.0, 5, "fast", True]
        assert [batch.column("vi").null_count == batch.num_rows for batch in ear.rows].count(False) == 1


async def test_nan_future_and_bad_pass_on_for_the_store_to_judge(machine: Machine):
    later = datetime.now(UTC) + timedelta(days=3)
    async with listening(source(machine.port, "Speed")) as ear:
        await ear.until(ear.values)
        await machine.write("Speed", math.nan)
        await machine.write("Speed", 2.0, at=later)
        await machine.write("Speed", None, ua.VariantType.Null, status=ua.StatusCodes.BadSensorFailure)
        await ear.until(lambda: len(ear.values()) == 4)
        _, nan, future, bad = ear.values()
        assert math.isnan(nan[2])  # type: ignore[arg-type]
        assert future[1] > now_ns() + 10**9 * 86_400
        assert bad[2:] == (None, Quality.BAD)
        assert ear.rows[-1].column("code").to_pylist()[-1] == ua.StatusCodes.BadSensorFailure >> 16


async def test_an_equal_value_with_a_new_time_is_heard_only_if_asked_for(machine: Machine):
    async with (
        listening(source(machine.port, "Speed")) as plain,
        listening(source(machine.port, "Speed", trigger="status_value_timestamp")) as every,
    ):
        await plain.until(plain.values)
        await every.until(every.values)
        at = datetime.now(UTC)
        for i in range(1, 4):
            data = ua.DataValue(ua.Variant(1.0, ua.VariantType.Double), ua.StatusCode(0), at + timedelta(seconds=i))
            await machine.server.iserver.aspace.write_attribute_value(machine.nodes["Speed"].nodeid, ua.AttributeIds.Value, data)
        await machine.write("Speed", 2.0)
        await every.until(lambda: len(every.values()) == 5)
        await plain.until(lambda: len(plain.values()) == 2)
        assert plain.of("ns=2;s=Speed") == [1.0, 2.0]


async def test_a_queue_that_overflows_is_told(machine: Machine):
    async with listening(source(machine.port, "Speed", queue_size=2)) as ear:
        await ear.until(ear.values)
        await machine.write("Speed", 2.0, status=0x480)
        await ear.until(lambda: "overflowed 1 times: raise queue_size" in ear.statuses[-1].message)
        assert ear.state is SourceState.DEGRADED


async def test_a_cut_line_loses_nothing_here_either(machine: Machine):
    async with Proxy(machine.port) as proxy, listening(source(proxy.port, "Speed")) as ear:
        await ear.until(ear.values)
        proxy.cut()
        await ear.until(lambda: ear.state is SourceState.DOWN)
        for i in range(100):
            await machine.write("Speed", 100.0 + i)
        proxy.open()
        await ear.until(lambda: len(ear.values()) == 101)
        assert ear.of("ns=2;s=Speed") == [1.0, *(100.0 + i for i in range(100))]


async def test_a_subscription_the_server_has_dropped_is_made_anew(machine: Machine):
    async with listening(source(machine.port, "Speed")) as ear:
        await ear.until(ear.values)
        service = machine.server.iserver.subscription_service
        await service.delete_subscriptions(list(service.subscriptions))
        await ear.until(lambda: ear.state is SourceState.CONNECTING or len(ear.statuses) > 3)
        await ear.until(lambda: ear.state is SourceState.CONNECTED)
        await machine.write("Speed", 33.0)
        await ear.until(lambda: ear.of("ns=2;s=Speed")[-1] == 33.0)


async def test_a_server_that_appears_later_and_restarts_is_found(free_port: int):
    async with listening(source(free_port, "Speed")) as ear:
        await ear.until(lambda: ear.state is SourceState.DOWN)
        assert "nobody listens at this address" in ear.statuses[-1].message
        for _ in range(2):
            async with Machine(free_port):
                mark = len(ear.values())
                await ear.until(lambda mark=mark: len(ear.values()) > mark)
                await ear.until(lambda: ear.state is SourceState.CONNECTED)
            await ear.until(lambda: ear.state is SourceState.DOWN)


async def test_a_gateway_without_room_leaves_the_values_at_the_machine(machine: Machine):
    class Full(Ear):
        room = asyncio.Event()

        async def ready(self) -> None:
            await self.room.wait()

    async with listening(source(machine.port, "Speed"), Full()) as ear:
        await ear.until(lambda: ear.state is SourceState.CONNECTED)
        for i in range(50):
            await machine.write("Speed", float(i))
        assert ear.values() == []
        Full.room.set()
        await ear.until(lambda: len(ear.values()) == 51)


async def test_a_missing_password_names_the_variable(machine: Machine):
    async with listening(source(machine.port, "Speed", user="me", password_env="NOBODY_SET_THIS")) as ear:
        await ear.until(lambda: ear.state is SourceState.DOWN)
        assert "NOBODY_SET_THIS is not set" in ear.statuses[-1].message


async def test_it_keeps_the_rules_of_every_source(machine: Machine):
    url = f"opc.tcp://127.0.0.1:{machine.port}/machine"
    await check_source("opcua", {"url": url, "nodes": ["ns=2;s=Speed"], "security": "None"})


async def test_unknown_plugin_is_named_with_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'opcua'"):
        source_plugins().load("opcu")
