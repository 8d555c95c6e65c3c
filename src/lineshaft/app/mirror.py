"""Copies what rooms write in the relational database to tables of the lake, where any program reads it beside the values.

Each table goes on from the newest moment it has, a minute of overlap included, and is unique by its id: whatever stops the
node in between, every row is there once. Pictures that wait in the inbox are taken in by the same thread.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import pyarrow as pa
import sqlalchemy as sa

from lineshaft.assets import Assets
from lineshaft.core import Database, metadata, now_ns, parse_duration
from lineshaft.guard import Command, Guard, Subject
from lineshaft.store import Change, Seen, Store, described

log = logging.getLogger("lineshaft.app")
EVERY_S = 30.0
OVERLAP_NS = 60_000_000_000
_TIDY_NS = 3_600_000_000_000
_AT_ONCE = 50_000
_TIMES = frozenset(("at", "written", "created", "due", "started", "done", "closed", "planned_for", "ts", "taken_in", "changed"))


class Mirrored(NamedTuple):
    """A table of the lake: what it is, which rows changed at or after a moment, and their moment."""

    name: str
    description: str
    since: Callable[[int], sa.Select[Any]]
    moment: str


def _of(name: str) -> sa.Table:
    return metadata.tables[name]


def _alarm_log(since: int) -> sa.Select[Any]:
    log_, alarm = _of("alarm_log"), _of("alarm")
    found = sa.select(log_, alarm.c.asset, alarm.c.name.label("alarm"))
    return found.join(alarm, alarm.c.id == log_.c.alarm_id).where(log_.c.written >= since).order_by(log_.c.written, log_.c.id)


def _orders(since: int) -> sa.Select[Any]:
    order, history = _of("work_order"), _of("work_order_history")
    last = sa.select(history.c.order_id, sa.func.max(history.c.at).label("changed")).group_by(history.c.order_id).subquery()
    found = sa.select(order, last.c.changed).join(last, last.c.order_id == order.c.id)
    return found.where(last.c.changed >= since).order_by(last.c.changed, order.c.id)


def _order_history(since: int) -> sa.Select[Any]:
    order, history = _of("work_order"), _of("work_order_history")
    found = sa.select(history, order.c.number, order.c.asset).join(order, order.c.id == history.c.order_id)
    return found.where(history.c.at >= since).order_by(history.c.at, history.c.id)


def _documents(since: int) -> sa.Select[Any]:
    one = _of("document")
    return sa.select(one, one.c.about.label("asset")).where(one.c.created >= since).order_by(one.c.created, one.c.id)


def _images(since: int) -> sa.Select[Any]:
    one = _of("image")
    return sa.select(one).where(one.c.taken_in >= since).order_by(one.c.taken_in, one.c.id)


TABLES = (
    Mirrored("alarm_log", "What happened to every alarm: raised, acknowledged, cleared, by whom.", _alarm_log, "written"),
    Mirrored("work_orders", "Work orders as they stand.", _orders, "changed"),
    Mirrored("work_order_history", "Every step of every work order.", _order_history, "at"),
    Mirrored("documents", "Documents: whose, what kind, and the hash that names the file.", _documents, "created"),
    Mirrored("images", "Images: asset, lot, time, result, and the file under lake/images.", _images, "taken_in"),
)


class Mirror:
    """A thread that keeps the lake's copies up to date."""

    def __init__(self, db: Database, store: Store, guard: Guard, assets: Assets) -> None:
        self._db, self._store, self._guard, self._assets = db, store, guard, assets
        self._stop = threading.Event()
        self._tidied = 0
        self._thread = threading.Thread(target=self._run, name="mirror", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Write what is there and end."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(30)

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            try:
                self.take_images()
                self.write()
                self.tidy()
            except Exception:
                log.exception("copying tables to the lake failed")

    def write(self) -> dict[str, int]:
        """Copy what is new; return how many rows each table took."""
        return {one.name: self._copy(one) for one in TABLES}

    def _copy(self, one: Mirrored) -> int:
        tablets = self._store.sql.tablets
        app = f"mirror/{one.name}"
        mark = tablets.get(one.name).marks.get(app, 0)
        if one.name == "images" and tablets.get(one.name).rows > self._pictures():
            mark = -1  # some were deleted: written anew, whole
        asked = one.since(max(0, mark - OVERLAP_NS))
        types = {column.key: column.type for column in asked.selected_columns if column.key}
        rows = self._db.rows(asked.limit(_AT_ONCE) if mark >= 0 else asked)
        fresh = [row for row in rows if int(row[one.moment]) > mark]
        if not fresh and mark >= 0 and len(rows) == _AT_ONCE:
            rows = fresh = self._db.rows(one.since(mark + 1).limit(_AT_ONCE))
        if not fresh and mark >= 0:
            return 0
        about = {"description": one.description, "made_of": [], "written": now_ns()}
        mode, number = ("replace", None) if mark < 0 else ("upsert", (app, int(rows[-1][one.moment])))
        change = Change(_table(rows, types), mode, ("id",) if number else (), "", number)
        tablets.write(one.name, change, about)
        return len(fresh)

    def _pictures(self) -> int:
        return int(self._db.rows(sa.select(sa.func.count().label("n")).select_from(_of("image")))[0]["n"])

    def take_images(self) -> int:
        """Take in what waits in HOME/inbox/images; return how many pictures that were."""
        album, taken = self._store.images, 0
        for path, beside in album.waiting():
            album.take(path, beside, lambda content, seen: self._take("inbox", content, seen))
            taken += 1
        return taken

    def take_from_edge(self, edge: str, content: bytes, said: Mapping[str, Any]) -> None:
        """Take in a picture an edge node sends; the same one again changes nothing. Raises a LineshaftError."""
        self._take(f"edge {edge}", content, described(said, now_ns()))

    def _take(self, who: str, content: bytes, seen: Seen) -> None:
        asset = self._assets.asset(seen.asset).path
        about = {"asset": asset, "name": seen.name, "size": len(content)}
        command = Command(Subject.system(who), "images.add", "image", about, None, asset)
        self._guard.perform(command, lambda tx: {"id": self._store.images.add(tx, content, replace(seen, asset=asset)).id})

    def tidy(self) -> None:
        """Once an hour: delete pictures past their time, files nobody names, and removed files of tables."""
        now = now_ns()
        if now - self._tidied < _TIDY_NS:
            return
        self._tidied = now
        settings = self._store.settings
        self._store.images.tidy(now - parse_duration(settings.image_keep))
        self._store.sql.tablets.tidy(now - settings.keep_removed_ns)


def _table(rows: Sequence[Mapping[str, Any]], types: Mapping[str, Any]) -> pa.Table:
    return pa.table({name: _column(name, kind, [row[name] for row in rows]) for name, kind in types.items()})


def _column(name: str, kind: Any, values: list[Any]) -> Any:
    """Return a column in the type its table says, whatever the rows at hand hold."""
    if isinstance(kind, sa.Integer) and name in _TIMES:
        return pa.array([None if value is None else int(value) // 1000 for value in values], pa.timestamp("us", "UTC"))
    if isinstance(kind, sa.Float):
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    if isinstance(kind, sa.Boolean | sa.Integer):
        return pa.array(values, pa.bool_() if isinstance(kind, sa.Boolean) else pa.int64())
    if isinstance(kind, sa.JSON):
        return pa.array([None if value is None else json.dumps(value, default=str) for value in values], pa.string())
    return pa.array([None if value is None else str(value) for value in values], pa.string())
