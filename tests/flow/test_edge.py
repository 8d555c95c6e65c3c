"""A plant node and an edge node as processes: cut, black hole, kill -9 of both during the drain; nothing lost, nothing twice."""

from __future__ import annotations

import contextlib
import re
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
from tests.flow.node import Node, free_port, lineshaft, run, until

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

    def __init__(self, folder: Path) -> None:
        self.home, self.edge_home = folder / "plant", folder / "edge"
        self.home.mkdir()
        self.edge_home.mkdir()
        port = free_port()
        (self.home / "settings.toml").write_text(f'[edges]\nlisten = true\nhost = "127.0.0.1"\nport = {port}\n', encoding="utf-8")
        settings = '[edge]\nreport_every = "300ms"\ntimeout = "2s"\nrows = 1000\n'
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
        for number in range(batches):
            buffer.put("press", said(began, number * rows, rows))
        buffer.close()
        return batches * rows

    def start_edge(self) -> None:
        with self.log.open("ab") as out:
            self.edge = lineshaft("edge", "--home", str(self.edge_home), stdout=out, stderr=subprocess.STDOUT)

    def kill_edge(self) -> None:
        assert self.edge is not None
        self.edge.send_signal(signal.SIGKILL)
        self.edge.wait()

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
        if self.edge is not None and self.edge.poll() is None:
            self.edge.terminate()
            self.edge.wait(30)
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


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.stop()


def test_kills_and_cuts_during_the_drain_lose_nothing_and_store_nothing_twice(site: Site):
    site.enrol()
    values = site.fill(300)
    site.start_edge()
    until(lambda: site.stored(1_000), 60)
    site.kill_edge()
    site.start_edge()
    seen = site.account()["stored"]
    until(lambda: site.stored(min(seen + 1_000, values)), 60)
    site.wire.cut()
    site.wire.open()
    site.plant.kill()
    site.plant.start()
    site.plant.login()
    site.all_there(values)
    assert site.edge is not None
    assert site.edge.poll() is None
