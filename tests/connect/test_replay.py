"""Replay: any recorded table becomes a machine, and every value of it is heard exactly once."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
from pathlib import Path

import pytest

from lineshaft.connect.simulators.replay import Layout, Recording, Replay, read_table, run_replay
from lineshaft.connect.sources.opcua import OpcuaOptions, OpcuaSource
from lineshaft.core import NS, ConfigError, iso, now_ns, parse_time
from tests.connect.conftest import Ear, listening

pytestmark = pytest.mark.filterwarnings("ignore:unclosed transport:ResourceWarning")  # asyncua closes by garbage collection
T0 = parse_time("2026-01-01T06:00:00Z")


def table(path: Path, text: str) -> Path:
    file = path / "recorded.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_long_table_with_its_types(tmp_path: Path):
    text = "timestamp,asset_name,attribute_name,attribute_value\n"
    text += "0,Oven,State,Running\n0,Oven,Good,1\n0,Oven,Down,False\n5,Oven,Temp,220\n5,Oven,State,\n"
    text += "7.5,Oven,Temp,1e2\n7.5,Oven,Good,\n"
    recording = read_table(table(tmp_path, text))
    assert recording.tags == {"Oven/State": "string", "Oven/Good": "integer", "Oven/Down": "boolean", "Oven/Temp": "double"}
    assert recording.instants == [
        (0, [("Oven/State", "Running"), ("Oven/Good", 1), ("Oven/Down", False)]),
        (5 * NS, [("Oven/Temp", 220.0), ("Oven/State", "")]),
        (round(7.5 * NS), [("Oven/Temp", 100.0), ("Oven/Good", None)]),
    ]
    assert (recording.values, recording.duration, recording.first) == (7, round(7.5 * NS), None)


def test_other_names_another_delimiter_and_rows_out_of_order(tmp_path: Path):
    text = "wann;wer;was;wert\n2026-01-01T00:00:10Z;M;n;2\n2026-01-01T01:00:00+01:00;M;n;1\n"
    recording = read_table(table(tmp_path, text), Layout("wann", "wer", "was", "wert"))
    assert recording.instants == [(0, [("M/n", 1)]), (10 * NS, [("M/n", 2)])]
    assert recording.first == parse_time("2026-01-01T00:00:00Z")


def test_a_wide_table_leaves_out_empty_cells(tmp_path: Path):
    recording = read_table(table(tmp_path, "time\tA/x\tA/y\n1767225600\t1\t2.5\n1767225601\t\tnan\n"))
    assert recording.tags == {"A/x": "integer", "A/y": "double"}
    (_, first), (second, rest) = recording.instants
    assert first == [("A/x", 1), ("A/y", 2.5)]
    assert second == NS
    assert math.isnan(rest[0][1])  # type: ignore[arg-type]
    assert recording.first == parse_time("2026-01-01T00:00:00Z")


def test_text_that_looks_like_a_number_stays_text(tmp_path: Path):
    assert read_table(table(tmp_path, "t,n\n0,1_000\n1,2\n")).tags == {"n": "string"}
    assert read_table(table(tmp_path, "t,n\n0,007\n1,2\n")).tags == {"n": "string"}
    assert read_table(table(tmp_path, "t,n\n0,007.5\n1,-0.25e3\n")).tags == {"n": "double"}
    assert read_table(table(tmp_path, "t,n\n0,-12\n1,9223372036854775807\n")).tags == {"n": "integer"}


def test_dropped_tags_are_named_by_globs(tmp_path: Path):
    recording = read_table(table(tmp_path, "t,A/x,A/x_1Min,B/y\n0,1,2,3\n"), drop=["*_1Min", "B/*"])
    assert list(recording.tags) == ["A/x"]


@pytest.mark.parametrize(
    ("text", "layout", "says"),
    [
        ("", Layout(), "the table is empty"),
        ("a,b\n1,2\n", Layout(), "is a time - name it with --time-column"),
        ("time,x\n1,2\n", Layout(time="tiem"), "did you mean 'time'"),
        ("time,x\nsoon,2\n", Layout(), "'soon' is not a time"),
        ("time,x\n1,2\n3\n", Layout(), "line 3 has 1 cells, the header has 2"),
        ("time,x\n", Layout(), "no values left to replay"),
        ("time,x\n0,2\n5,2\nsoon,3\n", Layout(), "'soon' is not a time: the times before it are numbers"),
    ],
)
def test_a_table_that_cannot_be_understood_is_told_where(tmp_path: Path, text: str, layout: Layout, says: str):
    with pytest.raises(ConfigError) as caught:
        read_table(table(tmp_path, text), layout)
    assert says in str(caught.value)


def test_a_folder_is_no_table(tmp_path: Path):
    with pytest.raises(ConfigError, match="cannot be read"):
        read_table(tmp_path)


def recording_of(seconds: int, first: int | None = None) -> Recording:
    return Recording({"A/x": "integer"}, [(i * NS, [("A/x", i)]) for i in range(seconds + 1)], first)


def test_now_begins_so_far_back_that_the_end_meets_the_clock():
    now = T0 + 12 * 3600 * NS + 34 * NS
    start = Replay("now", 60).claimed(recording_of(3600), now)
    assert start % (60 * NS) == 0
    for at in (0, 1800, 3600):
        assert start + at * NS <= now + at * NS / 60
    assert now + 60 * NS - (start + 3600 * NS) < 61 * NS


def test_a_start_that_would_overtake_the_clock_is_refused_with_a_time_that_would_not():
    now = T0 + 3600 * NS
    assert Replay("2026-01-01T06:00:00Z", 60).claimed(recording_of(3600), now) == T0
    assert Replay("2026-01-01T07:00:00Z", 1).claimed(recording_of(3600), now) == now
    with pytest.raises(ConfigError, match="stamped in the future") as caught:
        Replay("2026-01-01T06:30:00Z", 60).claimed(recording_of(3600), now)
    assert "2026-01-01T06:01:00Z" in caught.value.hint


def test_without_a_start_recorded_times_stay_what_they_are():
    assert Replay("", 60).claimed(recording_of(10, first=T0), T0 + 3600 * NS) == T0
    assert Replay("", 1).claimed(recording_of(10, first=T0 + 7200 * NS), T0 + 3600 * NS) == T0 + 3600 * NS


async def heard(recording: Recording, replay: Replay, home: Path) -> tuple[Ear, list[str]]:
    """Replay behind a real server and listen to all of it with the OPC UA source."""
    said: list[str] = []
    task = asyncio.create_task(run_replay(home, recording, replay, said.append))
    async with asyncio.timeout(60):
        while not (home / "simulator.json").exists():  # noqa: ASYNC110 - what a script would do
            await asyncio.sleep(0.05)
    where = json.loads((home / "simulator.json").read_text())
    nodes = tuple(f"ns=2;s={tag}" for tag in recording.tags)
    trigger = {"trigger": "status_value_timestamp", "sampling_interval": "0ms"}
    options = OpcuaOptions(url=where["url"], nodes=nodes, security="None", **trigger)
    async with listening(OpcuaSource("replay", options)) as ear:
        await ear.until(lambda: sum(batch.num_rows for batch in ear.rows) >= recording.values + len(recording.tags), 110)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert not (home / "simulator.json").exists()
    return ear, said


def sorted_text(rows: list[tuple[str, int, object]]) -> list[str]:
    return sorted(repr(row) for row in rows)


async def test_nan_text_nulls_and_equal_values_all_arrive(tmp_path: Path):
    text = "t,asset,tag,value\n0,A,x,1.5\n1,A,x,1.5\n2,A,x,nan\n3,A,x,\n4,A,x,2\n"
    text += "0,A,s,\n1,A,s, \n2,A,s,Straße\n3,A,b,true\n4,A,b,true\n"
    recording = read_table(table(tmp_path, text))
    replay = Replay("2026-01-01T06:00:00Z", 10, 5, wait=60, port=0)
    ear, said = await heard(recording, replay, tmp_path)
    got = [(tag, ts, value) for tag, ts, value, _ in ear.values()][len(recording.tags) :]
    wanted = [(f"ns=2;s={tag}", T0 + at, value) for at, changes in recording.instants for tag, value in changes]
    assert sorted_text(got) == sorted_text(wanted)
    assert f"recorded zero is {iso(T0)}" in said


@pytest.mark.parametrize("speed", [300])
async def test_every_value_of_the_cookie_factory_arrives_exactly_once(tmp_path: Path, data_folder: Path, speed: float):
    recording = read_table(data_folder / "cookiefactory" / "data.csv", drop=["*_1Min"])
    assert recording.values > 57_000
    replay = Replay("2026-01-01T06:00:00Z", speed, 5, wait=60, port=0)
    ear, _ = await heard(recording, replay, tmp_path)
    before = len(recording.tags)  # each tag's word before its first value: null, bad
    rows = ear.values()
    assert all(value is None and q == 2 for _, _, value, q in rows[:before])
    got = [(tag, ts, value) for tag, ts, value, _ in rows[before:]]
    wanted = [(f"ns=2;s={tag}", T0 + at, value) for at, changes in recording.instants for tag, value in changes]
    assert sorted_text(got) == sorted_text(wanted)
    assert max(ts for _, ts, _ in got) < now_ns()
