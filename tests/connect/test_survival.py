"""Survival, sentence by sentence: what happens in plants, done to foreign servers and brokers, and what is lost each time.

Where asyncua's own way loses values, a test does the same to it and sees the loss: so the test can fail.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client

from lineshaft.connect import SourceEntry, SourceState
from lineshaft.core import Quality
from tests.connect.conftest import Proxy, listening
from tests.connect.plant import Plant, missing, steps
from tests.counterparts.mosquitto import Mosquitto, mosquitto

pytestmark = [
    pytest.mark.counterpart,
    # asyncua's transports are closed by their owner's garbage collection when a server dies under them
    pytest.mark.filterwarnings("ignore:unclosed transport:ResourceWarning"),
]
HZ = 10
PATIENCE = float(os.environ.get("LINESHAFT_PATIENCE", "1"))
Make = Callable[..., Plant]


@pytest.fixture
def plant(node: Path, npm_counterparts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make]:
    made: list[Plant] = []

    def make(**words: object) -> Plant:
        made.append(Plant(node, npm_counterparts, tmp_path_factory.mktemp("node") / "pki", **words))
        return made[-1]

    yield make
    for one in made:
        with suppress(ValueError):
            one.kill()


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [1, 15, 600])
@pytest.mark.timeout(1_200)
async def test_a_cut_loses_nothing_however_long_the_server_keeps_its_queue(plant: Make, seconds: int):
    server = plant(hz=1 if seconds > 60 else HZ)
    tags = server.tags()
    options = {"queue_size": 1_000, "lifetime": "20m"}
    async with Proxy(server.port) as proxy, listening(server.source(at=proxy.port, **options)) as ear:
        await ear.until(lambda: len(ear.of(tags[0])) > 3, 60)
        proxy.cut()
        await ear.until(lambda: ear.state is SourceState.DOWN)
        assert ear.statuses[-1].message, "the user sees that the line is down, and why"
        await asyncio.sleep(seconds)
        proxy.open()
        await ear.until(lambda: ear.state is SourceState.CONNECTED, 60)
        mark = len(ear.of(tags[8]))
        await ear.until(lambda: len(ear.of(tags[8])) > mark + 5, 60)
        for tag in range(9):
            assert missing(ear.of(tags[tag]), tag) == []
            assert steps(ear.of(tags[tag]), tag) == sorted(set(steps(ear.of(tags[tag]), tag))), "in order, none twice"


@pytest.mark.slow
async def test_a_line_that_is_half_dead_is_noticed_and_loses_nothing(plant: Make):
    server = plant()
    (tag,) = server.tags(1)
    async with Proxy(server.port) as proxy, listening(server.source([tag], at=proxy.port, timeout="1s")) as ear:
        await ear.until(lambda: len(ear.of(tag)) > 5)
        proxy.half()
        await ear.until(lambda: ear.state is SourceState.DOWN, 40)
        await ear.until(lambda: ear.state is SourceState.CONNECTED, 40)
        mark = len(ear.of(tag))
        await ear.until(lambda: len(ear.of(tag)) > mark + 10)
        assert missing(ear.of(tag), 0) == []


@pytest.mark.slow
async def test_a_slow_line_delays_and_loses_nothing(plant: Make):
    server = plant()
    tags = server.tags()
    async with Proxy(server.port) as proxy, listening(server.source(at=proxy.port, timeout="20s")) as ear:
        await ear.until(lambda: len(ear.of(tags[0])) > 5)
        proxy.pace = 8_000.0
        await asyncio.sleep(8)
        proxy.pace = 0.0
        mark = len(ear.of(tags[8]))
        await ear.until(lambda: len(ear.of(tags[8])) > mark + 20, 60)
        assert all(missing(ear.of(tags[i]), i) == [] for i in range(9))


@pytest.mark.parametrize(("good", "bad"), [pytest.param(9, 1, marks=pytest.mark.slow), (9, 3_000)])
async def test_bad_tags_take_nobody_with_them(plant: Make, good: int, bad: int):
    server = plant()
    nodes = [*(f"ns=2;s=nobody{i}" for i in range(bad - 1)), "no node id at all", *server.tags(good)]
    async with listening(server.source(nodes)) as ear:
        await ear.until(lambda: all(len(ear.of(tag)) > 2 for tag in server.tags(good)), 60)
        assert ear.state is SourceState.DEGRADED
        assert (ear.statuses[-1].tags_ok, len(ear.statuses[-1].tags_bad)) == (good, bad)
        assert f"{bad} of {bad + good} tags are bad" in ear.statuses[-1].message


async def test_a_type_that_changes_under_way_goes_to_its_own_column(plant: Make):
    server = plant()
    tag = f"ns={server.namespace};s=v9"
    async with listening(server.source([tag, *server.tags()])) as ear:
        await ear.until(lambda: ear.of(tag) == [0.9])
        server.tell("type")
        await ear.until(lambda: ear.of(tag) == [0.9, "seven"])
        assert {q for name, _, _, q in ear.values() if name == tag} == {Quality.GOOD}
        mark = len(ear.of(server.tags()[0]))
        await ear.until(lambda: len(ear.of(server.tags()[0])) > mark + 3)


@pytest.mark.slow
async def test_a_server_that_is_off_at_night_is_heard_in_the_morning_again_and_again(plant: Make):
    server = plant(hz=20)
    (tag,) = server.tags(1)
    async with listening(server.source([tag])) as ear:
        for night in range(3):
            mark = len(ear.of(tag))
            await ear.until(lambda: len(ear.of(tag)) > mark + 5, 60)  # noqa: B023 - awaited here
            server.kill()
            await ear.until(lambda: ear.state is SourceState.DOWN)
            await asyncio.sleep(night + 1)
            await asyncio.to_thread(lambda: server.start(hz=20))
            await ear.until(lambda: ear.state is SourceState.CONNECTED, 60)
        mark = len(ear.of(tag))
        await ear.until(lambda: len(ear.of(tag)) > mark + 5, 60)


class Stock:
    """asyncua as its documentation shows it: it reconnects by itself and iterates over what comes."""

    def __init__(self, url: str, tags: list[str], interval: int) -> None:
        self.values: dict[str, list[object]] = {tag: [] for tag in tags}
        self._url, self._interval = url, interval

    async def run(self) -> None:
        async with Client(self._url, auto_reconnect=True) as client:
            subscription = await client.create_subscription(self._interval, None)
            nodes = [client.get_node(tag) for tag in self.values]
            await subscription.subscribe_data_change(nodes, queuesize=200, sampling_interval=0)
            async for event in subscription:
                self.values[event.node.nodeid.to_string()].append(event.value)


async def until(true: Callable[[], bool], seconds: float) -> None:
    async with asyncio.timeout(seconds * PATIENCE):
        while not true():  # noqa: ASYNC110 - asyncua tells nobody
            await asyncio.sleep(0.05)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize("whose", ["asyncua", "ours"])
async def test_the_stock_way_back_loses_the_outage_and_ours_does_not(plant: Make, whose: str):
    server = plant()
    (tag,) = server.tags(1)
    async with Proxy(server.port) as proxy:
        if whose == "ours":
            async with listening(server.source([tag], at=proxy.port)) as ear:
                await _outage(proxy, lambda: ear.of(tag))
                assert missing(ear.of(tag), 0) == []
            return
        stock = Stock(f"opc.tcp://127.0.0.1:{proxy.port}/plant", [tag], 100)
        task = asyncio.create_task(stock.run())
        await _outage(proxy, lambda: stock.values[tag])
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert len(missing(stock.values[tag], 0)) > 20, "asyncua keeps the outage now: our own way back may go"


async def _outage(proxy: Proxy, values: Callable[[], list[object]]) -> None:
    await until(lambda: len(values()) > 10, 30)
    proxy.cut()
    await asyncio.sleep(5)
    mark = len(values())
    proxy.open()
    await until(lambda: len(values()) > mark + 30, 60)


@pytest.mark.slow
@pytest.mark.parametrize("whose", ["asyncua", "ours"])
async def test_the_stock_iterator_drops_silently_and_we_do_not(whose: str, free_port: int):
    """Against asyncua's own server, which puts all of a second into one message."""
    from asyncua import Server, ua

    tags, rounds = 3_000, 4
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{free_port}/")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    folder = await server.nodes.objects.add_folder(2, "all")
    nodes = [await folder.add_variable(ua.NodeId(f"t{i}", 2), f"t{i}", 0.0) for i in range(tags)]
    names = [f"ns=2;s=t{i}" for i in range(tags)]

    async def write() -> None:
        for k in range(1, rounds + 1):
            for node in nodes:
                await server.write_attribute_value(node.nodeid, ua.DataValue(float(k)))
            await asyncio.sleep(1.5)

    async with server:
        if whose == "ours":
            from lineshaft.connect.sources.opcua import OpcuaOptions, OpcuaSource

            options = OpcuaOptions(
                url=f"opc.tcp://127.0.0.1:{free_port}/", nodes=tuple(names), security="None", publishing_interval="1s"
            )
            async with listening(OpcuaSource("line", options)) as ear:
                await ear.until(lambda: sum(batch.num_rows for batch in ear.rows) >= tags, 60)
                await write()
                await ear.until(lambda: sum(batch.num_rows for batch in ear.rows) >= tags * (rounds + 1), 60)
            return
        stock = Stock(f"opc.tcp://127.0.0.1:{free_port}/", names, 1_000)
        task = asyncio.create_task(stock.run())
        await until(lambda: any(stock.values.values()), 60)
        await write()
        await asyncio.sleep(3)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert sum(map(len, stock.values.values())) < tags * rounds, "asyncua's iterator drops nothing now"


