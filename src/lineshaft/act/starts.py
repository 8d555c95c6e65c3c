"""What opens cases though nobody calls: a part that stays below its minimum, and an order that will be late.

It is looked at, not waited for: whatever happened while nobody listened opens its case at the next look.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lineshaft.act.delivery import at_risk
from lineshaft.core import NS, Database, LineshaftError, iso, now_ns
from lineshaft.maintain import Spares
from lineshaft.production import Production

SOONEST = 30 * NS
"""Orders are looked at again so long after a change of theirs, at the soonest."""
SHELVES = 5 * NS
"""The shelves are looked at so often, at the most: the clock looks whenever a task begins to wait."""
Begin = tuple[dict[str, Any], str]
"""The names of an event, and the id of what began it."""


class Starts:
    """Looks at the shelves and at the running orders."""

    def __init__(
        self, db: Database, spares: Spares, production: Production | None, low_after_ns: int, deliveries_every_ns: int
    ) -> None:
        self._db, self._spares, self._production = db, spares, production
        self._low_after, self._every = low_after_ns, deliveries_every_ns
        self._low: dict[str, int] = {}
        self._looked, self._changed = 0, False
        self._shelves_at = 0
        self.next: int | None = None

    def production_changed(self) -> None:
        """Look at the orders sooner."""
        self._changed = True

    def spare_low(self) -> None:
        """Look at the shelves at once."""
        self._shelves_at = 0

    def look(self) -> Iterator[Begin]:
        """Yield what begins a case now, and set when to look again."""
        now = now_ns()
        moments: list[int] = []
        yield from self._parts(now, moments)
        yield from self._deliveries(now, moments)
        self.next = min(moments, default=None)

    def _parts(self, now: int, moments: list[int]) -> Iterator[Begin]:
        """Parts that are low for a while: a case that needs them may be about to buy them."""
        if now < self._shelves_at:
            moments.extend([self._shelves_at] if self._low else [])
            return
        self._shelves_at = now + min(self._low_after, SHELVES)
        low = {str(row["part"]): row for row in self._spares.list() if row["available"] < row["minimum"]}
        self._low = {part: since for part, since in self._low.items() if part in low}
        for part, row in low.items():
            since = self._low.setdefault(part, now)
            if now - since < self._low_after:
                moments.append(since + self._low_after)
                continue
            with self._db.read() as tx:
                outlook = self._spares.outlook(part, tx)
            if outlook["short"] > 0:
                yield _of_part(outlook, now), f"spare:{row['id']}:{row['version']}"

    def _deliveries(self, now: int, moments: list[int]) -> Iterator[Begin]:
        if self._production is None:
            return
        due = self._looked + (min(self._every, SOONEST) if self._changed else self._every)
        if now < due:
            moments.append(due)
            return
        self._looked, self._changed = now, False
        moments.append(now + self._every)
        try:
            late = at_risk(self._production, now)
        except LineshaftError:  # what runs where no machine is known to be: the plan is mended at its own place
            return
        for names in late:
            yield names, f"delivery:{names['order_number']}:{names['order_line']}:{names['due']}"[:100]


def _of_part(outlook: dict[str, Any], now: int) -> dict[str, Any]:
    return {
        "event": "spare",
        "asset": "",
        "asset_name": outlook["part"],
        "name": f"{outlook['name']} is low",
        "part": outlook["part"],
        "available": outlook["available"],
        "minimum": outlook["minimum"],
        "target": outlook["target"],
        "at": iso(now),
    }
