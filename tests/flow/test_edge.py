"""A plant node and an edge node as processes: cut, black hole, kill -9 of both during the drain; nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from lineshaft.connect import EdgeBuffer
from lineshaft.core import SAMPLES, now_ns
from tests.counterparts.mosquitto import mosquitto
from tests.flow.node import Node, ended, free_port, lineshaft, run, until

TAGS = 20
CODE = re.compile(r"[0-9a-f]{32}-[0-9a-f]{20}")
SOURCE = "hall-2/press"


class Wire:
    """A TCP proxy between edge and plant: `cut` closes and refuses, `hole` swallows without a word, `open` passes."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._passing = threading.Event()
        self._passing.set()
        self._refuse = False
        self._links: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self._start(self._accept)

    def _start(self, what: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=what, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            try:
                if self._refuse:
                    raise ConnectionError
                far = socket.create_connection(("127.0.0.1", self._target), timeout=5)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            self._links += [near, far]
            self._start(self._pump, near, far)
            self._start(self._pump, far, near)

    def _pump(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65_536):
                self._passing.wait()
                other.sendall(data)
        for end in (one, other):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        self._refuse = True
        for link in self._links:
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)

    def hole(self) -> None:
        self._passing.clear()

    def open(self) -> None:
        self._refuse = False
        self._passing.set()

    def close(self) -> None:
        self.open()
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self.cut()
        for thread in self._threads:
            thread.join(10)
        for link in self._links:
            link.close()


class Site:
    """A plant, a wire and an edge."""

    def __init__(self, folder: Path, config: Path | None = None) -> None:
        self.home, self.edge_home = folder / "plant", folder / "edge"
        self.home.mkdir()
        self.edge_home.mkdir()
        if config is not None:
            shutil.copytree(config, self.home / "config")
        port = free_port()
        (self.home / "settings.toml").write_text(f'[edges]\nlisten = true\nhost = "127.0.0.1"\nport = {port}\n', encoding="utf-8")
        settings = '[edge]\nreport_every = "300ms"\ntimeout = "2s"\nrows = 1000\nhealthy_within = "6s"\n'
        (self.edge_home / "settings.toml").write_text(settings, encoding="utf-8")
        self.plant = Node(self.home).start()
        self.plant.login()
        self.wire = Wire(port)
        self.url = f"https://127.0.0.1:{self.wire.port}"
        self.edge: subprocess.Popen[bytes] | None = None
        self.log = folder / "edge.log"

    def enrol(self) -> None:
        code = CODE.search(run("edges", "--home", str(self.home), "invite", "hall-2").stdout)
        assert code is not None
        done = run("edge", "--home", str(self.edge_home), "enrol", self.url, code[0])
        assert "hall-2" in done.stdout, done.stderr

    def fill(self, batches: int, rows: int = 200) -> int:
        """Let a machine have spoken while the edge was alone; return how many values it said."""
        buffer = EdgeBuffer(self.edge_home / "edge.db")
        began = now_ns() - batches * rows * 10_000_000
        buffer.put_all([("press", said(began, number * rows, rows)) for number in range(batches)])
        buffer.close()
        return batches * rows

    def start_edge(self) -> None:
        with self.log.open("ab") as out:
            self.edge = lineshaft("edge", "--home", str(self.edge_home), stdout=out, stderr=subprocess.STDOUT)

    def kill_edge(self) -> None:
        assert self.edge is not None
        self.edge.send_signal(signal.SIGKILL)
        self.edge.wait()

    def stop_edge(self) -> None:
        assert self.edge is not None
        self.edge.terminate()
        self.edge.wait(90)

    def account(self) -> dict[str, int]:
        rows = [row for row in self.plant.get("ledger")["items"] if row["source"] == SOURCE]
        return {name: sum(row[name] for row in rows) for name in ("received", "stored", "duplicate", "pending", "balance")}

    def stored(self, least: int) -> bool:
        return self.account()["stored"] >= least

    def all_there(self, values: int) -> dict[str, int]:
        """Wait until every value is stored once and the accounts balance; return the account."""

        def there() -> dict[str, int] | None:
            found = self.account()
            return found if found["stored"] == values and found["pending"] == 0 else None

        account: dict[str, int] = until(there, 90)
        assert account["balance"] == 0
        assert account["received"] == values + account["duplicate"]
        distinct = self.plant.post("sql", {"sql": f"SELECT count(*) AS n FROM samples WHERE source = '{SOURCE}'"})
        assert distinct["rows"][0][0] == values
        return account

    def stop(self) -> None:
        if self.edge is not None:
            ended(self.edge)
        self.plant.stop()
        self.wire.close()


