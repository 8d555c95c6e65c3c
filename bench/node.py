"""A real node and a real OPC UA machine for the benches that measure the whole way."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

PASSWORD = "bench-Admin-1"


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextlib.contextmanager
def running(*args: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "lineshaft", *args],
        env={**os.environ, "LINESHAFT_ADMIN_PASSWORD": PASSWORD},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def ask(url: str, path: str, token: str = "", body: object = None) -> object:
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    data = json.dumps(body).encode() if body is not None else None
    with urllib.request.urlopen(urllib.request.Request(f"{url}/api/v1/{path}", data, headers), timeout=20) as answer:
        return json.loads(answer.read())


def wait_for(url: str, seconds: float = 60) -> str:
    """Wait until the node answers; return a token of its administrator."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            answer = ask(url, "login", body={"name": "admin", "password": PASSWORD})
            return str(answer["token"])  # type: ignore[index]
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"{url} does not answer")


@contextlib.contextmanager
def up(prefix: str) -> Iterator[tuple[str, str, int]]:
    """Run `lineshaft up` on an empty home; yield its URL, a token and its process number."""
    with tempfile.TemporaryDirectory(prefix=prefix) as folder:
        port = free_port()
        with running("up", "--home", folder, "--port", str(port)) as process:
            url = f"http://127.0.0.1:{port}"
            yield url, wait_for(url), process.pid


@contextlib.contextmanager
def demo(prefix: str) -> Iterator[tuple[str, str, int]]:
    """Run `lineshaft demo`; yield its URL, a token and its process number."""
    with tempfile.TemporaryDirectory(prefix=prefix) as folder:
        port = free_port()
        with running("demo", "--home", str(Path(folder) / "home"), "--port", str(port)) as process:
            url = f"http://127.0.0.1:{port}"
            yield url, wait_for(url), process.pid
