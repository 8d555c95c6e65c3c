"""The courier: one thread that brings what is due to another system, and tries again, ever later, until it is there.

It sleeps until something is due; other nodes on the same database may do the same, each errand is one node's at a time.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from lineshaft.core import NS, Bus, LineshaftError, Retryable, SystemEvent, now_ns
from lineshaft.maintain.outgoing import Errand, Outgoing

log = logging.getLogger("lineshaft.maintain")
LONGEST_SLEEP = 60.0


class Courier:
    """Brings the errands of one kind, one after the other."""

    def __init__(self, name: str, outgoing: Outgoing, bring: Callable[[Errand], None], bus: Bus) -> None:
        self._name, self._outgoing, self._bring, self._bus = name, outgoing, bring, bus
        self._change = threading.Condition()
        self._look, self._busy, self._stopping = True, False, False
        self._troubled: set[str] = set()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin; what this node was at when it died is taken up again."""
        self._outgoing.take_back()
        self._stopping, self._look = False, True
        self._thread = threading.Thread(target=self._work, name=f"courier-{self._name}", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """End; a call under way is given a moment, and is taken up again at the next start if that is too short."""
        with self._change:
            self._stopping = True
            self._change.notify_all()
        if self._thread is not None:
            self._thread.join(timeout)
        self._thread = None

    def wake(self) -> None:
        """Something may be due."""
        with self._change:
            self._look = True
            self._change.notify_all()

    def take_over(self, holder: str) -> None:
        """Bring what another node was at when it died."""
        self._outgoing.take_back(holder)
        self.wake()

    def settle(self, timeout: float) -> bool:
        """Wait until nothing is due now; what is tried again later does not count."""
        with self._change:
            return self._thread is None or self._change.wait_for(lambda: not self._busy and not self._look, timeout)

    def _work(self) -> None:
        wait = 0.0
        while True:
            with self._change:
                if not self._look and not self._stopping:
                    self._change.wait(wait)
                if self._stopping:
                    return
                self._look, self._busy = False, True
            wait = self._round()
            with self._change:
                self._busy = False
                self._change.notify_all()

    def _round(self) -> float:
        """Do all that is due; return the seconds until the next is."""
        try:
            while not self._stopping and (errand := self._outgoing.claim()) is not None:
                self._one(errand)
            due = self._outgoing.next_due()
        except Exception:
            log.exception("the courier of %s could not look; it looks again", self._name)
            return 5.0
        return LONGEST_SLEEP if due is None else min(LONGEST_SLEEP, max(0.05, (due - now_ns()) / NS))

    def _one(self, errand: Errand) -> None:
        began = time.monotonic()
        try:
            self._bring(errand)
        except LineshaftError as error:
            self._trouble(errand, error)
        except Exception as error:
            log.exception("%s: errand %s", self._name, errand.id)
            self._trouble(
                errand, Retryable(f"{type(error).__name__} after {time.monotonic() - began:.1f} s", code="erp.internal")
            )
        else:
            self._well(errand)

    def _trouble(self, errand: Errand, error: LineshaftError) -> None:
        wait = self._outgoing.failed(errand, error)
        self._troubled.add(errand.id)
        waiting = f"{len(self._troubled)} waiting; " if len(self._troubled) > 1 else ""
        message = f"{self._name}: {waiting}{error.what} (attempt {errand.attempts}, again in {wait:.0f} s)"
        severity = "warning" if isinstance(error, Retryable) else "error"
        self._bus.tell(SystemEvent(f"outgoing:{self._name}", message, severity, hint=error.hint))

    def _well(self, errand: Errand) -> None:
        if errand.id in self._troubled:
            self._troubled.discard(errand.id)
            if not self._troubled:
                self._bus.tell(SystemEvent(f"outgoing:{self._name}", f"{self._name} has everything", active=False))
