"""Act by itself, for the benches of cases: rooms on a disk of their own, on SQLite or a PostgreSQL that syncs every commit."""

from __future__ import annotations

import contextlib
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lineshaft import assets, detect, guard, maintain, production
from lineshaft.act import Act, ActSettings
from lineshaft.app import MIGRATIONS
from lineshaft.core import Bus, Database
from lineshaft.detect import AlarmRaised
from lineshaft.guard import Subject

BOSS = Subject.system("bench")


class _Numbers:
    def sids(self, source: str, tags: Any, /) -> Any:
        del source
        return np.full(len(tags), -1, np.int32)

    def derived_sid(self, property_id: str, /) -> int:
        del property_id
        return -1


@dataclass
class Works:
    """What a bench asks."""

    db: Database
    bus: Bus
    act: Act
    orders: maintain.Orders
    home: Path


@contextlib.contextmanager
def works(url: str, process: str) -> Iterator[Works]:
    """Yield act over one process definition, its engine running."""
    with tempfile.TemporaryDirectory(prefix="lineshaft-act-") as folder:
        home = Path(folder)
        (home / "processes").mkdir()
        (home / "processes" / "bench.yaml").write_text(process)
        db = Database(url or f"sqlite:///{home / 'bench.db'}")
        db.migrate(MIGRATIONS)
        bus = Bus()
        keeper, register = guard.Guard(db), assets.Assets(db, bus)
        watch = detect.Detect(db, register, _Numbers(), bus)
        orders, spares = maintain.Orders(db, bus, None, register, watch), maintain.Spares(db, bus)
        purchases = maintain.Purchases(db, bus, home)
        made = production.Production(db, register, bus)
        act = Act(home, db, keeper, orders, spares, purchases, watch, ActSettings(), bus, None, made)
        act.listen()
        act.start_engine()
        try:
            yield Works(db, bus, act, orders, home)
        finally:
            act.stop()
            db.close()


def alarm(number: int, process: str) -> AlarmRaised:
    """Return an alarm that begins a case of its own."""
    return AlarmRaised(
        alarm_id=f"alarm-{number}",
        occurrence=f"occurrence-{number}",
        asset_id="",
        asset_path=f"Site/M{number}",
        name="Vibration high",
        priority=1,
        kind="alarm",
        property_path=f"Site/M{number}/Vibration",
        operator=">",
        value=9.0,
        limit=7.1,
        unit="mm/s",
        at=number,
        failure_mode="VIB",
        process=process,
    )


class Counter:
    """Waits until so many things were told."""

    def __init__(self) -> None:
        self._change, self.seen = threading.Condition(), dict[str, float]()

    def note(self, key: str, at: float) -> None:
        with self._change:
            self.seen.setdefault(key, at)
            self._change.notify_all()

    def wait(self, count: int, timeout: float) -> None:
        with self._change:
            if not self._change.wait_for(lambda: len(self.seen) >= count, timeout):
                raise TimeoutError(f"only {len(self.seen)} of {count}")
