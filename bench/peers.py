"""Time-series servers from Debian as peers, on loopback: VictoriaMetrics and InfluxDB, fed as their manuals say."""

from __future__ import annotations

import contextlib
import http.client
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.node import free_port

INFLUX = """reporting-disabled=true
bind-address="127.0.0.1:{rpc}"
[meta]
dir="{folder}/meta"
[data]
dir="{folder}/data"
wal-dir="{folder}/wal"
index-version="tsi1"
wal-fsync-delay="0s"
query-log-enabled=false
cache-max-memory-size="2g"
[http]
bind-address="127.0.0.1:{port}"
log-enabled=false
max-body-size=0
[monitor]
store-enabled=false
"""


@dataclass(frozen=True)
class Server:
    """A running peer: it is sent bodies, and asked what CPU time it took."""

    pid: int
    post: Callable[[str, str], int]
    get: Callable[[str], bytes]

    def cpu(self) -> float:
        tree = [psutil.Process(self.pid), *psutil.Process(self.pid).children(recursive=True)]
        return sum(sum(one.cpu_times()[:2]) for one in tree)


@contextlib.contextmanager
def victoria(folder: Path) -> Iterator[Server | None]:
    """Start VictoriaMetrics; None where it is not installed."""
    port = free_port()
    options = [f"-storageDataPath={folder}", f"-httpListenAddr=127.0.0.1:{port}", "-retentionPeriod=100y", "-loggerLevel=ERROR"]
    options += ["-search.maxPointsPerTimeseries=100000", "-search.latencyOffset=0s"]
    with _running("victoria-metrics", options, port) as server:
        yield server


@contextlib.contextmanager
def influx(folder: Path) -> Iterator[Server | None]:
    """Start InfluxDB with a database `bench`, its log fsynced at every write; None where it is not installed."""
    port = free_port()
    config = folder / "influx.conf"
    config.write_text(INFLUX.format(folder=folder, port=port, rpc=free_port()), encoding="utf-8")
    with _running("influxd", ["-config", str(config)], port) as server:
        if server is not None:
            server.post("/query?q=create+database+bench", "")
        yield server


@contextlib.contextmanager
def _running(program: str, options: list[str], port: int) -> Iterator[Server | None]:
    if shutil.which(program) is None:
        print(f"no peer {program} here: apt-get install {'influxdb' if program == 'influxd' else program} brings it")
        yield None
        return
    process = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield Server(process.pid, _poster(port), _getter(port))
    finally:
        process.terminate()
        process.wait(30)


def _poster(port: int) -> Callable[[str, str], int]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    deadline = time.monotonic() + 30
    while True:
        with contextlib.suppress(OSError):
            connection.connect()
            break
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing listens on port {port}")
        time.sleep(0.1)

    def post(path: str, body: str) -> int:
        connection.request("POST", path, body.encode())
        answer = connection.getresponse()
        answer.read()
        if answer.status not in (200, 204):
            raise RuntimeError(f"{path}: {answer.status}")
        return answer.status

    return post


def _getter(port: int) -> Callable[[str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)

    def get(path: str) -> bytes:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {body[:300]!r}")
        return body

    return get
