"""Which late scrap a figure counts: what came in time at once, what came late when a recompute has taken it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.compute.tables import corrections
from lineshaft.core import Database


class Moved(Protocol):
    """Parts of a machine that were counted good over (start, end] and are scrap."""

    @property
    def id(self) -> str:
        """Return its lasting id."""
        ...

    @property
    def start(self) -> int:
        """Return from when on the parts were made."""
        ...

    @property
    def end(self) -> int:
        """Return until when the parts were made."""
        ...

    @property
    def quantity(self) -> float:
        """Return how many."""
        ...

    @property
    def reason(self) -> str:
        """Return why."""
        ...

    @property
    def recorded(self) -> int:
        """Return since when it is known."""
        ...


@dataclass(frozen=True, slots=True)
class Known:
    """The late scrap of a stretch: what counts, what waits for a recompute, and since when and by which each counts."""

    counted: tuple[Moved, ...]
    waiting: tuple[Moved, ...]
    since: dict[str, tuple[int, str | None]]


class Corrections:
    """The late scrap of production, with the moment each entry began to count."""

    def __init__(self, db: Database, production: Any, settles: int) -> None:
        self._db, self._production, self._settles = db, production, settles

    def known(self, path: str, start: int, end: int, as_of: int | None = None) -> Known:
        """Return the late scrap that touches (start, end], as known now or at an earlier time."""
        found: Sequence[Moved] = self._production.scrapped(path, start, end)
        seen = [one for one in found if as_of is None or one.recorded <= as_of]
        applied = self._applied([one.id for one in seen])
        since: dict[str, tuple[int, str | None]] = {}
        for one in seen:
            if one.recorded - one.end <= self._settles:
                since[one.id] = (one.recorded, None)
            elif one.id in applied and (as_of is None or applied[one.id][0] <= as_of):
                since[one.id] = applied[one.id]
        counted = tuple(one for one in seen if one.id in since)
        return Known(counted, tuple(one for one in seen if one.id not in since), since)

    def _applied(self, ids: Sequence[str]) -> dict[str, tuple[int, str | None]]:
        if not ids:
            return {}
        rows = self._db.rows(sa.select(corrections).where(corrections.c.scrap_id.in_(ids)))
        return {row["scrap_id"]: (row["applied"], row["recompute_id"]) for row in rows}

    @staticmethod
    def apply(tx: Connection, ids: Iterable[str], recompute_id: str, now: int) -> None:
        """Let late scrap count from now on; what counts already keeps its moment."""
        known = set(tx.execute(sa.select(corrections.c.scrap_id)).scalars())
        fresh = [{"scrap_id": one, "recompute_id": recompute_id, "applied": now} for one in ids if one not in known]
        if fresh:
            tx.execute(corrections.insert(), fresh)
