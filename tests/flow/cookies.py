"""Real input over a real wire: an hour of a packaging line, replayed over OPC UA, for the tests of scenario A."""

from __future__ import annotations

import csv
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from lineshaft.core import NS, parse_time
from tests.cookies import RESULTS, RUN_SECONDS
from tests.flow.node import EXAMPLES, Node, ended, free_port, lineshaft

START = parse_time("2026-01-05T06:00:00Z")
LINE = "Cookie Factory/Line 1"


@pytest.fixture(scope="module")
def recording(data_folder: Path) -> Path:
    file = data_folder / "cookiefactory" / "data.csv"
    if not file.exists():
        pytest.skip(f"{file} is not here (public data lives beside the repository)")
    return file


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, recording: Path) -> Iterator[Node]:
    folder = tmp_path_factory.mktemp("cookies")
    home, port = folder / "home", free_port()
    shutil.copytree(EXAMPLES / "cookiefactory", home / "config")
    settings = (EXAMPLES / "cookiefactory" / "settings.toml").read_text().replace(":4840", f":{port}")
    (home / "settings.toml").write_text(settings)
    options = ["--as", "opcua", "--port", str(port), "--start", "2026-01-05T06:00:00Z", "--speed", "120", "--drop", "*_1Min"]
    with (folder / "replay.log").open("wb") as log:
        replay = lineshaft(
            *("simulate", "--home", str(home), "--replay", str(recording), *options, "--hold", "120"),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    node = Node(home)
    try:
        node.start()
        node.login()
        yield node
    finally:
        node.stop()
        ended(replay)


def theirs(recording: Path) -> dict[tuple[str, str], dict[int, float]]:
    found: dict[tuple[str, str], dict[int, float]] = defaultdict(dict)
    with recording.open() as file:
        for row in csv.DictReader(file):
            if row["attribute_name"] in RESULTS and row["asset_name"] in RUN_SECONDS and int(row["timestamp"]) > 10:
                found[row["asset_name"], row["attribute_name"]][int(row["timestamp"])] = float(row["attribute_value"])
    return found


def ours(node: Node, machine: str, name: str) -> dict[int, float]:
    rows = node.get("history", property=f"{LINE}/{machine}/{name}", start=START, end=START + 3600 * NS, limit=1000)["rows"]
    return {(parse_time(row["timestamp"]) - START) // NS: row["value"] for row in rows}
