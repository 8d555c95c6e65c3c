"""The shop floor's context for every figure: calendar, running order, products, orders, lots and quality results."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.assets import ALWAYS, Asset, Assets
from lineshaft.core import (
    NS,
    Bus,
    Database,
    LineshaftError,
    Problem,
    SystemEvent,
    after_commit,
    bump,
    new_id,
    now_ns,
    parse_time,
)
from lineshaft.production.calendar import Calendar
from lineshaft.production.feed import FeedDraft, FileFeed
from lineshaft.production.feeder import Feeder
from lineshaft.production.figures import Counted, Figures, figures
from lineshaft.production.folder import read_calendars, read_production
from lineshaft.production.intake import Loaded, Take, take
from lineshaft.production.logbook import Logbook
from lineshaft.production.lot import Lots
from lineshaft.production.order import Orders
from lineshaft.production.plan import Plan, Run, read_plan
from lineshaft.production.product import Products
from lineshaft.production.quality import QualityResults
from lineshaft.production.scrap import Scrap
from lineshaft.production.settings import feed_plugins
from lineshaft.production.tables import calendars, quality
from lineshaft.production.written import CalendarEntry

COUNT = sa.select(sa.func.count()).select_from(quality)


@dataclass(frozen=True, slots=True)
class ProductionChanged:
    """A calendar, an ideal cycle, an order, a lot or a run is different from before."""


class Production:
    """Everything a figure needs to know of what was being made. Books take the caller's transaction."""

    def __init__(self, db: Database, assets: Assets, bus: Bus | None = None) -> None:
        self._db, self._assets, self._bus = db, assets, bus or Bus()
        self._lock = threading.Lock()
        self._plan: Plan | None = None
        self._noted: weakref.WeakSet[Connection] = weakref.WeakSet()
        self.products = Products(db, assets, self.changed)
        self.orders = Orders(db, assets, self.products, self.changed)
        self.lots = Lots(db, self.products, self.orders, self.changed)
        self.quality = QualityResults(db, assets, self.orders, self.lots, self.changed)
        self.logbook = Logbook(db, assets, self.calendar)
        self.feeder = Feeder(db, self._bus, self._take_fed)

    @property
    def plan(self) -> Plan:
        """The committed state of calendars, runs and ideal cycles."""
        return self._plan or self.refresh()

    def refresh(self) -> Plan:
        """Read the plan anew from the database."""
        with self._lock, self._db.read() as tx:
            self._plan = read_plan(tx)
            return self._plan

    def calendar(self, path: str) -> Calendar:
        """Return the calendar of a line or of what it is part of; without one, all time is planned."""
        known = self.plan.calendars
        return next((known[asset.id] for asset in self._upwards(path) if asset.id in known), Calendar())

    def running(self, path: str, start: int, end: int) -> list[Run]:
        """Return which order and product ran at a machine between two moments, entered for it or for its line."""
        plan, machine = self.plan, self._assets.asset(path)
        place = next((asset for asset in self._upwards(path) if asset.id in plan.runs), machine)
        return plan.running(place.id, machine.id, start, end)

    def scrapped(self, path: str, start: int, end: int) -> list[Scrap]:
        """Return the late scrap of a machine that touches (start, end], in the order it was recorded."""
        return self.quality.scrap.between(path, start, end)

    def figures(self, line: str, start: int, end: int, counted: Counted | None = None) -> Figures:
        """Return on time in full, yield and throughput against target of a line over (start, end].

        `counted` are the good parts its constraint counted by order and product, where no lot says what was made.
        """
        return figures(self._db, self._assets, self, line, start, end, counted)

    def _upwards(self, path: str) -> Iterator[Asset]:
        asset: Asset | None = self._assets.asset(path)
        while asset is not None:
            yield asset
            asset = None if asset.parent_id is None else self._assets.asset(asset.parent_id)

    def changed(self, tx: Connection) -> None:
        """Let everybody know once, after the commit, that one of the books was written in this transaction."""
        if tx not in self._noted:
            self._noted.add(tx)
            after_commit(tx, self._tell)

    def load(self, folder: Path, at: int | None = None) -> Loaded:
        """Take `calendar.yaml` and `production.yaml`; a wrong entry is told with file and line and stops no other."""
        result = Loaded()
        entries = read_calendars(folder, result.problems)
        draft = read_production(folder)
        moment = now_ns() if at is None else at
        with self._db.begin() as tx:
            for where, entry in entries:
                with _noting(where, result):
                    self._take_calendar(tx, where, entry, moment, result)
            self._take(tx, draft, result, moment)
        self._after(f"the production files in {folder}", "production.files", result)
        return result

    def feed(self, path: Path, kind: str = "files") -> Loaded:
        """Take what a feed brings; a wrong row is told with its place and stops no other."""
        plugin: FileFeed = feed_plugins().load(kind)()
        result = Loaded()
        with self._db.begin() as tx:
            self._take(tx, plugin.read(path), result, now_ns())
        self._after(f"the feed {path.name}", f"production.feed.{kind}", result)
        return result

    def _take(self, tx: Connection, draft: FeedDraft, result: Loaded, at: int) -> None:
        books: dict[str, Take] = {
            "products": lambda tx, one: self.products.add(tx, one, at),
            "orders": self.orders.add,
            "lots": self.lots.add,
            "quality": self._take_quality,
            "running": self.orders.start,
        }
        take(tx, draft, result, books)

    def _take_fed(self, tx: Connection, draft: FeedDraft) -> Loaded:
        result = Loaded()
        self._take(tx, draft, result, now_ns())
        return result

    def _take_quality(self, tx: Connection, entry: Any) -> bool:
        before = tx.execute(COUNT).scalar_one()
        self.quality.add(tx, entry, by="feed")
        return bool(tx.execute(COUNT).scalar_one() != before)

    def _take_calendar(self, tx: Connection, where: str, entry: CalendarEntry, at: int, result: Loaded) -> None:
        """Take a calendar as a new version, or as the known one with other lines or later holidays."""
        asset_ids = [self._assets.asset(line).id for line in entry.lines]
        since = ALWAYS if entry.valid_from is None else parse_time(entry.valid_from)
        body = entry.model_dump(mode="json", exclude_unset=True)
        same = (calendars.c.name == entry.calendar) & (calendars.c.valid_from == since)
        row = tx.execute(sa.select(calendars).where(same)).mappings().first()
        if row is None:
            values = {"name": entry.calendar, "valid_from": since, "body": body, "asset_ids": asset_ids}
            tx.execute(calendars.insert().values(id=new_id(), version=1, **values))
        elif row["body"] == body and row["asset_ids"] == asset_ids:
            return
        elif _past_differs(CalendarEntry.model_validate(row["body"]), entry, at):
            what = f"calendar '{entry.calendar}' differs from the one that past figures were computed with"
            result.problems.append(Problem(where, what, "give the new shift model a later valid_from; keep the old one in git"))
            return
        else:
            bump(tx, calendars, row["id"], None, body=body, asset_ids=asset_ids)
        self.changed(tx)
        result.taken.append(f"calendar {entry.calendar}")

    def _after(self, what: str, key: str, result: Loaded) -> None:
        count = len(result.problems)
        message = f"{count} problem(s) in {what}: {result.problems[0]}" if count else f"{what} are in order"
        self._bus.tell(SystemEvent(key=key, message=message, active=bool(count), hint="mend it and load it again"))

    def _tell(self) -> None:
        self.refresh()
        self._bus.tell(ProductionChanged())


def _past_differs(old: CalendarEntry, new: CalendarEntry, at: int) -> bool:
    """Say whether a changed calendar plans any time before today differently."""
    today = datetime.fromtimestamp(at / NS, ZoneInfo(new.timezone)).date().isoformat()
    past = [{day for day in entry.holidays if day < today} for entry in (old, new)]
    return (old.timezone, old.shifts, old.time_model, past[0]) != (new.timezone, new.shifts, new.time_model, past[1])


@contextmanager
def _noting(where: str, result: Loaded) -> Generator[None]:
    """Turn an error about one entry into a problem with its place."""
    try:
        yield
    except LineshaftError as error:
        result.problems.append(Problem(where, error.what, error.hint))
