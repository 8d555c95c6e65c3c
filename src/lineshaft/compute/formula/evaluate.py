"""Evaluates a formula for many rows at once; where the rows come from (points, windows) is the frame's business."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from math import e, pi
from typing import Protocol

import numpy as np

from lineshaft.compute.formula.column import Column, Ints, as_numbers, choose, constant, each, nothing, numbers, truth
from lineshaft.compute.formula.dates import DATES
from lineshaft.compute.formula.functions import FUNCTIONS, Function, char_of, compare, number_op, part_of, plus, shape
from lineshaft.compute.formula.nodes import Binary, Call, Index, Name, Node, Number, Shaped, Slice, Text, Unary

CONSTANTS: Mapping[str, float | None] = {"pi": pi, "e": e, "true": 1.0, "false": 0.0, "none": None}
ROW_FUNCTIONS: Mapping[str, Function] = {**FUNCTIONS, **DATES}
COMPARISONS = frozenset({"<", ">", "<=", ">=", "==", "!="})
_ARITHMETIC = {
    "-": number_op(np.subtract),
    "*": number_op(np.multiply),
    "/": number_op(np.divide),
    "%": number_op(np.fmod),
    "^": number_op(np.power),
}
_NEGATE = number_op(np.negative)


class Frame(Protocol):
    """The rows a formula is evaluated for."""

    @property
    def size(self) -> int:
        """Return how many rows there are."""
        ...

    def variable(self, name: str) -> Column | None:
        """Return a variable's value in every row, None if there is no such variable."""
        ...

    def call(self, call: Call) -> Column:
        """Return a function that depends on the frame: now, timestamp, pretrigger, or one over a window."""
        ...


def evaluate(node: Node, frame: Frame) -> Column:
    """Return the value of a node in every row of the frame."""
    match node:
        case Number() | Text():
            return constant(node.value, frame.size)
        case Name():
            return _name(node, frame)
        case Unary():
            return _unary(node, frame)
        case Binary():
            return _binary(node, frame)
        case Call():
            return _call(node, frame)
        case Index():
            return each(char_of, evaluate(node.of, frame), evaluate(node.index, frame))
        case Slice():
            return _slice(node, frame)
        case Shaped():
            return each(partial(shape, node.spec), evaluate(node.of, frame))


def _name(node: Name, frame: Frame) -> Column:
    found = frame.variable(node.name)
    if found is not None:
        return found
    value = CONSTANTS[node.name.lower()]
    return nothing(frame.size) if value is None else constant(value, frame.size)


def _unary(node: Unary, frame: Frame) -> Column:
    inside = evaluate(node.operand, frame)
    if node.op == "not":
        return Column((~truth(inside)).astype(np.float64), inside.ok)
    return _NEGATE(inside) if node.op == "-" else as_numbers(inside)


def _binary(node: Binary, frame: Frame) -> Column:
    left, right = evaluate(node.left, frame), evaluate(node.right, frame)
    if node.op in ("and", "or"):
        return _both(left, right) if node.op == "and" else _either(left, right)
    if node.op in COMPARISONS:
        return compare(node.op, left, right)
    return plus(left, right) if node.op == "+" else _ARITHMETIC[node.op](left, right)


def _both(left: Column, right: Column) -> Column:
    """0 where the left side is false, else the right value."""
    chosen = choose(truth(left), right, constant(0.0, len(left.ok)))
    return Column(chosen.values, chosen.ok & left.ok)


def _either(left: Column, right: Column) -> Column:
    """1 where the left side is true, else the right value."""
    chosen = choose(truth(left), constant(1.0, len(left.ok)), right)
    return Column(chosen.values, chosen.ok & left.ok)


def _call(node: Call, frame: Frame) -> Column:
    if node.name == "if":
        test, yes, *other = node.args
        condition = as_numbers(evaluate(test, frame))
        no = evaluate(other[0], frame) if other else nothing(frame.size)
        chosen = choose(truth(condition), evaluate(yes, frame), no)
        return Column(chosen.values, chosen.ok & condition.ok)
    function = ROW_FUNCTIONS.get(node.name)
    if function is None:
        return frame.call(node)
    return function.run(*(evaluate(arg, frame) for arg in node.args))


def _slice(node: Slice, frame: Frame) -> Column:
    of = evaluate(node.of, frame)
    places = [None if part is None or _is_none(part, frame) else evaluate(part, frame) for part in node.parts]
    given = [place for place in places if place is not None]

    def rule(text: object, *values: object) -> str:
        rest = iter(values)
        return part_of(text, *(None if place is None else next(rest) for place in places))

    return each(rule, of, *given)


def _is_none(node: Node, frame: Frame) -> bool:
    return isinstance(node, Name) and node.name.lower() == "none" and frame.variable(node.name) is None


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that stand for themselves: one trigger of a transform each, or one row of any table.

    `stamps` are the triggers' times (UTC ns), and what now() says, so that a recompute gives the same; `times` those of each
    variable's value, `before` the values that stood before the trigger with their times in `before_times`.
    """

    size: int
    columns: Mapping[str, Column]
    stamps: Ints | None = None
    now: int = 0
    times: Mapping[str, Ints] = field(default_factory=dict[str, Ints])
    before: Mapping[str, Column] = field(default_factory=dict[str, Column])
    before_times: Mapping[str, Ints] = field(default_factory=dict[str, Ints])

    def variable(self, name: str) -> Column | None:
        """Return the variable's column."""
        return self.columns.get(name)

    def call(self, call: Call) -> Column:
        """Answer now(), timestamp(), timestamp(x), pretrigger(x) and timestamp(pretrigger(x))."""
        if call.name == "now":
            return constant(self.now / 1e9, self.size) if self.stamps is None else seconds(self.stamps, self.size)
        name = variable_in(call)
        if call.name == "pretrigger":
            return self.before.get(name, nothing(self.size))
        if not name:
            return seconds(self.stamps, self.size)
        earlier = isinstance(call.args[0], Call)
        known = (self.before if earlier else self.columns).get(name, nothing(self.size))
        stamps = (self.before_times if earlier else self.times).get(name)
        column = seconds(stamps, self.size)
        return Column(column.values, column.ok & known.ok)


def variable_in(call: Call) -> str:
    """Return the variable a `timestamp(...)` or `pretrigger(...)` asks for, '' for none."""
    node: Node | None = call.args[0] if call.args else None
    while isinstance(node, Call):
        node = node.args[0] if node.args else None
    return node.name if isinstance(node, Name) else ""


def seconds(stamps: Ints | None, size: int) -> Column:
    """Return times as seconds since 1970."""
    return nothing(size) if stamps is None else numbers(stamps / 1e9)
