"""Wrong passwords slow the guesser down, not the plant: by name and address, then by address, then by name."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

from lineshaft.core import Retryable

LONGEST_WAIT = 60.0
"""Seconds; a real person is never locked out for longer."""
KEEP = LONGEST_WAIT * 10
"""Seconds after which a refusal no longer counts."""


class Throttle:
    """Counts refused logins and says how long the next attempt has to wait.

    The first few are free; after that the wait doubles with every refusal up to a minute. It counts in memory; after a
    restart it is told what the audit knows of the last minutes.
    """

    def __init__(self, free: int = 5, clock: Callable[[], float] = time.monotonic) -> None:
        self._free = {"pair": free, "peer": free * 4, "name": free * 10}
        self._clock = clock
        self._refused: dict[tuple[str, str], tuple[int, float]] = {}
        self._lock = threading.Lock()

    def check(self, name: str, peer: str) -> None:
        """Raise Retryable (code `login.slow-down`) while this name or address has to wait."""
        with self._lock:
            now = self._clock()
            wait = max(self._until(key) - now for key in self._keys(name, peer))
        if wait > 0:
            seconds = int(wait) + 1
            raise Retryable(
                "too many wrong passwords",
                hint=f"try again in {seconds} s",
                code="login.slow-down",
                details={"retry_after_s": seconds},
            )

    def refused(self, name: str, peer: str, ago: float = 0.0) -> None:
        """Count one wrong password."""
        with self._lock:
            now = self._clock() - ago
            for key in self._keys(name, peer):
                count, _ = self._refused.get(key, (0, now))
                self._refused[key] = (count + 1, now)
            if len(self._refused) > 10_000:
                self._refused = {k: v for k, v in self._refused.items() if now - v[1] < KEEP}

    def passed(self, name: str, peer: str) -> None:
        """Forget the wrong attempts of a name from an address after a right one."""
        with self._lock:
            self._refused.pop(("pair", f"{name}\n{peer}"), None)

    def recall(self, attempts: Iterable[tuple[str, str, bool, float]]) -> None:
        """Count attempts of before the start, oldest first: name, address, whether the password was right, seconds ago."""
        for name, peer, right, ago in attempts:
            if right:
                self.passed(name, peer)
            else:
                self.refused(name, peer, ago)

    def _keys(self, name: str, peer: str) -> list[tuple[str, str]]:
        return [("pair", f"{name}\n{peer}"), ("peer", peer), ("name", name)]

    def _until(self, key: tuple[str, str]) -> float:
        count, last = self._refused.get(key, (0, 0.0))
        over = count - self._free[key[0]]
        return last + min(LONGEST_WAIT, 2.0**over) if over >= 0 else 0.0
