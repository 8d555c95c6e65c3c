"""A node with an oven whose values arrive, and models of every kind."""

from __future__ import annotations

import hashlib
import io
import pickle
from pathlib import Path

import numpy as np
import pytest

from lineshaft.app import Plant
from lineshaft.core import NS, Batch, now_ns, samples
from lineshaft.guard import Role, Subject

ENGINEER = Subject("eva", "eva", "person", frozenset({Role.ENGINEER}), "Eva")
OVEN = "Site/Oven"
MINUTE = 60 * NS
MODEL = """\
model: Oven
version: 1
properties:
  - {name: Temperature, kind: measurement, type: double, unit: degC}
  - {name: Speed, kind: measurement, type: double}
  - {name: Lamp, kind: measurement, type: string}
  - {name: Quality, kind: measurement, type: double}
  - {name: Second, kind: measurement, type: double}
"""
TEXT = b"""\
import numpy as np

INPUTS = ["temperature", "speed"]
OUTPUTS = ["prediction", "twice"]


def predict(columns):
    value = columns["temperature"] - 10 * columns["speed"]
    return {"prediction": value, "twice": 2 * value}
"""


class Node:
    """A node without its doors."""

    def __init__(self, home: Path) -> None:
        folder = home / "config"
        (folder / "models").mkdir(parents=True)
        (folder / "models" / "oven.yaml").write_text(MODEL)
        (folder / "plant.yaml").write_text(
            "assets:\n  - name: Site\n    children:\n      - {name: Oven, model: Oven, source: plc, "
            "tags: {Temperature: T, Speed: S, Lamp: L}}\n"
        )
        self.plant = Plant(home)
        assert self.plant.load_models() == []
        self.registry = self.plant.modelling.registry
        self.now = now_ns() // MINUTE * MINUTE
        self.registry._clock = lambda: self.now
        self.seq = 0

    def feed(self, *rows: tuple[str, int, float]) -> None:
        """Store and show (tag, seconds from now, value)."""
        self.seq += 1
        made = samples([{"tag": tag, "ts": self.now + at * NS, "value": value} for tag, at, value in rows])
        stored = self.plant.store.append([Batch("plc", self.seq, self.now, made)])
        self.plant.store.show(stored)
        for one in stored:
            self.plant._publish(one.rows)

    def create(self, name: str = "quality", **about):
        with self.plant.db.begin() as tx:
            return self.registry.book.create(tx, ENGINEER, name, **about)

    def register(self, kind: str, content: bytes, name: str = "quality", **told):
        told = {"trust": True, "sha256": hashlib.sha256(content).hexdigest(), **told}
        opened = self.registry.open(kind, content, told)
        with self.plant.db.begin() as tx:
            return self.registry.book.register(tx, ENGINEER, name, kind, content, opened, told)

    def stage(self, number: int, stage: str, name: str = "quality"):
        with self.plant.db.begin() as tx:
            return self.registry.book.stage(tx, name, number, stage)

    def score(self, name: str = "quality", **wanted):
        given = {
            "inputs": {"temperature": f"{OVEN}/Temperature", "speed": f"{OVEN}/Speed"},
            "property": f"{OVEN}/Quality",
            **wanted,
        }
        with self.plant.db.begin() as tx:
            return self.registry.score(tx, ENGINEER, name, given)


@pytest.fixture
def node(tmp_path):
    made = Node(tmp_path)
    yield made
    made.registry.stop()
    made.plant.stop()


def table(size: int = 300):
    chance = np.random.default_rng(1)
    rows = np.column_stack([chance.normal(220, 5, size), chance.normal(2, 0.3, size)])
    return rows, rows[:, 0] - 10 * rows[:, 1]


def onnx_model(*, names: bool = False) -> bytes:
    """temperature - 10 * speed, as one wide input or an input a column."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    out = helper.make_tensor_value_info("quality", TensorProto.FLOAT, [None, 1])
    if names:
        given = [helper.make_tensor_value_info(one, TensorProto.FLOAT, [None, 1]) for one in ("temperature", "speed")]
        ten = numpy_helper.from_array(np.array([10.0], np.float32), "ten")
        nodes = [
            helper.make_node("Mul", ["speed", "ten"], ["part"]),
            helper.make_node("Sub", ["temperature", "part"], ["quality"]),
        ]
        graph = helper.make_graph(nodes, "g", given, [out], [ten])
    else:
        given = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 2])]
        weights = numpy_helper.from_array(np.array([[1.0], [-10.0]], np.float32), "w")
        graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["quality"])], "g", given, [out], [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return model.SerializeToString() if onnx else b""


def lightgbm_model() -> bytes:
    lightgbm = pytest.importorskip("lightgbm")
    rows, truth = table()
    data = lightgbm.Dataset(rows, truth, feature_name=["temperature", "speed"])
    return lightgbm.train({"verbosity": -1, "num_threads": 1, "min_data_in_leaf": 5}, data, 30).model_to_string().encode()


def sklearn_model(*, by_joblib: bool = False) -> bytes:
    joblib = pytest.importorskip("joblib")
    from sklearn.linear_model import LinearRegression

    fitted = LinearRegression().fit(*table())
    if not by_joblib:
        return pickle.dumps(fitted)
    packed = io.BytesIO()
    joblib.dump(fitted, packed)
    return packed.getvalue()
