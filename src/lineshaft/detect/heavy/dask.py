"""The engine for more machines: a Dask scheduler of the plant and its workers. The only file that knows Dask (extra `dask`).

One client a job, so that one that goes wrong is nobody else's trouble. On a worker the job runs as it would on the node: in a
process of its own, ended when the node no longer wants it. What a scheduler or a worker loses begins again.
"""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable, Generator
from concurrent import futures
from contextlib import contextmanager, suppress
from typing import Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt
from dask import config
from distributed import Client, Future, KilledWorker, Security, Status, get_worker
from distributed.client import ClosedClientError
from distributed.versions import get_versions

from lineshaft.core import LineshaftError, SystemEvent
from lineshaft.detect.heavy.alike import PACKAGES, differs
from lineshaft.detect.heavy.child import in_child
from lineshaft.detect.heavy.job import Job, Outcome, Tell, opened
from lineshaft.detect.heavy.settings import TrainingSettings

ATTEMPTS = 5
"""So often a job is begun anew when a scheduler or worker was lost with it."""
CONNECT_S = 3.0
PAUSE_S = 1.0
TELL_S = 0.25
LOOK_S = 2.0
ANSWER_S = 30.0
"""So long a scheduler may think about an answer; one that is frozen gives none, and must hold nobody up."""
WIDEST = 100
EVENT = "detect:training"
MEND = "start it, mend what differs, or leave [training] scheduler empty to train on this node"
Fitting = tuple[dict[str, str | None], dict[str, str]]


class Lost(Exception):
    """The scheduler, or what a worker had of the job, is gone; it begins again."""


class Silent(Lost):
    """It is there, and does not answer."""


