"""Remaining life on a real node: learned from values and work orders, forecast as properties, a finding when little is left."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from lineshaft.app import Plant
from lineshaft.core import NS, SAMPLES, Batch, Conflict, InvalidInput, iso, now_ns
from lineshaft.detect import FindingRaised
from lineshaft.detect.fleet.training import learn
from lineshaft.detect.life import example
from lineshaft.guard import Role, Subject

ENGINEER = Subject("eva", "eva", "person", frozenset({Role.ENGINEER}), "Eva")
HOUR = 3600 * NS
SENSORS = ("Vibration", "BearingTemperature", "Flow")
COLUMNS = (0, 1, 2)
PUMPS = 3
MODEL = """\
model: Pump
version: 1
properties:
  - {name: Vibration, kind: measurement, type: double, unit: mm/s}
  - {name: BearingTemperature, kind: measurement, type: double, unit: degC}
  - {name: Flow, kind: measurement, type: double, unit: l/min}
  - {name: Remaining life, kind: measurement, type: double, unit: h}
  - {name: Remaining life low, kind: measurement, type: double, unit: h}
"""
PLANT = "assets:\n  - name: Site\n    children:\n" + "".join(
    f'      - {{name: P{n}, model: Pump, source: plc, tag_prefix: "P{n}/"}}\n' for n in range(PUMPS)
)


class Node:
    """A node without its doors; pumps that wore out again and again, an hour a value."""

    def __init__(self, home: Path, lives: int) -> None:
        folder = home / "config"
        (folder / "models").mkdir(parents=True)
        (folder / "models" / "pump.yaml").write_text(MODEL)
        (folder / "plant.yaml").write_text(PLANT)
        self.plant = Plant(home)
        assert self.plant.load_models() == []
        self.fleets = self.plant.modelling.fleets
        self.found: list[FindingRaised] = []
        self.plant.bus.on(FindingRaised, self.found.append)
        self.now = now_ns() // HOUR * HOUR
        self.told: list[dict] = []
        self.seq = 0
        chance = np.random.default_rng(4)
        for pump in range(PUMPS):
            runs = [example._pump(chance, int(chance.integers(60, 100))) for _ in range(lives)]
            last = example._pump(chance, 80)[: (77, 20, 55)[pump]]
            self.feed(pump, runs, last)

    def feed(self, pump: int, runs: list, last) -> None:
        values = np.concatenate([*runs, last])
        times = self.now - HOUR * np.arange(len(values))[::-1]
        begin = int(times[0] - HOUR)
        for run in runs:
            end = begin + len(run) * HOUR
            self.told.append({"asset": f"Site/P{pump}", "begin": iso(begin), "end": iso(end), "failed": True})
            begin = end
        size = len(values) * len(SENSORS)
        names = pa.array([f"P{pump}/{name}" for name in SENSORS])
        tags = pa.DictionaryArray.from_arrays(pa.array(np.repeat(np.arange(len(SENSORS), dtype=np.int32), len(values))), names)
        ts = pa.array(np.tile(times, len(SENSORS))).cast(SAMPLES.field("ts").type)
        given = {"tag": tags, "ts": ts, "v": pa.array(values[:, COLUMNS].T.ravel()), "q": pa.array(np.zeros(size, np.int16))}
        arrays = [given.get(name, pa.nulls(size, SAMPLES.field(name).type)) for name in SAMPLES.names]
        self.seq += 1
        rows = pa.RecordBatch.from_arrays(arrays, schema=SAMPLES)
        self.plant.store.show(self.plant.store.append([Batch("plc", self.seq, self.now, rows)]))

    def create(self, **wanted):
        given = {"model": "Pump", "name": "pumps", "lookback": "3000h", "lives": self.told, "properties": list(SENSORS), **wanted}
        with self.plant.db.begin() as tx:
            return self.fleets.book.create(tx, ENGINEER, given)

    def train(self, fleet_id: str, *, apart: bool = False):
        with self.plant.db.begin() as tx:
            row = self.fleets.train(tx, fleet_id, "eva", self.now)
        if apart:
            self.fleets.begin(row).wait(100)
        else:
            task = self.fleets.task(self.fleets.book.fleet(fleet_id), self.now)
            self.fleets.trained(row, learn(task, lambda share, what: None))
        return self.fleets.book.number(fleet_id, row["number"])


@pytest.fixture
def node(tmp_path):
    made = Node(tmp_path, lives=7)
    yield made
    made.plant.stop()


def test_a_fleet_learns_forecasts_and_files_one_finding(node):
    fleet = node.create(low="20h", failure_mode="BRG")
    version = node.train(fleet["id"], apart=True)
    assert version["state"] == "ready", version["error"]
    assert version["method"] == "sensors"
    assert "21 lives with sensors ended in a failure" in version["why"][0]
    assert node.fleets.book.fleet(fleet["id"])["active"] == 1, "the first one that is ready forecasts"
    assert node.fleets.tick(node.now) == PUMPS
    told = {row["asset"]: row for row in node.fleets.book.forecasts()}
    worn, fresh = told["Site/P0"], told["Site/P1"]
    assert worn["remaining"] < fresh["remaining"]
    assert worn["low"] <= worn["remaining"] <= (worn["high"] or np.inf)
    assert worn["age"] == pytest.approx(77 * HOUR, abs=2 * HOUR)
    assert fresh["more_than"]
    assert next(iter(told)) == "Site/P0", "the one with the least left comes first"
    assert [one.asset_path for one in node.found] == ["Site/P0"]
    finding = node.found[0]
    assert (finding.kind, finding.failure_mode) == ("remaining life", "BRG")
    assert finding.score >= 0.7, "enough for the maintenance process"
    assert "h left" in finding.evidence["text"]
    assert finding.sensors[0]["property"].startswith("Site/P0/")
    shown, lowest = node.plant.store.latest(["Site/P0/Remaining life", "Site/P0/Remaining life low"])
    assert shown.value == pytest.approx(worn["remaining"] / HOUR)
    assert lowest.value == pytest.approx(worn["low"] / HOUR)
    assert node.fleets.tick(node.now) == 0, "once a step"
    node.fleets.tick(node.now + HOUR)
    assert len(node.found) == 1, "one finding a life"


def test_a_mended_pump_begins_a_new_life_as_its_work_orders_tell(node):
    orders = node.plant.orders
    fleet = node.create()
    before = [one for one in node.fleets.task(fleet, node.now).tables if one.startswith("Site/P2")]
    with node.plant.db.begin() as tx:
        made = orders.create(tx, ENGINEER, asset="Site/P2", title="Bearing seized", kind="corrective", state="triaged")
        orders.start(tx, made["id"], ENGINEER)
        orders.done(tx, made["id"], ENGINEER)
    later = now_ns() + HOUR
    task = node.fleets.task(fleet, later)
    mine = [one for one in task.tables if one.startswith("Site/P2")]
    assert len(mine) == len(before) + 1
    assert mine[-2] in task.failed, "the life that was going on ended in a failure"
    assert mine[-1] not in task.failed


def test_few_failures_give_a_distribution_and_an_index_a_trend(node):
    few = node.create(name="few", lives=[{"asset": "other", "age": f"{age}h", "failed": True} for age in (70, 85, 95, 60)])
    version = node.train(few["id"])
    assert version["method"] == "history", version["error"]
    node.fleets.tick(node.now)
    told = {row["asset"]: row for row in node.fleets.book.forecasts(few["id"])}
    assert all(row["remaining"] is not None for row in told.values())
    node.told[:] = []
    index = node.create(name="index", lookback="60h", lives=[], index={"property": "Vibration", "limit": 9.0, "rising": True})
    version = node.train(index["id"])
    assert version["method"] == "trend", version["error"]
    node.fleets.tick(node.now)
    told = {row["asset"]: row for row in node.fleets.book.forecasts(index["id"])}
    assert told["Site/P0"]["why"][0]["limit"] == 9.0
    assert all(row["error"] == "" and row["remaining"] > 0 for row in told.values())


def test_what_cannot_be_learned_is_said_with_a_way_out(node):
    nothing = node.create(lives=[])
    with node.plant.db.begin() as tx:
        row = node.fleets.train(tx, nothing["id"], "eva", node.now)
    with node.plant.db.begin() as tx, pytest.raises(Conflict, match="being trained"):
        node.fleets.train(tx, nothing["id"], "eva")
    node.fleets.begin(row).wait(100)
    version = node.fleets.book.number(nothing["id"], 1)
    assert version["state"] == "failed"
    assert "give a health index" in version["error"]
    assert node.fleets.tick(node.now) == 0
    with pytest.raises(Conflict, match="failed"), node.plant.db.begin() as tx:
        node.fleets.book.use(tx, nothing["id"], 1)
    for wrong, what in (
        ({"assets": ["Site/P9"]}, "no asset"),
        ({"model": "Pmup"}, "no assets"),
        ({"properties": ["Vibratoin"]}, "no property of every asset"),
        ({"method": "guess"}, "no method"),
        ({"lives": [{"asset": "Site/P0", "begin": iso(node.now), "end": iso(node.now - HOUR)}]}, "ends before it begins"),
        ({"lives": [{"asset": "elsewhere", "end": iso(node.now)}]}, "no asset of the fleet"),
        ({"lives": [{"asset": "Site/P0"}]}, "begin, an end or an age"),
        ({"every": "0s"}, "'every' is 0s"),
        ({"every": "1s"}, "10800000 steps for each asset"),
        ({"lookback": "5m"}, "'lookback' is 5m"),
        ({"retrain": "1s"}, "'retrain' is 1s"),
        ({"low": "99999999d"}, "'low' is 99999999d"),
    ):
        with pytest.raises(InvalidInput, match=what) as told:
            node.create(**{"name": "x", **wrong})
        assert told.value.hint


def test_a_training_can_be_cancelled(node):
    fleet = node.create()
    with node.plant.db.begin() as tx:
        row = node.fleets.train(tx, fleet["id"], "eva", node.now)
    work = node.fleets.begin(row)
    assert node.fleets.cancel(fleet["id"])["state"] == "cancelled"
    work.wait(30)
    assert node.fleets.book.fleet(fleet["id"])["active"] is None
    with pytest.raises(Conflict):
        node.fleets.cancel(fleet["id"])
