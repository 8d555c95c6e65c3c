"""Work in a process of its own: it tells how far it is, may be ended at any time, and never holds up the node."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar

from lineshaft.core import LineshaftError

A = TypeVar("A")
R = TypeVar("R")
Tell = Callable[[float, str], None]


class Apart(Generic[A, R]):
    """One piece of work: `prepare` here, `work` in a child process, `done` here with its result or the reason there is none."""

    def __init__(
        self,
        work: Callable[[A, Tell], R],
        prepare: Callable[[], A],
        step: Tell,
        done: Callable[[R | None, str], None],
    ) -> None:
        self._work, self._prepare, self._step, self._done = work, prepare, step, done
        self._process: BaseProcess | None = None
        self._lock = threading.Lock()
        self._future: Future[None] | None = None
        self._ended = threading.Event()
        self.cancelled = False

    def start(self, executor: Executor | None = None) -> Apart[A, R]:
        """Begin; with an executor, when it has a place for it."""
        if executor is None:
            threading.Thread(target=self._run, name="apart", daemon=True).start()
        else:
            self._future = executor.submit(self._run)
        return self

    def cancel(self) -> None:
        """End it; nothing is kept."""
        with self._lock:
            self.cancelled = True
            if self._process is not None:
                self._process.terminate()
        if self._future is not None and self._future.cancel():  # it never had its place
            self._deal_with(None, "")

    def wait(self, seconds: float | None = None) -> None:
        """Wait until it has ended and its result is dealt with."""
        self._ended.wait(seconds)

    def _deal_with(self, result: R | None, error: str) -> None:
        try:
            self._done(None if self.cancelled else result, "cancelled" if self.cancelled else error)
        finally:
            self._ended.set()

    def _run(self) -> None:
        result: R | None = None
        error = "the process ended without a result"
        try:
            if not self.cancelled:
                self._step(0.01, "gathering the values")
                result, error = self._listen(self._prepare(), error)
        except LineshaftError as problem:
            error = said(problem)
        except Exception as problem:
            error = f"the values could not be gathered: {problem}"
            raise
        finally:
            self._deal_with(result, error)

    def _listen(self, argument: A, error: str) -> tuple[R | None, str]:
        context = multiprocessing.get_context("spawn")
        pipe, theirs = context.Pipe(duplex=False)
        with self._lock:
            if self.cancelled:
                return None, "cancelled"
            self._process = context.Process(target=_child, args=(theirs, self._work, argument), name="apart", daemon=True)
            self._process.start()
        theirs.close()
        result: R | None = None
        try:
            while True:
                kind, first, second = pipe.recv()
                if kind == "done":
                    result, error = first, second
                    break
                self._step(first, second)
        except (EOFError, OSError):
            pass
        self._process.join(10)
        return result, error


def said(problem: LineshaftError) -> str:
    """Return what is wrong and the way out, in one line."""
    text = str(problem)
    return text if not problem.hint or problem.hint in text else f"{text} ({problem.hint})"


def _child(pipe: Connection, work: Callable[[Any, Tell], Any], argument: Any) -> None:
    try:
        pipe.send(("done", work(argument, lambda share, what: pipe.send(("step", share, what))), ""))
    except LineshaftError as problem:
        pipe.send(("done", None, said(problem)))
    except Exception as problem:  # noqa: BLE001 - whatever it is, the person who asked should read it
        pipe.send(("done", None, f"{type(problem).__name__}: {problem}"))
    pipe.close()