class Dask:
    """Carries out jobs on the workers of one scheduler."""

    def __init__(self, settings: TrainingSettings, tell: Callable[[SystemEvent], None], memory: int = 0) -> None:
        self._settings, self._tell, self._memory = settings, tell, memory
        self._name = f"the Dask scheduler {settings.scheduler}"
        self._waiting = set[int]()
        self._told = dict[str, str]()
        config.set({"distributed.admin.large-graph-warning-threshold": "1TB"})  # a table is as large as it is

    def run(self, job: Job[Any, Any]) -> Outcome:
        """Carry out one job on a worker; wait for one, and begin again what was lost."""
        text = ""
        for _ in range(ATTEMPTS):
            try:
                with self._connected(job) as client:
                    return self._carried_out(client, job)
            except Lost as lost:
                text = str(lost)
                job.step(0.0, f"begins again: {text}"[:WIDEST])
            finally:
                self._waiting.discard(id(job))
        hint = "see the logs of the scheduler and the workers, or leave [training] scheduler empty to train on this node"
        raise LineshaftError(f"{text}; {ATTEMPTS} times while it was trained", hint=hint, code="training.lost")

    def look(self) -> tuple[str, str]:
        """Say how many workers would carry one out, and what keeps others away. Raises LineshaftError when none would."""
        client, why = self._connect()
        if client is not None:
            try:
                found, why = self._fitting(client, threading.Event())
                if found is not None:
                    fit = sum(not what for what in found[1].values())
                    return f"{self._name} answers, workers that fit: {fit}", self._told[f"{EVENT}:workers"]
            except Lost as lost:
                why = str(lost)
            finally:
                client.close(timeout=2)
        raise LineshaftError(why, hint=MEND, code="training.away")

    # -- a scheduler and workers that fit

    @contextmanager
    def _connected(self, job: Job[Any, Any]) -> Generator[Client]:
        client: Client = self._patient(job, self._connect)
        try:
            yield client
        finally:
            with suppress(OSError):  # of a scheduler that is gone nobody takes leave
                client.close(timeout=2)

    def _connect(self) -> tuple[Client | None, str]:
        one, security = self._settings, None
        try:
            if one.scheduler.startswith("tls:"):
                files = {"tls_ca_file": one.ca, "tls_client_cert": one.certificate, "tls_client_key": one.key}
                security = Security(require_encryption=True, **files)
            return Client(one.scheduler, security=security, timeout=CONNECT_S, set_as_default=False), ""
        except (OSError, ValueError) as error:  # whatever TLS, a name or time makes of it
            return None, f"{self._name} does not answer: {error}"

    def _fitting(self, client: Client, stopped: threading.Event) -> tuple[Fitting | None, str]:
        """Return this node's packages, and by each worker's address what keeps it away; or why there is none."""
        try:
            found = _ask(lambda: client.get_versions(packages=list(PACKAGES)), self._name, stopped)
        except Silent:
            return None, f"{self._name} or one of its workers does not answer"
        here = found["client"]["packages"]
        unlike = differs(here, found["scheduler"]["packages"], extras=())
        if unlike:
            return None, f"{self._name} {unlike}"
        odd = {address: differs(here, (one or {}).get("packages") or {}) for address, one in found["workers"].items()}
        said = "; ".join(f"the worker {address} {what}" for address, what in sorted(odd.items()) if what)
        if all(odd.values()):
            return None, said or f"{self._name} has no worker"
        self._condition(f"{EVENT}:workers", said, hint="install the same there; until then it is not used")
        return (here, odd), ""

    def _patient(self, job: Job[Any, Any], ask: Callable[[], tuple[Any, str]]) -> Any:
        """Return what is asked for as soon as it is there, telling that a training waits. Raises when it took too long."""
        until, step = time.monotonic() + self._settings.patience_s, _changes(job.step)
        while not job.stopped.is_set():
            found, why = ask()
            if found is not None:
                self._over(job)
                return found
            self._waits(job, why)
            if time.monotonic() > until:
                text = f"{why}; it was waited for {self._settings.patience}"
                raise LineshaftError(text, hint=f"{MEND}, and train again", code="training.away")
            step(0.0, why[:WIDEST])
            job.stopped.wait(PAUSE_S)
        self._over(job)
        raise LineshaftError("cancelled", code="training.cancelled")

    def _waits(self, job: Job[Any, Any], why: str) -> None:
        self._waiting.add(id(job))
        self._condition(EVENT, f"trainings wait: {why}", hint=MEND)

    def _over(self, job: Job[Any, Any]) -> None:
        """Tell that no training waits any more, if this was the last; one that was given up left what it waited for told."""
        self._waiting.discard(id(job))
        if not self._waiting:
            self._condition(EVENT, "")

    def _condition(self, key: str, text: str, hint: str = "") -> None:
        """Tell a condition of the system when it is new, or its end."""
        before, self._told[key] = self._told.get(key, ""), text
        if text != before:
            self._tell(SystemEvent(key, text or "over", "warning", active=bool(text), hint=hint))

    # -- one job on a worker

    def _carried_out(self, client: Client, job: Job[Any, Any]) -> Outcome:
        here, odd = self._patient(job, lambda: self._fitting(client, job.stopped))
        fit = [address for address, what in odd.items() if not what]
        chosen = fit if len(fit) < len(odd) else None
        key, heard = f"lineshaft-{uuid4().hex}", queue.SimpleQueue[Any]()

        def told(event: Any) -> None:
            heard.put(event[1])

        def over(_: Any) -> None:
            heard.put(("end",))

        client.subscribe_topic(key, told)
        packed = np.frombuffer(job.packed(), np.uint8)  # as an array it travels without being copied
        future = client.submit(train, key, here, self._memory, packed, key=key, pure=False, workers=chosen)
        del packed  # a table is large: from here on the scheduler keeps it
        future.add_done_callback(over)
        answered = [time.monotonic()]
        ended = self._follow(job, heard, lambda: self._look(client, chosen, job, answered))
        self._over(job)
        if ended:
            return self._ended(future, job.stopped)
        _ask(future.cancel, self._name, threading.Event())
        return Outcome(None, "cancelled")

    def _follow(self, job: Job[Any, Any], heard: queue.SimpleQueue[Any], look: Callable[[], str]) -> bool:
        """Hand on what a worker tells until it has ended, True, or nobody wants it any more."""
        where, share, looked, step = "", 0.02, time.monotonic(), _changes(job.step)
        while not job.stopped.is_set():
            try:
                kind, *what = heard.get(timeout=TELL_S)
            except queue.Empty:
                if time.monotonic() - looked > LOOK_S:
                    why, looked = look(), time.monotonic()
                    if why or not where:
                        step(share, why or "waiting for a worker that is free")
                continue
            if kind == "end":
                return True
            if kind == "begun":
                again, where = f": {where} was lost" if where else "", what[0]
                step(0.02, f"begun at {where}{again}"[:WIDEST])
            else:
                share = what[0]
                step(share, f"{what[1]} (at {where})"[:WIDEST])
        return False

    def _look(self, client: Client, chosen: list[str] | None, job: Job[Any, Any], answered: list[float]) -> str:
        """Say if the scheduler is silent; Lost if it is so for long, or has nobody: Dask would wait for ever and tell nobody."""
        try:
            alive = set(_ask(client.nthreads, self._name, job.stopped))
        except Silent as silent:
            if time.monotonic() - answered[0] > self._settings.patience_s:
                raise
            self._waits(job, str(silent))
            return str(silent)[:WIDEST]
        self._over(job)
        answered[0] = time.monotonic()
        if not (alive if chosen is None else alive.intersection(chosen)):
            raise Lost(f"the last worker of {self._name} was lost")
        return ""

    def _ended(self, future: Future[Any], stopped: threading.Event) -> Outcome:
        if future.status == "finished":
            packed, error, unlike, where = _ask(future.result, "the worker", stopped, math.inf)
            if unlike:
                raise Lost(f"the worker {where} {unlike}")
            return opened(packed, f"{error} (at {where})" if error else "", where)
        if future.status != "error":
            raise Lost(f"{self._name} was lost")
        problem = future.exception()
        if isinstance(problem, KilledWorker):
            died = f"{problem.allowed_failures + 1} workers died while they trained it (too little memory?)"
            return Outcome(None, f"{died}; their logs say why")
        if isinstance(problem, ImportError | AttributeError):
            raise Lost(f"a worker or the scheduler lacks what this node has: {problem}")
        return Outcome(None, f"{type(problem).__name__}: {problem}")


