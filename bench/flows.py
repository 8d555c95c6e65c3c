"""The same flow twice, MQTT -> function -> file: an edge node of ours whose plant is away, and Node-RED as it is installed."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.edging import keeping
from bench.node import free_port, running
from lineshaft.connect.edge.identity import enrol
from tools import bootstrap
from tools.counterparts import NODE_RED

TOPIC = "hall/press/state"
STARTED_WITHIN = 120.0
CODE = "def run(rows):\n    return [('Fahrenheit', ts, value * 1.8 + 32) for _, ts, value, _ in rows]\n"
OURS = """
[[sources]]
name = "press"
type = "mqtt"
url = "mqtt://127.0.0.1:{port}"
[[sources.topics]]
filter = "{topic}"
fields = ["temperature"]

[[functions]]
name = "fahrenheit"
source = "press"
timeout = "20s"
code = '''
{code}'''
"""
FUNCTION = "msg.payload = Date.now() + ',' + (msg.payload.temperature * 1.8 + 32); return msg;"
SETTINGS = """module.exports = {{uiPort: {port}, uiHost: "127.0.0.1", flowFile: "flows.json", credentialSecret: false,
telemetry: {{enabled: false}}, logging: {{console: {{level: "info", metrics: false, audit: false}}}}}}
"""


@dataclass(frozen=True)
class Flow:
    """A running flow: how many messages are in its file, and what CPU time and memory its processes took."""

    done: Callable[[], int]
    pid: int

    def tree(self) -> list[psutil.Process]:
        return [psutil.Process(self.pid), *psutil.Process(self.pid).children(recursive=True)]

    def cpu(self) -> float:
        return sum(sum(one.cpu_times()[:2]) for one in self.tree())

    def megabytes(self) -> float:
        return sum(one.memory_full_info().pss for one in self.tree()) / 1e6


def sender(port: int) -> subprocess.Popen[bytes]:
    """Start mosquitto's own publisher; each line written to it is a message of quality 1."""
    program = shutil.which("mosquitto_pub") or "mosquitto_pub"
    command = [program, "-p", str(port), "-t", TOPIC, "-q", "1", "-l"]
    return subprocess.Popen(command, stdin=subprocess.PIPE)


@contextlib.contextmanager
def broker(folder: Path) -> Iterator[int]:
    """Run mosquitto as it is installed, but that it drops nothing."""
    port = free_port()
    lines = [f"listener {port} 127.0.0.1", "allow_anonymous true", "max_queued_messages 0"]
    (folder / "mosquitto.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if program is None:
        raise FileNotFoundError("no mosquitto here: apt-get install mosquitto mosquitto-clients brings it")
    with subprocess.Popen([program, "-c", str(folder / "mosquitto.conf")], stderr=subprocess.DEVNULL) as process:
        try:
            yield port
        finally:
            process.terminate()


@contextlib.contextmanager
def ours(port: int) -> Iterator[Flow]:
    """Run `lineshaft edge` whose plant is gone: what its function says is kept in its buffer, synced."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "edge"
        home.mkdir()
        with keeping(Path(folder) / "plant") as (url, code, _):
            enrol(home, url, code)
        (home / "settings.toml").write_text(OURS.format(port=port, topic=TOPIC, code=CODE), encoding="utf-8")

        def done() -> int:
            with contextlib.closing(sqlite3.connect(f"file:{home / 'edge.db'}?mode=ro", uri=True, timeout=30)) as db:
                return db.execute("SELECT coalesce(sum(rows), 0) FROM batch WHERE source = 'fahrenheit'").fetchone()[0]

        with running("edge", "--home", str(home)) as process:
            yield Flow(done, process.pid)


@contextlib.contextmanager
def node_red(port: int) -> Iterator[Flow]:
    """Run Node-RED with an `mqtt in`, a `function` and a `file` node, each as the palette gives it, quality 1."""
    with tempfile.TemporaryDirectory() as folder:
        home, out = Path(folder), Path(folder) / "out.csv"
        (home / "flows.json").write_text(json.dumps(_nodes(port, out)), encoding="utf-8")
        (home / "settings.js").write_text(SETTINGS.format(port=free_port()), encoding="utf-8")
        node = str(bootstrap.node() or "node")
        program = NODE_RED / "node_modules" / "node-red" / "red.js"
        command = [node, str(program), "-u", str(home), "-s", str(home / "settings.js")]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                yield Flow(lambda: out.read_bytes().count(b"\n") if out.exists() else 0, process.pid)
            finally:
                process.terminate()


def _nodes(port: int, out: Path) -> list[dict[str, object]]:
    line = {"broker": "127.0.0.1", "port": str(port), "clientid": "node-red", "autoConnect": True, "protocolVersion": "4"}
    heard = {"topic": TOPIC, "qos": "1", "datatype": "json", "broker": "b1", "nl": False, "rap": True, "rh": 0, "inputs": 0}
    kept = {"filename": str(out), "filenameType": "str", "appendNewline": True, "overwriteFile": "false", "encoding": "none"}
    function = {"func": FUNCTION, "outputs": 1, "timeout": 0, "initialize": "", "finalize": "", "libs": []}
    return [
        {"id": "t1", "type": "tab", "label": "flow", "disabled": False},
        {"id": "b1", "type": "mqtt-broker", "keepalive": "60", "cleansession": True, **line},
        {"id": "n1", "type": "mqtt in", "z": "t1", "wires": [["n2"]], **heard},
        {"id": "n2", "type": "function", "z": "t1", "wires": [["n3"]], **function},
        {"id": "n3", "type": "file", "z": "t1", "createDir": False, "wires": [[]], **kept},
    ]
