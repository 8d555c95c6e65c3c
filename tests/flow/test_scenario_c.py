"""Scenario C: the link is cut for ten minutes, the edge is killed in the middle, inference goes on; the ledger balances to 0."""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lineshaft.connect import EdgeBuffer
from lineshaft.detect import anomaly
from tests.connect.plant import Plant
from tests.flow.node import until
from tests.flow.test_edge import Site

pytestmark = [pytest.mark.counterpart, pytest.mark.slow]
CUT = float(os.environ.get("LINESHAFT_CUT", "600"))
PATIENCE = float(os.environ.get("LINESHAFT_PATIENCE", "1"))
HZ, TAGS = 10, 4


def detector() -> str:
    """Return a detector of two sensors, trained on made-up values, as an edge is given it."""
    chance = np.random.default_rng(3)
    n = 4_000
    first = chance.normal(50, 2, n)
    table: dict[str, Any] = {"time": np.datetime64("2026-01-01T00:00:00", "ns") + np.arange(n) * np.timedelta64(1, "s")}
    table |= {"a": first, "b": first * 2 + chance.normal(0, 0.5, n)}
    return base64.b64encode(anomaly.fit(table, detector="gaussian").export()).decode()


@pytest.fixture
def machine(node: Path, npm_counterparts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    made = Plant(node, npm_counterparts, tmp_path_factory.mktemp("node") / "pki", hz=HZ, history=1)
    yield made
    made.kill()


@pytest.fixture
def site(tmp_path: Path, machine: Plant) -> Iterator[Site]:
    made = Site(tmp_path)
    tags = machine.tags(TAGS)
    settings = f"""
[[sources]]
name = "press"
type = "opcua"
url = "opc.tcp://127.0.0.1:{machine.port}/plant"
security = "None"
nodes = {tags!r}
sampling_interval = "0ms"

[[derived]]
source = "press"
name = "half"
formula = "v / 2"
inputs = {{v = "{tags[0]}"}}

[[detectors]]
name = "watch"
source = "press"
sensors = {{a = "{tags[0]}", b = "{tags[1]}"}}
content = "{detector()}"
"""
    with (made.edge_home / "settings.toml").open("a", encoding="utf-8") as file:
        file.write(settings)
    try:
        made.enrol()
        yield made
    finally:
        made.stop()


def ledger(site: Site) -> dict[str, list[dict[str, Any]]]:
    rows = [row for row in site.plant.get("ledger", limit=1000)["items"] if row["source"].startswith("hall-2/")]
    return {source: [row for row in rows if row["source"] == source] for source in sorted({row["source"] for row in rows})}


def received_at_the_edge(site: Site) -> dict[tuple[str, str], int]:
    buffer = EdgeBuffer(site.edge_home / "edge.db")
    found = buffer.received()
    buffer.close()
    return found


def missing(site: Site, tag: str) -> set[int]:
    """Return the numbers between a tag's first and its last that are not there; all that are there are in order, once each."""
    text = f"SELECT ts, value FROM samples WHERE source = 'hall-2/press' AND tag = '{tag}' ORDER BY ts"
    rows = site.plant.post("sql", {"sql": text, "limit": 100_000})["rows"]
    values = [round(float(value)) for _, value in rows if value is not None]
    assert values == sorted(set(values)), "in order, none twice"
    return set(range(values[0], values[-1] + 1)) - set(values)


@pytest.mark.timeout(2_400)
def test_ten_minutes_without_the_plant_and_a_killed_edge_lose_nothing(site: Site, machine: Plant) -> None:
    site.start_edge()
    until(lambda: "hall-2/press" in ledger(site) and "hall-2/watch" in ledger(site), 120 * PATIENCE)
    scores = sum(row["stored"] for row in ledger(site)["hall-2/watch"])
    site.wire.cut()
    began = time.monotonic()
    time.sleep(CUT / 2)
    site.kill_edge()
    mid = received_at_the_edge(site)
    site.start_edge()
    time.sleep(max(CUT - (time.monotonic() - began), 0))
    site.kill_edge()  # once more, so that nobody writes while we look into its buffer
    alone = received_at_the_edge(site)
    judged = sum(n for (source, _), n in alone.items() if source == "watch")
    assert judged > scores + CUT / 4, "inference went on without the plant"
    assert sum(alone.values()) > sum(mid.values()), "and after the kill"
    site.start_edge()
    site.wire.open()

    def level() -> bool:
        sources = ledger(site)
        return all(row["pending"] == 0 and row["balance"] == 0 for rows in sources.values() for row in rows) and all(
            sum(row["stored"] for row in sources[f"hall-2/{source}"]) >= sum(n for (s, _), n in alone.items() if s == source)
            for source in ("press", "watch")
        )

    until(level, 300 * PATIENCE)
    machine.tell("stop")
    until(level, 120 * PATIENCE)
    for tag in machine.tags(TAGS):
        until(lambda tag=tag: not missing(site, tag), 60 * PATIENCE)  # what fell into the last kill is read from its history
