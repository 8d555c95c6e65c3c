"""What a model is made of: switches and texts out of the real store, off conditions on them, nothing another detector says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from lineshaft.core import SAMPLES, Batch, InvalidInput, NotFound
from tests.detect.machines import test_machines
from tests.detect.machines.test_machines import ENGINEER, MINUTE, MODEL, NAMES, PUMP, Node

SIZE = 600
SWITCHES = "  - {name: Running, kind: measurement, type: boolean}\n  - {name: Product, kind: measurement, type: string}\n"


def told(node: Node, tag: str, column: str, rows: list[tuple[int, object]]) -> None:
    """Store what a switch or a text said at some minutes."""
    values = {
        "tag": pa.array([f"Pump/{tag}"] * len(rows)).dictionary_encode(),
        "ts": pa.array([node.at(minute) for minute, _ in rows]).cast(SAMPLES.field("ts").type),
        column: pa.array([value for _, value in rows]),
        "q": pa.array(np.zeros(len(rows), np.int16)),
    }
    arrays = [
        values.get(name, pa.nulls(len(rows), SAMPLES.field(name).type)).cast(SAMPLES.field(name).type) for name in SAMPLES.names
    ]
    node.seq += 1
    batch = Batch("plc", node.seq, node.start, pa.RecordBatch.from_arrays(arrays, schema=SAMPLES))
    node.plant.store.show(node.plant.store.append([batch]))


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    monkeypatch.setattr(test_machines, "MODEL", MODEL + SWITCHES)
    made = Node(tmp_path)
    made.feed(0, SIZE)
    told(made, "Running", "vb", [(0, True), (300, False), (360, True)])
    told(made, "Product", "vs", [(0, "rye"), (100, "spelt"), (200, "rye"), (500, "spelt")])
    yield made
    made.plant.stop()


@pytest.mark.parametrize("off", ["not Running", f"`{PUMP}/Running` == 0", "`Running` < 0.5"])
def test_a_switch_that_is_no_sensor_says_when_the_machine_is_off(node: Node, off: str):
    model = node.create(name="pump", lookback=f"{SIZE}m", settings={"drivers": ["Load"], "off": off, "start_up": "10m"})
    assert model["properties"] == [*(f"{PUMP}/{name}" for name in NAMES), f"{PUMP}/Running"]
    assert model["settings"]["ignore"] == [f"{PUMP}/Running"], "asked, and never judged"
    version = node.train(model["id"], SIZE)
    assert version["state"] == "ready", version["error"]
    assert version["about"]["left_out"]["off"] in range(68, 72), "an hour off and ten minutes of start-up"


def test_a_product_is_a_state_that_a_model_knows(node: Node):
    sensors = [f"{PUMP}/{name}" for name in (*NAMES, "Product")]
    settings = {"drivers": ["Load"], "states": ["Product"]}
    found = node.machines.look(PUMP, {"properties": sensors, "settings": settings, "every": MINUTE, "lookback": SIZE * MINUTE})
    product = next(one for one in found.as_dict()["sensors"] if one["name"] == f"{PUMP}/Product")
    assert (product["role"], product["used"]) == ("state", True)


def test_the_last_of_a_step_counts_and_a_switch_holds_until_the_next(node: Node):
    told(node, "Running", "vb", [(400, False), (410, True)])
    found = node.machines._gather([f"{PUMP}/Running", f"{PUMP}/Product"], 60 * MINUTE, node.at(0), node.at(SIZE - 60))
    column = found.table[f"{PUMP}/Running"].tolist()
    assert set(column) <= {True, False, None}
    assert column.count(False) == 1, "of 300 and 360 the first step ends off, the next on; 410 is later than 400"
    assert set(found.table[f"{PUMP}/Product"].tolist()) <= {"rye", "spelt", None}


def test_what_detectors_say_is_learned_only_when_asked_for(node: Node):
    with node.plant.db.begin() as tx:
        wanted = {"asset": PUMP, "name": "Drive end", "vibration": f"{PUMP}/Bearing", "unit": "mm/s", "power_kw": 3}
        node.plant.positions.book.commission(tx, wanted, ENGINEER.id)
    level = f"{PUMP}/Drive end/Level"
    assert node.plant.assets.property(level).type.value == "double"
    assert node.machines.book.properties(PUMP, ()) == [f"{PUMP}/{name}" for name in NAMES]
    assert node.machines.book.properties(PUMP, [level]) == [level]


@pytest.mark.parametrize(
    ("off", "said"),
    [
        ("`Runing` == 0", "Runing.*did you mean"),
        ("Runing == 0", "no variable 'Runing' - did you mean 'Running'"),
        ("Load <", "ends where a value is expected"),
        ("Load < 1 or lod(Flow) > 2", "no function 'lod'"),
    ],
)
def test_a_wrong_off_condition_is_said_before_the_training(node: Node, off: str, said: str):
    with pytest.raises((InvalidInput, NotFound), match=said):
        node.create(name="pump", settings={"off": off})


def test_a_text_that_is_also_a_name_stays_a_text(node: Node):
    model = node.create(name="pump", settings={"off": "Product == 'Running' or Product == \"Load\" or Product == 'it''s Flow'"})
    product = f"`{PUMP}/Product`"
    assert model["settings"]["off"] == f"{product} == 'Running' or {product} == \"Load\" or {product} == 'it''s Flow'"
