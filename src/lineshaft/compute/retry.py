"""What could not be computed is computed again: a failure that passes loses no value, one that stays is told.

What failed is written down as properties and a stretch of time before the rows it came from count as processed. It is
computed with everything that stands on it, from the store, at the next closing of windows; while it fails again the pause
before the next attempt doubles.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from lineshaft.compute.channels import History
from lineshaft.compute.difference import Replay
from lineshaft.compute.feeding import computed_from
from lineshaft.compute.formula import Ints
from lineshaft.compute.plan import Plan
from lineshaft.compute.points import Points
from lineshaft.compute.tables import failed
from lineshaft.compute.transform import NEVER
from lineshaft.core import NS, Database

_LONGEST_PAUSE = 512
"""Closings of windows (two a second) between two attempts at most."""
_AT_ONCE = 86_400 * NS
Span = tuple[int, int]


class Retries:
    """The stretches that could not be computed, by property."""

    def __init__(self, db: Database) -> None:
        self._db = db
        rows = db.rows(sa.select(failed))
        self.waiting: dict[str, Span] = {row["property_id"]: (row["since"], row["until"]) for row in rows}
        self._trying: dict[str, Span] = {}
        self._pause = 0
        self._passed = 0

    def note(self, properties: Iterable[str], since: int, until: int) -> None:
        """Remember that properties could not be computed over a stretch; written down if the database can be written."""
        for one in properties:
            self.waiting[one] = _wider(self.waiting.get(one), (since, until))
        with contextlib.suppress(SQLAlchemyError):
            self._write()

    def due(self) -> bool:
        """Say, once for each closing of windows, whether it is time for an attempt."""
        if not self.waiting:
            return False
        self._passed += 1
        return self._passed > self._pause

    def attempt(self, plan: Plan, store: History, closed: Mapping[str, int], newest: Ints) -> Points:
        """Compute what failed and all that stands on it, at most a day; `newest` is the newest time of each channel."""
        self._passed, self._pause = 0, min(max(1, 2 * self._pause), _LONGEST_PAUSE)
        known = {one: span for one, span in self.waiting.items() if plan.channels.find(one) is not None}
        changed, rest = Points.empty(), dict[str, Span]()
        if known:
            chosen = computed_from(plan, known)
            reached = [int(newest[channel]) for one in chosen if (channel := plan.channels.find(one)) is not None]
            reached += [mark for one in chosen if (mark := closed.get(one, NEVER)) != NEVER]
            low = min(since for since, _ in known.values()) - 1
            last = max([until for _, until in known.values()] + reached)
            high = min(last, low + _AT_ONCE)
            changed = Replay(plan, store, chosen, low, closed).over(low, high).changed
            rest = dict.fromkeys(known, (high + 1, last)) if high < last else {}
        self._trying, self.waiting, self._pause = self.waiting, rest, 0
        return changed

    def taken(self) -> None:
        """Forget what the last attempt gave, now that its rows have been taken."""
        if self._trying:
            done, self._trying = self._trying, {}
            self._write(done)

    def _write(self, done: Iterable[str] = ()) -> None:
        spans = {**self._trying}
        for one, span in self.waiting.items():
            spans[one] = _wider(spans.get(one), span)
        with self._db.begin() as tx:
            tx.execute(failed.delete().where(failed.c.property_id.in_([*spans, *done])))
            if spans:
                rows = [{"property_id": one, "since": since, "until": until} for one, (since, until) in spans.items()]
                tx.execute(failed.insert(), rows)


def _wider(known: Span | None, more: Span) -> Span:
    return more if known is None else (min(known[0], more[0]), max(known[1], more[1]))
