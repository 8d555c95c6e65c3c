"""An executor over many shaking pumps that is killed again and again: `python -m tests.act.child URL HOME PUMPS NAME`.

The one called `e0` also feeds the pumps, as many as the file HOME/allowed says; every one of them is the people too.
"""

from __future__ import annotations

import contextlib
import random
import sys
import time
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from lineshaft.act import ActSettings
from lineshaft.core import Database, LineshaftError
from lineshaft.guard import Command
from tests.act.conftest import ANNA, BERT, CODES, Plant
from tests.detect.conftest import MODEL, VIBRATION

LEASE = "1s"


class Shop(Plant):
    """A plant of many pumps, each with a bearing of its own."""

    pumps = 1

    def write(self, alarms: str) -> None:
        if (self.home / "plant.yaml").exists():
            return
        (self.home / "models").mkdir(exist_ok=True)
        (self.home / "models" / "pump.yaml").write_text(MODEL.replace("ALARMS", alarms))
        pumps = "".join(f'      - {{name: P{n}, model: Pump, source: plc, tag_prefix: "P{n}/"}}\n' for n in range(self.pumps))
        (self.home / "plant.yaml").write_text("assets:\n  - name: Bakery\n    children:\n" + pumps)

    def bearings(self) -> None:
        for n in range(self.pumps):
            use = {"asset": f"Bakery/P{n}", "quantity": 2, "failure_mode": "VIB"}
            with self.db.begin() as tx:
                card = {"on_hand": 4, "minimum": 3, "target": 8, "unit_cost": 24.5, "used_by": [use]}
                self.spares.add(tx, f"BRG-{n}", card, BERT)

    def shake_all(self, first: int, last: int) -> None:
        for n in range(first, last):
            self.feed((1, 9.0), (4, 9.2), tag=f"P{n}/Vibration")
            self.feed((10, 1.0), (12, 1.0), tag=f"P{n}/Vibration")

    def people(self) -> int:
        """Press every button that can be pressed, as others do at the same time; return how many cases are not done."""
        orders = self.orders.list(state="open", limit=1000)
        random.shuffle(orders)
        for order in orders:
            if order["state"] == "triaged" and order["reserved"]:
                self._press("start", order, lambda tx, order=order: self.orders.start(tx, order["id"], ANNA))
            elif order["state"] == "in_progress":
                self._press("done", order, lambda tx, order=order: self._finish(tx, order))
        for approval in self.act.approvals(limit=1000):
            with contextlib.suppress(LineshaftError, DBAPIError), self.db.begin() as tx:
                self.act.decide(tx, approval["id"], BERT, "approve")
        return self.pumps - len(self.act.cases("done", limit=1000))

    def _press(self, verb, order, run) -> None:
        def ran(tx):
            run(tx)
            return {}

        with contextlib.suppress(LineshaftError, DBAPIError):  # somebody else was quicker
            self.guard.perform(Command(ANNA, f"work-orders.{verb}", order["id"], asset=order["asset"]), ran)

    def _finish(self, tx, order) -> None:
        for step in order["checklist"]:
            self.orders.tick(tx, order["id"], step["id"], True, ANNA)
        self.orders.done(tx, order["id"], ANNA, codes=CODES)


def main(url: str, home: str, pumps: int, name: str) -> None:
    Shop.pumps = pumps
    shop = Shop(Database(url), Path(home), VIBRATION, ActSettings(executor=name, lease=LEASE))
    print("READY", flush=True)
    shop.act.start_engine()
    print("GOING", flush=True)
    fed = 0
    while shop.people():
        allowed = int((Path(home) / "allowed").read_text() or "0") if name == "e0" else 0
        if fed < allowed:
            shop.shake_all(fed, allowed)
            fed = allowed
        time.sleep(random.uniform(0.05, 0.25))
    shop.act.stop()
    print("COMPLETE", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
