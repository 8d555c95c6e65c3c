"""The time of the values: how far each source has come, and so which windows can close.

A source's clock is the newest time it sent. When it has been silent for the idle timeout its clock is taken to run on,
so that a machine on which nothing changes closes its windows too. The wall clock alone never closes a window.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(slots=True)
class _Clock:
    newest: int
    heard: int


class Watermark:
    """The clocks of all sources."""

    def __init__(self, lateness: int, idle: int) -> None:
        self._lateness = lateness
        self._idle = idle
        self._clocks: dict[str, _Clock] = {}
        self._started: int | None = None

    def note(self, source: str, newest: int, now: int) -> None:
        """Remember that a source sent a value with this time."""
        clock = self._clocks.setdefault(source, _Clock(newest, now))
        clock.newest, clock.heard = max(clock.newest, newest), now

    def of(self, sources: Iterable[str], now: int) -> int | None:
        """Return the time up to which all the sources have said what they had to say, None if that is not known.

        A source that was never heard is waited for as long as a silent one.
        """
        self._started = now if self._started is None else self._started
        times: list[int] = []
        for source in sources:
            clock = self._clocks.get(source)
            if clock is None:
                if now - self._started < self._idle:
                    return None
                continue
            silent = now - clock.heard
            times.append(clock.newest + (silent if silent >= self._idle else 0))
        return min(times) - self._lateness if times else None

    def knows(self, source: str) -> bool:
        """Return whether the source was ever heard."""
        return source in self._clocks
