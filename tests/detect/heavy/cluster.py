"""A real Dask scheduler and its workers, each a process of its own, on free ports of the loopback address."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[3]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def until(true, seconds=240.0):
    """Wait until something holds; a machine under load may take its time."""
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, "it did not come to be"
        time.sleep(0.05)
    return found


class Cluster:
    """One scheduler; workers by name."""

    def __init__(self, folder: Path, tls: dict[str, Path] | None = None) -> None:
        self.folder, self.port = folder, free_port()
        self.scheme = "tls" if tls else "tcp"
        self.tls = [word for name, path in (tls or {}).items() for word in (f"--tls-{name}", str(path))]
        self.scheduler: subprocess.Popen[bytes] | None = None
        self.workers: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def address(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def begin(self) -> Cluster:
        words = ["--host", f"{self.scheme}://127.0.0.1", "--port", str(self.port), "--no-dashboard"]
        self.scheduler = self._start("scheduler", words)
        return self

    def work(self, *names: str, env: dict[str, str] | None = None) -> Cluster:
        for name in names:
            words = [self.address, "--name", name, "--nthreads", "1", "--no-dashboard", "--local-directory", str(self.folder)]
            self.workers[name] = self._start("worker", words, env or {})
        return self

    def kill_worker(self, name: str) -> None:
        """End a worker and whoever would begin it anew, as a machine that lost its power."""
        _kill(self.workers.pop(name))

    def kill_scheduler(self) -> None:
        assert self.scheduler is not None
        _kill(self.scheduler)
        self.scheduler = None

    def end(self) -> None:
        for name in list(self.workers):
            self.kill_worker(name)
        if self.scheduler is not None:
            self.kill_scheduler()

    def log(self) -> str:
        return "\n".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log")))

    def _start(self, kind: str, words: list[str], env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        own = (env or {}).get("PYTHONPATH", "")
        path = os.pathsep.join(one for one in (own, str(ROOT / "src"), str(ROOT)) if one)
        with (self.folder / f"{kind}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{kind}", *self.tls, *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **(env or {}), "PYTHONPATH": path},
                start_new_session=True,
            )


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and those it began; what those began must end by itself."""
    family = [process.pid]
    if process.poll() is None:
        family += [one.pid for one in psutil.Process(process.pid).children()]
    for pid in family:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    process.wait()
