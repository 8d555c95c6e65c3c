"""One day replayed: what a model finds on the plant, from the store, and at the edge, from the same values, is the same."""

from __future__ import annotations

import asyncio
import base64

import numpy as np
import pyarrow as pa
import pytest

from lineshaft.app.edge_parts import opened
from lineshaft.connect.edge.inference import DetectorEntry, Inference
from lineshaft.core import NS
from lineshaft.detect.machines.table import gather
from tests.connect.edge.making import T0, Ear
from tests.detect.machines.test_machines import MINUTE, NAMES, PUMP, ROWS, Node

pytest.importorskip("onnxruntime")
DAY = 1440


class Listening(Node):
    """A node whose values an edge hears too."""

    heard: list[pa.RecordBatch]

    def _kept(self, batches):
        self.heard += [batch.rows for batch in batches if batch.source == "plc"]
        return self.append(batches)


@pytest.fixture
def node(tmp_path, monkeypatch):
    made = Listening(tmp_path / "plant")
    made.heard, made.append = [], made.plant.store.append
    monkeypatch.setattr(made.plant.store, "append", made._kept)
    made.feed(0, ROWS)
    made.heard.clear()
    yield made
    made.plant.stop()


async def judged(content: bytes, heard: list[pa.RecordBatch], folder, steps: int) -> Ear:
    """Let an edge judge the rows, as they came, in pieces."""
    sensors = {f"{PUMP}/{name}": f"Pump/{name}" for name in NAMES}
    entry = DetectorEntry(name="pump", content=base64.b64encode(content).decode(), source="plc", sensors=sensors)
    made, ear = Inference(entry, opened(entry.bytes()), folder), Ear()
    task = asyncio.create_task(made.run(ear))
    await ear.until(lambda e: e.statuses)
    for number, rows in enumerate(heard, 1):
        made.give("plc", rows)
        await ear.until(lambda e, n=number: len(e.all("reason")) >= n * steps - 1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return ear


@pytest.mark.slow
def test_findings_at_the_edge_are_the_plants(node, tmp_path):
    model = node.create(name="pump")
    node.train(model["id"], ROWS)
    node.use(model["id"], 1, "active")
    for hour in range(24):
        first = ROWS + 60 * hour
        node.feed(first, first + 60, drift=2.0 if 8 <= hour < 14 else 0.0)
        node.machines.tick(node.at(first + 61))
    made, row = node.machines.version(model["id"], 1)
    day = (node.at(ROWS - 1), node.at(ROWS + DAY - 2))
    table = gather(node.plant.store, model["properties"], frozenset(), MINUTE, *day, row["about"]["holds"]).table
    plant = made.follow().take(table)
    ear = asyncio.run(judged(node.machines.export(model["id"], 1), node.heard, tmp_path / "edge", 60))

    def told(tag):
        return {T0 + round(at * NS): value for at, value in ear.all(tag)}

    assert list(told("reason")) == plant.times.tolist()
    assert list(told("reason").values()) == plant.reason.tolist()
    assert {"normal", "anomaly"} == set(told("reason").values())
    np.testing.assert_allclose(list(told("score").values()), plant.score[~np.isnan(plant.score)], rtol=1e-6)
    raised = [at for at, open_ in told("alert").items() if open_]
    assert raised == [alert.start for alert in plant.alerts]
    assert raised == [one.evidence["start_ns"] for one in node.found], "one finding was filed, for the same step"
    assert str(next(iter(told("alert sensors").values()))).startswith(f"{PUMP}/Bearing ")
