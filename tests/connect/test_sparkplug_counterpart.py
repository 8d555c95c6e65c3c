"""The Sparkplug B source against Eclipse Tahu's own JavaScript edge node, over mosquitto."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lineshaft.connect import Source, SourceEntry, SourceState
from lineshaft.core import Quality
from tests.connect.checks import check_source
from tests.connect.conftest import Ear, Proxy, listening
from tests.counterparts.mosquitto import Mosquitto, mosquitto

pytestmark = pytest.mark.counterpart
DEVICE = "Plant/Edge1/Dev1"


@pytest.fixture
def broker(tmp_path: Path, free_port: int) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path, free_port) as broker:
        yield broker


@contextmanager
def edge_node(node: Path, folder: Path, port: int, metrics: int = 10) -> Iterator[subprocess.Popen[str]]:
    """Run Tahu's edge node until left; it is killed as a power cut would."""
    command = [node, folder / "sparkplug_node.cjs", str(port), str(metrics)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("birth")
            listen = ["mosquitto_sub", "-p", str(port), "-t", "spBv1.0/Plant/DDATA/Edge1/#", "-C", "1", "-W", "60"]
            subprocess.run(listen, check=True, capture_output=True)  # its data came, so its birth is past
            yield process
        finally:
            process.kill()


def tell(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{word}\n")
    process.stdin.flush()


def source(port: int, **more: Any) -> Source:
    entry = {"name": "hall", "type": "sparkplug", "url": f"mqtt://127.0.0.1:{port}", "rebirth_after": "1s", **more}
    return SourceEntry.model_validate(entry).build()


def latest(ear: Ear) -> dict[str, object]:
    return {tag: value for tag, _, value, q in ear.values() if q == Quality.GOOD}


async def test_it_keeps_the_rules_of_every_source(broker: Mosquitto, node: Path, npm_counterparts: Path):
    with edge_node(node, npm_counterparts, broker.port):
        await check_source("sparkplug", {"url": f"mqtt://127.0.0.1:{broker.port}"})


async def test_a_host_that_comes_late_asks_for_the_birth_and_understands_every_type(
    broker: Mosquitto, node: Path, npm_counterparts: Path
):
    with edge_node(node, npm_counterparts, broker.port) as process:
        began = time.time_ns()
        async with listening(source(broker.port, host_id="lineshaft", groups=["Plant"])) as ear:
            await ear.until(lambda: f"{DEVICE}/m/9" in latest(ear) and "Plant/Edge1/str" in latest(ear))
            assert process.stdout is not None
            assert "ncmd Node Control/Rebirth" in process.stdout.readline()
            told = latest(ear)
            expected = {"i64": -5, "i8": -7, "u32": 4_000_000_000, "f": 1.5}
            assert {name: told[f"{DEVICE}/{name}"] for name in expected} == expected
            assert str(told[f"{DEVICE}/str"]).startswith("hello")
            assert isinstance(told[f"{DEVICE}/on"], bool)
            assert not [tag for tag in told if "bdSeq" in tag or "Node Control" in tag]
            numbers = [value for value in ear.of(f"{DEVICE}/m/3") if isinstance(value, float)]
            await ear.until(lambda: len(ear.of(f"{DEVICE}/m/3")) > len(numbers) + 5)
            times = [ts for tag, ts, _, _ in ear.values() if tag == f"{DEVICE}/m/3"]
            assert abs(times[0] - began) < 60e9
            assert ear.state is SourceState.CONNECTED


async def test_a_missed_message_is_noticed_and_a_rebirth_asked_for_once(broker: Mosquitto, node: Path, npm_counterparts: Path):
    async with listening(source(broker.port, rebirth_after="30s")) as ear:
        await ear.until(lambda: ear.state is SourceState.CONNECTED)
        with edge_node(node, npm_counterparts, broker.port) as process:
            await ear.until(lambda: len(ear.of(f"{DEVICE}/m/0")) > 3)
            before = len(ear.of("Plant/Edge1/str"))
            tell(process, "gap")
            await ear.until(lambda: len(ear.of("Plant/Edge1/str")) == before + 1)
            tell(process, "gap")
            seen = len(ear.of(f"{DEVICE}/m/0"))
            await ear.until(lambda: len(ear.of(f"{DEVICE}/m/0")) > seen + 5)
            assert len(ear.of("Plant/Edge1/str")) == before + 1, "not asked again so soon; the values were taken all the same"
            assert len(set(ear.of(f"{DEVICE}/m/0"))) >= len(ear.of(f"{DEVICE}/m/0")) - 2, "only a birth repeats a value"


async def test_a_killed_node_makes_its_tags_bad_once_and_returns(broker: Mosquitto, node: Path, npm_counterparts: Path):
    async with listening(source(broker.port)) as ear:
        await ear.until(lambda: ear.state is SourceState.CONNECTED)
        with edge_node(node, npm_counterparts, broker.port) as process:
            await ear.until(lambda: len(ear.of(f"{DEVICE}/m/0")) > 3)
            tell(process, "ddeath")
            await ear.until(lambda: [row for row in ear.values() if row[3] == Quality.BAD])
            bad = [tag for tag, _, value, q in ear.values() if q == Quality.BAD and value is None]
            assert len(bad) == 16, "every metric of the device, none of the node"
            assert all(tag.startswith(DEVICE) for tag in bad)
        await ear.until(lambda: ear.state is SourceState.DEGRADED)
        assert ear.statuses[-1].tags_bad == {"Plant/Edge1": "the edge node died"}
        with edge_node(node, npm_counterparts, broker.port):
            await ear.until(lambda: ear.state is SourceState.CONNECTED and latest(ear)[f"{DEVICE}/m/0"] is not None)


async def test_a_node_that_died_while_we_were_away_is_found_dead(broker: Mosquitto, node: Path, npm_counterparts: Path):
    async with Proxy(broker.port) as proxy, listening(source(proxy.port, silence="1s")) as ear:
        with edge_node(node, npm_counterparts, broker.port):
            await ear.until(lambda: len(ear.of(f"{DEVICE}/m/0")) > 3)
            proxy.cut()
            await ear.until(lambda: ear.state is SourceState.DOWN)
        proxy.open()
        await ear.until(lambda: ear.state is SourceState.DEGRADED)
        assert "did not answer" in ear.statuses[-1].tags_bad["Plant/Edge1"]
        assert {q for tag, _, value, q in ear.values() if value is None} == {Quality.BAD}
