"""The writer: nothing goes to a machine that is not allowed, within limits, not too soon, permitted - and read back."""

from __future__ import annotations

import math
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from asyncua import Server, ua

from lineshaft.connect import SourcesSettings
from lineshaft.connect.writer import Writer, WriterSettings
from lineshaft.core import Conflict, Forbidden, InvalidInput, LineshaftError, NotFound, Retryable

pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed transport:ResourceWarning"),  # asyncua closes by garbage collection
    pytest.mark.asyncio(loop_scope="module"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def machine() -> AsyncIterator[tuple[str, dict[str, Any]]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"opc.tcp://127.0.0.1:{port}/oven"
    server = Server()
    await server.init()
    server.set_endpoint(url)
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    await server.register_namespace("urn:test")
    nodes: dict[str, Any] = {}
    for tag, value, kind, writable in (
        ("Set", 180.0, ua.VariantType.Double, True),
        ("Speed", 3, ua.VariantType.Int16, True),
        ("On", True, ua.VariantType.Boolean, True),
        ("Locked", 1.0, ua.VariantType.Double, False),
    ):
        nodes[tag] = await server.nodes.objects.add_variable(ua.NodeId(tag, 2), tag, ua.Variant(value, kind))
        if writable:
            await nodes[tag].set_writable()
    async with server:
        yield url, nodes


def writer(url: str, *, permissive=lambda *_: "", dry_run: bool = False, **limits: Any) -> Writer:
    allow = [
        {"source": "oven", "tag": "ns=2;s=Set", "minimum": 100, "maximum": 250, "every": "0s"} | limits,
        {"source": "oven", "tag": "ns=2;s=Speed", "minimum": 0, "maximum": 40_000, "every": "0s"},
        {"source": "oven", "tag": "ns=2;s=On", "every": "0s"},
        {"source": "oven", "tag": "ns=2;s=Locked", "minimum": 0, "maximum": 9, "every": "0s"},
        {"source": "oven", "tag": "ns=2;s=Nobody", "minimum": 0, "maximum": 9, "every": "0s"},
        {"source": "oven", "tag": "ns=2;s=Free"},
        {"source": "gone", "tag": "x", "values": [1]},
    ]
    sources = SourcesSettings.model_validate(
        [{"name": "oven", "type": "opcua", "url": url, "security": "None", "nodes": ["i=1"]}]
    )
    return Writer(WriterSettings.model_validate({"dry_run": dry_run, "allow": allow}), sources, permissive)


async def test_a_written_value_is_read_back(machine: tuple[str, dict[str, Any]]):
    url, nodes = machine
    await nodes["Set"].write_value(180.0)
    done = await writer(url).write("oven", "ns=2;s=Set", 200.0)
    assert (done.before, done.after, done.ok, done.dry_run) == (180.0, 200.0, True, False)
    assert await nodes["Set"].read_value() == 200.0


async def test_a_whole_number_and_a_switch_keep_the_machines_type(machine: tuple[str, dict[str, Any]]):
    url, nodes = machine
    assert (await writer(url).write("oven", "ns=2;s=Speed", 7.0)).ok
    assert (await writer(url).write("oven", "ns=2;s=On", False)).ok
    assert (await nodes["Speed"].read_data_value()).Value.VariantType == ua.VariantType.Int16
    assert await nodes["On"].read_value() is False


async def test_a_dry_run_writes_nothing_and_is_the_default(machine: tuple[str, dict[str, Any]]):
    url, nodes = machine
    before = await nodes["Set"].read_value()
    done = await writer(url, dry_run=True).write("oven", "ns=2;s=Set", 222.0)
    assert (done.after, done.ok, done.dry_run) == (before, False, True)
    assert await nodes["Set"].read_value() == before
    assert WriterSettings().dry_run


@pytest.mark.parametrize(
    ("tag", "value", "error", "code"),
    [
        ("ns=2;s=Sett", 200.0, Forbidden, "write.not-allowed"),
        ("ns=2;s=Set", 251.0, InvalidInput, "write.limits"),
        ("ns=2;s=Set", math.nan, InvalidInput, "write.limits"),
        ("ns=2;s=Set", "hot", InvalidInput, "write.type"),
        ("ns=2;s=Speed", 1.5, InvalidInput, "write.type"),
        ("ns=2;s=Speed", 40_000, InvalidInput, "write.type"),
        ("ns=2;s=Free", 5, Forbidden, "write.limits"),
        ("ns=2;s=Locked", 5.0, Retryable, "write.refused"),
    ],
)
async def test_what_must_not_be_written_is_not(
    machine: tuple[str, dict[str, Any]], tag: str, value: Any, error: type[LineshaftError], code: str
):
    with pytest.raises(error) as caught:
        await writer(machine[0]).write("oven", tag, value)
    assert caught.value.code == code
    assert caught.value.where


async def test_a_permissive_that_does_not_hold_refuses(machine: tuple[str, dict[str, Any]]):
    with pytest.raises(Conflict, match="lock-out on the oven"):
        await writer(machine[0], permissive=lambda *_: "lock-out on the oven").write("oven", "ns=2;s=Set", 200.0)


async def test_two_writes_too_close_together_are_refused(machine: tuple[str, dict[str, Any]]):
    slow = writer(machine[0], every="1h")
    await slow.write("oven", "ns=2;s=Set", 200.0)
    with pytest.raises(Conflict, match="a moment ago"):
        await slow.write("oven", "ns=2;s=Set", 201.0)


async def test_an_unknown_source_and_a_server_that_is_away(machine: tuple[str, dict[str, Any]]):
    with pytest.raises(NotFound):
        await writer(machine[0]).write("gone", "x", 1)
    with pytest.raises(Retryable, match="cannot be reached"):
        await writer("opc.tcp://127.0.0.1:9/x").write("oven", "ns=2;s=Set", 200.0)
