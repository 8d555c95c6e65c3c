"""The shift logbook: what one shift tells the next. Nothing is edited in place: a correction is a new version beside the old."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from pydantic import Field
from sqlalchemy.engine import Connection

from lineshaft.assets import Assets
from lineshaft.core import NS, Conflict, Database, InvalidInput, NotFound, Section, iso, new_id, now_ns, parse_time
from lineshaft.production.calendar import Calendar
from lineshaft.production.tables import logbook
from lineshaft.production.written import Moment, Name

AHEAD_NS = 600 * NS
"""A clock may be so far ahead; an entry about a later time is refused."""


class LogEntry(Section):
    """What somebody writes: where, what, under which tags, and when it was (now, if not said)."""

    asset: Name
    text: str = Field(min_length=1, max_length=8_000)
    tags: list[str] = Field(default_factory=list[str], max_length=20)
    at: Moment | None = None


class LogCorrection(Section):
    """A new version of an entry; `version` is the one that was read."""

    text: str = Field(min_length=1, max_length=8_000)
    tags: list[str] | None = Field(None, max_length=20)
    version: int | None = None


class Logbook:
    """The book of what happened on the shift."""

    def __init__(self, db: Database, assets: Assets, calendar: Callable[[str], Calendar]) -> None:
        self._db, self._assets, self._calendar = db, assets, calendar

    def list(
        self, start: int, end: int, *, under: str = "", shift: str = "", tag: str = "", limit: int = 1000
    ) -> list[dict[str, Any]]:
        """Return the newest version of the entries of (start, end], newest first; of an asset and all below it if asked."""
        query = sa.select(logbook).where(logbook.c.newest, logbook.c.at > start, logbook.c.at <= end)
        query = query.where(logbook.c.shift == shift) if shift else query
        if under:
            query = query.where(logbook.c.asset_id.in_(self._below(under)))
        rows = self._db.rows(query.order_by(logbook.c.at.desc(), logbook.c.entry_id))
        found = [self._shown(row) for row in rows if not tag or tag in row["tags"]]
        return found[:limit]

    def versions(self, entry_id: str) -> list[dict[str, Any]]:
        """Return every version of an entry, the oldest first. Raises NotFound."""
        rows = self._db.rows(sa.select(logbook).where(logbook.c.entry_id == entry_id).order_by(logbook.c.version))
        if not rows:
            raise _no_entry(entry_id)
        return [self._shown(row) for row in rows]

    def write(self, tx: Connection, entry: LogEntry, author: str) -> dict[str, Any]:
        """Write an entry into the shift that runs at its time; return it."""
        asset = self._assets.asset(entry.asset)
        now = now_ns()
        at = now if entry.at is None else parse_time(entry.at)
        if at > now + AHEAD_NS:
            raise InvalidInput(f"{iso(at)} is still to come", where="at", hint="a logbook tells what was", code="logbook.future")
        shift = self._calendar(asset.path).shift_at(at)
        values = {
            "asset_id": asset.id,
            "at": at,
            "shift": "" if shift is None else shift.name,
            "day": "" if shift is None else shift.day.isoformat(),
            "text": _said(entry.text),
            "tags": _tags(entry.tags),
        }
        return self._insert(tx, new_id(), 1, values, author)

    def correct(self, tx: Connection, entry_id: str, correction: LogCorrection, author: str) -> dict[str, Any]:
        """Write a new version of an entry; the old ones stay readable. Raises Conflict if somebody was faster."""
        own = (logbook.c.entry_id == entry_id) & logbook.c.newest
        row = tx.execute(sa.select(logbook).where(own)).mappings().first()
        if row is None:
            raise _no_entry(entry_id)
        old = logbook.update().where(logbook.c.id == row["id"], logbook.c.newest).values(newest=False)
        stale = correction.version is not None and correction.version != row["version"]
        if stale or tx.execute(old).rowcount != 1:
            raise Conflict("this entry was corrected meanwhile", hint="read it again, then correct it", code="version.conflict")
        values = {name: row[name] for name in ("asset_id", "at", "shift", "day")}
        tags = list(row["tags"]) if correction.tags is None else _tags(correction.tags)
        return self._insert(tx, entry_id, row["version"] + 1, {**values, "text": _said(correction.text), "tags": tags}, author)

    def place(self, entry_id: str) -> str:
        """Return the path of the asset an entry is about, empty if there is no such entry."""
        rows = self._db.rows(sa.select(logbook.c.asset_id).where(logbook.c.entry_id == entry_id).limit(1))
        return self._assets.asset(rows[0]["asset_id"]).path if rows else ""

    def shifts(self, under: str) -> list[str]:
        """Return the names of the shifts of a line's calendar, in the order of the day."""
        versions = self._calendar(under).versions
        return [shift.name for shift in versions[-1].shifts] if versions else []

    def _insert(self, tx: Connection, entry_id: str, version: int, values: dict[str, Any], author: str) -> dict[str, Any]:
        row = {**values, "entry_id": entry_id, "author": author, "written": now_ns(), "newest": True}
        tx.execute(logbook.insert().values(id=new_id(), version=version, **row))
        return self._shown({**row, "version": version})

    def _shown(self, row: dict[str, Any]) -> dict[str, Any]:
        names = ("version", "at", "shift", "day", "text", "tags", "author", "written")
        return {"id": row["entry_id"], "asset": self._assets.asset(row["asset_id"]).path, **{name: row[name] for name in names}}

    def _below(self, path: str) -> list[str]:
        top = self._assets.asset(path).path
        return [one.id for one in self._assets.tree() if one.path == top or one.path.startswith(f"{top}/")]


def _said(text: str) -> str:
    if not text.strip():
        raise InvalidInput("the entry is empty", where="text", code="logbook.empty")
    return text.strip()


def _tags(tags: Sequence[str]) -> list[str]:
    words = [tag.strip().lower()[:64] for tag in tags]
    return list(dict.fromkeys(word for word in words if word))


def _no_entry(entry_id: str) -> NotFound:
    return NotFound(f"there is no logbook entry '{entry_id}'", code="logbook.none")
