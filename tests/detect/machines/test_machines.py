"""A model of a machine on a real node's store: trained from its values, tried, active, raising findings, starting anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from lineshaft.app import Plant
from lineshaft.core import NS, SAMPLES, Batch, Conflict, InvalidInput, NotFound
from lineshaft.detect import FindingRaised, ModelMoved
from lineshaft.detect.machines.training import learn
from lineshaft.guard import Role, Subject
from lineshaft.maintain import ReturnedToService

ENGINEER = Subject("eva", "eva", "person", frozenset({Role.ENGINEER}), "Eva")
PUMP = "Site/Pump"
MINUTE = 60 * NS
HOUR = 60 * MINUTE
NAMES = ("Load", "Flow", "Pressure", "Current", "Bearing", "Winding")
MODEL = """\
model: Pump
version: 1
properties:
PROPERTIES
  - {name: Anomaly score, kind: measurement}
"""
PLANT = """\
assets:
  - name: Site
    children:
"""
ROWS = 3000


class Node:
    """A node without its doors, its clock in the test's hand."""

    def __init__(self, home: Path, pumps: tuple[str, ...] = ("Pump",)) -> None:
        self.pumps = pumps
        folder = home / "config"
        (folder / "models").mkdir(parents=True)
        lines = "\n".join(f"  - {{name: {name}, kind: measurement, type: double}}" for name in NAMES)
        (folder / "models" / "pump.yaml").write_text(MODEL.replace("PROPERTIES", lines))
        children = [f'      - {{name: {name}, model: Pump, source: plc, tag_prefix: "{name}/"}}\n' for name in pumps]
        (folder / "plant.yaml").write_text(PLANT + "".join(children))
        self.plant = Plant(home)
        assert self.plant.load_models() == []
        self.machines = self.plant.machines
        self.found: list[FindingRaised] = []
        self.plant.bus.on(FindingRaised, self.found.append)
        from lineshaft.core import now_ns

        # A full hour: steps of an hour fall alike whenever this runs.
        self.start = (now_ns() // HOUR - (ROWS + 2000) // 60 - 1) * HOUR
        self.seq = 0
        self.offset = 0.0
        self.chance = np.random.default_rng(5)

    def feed(self, first: int, last: int, drift: float = 0.0) -> None:
        """Store minutes [first, last); `drift` is what the bearing of the first pump has crept at the end."""
        for pump in self.pumps:
            self._feed(pump, first, last, drift if pump == self.pumps[0] else 0.0)

    def _feed(self, pump: str, first: int, last: int, drift: float) -> None:
        minutes = np.arange(first, last)
        load = self.offset + 60 + 15 * np.sin(minutes / 37) + 5 * np.sin(minutes / 11)
        ramp = np.linspace(0, drift, len(minutes))
        gains = {"Load": 1.0, "Flow": 2.0, "Pressure": -0.05, "Current": 0.1, "Bearing": 0.3, "Winding": 0.2}
        columns = {n: gain * load + self.chance.normal(0, 0.02 * abs(gain) * 15, len(load)) for n, gain in gains.items()}
        columns["Bearing"] = columns["Bearing"] + ramp
        self.seq += 1
        size = len(minutes) * len(NAMES)
        tags = pa.DictionaryArray.from_arrays(
            pa.array(np.repeat(np.arange(len(NAMES), dtype=np.int32), len(minutes))),
            pa.array([f"{pump}/{name}" for name in NAMES]),
        )
        ts = pa.array(np.tile(self.start + minutes * MINUTE, len(NAMES))).cast(SAMPLES.field("ts").type)
        given = {"tag": tags, "ts": ts, "v": pa.array(np.concatenate([columns[n] for n in NAMES])), "q": np.zeros(size, np.int16)}
        empty = {name: pa.nulls(size, SAMPLES.field(name).type) for name in ("vi", "vs", "vb", "code")}
        arrays = [given.get(name, empty.get(name)) for name in SAMPLES.names]
        rows = pa.RecordBatch.from_arrays([pa.array(a) if isinstance(a, np.ndarray) else a for a in arrays], schema=SAMPLES)
        stored = self.plant.store.append([Batch("plc", self.seq, self.start, rows)])
        self.plant.store.show(stored)

    def at(self, minute: int) -> int:
        return self.start + minute * MINUTE

    def create(self, **wanted):
        with self.plant.db.begin() as tx:
            return self.machines.book.create(
                tx, PUMP, ENGINEER, {"lookback": f"{ROWS}m", "settings": {"drivers": [f"{PUMP}/Load"]}, **wanted}
            )

    def train(self, model_id: str, end: int, *, apart: bool = False):
        """Train a version, in this process: starting another takes seconds, and one test does."""
        with self.plant.db.begin() as tx:
            rows = self.machines.train(tx, model_id, "eva", self.at(end))
        if apart:
            self.machines.begin(rows).wait(300)
        else:
            results = learn(self.machines.task(rows), lambda share, what: None)
            for row, result in zip(rows, results, strict=True):
                self.machines._trained(self.machines.book.model(row["model_id"]), row, result)
        return next(self.machines.book.number(model_id, row["number"]) for row in rows if row["model_id"] == model_id)

    def use(self, model_id: str, number: int, mode: str):
        with self.plant.db.begin() as tx:
            return self.machines.book.use(tx, model_id, number, mode)


@pytest.fixture
def node(tmp_path):
    made = Node(tmp_path)
    made.feed(0, ROWS)
    yield made
    made.plant.stop()


@pytest.mark.timeout(400)
def test_a_model_learns_finds_a_creeping_fault_and_starts_anew_after_the_repair(node):
    model = node.create(name="pump", failure_mode="BRG")
    assert model["properties"] == [f"{PUMP}/{name}" for name in NAMES], "numbers of the asset, until somebody chooses"
    moved: list[ModelMoved] = []
    node.plant.bus.on(ModelMoved, moved.append)
    version = node.train(model["id"], ROWS, apart=True)
    assert [one.share for one in moved] == sorted(one.share for one in moved)
    assert len(moved) > 4, "a training says how far it is"
    assert version["state"] == "ready", version["error"]
    assert version["about"]["quality"]["rows"] == ROWS
    assert version["backtest"]["said"].startswith("this model would have raised 0 alerts")
    node.use(model["id"], version["number"], "active")

    node.feed(ROWS, ROWS + 300)
    assert node.machines.tick(node.at(ROWS + 300)) > 250
    assert node.found == []
    node.feed(ROWS + 300, ROWS + 700, drift=2.0)
    node.machines.tick(node.at(ROWS + 500))
    node.machines.tick(node.at(ROWS + 600))
    node.machines.tick(node.at(ROWS + 700))
    assert len(node.found) == 1, "one finding an alert"
    told = node.found[0]
    assert told.asset_path == PUMP
    assert told.kind == "anomaly"
    assert told.failure_mode == "BRG"
    assert told.sensors[0]["property"] == f"{PUMP}/Bearing"
    assert told.evidence["explanation"][0]["observed"] > told.evidence["explanation"][0]["expected"]
    assert told.evidence["version"] == 1
    assert max(row["v"] for row in scores(node)) > 0.5, "the asset's own property shows the score"

    node.plant.bus.tell(ReturnedToService("o", "WO-1", PUMP, "BRG", (), node.at(ROWS + 700), "tom"))
    node.feed(ROWS + 700, ROWS + 900)
    node.machines.tick(node.at(ROWS + 900))
    assert len(node.found) == 1
    assert node.machines.book.number(model["id"], 1)["now"]["reason"] == "normal"
    node.feed(ROWS + 900, ROWS + 1300, drift=2.0)
    node.machines.tick(node.at(ROWS + 1300))
    assert len(node.found) == 2, "the next fault is another finding"


def scores(node):
    table = node.plant.store.history(f"{PUMP}/Anomaly score", node.start, node.at(ROWS + 2000))
    return [{"v": value} for value in table["value"].to_pylist()]


def test_in_the_shadow_nothing_is_raised_and_a_restart_goes_on(node):
    model = node.create(name="pump")
    node.train(model["id"], ROWS)
    node.use(model["id"], 1, "shadow")
    node.feed(ROWS, ROWS + 500, drift=3.0)
    node.machines.tick(node.at(ROWS + 250))
    node.machines._following.clear()
    node.machines.tick(node.at(ROWS + 500))
    assert node.found == []
    assert node.machines.book.number(model["id"], 1)["alerts"] == 1
    with pytest.raises(NotFound):
        node.plant.store.history("Site/Pump/nothing", node.start, node.at(ROWS))


def test_while_people_are_at_the_machine_nothing_is_judged(node):
    model = node.create(name="pump")
    node.train(model["id"], ROWS)
    node.use(model["id"], 1, "active")
    node.machines.worked_on = lambda path: path == PUMP
    node.feed(ROWS, ROWS + 300, drift=5.0)
    node.machines.tick(node.at(ROWS + 300))
    assert node.machines.book.number(model["id"], 1)["now"]["reason"] == "off"
    assert node.found == []


def test_versions_take_over_by_the_rule_and_go_back(node):
    model = node.create(name="pump", promote="better")
    node.train(model["id"], ROWS - 200)
    assert node.machines.book.model(model["id"])["active"] == 1
    node.train(model["id"], ROWS)
    now = node.machines.book.model(model["id"])
    assert (now["active"], now["previous"]) == (2, 1)
    with node.plant.db.begin() as tx:
        back = node.machines.book.back(tx, model["id"])
    assert (back["active"], back["previous"]) == (1, 2)
    assert [one["number"] for one in node.machines.book.versions(model["id"])] == [2, 1]


def test_a_training_can_be_cancelled_and_a_poor_one_says_why(node):
    model = node.create(name="pump")
    with node.plant.db.begin() as tx:
        rows = node.machines.train(tx, model["id"], "eva", node.at(ROWS))
    node.machines.begin(rows)
    with pytest.raises(Conflict, match="being trained already"), node.plant.db.begin() as tx:
        node.machines.train(tx, model["id"], "eva")
    ended = node.machines.cancel(model["id"])
    assert ended["state"] in ("cancelled", "ready")
    poor = node.train(model["id"], -ROWS)
    assert poor["state"] == "failed"
    assert "can be used" in poor["error"]
    with pytest.raises(Conflict, match="failed"):
        node.use(model["id"], poor["number"], "active")


def test_what_is_wrong_is_said_when_a_model_is_planned(node):
    with pytest.raises(InvalidInput, match="no asset"), node.plant.db.begin() as tx:
        node.machines.book.create(tx, "Site/Pmp", ENGINEER, {})
    with pytest.raises(InvalidInput, match="none of the model's properties"):
        node.create(settings={"drivers": ["Site/Pump/Lod"]})
    with pytest.raises(InvalidInput, match="a setting is wrong"):
        node.create(settings={"start_up": "soon"})
    with pytest.raises(InvalidInput, match="no rule"):
        node.create(promote="always")
    node.create(name="pump")
    with pytest.raises(Conflict, match="already"):
        node.create(name="pump")
    report = node.machines.look(PUMP, {"every": MINUTE, "lookback": (ROWS + 2000) * MINUTE})
    assert report.used == tuple(f"{PUMP}/{name}" for name in NAMES)
    assert report.rows == ROWS + 2000


def test_what_people_said_about_findings_is_learned(node):
    with node.plant.db.begin() as tx:
        evidence = {"start_ns": node.at(100), "end_ns": node.at(200)}
        one = node.plant.detect.find(tx, PUMP, "anomaly", 0.7, by=ENGINEER, evidence=evidence)
        node.plant.detect.label(tx, one["id"], "confirmed", ENGINEER)
    known = node.machines.labels.known
    assert known(PUMP, node.at(0), node.at(ROWS)) == [(node.at(100), node.at(200), "anomaly", "")]
    model = node.create(name="pump")
    assert node.train(model["id"], ROWS)["about"]["left_out"]["labelled"] >= 100


def test_a_model_that_no_longer_knows_what_it_sees_asks_to_be_trained_again(node):
    model = node.create(name="pump", settings={"drivers": [f"{PUMP}/Load"]})
    node.train(model["id"], ROWS)
    node.use(model["id"], 1, "active")
    node.offset = 200.0
    node.feed(ROWS, ROWS + 900)
    node.machines.tick(node.at(ROWS + 900))
    assert node.found == []
    now = node.machines.book.number(model["id"], 1)["now"]
    assert now["drifted"]
    told = [one for one in node.plant.system_events.current() if "does not know" in one.message]
    assert len(told) == 1
    assert "train it again" in told[0].hint