def _changes(step: Tell) -> Tell:
    """Hand on only what is new."""
    last = list[tuple[float, str]]()

    def tell(share: float, what: str) -> None:
        if last != [(share, what)]:
            last[:] = [(share, what)]
            step(share, what)

    return tell


def _ask(what: Callable[[], Any], whom: str, stopped: threading.Event, seconds: float = 0.0) -> Any:
    """Return the answer of the scheduler. Raises Lost if it is gone, Silent if it takes too long or nobody waits any more."""
    answer, until = futures.Future[Any](), time.monotonic() + (seconds or ANSWER_S)

    def run() -> None:
        try:
            answer.set_result(what())
        except Exception as error:  # noqa: BLE001 - handed on to who asked
            answer.set_exception(error)

    threading.Thread(target=run, name="asking", daemon=True).start()
    while not futures.wait([answer], TELL_S).done:
        if stopped.is_set() or time.monotonic() > until:
            raise Silent(f"{whom} does not answer")
    try:
        return answer.result()
    except (OSError, ValueError, futures.CancelledError, ClosedClientError) as error:
        raise Lost(f"{whom} was lost: {error}") from error


# -- on the worker


def train(key: str, here: dict[str, str | None], memory: int, packed: npt.NDArray[np.uint8]) -> tuple[bytes, str, str, str]:
    """Carry out packed work on this worker: what was made, what went wrong, in what it is not like the node, and its name."""
    worker, last = get_worker(), [0.0]
    name = str(worker.name)
    there: Any = get_versions(packages=list(PACKAGES))
    unlike = differs(here, there["packages"])
    if unlike:
        return b"", "", unlike, name
    worker.log_event(key, ("begun", name))

    def tell(share: float, what: str) -> None:
        if time.monotonic() - last[0] > TELL_S:
            last[0] = time.monotonic()
            worker.log_event(key, ("step", share, what))

    own: Any = getattr(worker.memory_manager, "memory_limit", None)
    limits = [one for one in (memory, int(own or 0) // worker.state.nthreads) if one]
    return *in_child(packed.data, tell, lambda: _unwanted(worker, key), min(limits, default=0)), "", name


def _unwanted(worker: Any, key: str) -> bool:
    """Whether the scheduler no longer asks for a job, or this worker ends."""
    task = worker.state.tasks.get(key)
    asked = task is not None and task.state in ("executing", "long-running")
    return not asked or worker.status in (Status.closing, Status.closed, Status.failed)
