"""The S7 and EtherNet/IP writers, behind the one gate of all writes, against the C snap7 and a Logix server nobody here wrote."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lineshaft.connect import SourcesSettings, Writer, WriterSettings
from lineshaft.core import Forbidden, InvalidInput, NotFound, Retryable
from tests.connect.test_ethernet_ip import SERVER as LOGIX
from tests.connect.test_s7 import SERVER as SNAP7
from tests.counterparts.programs import MEND, python, running

pytestmark = pytest.mark.counterpart
S7_TAGS: list[dict[str, Any]] = [
    {"name": "Setpoint", "at": "DB1.DBD40", "type": "real"},
    {"name": "Speed", "at": "DB2.DBW2", "type": "int", "scale": 0.1},
    {"name": "Exact", "at": "DB2.DBD8", "type": "lreal"},
    {"name": "On", "at": "DB2.DBX0.0"},
    {"name": "Neighbour", "at": "DB2.DBX0.1"},
    {"name": "Recipe", "at": "DB2.DBB16", "type": "string", "length": 10},
    {"name": "Marker", "at": "MW4"},
    {"name": "Beyond", "at": "DB2.DBD80", "type": "real"},
    {"name": "Input", "at": "IW4"},
]
LOGIX_TAGS: list[dict[str, Any]] = [
    {"at": "Speed", "name": "Belt speed", "scale": 2.0},
    {"at": "Count"},
    {"at": "SCADA[10]", "count": 3},
    {"at": "Missing"},
]
LIMITED = {"minimum": -100_000, "maximum": 100_000, "every": "0s"}


def gate(entry: dict[str, Any], free: tuple[str, ...] = (), dry: bool = False) -> Writer:
    names = [tag.get("name", tag["at"]) for tag in entry["tags"]]
    labels = [label for name in names for label in ([f"SCADA[{i}]" for i in (10, 11, 12)] if name == "SCADA[10]" else [name])]
    allow = [{"source": "plc", "tag": name, **({"every": "0s"} if name in free else LIMITED)} for name in [*labels, "Nowhere"]]
    settings = WriterSettings.model_validate({"dry_run": dry, "allow": allow})
    return Writer(settings, SourcesSettings.model_validate([entry]))


@pytest.fixture
def s7(free_port: int) -> Iterator[dict[str, Any]]:
    interpreter = python("snap7")
    if interpreter is None:
        pytest.skip(f"the C snap7 is not here: {MEND}")
    with running(interpreter, SNAP7, str(free_port)):
        yield {"name": "plc", "type": "s7", "host": "127.0.0.1", "port": free_port, "tags": S7_TAGS}


@pytest.fixture
def logix(free_port: int) -> Iterator[dict[str, Any]]:
    interpreter = python("ethernetip")
    if interpreter is None:
        pytest.skip(f"the Logix server is not here: {MEND}")
    with running(interpreter, LOGIX, str(free_port)):
        yield {"name": "plc", "type": "ethernet_ip", "host": "127.0.0.1", "port": free_port, "tags": LOGIX_TAGS}


async def test_s7_values_are_written_in_their_own_type_and_read_back(s7: dict[str, Any]):
    writer = gate(s7, ("On", "Neighbour", "Recipe"))
    for tag, before, value in [
        ("Setpoint", 15.0, 21.5),
        ("Speed", -0.7, 12.3),
        ("Exact", 2.5, 1e-9),
        ("On", False, True),
        ("Recipe", "LS-07", "BREAD"),
        ("Marker", 4711, 65_535),
    ]:
        done = await writer.write("plc", tag, value)
        assert (done.ok, done.before, done.after) == (True, pytest.approx(before), pytest.approx(value)), tag
    assert (await gate(s7, ("Neighbour",), dry=True).write("plc", "Neighbour", value=False)).before is True, (
        "a bit leaves its neighbours"
    )
    await writer.write("plc", "On", value=False)
    assert (await gate(s7, ("Neighbour",), dry=True).write("plc", "Neighbour", value=False)).before is True


async def test_s7_refusals_are_told_with_the_reason(s7: dict[str, Any]):
    writer = gate(s7)
    with pytest.raises(Forbidden, match="may not be written"):
        await writer.write("plc", "Else", 1)
    with pytest.raises(InvalidInput, match="outside"):
        await writer.write("plc", "Setpoint", 1e9)
    with pytest.raises(InvalidInput, match="does not fit"):
        await writer.write("plc", "Speed", 99_999)
    with pytest.raises(InvalidInput, match="is an input"):
        await writer.write("plc", "Input", 1)
    with pytest.raises(NotFound, match="no tag"):
        await writer.write("plc", "Nowhere", 1)
    with pytest.raises(Retryable, match="refuses"):
        await writer.write("plc", "Beyond", 1)


async def test_logix_values_are_written_in_their_own_type_and_read_back(logix: dict[str, Any]):
    writer = gate(logix)
    for tag, before, value in [("Belt speed", 145.0, 21.5), ("Count", 7, -12), ("SCADA[11]", 0, 4711)]:
        done = await writer.write("plc", tag, value)
        assert (done.ok, done.before, done.after) == (True, pytest.approx(before), pytest.approx(value)), tag
    rest = gate(logix, dry=True)
    assert [(await rest.write("plc", f"SCADA[{i}]", 1)).before for i in (10, 11, 12)] == [0, 4711, 0]


async def test_logix_refusals_are_told_with_the_reason(logix: dict[str, Any]):
    writer = gate(logix)
    with pytest.raises(InvalidInput, match="does not fit"):
        await writer.write("plc", "Count", 0.5)
    with pytest.raises(InvalidInput, match="outside"):
        await writer.write("plc", "Count", 2**40)
    with pytest.raises(Retryable, match="the controller says"):
        await writer.write("plc", "Missing", 1)
    with pytest.raises(NotFound, match="no tag"):
        await writer.write("plc", "Nowhere", 1)


@pytest.mark.parametrize("kind", ["s7", "ethernet_ip"])
async def test_a_controller_that_is_away_is_told(free_port: int, kind: str):
    tags = S7_TAGS if kind == "s7" else LOGIX_TAGS
    away = {"name": "plc", "type": kind, "host": "127.0.0.1", "port": free_port, "tags": tags, "timeout": "500ms"}
    with pytest.raises(Retryable):
        await gate(away).write("plc", "Setpoint" if kind == "s7" else "Count", 1)
