"""A bearing that begins to shake: one order with the evidence; closing changes nothing, the verified return begins anew."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from lineshaft.app import Plant
from lineshaft.core import NS, SAMPLES, Batch, now_ns
from lineshaft.guard import Role, Subject

TECHNICIAN = Subject("tom", "tom", "person", frozenset({Role.PLANNER}), "Tom")
PUMP = "Site/Pump"
MINUTE = 60 * NS
MODEL = "model: Pump\nversion: 1\nproperties:\n  - {name: Vibration, kind: measurement, unit: mm/s}\n"
PLANT = 'assets:\n  - name: Site\n    children:\n      - {name: Pump, model: Pump, source: plc, tag_prefix: ""}\n'
POSITION = (
    "positions:\n  - {asset: Site/Pump, name: Drive end, vibration: Site/Pump/Vibration, power_kw: 3, every: 1m, learn: 30,"
    " failure_mode: VIB}\n"
)


def opened(home: Path) -> Plant:
    plant = Plant(home)
    assert plant.load_models() == []
    return plant


def say(plant: Plant, start: int, first: int, values: np.ndarray) -> None:
    """Let the sensor have said a value in the middle of each minute."""
    plant.store.show(plant.store.append([said(start, first, values)]))


def said(start: int, first: int, values: np.ndarray) -> Batch:
    """Return a value in the middle of each minute."""
    size = len(values)
    tags = pa.DictionaryArray.from_arrays(pa.array(np.zeros(size, np.int32)), pa.array(["Vibration"]))
    at = start + np.arange(first, first + size) * MINUTE + MINUTE // 2
    given = {"tag": tags, "ts": pa.array(at).cast(SAMPLES.field("ts").type), "v": pa.array(values), "q": np.zeros(size, np.int16)}
    arrays = [pa.array(given[f.name]) if f.name in given else pa.nulls(size, f.type) for f in SAMPLES]
    rows = pa.RecordBatch.from_arrays(arrays, schema=SAMPLES)
    return Batch("plc", now_ns(), start, rows)


def wait_for(look, seconds: float = 60.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.1)
    pytest.fail("it did not come")
    return None


def began(home):
    """A plant with one pump and its sensor position, since when it has values, and what their noise is drawn from."""
    (home / "config" / "models").mkdir(parents=True)
    (home / "config" / "models" / "pump.yaml").write_text(MODEL)
    (home / "config" / "plant.yaml").write_text(PLANT)
    (home / "config" / "condition.yaml").write_text(POSITION)
    return opened(home), (now_ns() // MINUTE - 200) * MINUTE, np.random.default_rng(3)


def test_one_order_with_evidence_and_a_new_beginning_after_the_verified_return(tmp_path):
    plant, start, draw = began(tmp_path)
    with plant.db.begin() as tx:
        plant.positions.book.write(tx, plant.positions.book.list()[0]["id"], through=start)
    plant.act.start_engine()
    try:
        say(plant, start, 0, draw.normal(0.4, 0.01, 40))
        plant.positions.tick(start + 41 * MINUTE)
        say(plant, start, 40, draw.normal(0.6, 0.01, 20))  # still zone A, for the zones nothing has happened
        plant.positions.tick(start + 61 * MINUTE)
        [order] = wait_for(plant.orders.list)
        assert (order["asset"], order["failure_mode"], order["title"]) == (PUMP, "VIB", "vibration (Pump)")
        evidence = plant.orders.get(order["id"])["evidence"]
        assert (evidence["property"], evidence["position"]) == (f"{PUMP}/Vibration", f"{PUMP}/Drive end")
        assert evidence["value"] == pytest.approx(0.6, abs=0.05)
        assert "is usual" in evidence["says"]
        assert plant.positions.book.list()[0]["state"] == "alarm"

        say(plant, start, 60, draw.normal(0.4, 0.01, 20))
        plant.positions.tick(start + 81 * MINUTE)
        with plant.db.begin() as tx:
            plant.orders.assign(tx, order["id"], TECHNICIAN, "tom")
            plant.orders.start(tx, order["id"], TECHNICIAN)
        for step in plant.orders.get(order["id"])["checklist"]:
            with plant.db.begin() as tx:
                plant.orders.tick(tx, order["id"], step["id"], True, TECHNICIAN)
        with plant.db.begin() as tx:
            plant.orders.done(tx, order["id"], TECHNICIAN)
        plant.positions.tick(start + 82 * MINUTE)
        assert plant.positions.book.list()[0]["state"] == "alarm", "work done is not yet a return to service"
        with plant.db.begin() as tx:
            plant.orders.verify(tx, order["id"], TECHNICIAN)
    finally:
        plant.stop()  # before the position has heard of it: the mark is in the transaction of the verification
    plant = opened(tmp_path)
    try:
        plant.positions.tick(start + 83 * MINUTE)
        [position] = plant.positions.book.list()
        assert position["state"] == "healthy"
        assert position["now"]["learned"] == 1.0
        assert len(plant.orders.list()) == 1
    finally:
        plant.stop()


def test_what_an_edge_drains_behind_live_values_is_found_where_it_was(tmp_path):
    plant, start, draw = began(tmp_path)
    with plant.db.begin() as tx:
        plant.positions.book.write(tx, plant.positions.book.list()[0]["id"], through=start, created=start)
    plant.shaft.start()
    try:
        plant.shaft.take([said(start, 0, draw.normal(0.4, 0.01, 40))])
        plant.shaft.take([said(start, 100, draw.normal(0.4, 0.01, 90))])  # the line is back: what is live comes first
        plant.positions.tick()
        assert plant.positions.book.list()[0]["state"] == "healthy"
        plant.shaft.take([said(start, 40, draw.normal(5.0, 0.01, 30))])
        plant.shaft.take([said(start, 70, draw.normal(0.4, 0.01, 30))])
        wait_for(lambda: plant.positions.tick() >= 0 and plant.positions.book.list()[0]["seen"]["late"]["steps"] >= 59)
        [position] = plant.positions.book.list()
        found = plant.detect.findings(asset=PUMP)
        assert {one["evidence"]["late"] for one in found} == {True}
        assert {(one["evidence"]["cause"], one["evidence"]["zone"]) for one in found} == {
            ("iso zone", "D"),
            ("vibration baseline", "D"),
        }
        assert all(start + 40 * MINUTE < one["evidence"]["end_ns"] < start + 70 * MINUTE for one in found)
        assert (position["state"], position["seen"]["late"]["values"]) == ("healthy", 0)
    finally:
        plant.stop()
