"""Training in a process of its own: it waits its turn, tells how far it is, may be ended at any time, never holds up the node."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from lineshaft.core import LineshaftError
from lineshaft.detect.anomaly import Evaluation, Model, evaluate, fit, load
from lineshaft.detect.machines.together import pooled

Tell = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Member:
    """One machine: its table, its settings, what is known about its past, and the version a new one is held against."""

    table: dict[str, Any]
    settings: dict[str, Any]
    labels: list[tuple[Any, ...]] = field(default_factory=list[tuple[Any, ...]])
    rival: bytes = b""
    about: dict[str, Any] = field(default_factory=dict[str, Any])
    prefix: str = ""
    """What the names of its columns begin with, where several machines learn together."""


@dataclass(frozen=True, slots=True)
class Task:
    """What to learn from, and what to try the result on: one machine, or several that learn together."""

    members: list[Member]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it: the model's bytes and how it was made, or why there is none."""

    blob: bytes | None
    about: dict[str, Any]
    backtest: dict[str, Any]
    error: str = ""


Results = list[Result]


def learn(task: Task, tell: Tell) -> Results:
    """Train on tables, and say what the model would have raised over each of them."""
    try:
        made = _fit(task.members, lambda share, what: tell(0.8 * share, what))
        tell(0.85, "backtest")
        return [_result(one, model) for one, model in zip(task.members, made, strict=True)]
    except LineshaftError as error:
        said = f"{error} ({error.hint})" if error.hint else str(error)
        return [Result(None, {}, {}, said) for _ in task.members]


def _fit(members: list[Member], tell: Tell) -> list[Model]:
    if len(members) == 1:
        one = members[0]
        return [fit(one.table, labels=one.labels, progress=tell, **one.settings)]
    table, settings = pooled([(one.table, one.labels, one.settings, one.prefix) for one in members])
    model = fit(table, progress=tell, **settings)
    return [model.renamed(lambda name, prefix=one.prefix: f"{prefix}{name}", **one.settings) for one in members]


def _result(one: Member, model: Model) -> Result:
    told = _told(evaluate(model, one.table, labels=one.labels))
    if one.rival:
        told["rival"] = _told(evaluate(load(one.rival), one.table, labels=one.labels))
    model.about.update(one.about)
    return Result(model.to_bytes(), model.about, told)


def _told(found: Evaluation) -> dict[str, Any]:
    return {**found.as_dict(), "said": str(found)}


def better(backtest: dict[str, Any]) -> bool:
    """Say whether a version is no worse than its rival on the same rows: labelled anomalies found, then false alarms."""
    rival = backtest.get("rival")
    if rival is None:
        return True
    return bool(backtest["found"] >= rival["found"] and backtest["false_alarms"] <= rival["false_alarms"])


def _child(pipe: Connection, task: Task) -> None:
    pipe.send(("done", learn(task, lambda share, what: pipe.send(("step", share, what)))))
    pipe.close()


class Training:
    """One training: waits for a place among those at work, then runs in a child process."""

    def __init__(self, task: Callable[[], Task], step: Tell, done: Callable[[Results], None]) -> None:
        self._task, self._step, self._done = task, step, done
        self._process: BaseProcess | None = None
        self._lock = threading.Lock()
        self._future: Future[None] | None = None
        self.cancelled = False

    def start(self, executor: Executor) -> Training:
        """Wait for a place."""
        self._future = executor.submit(self._run)
        return self

    def cancel(self) -> None:
        """End the process; nothing is kept."""
        with self._lock:
            self.cancelled = True
            if self._process is not None:
                self._process.terminate()
        if self._future is not None and self._future.cancel():
            self._done([Result(None, {}, {}, "cancelled")])

    def wait(self, seconds: float | None = None) -> None:
        """Wait until it has ended."""
        if self._future is not None:
            wait([self._future], seconds)

    def _run(self) -> None:
        results = [Result(None, {}, {}, "the training process ended without a result")]
        try:
            if not self.cancelled:
                self._step(0.01, "gathering the values")
                task = self._task()
                results = self._listen(task) or results
        except LineshaftError as error:
            results = [Result(None, {}, {}, str(error))]
        except Exception as error:
            results = [Result(None, {}, {}, f"the values could not be gathered: {error}")]
            raise
        finally:
            self._done([Result(None, {}, {}, "cancelled")] if self.cancelled else results)

    def _listen(self, task: Task) -> Results | None:
        context = multiprocessing.get_context("spawn")
        pipe, theirs = context.Pipe(duplex=False)
        with self._lock:
            if self.cancelled:
                return None
            self._process = context.Process(target=_child, args=(theirs, task), name="training", daemon=True)
            self._process.start()
        theirs.close()
        results: Results | None = None
        try:
            while results is None:
                said: Any = pipe.recv()
                if said[0] == "done":
                    results = said[1]
                else:
                    self._step(said[1], said[2])
        except (EOFError, OSError):
            pass
        self._process.join(10)
        return results
