"""S7: how absolute addresses are written, and the source against the original C snap7."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest
from pydantic import ValidationError

from lineshaft.connect import Source, SourceEntry, SourceState
from lineshaft.connect.image import Kind
from lineshaft.connect.s7_tags import address
from lineshaft.connect.sources.s7 import S7Options, S7Tag
from lineshaft.connect.sources.s7.s7 import plan
from lineshaft.core import Quality
from tests.connect.checks import check_source
from tests.connect.conftest import Ear, Proxy, listening
from tests.counterparts.programs import MEND, python, running

SERVER = Path(__file__).parents[1] / "counterparts" / "s7_server.py"
SPEAKS = (SourceState.CONNECTED, SourceState.DEGRADED)  # degraded: a slow test machine leaves rounds out
TAGS: list[dict[str, Any]] = [
    {"name": "Speed", "at": "DB1.DBD40", "type": "real"},
    {"name": "Bit", "at": "DB2.DBX0.1"},
    {"name": "Other bit", "at": "DB2.DBX0.0"},
    {"name": "Count", "at": "DB2.DBW2", "type": "int", "scale": 0.5},
    {"name": "Exact", "at": "DB2.DBD8", "type": "lreal"},
    {"name": "Order", "at": "DB2.DBB16", "type": "string", "length": 10},
    {"name": "Marker", "at": "MW4"},
]


@pytest.mark.parametrize(
    ("text", "area", "block", "byte", "bit", "kind"),
    [
        ("DB5.DBD10", "DB", 5, 10, None, Kind.UINT32),
        ("db5.dbx0.3", "DB", 5, 0, 3, Kind.BOOL),
        ("DB 5.DBW 2", "DB", 5, 2, None, Kind.UINT16),
        ("MW4", "M", 0, 4, None, Kind.UINT16),
        ("M4.7", "M", 0, 4, 7, Kind.BOOL),
        ("E0.3", "I", 0, 0, 3, Kind.BOOL),
        ("AB12", "Q", 0, 12, None, Kind.UINT8),
    ],
)
def test_addresses_are_read_as_step_7_writes_them(text: str, area: str, block: int, byte: int, bit: int | None, kind: Kind):
    where = address(text)
    assert (where.area, where.block, where.byte, where.bit, where.kind) == (area, block, byte, bit, kind)


@pytest.mark.parametrize(
    ("tag", "why"),
    [
        ({"at": "DB5.10"}, "no S7 address"),
        ({"at": "DB5.DBX10"}, "a bit is written"),
        ({"at": "DB5.DBW10.1"}, "a bit is written"),
        ({"at": "DB5.DBD10", "type": "float"}, "no type we know"),
        ({"at": "DB5.DBD10", "type": "bool"}, "a bool lies at a bit"),
        ({"at": "DB5.DBD10", "type": "int"}, "larger than"),
        ({"at": "DB5.DBB10", "type": "string"}, "length"),
    ],
)
def test_a_wrong_tag_says_why(tag: dict[str, Any], why: str):
    with pytest.raises(ValidationError, match=why):
        S7Tag.model_validate({"name": "t", **tag})


def test_a_data_block_is_asked_in_one_request():
    options = S7Options.model_validate({"host": "plc", "tags": TAGS})
    (group,) = plan(options.tags, options)
    assert [(block.space.name, block.start, block.count) for block in group.blocks] == [
        ("DB1 byte", 40, 4),
        ("DB2 byte", 0, 28),
        ("M byte", 4, 2),
    ]


@pytest.fixture
def controller(free_port: int) -> Iterator[tuple[int, Popen[str]]]:
    interpreter = python("snap7")
    if interpreter is None:
        pytest.skip(f"the C snap7 is not here: {MEND}")
    with running(interpreter, SERVER, str(free_port)) as process:
        yield free_port, process


def source(port: int, tags: list[dict[str, Any]] = TAGS, **more: Any) -> Source:
    entry = {"name": "press", "type": "s7", "host": "127.0.0.1", "port": port, "tags": tags, "every": "50ms", **more}
    return SourceEntry.model_validate(entry).build()


def latest(ear: Ear) -> dict[str, object]:
    return {tag: value for tag, _, value, _ in ear.values()}


@pytest.mark.counterpart
async def test_it_keeps_the_rules_of_every_source(controller: tuple[int, Popen[str]]):
    await check_source("s7", {"host": "127.0.0.1", "port": controller[0], "tags": TAGS, "every": "50ms"})


@pytest.mark.counterpart
async def test_every_type_is_read_and_a_change_is_seen(controller: tuple[int, Popen[str]]):
    port, process = controller
    async with listening(source(port)) as ear:
        await ear.until(lambda: len(latest(ear)) == len(TAGS))
        expected = {"Speed": 15.0, "Bit": True, "Other bit": False, "Count": -3.5, "Exact": 2.5, "Order": "LS-07", "Marker": 4711}
        assert latest(ear) == expected
        assert process.stdin is not None
        process.stdin.write("real 10 99.5\n")
        process.stdin.flush()
        await ear.until(lambda: latest(ear)["Speed"] == 99.5)


@pytest.mark.counterpart
async def test_what_the_cpu_refuses_is_named_and_stops_no_other(controller: tuple[int, Popen[str]]):
    tags = [*TAGS, {"name": "No such block", "at": "DB99.DBD0"}, {"name": "Beyond", "at": "DB2.DBD80"}]
    async with listening(source(controller[0], tags, gap=100)) as ear:
        await ear.until(lambda: ear.state is SourceState.DEGRADED and len(latest(ear)) == len(TAGS))
        assert set(ear.statuses[-1].tags_bad) == {"No such block", "Beyond"}
        assert "refuses" in ear.statuses[-1].tags_bad["Beyond"]
        assert ear.statuses[-1].tags_ok == len(TAGS)


@pytest.mark.counterpart
async def test_a_cut_line_and_a_black_hole_come_back(controller: tuple[int, Popen[str]]):
    async with Proxy(controller[0]) as proxy, listening(source(proxy.port, timeout="500ms")) as ear:
        await ear.until(lambda: len(latest(ear)) == len(TAGS))
        for trouble in (proxy.cut, proxy.hole):
            trouble()
            await ear.until(lambda: ear.state is SourceState.DOWN)
            assert {q for _, _, value, q in ear.values() if value is None} == {Quality.BAD}
            proxy.open()
            await ear.until(lambda: ear.state in SPEAKS)
