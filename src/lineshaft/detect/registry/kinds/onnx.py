"""ONNX: a graph of numbers that can do nothing but compute."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lineshaft.core import InvalidInput
from lineshaft.detect.registry.opened import Columns, Opened, absent, matrix, named, several

TYPES = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
}


def open_model(content: bytes, inputs: Sequence[str]) -> Opened:
    """Open a graph with one input of columns side by side, or one input a column."""
    try:
        import onnxruntime  # noqa: PLC0415 - an extra, and heavy
    except ImportError as error:
        raise absent("onnxruntime") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    try:
        session: Any = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise InvalidInput(f"this is no ONNX model that can be run: {error}", code="registry.unreadable") from error
    given = session.get_inputs()
    strange = [one.name for one in given if one.type not in TYPES]
    if strange:
        raise InvalidInput(
            f"inputs that are no numbers: {', '.join(strange)}", hint="texts are not taken", code="registry.inputs"
        )
    shown = [one.name for one in session.get_outputs() if one.type in TYPES]
    wide = len(given) == 1 and len(given[0].shape) == 2 and given[0].shape[1] != 1
    if wide:
        width = given[0].shape[1] if isinstance(given[0].shape[1], int) else None
        names = named([], inputs, width)
    else:
        names = named([one.name for one in given], inputs)

    def run(columns: Columns) -> dict[str, Any]:
        if wide:
            feed = {given[0].name: matrix(columns, names).astype(TYPES[given[0].type])}
        else:
            feed = {
                one.name: np.asarray(columns[name]).astype(TYPES[one.type]).reshape(-1, *[1] * (len(one.shape) - 1))
                for one, name in zip(given, names, strict=True)
            }
        made: dict[str, Any] = {}
        for name, values in zip(shown, session.run(shown, feed), strict=True):
            made |= several(name, values)
        return made

    return Opened(names, shown, f"onnxruntime {onnxruntime.__version__}", run)
