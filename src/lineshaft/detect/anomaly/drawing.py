"""Draws an ONNX graph: constants, operations, what is remembered from row to row, and the scan over the rows around it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lineshaft.core import ConfigError

Value = str
OPSETS = (("", 17), ("ai.onnx.ml", 3))
LETTERS = {"double": 11, "bool": 9}
"""ONNX numbers of element types."""


class Drawing:
    """One step being drawn; values are names of ONNX values."""

    def __init__(self) -> None:
        try:
            from onnx import TensorProto, helper, numpy_helper  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise ConfigError("to write ONNX the package onnx is needed", hint="pip install 'lineshaft[onnx]'") from error
        self._helper, self._numpy, self._double = helper, numpy_helper, TensorProto.DOUBLE
        self._nodes: list[Any] = []
        self._constants: dict[tuple[bytes, str, tuple[int, ...]], tuple[str, Any]] = {}
        self._taken: list[tuple[str, int]] = []
        self._states: dict[str, npt.NDArray[np.float64]] = {}
        self._kept: dict[str, Value] = {}
        self._given: dict[str, tuple[Value, int]] = {}
        self._count = 0

    def take(self, name: str, size: int) -> Value:
        """Return one row of an input that has so many columns."""
        self._taken.append((name, size))
        return f"{name}_row"

    def state(self, name: str, start: npt.NDArray[np.float64]) -> Value:
        """Return what was remembered under a name."""
        self._states[name] = start
        return f"{name}_in"

    def keep(self, name: str, value: Value) -> None:
        """Remember a value for the next row."""
        self._kept[name] = value

    def give(self, name: str, value: Value, size: int = 1) -> None:
        """Make a value of so many elements an output, a row each."""
        self._given[name] = (value, size)

    def const(self, values: Any) -> Value:
        """Return a constant of doubles."""
        return self._constant(np.ascontiguousarray(values, np.float64))

    def ints(self, values: list[int]) -> Value:
        """Return a constant of whole numbers."""
        return self._constant(np.array(values, np.int64))

    def scalar(self, value: float) -> Value:
        """Return a constant without dimensions."""
        return self._constant(np.array(value, np.float64))

    def pick(self, value: Value, places: list[int]) -> Value:
        """Return some elements of a value."""
        return self.op("Gather", value, self.ints([int(one) for one in places]), axis=0)

    def tensor(self, values: npt.NDArray[np.float64]) -> Any:
        """Return doubles as an attribute of an operation."""
        return self._numpy.from_array(values)

    def op(self, kind: str, *inputs: Value | None, **attributes: Any) -> Value:
        """Return what an operation gives."""
        if "to" in attributes:
            attributes["to"] = LETTERS[attributes["to"]]
        name = self._name(kind.lower())
        self._nodes.append(self._helper.make_node(kind, [one or "" for one in inputs], [name], **attributes))
        return name

    def swept(self, precision: npt.NDArray[np.float64], missing: Value) -> Value:
        """Return a precision matrix without the columns that are missing: each one's part is taken out of the others."""
        width = len(precision)
        gone = self.op("Cast", missing, to="double")
        some = self.op("ReduceMax", gone, keepdims=1)
        trips = self.op("Mul", some, self.const(np.array([float(width)])))
        many = self._name("trips")
        self._nodes.append(self._helper.make_node("Cast", [trips], [many], to=7))
        count, out = self._name("count"), self._name("swept")
        self._nodes.append(self._helper.make_node("Squeeze", [many], [count]))
        start = self.const(precision)
        self._nodes.append(self._helper.make_node("Loop", [count, "", start], [out], body=self._sweep(gone, width)))
        return out

    def _sweep(self, gone: Value, width: int) -> Any:
        """Return the body that takes one column out, if it is missing."""
        make, value = self._helper.make_node, self._helper.make_tensor_value_info
        one = self._constant(np.array([0], np.int64))
        flat, row, line = (self.ints(shape) for shape in ([1], [width, 1], [1, width]))
        nodes = [
            make("Identity", ["go_in"], ["go_out"]),
            make("Unsqueeze", ["turn", one], ["place"]),
            make("Gather", ["matrix", "place"], ["taken"], axis=0),
            make("Reshape", ["taken", line], ["across"]),
            make("Reshape", ["taken", row], ["down"]),
            make("Gather", ["across", "place"], ["pivot"], axis=1),
            make("Gather", [gone, "place"], ["flag"], axis=0),
            make("Reshape", ["flag", flat], ["is_gone"]),
            make("MatMul", ["down", "across"], ["outer"]),
            make("Div", ["outer", "pivot"], ["part"]),
            make("Sub", ["matrix", "part"], ["less"]),
            make("Cast", ["is_gone"], ["yes"], to=9),
            make("Where", ["yes", "less", "matrix"], ["matrix_out"]),
        ]
        inputs = [value("turn", 7, []), value("go_in", 9, []), value("matrix", self._double, [width, width])]
        outputs = [value("go_out", 9, []), value("matrix_out", self._double, [width, width])]
        return self._helper.make_graph(nodes, "sweep", inputs, outputs)

    def model(self) -> bytes:
        """Return the whole model: memory and rows in, memory and a row of answers a row out."""
        h, value = self._helper, self._helper.make_tensor_value_info
        states = list(self._states)
        body = self._body(states)
        ins = [f"{name}_before" for name in states] + [name for name, _ in self._taken]
        outs = [f"{name}_after" for name in states] + list(self._given)
        scan = h.make_node("Scan", ins, outs, body=body, num_scan_inputs=len(self._taken))
        inputs = [value(f"{name}_before", self._double, [len(self._states[name])]) for name in states]
        inputs += [value(name, self._double, ["n", size]) for name, size in self._taken]
        outputs = [value(f"{name}_after", self._double, [len(self._states[name])]) for name in states]
        outputs += [value(name, self._double, ["n", size]) for name, (_, size) in self._given.items()]
        graph = h.make_graph([scan], "anomaly", inputs, outputs, [tensor for _, tensor in self._constants.values()])
        made = h.make_model(
            graph, opset_imports=[h.make_opsetid(*one) for one in OPSETS], producer_name="lineshaft", ir_version=8
        )
        return bytes(made.SerializeToString())

    def _body(self, states: list[str]) -> Any:
        h, value = self._helper, self._helper.make_tensor_value_info
        inputs = [value(f"{name}_in", self._double, [len(self._states[name])]) for name in states]
        inputs += [value(f"{name}_row", self._double, [size]) for name, size in self._taken]
        ends = [(f"{name}_out", self._kept[name], len(self._states[name])) for name in states]
        ends += [(f"{name}_given", inner, size) for name, (inner, size) in self._given.items()]
        nodes = [*self._nodes, *(h.make_node("Identity", [inner], [outer]) for outer, inner, _ in ends)]
        return h.make_graph(nodes, "row", inputs, [value(outer, self._double, [size]) for outer, _, size in ends])

    def _name(self, stem: str) -> str:
        self._count += 1
        return f"{stem}_{self._count}"

    def _constant(self, values: npt.NDArray[Any]) -> Value:
        key = (values.tobytes(), values.dtype.str, values.shape)
        if key not in self._constants:
            name = self._name("c")
            self._constants[key] = (name, self._numpy.from_array(values, name))
        return self._constants[key][0]
