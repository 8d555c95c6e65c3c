"""A real work order on a node, from a finding to the verified return: what each alarm and alert does meanwhile, and after."""

from __future__ import annotations

import numpy as np
import pytest

from lineshaft.app import Plant
from lineshaft.core import NS, Batch, Conflict, now_ns, samples
from lineshaft.detect import AlarmState, Decision
from lineshaft.guard import Role, Subject

TOM = Subject("tom", "tom", "person", frozenset({Role.TECHNICIAN}), "Tom")
OLGA = Subject("olga", "olga", "person", frozenset({Role.OPERATOR}), "Olga")
PUMP, SECOND = "Site/Pump", "Site/Second"
MINUTE = 60 * NS
MODEL = """\
model: Pump
version: 1
properties:
  - {name: Vibration, kind: measurement, unit: mm/s}
  - {name: Temperature, kind: measurement, unit: degC}
alarms:
  - {name: Shakes, property: Vibration, operator: ">", limit: 7, latched: true}
  - {name: Warm, property: Temperature, operator: ">", limit: 60, latched: true, kind: alert}
  - {name: Hot, property: Temperature, operator: ">", limit: 90, kind: alert}
"""
PLANT = """\
assets:
  - name: Site
    children:
      - {name: Pump, model: Pump, source: plc, tag_prefix: "P/"}
      - {name: Second, model: Pump, source: plc, tag_prefix: "S/"}
"""
POSITION = "positions:\n  - {asset: Site/Pump, name: End, vibration: Site/Pump/Vibration, power_kw: 3, every: 1m, learn: 30}\n"
LOCK = {"kind": "lockout", "text": "Main switch Q1", "points": ["Q1 is off"]}


