"""A store and orders on a real database, with a bus that remembers what was told."""

from __future__ import annotations

from pathlib import Path

import pytest

from lineshaft import assets, detect, guard, maintain, production, store
from lineshaft.core import Bus, Database, SystemEvent
from lineshaft.guard import Guard, Role, Subject
from lineshaft.maintain import (
    OrderChanged,
    Orders,
    PurchaseChanged,
    Purchases,
    ReturnedToService,
    SpareLow,
    Spares,
    Workshop,
)
from tests.schema import migrate

ANNA = Subject("anna", "anna", "person", frozenset({Role.TECHNICIAN}), "Anna")
BERT = Subject("bert", "bert", "person", frozenset({Role.PLANNER}), "Bert")
CARL = Subject("carl", "carl", "person", frozenset({Role.PLANNER}), "Carl")
PUMP = "Bakery/Line 1/Cooler/Coolant pump"
BEARING = {
    "name": "Deep groove ball bearing 6205",
    "bin": "B-12",
    "on_hand": 4,
    "minimum": 3,
    "target": 8,
    "unit_cost": 24.5,
    "used_by": [{"asset": PUMP, "quantity": 2, "failure_mode": "VIB"}],
}


BAKERY = Path(maintain.__file__).parents[1] / "examples" / "bakery"


class NoSeries:
    """The store as the alarms ask it: no series yet."""

    def sids(self, _source, tags):
        return [0 for _ in tags]

    def derived_sid(self, _property_id):
        return 0


class Readings(dict):
    """The store as plans ask it: the newest value of each property, and its quality."""

    def latest(self, paths):
        return [store.Latest(path, 0, *self[path], "") if path in self else None for path in paths]


class Shop:
    """Maintenance on one database."""

    def __init__(self, db: Database, home: Path) -> None:
        self.db, self.home = db, home
        rooms = (guard, assets, production, store, detect, maintain)
        migrate(db, {room.__name__.rpartition(".")[2]: room.MIGRATIONS for room in rooms})
        self.bus = Bus()
        self.told: list[object] = []
        for event in (OrderChanged, PurchaseChanged, SpareLow, ReturnedToService, SystemEvent):
            self.bus.on(event, self.told.append)
        self.assets = assets.Assets(db, self.bus)
        self.detect = detect.Detect(db, self.assets, NoSeries(), self.bus)
        self.guard = Guard(db)
        self.orders, self.spares = Orders(db, self.bus, None, self.assets, self.detect), Spares(db, self.bus)
        self.readings = Readings()
        made = production.Production(db, self.assets)
        self.workshop = Workshop(db, self.guard, self.orders, self.bus, self.assets, made, self.readings, self.detect)
        self.purchases = Purchases(db, self.bus, home)

    def bakery(self) -> None:
        """Put the bakery's plant behind it, with what each position costs and how critical it is."""
        self.assets.load(BAKERY)

    def order(self, **values):
        with self.db.begin() as tx:
            return self.orders.create(tx, BERT, **{"asset": PUMP, "title": "Pump shakes", "state": "triaged", **values})

    def do(self, verb, order_id, *args, by=ANNA, **values):
        with self.db.begin() as tx:
            return getattr(self.orders, verb)(tx, order_id, by, *args, **values)

    def part(self, part="BRG-6205", **values):
        with self.db.begin() as tx:
            self.spares.add(tx, part, {**BEARING, **values}, BERT)
        return self.spares.get(part)


@pytest.fixture
def shop(database: Database, tmp_path: Path) -> Shop:
    return Shop(database, tmp_path)


@pytest.fixture
def lite(tmp_path: Path):
    db = Database(f"sqlite:///{tmp_path / 'lite.db'}")
    yield Shop(db, tmp_path)
    db.close()
