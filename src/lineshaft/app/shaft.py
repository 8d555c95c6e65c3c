"""The shaft: what happens to a value once it is durable - transforms, hot, windows, detectors, screens."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from lineshaft.compute import Compute
from lineshaft.core import Batch, Bus, SystemEvent, now_ns
from lineshaft.detect import Detect
from lineshaft.store import Store, Stored, nothing

log = logging.getLogger("lineshaft.app")


@dataclass(frozen=True, slots=True)
class Way:
    """The rooms a durable value passes, in order; `publish` shows rows to detectors and screens."""

    store: Store
    compute: Compute
    detect: Detect
    bus: Bus
    publish: Callable[[pa.RecordBatch], None]


class Shaft:
    """The way of a value once it is durable: one thread derives, in the order of the journal."""

    def __init__(self, way: Way, most: int = 64) -> None:
        self._way = way
        self._todo: queue.Queue[list[Stored] | None] = queue.Queue(most)
        self._taking = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="shaft", daemon=True)
        self._failing: set[str] = set()

    def start(self) -> None:
        """Derive from what the journal holds from before a stop, then from what arrives."""
        self._way.store.append_derived(nothing(), 0)  # from now on nothing leaves the journal that was not derived from
        for stored in self._way.store.unprocessed():
            self._derive(stored)
        self._thread.start()

    def stop(self) -> None:
        """Finish what is queued and end."""
        if self._thread.is_alive():
            self._todo.put(None)
            self._thread.join(30)

    def take(self, batches: Sequence[Batch]) -> list[Stored]:
        """Make batches durable - this is the acknowledgement - and visible, and hand them on; waits while deriving is behind."""
        with self._taking:
            stored = self._way.store.append(batches)
            self._way.store.show(stored)
            self._todo.put(stored)
        return stored

    def _run(self) -> None:
        closed = 0.0
        while True:
            try:
                work = self._todo.get(timeout=0.5)
            except queue.Empty:
                work = []
            if work is None:
                return
            for stored in work:
                self._derive(stored)
            if time.monotonic() - closed > 0.5:
                closed = time.monotonic()
                with self._reported("shaft:close"):
                    self._close()

    def _derive(self, stored: Stored) -> None:
        """Transform what has been stored, make that visible too, then let detectors and screens see both.

        Detectors judge measured values even where computing from them failed; a batch that fails takes no other with it.
        """
        way = self._way
        derived = nothing()
        with self._reported("shaft:derive"), _or(lambda: way.compute.missed(stored)):
            derived = way.compute.on_rows(stored)
            way.store.show(way.store.append_derived(derived, stored.seq))
        for rows in (stored.rows, derived):
            with self._reported("shaft:publish"):
                way.publish(rows)

    def _close(self) -> None:
        """Close the windows whose time has come, and let alarms with a delay become due."""
        way = self._way
        closed = way.compute.close(now_ns())
        if closed.num_rows:
            with _or(way.compute.not_taken):
                way.store.show(way.store.append_derived(closed, 0))
            way.publish(closed)
        way.store.commit()
        way.detect.tick()

    @contextlib.contextmanager
    def _reported(self, key: str) -> Generator[None]:
        """Tell a failure of one step as a condition, and its end; the next values go their way."""
        try:
            yield
        except Exception as error:
            log.exception("%s failed", key)
            self._failing.add(key)
            message = f"values are kept, but a step of their way failed: {error}"
            self._way.bus.tell(SystemEvent(key, message, "error", hint="see the log; please report this"))
        else:
            if key in self._failing:
                self._failing.discard(key)
                self._way.bus.tell(SystemEvent(key, "values go their whole way again", active=False))


@contextlib.contextmanager
def _or(otherwise: Callable[[], None]) -> Generator[None]:
    """Do something else as well where a step fails."""
    try:
        yield
    except Exception:
        otherwise()
        raise
