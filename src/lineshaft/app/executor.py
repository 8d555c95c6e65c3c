"""An executor: a process that only moves cases and brings what is due to other systems, on the PostgreSQL database of a node.

It takes no values in, serves no pages and writes to no machine. If the node dies, what the node had begun goes on here; if an
executor dies, with the node or another executor.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy.engine import Connection

from lineshaft import act, assets, detect, guard, maintain, production
from lineshaft.app.settings import Settings, open_database
from lineshaft.app.telling import webhook_events
from lineshaft.core import Bus, ConfigError, Database, SystemEvents

LOOK_EVERY = 10.0
"""Seconds after which the plant is read anew: models and calendars are edited at the node."""


class _Nothing:
    """Where there are no values: series have no numbers here."""

    def sids(self, source: str, tags: Any, /) -> Any:
        """Return no number for each tag."""
        del source
        return np.full(len(tags), -1, np.int32)

    def derived_sid(self, property_id: str, /) -> int:
        """Return no number."""
        del property_id
        return -1


class Executor:
    """The rooms that cases are worked in, without those that values go through.

    Raises ConfigError on SQLite, where one process has the database, and for a name that another executor has.
    """

    def __init__(self, home: Path, name: str) -> None:
        self.db, settings = open_database(home)
        if self.db.is_sqlite:
            self.db.close()
            raise ConfigError(
                "an executor needs the node's PostgreSQL database, this home has SQLite",
                where=str(home / "settings.toml"),
                hint="set [node] database; on SQLite the node itself moves all cases",
                code="act.executor",
            )
        self.name, self.bus = name, Bus()
        self.system_events = SystemEvents(self.bus)
        self.assets = assets.Assets(self.db, self.bus)
        self.production = production.Production(self.db, self.assets, self.bus)
        self.act = self._act(home, settings, self.db)
        self._exchange(home, settings)
        self._end = threading.Event()

    def _act(self, home: Path, settings: Settings, db: Database) -> act.Act:
        self.guard = guard.Guard(db, settings.guard)
        self.detect = detect.Detect(db, self.assets, _Nothing(), self.bus)
        self.bus.within(maintain.ReturnedToService, self._within_return)
        self.orders = maintain.Orders(db, self.bus, settings.maintain, self.assets, self.detect)
        spares = maintain.Spares(db, self.bus)
        purchases = maintain.Purchases(db, self.bus, home, settings.maintain, self.name)
        chosen = settings.act.model_copy(update={"executor": self.name})
        rooms = (home, db, self.guard, self.orders, spares, purchases, self.detect, chosen, self.bus)
        return act.Act(*rooms, None, self.production)

    def _within_return(self, tx: Connection, event: maintain.ReturnedToService) -> None:
        self.detect.returned(tx, event.asset)

    def _exchange(self, home: Path, settings: Settings) -> None:
        hooks, source = settings.webhooks.entries, f"/lineshaft/{settings.node.name}"
        self.webhooks = maintain.Webhooks(self.db, self.bus, hooks, source, self.name)
        self.partner = maintain.Partner(self.db, self.guard, self.orders, self.bus, home, settings.maintain, self.name)
        self.act.listen()
        for event, write in webhook_events(self.webhooks):
            self.bus.within(event, write)
        self.bus.on(act.ExecutorLost, self._on_lost, "maintain: what an executor that died was bringing is brought from here")
        self.bus.on(maintain.OrderChanged, self.partner.on_order, "maintain: a new order goes to the other maintenance system")

    def run(self) -> None:
        """Work until `ask_stop` is called."""
        self.act.start_engine()
        self.partner.start()
        self.webhooks.start()
        try:
            while not self._end.wait(LOOK_EVERY):
                self.assets.refresh()
                self.production.refresh()
                self.act.reload()
        finally:
            self.webhooks.stop()
            self.partner.stop()
            self.act.stop()
            self.db.close()

    def ask_stop(self) -> None:
        """Ask it to end in good order; any thread may ask."""
        self._end.set()

    def _on_lost(self, lost: act.ExecutorLost) -> None:
        self.partner.take_over(lost.name)
        self.webhooks.take_over(lost.name)
        self.act.notifier.carrying.take_over(lost.name)
