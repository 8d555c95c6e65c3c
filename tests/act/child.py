"""A node with many shaking pumps that is killed again and again: run as `python -m tests.act.child URL HOME PUMPS`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from lineshaft.core import Database
from tests.act.conftest import ANNA, BERT, CODES, Plant
from tests.detect.conftest import MODEL, VIBRATION


class Shop(Plant):
    """A plant of many pumps, each with a bearing of its own."""

    pumps = 1

    def write(self, alarms: str) -> None:
        (self.home / "models").mkdir(exist_ok=True)
        (self.home / "models" / "pump.yaml").write_text(MODEL.replace("ALARMS", alarms))
        pumps = "".join(f'      - {{name: P{n}, model: Pump, source: plc, tag_prefix: "P{n}/"}}\n' for n in range(self.pumps))
        (self.home / "plant.yaml").write_text("assets:\n  - name: Bakery\n    children:\n" + pumps)

    def bearings(self) -> None:
        known = {row["part"] for row in self.spares.list()}
        for n in range(self.pumps):
            if f"BRG-{n}" not in known:
                use = {"asset": f"Bakery/P{n}", "quantity": 2, "failure_mode": "VIB"}
                with self.db.begin() as tx:
                    card = {"on_hand": 4, "minimum": 3, "target": 8, "unit_cost": 24.5, "used_by": [use]}
                    self.spares.add(tx, f"BRG-{n}", card, BERT)

    def people(self) -> int:
        """Press every button that can be pressed; return how many cases are not done."""
        for order in self.orders.list(state="open", limit=1000):
            with self.db.begin() as tx:
                if order["state"] == "triaged" and order["reserved"]:
                    self.orders.start(tx, order["id"], ANNA)
                elif order["state"] == "in_progress":
                    for step in order["checklist"]:
                        self.orders.tick(tx, order["id"], step["id"], True, ANNA)
                    self.orders.done(tx, order["id"], ANNA, codes=CODES)
        for approval in self.act.approvals(limit=1000):
            with self.db.begin() as tx:
                self.act.decide(tx, approval["id"], BERT, "approve")
        return self.pumps - len(self.act.cases("done", limit=1000))


def main(url: str, home: str, pumps: int) -> None:
    Shop.pumps = pumps
    shop = Shop(Database(url), Path(home), VIBRATION)
    shop.bearings()
    shop.process(("hold: 200ms", "hold: 10ms"))
    print("READY", flush=True)
    shop.act.start_engine()
    print("GOING", flush=True)
    for n in range(pumps):
        shop.feed((1, 9.0), (4, 9.2), tag=f"P{n}/Vibration")
        shop.feed((10, 1.0), (12, 1.0), tag=f"P{n}/Vibration")
    while shop.people():
        time.sleep(0.02)
    shop.act.stop()
    print("COMPLETE", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
