"""A process that rewrites one day and ends. Killed at any moment, nothing is lost.

It reads a job from its standard input, writes files, says on its standard output how far it is and at last what it made. It
runs at low priority within a bound of memory, and ends at once when the node that started it does.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import duckdb

from lineshaft.core import Retryable
from lineshaft.store.rewrite import Job, Made, rewrite

_NICE = 15
_TOLD_S = 0.5


class Stopped(Retryable):
    """The process that rewrote a day was stopped; nothing is lost and it is tried again."""


class Worker:
    """Runs a job in a process of its own."""

    def __init__(self, memory: str, scratch: Path) -> None:
        self._memory = memory
        self._scratch = scratch
        self._lock = threading.Lock()
        self._child: subprocess.Popen[str] | None = None
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The number of the process while one is at work."""
        child = self._child
        return child.pid if child is not None else None

    def run(self, job: Job, told: Callable[[int], None]) -> Made:
        """Do a job. Raises Stopped if the process ended before it was done."""
        order = json.dumps({"job": asdict(job), "memory": self._memory, "scratch": str(self._scratch)})
        said: dict[str, Any] = {}
        with self._start() as child:
            try:
                assert child.stdin is not None  # noqa: S101 - both are pipes, see _start
                assert child.stdout is not None  # noqa: S101
                with contextlib.suppress(OSError):
                    child.stdin.write(order + "\n")
                    child.stdin.flush()
                for line in child.stdout:
                    said = _heard(line) or said
                    told(int(said.get("done", 0)))
            finally:
                child.kill()
                self._child = None
                with contextlib.suppress(OSError):  # an order it never read is still in the pipe's buffer
                    child.stdin.close()  # type: ignore[union-attr]
        if "error" in said:
            raise OSError(said["error"])
        if "made" not in said:
            raise Stopped("the process that rewrites a day was stopped", hint="it is tried again; nothing is lost")
        return Made.read(said["made"])

    def _start(self) -> subprocess.Popen[str]:
        with self._lock:
            if self._closed:
                raise Stopped("the node is stopping", hint="the day is rewritten after the next start")
            command = [sys.executable, "-c", "from lineshaft.store.worker import main; main()"]
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
            self._child = subprocess.Popen(  # noqa: S603 - our own program, nothing of it comes from outside
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
            )
            return self._child

    def close(self) -> None:
        """Stop what is under way."""
        with self._lock:
            self._closed = True
            child = self._child
        if child is not None:
            child.kill()


def _heard(line: str) -> dict[str, Any]:
    try:
        return dict(json.loads(line))
    except ValueError:
        return {}


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(1)


def main() -> None:
    """Read a job, do it, say what was made."""
    os.nice(_NICE)
    order = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    spoken = 0.0

    def told(done: int) -> None:
        nonlocal spoken
        if time.monotonic() - spoken >= _TOLD_S:
            spoken = time.monotonic()
            print(json.dumps({"done": done}), flush=True)  # noqa: T201 - this is how it is heard

    try:
        made = rewrite(Job(**order["job"]), engine(order["memory"], Path(order["scratch"])), told)
        answer: dict[str, Any] = {"made": made.plain()}
    except (OSError, duckdb.Error, ValueError) as error:
        answer = {"error": str(error)}
    print(json.dumps(answer), flush=True)  # noqa: T201
    os._exit(0)


def engine(memory: str, scratch: Path) -> duckdb.DuckDBPyConnection:
    """Return a DuckDB with one thread, a bound of memory and a place to put the rest."""
    connection = duckdb.connect()
    connection.execute(f"set threads=1; set memory_limit='{memory}'; set timezone='UTC'")
    connection.execute(f"set temp_directory='{str(scratch).replace(chr(39), chr(39) * 2)}'")
    return connection
