"""Asking machines in rounds: the way all polled protocols share, so that each only says how one round is read.

A round that comes too late is left out and counted, never piled up; a line that is cut makes the tags bad once, with the
reason, and is called again; a tag that cannot be read says why and stops no other.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa

from lineshaft.connect.source import Outlet, SourceState, SourceStatus
from lineshaft.core import ConfigError, CredentialsError, now_ns

FIRST_DELAY, LONGEST_DELAY, REFUSED_DELAY = 0.3, 10.0, 30.0
REMEMBER = 60.0
"""Seconds a round that was left out is talked about."""


class LineLost(Exception):
    """The machine does not answer any more: the line is closed and opened anew."""


def not_cancelled() -> None:
    """Raise CancelledError if this task was cancelled and a library kept that to itself: pymodbus does while it connects."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


class Budget:
    """A controller's budget of requests: `wait` keeps the distance between them that it asks for."""

    def __init__(self, requests_per_second: float) -> None:
        self._pause = 1.0 / requests_per_second
        self._next = 0.0

    def due(self) -> float:
        """Take the next place and return how many seconds to wait for it; ten may follow each other after a silence."""
        now = time.monotonic()
        self._next = max(self._next, now - 10 * self._pause) + self._pause
        return self._next - now if self._next > now + self._pause else 0.0

    async def wait(self) -> None:
        """Wait until the next request may be sent."""
        if seconds := self.due():
            await asyncio.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Round:
    """What one round heard: rows, and why some of the round's tags gave nothing."""

    rows: Sequence[pa.RecordBatch]
    bad: Mapping[str, str] = field(default_factory=dict[str, str])


class Device(Protocol):
    """One line to a controller that is asked in rounds."""

    address: str
    rounds: Sequence[float]
    """Seconds between the rounds, one entry for each group of tags."""

    async def open(self) -> None:
        """Open the line. Raises OSError, TimeoutError or LineLost when nobody is there."""
        ...

    async def close(self) -> None:
        """Close the line; never raises."""
        ...

    async def read(self, group: int, ts: int) -> Round:
        """Ask for one group. Raises LineLost, OSError or TimeoutError when the whole line is gone."""
        ...

    def tags(self, group: int) -> Sequence[str]:
        """Return the names of the group's tags."""
        ...

    def lost(self, group: int, ts: int) -> pa.RecordBatch:
        """Return a bad row without value for every tag of the group."""
        ...


class Poller:
    """Runs the rounds of one device until cancelled."""

    def __init__(self, name: str, device: Device, known_bad: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.device = device
        self._never = dict(known_bad or {})
        self._bad: dict[int, Mapping[str, str]] = {}
        self._heard: set[int] = set()
        self._late: list[float] = []

    async def run(self, out: Outlet) -> None:
        """Ask until cancelled, calling again after each cut."""
        delay = FIRST_DELAY
        out.status(self._status(SourceState.CONNECTING, f"calling {self.device.address}"))
        try:
            while True:
                try:
                    await self.device.open()
                    await self._ask(out)
                except (ConfigError, CredentialsError) as error:
                    delay = REFUSED_DELAY
                    out.status(self._status(SourceState.DOWN, str(error)))
                except (LineLost, OSError, TimeoutError) as error:
                    delay = FIRST_DELAY if self._heard else delay
                    self._cut(out)
                    out.status(self._status(SourceState.DOWN, f"{str(error) or type(error).__name__}; calling again"))
                await self.device.close()
                not_cancelled()
                await asyncio.sleep(delay)
                delay = min(delay * 2, LONGEST_DELAY)
        finally:
            self._heard.clear()
            self._bad.clear()
            await self.device.close()

    async def _ask(self, out: Outlet) -> None:
        """Ask each group when it is due; the line is one, so groups wait for each other."""
        rounds = self.device.rounds
        due = [time.monotonic()] * len(rounds)
        while True:
            group = min(range(len(rounds)), key=lambda g: due[g])
            await asyncio.sleep(max(0.0, due[group] - time.monotonic()))
            await out.ready()
            answer = await self.device.read(group, now_ns())
            not_cancelled()
            for rows in answer.rows:
                out.emit(rows)
            first = group not in self._heard
            self._heard.add(group)
            changed = self._bad.get(group) != answer.bad
            self._bad[group] = answer.bad
            due[group] = self._next(due[group], rounds[group])
            if first or changed or self._forgets():
                out.status(self._connected())

    def _next(self, was_due: float, every: float) -> float:
        """Return when the group is due again, leaving out rounds whose time has passed."""
        due, now = was_due + every, time.monotonic()
        if due < now - every:
            left_out = int((now - due) // every)
            due += left_out * every
            self._late.extend([now] * min(left_out, 1_000))
        return due

    def _forgets(self) -> bool:
        """Drop what was long ago; return whether the sentence about late rounds changes."""
        before = bool(self._late)
        oldest = time.monotonic() - REMEMBER
        self._late = [when for when in self._late if when > oldest]
        return before

    def _cut(self, out: Outlet) -> None:
        """Say once for every tag that was heard that its last value holds no longer."""
        ts = now_ns()
        for group in sorted(self._heard):
            out.emit(self.device.lost(group, ts))
        self._heard.clear()
        self._late.clear()

    def _connected(self) -> SourceStatus:
        bad = self._all_bad()
        remarks: list[str] = []
        if bad:
            remarks.append(f"{len(bad)} of {self._count()} tags are bad")
        if self._late:
            slow = "the machine answers slower than it is asked"
            remarks.append(f"{len(self._late)} rounds of the last minute were left out: {slow}")
        state = SourceState.DEGRADED if remarks else SourceState.CONNECTED
        return self._status(state, "; ".join(remarks) or f"asking {self.device.address}")

    def _all_bad(self) -> dict[str, str]:
        return {**self._never, **{tag: why for bad in self._bad.values() for tag, why in bad.items()}}

    def _count(self) -> int:
        return len(self._never) + sum(len(self.device.tags(group)) for group in range(len(self.device.rounds)))

    def _status(self, state: SourceState, message: str) -> SourceStatus:
        bad = self._all_bad()
        speaks = state in (SourceState.CONNECTED, SourceState.DEGRADED)
        heard = sum(len(self.device.tags(group)) for group in self._heard) if speaks else 0
        live = sum(len(reasons) for reasons in self._bad.values())
        return SourceStatus(self.name, state, message, tags_ok=max(0, heard - live), tags_bad=bad)
