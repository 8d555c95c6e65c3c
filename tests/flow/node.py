"""A real node in a process of its own, driven over REST as a plant's script would."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx

ADMIN = "flow-test-Admin-1"
EXAMPLES = Path(__file__).parents[2] / "examples"
BAKERY = Path(__file__).parents[2] / "src" / "lineshaft" / "examples" / "bakery"


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def lineshaft(*args: str, env: Mapping[str, str] | None = None, **kwargs: Any) -> subprocess.Popen[bytes]:
    """Start `python -m lineshaft ...`; its output goes where the caller says."""
    return subprocess.Popen([sys.executable, "-m", "lineshaft", *args], env={**os.environ, **(env or {})}, **kwargs)


def run(*args: str, env: Mapping[str, str] | None = None, timeout: float = 180) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "lineshaft", *args],
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def ended(process: subprocess.Popen[bytes]) -> None:
    """End a process: no test may leave one behind, however busy the machine is."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def until(what: Callable[[], Any], timeout: float = 90, every: float = 0.1) -> Any:
    """Ask again until the answer is true; the last answer is told when the time is over."""
    end = time.monotonic() + timeout
    answer: Any = None
    while time.monotonic() < end:
        answer = what()
        if answer:
            return answer
        time.sleep(every)
    raise AssertionError(f"not within {timeout} s: {what} (last answer {answer!r})")


class Node:
    """`lineshaft up` on a home; can be killed and started again."""

    def __init__(self, home: Path, log: Path | None = None) -> None:
        self.home = home
        self.port = free_port()
        self.log = log or home.parent / f"{home.name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}/api/v1/", timeout=30)

    def start(self, timeout: float = 180) -> Node:
        with self.log.open("ab") as out:
            self.process = lineshaft(
                "up",
                "--home",
                str(self.home),
                "--port",
                str(self.port),
                env={"LINESHAFT_ADMIN_PASSWORD": ADMIN},
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        try:
            until(self.alive, timeout)
        except BaseException:
            self.end()
            raise
        return self

    def alive(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"the node ended with {self.process.returncode}:\n{self.log.read_text()[-4000:]}")
        try:
            return self.http.get("health", headers={}).status_code in {200, 401}
        except httpx.TransportError:
            return False

    def login(self, name: str = "admin", password: str = ADMIN) -> str:
        answer = self.http.post("login", json={"name": name, "password": password})
        answer.raise_for_status()
        token = str(answer.json()["token"])
        self.http.cookies.clear()
        self.http.headers["Authorization"] = f"Bearer {token}"
        return token

    def get(self, path: str, **params: Any) -> Any:
        answer = self.http.get(path, params=params)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    def post(
        self, path: str, body: Any = None, *, key: str | None = None, token: str | None = None, expect: int | None = None
    ) -> Any:
        headers = {"Idempotency-Key": key} if key else {}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        answer = self.http.post(path, json=body if body is not None else {}, headers=headers)
        if expect is None:
            assert answer.status_code < 300, f"{path}: {answer.status_code} {answer.text}"
        else:
            assert answer.status_code == expect, f"{path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def end(self) -> None:
        """End the process if it runs: it is asked, and killed if it does not go."""
        if self.process is not None:
            ended(self.process)

    def stop(self) -> None:
        self.end()
        self.http.close()
