"""One heavy job, what comes of it, and who carries it out."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from lineshaft.core import LineshaftError

A = TypeVar("A")
R = TypeVar("R")
Tell = Callable[[float, str], None]
ENDED = "the process ended without a result"


@dataclass(frozen=True, slots=True)
class Job(Generic[A, R]):
    """`work` on what `prepare` gathers; `step` hears how far it is, `stopped` is set when nobody wants it any more."""

    work: Callable[[A, Tell], R]
    prepare: Callable[[], A]
    step: Tell
    stopped: threading.Event = field(default_factory=threading.Event)

    def packed(self) -> bytes:
        """Gather the values; return them and the work as bytes that another process can open."""
        self.step(0.01, "gathering the values")
        return pickle.dumps((self.work, self.prepare()), protocol=5)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result, or the reason there is none; and where it was made, if not on this node."""

    result: Any
    error: str = ""
    where: str = ""


class Executor(Protocol):
    """Carries out heavy jobs: one engine a file."""

    def run(self, job: Job[Any, Any]) -> Outcome:
        """Carry one out, from another thread than the node's own; ends soon after `stopped` is set."""
        ...

    def look(self) -> tuple[str, str]:
        """Say who would carry one out, and what keeps some away. Raises LineshaftError when nobody would."""
        ...


def said(problem: LineshaftError) -> str:
    """Return what is wrong and the way out, in one line."""
    text = str(problem)
    return text if not problem.hint or problem.hint in text else f"{text} ({problem.hint})"


def opened(packed: bytes, error: str, where: str = "") -> Outcome:
    """Return the outcome of what another process made."""
    return Outcome(pickle.loads(packed) if packed else None, error, where)  # noqa: S301 - from our own work
