"""A source is one protocol connection to machines; what it hears goes into an Outlet.

Sources only listen: they have no way to write to a machine. They run until cancelled, reconnect by themselves and say
how they are; a source that raises is restarted by the gateway and stops nobody else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, runtime_checkable

import pyarrow as pa

from lineshaft.core import now_ns


class SourceState(StrEnum):
    """How the line to a machine is: `degraded` means it speaks, but some of its tags do not."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    DEGRADED = "degraded"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """What a source says of itself: its state, one sentence, since when, and which tags are bad for which reason."""

    name: str
    state: SourceState
    message: str = ""
    since: int = field(default_factory=now_ns)
    tags_ok: int = 0
    tags_bad: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class SourceChanged:
    """Told on the bus when a source's state, message or bad tags changed."""

    status: SourceStatus


class Outlet(Protocol):
    """Where a source puts what it hears; given to it by the gateway."""

    def emit(self, rows: pa.RecordBatch) -> None:
        """Take rows with the columns of SAMPLES, in the order they arrived."""
        ...

    def status(self, status: SourceStatus) -> None:
        """Take the source's word on how it is."""
        ...

    def reject(self, tag: str, reason: str, n: int = 1) -> None:
        """Count `n` values of a tag that were heard but cannot be taken."""
        ...

    async def ready(self) -> None:
        """Wait while the gateway has no room: a source that awaits this leaves the values in its machine's queue."""
        ...

    async def kept(self) -> None:
        """Wait until everything emitted so far lies in the edge buffer, on disk: only then acknowledge it to a sender."""
        ...


@runtime_checkable
class Source(Protocol):
    """One connection to machines: `PLUGIN` of a module in connect/sources is a class of this kind.

    It is made as `PLUGIN(name, options)` where `PLUGIN.Options` is the frozen Section of its settings.
    """

    name: str

    async def run(self, out: Outlet) -> None:
        """Listen until cancelled, reconnecting without losing what the machine kept."""
        ...


@runtime_checkable
class Rehearses(Protocol):
    """A source that keeps a place (how far a file was read), or says something to others: it has a twin that does neither."""

    def rehearsal(self) -> Source:
        """Return a source that reads the same once, and leaves no trace."""
        ...


@runtime_checkable
class TakesPictures(Protocol):
    """A source that is also given pictures, not only finds them: whoever sends one by HTTP has it judged as the others are."""

    name: str

    @property
    def judge(self) -> str:
        """What people call the model that judges; empty: none does."""
        ...

    def give(self, content: bytes, suffix: str, said: Mapping[str, str]) -> str:
        """Take a picture, durably, and return what it is called. Raises InvalidInput or Retryable."""
        ...