@pytest.fixture
def broker(tmp_path: Path, free_port: int) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path, free_port) as made:
        yield made


async def say(port: int, topic: str, message: str, *more: str) -> None:
    words = ["mosquitto_pub", "-p", str(port), "-t", topic, "-m", message, "-q", "1", *more]
    made = await asyncio.create_subprocess_exec(*words)
    assert await made.wait() == 0


async def test_a_broker_under_kill_9_is_heard_again_and_what_it_kept_comes(broker: Mosquitto):
    entry = {"name": "hall", "type": "mqtt", "url": f"mqtt://127.0.0.1:{broker.port}", "topics": [{"filter": "hall/#"}]}
    async with listening(SourceEntry.model_validate(entry).build()) as ear:
        await ear.until(lambda: ear.state is SourceState.CONNECTED)
        await say(broker.port, "hall/n", "1")
        await ear.until(lambda: ear.of("hall/n") == [1.0])
        broker.process.kill()
        broker.process.wait()
        await ear.until(lambda: ear.state is SourceState.DOWN)
        assert "calling again" in ear.statuses[-1].message
        await asyncio.to_thread(broker.start)
        await say(broker.port, "hall/n", "2")
        await ear.until(lambda: ear.state is SourceState.CONNECTED, 40)
        await say(broker.port, "hall/n", "3")
        await ear.until(lambda: ear.of("hall/n")[-1:] == [3.0], 40)


