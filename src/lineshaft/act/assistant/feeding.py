"""Filling the index: one thread that looks what is new on the shelf, among the orders and the instructions, and reads it."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from collections.abc import Mapping
from typing import Any, Protocol

from lineshaft.act.assistant.index import Index, Source
from lineshaft.act.assistant.reading import Passage, passages
from lineshaft.core import LineshaftError
from lineshaft.maintain import OrderChanged, Orders
from lineshaft.store import Store

log = logging.getLogger("lineshaft.act")
PAGE = 200
READER = "2"
"""Part of every mark: raise it when passages are cut differently, and everything is read again."""


class Instructions(Protocol):
    """The work instructions."""

    def list(self) -> list[dict[str, Any]]:
        """Return the newest version of each: name, number and content."""
        ...


class Feeder:
    """Keeps the index up to date."""

    def __init__(self, index: Index, orders: Orders, store: Store | None, instructions: Instructions | None) -> None:
        self._index, self._orders, self._store, self._instructions = index, orders, store, instructions
        self._change = threading.Condition()
        self._look, self._busy, self._stopping = True, False, False
        self._thread: threading.Thread | None = None
        self._complete = False
        self._changed: set[str] = set()

    def start(self) -> None:
        """Begin."""
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name="assistant", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """End after the document that is being read."""
        with self._change:
            self._stopping = True
            self._change.notify_all()
        if self._thread is not None:
            self._thread.join(timeout)
            self._thread = None

    def wake(self, event: OrderChanged | None = None) -> None:
        """Something may be new, or an order has changed."""
        with self._change:
            self._look = True
            if event is not None:
                self._changed.add(event.order_id)
            self._change.notify_all()

    def settle(self, timeout: float) -> bool:
        """Wait until all there is has been read; false if that takes longer (or nobody reads)."""
        with self._change:
            return self._change.wait_for(lambda: not self._look and not self._busy, timeout) if self._thread else False

    def _work(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._look or self._stopping)
                if self._stopping:
                    return
                self._look, self._busy = False, True
            try:
                self.read()
            except Exception:  # the thread must live: the next change has it look again
                log.exception("the assistant's index")
            with self._change:
                self._busy = False
                self._change.notify_all()

    def read(self) -> int:
        """Read what is new or has changed; return how many sources that were."""
        count = self._documents() + (self._changed_orders() if self._complete else self._past_orders()) + self._how_to()
        self._complete = not self._stopping
        return count

    def _documents(self) -> int:
        if self._store is None:
            return 0
        known, count, after = self._index.marks("document"), 0, None
        there = set[str]()
        while not self._stopping:
            found = self._store.documents.list(limit=PAGE, after=after)
            there.update(one.id for one in found)
            new = [one for one in found if known.get(one.id) != READER]
            for one in new:
                try:
                    text = passages(one.name, one.mime, self._store.documents.content(one.id))
                except LineshaftError as error:
                    log.warning("'%s' cannot be read: %s", one.name, error)
                    continue
                self._index.put(Source("document", one.id, READER, one.about or "", one.name), text)
                count += 1
            if len(found) < PAGE or (self._complete and not new):
                break
            after = found[-1].id
        if not self._complete and not self._stopping:  # all were seen: the others were taken off the shelf
            self._index.drop("document", set(known) - there)
        return count

    def _past_orders(self) -> int:
        known, count, before = self._index.marks("order"), 0, None
        while not self._stopping:
            found = self._orders.list(limit=PAGE, before=before)
            count += sum(self._order(row, known) for row in found)
            if len(found) < PAGE:
                break
            before = found[-1]["created"]
        return count

    def _changed_orders(self) -> int:
        with self._change:
            ids, self._changed = self._changed, set()
        return sum(self._order(self._orders.get(one), {}) for one in sorted(ids))  # a comment alone makes no new version

    def _order(self, row: Mapping[str, Any], known: Mapping[str, str]) -> bool:
        mark = f"{READER}:{row['version']}"
        if known.get(row["id"]) == mark:
            return False
        source = Source("order", row["id"], mark, row["asset"], f"{row['number']} {row['title']}")
        self._index.put(source, [Passage(row["number"], _told(self._orders.get(row["id"])))])
        return True

    def _how_to(self) -> int:
        if self._instructions is None:
            return 0
        known, count = self._index.marks("instruction"), 0
        for row in self._instructions.list():
            mark = READER + hashlib.sha256(json.dumps(row, default=str, sort_keys=True).encode()).hexdigest()[:16]
            if known.get(row["name"]) == mark:
                continue
            content: Mapping[str, Any] = row["content"]
            said = [_step(number, one) for number, one in enumerate(content.get("steps") or (), 1)]
            title = str(content.get("title") or row["name"])
            self._index.put(Source("instruction", row["name"], mark, "", title), [Passage("steps", "\n".join([title, *said]))])
            count += 1
        return count


def _told(row: Mapping[str, Any]) -> str:
    """Return what an order tells whoever has the same trouble."""
    closing: Mapping[str, Any] = row["closing"] or {}
    codes = ", ".join(f"{name}: {value}" for name, value in closing.items() if value)
    notes = [str(line["note"]) for line in row["history"] if line.get("note")]
    mode = f"failure mode: {row['failure_mode']}" if row["failure_mode"] else ""
    return "\n".join(part for part in (row["title"], mode, codes, *notes) if part)


def _step(number: int, one: Mapping[str, Any]) -> str:
    warning = f" (warning: {one['warning']})" if one.get("warning") else ""
    return f"{number}. {one.get('text', '')}{warning}"
