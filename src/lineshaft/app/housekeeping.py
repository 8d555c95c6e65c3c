"""What a node looks after by itself: that its accounts balance, its disk has room, its clock is sane, its retention runs."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from pathlib import Path

from lineshaft.app.retention import Retention
from lineshaft.assets import Assets
from lineshaft.connect import Gateway
from lineshaft.core import Bus, SystemEvent, now_ns
from lineshaft.guard import Guard
from lineshaft.store import Store

log = logging.getLogger("lineshaft.app")
EVERY_S, DAY_S = 5.0, 86_400.0
LOW_DISK, NO_DISK = 5 * 1024**3, 1024**3
CLOCK_JUMP_S, CLOCK_CALM_S = 5.0, 600.0


class Housekeeping:
    """A thread that looks every few seconds and tells what it finds as system events, never as operator alarms."""

    def __init__(
        self, home: Path, assets: Assets, store: Store, gateway: Gateway, guard: Guard, retention: Retention, bus: Bus
    ) -> None:
        self._home = home
        self._assets = assets
        self._store = store
        self._gateway = gateway
        self._guard = guard
        self._retention = retention
        self._bus = bus
        self._stop = threading.Event()
        retention.stopping = self._stop.is_set
        self._told: set[str] = set()
        self._jumped = 0.0
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def _run(self) -> None:
        tidied = -DAY_S
        offset = time.time() - time.monotonic()
        while not self._stop.wait(EVERY_S):
            try:
                offset = self._clock(offset)
                self._disk()
                self._gateway.calm(now_ns())
                self._assets.tick()
                gateway = self._gateway
                rows = self._store.ledger(gateway.received(), gateway.pending(), gateway.lost(), gateway.filtered())
                self._store.check_ledger(rows)
                self._store.note_ledger(rows)
                self._store.cost.tend()
                if time.monotonic() - tidied > DAY_S:
                    tidied = time.monotonic()
                    self._guard.tidy()
                    self._retention.run(now_ns(), self._store.sql.tablets, self._guard)
                self._end("housekeeping", "the node looks after itself again")
            except Exception as error:
                log.exception("housekeeping failed")
                self._tell("housekeeping", f"the node could not look after itself: {error}", "error", "see the log")

    def _clock(self, offset: float) -> float:
        """Tell when the wall clock jumped against the monotonic one: timestamps before and after do not compare."""
        now = time.time() - time.monotonic()
        if abs(now - offset) > CLOCK_JUMP_S:
            what = f"the clock of this node jumped by {now - offset:+.0f} s"
            self._tell("clock:jump", what, "warning", "use NTP or PTP; values of the last minutes may carry wrong times")
            self._jumped = time.monotonic()
        elif time.monotonic() - self._jumped > CLOCK_CALM_S:
            self._end("clock:jump", "the clock has stood for ten minutes")
        return now

    def _disk(self) -> None:
        free = shutil.disk_usage(self._home).free
        if free < LOW_DISK:
            severity = "error" if free < NO_DISK else "warning"
            self._tell(
                "disk:low",
                f"only {free / 1024**3:.1f} GiB are free at {self._home}",
                severity,
                "free some space or move the home",
            )
        else:
            self._end("disk:low", "the disk has room again")

    def _tell(self, key: str, message: str, severity: str, hint: str) -> None:
        self._told.add(key)
        self._bus.tell(SystemEvent(key, message, severity, hint=hint))

    def _end(self, key: str, message: str) -> None:
        if key in self._told:
            self._told.discard(key)
            self._bus.tell(SystemEvent(key, message, active=False))
