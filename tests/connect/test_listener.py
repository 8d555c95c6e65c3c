"""The listener for devices, against clients nobody here wrote: mosquitto_pub (C) and gmqtt."""

from __future__ import annotations

import asyncio
import json
import shutil
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import gmqtt
import pytest
from gmqtt.mqtt.constants import MQTTv50, MQTTv311
from gmqtt.mqtt.handler import MQTTConnectError

from lineshaft.connect import MIGRATIONS, SourceEntry, SourceState
from lineshaft.connect.listener import DeviceFile, Devices
from lineshaft.connect.listener.packets import Body, Malformed, hello, message
from lineshaft.core import Conflict, Database, InvalidInput, NotFound
from tests.connect.conftest import Ear, listening


@pytest.fixture
def devices(tmp_path: Path) -> Iterator[Devices]:
    db = Database(f"sqlite:///{tmp_path / 'd.db'}")
    db.migrate({"connect": MIGRATIONS})
    yield Devices(db, tmp_path)
    db.close()


def create(devices: Devices, name: str, *topics: str) -> str:
    with devices._db.begin() as tx:
        made = devices.create(tx, name, topics)
    devices.publish()
    return str(made["secret"])


def change(devices: Devices, what: str, name: str) -> dict[str, Any]:
    with devices._db.begin() as tx:
        made = getattr(devices, what)(tx, name)
    devices.publish()
    return dict(made)


