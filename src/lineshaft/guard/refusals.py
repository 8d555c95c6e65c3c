"""Refusals that no command was made of: an unknown key, a forged cookie, a request that was turned away at the door.

All are on record. A storm of them is not one row each: each address has a store of rows that fills again slowly, and the
next row that is written says how many there were since.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

from lineshaft.core import Database
from lineshaft.guard.audit import AuditChain
from lineshaft.guard.subject import Subject

AT_ONCE, A_SECOND = 60.0, 1.0
"""Rows an address may cause at once, and how many more each second."""
MOST_ADDRESSES = 10_000


class Refusals:
    """Puts refusals on record, each address its share."""

    def __init__(self, db: Database, chain: AuditChain) -> None:
        self._db, self._chain = db, chain
        self._stores: dict[str, tuple[float, float, int]] = {}
        self._lock = threading.Lock()

    def note(self, subject: Subject, action: str, resource: str, detail: Mapping[str, Any], peer: str) -> bool:
        """Write a refusal, or count it for the next row of the same address; say whether it was written."""
        untold = self._take(peer)
        if untold is None:
            return False
        more = {"untold": untold} if untold else {}
        with self._db.begin() as tx:
            self._chain.record(tx, subject, action, resource, {**detail, "peer": peer[:100], **more}, "refused")
        return True

    def _take(self, peer: str) -> int | None:
        """Return how many were not told since the last row, or None if this one is not told either."""
        now = time.monotonic()
        with self._lock:
            if len(self._stores) > MOST_ADDRESSES:
                self._stores = {}
            left, at, untold = self._stores.get(peer, (AT_ONCE, now, 0))
            left = min(AT_ONCE, left + (now - at) * A_SECOND)
            if left < 1:
                self._stores[peer] = (left, now, untold + 1)
                return None
            self._stores[peer] = (left - 1, now, 0)
            return untold
