"""Values sent on change, and bad ones between: what plant and edge make of them is the same, row for row."""

from __future__ import annotations

import json

import numpy as np
import pytest

from lineshaft.connect.edge.exported import Exported
from lineshaft.connect.edge.steps import Steps
from lineshaft.core import NS, Quality, samples
from lineshaft.detect import anomaly
from lineshaft.detect.machines.table import ALWAYS, gather
from tests.detect.anomaly.conftest import DRIVERS, machine
from tests.detect.machines.test_table import Kept

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")
MINUTE = 60 * NS
ROWS = 1500
BEGIN = 30_000_000 * MINUTE
HOLDS = {
    "sensor 1": 15 * MINUTE + 20 * NS,
    "sensor 4": ALWAYS,
    "recipe": ALWAYS,
    "current": 40 * MINUTE,
    "door": ALWAYS,
    "filling": ALWAYS,
}
TEXTS = frozenset({"recipe", "door", "filling"})
"""What is no number at the plant: texts, and a switch."""


def table(rows: int, start: int = 0) -> dict:
    made = machine(rows, start=start)
    recipe = np.where((np.arange(rows) + start) % 400 < 200, "bread", "roll").astype(object)
    made["sensor 3"] = made["sensor 3"] + np.where(recipe == "roll", 8.0, 0.0)
    made["current"] = np.where((np.arange(rows) // 300) % 5 == 4, 0.0, 12.0)
    door = np.where((np.arange(rows) // 100) % 9 == 5, "open", "shut").astype(object)
    filling = np.where((np.arange(rows) // 40) % 2 == 0, 1.0, 0.0)
    made["sensor 6"] = made["sensor 6"] + 5 * filling
    return {**made, "filling": filling, "recipe": recipe, "door": door}


@pytest.fixture(scope="module")
def model() -> anomaly.Model:
    settings = {"drivers": [*DRIVERS], "states": ["recipe", "filling"], "ignore": ["current", "door"]}
    return anomaly.fit(table(4000), off="current < 5 or door == 'open'", start_up="5m", **settings)


def told(seed: int) -> dict[str, list[tuple[int, object, int]]]:
    """Return what each sensor said, once a step: some bad values, some sent seldom, one away and bad for long."""
    chance, said = np.random.default_rng(seed), table(ROWS, start=6000)
    rows: dict[str, list[tuple[int, object, int]]] = {}
    for name, values in list(said.items())[1:]:
        share = {"sensor 1": 0.15, "sensor 4": 0.02, "recipe": 0.05, "current": 0.1, "door": 0.05, "filling": 0.3}.get(name, 0.99)
        out = rows[name] = []
        away = int(chance.integers(200, 1000))
        for n, value in enumerate(values.tolist()):
            at = BEGIN + n * MINUTE - int(chance.integers(1, 59)) * NS
            if chance.random() < share and not away <= n < away + 60:
                said_ = bool(value) if name == "filling" else value
                out.append((at, said_, int(Quality.GOOD)))
                if name == "filling" and chance.random() < 0.1:
                    out.append((at - NS // 4, not said_, int(Quality.GOOD)))
            if chance.random() < (0.5 if away + 20 <= n < away + 24 else 0.004):
                out.append((at - NS // 2, bool(value) if name == "filling" else value, int(Quality.BAD)))
        out.sort(key=lambda row: row[0])
    return rows


@pytest.mark.parametrize("seed", range(4))
def test_a_bad_value_ends_what_a_value_holds_at_the_edge_as_at_the_plant(model, seed):
    rows = told(seed)
    names = list(rows)
    kept = Kept(**rows)
    plant, scores, reasons = model.follow(), [], []
    for start in range(-1, ROWS - 1, 125):
        span = (BEGIN + start * MINUTE, BEGIN + min(start + 125, ROWS - 1) * MINUTE)
        found = plant.take(gather(kept, names, TEXTS, MINUTE, *span, HOLDS).table)
        scores += found.score.tolist()
        reasons += found.reason.tolist()
    exported = Exported.load(model.export(holds=HOLDS, key="m", lasts=TEXTS))
    assert exported.key == "m"
    steps = Steps(exported.sensors, exported.texts, {name: name for name in names}, MINUTE, exported.lasts)
    steps.done = BEGIN - MINUTE
    follower, edge, why, ended = exported.follow(), [], [], 0
    spoken = sorted((at, name, value, q) for name, each in rows.items() for at, value, q in each)
    for part in np.array_split(np.arange(len(spoken)), 9):
        given = [spoken[n] for n in part]
        steps.give(samples({"tag": name, "ts": at, "value": value, "q": q} for at, name, value, q in given))
        closed = steps.closed()
        ended += sum(int(one.sum()) for one in closed.bad.values())
        score, reason = follower.take(closed.times, closed.columns, closed.bad)
        edge += score.tolist()
        why += reason
        state = json.loads(json.dumps(follower.state()))
        follower = exported.follow()
        follower.restore(state)
    assert ended > 20, "the test is of bad values"
    assert {"normal", "off", "bad_data"} <= set(why)
    assert len(edge) >= ROWS - 2
    assert why == reasons[: len(why)]
    np.testing.assert_allclose(edge, scores[: len(edge)], rtol=1e-6, atol=1e-9)


def test_without_the_bad_values_the_rows_would_differ(model):
    rows = told(0)
    exported = Exported.load(model.export(holds=HOLDS))
    found = []
    for heed in (True, False):
        steps = Steps(exported.sensors, exported.texts, {name: name for name in rows}, MINUTE)
        steps.give(samples({"tag": n, "ts": at, "value": v, "q": q} for n, each in rows.items() for at, v, q in each))
        closed = steps.closed()
        found.append(exported.follow().take(closed.times, closed.columns, closed.bad if heed else {})[1])
    assert found[0] != found[1]
