"""Files as a source: golden exports, files that grow, come late, come twice or are cut; nothing is lost or read twice."""

from __future__ import annotations

import asyncio
import csv
import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lineshaft.connect import Source, SourceEntry, SourceState
from lineshaft.connect.rehearsal import read_once
from lineshaft.connect.sources.files.options import FilesOptions
from lineshaft.connect.sources.files.reading import read_csv
from lineshaft.core import ConfigError, parse_time
from tests.connect.checks import check_source
from tests.connect.conftest import Ear, listening

CASES = sorted((Path(__file__).parent / "cases" / "files").glob("*.json"))
LONG_AGO = 1_700_000_000


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LINESHAFT_HOME", str(tmp_path))
    place = tmp_path / "in"
    place.mkdir()
    return place


def source(**more: Any) -> Source:
    entry = {"name": "historian", "type": "files", "folder": "in", "timezone": "UTC", "every": "20ms", "settle": "10s", **more}
    return SourceEntry.model_validate(entry).build()


def put(path: Path, text: str, *, whole: bool = True) -> Path:
    """Write a file; a `whole` one was last touched long ago."""
    path.write_text(text, encoding="utf-8")
    if whole:
        os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def table(*rows: tuple[int, object], tag: str = "T") -> str:
    return "time,tag,value\n" + "".join(f"2026-01-15T06:00:{second:02d}Z,{tag},{value}\n" for second, value in rows)


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_an_export_is_read_as_its_maker_meant_it(case: Path, tmp_path: Path):
    told = json.loads(case.read_text(encoding="utf-8"))
    options = FilesOptions.model_validate({"folder": ".", **told["options"]})
    portion = read_csv(put(tmp_path / "x.csv", told["text"]), options, 0, 0, whole=True)
    assert [list(row) for row in portion.rows] == [[tag, parse_time(at), value, q] for tag, at, value, q in told["expected"]]
    refused = {str(line): why for line, why, _ in portion.refused}
    assert list(refused) == list(told["refused"])
    assert all(told["refused"][line] in why for line, why in refused.items())


async def test_it_keeps_the_rules_of_every_source(folder: Path, monkeypatch: pytest.MonkeyPatch):
    put(folder / "a.csv", table((0, 1.5)))
    options = {"folder": "in", "timezone": "UTC", "every": "20ms", "settle": "0s"}
    entry = SourceEntry.model_validate({"name": "x", "type": "files", **options})
    rehearsed = await asyncio.to_thread(read_once, entry)
    assert [(one["tag"], one["value"]) for one in rehearsed["items"]] == [("T", 1.5)]
    assert not (folder.parent / "places.db").exists(), "a rehearsal keeps no place"
    monkeypatch.setattr("lineshaft.connect.places.Places.put", lambda *_args: None)  # pyright: ignore[reportUnknownLambdaType]  # a second run reads it again, as the check wants
    await check_source("files", options)


async def test_a_file_that_grows_is_read_line_by_line_and_goes_on_after_a_restart(folder: Path):
    file = put(folder / "log.csv", table((0, 1), (1, 2)) + "2026-01-15T06:00:02Z,T,", whole=False)
    async with listening(source()) as ear:
        await ear.until(lambda: ear.of("T") == [1.0, 2.0])
        with file.open("a") as more:
            more.write("3\n2026-01-15T06:00:03Z,T,4\n")
        await ear.until(lambda: ear.of("T") == [1.0, 2.0, 3.0, 4.0])
        await ear.until(lambda: "4 values" in ear.statuses[-1].message)  # its place is kept after its values
    with file.open("a") as more:
        more.write("2026-01-15T06:00:04Z,T,5")
    os.utime(file, (LONG_AGO, LONG_AGO))
    async with listening(source()) as again:
        await again.until(lambda: again.of("T") == [5.0])
        await again.until(lambda: "5 values" in again.statuses[-1].message)


