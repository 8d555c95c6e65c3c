"""SiteWise's cold tier and bulk import: files as it writes them come in, and what goes out comes in again the same."""

from __future__ import annotations

import json
from pathlib import Path

import fastavro
import pyarrow as pa
import pytest

from lineshaft.core import ConfigError
from lineshaft.store import Aim, Reading, Store, write_cold_tier
from lineshaft.store.coldtier import schema
from tests.store.conftest import Home
from tests.store.giving import SECOND, T0
from tests.store.test_bulk import errors, values

GOLDEN = Path(__file__).parent / "golden"
AVRO = GOLDEN / "raw_oven-temperature_1767225600_GOOD.avro"
"""Ten records with every type, all three qualities, a corrected one (version 2 before 1) and one of an unknown quality."""


def test_the_golden_file_of_the_cold_tier_is_read(store: Store, tmp_path: Path):
    file = tmp_path / AVRO.name
    file.write_bytes(AVRO.read_bytes())
    done = store.imports.take(file, Reading(), Aim("sitewise"))
    assert (done.total, done.stored, done.rejected) == (9, 8, {"quality": 1})
    assert errors(file) == [(10, "quality")]
    found = {
        tag: values(store, tag, "sitewise") for tag in ("oven/temperature", "oven/state", "oven/on", "oven/recipe", "oven/json")
    }
    assert found == {
        "oven/temperature": [(T0, 180.5, 0), (T0 + SECOND + 123_456_789, 181.0, 0), (T0 + 2 * SECOND, -1.0, 2)],
        "oven/state": [(T0, 1, 1), (T0 + SECOND, 2**31 - 1, 0)],
        "oven/on": [(T0, True, 0)],
        "oven/recipe": [(T0, "007", 0)],
        "oven/json": [(T0, '{"a": 1}', 0)],
    }
    assert store.imports.take(file, Reading(), Aim("sitewise")).again


def test_what_is_written_is_what_the_golden_description_says(tmp_path: Path):
    stamps = pa.array([T0, T0 + 500, T0 + 3600 * SECOND]).cast(pa.timestamp("ns", "UTC"))
    table = pa.table({"timestamp": stamps, "value": [1.5, None, 2.5], "quality": ["good", "bad", "good"]})
    assert write_cold_tier(tmp_path, "Site/Oven/Temperature", [table.slice(0, 1), table.slice(1)], 7) == (3, 3)
    said = json.loads((GOLDEN / "cold-tier.json").read_text())
    found = {}
    for path in tmp_path.rglob("*.avro"):
        with path.open("rb") as file:
            reader = fastavro.reader(file)
            assert reader.codec == "snappy"
            assert [field["name"] for field in reader.writer_schema["fields"]] == said["fields"]
            found[path.relative_to(tmp_path).as_posix()] = list(reader)
    assert found == said["files"]
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize(
    "given",
    [[1.5, -2.25, 1e300], [1, 2**31, -5], [True, False, True], ["007", "", 'a,b\n"c"']],
    ids=["double", "integer", "boolean", "string"],
)
def test_out_and_in_again(home: Home, tmp_path: Path, given: list[object]):
    store = home.store()
    stamps = pa.array([T0 + 1, T0 + 40 * 60 * SECOND, T0 + 90 * 60 * SECOND + 7]).cast(pa.timestamp("ns", "UTC"))
    table = pa.table({"timestamp": stamps, "value": given, "quality": ["good", "uncertain", "bad"]})
    write_cold_tier(tmp_path / "out", "x/y", [table], 1)
    for path in sorted((tmp_path / "out").rglob("*.avro")):
        assert not store.imports.take(path, Reading(), Aim("back")).rejected
    kept = [(ts, value, q) for (ts, value, q) in zip(stamps.cast(pa.int64()).to_pylist(), given, range(3), strict=True)]
    assert values(store, "x/y", "back") == kept


def test_an_hour_that_lies_on_two_pages_is_one_file(tmp_path: Path):
    stamps = pa.array([T0 + n * SECOND for n in range(5000)]).cast(pa.timestamp("ns", "UTC"))
    table = pa.table({"timestamp": stamps, "value": list(range(5000)), "quality": ["good"] * 5000})
    pages = [table.slice(n, 999) for n in range(0, 5000, 999)]
    assert write_cold_tier(tmp_path, "s", pages, 1) == (5000, 2)
    assert write_cold_tier(tmp_path / "none", "s", [], 1) == (0, 0)


def test_avro_of_something_else_and_a_torn_file_are_told(store: Store, tmp_path: Path):
    other = tmp_path / "other.avro"
    with other.open("wb") as file:
        shape = {"name": "X", "type": "record", "fields": [{"name": "a", "type": "int"}]}
        fastavro.writer(file, fastavro.parse_schema(shape), [{"a": 1}])
    with pytest.raises(ConfigError, match="not raw values"):
        store.imports.take(other, Reading(), Aim())
    torn = tmp_path / "torn.avro"
    torn.write_bytes(AVRO.read_bytes()[:-20])
    with pytest.raises(ConfigError, match="cannot be read"):
        store.imports.take(torn, Reading(), Aim())
    empty = tmp_path / "empty.avro"
    with empty.open("wb") as file:
        fastavro.writer(file, fastavro.parse_schema(schema()), [])
    assert store.imports.take(empty, Reading(), Aim()).stored == 0
