"""Raw vibration records past their time that nothing refers to; their figures are values and stay.

Of each position stay: the newest; those a finding or a resolution is about (and the one it was said on the ground of); those
since it is not healthy; those its baseline was learned from, or where a stream taught it the first ones of that time; those that
came with the plant's files, as the next start would bring them back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import Database, metadata
from lineshaft.detect.forgetting.page import AT_ONCE, Page
from lineshaft.detect.position_tables import positions, records, resolutions
from lineshaft.detect.positions.loading import BY
from lineshaft.detect.positions.watching import LEARNED_SINCE
from lineshaft.detect.tables import findings
from lineshaft.detect.vibration import HEALTHY

EVER = 2**62
Span = tuple[int, int]
Rows = Sequence[Mapping[str, Any]]


class Shelf(Protocol):
    """Where the contents of records lie."""

    def remove(self, tx: Connection, ids: Sequence[str]) -> None:
        """Take documents off."""
        ...


class OldRecords:
    """Records taken before a moment; made anew for each run, as it remembers what findings are about."""

    name = "raw vibration records"

    def __init__(self, db: Database, shelf: Shelf, before: int, newest: int) -> None:
        self._db, self._shelf, self._before, self._newest = db, shelf, before, newest

    def page(self, tx: Connection | None = None, mark: Any = None) -> Page:
        """Return records of the next position that has some to go, oldest first; a mark is a position and a record of it."""
        at: tuple[str, int, str] | None = mark
        while (position := self._position(at, tx)) is not None:
            after = at[1:] if at is not None and at[0] == position["id"] else (0, "")
            going = [one for one in self._going(position, tx) if (one["at"], one["id"]) > after]
            if going:
                part = going[:AT_ONCE]
                size = self._size([str(one["document"]) for one in part], tx)
                last = (position["id"], part[-1]["at"], part[-1]["id"])
                return Page([str(one["id"]) for one in part], size, int(part[0]["at"]), last)
            at = (str(position["id"]), EVER, "")
        return Page()

    def _position(self, mark: Any, tx: Connection | None) -> dict[str, Any] | None:
        """Return the position to look at: that of the mark, or the next one where that was looked through."""
        query = sa.select(positions).order_by(positions.c.id).limit(1)
        if mark is not None:
            query = query.where(positions.c.id > mark[0] if mark[1] == EVER else positions.c.id >= mark[0])
        return next(iter(self._db.rows(query, tx)), None)

    def _going(self, position: Mapping[str, Any], tx: Connection | None) -> list[Mapping[str, Any]]:
        columns = [records.c[name] for name in ("id", "at", "taken", "judged", "by", "document")]
        mine = records.c.position_id == position["id"]
        rows = self._db.rows(sa.select(*columns).where(mine).order_by(records.c.at, records.c.id), tx)
        old = [one for one in rows if max(one["at"], one["taken"]) < self._before and one["by"] != BY]
        if not old or len(rows) <= self._newest:
            return []
        kept = {one["id"] for one in rows[-self._newest :]} | set(self._taught(position, rows)) | set(self._about(position, rows))
        return [one for one in old if one["id"] not in kept]

    def _taught(self, position: Mapping[str, Any], rows: Rows) -> Iterator[str]:
        """Return the records that say what is usual: as many as are learned from, or the first where a stream is."""
        number = self._newest if position["vibration"] else int(position["settings"]["learn"])
        since = int(position["now"].get(LEARNED_SINCE) or position["created"])
        judged = [one for one in rows if one["judged"]]
        later = [one for one in judged if one["at"] >= since]
        for one in (*judged[:number], *later[:number]):
            yield str(one["id"])

    def _about(self, position: Mapping[str, Any], rows: Rows) -> Iterator[str]:
        """Return the records within the times something is about, and the last before the end of each."""
        spans = self._spans.get(position["id"], [])
        if position["state"] != HEALTHY:
            spans = [*spans, (int(position["since"]), int(position["since"])), (int(position["since"]), EVER)]
        for start, end in spans:
            before = [one for one in rows if one["at"] <= end]
            yield from (str(one["id"]) for one in before if one["at"] >= start)
            if before:
                yield str(before[-1]["id"])

    @cached_property
    def _spans(self) -> dict[str, list[Span]]:
        """Return, by position, the times that findings and resolutions are about."""
        said = findings.c.evidence
        position, start, end = (said[name].as_string().label(name) for name in ("position_id", "start_ns", "end_ns"))
        found: dict[str, list[Span]] = {}
        for row in self._db.rows(sa.select(position, start, end, findings.c.at).where(position.is_not(None))):
            span = int(row["start_ns"] or row["at"]), int(row["end_ns"] or row["at"])
            found.setdefault(str(row["position_id"]), []).append(span)
        for row in self._db.rows(sa.select(resolutions.c.position_id, resolutions.c.since, resolutions.c.at)):
            found.setdefault(str(row["position_id"]), []).append((int(row["since"]), int(row["at"])))
        return found

    def _size(self, ids: Sequence[str], tx: Connection | None) -> int:
        shelf = metadata.tables["document"]
        return int(self._db.rows(sa.select(sa.func.sum(shelf.c.size).label("n")).where(shelf.c.id.in_(ids)), tx)[0]["n"] or 0)

    def take(self, tx: Connection, ids: Sequence[str]) -> None:
        """Take records away with their documents; the contents follow when this has happened."""
        mine = records.c.id.in_(list(ids))
        contents = [str(row["document"]) for row in self._db.rows(sa.select(records.c.document).where(mine), tx)]
        tx.execute(records.delete().where(mine))
        self._shelf.remove(tx, contents)
