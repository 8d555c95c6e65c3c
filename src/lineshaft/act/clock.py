"""The clock of act: one thread that wakes cases, and sleeps until the next thing falls due.

It costs nothing while nothing happens: no polling, the next moment is asked from the database only after a change.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from lineshaft.core import NS, now_ns

log = logging.getLogger("lineshaft.act")
LONGEST_SLEEP = 60.0
"""Seconds after which it looks again in any case (a clock may have been set)."""


class Clock:
    """Wakes cases one run at a time each, and calls `ring` when something falls due."""

    def __init__(self, run: Callable[[str], None], ring: Callable[[], None], next_due: Callable[[], int | None]) -> None:
        self._run, self._ring, self._next_due = run, ring, next_due
        self._change = threading.Condition()
        self._asked: dict[str, float] = {}
        self._running: set[str] = set()
        self._look, self._stopping = True, False
        self._thread = threading.Thread(target=self._work, name="act-clock", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """End; wait for runs under way."""
        with self._change:
            self._stopping = True
            self._change.notify_all()
            self._change.wait_for(lambda: not self._running, timeout)
        self._thread.join(timeout)

    def wake(self, ref: str, after: float = 0.0) -> None:
        """Have a case looked at; asking while it runs has it looked at again afterwards."""
        with self._change:
            at = time.monotonic() + after
            self._asked[ref] = min(at, self._asked.get(ref, at))
            self._change.notify_all()

    def finished(self, ref: str) -> None:
        """Note that a run has ended."""
        with self._change:
            self._running.discard(ref)
            self._change.notify_all()

    def look(self) -> None:
        """Something with a time has changed."""
        with self._change:
            self._look = True
            self._change.notify_all()

    def idle(self, timeout: float) -> bool:
        """Wait until nothing runs and nothing is asked for (for tests and for stopping)."""
        with self._change:
            return self._change.wait_for(lambda: not self._running and not self._asked, timeout)

    def _work(self) -> None:
        due: float | None = None
        while True:
            with self._change:
                ready = self._take()
                if not ready and not self._look and not self._stopping and (due is None or time.monotonic() < due):
                    self._change.wait(self._sleep(due))
                    ready = self._take()
                if self._stopping:
                    self._running -= set(ready)
                    return
                look, self._look = self._look or due is None or time.monotonic() >= due, False
            for ref in ready:
                self._begin(ref)
            if look:
                due = self._fall_due()

    def _take(self) -> list[str]:
        """Take the cases to run now; one that runs already stays asked for."""
        now = time.monotonic()
        ready = [ref for ref, at in self._asked.items() if at <= now and ref not in self._running]
        for ref in ready:
            del self._asked[ref]
        self._running |= set(ready)
        return ready

    def _sleep(self, due: float | None) -> float:
        now = time.monotonic()
        waits = [at - now for ref, at in self._asked.items() if ref not in self._running]
        return max(0.0, min([LONGEST_SLEEP, *waits, *([] if due is None else [due - now])]))

    def _begin(self, ref: str) -> None:
        try:
            self._run(ref)
        except Exception:
            log.exception("the case %s could not be woken; it is tried again", ref)
            self.finished(ref)
            self.wake(ref, 5.0)

    def _fall_due(self) -> float:
        """Do what is due and return when (monotonic) to look again."""
        try:
            self._ring()
            at = self._next_due()
        except Exception:
            log.exception("the clock could not look; it tries again")
            return time.monotonic() + 5.0
        wait = LONGEST_SLEEP if at is None else (at - now_ns()) / NS
        return time.monotonic() + min(LONGEST_SLEEP, max(0.01, wait))
