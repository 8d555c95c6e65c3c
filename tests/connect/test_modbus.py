"""Modbus: how registers are named, which are asked together, and golden layouts of real devices."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lineshaft.connect import SourceEntry
from lineshaft.connect.memory import halves
from lineshaft.connect.registers import place
from lineshaft.connect.sources.modbus import ModbusOptions, ModbusTag
from lineshaft.connect.sources.modbus.modbus import plan
from lineshaft.connect.taglist import read_tags
from lineshaft.core import ConfigError

CASES = sorted((Path(__file__).parent / "cases" / "modbus").glob("*.json"))
URL = "tcp://127.0.0.1:1"


def options(tags: list[dict[str, Any]], **more: Any) -> ModbusOptions:
    return ModbusOptions.model_validate({"url": URL, "tags": tags, **more})


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_a_device_is_read_as_its_manual_says(case: Path):
    told = json.loads(case.read_text(encoding="utf-8"))
    chosen = options(told["tags"])
    (group,) = plan(chosen.tags, chosen)
    picture = np.zeros(group.size, np.uint8)
    registers = np.frombuffer(bytes.fromhex(told["registers"]), np.uint8)
    picture[: len(registers)] = registers
    rows = group.image.rows(picture, 1)
    cells = [rows.column(name).to_pylist() for name in ("v", "vi", "vs", "vb")]
    values = [next((cell for cell in row if cell is not None), None) for row in zip(*cells, strict=True)]
    got = dict(zip(rows["tag"].to_pylist(), values, strict=True))
    assert got == {name: pytest.approx(value) if isinstance(value, float) else value for name, value in told["expected"].items()}


@pytest.mark.parametrize(
    ("text", "table", "address", "bit"),
    [
        ("holding:100", "holding", 100, None),
        ("40101", "holding", 100, None),
        ("400101", "holding", 100, None),
        ("30001", "input", 0, None),
        ("coil 3", "coil", 3, None),
        ("10008", "discrete", 7, None),
        ("00001", "coil", 0, None),
        ("Holding:7.15", "holding", 7, 15),
    ],
)
def test_registers_are_named_both_ways(text: str, table: str, address: int, bit: int | None):
    where = place(text)
    assert (where.table, where.address, where.bit) == (table, address, bit)


@pytest.mark.parametrize(
    ("tag", "why"),
    [
        ({"at": "holding:1", "type": "bool"}, "name its bit"),
        ({"at": "coil:1", "type": "int16"}, "one bit"),
        ({"at": "holding:65535", "type": "float32"}, "beyond the last"),
        ({"at": "40000"}, "first"),
        ({"at": "holding:1.16"}, "0 to 15"),
        ({"at": "register 5"}, "names no register"),
        ({"at": "holding:5", "type": "string"}, "length"),
        ({"at": "holding:5", "type": "int8"}, "16 bits"),
    ],
)
def test_a_wrong_tag_says_why(tag: dict[str, Any], why: str):
    with pytest.raises(ValidationError, match=why):
        ModbusTag.model_validate({"name": "t", **tag})


@given(
    st.lists(st.tuples(st.integers(0, 3_000), st.sampled_from(["uint16", "float32", "float64"])), min_size=1, max_size=60),
    st.integers(1, 125),
    st.integers(0, 30),
)
def test_blocks_cover_every_tag_whole_and_no_more_than_allowed(places: list[tuple[int, str]], block: int, gap: int):
    tags = [{"name": f"t{i}", "at": f"holding:{address}", "type": kind} for i, (address, kind) in enumerate(places)]
    chosen = options(tags, block=block, gap=gap)
    (group,) = plan(chosen.tags, chosen)
    seen: list[int] = []
    for made in group.blocks:
        assert made.count <= max(block, 4)
        for row in made.rows:
            place = group.places[row]
            assert made.start <= place.start
            assert place.start + place.size <= made.start + made.count
        seen += made.rows
    assert sorted(seen) == list(range(len(places)))


def test_a_thousand_neighbours_are_eight_requests_and_halves_find_the_stranger():
    chosen = options([{"name": f"t{i}", "at": f"holding:{i}"} for i in range(1_000)])
    (group,) = plan(chosen.tags, chosen)
    assert len(group.blocks) == 8
    assert [part.count for part in halves(group.places, group.blocks[0])] == [62, 63]


def test_units_tables_and_paces_are_asked_apart():
    chosen = options(
        [
            {"name": "a", "at": "holding:0"},
            {"name": "b", "at": "holding:1", "unit": 2},
            {"name": "c", "at": "input:2"},
            {"name": "d", "at": "holding:3", "every": "10s"},
        ]
    )
    fast, slow = plan(chosen.tags, chosen)
    assert (fast.every, slow.every) == (1.0, 10.0)
    assert sorted(str(made.space.key) for made in fast.blocks) == ["(1, 'holding')", "(1, 'input')", "(2, 'holding')"]


def test_a_tag_list_from_a_spreadsheet_tells_its_bad_lines_and_keeps_the_others(tmp_path: Path):
    file = tmp_path / "tags.csv"
    file.write_text(
        "name;at;type;scale\nT1;40001;int16;0,1\nT2;40002;int16;0.1\nT3;nowhere;;\nT2;40009;;\n", encoding="utf-8-sig"
    )
    tags, bad = read_tags(ModbusTag, (), str(file), lambda tag: tag.name, source="here")
    assert [tag.name for tag in tags] == ["T2"]
    assert "line 2" in bad["T1"]
    assert "names no register" in bad["T3"]
    assert "the first is asked" in bad["T2 (again)"]


def test_a_tag_list_that_is_not_there_or_has_strange_columns_is_refused_with_the_known_ones(tmp_path: Path):
    with pytest.raises(ConfigError, match="cannot be read"):
        read_tags(ModbusTag, (), str(tmp_path / "none.csv"), lambda tag: tag.name, source="here")
    file = tmp_path / "tags.csv"
    file.write_text("name,adress\nT1,40001\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="adress") as error:
        read_tags(ModbusTag, (), str(file), lambda tag: tag.name, source="here")
    assert "at" in str(error.value.hint)


def test_a_source_without_tags_is_refused():
    with pytest.raises(ConfigError, match="at least one tag"):
        SourceEntry.model_validate({"name": "m", "type": "modbus", "url": URL}).build()
