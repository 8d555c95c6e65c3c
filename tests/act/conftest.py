"""A whole small plant: rooms on a real database, the engine running, people who press buttons."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from lineshaft import act, assets, detect, guard, maintain, production
from lineshaft.act import Act, ActSettings, Hand
from lineshaft.assets import Assets
from lineshaft.core import Bus, Database, SystemEvent
from lineshaft.detect import Detect
from lineshaft.guard import Command, Guard, Role, Subject
from lineshaft.maintain import Orders, Purchases, Spares
from lineshaft.production import Production
from tests.detect.conftest import MODEL, PLANT, PUMP, VIBRATION, Numbers, Watch
from tests.schema import migrate

ANNA = Subject("anna", "anna", "person", frozenset({Role.TECHNICIAN}), "Anna")
BERT = Subject("bert", "bert", "person", frozenset({Role.PLANNER}), "Bert")
CARL = Subject("carl", "carl", "person", frozenset({Role.PLANNER}), "Carl")
CODES = {"mode": "VIB", "cause": "AGE", "remedy": "REPLACE"}
MIGRATIONS = {
    "guard": guard.MIGRATIONS,
    "assets": assets.MIGRATIONS,
    "production": production.MIGRATIONS,
    "detect": detect.MIGRATIONS,
    "maintain": maintain.MIGRATIONS,
    "act": act.MIGRATIONS,
}


class Plant:
    """All rooms from assets to act."""

    stored = Watch.stored

    def __init__(
        self, db: Database, home: Path, alarms: str = VIBRATION, settings: ActSettings | None = None, hand: Hand | None = None
    ) -> None:
        self.db, self.home = db, home
        migrate(db, MIGRATIONS)
        self.write(alarms)
        self.bus, self.numbers = Bus(), Numbers()
        self.events: list[SystemEvent] = []
        self.bus.on(SystemEvent, self.events.append)
        self.guard = Guard(db)
        self.assets = Assets(db, self.bus)
        self.assets.load(home)
        self.detect = Detect(db, self.assets, self.numbers, self.bus)
        self.detect.reload()
        self.orders, self.spares = Orders(db, self.bus), Spares(db, self.bus)
        chosen = settings or ActSettings()
        self.purchases = Purchases(db, self.bus, home, node=chosen.executor)
        self.production = Production(db, self.assets, self.bus)
        self.act = Act(
            *(home, db, self.guard, self.orders, self.spares, self.purchases, self.detect, chosen, self.bus),
            hand,
            self.production,
        )
        self.act.listen()

    def write(self, alarms: str) -> None:
        (self.home / "models").mkdir(exist_ok=True)
        (self.home / "models" / "pump.yaml").write_text(MODEL.replace("ALARMS", alarms))
        (self.home / "plant.yaml").write_text(PLANT)

    def process(self, *changes: tuple[str, str]) -> None:
        """Write the built-in process with other words into the plant's own folder and use it."""
        text = (Path(act.__file__).parent / "processes" / "maintenance.yaml").read_text()
        for old, new in (("hold: 5s", "hold: 200ms"), *changes):
            assert old in text
            text = text.replace(old, new)
        self.write_process(text)

    def write_process(self, text: str) -> None:
        (self.home / "processes").mkdir(exist_ok=True)
        (self.home / "processes" / "own.yaml").write_text(text)
        self.act.reload()

    def stock(self, on_hand=4, **values):
        card = {"name": "Bearing 6205", "on_hand": on_hand, "minimum": 3, "target": 8, "unit_cost": 24.5}
        use = {"asset": PUMP, "quantity": 2, "failure_mode": "VIB"}
        with self.db.begin() as tx:
            self.spares.add(tx, "BRG-6205", {**card, "used_by": [use], **values}, BERT)

    def feed(self, *rows, tag="Pump/Vibration"):
        self.detect.on_rows(self.stored(*rows, tag=tag))

    def shake(self, at=1):
        """Let the pump vibrate until its alarm is up, and the case has done what it can."""
        self.feed((at, 9.0), (at + 3, 9.2))
        assert self.act.settle()

    def calm(self, at=10):
        self.feed((at, 1.0), (at + 2, 1.0))
        assert self.act.settle()

    def press(self, by, verb, *args, **values):
        """A person presses a button on the case's order."""
        order = self.orders.list()[0]["id"]
        command = Command(by, f"work-orders.{verb}", order, asset=PUMP)
        self.guard.perform(command, lambda tx: getattr(self.orders, verb)(tx, order, by, *args, **values))
        assert self.act.settle()

    def repair(self, **values):
        self.press(ANNA, "start")
        order = self.orders.list()[0]
        with self.db.begin() as tx:
            for step in order["checklist"]:
                self.orders.tick(tx, order["id"], step["id"], True, ANNA)
        self.press(ANNA, "done", **values)

    def decide(self, by, decision, **values):
        approval = self.act.approvals()[0]
        command = Command(by, "approvals.decide", approval["id"], {"decision": decision})
        row = self.guard.perform(command, lambda tx: self.act.decide(tx, approval["id"], by, decision, **values))
        assert self.act.settle()
        return row

    @property
    def case(self):
        return self.act.case(self.act.cases()[0]["id"])

    def task(self, name):
        return next(task for task in self.case["tasks"] if task["name"] == name)

    def until(self, said, seconds=10.0):
        end = time.monotonic() + seconds
        while not said():
            assert time.monotonic() < end, self.case
            time.sleep(0.02)


@pytest.fixture
def plant(database: Database, tmp_path: Path):
    """A plant whose engine runs, with the bearings in stock and a verification that holds 0.2 s."""
    made = Plant(database, tmp_path)
    made.stock()
    made.process()
    made.act.start_engine()
    yield made
    made.act.stop()


@pytest.fixture
def plant_lite(tmp_path: Path):
    """The same on SQLite only."""
    db = Database(f"sqlite:///{tmp_path / 'lite.db'}")
    made = Plant(db, tmp_path)
    made.stock()
    made.act.start_engine()
    yield made
    made.act.stop()
    db.close()
