"""Training in a process of its own: it tells how far it is, may be ended at any time, and never holds up the node."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from lineshaft.core import LineshaftError
from lineshaft.detect.anomaly import evaluate, fit


@dataclass(frozen=True, slots=True)
class Task:
    """What to learn from, and what to try the result on."""

    table: dict[str, Any]
    settings: dict[str, Any]
    labels: list[tuple[Any, ...]] = field(default_factory=list[tuple[Any, ...]])


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it: the model's bytes and how it was made, or why there is none."""

    blob: bytes | None
    about: dict[str, Any]
    backtest: dict[str, Any]
    error: str = ""


def learn(task: Task, tell: Callable[[float, str], None]) -> Result:
    """Train on a table, and say what the model would have raised over it."""
    try:
        model = fit(task.table, labels=task.labels, progress=lambda share, what: tell(0.8 * share, what), **task.settings)
        tell(0.85, "backtest")
        told = evaluate(model, task.table, labels=task.labels)
        return Result(model.to_bytes(), model.about, {**told.as_dict(), "said": str(told)})
    except LineshaftError as error:
        return Result(None, {}, {}, str(error))


def _child(pipe: Connection, task: Task) -> None:
    pipe.send(("done", learn(task, lambda share, what: pipe.send(("step", share, what)))))
    pipe.close()


class Training:
    """One training under way in a child process."""

    def __init__(self, task: Task, step: Callable[[float, str], None], done: Callable[[Result], None]) -> None:
        self._step, self._done = step, done
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe(duplex=False)
        self._process = context.Process(target=_child, args=(theirs, task), name="training", daemon=True)
        self._process.start()
        theirs.close()
        self.cancelled = False
        self.thread = threading.Thread(target=self._listen, name="training", daemon=True)
        self.thread.start()

    def cancel(self) -> None:
        """End the process; nothing is kept."""
        self.cancelled = True
        self._process.terminate()

    def wait(self, seconds: float | None = None) -> None:
        """Wait until it has ended."""
        self.thread.join(seconds)

    def _listen(self) -> None:
        result = Result(None, {}, {}, "the training process ended without a result")
        try:
            while True:
                said: Any = self._pipe.recv()
                if said[0] == "done":
                    result = said[1]
                    break
                self._step(said[1], said[2])
        except (EOFError, OSError):
            pass
        self._process.join(10)
        self._process.close()
        self._done(Result(None, {}, {}, "cancelled") if self.cancelled else result)
