"""A process of its own for one piece of work: it tells how far it is, ends when it is no longer wanted or takes too much memory.

`main` is that process. It gets its work by standard input and answers by standard output; when whoever began it is gone, it ends
by itself. It is no `multiprocessing.Process`: a worker of Dask is one whose children that library forbids.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import IO, Any

import psutil

from lineshaft.core import LineshaftError
from lineshaft.detect.heavy.job import ENDED, Tell, said

POLL_S = 0.2
_COMMAND = [sys.executable, "-c", "from lineshaft.detect.heavy.child import main; main()"]


def in_child(packed: bytes | memoryview, tell: Tell, unwanted: Callable[[], bool], memory: int = 0) -> tuple[bytes, str]:
    """Carry out packed work in another process; return its result, still packed, or none and what went wrong.

    `memory` is how many bytes the process may hold, 0 for as many as there are.
    """
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    process = subprocess.Popen(_COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env)  # noqa: S603 - ourselves
    watch = _Watch(process, unwanted, memory)
    try:
        made, error = _talk(process, packed, tell)
    finally:
        watch.end()
    return (made, error) if made or not watch.why else (b"", watch.why)


class _Watch:
    """Ends a process that is no longer wanted, or that takes more memory than it may."""

    def __init__(self, process: subprocess.Popen[bytes], unwanted: Callable[[], bool], memory: int) -> None:
        self._process, self._unwanted, self._memory = process, unwanted, memory
        self._over = threading.Event()
        self.why = ""
        self._thread = threading.Thread(target=self._run, name="apart", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Stop watching; the process is ended if it is still there."""
        self._over.set()
        self._thread.join()
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):  # what it did not read any more
                pipe.close()  # type: ignore[union-attr] - both were asked for

    def _run(self) -> None:
        while not self._over.wait(POLL_S):
            if self._unwanted():
                self.why = "cancelled"
            elif self._memory and _held(self._process.pid) > self._memory:
                self.why = f"it needs more memory than the {self._memory >> 20} MB it may take (look back less, or allow more)"
            if self.why:
                self._process.kill()
                return


def _held(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


def _talk(process: subprocess.Popen[bytes], packed: bytes | memoryview, tell: Tell) -> tuple[bytes, str]:
    assert process.stdin is not None  # noqa: S101 - both were asked for
    assert process.stdout is not None  # noqa: S101
    try:
        process.stdin.write(packed)
        process.stdin.flush()
        while True:
            kind, first, second = pickle.load(process.stdout)  # noqa: S301 - our own child
            if kind == "done":
                return first, second
            tell(first, second)
    except (EOFError, OSError, pickle.UnpicklingError):
        return b"", ENDED


def main() -> None:
    """Take one piece of work from standard input, and answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever began us
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    sys.stdout = sys.stderr
    _answer(sys.stdin.buffer, answers)
    answers.close()
    os._exit(0)


def _answer(given: IO[bytes], answers: IO[bytes]) -> None:
    def send(*what: Any) -> None:
        pickle.dump(what, answers, protocol=5)
        answers.flush()

    def tell(share: float, what: str) -> None:
        send("step", share, what)

    try:
        work, argument = pickle.load(given)  # noqa: S301 - from whoever began us
        threading.Thread(target=_orphaned, name="orphaned", daemon=True).start()
        send("done", pickle.dumps(work(argument, tell), protocol=5), "")
    except LineshaftError as problem:
        send("done", b"", said(problem))
    except Exception as problem:  # noqa: BLE001 - whatever it is, the person who asked should read it
        send("done", b"", f"{type(problem).__name__}: {problem}")


def _orphaned() -> None:
    """End when whoever began us is gone: its end of the pipe is closed then."""
    while os.read(0, 4096):
        pass
    os._exit(1)