async def test_what_came_late_is_read_and_what_came_twice_is_not(folder: Path):
    put(folder / "b.csv", table((10, 1)))
    async with listening(source()) as ear:
        await ear.until(lambda: ear.of("T") == [1.0])
        put(folder / "a.csv", table((5, 0)))  # older values, later
        await ear.until(lambda: ear.of("T") == [1.0, 0.0])
        put(folder / "copy of a.csv", table((5, 0)))
        put(folder / "c.csv", table((11, 2)))
        await ear.until(lambda: 2.0 in ear.of("T"))
        await ear.until(lambda: "4 of 4 files" in ear.statuses[-1].message)
        assert ear.of("T") == [1.0, 0.0, 2.0]
        put(folder / "b.csv", table((20, 7), (21, 8)))  # another file under an old name
        await ear.until(lambda: ear.of("T")[-2:] == [7.0, 8.0])


async def test_lines_that_cannot_be_read_are_kept_with_their_numbers(folder: Path):
    text = table((0, 1)) + "no time,T,2\n" + "2026-01-15T06:00:02Z,T\n" + "2026-01-15T06:00:03Z,T,4\n"
    put(folder / "a.csv", text)
    put(folder / "strange.csv", "a,b\n1,2\n")
    async with listening(source()) as ear:
        await ear.until(lambda: len(ear.of("T")) == 2 and ear.state is SourceState.DEGRADED)
        bad = ear.statuses[-1].tags_bad
        assert "2 lines refused" in bad["a.csv"]
        assert "line 3: 'no time' is no time" in bad["a.csv"]
        assert "no column of a, b is the time" in bad["strange.csv"]
        assert ear.rejected == [("a.csv", "'no time' is no time", 2)]
    with (folder.parent / "refused" / "historian" / "a.csv.errors.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["3", "'no time' is no time", "no time,T,2"],
        ["4", "2 cells where the heading has 3", "2026-01-15T06:00:02Z,T"],
    ]


async def test_parquet_is_read_once_it_is_whole(folder: Path):
    half = folder / "half.parquet"
    half.write_bytes(b"PAR1 and not more")
    os.utime(half, (LONG_AGO, LONG_AGO))
    rows = {
        "time": pa.array([1_768_456_800_123_456_789], pa.timestamp("ns", "UTC")),
        "tag": ["Oven/T"],
        "value": [181.5],
        "quality": ["uncertain"],
    }
    pq.write_table(pa.table(rows), folder / "a.parquet")
    os.utime(folder / "a.parquet", (LONG_AGO, LONG_AGO))
    async with listening(source()) as ear:
        await ear.until(lambda: ear.values() == [("Oven/T", 1_768_456_800_123_456_789, 181.5, 1)])
        await ear.until(lambda: "half.parquet" in ear.statuses[-1].tags_bad)
    async with listening(source()) as again:
        await again.until(lambda: again.state is SourceState.DEGRADED)
        assert not again.rows, "it is not read again"


async def test_a_folder_that_is_not_there_is_told_and_waited_for(folder: Path):
    await asyncio.to_thread(folder.rmdir)
    async with listening(source()) as ear:
        await ear.until(lambda: ear.state is SourceState.DOWN)
        await asyncio.to_thread(folder.mkdir)
        put(folder / "a.csv", table((0, 1)))
        await ear.until(lambda: ear.of("T") == [1.0])


def test_a_source_without_a_zone_is_refused():
    with pytest.raises(ConfigError, match="timezone"):
        SourceEntry.model_validate({"name": "h", "type": "files", "folder": "in"}).build()
    with pytest.raises(ConfigError, match="no IANA time zone"):
        source(timezone="Middle Earth")


async def test_many_rows_are_read_in_portions_and_none_is_missing(folder: Path):
    count = 60_000
    lines = "".join(f"{1_768_456_800 + n},T{n % 7},{n}\n" for n in range(count))
    put(folder / "big.csv", "time,tag,value\n" + lines)
    ear = Ear()
    async with listening(source(), ear):
        await ear.until(lambda: sum(batch.num_rows for batch in ear.rows) == count, 60)
    assert len(ear.rows) > 1
    assert len({(tag, ts) for tag, ts, _, _ in ear.values()}) == count