class Slow(Ear):
    """An outlet whose disk takes its time: `kept` waits until it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.disk = asyncio.Event()

    async def kept(self) -> None:
        await self.disk.wait()


@asynccontextmanager
async def node(ear: Ear | None = None, scheme: str = "listen", **more: Any) -> AsyncIterator[tuple[Ear, int]]:
    topics = more.pop("topics", [{"filter": "#"}])
    entry = {"name": "hall", "type": "mqtt", "url": f"{scheme}://127.0.0.1:0", "topics": topics, **more}
    source: Any = SourceEntry.model_validate(entry).build()
    async with listening(source, ear) as heard:
        await heard.until(lambda: heard.state is SourceState.CONNECTED)
        yield heard, source._ear.port


async def call(port: int, name: str, secret: str, version: int = MQTTv50, client: str = "c1", **more: Any) -> gmqtt.Client:
    made = gmqtt.Client(client, clean_session=True, **more)
    made.set_config({"reconnect_retries": 0, "reconnect_delay": 0})
    if name:
        made.set_auth_credentials(name, secret)
    await made.connect("127.0.0.1", port, version=version, keepalive=5)
    return made


@asynccontextmanager
async def calling(*args: Any, **more: Any) -> AsyncIterator[gmqtt.Client]:
    client = await call(*args, **more)
    try:
        yield client
    finally:
        with suppress(Exception):
            await client.disconnect()


@pytest.mark.parametrize("version", [MQTTv50, MQTTv311])
@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_a_device_publishes_to_a_node_without_a_broker(devices: Devices, version: int, qos: int):
    secret = create(devices, "dryer-3")
    async with node() as (ear, port), calling(port, "dryer-3", secret, version=version) as client:
        for i in range(50):
            client.publish("dryer-3/temp", str(20 + i), qos=qos)
        await ear.until(lambda: len(ear.of("dryer-3/temp")) == 50)
        assert ear.of("dryer-3/temp") == [20.0 + i for i in range(50)]
        assert "1 devices connected" in ear.statuses[-1].message
    assert DeviceFile(Path(devices._home)).seen()["dryer-3"]["messages"] == 50


async def test_a_message_is_acknowledged_only_when_it_is_on_disk(devices: Devices):
    secret = create(devices, "dryer-3")
    ear = Slow()
    async with node(ear) as (_, port), calling(port, "dryer-3", secret) as client:
        for i in range(20):
            client.publish("dryer-3/temp", str(i), qos=1)
        await ear.until(lambda: len(ear.of("dryer-3/temp")) == 20)
        await asyncio.sleep(0.2)
        assert len(client._persistent_storage._messages) == 20, "nothing is acknowledged yet"
        ear.disk.set()
        async with asyncio.timeout(20):
            await client._persistent_storage.wait_empty()


@pytest.mark.parametrize("version", [MQTTv50, MQTTv311])
@pytest.mark.parametrize(("name", "secret"), [("", ""), ("dryer-3", "wrong"), ("nobody", "x")])
async def test_nobody_publishes_without_a_name_and_its_secret(devices: Devices, version: int, name: str, secret: str):
    create(devices, "dryer-3")
    async with node() as (ear, port):
        with pytest.raises(MQTTConnectError):
            await call(port, name, secret, version=version)
        assert "1 calls refused" in ear.statuses[-1].message
        assert name in ear.statuses[-1].message


async def test_a_device_keeps_to_its_own_topics(devices: Devices):
    secret = create(devices, "dryer-3", "hall/+/temp")
    async with node() as (ear, port), calling(port, "dryer-3", secret) as client:
        client.publish("hall/7/temp", "1", qos=1)
        client.publish("hall/7/speed", "2", qos=1)
        await ear.until(lambda: bool(ear.rejected) and bool(ear.of("hall/7/temp")))
        assert ear.rejected == [("hall/7/speed", "the device 'dryer-3' may not publish to it", 1)]
        assert ear.of("hall/7/speed") == []


@pytest.mark.parametrize("what", ["revoke", "renew"])
async def test_a_revoked_device_is_cut_off_and_stays_out(devices: Devices, what: str):
    secret = create(devices, "dryer-3")
    async with node() as (ear, port), calling(port, "dryer-3", secret) as client:
        client.publish("dryer-3/temp", "1", qos=1)
        await ear.until(lambda: bool(ear.of("dryer-3/temp")))
        made = change(devices, what, "dryer-3")
        await ear.until(lambda: "0 devices connected" in ear.statuses[-1].message)
        with pytest.raises(MQTTConnectError):
            await call(port, "dryer-3", secret)
        if what == "renew":
            async with calling(port, "dryer-3", made["secret"], client="c2"):
                pass


async def test_a_will_is_the_last_word_of_a_lost_device(devices: Devices):
    secret = create(devices, "dryer-3")
    will = gmqtt.Message("dryer-3/state", "gone", qos=1)
    async with node() as (ear, port):
        client = await call(port, "dryer-3", secret, will_message=will)
        client._connection._transport.abort()
        await ear.until(lambda: ear.of("dryer-3/state") == ["gone"])
        with suppress(Exception):
            await client.disconnect()  # else it calls again by itself
        async with calling(port, "dryer-3", secret, will_message=will) as other:
            other.publish("dryer-3/temp", "1", qos=1)
            await ear.until(lambda: bool(ear.of("dryer-3/temp")))
        await ear.until(lambda: "0 devices" in ear.statuses[-1].message)
        assert ear.of("dryer-3/state") == ["gone"], "who says goodbye has no will"


async def test_nothing_is_handed_out(devices: Devices):
    secret = create(devices, "dryer-3")
    granted: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
    async with node() as (_, port), calling(port, "dryer-3", secret) as client:
        client.on_subscribe = lambda _client, _mid, codes, _properties: granted.set_result(list(codes))
        client.subscribe("dryer-3/#", qos=1)
        async with asyncio.timeout(20):
            assert await granted == [0x87]


@pytest.mark.counterpart
async def test_tls_with_our_own_authority_and_a_device_in_c(devices: Devices, home: Path):
    program = shutil.which("mosquitto_pub")
    if not program:
        pytest.skip("no mosquitto_pub here: `apt-get install mosquitto-clients`")
    secret = create(devices, "dryer-3")

    async def publish(port: int, *more: str) -> int:
        words = [
            "-h",
            "127.0.0.1",
            "-p",
            str(port),
            "-u",
            "dryer-3",
            "-P",
            secret,
            "-q",
            "1",
            "-t",
            "dryer-3/temp",
            "-m",
            "21.5",
            *more,
        ]
        process = await asyncio.create_subprocess_exec(program, *words, stderr=asyncio.subprocess.DEVNULL)
        return await process.wait()

    async with node(scheme="listens") as (ear, port):
        ca = home / "devices-ca" / "ca.pem"
        assert await publish(port, "--cafile", str(ca)) == 0
        await ear.until(lambda: ear.of("dryer-3/temp") == [21.5])
        assert await publish(port, "--cafile", ssl.get_default_verify_paths().cafile or str(ca.with_name("none"))) != 0
        assert await publish(port) != 0, "without TLS nothing is taken"
        assert (home / "devices-ca" / "ca.key").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "sent", [b"\x10\x00", b"GET / HTTP/1.1\r\n\r\n", b"\x30\x05\x00\x01ab", b"\x10\xff\xff\xff\xff\x7f", b"\x10\x04\x00\x04MQTT"]
)
async def test_what_is_no_mqtt_is_hung_up_on(devices: Devices, sent: bytes):
    create(devices, "dryer-3")
    async with node() as (ear, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        writer.write_eof()
        with suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()
        assert ear.values() == []


def test_packets_that_are_cut_short_are_told():
    whole = b"\x00\x04MQTT\x04\xc2\x00\x05\x00\x01c\x00\x01u\x00\x01p"
    assert (hello(whole).user, hello(whole).password) == ("u", b"p")
    for end in range(len(whole)):
        with pytest.raises(Malformed):
            hello(whole[:end])
    for bad in (b"\x00\x00", b"\x00\x01#", b"\x00\x02\xff\xfe"):
        with pytest.raises(Malformed):
            message(0, bad, 4)
    with pytest.raises(Malformed):
        Body(b"\x00\x03a\x00b").text()


def test_the_register_tells_a_secret_once_and_keeps_a_digest(devices: Devices, tmp_path: Path):
    secret = create(devices, "dryer-3")
    assert secret not in (tmp_path / "devices.json").read_text() + str(devices.all())
    assert (tmp_path / "devices.json").stat().st_mode & 0o077 == 0
    assert json.loads((tmp_path / "devices.json").read_text())["dryer-3"]["topics"] == ["dryer-3/#"]
    with pytest.raises(Conflict):
        create(devices, "dryer-3")
    with pytest.raises(InvalidInput):
        create(devices, "dryer 3")
    with pytest.raises(InvalidInput):
        create(devices, "d", "a/#/b")
    with pytest.raises(NotFound, match="no device"):
        change(devices, "revoke", "dryer-4")
    change(devices, "revoke", "dryer-3")
    assert json.loads((tmp_path / "devices.json").read_text()) == {}
    assert create(devices, "dryer-3") != secret
