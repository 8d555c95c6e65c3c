"""The frame of the benches: rows named after their bench, a table for people, a file for scripts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.__main__ import benches, table
from bench.row import Row, less_is_better, more_is_better

ROOT = Path(__file__).resolve().parents[2]


def test_above_one_is_better_for_us():
    assert more_is_better("ingest/rate", 200, "1/s", "peer", 100).ratio == 2
    assert less_is_better("idle/memory", 200, "MB", "limit", 400).ratio == 2


def test_a_table_is_read_by_people():
    text = table([Row("ingest/rate", 123456.7, "1/s", "promised", 100000, 1.234567), Row("ingest/cpu", 0.01234, "s")])
    assert text.splitlines()[2].split() == ["ingest/rate", "123", "457", "1/s", "promised", "100", "000", "1.23"]
    assert text.splitlines()[3].split() == ["ingest/cpu", "0.0123", "s"]


def test_an_unknown_bench_is_told_with_the_known_ones():
    told = subprocess.run(
        [sys.executable, "-m", "bench", "--only", "nope"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert told.returncode == 2
    assert all(name in told.stderr for name in benches())


@pytest.mark.parametrize("broken", [False, True])
def test_a_bench_is_found_by_its_name_and_writes_its_rows(tmp_path, broken):
    folder = tmp_path / "bench"
    folder.mkdir()
    for file in ("__init__.py", "__main__.py", "row.py"):
        (folder / file).write_text((ROOT / "bench" / file).read_text(encoding="utf-8"), encoding="utf-8")
    rows = "1 / 0" if broken else '[Row("made/one", 1.5, "s"), Row("made/two", 2, "s", "peer", 4, 2.0)]'
    (folder / "bench_made.py").write_text(f'from bench.row import Row\nNAME = "made"\ndef run():\n    return {rows}\n')
    (folder / "bench_other.py").write_text(
        'from bench.row import Row\nNAME = "other"\ndef run():\n    return [Row("other/x", 1, "s")]\n'
    )
    told = subprocess.run(
        [sys.executable, "-m", "bench", "--json", tmp_path / "rows.json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    names = [row["name"] for row in json.loads((tmp_path / "rows.json").read_text())]
    assert (told.returncode, names) == ((1, ["other/x"]) if broken else (0, ["made/one", "made/two", "other/x"])), told.stderr
