"""EtherNet/IP: how tags are named, and the source against a Logix server nobody here wrote."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest
from pydantic import ValidationError

from lineshaft.connect import Source, SourceEntry, SourceState
from lineshaft.connect.sources.ethernet_ip import LogixTag
from lineshaft.core import Quality
from tests.connect.checks import check_source
from tests.connect.conftest import Ear, Proxy, listening
from tests.counterparts.programs import MEND, python, running

SERVER = Path(__file__).parents[1] / "counterparts" / "logix_server.py"
SPEAKS = (SourceState.CONNECTED, SourceState.DEGRADED)  # degraded: a slow test machine leaves rounds out
TAGS: list[dict[str, Any]] = [
    {"at": "Speed", "name": "Belt speed", "scale": 2.0},
    {"at": "Count"},
    {"at": "SCADA[10]", "count": 3},
    *({"at": f"T{i}"} for i in range(150)),
]
LABELS = 2 + 3 + 150


@pytest.mark.parametrize(
    "at", ["Speed", "Motor.Speed", "Recipe[3]", "Grid[1,2].Value", "Status.5", "Program:Main.Step", "_a.b_c[0].d"]
)
def test_tags_are_named_as_in_logix(at: str):
    assert LogixTag(at=at).labels == [at]


@pytest.mark.parametrize("at", ["", "1Speed", "Motor..Speed", "Motor.", "Recipe[x]", "A B", "Program:.X"])
def test_what_is_no_tag_is_refused(at: str):
    with pytest.raises(ValidationError, match="names no Logix tag"):
        LogixTag(at=at)


def test_an_array_is_many_tags():
    assert LogixTag(at="SCADA[10]", count=3).labels == ["SCADA[10]", "SCADA[11]", "SCADA[12]"]
    assert LogixTag(at="SCADA", name="Heat", count=2).labels == ["Heat[0]", "Heat[1]"]


@pytest.fixture
def controller(free_port: int) -> Iterator[tuple[int, Popen[str]]]:
    interpreter = python("ethernetip")
    if interpreter is None:
        pytest.skip(f"the Logix server is not here: {MEND}")
    with running(interpreter, SERVER, str(free_port)) as process:
        yield free_port, process


def source(port: int, tags: list[dict[str, Any]] = TAGS, **more: Any) -> Source:
    entry = {"name": "belt", "type": "ethernet_ip", "host": "127.0.0.1", "port": port, "tags": tags, "every": "50ms", **more}
    return SourceEntry.model_validate(entry).build()


def latest(ear: Ear) -> dict[str, object]:
    return {tag: value for tag, _, value, _ in ear.values()}


@pytest.mark.counterpart
async def test_it_keeps_the_rules_of_every_source(controller: tuple[int, Popen[str]]):
    await check_source("ethernet_ip", {"host": "127.0.0.1", "port": controller[0], "tags": TAGS, "every": "50ms"})


@pytest.mark.counterpart
async def test_lists_arrays_and_changes_are_read(controller: tuple[int, Popen[str]]):
    port, process = controller
    async with listening(source(port)) as ear:
        await ear.until(lambda: len(latest(ear)) == LABELS)
        told = latest(ear)
        assert (told["Belt speed"], told["Count"], told["SCADA[11]"], told["T149"]) == (145.0, 7, 0, 149.0)
        assert process.stdin is not None
        process.stdin.write("count 4711\n")
        process.stdin.flush()
        await ear.until(lambda: latest(ear)["Count"] == 4711)


@pytest.mark.counterpart
async def test_a_tag_that_does_not_exist_is_named_and_stops_no_other(controller: tuple[int, Popen[str]]):
    async with listening(source(controller[0], [*TAGS, {"at": "Missing"}])) as ear:
        await ear.until(lambda: ear.state is SourceState.DEGRADED and len(latest(ear)) == LABELS)
        assert set(ear.statuses[-1].tags_bad) == {"Missing"}
        assert ear.statuses[-1].tags_ok == LABELS


@pytest.mark.counterpart
async def test_a_cut_line_and_a_black_hole_come_back(controller: tuple[int, Popen[str]]):
    async with Proxy(controller[0]) as proxy, listening(source(proxy.port, timeout="500ms")) as ear:
        await ear.until(lambda: len(latest(ear)) == LABELS)
        for trouble in (proxy.cut, proxy.hole):
            trouble()
            await ear.until(lambda: ear.state is SourceState.DOWN)
            assert {q for _, _, value, q in ear.values() if value is None} == {Quality.BAD}
            proxy.open()
            await ear.until(lambda: ear.state in SPEAKS)


@pytest.mark.counterpart
async def test_a_controller_is_never_asked_more_often_than_its_budget_allows(controller: tuple[int, Popen[str]]):
    began = time.monotonic()
    async with listening(source(controller[0], [{"at": "Count"}], every="10ms", requests_per_second=10)) as ear:
        await ear.until(lambda: len(ear.of("Count")) >= 15)
        assert len(ear.of("Count")) <= 12 + 10 * (time.monotonic() - began), "ten at once after a silence, then ten a second"
        assert time.monotonic() - began >= 0.3
