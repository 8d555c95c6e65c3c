"""A case that cannot go on is a condition of the node until somebody retries it or gives it up."""

from __future__ import annotations

from lineshaft.act.case import CaseChanged
from lineshaft.act.casebook import CaseBook
from lineshaft.core import Bus, SystemEvent


class Stuck:
    """Tells of cases that have failed, again after a restart, and that it is over."""

    def __init__(self, book: CaseBook, bus: Bus) -> None:
        self._book, self._bus = book, bus
        self._told: set[str] = set()
        bus.on(CaseChanged, self.on_case, "act: a case that goes on again is no condition any more")

    def tell(self, ref: str, error: str) -> None:
        """Say that a case cannot go on."""
        self._told.add(ref)
        message = f"a case cannot go on: {error}"
        self._bus.tell(SystemEvent(f"act:{ref}", message, severity="error", hint="see the case; retry it or give it up"))

    def recall(self) -> None:
        """Say so of every case that had failed before the start."""
        for row in self._book.list("failed", limit=1000):
            self.tell(str(row["id"]), str(row["outcome"]))

    def on_case(self, event: CaseChanged) -> None:
        """End the condition once the case is open again or over."""
        if event.case_id in self._told and event.state != "failed":
            self._told.discard(event.case_id)
            self._bus.tell(SystemEvent(f"act:{event.case_id}", f"{event.number} is {event.state}", active=False))
