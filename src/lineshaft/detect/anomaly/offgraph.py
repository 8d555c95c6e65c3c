"""The off condition of a model as a part of its graph: numbers, comparisons, and, or, not, arithmetic, texts with == and !=."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lineshaft.core import InvalidInput
from lineshaft.detect.anomaly.drawing import Drawing, Value

if TYPE_CHECKING:
    from lineshaft.detect.anomaly.model import Model

OPERATORS = frozenset({"and", "or", "<", ">", "<=", ">=", "==", "!=", "+", "-", "*", "/"})


class OffFormula:
    """Draws an off condition: every part is a value and whether there is one."""

    def __init__(
        self, drawing: Drawing, row: Value, names: list[str], alias: Mapping[str, str], texts: Mapping[str, list[str]]
    ) -> None:
        self.d, self.row, self.names, self.alias, self.texts = drawing, row, names, alias, texts

    def of(self, node: Any) -> tuple[Value, Value]:
        """Return value and whether there is one. Raises InvalidInput for what the graph has no words for."""
        d, kind = self.d, type(node).__name__
        if kind == "Number":
            return self._constant(float(node.value))
        if kind == "Name":
            if node.name not in self.alias:
                return self._constant({"true": 1.0, "false": 0.0}.get(node.name.lower(), np.nan))
            value = d.pick(self.row, [self.names.index(self.alias[node.name])])
            return value, d.op("Not", d.op("IsNaN", value))
        if kind == "Unary":
            value, known = self.of(node.operand)
            if node.op == "not":
                return d.op("Cast", d.op("Equal", value, d.const(np.array([0.0]))), to="double"), known
            return (d.op("Neg", value) if node.op == "-" else value), known
        if kind == "Binary" and (word := _compared(node, self.alias, self.texts)) is not None:
            value, known = self.of(word[0])
            same = d.op("Equal", value, d.const(np.array([float(word[1])])))
            return d.op("Cast", same if node.op == "==" else d.op("Not", same), to="double"), known
        if kind == "Binary" and node.op in OPERATORS:
            return self._binary(node.op, self.of(node.left), self.of(node.right))
        raise refused()

    def _constant(self, value: float) -> tuple[Value, Value]:
        made = self.d.const(np.array([value]))
        return made, self.d.op("Not", self.d.op("IsNaN", made))

    def _binary(self, op: str, left: tuple[Value, Value], right: tuple[Value, Value]) -> tuple[Value, Value]:
        d, (a, a_known), (b, b_known) = self.d, left, right
        if op in ("and", "or"):
            untrue = d.op("Equal", a, d.const(np.array([0.0])))
            take = d.op("Not", untrue) if op == "and" else untrue
            value = d.op("Where", take, b, d.const(np.array([0.0 if op == "and" else 1.0])))
            return value, d.op("And", a_known, d.op("Or", b_known, d.op("Not", take)))
        known = d.op("And", a_known, b_known)
        if op in "+-*/":
            value = d.op({"+": "Add", "-": "Sub", "*": "Mul", "/": "Div"}[op], a, b)
            finite = d.op("Not", d.op("Or", d.op("IsNaN", value), d.op("IsInf", value)))
            return value, d.op("And", known, finite)
        return d.op("Cast", self._compared(op, a, b), to="double"), known

    def _compared(self, op: str, a: Value, b: Value) -> Value:
        d = self.d
        if op in "<>":
            return d.op("Less" if op == "<" else "Greater", a, b)
        room = d.op("Mul", d.op("Max", d.op("Abs", a), d.op("Abs", b)), d.const(np.array([1e-9])))
        close = d.op("LessOrEqual", d.op("Abs", d.op("Sub", a, b)), room)
        if op in ("==", "!="):
            return close if op == "==" else d.op("Not", close)
        return d.op("Or", close, d.op("Less" if op == "<=" else "Greater", a, b))


def texts_of(model: Model) -> set[str]:
    """Return the columns that held texts in training."""
    states = {name for name, levels in model.core.columns.states.items() if isinstance(levels[0], str)}
    return states | set(model.about.get("texts", []))


def words_of(node: Any, alias: Mapping[str, str], spoken: dict[str, list[str]]) -> None:
    """Note the words that texts are compared with. Raises InvalidInput for a text that something else is done with."""
    kind = type(node).__name__
    if kind == "Unary":
        words_of(node.operand, alias, spoken)
    elif kind == "Binary":
        sides = (node.left, node.right)
        word = next((one.value for one in sides if type(one).__name__ == "Text"), None)
        name = next((alias.get(one.name) for one in sides if type(one).__name__ == "Name"), None)
        if word is not None and name in spoken and node.op in ("==", "!="):
            spoken[name].append(word)
            return
        for one in sides:
            words_of(one, alias, spoken)
    elif kind == "Text" or (kind == "Name" and alias.get(node.name) in spoken):
        raise refused()


def _compared(node: Any, alias: Mapping[str, str], texts: Mapping[str, list[str]]) -> tuple[Any, int] | None:
    """Return the name and the number of the word it is compared with, None for a comparison of numbers."""
    for one, other in ((node.left, node.right), (node.right, node.left)):
        if type(one).__name__ == "Name" and type(other).__name__ == "Text":
            return one, texts[alias[one.name]].index(other.value)
    return None


def refused() -> InvalidInput:
    """Return what is said about a condition that a graph has no words for."""
    return InvalidInput(
        "the off condition cannot be written as ONNX",
        where="off",
        hint="numbers, comparisons, and, or, not, + - * /, texts with == or != can; take a property computed by the plant",
        code="anomaly.export",
    )
