"""Work apart from the node's own: it tells how far it is, may be ended at any time, and never holds up the node."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Generic

from lineshaft.core import LineshaftError
from lineshaft.detect.heavy.job import ENDED, A, Executor, Job, Outcome, R, Tell, said
from lineshaft.detect.heavy.trainings import Processes, Trainings

__all__ = ["Apart", "Tell", "said"]


class Apart(Generic[A, R]):
    """One piece of work: `prepare` here, `work` in another process, `done` here with its result or the reason there is none."""

    def __init__(
        self,
        work: Callable[[A, Tell], R],
        prepare: Callable[[], A],
        step: Tell,
        done: Callable[[R | None, str], None],
    ) -> None:
        self._job: Job[Any, Any] = Job(work, prepare, step)
        self._done = done
        self._engine: Executor = Processes()
        self._future: Future[None] | None = None
        self._ended = threading.Event()
        self.where = ""
        """Where the result was made, if not on this node."""

    @property
    def cancelled(self) -> bool:
        """Whether it was given up."""
        return self._job.stopped.is_set()

    def start(self, trainings: Trainings | None = None) -> Apart[A, R]:
        """Begin, when there is a place for it; without places at once, on this node."""
        if trainings is None:
            threading.Thread(target=self._run, name="apart", daemon=True).start()
        else:
            self._engine = trainings.engine
            self._future = trainings.places.submit(self._run)
        return self

    def cancel(self) -> None:
        """End it; nothing is kept."""
        self._job.stopped.set()
        if self._future is not None and self._future.cancel():  # it never had its place
            self._deal_with(Outcome(None))

    def wait(self, seconds: float | None = None) -> None:
        """Wait until it has ended and its result is dealt with."""
        self._ended.wait(seconds)

    def _deal_with(self, outcome: Outcome) -> None:
        try:
            self.where = outcome.where
            self._done(None if self.cancelled else outcome.result, "cancelled" if self.cancelled else outcome.error)
        finally:
            self._ended.set()

    def _run(self) -> None:
        outcome = Outcome(None, ENDED)
        try:
            if not self.cancelled:
                outcome = self._engine.run(self._job)
        except LineshaftError as problem:
            outcome = Outcome(None, said(problem))
        except Exception as problem:
            outcome = Outcome(None, f"it broke off: {type(problem).__name__}: {problem}")
            raise
        finally:
            self._deal_with(outcome)
