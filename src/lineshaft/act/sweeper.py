"""The sweeper: renews this executor's lease, and takes over what an executor that died has left.

It looks again and again, not once: a take-over that is itself cut off is done by the next who looks. On SQLite there is one
executor, and nothing to sweep.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

from lineshaft.act.lease import Lease, Lost
from lineshaft.core import NS

log = logging.getLogger("lineshaft.act")
_BEATS = 5
"""So many times a lease is renewed before it would run out."""


class Runs(Protocol):
    """What the sweeper asks of the engine."""

    def owners(self) -> list[str]:
        """Return the executors that have begun runs which are not at their end."""
        ...

    def resume(self, executor: str) -> int:
        """Let the runs of an executor go on elsewhere."""
        ...


class Sweeper:
    """One thread: beat, look, take over."""

    def __init__(self, lease: Lease, runs: Runs, take_over: Callable[[Lost], None]) -> None:
        self._lease, self._runs, self._take_over = lease, runs, take_over
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._work, name="act-sweeper", daemon=True)

    def register(self) -> None:
        """Take the lease; wait out that of one who died on another machine. Raises ConfigError if that one lives."""
        end = time.monotonic() + 2 * self._lease.lasts_ns / NS
        while not self._lease.take():
            if time.monotonic() > end:
                raise self._lease.refuse()
            time.sleep(self._lease.lasts_ns / NS / _BEATS)

    def start(self) -> None:
        """Begin, with what died before."""
        self._thread.start()

    def stop(self) -> None:
        """End, and give the lease back."""
        self._end.set()
        self._thread.join(10)
        self._lease.give_up()

    def lives(self, name: str) -> bool:
        """Say whether an executor of a name is alive."""
        return self._lease.lives(name)

    def look(self) -> int:
        """Take over from those who died; return how many there were."""
        lost = self._lease.claim(self._runs.owners())
        for one in lost:
            count = self._runs.resume(one.id)
            self._take_over(one)
            self._lease.taken_over(one)
            log.warning("executor %s is gone; %d of its runs and what it was at go on here", one.name, count)
        return len(lost)

    def _work(self) -> None:
        every = self._lease.lasts_ns / NS / _BEATS
        wait = 0.0
        while not self._end.wait(wait):
            wait = every
            try:
                self._lease.beat()
                self.look()
            except Exception:
                log.exception("the sweeper could not look; it looks again")