class Node:
    """A node without its doors and threads; its values come as a source delivers them."""

    def __init__(self, home) -> None:
        (home / "config" / "models").mkdir(parents=True)
        (home / "config" / "models" / "pump.yaml").write_text(MODEL)
        (home / "config" / "plant.yaml").write_text(PLANT)
        (home / "config" / "condition.yaml").write_text(POSITION)
        self.home, self.at = home, (now_ns() // MINUTE - 300) * MINUTE
        self.open()
        with self.plant.db.begin() as tx:
            self.plant.positions.book.write(tx, self.plant.positions.book.list()[0]["id"], through=self.at)

    def open(self) -> None:
        self.plant = Plant(self.home)
        assert self.plant.load_models() == []

    def say(self, vibration, temperature, pump="P", steps=1) -> None:
        """One value a minute of both sensors, judged by alarms and positions."""
        for _ in range(steps):
            self.at += MINUTE
            told = {"Vibration": float(vibration()) if callable(vibration) else vibration, "Temperature": temperature}
            rows = [{"tag": f"{pump}/{name}", "ts": self.at - MINUTE // 2, "value": value} for name, value in told.items()]
            for stored in self.plant.store.append([Batch("plc", self.at, self.at, samples(rows))]):
                self.plant.store.show([stored])
                self.plant._publish(stored.rows)
        self.plant.positions.tick(self.at + 5 * NS)

    def do(self, room, verb, *args, **more):
        with self.plant.db.begin() as tx:
            return getattr(room, verb)(tx, *args, **more)

    def state(self, name, asset=PUMP):
        rows = self.plant.detect.alarms(active_only=False, kind=None, asset=asset)
        return next(row["state"] for row in rows if row["name"] == name)

    def states(self):
        return [self.state(name) for name in ("Shakes", "Warm", "Hot")]

    def position(self):
        return self.plant.positions.book.list()[0]


@pytest.fixture
def node(tmp_path):
    made = Node(tmp_path)
    yield made
    made.plant.stop()


def order_of(node, finding):
    """Return an order that wants a lock, made for the finding."""
    return node.do(
        node.plant.orders,
        "create",
        TOM,
        asset=PUMP,
        title="Bearing",
        kind="predictive",
        state="triaged",
        source=("finding", finding["id"]),
        permits=[LOCK],
    )


def test_from_a_finding_to_the_verified_return(node):
    chance = np.random.default_rng(2)
    node.say(lambda: chance.normal(1, 0.02), 50.0, steps=35)
    node.say(9.0, 95.0)
    node.say(9.0, 95.0, "S")
    finding = node.do(node.plant.detect, "find", PUMP, "anomaly", 0.9, by=TOM)
    assert node.states() == ["unack", "unack", "unack"]
    order = order_of(node, finding)
    workshop, orders = node.plant.workshop, node.plant.orders
    (permit,) = order["permits"]
    node.do(workshop, "apply_permit", order["id"], TOM, permit["id"], LOCK["points"])
    node.do(orders, "start", order["id"], TOM)

    node.say(1.0, 40.0)
    assert node.states() == ["latched-unack", "latched-unack", "rtn-unack"], "the end of a condition is not the end of an alarm"
    before = node.position()
    node.say(25.0, 40.0, steps=8)
    assert node.state("Shakes") == "unack", "a lock-out never hides an operator's alarm"
    assert node.position()["state"] == before["state"], "people at the machine shake it: that is neither judged nor learned"
    assert node.position()["noticed"] == before["noticed"]
    node.say(1.0, 40.0, steps=2)

    node.do(orders, "done", order["id"], TOM)
    assert node.states() == ["latched-unack", "latched-unack", "rtn-unack"], "work done is no return to service"
    assert node.state("Finding: anomaly") == "unack"
    with pytest.raises(Conflict, match="lock"):
        node.do(orders, "verify", order["id"], TOM)
    assert node.state("Finding: anomaly") == "unack", "what was refused ends nothing"
    node.do(workshop, "release_permit", order["id"], TOM, permit["id"])
    node.do(orders, "verify", order["id"], TOM)
    assert node.states() == ["latched-unack", "normal", "normal"], "maintenance's alerts are settled, the operator's alarm is not"
    assert node.state("Finding: anomaly") == "normal"
    assert [node.state(name, SECOND) for name in ("Shakes", "Warm", "Hot")] == ["unack"] * 3, "the other pump was not repaired"

    node.plant.stop()
    node.open()
    assert node.states() == ["latched-unack", "normal", "normal"]
    alarm = next(row for row in node.plant.detect.alarms(asset=PUMP) if row["name"] == "Shakes")
    node.do(node.plant.detect, "acknowledge", alarm["id"], OLGA)
    node.do(node.plant.detect, "reset", alarm["id"], OLGA)
    node.say(9.0, 95.0)
    assert node.states() == ["unack", "unack", "unack"], "after the return everything is watched as before"
    codes = {"mode": "VIB", "cause": "AGE", "remedy": "REPLACE", "label": "confirmed"}
    node.do(node.plant.orders, "close", order["id"], TOM, codes)
    assert node.plant.detect.finding(finding["id"])["label"] == "confirmed"


def test_an_alert_whose_condition_still_holds_stands_on_and_one_that_is_an_alarm_by_now_waits_for_its_operator(node):
    node.say(1.0, 95.0)
    finding = node.do(node.plant.detect, "find", PUMP, "anomaly", 0.9, by=TOM)
    alert = next(one for one in node.plant.detect.alarms(kind="alert", asset=PUMP) if one["origin"] == "finding")
    decision = Decision("alarm", "major", 600 * NS, "wear", "it stops", "reduce the load")
    node.do(node.plant.detect, "rationalise", alert["id"], decision, OLGA)
    order = node.do(
        node.plant.orders, "create", TOM, asset=PUMP, title="x", kind="predictive", state="triaged",
        source=("finding", finding["id"]),
    )  # fmt: skip
    for verb in ("start", "done", "verify"):
        node.do(node.plant.orders, verb, order["id"], TOM)
    assert (node.state("Hot"), node.state("Warm")) == ("unack", "unack")
    assert node.state("Finding: anomaly") == AlarmState.RTN_UNACK, "who was called sees that it is over"
