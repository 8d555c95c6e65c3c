"""The Modbus writer, behind the one gate all writes pass, against libmodbus."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lineshaft.connect import SourcesSettings, Writer, WriterSettings
from lineshaft.core import Forbidden, InvalidInput, NotFound, Retryable
from tests.connect.test_modbus_counterpart import libmodbus

pytestmark = pytest.mark.counterpart
TAGS: list[dict[str, Any]] = [
    {"name": "Setpoint", "at": "holding:100", "type": "float32", "order": "CDAB"},
    {"name": "Speed", "at": "holding:110", "type": "int16", "scale": 0.1},
    {"name": "Enable", "at": "coil:4"},
    {"name": "Mode bit", "at": "holding:120.3"},
    {"name": "Recipe", "at": "holding:130", "type": "string", "length": 8},
    {"name": "Measured", "at": "input:5"},
    {"name": "Beyond", "at": "holding:2003"},
]
LIMITED = {"minimum": -100, "maximum": 100, "every": "0s"}
FREE = {"every": "0s"}


@pytest.fixture
def port(free_port: int) -> Iterator[int]:
    with libmodbus("tcp", str(free_port)):
        yield free_port


def writer(port: int) -> Writer:
    limits = {"Setpoint": LIMITED, "Speed": LIMITED, "Measured": LIMITED, "Beyond": LIMITED, "Missing": LIMITED}
    names = [*limits, "Enable", "Mode bit", "Recipe"]
    allow = [{"source": "press", "tag": name, **limits.get(name, FREE)} for name in names]
    entry = {"name": "press", "type": "modbus", "url": f"tcp://127.0.0.1:{port}", "tags": TAGS, "timeout": "2s"}
    settings = WriterSettings.model_validate({"dry_run": False, "allow": allow})
    return Writer(settings, SourcesSettings.model_validate([entry]))


@pytest.mark.parametrize(
    ("tag", "before", "value"),
    [
        ("Setpoint", None, 21.5),
        ("Speed", 11.0, -7.3),
        ("Enable", False, True),
        ("Mode bit", True, False),
        ("Recipe", None, "BREAD"),
    ],
)
async def test_a_value_is_written_in_its_own_type_and_read_back(port: int, tag: str, before: object, value: float | bool | str):
    done = await writer(port).write("press", tag, value)
    assert done.ok
    assert done.after == pytest.approx(value) if isinstance(value, float) else done.after == value
    assert before is None or done.before == pytest.approx(before)


async def test_a_bit_leaves_its_neighbours_alone(port: int):
    await writer(port).write("press", "Mode bit", value=False)
    plain = SourcesSettings.model_validate(
        [{"name": "press", "type": "modbus", "url": f"tcp://127.0.0.1:{port}", "tags": [{"name": "Word", "at": "holding:120"}]}]
    )
    allow = WriterSettings.model_validate(
        {"dry_run": True, "allow": [{"source": "press", "tag": "Word", "minimum": 0, "maximum": 1}]}
    )
    assert (await Writer(allow, plain).write("press", "Word", 1)).before == 120 & ~8


async def test_what_must_not_be_is_refused_with_the_reason(port: int):
    gate = writer(port)
    with pytest.raises(Forbidden, match="may not be written"):
        await gate.write("press", "Else", 1)
    with pytest.raises(InvalidInput, match="outside"):
        await gate.write("press", "Setpoint", 1_000)
    with pytest.raises(InvalidInput, match="does not fit"):
        await gate.write("press", "Speed", 0.05)
    with pytest.raises(InvalidInput, match="read only"):
        await gate.write("press", "Measured", 1)
    with pytest.raises(NotFound, match="no tag"):
        await gate.write("press", "Missing", 1)
    with pytest.raises(Retryable, match="exception 2"):
        await gate.write("press", "Beyond", 1)


async def test_a_controller_that_is_away_is_told(free_port: int):
    with pytest.raises(Retryable, match="cannot be reached"):
        await writer(free_port).write("press", "Setpoint", 1)
