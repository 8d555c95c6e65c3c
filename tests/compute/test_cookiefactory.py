"""The recorded cookie line: its own results per minute are the answer ours are compared with."""

from __future__ import annotations

import csv
import random
from collections import defaultdict
from pathlib import Path

import pytest

from lineshaft.core import NS, parse_time, samples
from tests.compute.node import Node, chunks
from tests.cookies import RESULTS, RUN_SECONDS

CONFIG = Path(__file__).parents[2] / "examples" / "cookiefactory"
START = parse_time("2026-11-20T06:00:00Z")


@pytest.fixture(scope="module")
def recording(data_folder):
    """(rows as they arrive, the recording's own results by machine, figure and second)."""
    rows, results = [], defaultdict(dict)
    with (data_folder / "cookiefactory" / "data.csv").open() as file:
        for line in csv.DictReader(file):
            asset, tag, text, second = line["asset_name"], line["attribute_name"], line["attribute_value"], int(line["timestamp"])
            if tag.endswith("_1Min"):
                results[asset, tag][second] = float(text)
            else:
                rows.append((START + second * NS, f"ns=2;s={asset}/{tag}", typed(tag, text)))
    rows.sort(key=lambda row: row[0])
    return rows, results


def typed(tag, text):
    if tag in ("Down", "Blocked", "Starved"):
        return text == "True"
    if tag in ("Good", "Bad", "Total"):
        return int(text)
    return text if tag.startswith(("State", "Alarm", "Shift")) else float(text)


def changes(rows):
    """Only what a subscription reports: a value that differs from the tag's last one."""
    last = {}
    for ts, tag, value in rows:
        if last.get(tag) != value:
            last[tag] = value
            yield ts, tag, value


def replay(node, rows, size):
    for part in chunks(list(rows), size):
        node.arrive("cookiefactory", samples([{"ts": ts, "tag": tag, "value": value} for ts, tag, value in part]))
        node.close_windows()
    node.close_windows(now=START + 60 * NS)  # the source stays silent: its clock runs on


def compared(node, results):
    count, wrong = 0, []
    for (asset, figure), recorded in results.items():
        if figure not in RESULTS:
            continue
        ours = node.values(f"Cookie Factory/Line 1/{asset}/{figure}")
        for second, expected in sorted(recorded.items())[1:]:
            found = ours.get(START + second * NS)
            count += 1
            if found != expected:
                wrong.append((asset, figure, second, expected, found))
    return count, wrong


@pytest.mark.parametrize("what", ["all values", "changes only", "changes, shuffled by seconds"])
def test_every_minute_equals_the_recordings_own(recording, what, tmp_path):
    rows, results = recording
    if what != "all values":
        rows = list(changes(rows))
    if "shuffled" in what:
        chance = random.Random(7)
        rows = sorted(rows, key=lambda row: row[0] + chance.randrange(0, 90) * NS)
    with Node(tmp_path, CONFIG) as node:
        assert not node.loaded.problems
        assert not node.compute.problems()
        node.compute.clock = lambda: START
        replay(node, rows, 4000 if what == "all values" else 700)
        count, wrong = compared(node, results)
        assert (count, wrong) == (2360, [])
        hour = START + 3600 * NS
        for machine, seconds in RUN_SECONDS.items():
            path = f"Cookie Factory/Line 1/{machine}"
            assert node.values(f"{path}/Run_Time_1H")[hour] == seconds
            node.compute.clock = lambda: hour
            figures = node.compute.oee(path, START, hour)
            assert figures.elements["actual_production"] == seconds
            assert figures.availability == pytest.approx(seconds / 3600)
        assert node.values("Cookie Factory/Line 1/Cookie Inspector/Quality_1H")[hour] == pytest.approx(16891 / (16891 + 72))
        line = node.compute.oee("Cookie Factory/Line 1", START, hour)
        assert line.constraint == "Cookie Factory/Line 1/Labeller"
        assert line.availability == pytest.approx(2585 / 3600)
