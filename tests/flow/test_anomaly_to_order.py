"""A correlated drift too small for any threshold on one sensor becomes exactly one order; the repair begins the charts anew."""

from __future__ import annotations

import time

import numpy as np
import pytest

from lineshaft.guard import Role, Subject
from tests.detect.machines.test_machines import PUMP, ROWS, Node

TECHNICIAN = Subject("tom", "tom", "person", frozenset({Role.PLANNER}), "Tom")


def wait_for(look, seconds: float = 60.0):
    """Return what `look` finds, as soon as it finds something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.1)
    pytest.fail("it did not come")
    return None


def orders(node: Node) -> list[dict]:
    return [one for one in node.plant.orders.list() if one["asset"] == PUMP]


def test_one_drift_one_order_and_the_next_after_the_repair(tmp_path):
    node = Node(tmp_path)
    node.feed(0, ROWS)
    model = node.create(name="pump", failure_mode="VIB")
    node.train(model["id"], ROWS)
    node.use(model["id"], 1, "active")
    node.plant.act.start_engine()
    try:
        usual = node.plant.store.history(f"{PUMP}/Bearing", node.start, node.at(ROWS))["value"].to_numpy()
        node.feed(ROWS, ROWS + 500, drift=2.5)
        drifted = node.plant.store.history(f"{PUMP}/Bearing", node.at(ROWS), node.at(ROWS + 500))["value"].to_numpy()
        assert np.quantile(drifted, 0.98) <= usual.max() + 1, "no limit on the bearing alone would tell"
        for minute in range(ROWS + 50, ROWS + 501, 50):
            node.machines.tick(node.at(minute))
        order = wait_for(lambda: orders(node))[0]
        assert len(node.found) == 1
        assert order["failure_mode"] == "VIB"
        shown = str(node.plant.orders.get(order["id"]))
        assert f"{PUMP}/Bearing" in shown, "the order names the sensor"
        assert len(orders(node)) == 1

        node.feed(ROWS + 500, ROWS + 700, drift=0.0)
        node.machines.returned(PUMP, node.at(ROWS + 500))
        node.machines.tick(node.at(ROWS + 700))
        assert node.machines.book.number(model["id"], 1)["now"]["reason"] == "normal"
        assert len(orders(node)) == 1
    finally:
        node.plant.stop()