async def test_messages_twice_and_out_of_order_keep_their_own_times(broker: Mosquitto):
    topics = [{"filter": "hall/#", "payload": "json", "time": "t"}]
    entry: dict[str, Any] = {"name": "hall", "type": "mqtt", "url": f"mqtt://127.0.0.1:{broker.port}", "topics": topics}
    async with listening(SourceEntry.model_validate(entry).build()) as ear:
        await ear.until(lambda: ear.state is SourceState.CONNECTED)
        for second in (3, 1, 2, 2):
            await say(broker.port, "hall/x", json.dumps({"v": second, "t": f"2026-01-01T00:00:0{second}Z"}))
        await ear.until(lambda: len(ear.values()) == 4)
        assert {(ts // 10**9 % 60, value) for _, ts, value, _ in ear.values()} == {(1, 1.0), (2, 2.0), (3, 3.0)}


async def test_nodes_are_told_when_their_primary_host_dies_and_returns(broker: Mosquitto):
    entry = {"name": "hall", "type": "sparkplug", "host_id": "lineshaft", "keepalive": "2s"}
    listener = await asyncio.create_subprocess_exec(
        *("mosquitto_sub", "-p", str(broker.port), "-t", "spBv1.0/STATE/lineshaft"), stdout=asyncio.subprocess.PIPE
    )
    assert listener.stdout is not None
    told: list[dict[str, Any]] = []

    async def heard(online: bool) -> None:
        assert listener.stdout is not None
        async with asyncio.timeout(40):
            while not told or told[-1]["online"] is not online:
                told.append(json.loads(await listener.stdout.readline()))

    async with Proxy(broker.port) as proxy:
        source = SourceEntry.model_validate({**entry, "url": f"mqtt://127.0.0.1:{proxy.port}"}).build()
        async with listening(source) as ear:
            await heard(online=True)
            await ear.until(lambda: ear.state is SourceState.CONNECTED)
            proxy.cut()  # the host is gone without a word: the broker says so for it
            await heard(online=False)
            proxy.open()
            await heard(online=True)
            assert told[-1]["timestamp"] > told[0]["timestamp"], "newer than the death: nodes go by the time"
    listener.terminate()
    await listener.wait()
