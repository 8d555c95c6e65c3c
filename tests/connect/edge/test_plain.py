"""An ONNX file that was not exported here judges a machine at the edge, as the configuration describes it."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from lineshaft.app.edge_parts import check, opened
from lineshaft.connect.edge.inference import DetectorEntry, Inference
from lineshaft.connect.edge.plain import PlainModel
from lineshaft.connect.edge.versions import read_config
from lineshaft.core import NS, InvalidInput
from tests.connect.edge.making import T0, Ear, rows

pytest.importorskip("onnxruntime")
STEP = NS


def model(shape: list[Any], kind: int = TensorProto.FLOAT, outputs: int = 1) -> bytes:
    """The sum of all numbers of the input, with its negative as a second number where two are asked for."""
    axes = list(range(1, len(shape)))
    signs = np.array([[1, -1][:outputs]], helper.tensor_dtype_to_np_dtype(kind))
    nodes = [
        helper.make_node("ReduceSum", ["rows", "axes"], ["sum"], keepdims=0),
        helper.make_node("Reshape", ["sum", "column"], ["one"]),
        helper.make_node("MatMul", ["one", "signs"], ["score"]),
    ]
    constants = {"axes": np.array(axes, np.int64), "column": np.array([-1, 1], np.int64), "signs": signs}
    given = [helper.make_tensor_value_info("rows", kind, shape)]
    made = [helper.make_tensor_value_info("score", kind, ["n", outputs])]
    held = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "sum", given, made, held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString()


def said(**more: Any) -> PlainModel:
    return PlainModel.model_validate({"columns": ["heat", "load"], **more})


def judged(content: bytes, options: PlainModel, heat: list[float], load: list[float], times: list[int] | None = None):
    follower = opened(content, options).follow()
    at = np.array(times or range(1, len(heat) + 1), np.int64) * STEP
    return follower.take(at, {"heat": np.array(heat), "load": np.array(load)})


@pytest.mark.parametrize(
    ("shape", "kind"), [(["n", 2], TensorProto.FLOAT), ([1, 2], TensorProto.DOUBLE), ([None, None], TensorProto.FLOAT)]
)
def test_each_step_alone(shape: list[Any], kind: int):
    scores, reasons = judged(model(shape, kind), said(limit=5.0), [1, 2, np.nan, 4], [1, 2, 3, 4])
    np.testing.assert_array_equal(scores, [2, 4, np.nan, 8])
    assert reasons == ["", "", "not judged: heat said nothing", "above the limit"]


@pytest.mark.parametrize("shape", [[1, 3, 2], ["n", 6], [1, "t", 2]])
def test_a_window_of_steps_begins_anew_after_a_gap(shape: list[Any]):
    content, options = model(shape, outputs=2), said(rows=3, pick=1)
    scores, reasons = judged(content, options, [1] * 7, [0] * 7, [1, 2, 3, 4, 6, 7, 8])
    np.testing.assert_array_equal(scores, [np.nan, np.nan, -3, -3, np.nan, np.nan, -3])
    assert reasons[:2] == ["not judged: 1 of 3 steps", "not judged: 2 of 3 steps"]


def test_a_window_goes_on_after_a_restart():
    whole = opened(model([1, 3, 2]), said(rows=3))
    first = whole.follow()
    first.take(np.array([1, 2]) * STEP, {"heat": np.array([1.0, 2.0]), "load": np.zeros(2)})
    again = whole.follow()
    again.restore(first.state())
    scores, _ = again.take(np.array([3]) * STEP, {"heat": np.array([4.0]), "load": np.zeros(1)})
    assert scores.tolist() == [7.0]


@pytest.mark.parametrize(
    ("content", "more", "what"),
    [
        (b"no model", {}, "cannot read the model"),
        (model([1, 3]), {}, r"input 'rows' has the shape \[1, 3\] - the configuration says 2 columns, which is \[1, 2\]"),
        (model([1, 3, 2]), {"rows": 4}, r"shape \[1, 3, 2\] - the configuration says 2 columns of 4 steps, which is \[1, 4, 2\]"),
        (model([2]), {}, r"has the shape \[2\]"),
        (model(["n", 2]), {"input": "X"}, "its inputs are rows - name one of them in `input`, not 'X'"),
        (model(["n", 2]), {"output": "label"}, "its outputs are score"),
        (model(["n", 2]), {"pick": 1}, "'score' has 1 numbers - `pick` = 1 is none of them"),
        (model(["n", 2], TensorProto.INT64), {}, r"is tensor\(int64\) - float and double are understood"),
    ],
)
def test_what_does_not_fit_is_told_with_both_sides(content: bytes, more: dict[str, Any], what: str):
    with pytest.raises(InvalidInput, match=what):
        opened(content, said(**more))


def text(content: bytes, columns: str = '["heat", "load"]') -> str:
    encoded = base64.b64encode(content).decode()
    head = f'[[detectors]]\nname = "sum"\nsource = "press"\ncontent = "{encoded}"\n'
    return f'{head}[detectors.onnx]\ncolumns = {columns}\nevery = "1s"\n'


def test_a_plant_refuses_what_its_edge_could_not_run():
    check(read_config(text(model(["n", 2]))))
    with pytest.raises(InvalidInput, match="does not fit"):
        check(read_config(text(model(["n", 2]), '["heat"]')))
    with pytest.raises(InvalidInput, match="named twice"):
        read_config(text(model(["n", 2]), '["heat", "heat"]'))


async def test_it_runs_at_an_edge_like_a_detector_of_ours(tmp_path: Path):
    entry = DetectorEntry.model_validate(read_config(text(model(["n", 2]))).detectors.entries[0].model_dump())
    made, ear = Inference(entry, opened(entry.bytes(), entry.onnx), tmp_path), Ear()
    task = asyncio.create_task(made.run(ear))
    await ear.until(lambda e: e.statuses)
    for second in range(1, 5):
        made.give("press", rows(("heat", second, float(second)), ("load", second, 10.0)))
    await ear.until(lambda e: len(e.all("score")) >= 3)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert T0 % STEP == 0
    assert [value for _, value in ear.all("score")][:3] == [11.0, 12.0, 13.0]


def test_a_plain_file_without_a_description_says_what_is_missing():
    with pytest.raises(InvalidInput, match=r"not an exported model.*\[detectors.onnx\]"):
        opened(model(["n", 2]))
