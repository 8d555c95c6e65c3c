"""The MQTT source against mosquitto: versions, credentials, cuts, and a message acknowledged only when it is kept."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lineshaft.connect import Source, SourceEntry, SourceState
from lineshaft.core import Quality
from tests.connect.checks import check_source
from tests.connect.conftest import Ear, Proxy, listening
from tests.counterparts.mosquitto import Mosquitto, mosquitto

pytestmark = pytest.mark.counterpart
TOPICS = [{"filter": "plant/#"}]


@pytest.fixture
def broker(tmp_path: Path, free_port: int) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path, free_port) as broker:
        yield broker


def source(port: int, topics: list[dict[str, Any]] = TOPICS, **more: Any) -> Source:
    entry = {"name": "hall", "type": "mqtt", "url": f"mqtt://127.0.0.1:{port}", "topics": topics, **more}
    return SourceEntry.model_validate(entry).build()


async def publish(port: int, topic: str, payloads: list[str], *words: str) -> None:
    """Publish with mosquitto's own client, one message a line, QoS 1."""
    command = ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(port), "-t", topic, "-q", "1", "-l", *words]
    process = await asyncio.create_subprocess_exec(*command, stdin=subprocess.PIPE)
    await process.communicate("".join(f"{line}\n" for line in payloads).encode())
    assert process.returncode == 0


async def test_it_keeps_the_rules_of_every_source(broker: Mosquitto):
    await publish(broker.port, "plant/t", ["1.5"], "-r")
    await check_source("mqtt", {"url": f"mqtt://127.0.0.1:{broker.port}", "topics": TOPICS})


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_messages_arrive_in_order_and_a_retained_one_is_uncertain(broker: Mosquitto, protocol: str):
    await publish(broker.port, "plant/old", ["7"], "-r")
    async with listening(source(broker.port, protocol=protocol)) as ear:
        await ear.until(lambda: ear.of("plant/old"))
        await publish(broker.port, "plant/new", [str(i) for i in range(500)])
        await ear.until(lambda: len(ear.of("plant/new")) == 500)
        assert ear.of("plant/new") == [float(i) for i in range(500)]
        assert {tag: q for tag, _, _, q in ear.values()} == {"plant/old": Quality.UNCERTAIN, "plant/new": Quality.GOOD}


async def test_what_cannot_be_read_is_counted_and_told_and_stops_nothing(broker: Mosquitto):
    topics = [{"filter": "plant/#", "payload": "json", "time": "t"}]
    async with listening(source(broker.port, topics)) as ear:
        await ear.until(lambda: ear.state is SourceState.CONNECTED)
        await publish(broker.port, "plant/bad", ["no json"])
        await publish(broker.port, "plant/good", ['{"t": 1763700000, "x": 1}'])
        await ear.until(lambda: ear.of("plant/good/x") and ear.state is SourceState.DEGRADED)
        assert ear.rejected == [("plant/bad", ear.statuses[-1].tags_bad["plant/bad"], 1)]
        await publish(broker.port, "plant/bad", ['{"t": 1763700000, "x": 1}'])
        await ear.until(lambda: ear.state is SourceState.CONNECTED)


async def test_while_the_line_is_cut_the_broker_keeps_and_nothing_is_missing(broker: Mosquitto):
    async with Proxy(broker.port) as proxy, listening(source(proxy.port)) as ear:
        await ear.until(lambda: ear.state is SourceState.CONNECTED)
        await publish(broker.port, "plant/n", [str(i) for i in range(100)])
        proxy.cut()
        await publish(broker.port, "plant/n", [str(i) for i in range(100, 300)])
        await ear.until(lambda: ear.state is SourceState.DOWN)
        proxy.open()
        await ear.until(lambda: set(ear.of("plant/n")) == {float(i) for i in range(300)})


async def test_a_broker_that_is_restarted_is_found_again(broker: Mosquitto):
    async with listening(source(broker.port)) as ear:
        await ear.until(lambda: ear.state is SourceState.CONNECTED)
        broker.stop()
        await ear.until(lambda: ear.state is SourceState.DOWN)
        broker.start()
        await ear.until(lambda: ear.state is SourceState.CONNECTED)
        await publish(broker.port, "plant/n", ["1"])
        await ear.until(lambda: ear.of("plant/n") == [1.0])


class Forgetful(Ear):
    """An outlet whose disk never keeps anything."""

    async def kept(self) -> None:
        await asyncio.Event().wait()


async def test_what_was_not_kept_is_not_acknowledged(broker: Mosquitto):
    ear = Forgetful()
    async with listening(source(broker.port), ear):
        await ear.until(lambda: ear.state is SourceState.CONNECTED)
        await publish(broker.port, "plant/n", ["1", "2", "3"])
        await ear.until(lambda: len(ear.of("plant/n")) == 3)
    async with listening(source(broker.port)) as again:
        await again.until(lambda: again.of("plant/n") == [1.0, 2.0, 3.0])
        await publish(broker.port, "plant/n", ["4"])  # when it comes, those before are acknowledged; it need not be itself
        await again.until(lambda: again.of("plant/n") == [1.0, 2.0, 3.0, 4.0])
    async with listening(source(broker.port)) as after:
        await publish(broker.port, "plant/n", ["5"])
        await after.until(lambda: after.of("plant/n")[-1:] == [5.0])
        assert set(after.of("plant/n")) <= {4.0, 5.0}


async def test_a_wrong_password_is_refused_with_the_reason(tmp_path: Path, free_port: int, monkeypatch: pytest.MonkeyPatch):
    passwords = tmp_path / "passwords"
    words = ["mosquitto_passwd", "-b", "-c", str(passwords), "edge", "right"]
    made = await asyncio.create_subprocess_exec(*words, stderr=subprocess.DEVNULL)
    assert await made.wait() == 0
    with mosquitto(tmp_path, free_port, "allow_anonymous false", f"password_file {passwords}"):
        monkeypatch.setenv("HALL", "wrong")
        async with listening(source(free_port, user="edge", password_env="HALL")) as ear:
            await ear.until(lambda: ear.state is SourceState.DOWN)
            assert "refuses us" in ear.statuses[-1].message
        monkeypatch.setenv("HALL", "right")
        async with listening(source(free_port, user="edge", password_env="HALL")) as ear:
            await ear.until(lambda: ear.state is SourceState.CONNECTED)


async def test_a_counter_in_the_topic_is_noticed(broker: Mosquitto):
    async with listening(source(broker.port, most_tags=3)) as ear:
        await ear.until(lambda: ear.state is SourceState.CONNECTED)
        for i in range(5):
            await publish(broker.port, f"plant/{i}", ["1"])
        await ear.until(lambda: len(ear.rejected) == 2)
        assert "most_tags" in ear.rejected[0][1]
