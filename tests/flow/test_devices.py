"""Devices publish to a fresh node without a broker; it is killed again and again: what was acknowledged is there, once."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import gmqtt
import pytest
from gmqtt.mqtt.constants import MQTTv311

from lineshaft.core import now_ns
from tests.flow.node import Node, free_port, run, until

KILLS = 3


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[tuple[Node, int]]:
    home, port = tmp_path / "home", free_port()
    (home / "config" / "models").mkdir(parents=True)
    (home / "config" / "models" / "dryer.yaml").write_text(
        "model: Dryer\nversion: 1\nproperties:\n  - {name: Count, kind: measurement, type: double}\n"
    )
    (home / "config" / "plant.yaml").write_text(
        "assets:\n  - name: Hall\n    children:\n      - {name: Dryer, model: Dryer, source: devices, tags: {Count: dryer-3/n}}\n"
    )
    (home / "settings.toml").write_text(
        f'[[sources]]\nname = "devices"\ntype = "mqtt"\nurl = "listens://127.0.0.1:{port}"\n'
        '[[sources.topics]]\nfilter = "#"\npayload = "json"\nvalue = "n"\nname = "as"\ntime = "t"\ntag = "{topic}"\n'
    )
    node = Node(home)
    yield node, port
    node.stop()


class Sensor:
    """A device that counts: QoS 1, and it remembers what was acknowledged."""

    def __init__(self, port: int, secret: str, ca: Path) -> None:
        self.acknowledged: set[int] = set()
        self._sent: dict[int, int] = {}
        self._n = 0
        self._port, self._secret, self._ca = port, secret, ca

    async def run(self, until_enough: asyncio.Event) -> None:
        while not until_enough.is_set():
            with suppress(OSError, TimeoutError):
                await self._session(until_enough)
            await asyncio.sleep(0.1)

    async def _session(self, enough: asyncio.Event) -> None:
        context = ssl.create_default_context(cafile=str(self._ca))
        client = gmqtt.Client("c", clean_session=True)
        client.set_config({"reconnect_retries": 0, "reconnect_delay": 0})
        client.set_auth_credentials("dryer-3", self._secret)
        lost = asyncio.Event()
        client.on_disconnect = lambda *_: lost.set()
        async with asyncio.timeout(5):
            await client.connect("127.0.0.1", self._port, ssl=context, version=MQTTv311, keepalive=5)  # type: ignore[arg-type]
        try:
            while not lost.is_set() and not enough.is_set():
                numbers = range(self._n, self._n + 20)
                self._n += 20
                for n in numbers:
                    when = 1_700_000_000_000 + n
                    client.publish("dryer-3/n", f'{{"as": "n", "n": {n}, "t": {when}}}', qos=1)
                with suppress(TimeoutError):
                    async with asyncio.timeout(2):
                        await client._persistent_storage.wait_empty()
                    self.acknowledged |= set(numbers)
                    continue
                break
        finally:
            with suppress(Exception):
                await client.disconnect()


@pytest.mark.slow
def test_what_a_device_was_told_is_kept_survives_kill_9_of_the_node(plant: tuple[Node, int]) -> None:
    node, port = plant
    node.start()
    node.login()
    secret = node.post("devices", {"name": "dryer-3"}, expect=201)["secret"]
    ca = node.home / "devices-ca" / "ca.pem"
    until(ca.exists)

    async def work() -> Sensor:
        sensor, enough = Sensor(port, secret, ca), asyncio.Event()
        task = asyncio.create_task(sensor.run(enough))
        for _ in range(KILLS):
            before = len(sensor.acknowledged)
            async with asyncio.timeout(60):
                while len(sensor.acknowledged) < before + 100:  # noqa: ASYNC110 - counted elsewhere
                    await asyncio.sleep(0.01)
            await asyncio.to_thread(node.kill)
            await asyncio.to_thread(node.start)
        async with asyncio.timeout(60):
            before = len(sensor.acknowledged)
            while len(sensor.acknowledged) < before + 100:  # noqa: ASYNC110 - counted elsewhere
                await asyncio.sleep(0.01)
        enough.set()
        await task
        return sensor

    sensor = asyncio.run(work())
    assert len(sensor.acknowledged) >= 400

    def stored() -> set[int]:
        rows: list[dict[str, float]] = []
        after = ""
        while True:
            more = {"after": after} if after else {}
            span = {"start": "2023-11-14T00:00:00Z", "end": "2023-11-16T00:00:00Z"}
            page = node.get("history", property="Hall/Dryer/Count", limit=5000, **span, **more)
            rows += page["rows"]
            after = page["next"]
            if not after:
                break
        values = [int(row["value"]) for row in rows]
        assert len(values) == len(set(values)), "a value is there twice"
        return set(values)

    until(lambda: sensor.acknowledged <= stored(), timeout=60)
    until(lambda: all(row["balance"] == 0 for row in node.get("ledger", limit=100)["items"]), timeout=30)


@pytest.mark.counterpart
def test_a_sensor_publishes_to_a_fresh_node_by_the_command_line_alone(plant: tuple[Node, int]) -> None:
    node, port = plant
    program = shutil.which("mosquitto_pub")
    if not program:
        pytest.skip("no mosquitto_pub here: `apt-get install mosquitto-clients`")
    node.start()
    node.login()
    made = run("devices", "--home", str(node.home), "create", "dryer-3")
    secret = next(line.split()[1] for line in made.stdout.splitlines() if line.startswith("password"))
    ca = node.home / "devices-ca" / "ca.pem"
    said = f'{{"as": "n", "n": 7, "t": {now_ns() // 10**6}}}'
    words = [
        program,
        "-h",
        "127.0.0.1",
        "-p",
        str(port),
        "--cafile",
        str(ca),
        "-q",
        "1",
        "-t",
        "dryer-3/n",
        "-m",
        said,
    ]
    assert subprocess.run([*words, "-u", "dryer-3", "-P", "wrong"], capture_output=True, check=False).returncode != 0
    assert subprocess.run(words, capture_output=True, check=False).returncode != 0, "nobody is anonymous"
    assert subprocess.run([*words, "-u", "dryer-3", "-P", secret], capture_output=True, check=False).returncode == 0
    until(lambda: node.get("latest", property="Hall/Dryer/Count")["items"][0]["value"] == 7.0)
    assert "dryer-3" in run("devices", "--home", str(node.home), "list").stdout
    assert run("devices", "--home", str(node.home), "revoke", "dryer-3").returncode == 0
    assert subprocess.run([*words, "-u", "dryer-3", "-P", secret], capture_output=True, check=False).returncode != 0
