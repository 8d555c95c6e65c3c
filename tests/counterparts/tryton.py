"""A real Tryton server for a test: a company with one supplier and one spare part, on SQLite and a free loopback port.

Tryton is a program of its own that we speak to over HTTP. Setting its database up takes 20 s, so a ready one is kept beside the
program, in the folder that a renewed lock throws away.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.counterparts.postgresql import end_with_parent
from tests.counterparts.programs import FOLDER, MEND, python

SETUP = Path(__file__).with_name("tryton_setup.py")
DATABASE = "plant"


class Absent(Exception):
    """Tryton is not installed; the sentence says how to."""


class Tryton:
    """A running server; `purchases()` reads what it holds by its own REST interface, not by our connector."""

    def __init__(self, folder: Path, port: int, key: str) -> None:
        self.folder, self.port, self.key = folder, port, key
        self.url = f"http://127.0.0.1:{port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, seconds: float = 120) -> None:
        interpreter = python("tryton")
        assert interpreter is not None
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [interpreter, interpreter.with_name("trytond"), "-c", self.folder / "trytond.conf", "-d", DATABASE],
                cwd=self.folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=end_with_parent,  # noqa: PLW1509 - one prctl call between fork and exec
            )
        end = time.monotonic() + seconds
        while True:
            try:
                self.get("company.company")
            except (OSError, ValueError):
                assert self._process.poll() is None, (self.folder / "log").read_text()[-2000:]
                assert time.monotonic() < end, "Tryton did not answer in time"
                time.sleep(0.1)  # it tells nobody that it is ready
            else:
                return

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = None

    def call(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/{DATABASE}/rest/model/{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or b"null")

    def get(self, model: str, *fields: str, domain: object = ()) -> Any:
        packed = base64.urlsafe_b64encode(json.dumps(list(domain)).encode()).decode()
        return self.call("GET", f"{model}?d={packed}" + "".join(f"&f={name}" for name in fields))

    def purchases(self) -> list[dict[str, Any]]:
        rows = self.get("purchase.purchase", "number", "state", "reference", "lines.quantity", "lines.product.code")
        return sorted(rows, key=lambda row: row["id"])

    @property
    def options(self) -> dict[str, Any]:
        return {"url": self.url, "database": DATABASE, "key_env": "TRYTON_KEY"}


def prepared() -> Path:
    """Return the folder of a ready database, made at the first call."""
    interpreter = python("tryton")
    if interpreter is None:
        raise Absent(f"Tryton is not installed here: {MEND}")
    ready = FOLDER / "tryton" / "ready"
    if ready.exists():
        return ready
    folder = Path(tempfile.mkdtemp(prefix="making-", dir=FOLDER / "tryton"))
    (folder / "db").mkdir()
    (folder / "db" / f"{DATABASE}.sqlite").touch()
    (folder / "pass").write_text("lubricant-42-Otter")
    configuration = write_configuration(folder, 1)
    env = {"PATH": os.environ.get("PATH", ""), "TRYTONPASSFILE": str(folder / "pass"), "LC_ALL": "C.UTF-8", "HOME": str(folder)}
    modules = ("purchase", "stock_supply", "purchase_request")
    make = ["-c", configuration, "-d", DATABASE, "--email", "admin@plant.example", "-u", *modules, "--activate-dependencies"]
    for command in ([interpreter.with_name("trytond-admin"), *make], [SETUP, configuration, folder / "key"]):
        done = subprocess.run(
            [interpreter, *command], cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=600
        )
        if done.returncode:
            raise AssertionError(f"setting Tryton up failed: {(done.stdout + done.stderr)[-2000:]}")
    try:
        folder.rename(ready)
    except OSError:  # another test process was first
        shutil.rmtree(folder, ignore_errors=True)
    return ready


def write_configuration(folder: Path, port: int) -> Path:
    path = folder / "trytond.conf"
    path.write_text(f"[database]\nuri = sqlite://\npath = {folder / 'db'}\n[web]\nlisten = 127.0.0.1:{port}\n")
    return path


@contextmanager
def running() -> Iterator[Tryton]:
    """Start a server on a copy of the ready database. Raises Absent where Tryton is not installed."""
    ready = prepared()
    with tempfile.TemporaryDirectory(prefix="lineshaft-tryton-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        shutil.copytree(ready / "db", folder / "db")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        write_configuration(folder, port)
        server = Tryton(folder, port, (ready / "key").read_text())
        try:
            server.start()
            yield server
        finally:
            server.stop()
