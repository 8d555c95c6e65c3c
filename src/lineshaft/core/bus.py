"""The bus: a room tells what happened, downstream rooms react; only `app.py` connects the two.

Events are frozen dataclasses of the room that tells them. Handlers run in the thread of the teller, in the order
they were connected; one that fails is reported as a SystemEvent and stops nobody else.
"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar, cast

from sqlalchemy.engine import Connection

from lineshaft.core.clock import now_ns
from lineshaft.core.database import after_commit

E = TypeVar("E")
log = logging.getLogger("lineshaft.bus")


@dataclass(frozen=True, slots=True)
class SystemEvent:
    """Something about our own health (disk, clock, lag, ledger, a failing plugin): never an operator's alarm.

    `key` names the condition: telling the same key again updates it, `active=False` ends it.
    """

    key: str
    message: str
    severity: str = "warning"
    active: bool = True
    hint: str = ""
    at: int = field(default_factory=now_ns)


@dataclass(frozen=True, slots=True)
class Wire:
    """One connection: events of type `event` go to `handler`, named for `lineshaft rooms`."""

    event: type[object]
    name: str
    handler: Callable[[object], None]


class Bus:
    """In-process events by type."""

    def __init__(self) -> None:
        self._wires: dict[type[object], list[Wire]] = defaultdict(list)
        self._inside: dict[type[object], list[Callable[[Connection, object], None]]] = defaultdict(list)
        self._failing: set[str] = set()
        self._lock = threading.Lock()

    def on(self, event: type[E], handler: Callable[[E], None], name: str = "") -> None:
        """Connect a handler to an event type; `name` is what `lineshaft rooms` prints."""
        label = name or getattr(handler, "__qualname__", repr(handler))
        with self._lock:
            self._wires[event].append(Wire(event, label, cast("Callable[[object], None]", handler)))

    def within(self, event: type[E], handler: Callable[[Connection, E], None]) -> None:
        """Connect what must not be lost: it writes in the transaction of the change, so a crash right after loses neither."""
        with self._lock:
            self._inside[event].append(cast("Callable[[Connection, object], None]", handler))

    def tell_with(self, tx: Connection, event: object) -> None:
        """Tell of a change with its transaction: what is connected `within` writes in it, all others hear after the commit."""
        for handler in tuple(self._inside.get(type(event), ())):
            handler(tx, event)
        after_commit(tx, lambda: self.tell(event))

    def tell(self, event: object) -> None:
        """Run every handler of the event's type; a failing handler becomes a SystemEvent that ends when it works again."""
        for wire in tuple(self._wires.get(type(event), ())):
            try:
                wire.handler(event)
            except Exception as error:
                log.exception("%s failed on %s", wire.name, type(event).__name__)
                if not isinstance(event, SystemEvent):
                    self._failing.add(wire.name)
                    message = f"{wire.name} failed on {type(event).__name__}: {error}"
                    self.tell(SystemEvent(key=f"bus:{wire.name}", message=message, severity="error"))
            else:
                if wire.name in self._failing:
                    self._failing.discard(wire.name)
                    self.tell(SystemEvent(f"bus:{wire.name}", f"{wire.name} works again", active=False))

    def wiring(self) -> tuple[Wire, ...]:
        """Return every connection in the order made."""
        return tuple(wire for wires in self._wires.values() for wire in wires)


class SystemEvents:
    """The board of our own conditions: what holds now, newest first, and the last that ended."""

    def __init__(self, bus: Bus, keep: int = 200) -> None:
        self._keep = keep
        self._now: dict[str, SystemEvent] = {}
        self._ended: list[SystemEvent] = []
        self._lock = threading.Lock()
        bus.on(SystemEvent, self.take, "system events board")

    def take(self, event: SystemEvent) -> None:
        """Keep an active condition under its key; move it to the ended ones when told so."""
        with self._lock:
            if event.active:
                self._now[event.key] = event
            elif self._now.pop(event.key, None) is not None:
                self._ended = [event, *self._ended][: self._keep]

    def current(self) -> list[SystemEvent]:
        """Return the conditions that hold now, newest first."""
        with self._lock:
            return sorted(self._now.values(), key=lambda event: -event.at)

    def ended(self) -> list[SystemEvent]:
        """Return the last conditions that ended, newest first."""
        with self._lock:
            return list(self._ended)
