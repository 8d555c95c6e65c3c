"""A store and orders on a real database, with a bus that remembers what was told."""

from __future__ import annotations

from pathlib import Path

import pytest

from lineshaft import guard, maintain
from lineshaft.core import Bus, Database
from lineshaft.guard import Role, Subject
from lineshaft.maintain import OrderChanged, Orders, PurchaseChanged, Purchases, SpareLow, Spares

ANNA = Subject("anna", "anna", "person", frozenset({Role.TECHNICIAN}), "Anna")
BERT = Subject("bert", "bert", "person", frozenset({Role.PLANNER}), "Bert")
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


class Shop:
    """Maintenance on one database."""

    def __init__(self, db: Database, home: Path) -> None:
        self.db, self.home = db, home
        db.migrate({"guard": guard.MIGRATIONS, "maintain": maintain.MIGRATIONS})
        self.bus = Bus()
        self.told: list[object] = []
        for event in (OrderChanged, PurchaseChanged, SpareLow):
            self.bus.on(event, self.told.append)
        self.orders, self.spares = Orders(db, self.bus), Spares(db, self.bus)
        self.purchases = Purchases(db, self.bus, home)

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