def said(began: int, first: int, rows: int) -> pa.RecordBatch:
    number = np.arange(first, first + rows)
    tags = pa.DictionaryArray.from_arrays(pa.array((number % TAGS).astype(np.int32)), pa.array([f"T{n:02}" for n in range(TAGS)]))
    columns = {
        "tag": tags,
        "ts": pa.array(began + number * 10_000_000, pa.timestamp("ns", "UTC")),
        "v": pa.array(number.astype(np.float64)),
        "q": pa.array(np.zeros(rows, np.int16)),
    }
    arrays = [columns.get(field.name, pa.nulls(rows, field.type)) for field in SAMPLES]
    return pa.RecordBatch.from_arrays(arrays, schema=SAMPLES)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("site"))
    try:
        made.enrol()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def machine(node: Path, npm_counterparts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A node-opcua server in a process of its own; its port."""
    port = free_port()
    pki = tmp_path_factory.mktemp("machine") / "pki"
    command = [str(node), str(npm_counterparts / "opcua_server.mjs"), str(port), "4", "20", str(pki)]
    with subprocess.Popen(command, cwd=npm_counterparts, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert any(line.startswith("listening") for line in process.stdout)
        yield port
        process.kill()


def config_text(machine: int, broker: int, *more: str) -> str:
    return f"""
[[sources]]
name = "mill"
type = "opcua"
url = "opc.tcp://127.0.0.1:{machine}/line"
security = "None"
nodes = ["ns=1;s=v0", "ns=1;s=v1", "ns=1;s=v2"]

[[derived]]
source = "mill"
name = "half"
formula = "v / 2"
inputs = {{v = "ns=1;s=v0"}}

[[pipelines]]
source = "mill"
tags = "ns=1;s=v1"
deadband = 5

[uns]
url = "mqtt://127.0.0.1:{broker}"
prefix = "acme"
[[uns.bind]]
source = "mill"
tag = "half"
path = "Site/Mill/Half"
""" + "".join(more)


FUNCTION = """
[[functions]]
name = "sum"
source = "mill"
tags = "ns=1;s=v2"
code = '''
total = 0
def run(rows):
    global total
    total += sum(row[2] for row in rows)
    return [("total", rows[-1][1], total)]
'''
"""
CRASHING = FUNCTION.replace('"sum"', '"bad"').replace("total += sum(row[2] for row in rows)", "1 / 0")
RULE = """
[[rules]]
name = "slow down"
source = "mill"
formula = "if(v > 3, 60)"
inputs = {v = "ns=1;s=v0"}
target = "mill"
tag = "ns=1;s=x/Setpoint"
minimum = 50
maximum = 120
expires = "2099-01-01T00:00:00Z"
"""


async def read_setpoint(port: int) -> float:
    from asyncua import Client

    async with Client(f"opc.tcp://127.0.0.1:{port}/line") as client:
        return float(await client.get_node("ns=1;s=x/Setpoint").read_value())


@pytest.mark.counterpart
@pytest.mark.timeout(300)
@pytest.mark.filterwarnings("ignore:unclosed transport:ResourceWarning")
def test_a_configuration_is_given_approved_tried_and_taken_back(site: Site, machine: int, tmp_path: Path):
    plant, broker = site.plant, free_port()
    second = {"name": "boss", "password": "a long enough password", "roles": ["admin"], "display": "Boss"}
    plant.post("users", second)
    boss = plant.http.post("login", json={"name": "boss", "password": second["password"]}).json()["token"]
    plant.http.cookies.clear()

    def edge() -> dict[str, Any]:
        found: dict[str, Any] = plant.get("edges/hall-2")
        return found

    def runs(number: int) -> bool:
        return edge()["config"] == number and not edge()["trial"]

    with mosquitto(tmp_path, broker):
        site.start_edge()
        good = config_text(machine, broker)
        assert plant.post("edges/hall-2/configs", {"text": good})["number"] == 1
        until(lambda: runs(1), 60)
        heard = shutil.which("mosquitto_sub")
        assert heard is not None
        topic = ["-h", "127.0.0.1", "-p", str(broker), "-t", "acme/Site/Mill/Half", "-C", "1", "-W", "20"]
        payload = json.loads(subprocess.run([heard, *topic], capture_output=True, check=True).stdout)
        assert payload["quality"] == "good"
        assert payload["value"] * 2 == int(payload["value"] * 2)

        # cut off from the plant: the local consumers notice nothing, and what waits is handed over afterwards
        site.wire.cut()
        topic[topic.index("-C") + 1] = "5"
        subprocess.run([heard, *topic], capture_output=True, check=True)
        site.wire.open()

        # a source that is not there: the one before runs again by itself
        plant.post("edges/hall-2/configs", {"text": good.replace(str(machine), str(free_port())), "note": "wrong port"})
        until(lambda: (edge()["refused"] or {}).get("number") == 2, 60)
        until(lambda: runs(1))

        # a function that crashes is no reason to stop, but a new configuration with it is not taken; nor without approval
        made = plant.post("edges/hall-2/configs", {"text": good + FUNCTION + RULE})
        assert made["waits"] is True
        plant.post("edges/hall-2/configs/3/approve", expect=403)
        assert asyncio.run(read_setpoint(machine)) == 117.6
        plant.post("edges/hall-2/configs/3/approve", token=boss)
        until(lambda: runs(3), 60)
        until(lambda: any(rule["writes"] for rule in edge()["rules"]))
        assert asyncio.run(read_setpoint(machine)) == 60.0
        until(
            lambda: [row for row in plant.get("audit")["items"] if row["action"] == "writes.rule" and row["outcome"] == "ok"], 30
        )

        # killed on trial: it begins the trial again, and goes back
        plant.post("edges/hall-2/configs", {"text": good.replace(str(machine), str(free_port()))})
        until(lambda: edge()["config"] == 4 and edge()["trial"])
        site.kill_edge()
        site.start_edge()
        until(lambda: (edge()["refused"] or {}).get("number") == 4, 60)
        until(lambda: runs(3))
        plant.post("edges/hall-2/configs/1/want")
        until(lambda: runs(1), 60)

    until(lambda: plant.get("edges/hall-2")["sources"])
    site.stop_edge()
    site.start_edge()
    until(lambda: plant.get("edges/hall-2")["state"] == "online")

    def balanced() -> bool:
        rows = [row for row in plant.get("ledger")["items"] if row["source"] in ("hall-2/mill", "hall-2/sum")]
        kinds = {row["source"]: row for row in rows}
        thinned = next(row for row in rows if row["tag"] == "ns=1;s=v1")
        return len(kinds) == 2 and thinned["filtered"] > 0 and all(row["balance"] == 0 for row in rows)

    until(balanced)
    site.stop_edge()


@pytest.mark.timeout(300)
def test_kills_and_cuts_during_the_drain_lose_nothing_and_store_nothing_twice(site: Site):
    values = site.fill(300)
    site.start_edge()
    until(lambda: site.stored(1_000), 60)
    site.kill_edge()
    site.start_edge()
    seen = site.account()["stored"]
    until(lambda: site.stored(min(seen + 1_000, values)), 60)
    site.wire.cut()
    site.wire.open()
    site.wire.hole()  # nobody says anything any more: the edge's own patience ends it
    until(lambda: "timed out" in site.log.read_text(), 60)
    site.wire.open()
    site.plant.kill()
    site.plant.start()
    site.plant.login()
    site.all_there(values)
    assert site.edge is not None
    assert site.edge.poll() is None
