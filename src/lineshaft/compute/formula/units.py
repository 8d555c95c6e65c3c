"""Units in formulas, checked when they are defined: metres are not added to seconds, nor metres to millimetres.

A unit that is not known (none is given, or a number written out stands for a conversion) fits everything: the check never
guesses. What is known and does not fit is told with the place and the factor that would mend it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lineshaft.compute.formula.evaluate import COMPARISONS
from lineshaft.compute.formula.nodes import Binary, Call, Name, Node, Number, Unary, parts
from lineshaft.core import FormulaError, Unit, factor_between, unit_of

_SAME = frozenset(
    {"abs", "ceil", "floor", "pretrigger", "avg", "min", "max", "sum", "first", "last", "earliest", "latest", "increase"}
    | {"timeweightedavg"}
)
"""Functions whose answer has the unit of what they are given."""
_SPREAD = frozenset({"stdev", "timeweightedstdev"})
_COMPARING = frozenset({"gt", "gte", "eq", "neq", "lt", "lte"})
_SECONDS = frozenset({"statetime", "timestamp", "now", "mktime"})
_OPTIONAL = frozenset({"timeweightedavg", "timeweightedstdev", "increase"})
"""Functions whose second argument is no value beside the first."""
_ROOTS = {"sqrt": 0.5, "cbrt": 1 / 3}
_ANGLES = frozenset({"sin", "cos", "tan", "cot"})


def check_units(root: Node, given: Mapping[str, str], declared: str) -> None:
    """Raise FormulaError where units do not fit each other, or the whole does not fit the unit it is declared with."""
    if not declared and not any(given.values()):
        return
    found = _Units({name: unit_of(text) for name, text in given.items() if text}, frozenset(given)).of(root)
    wanted = unit_of(declared) if declared else None
    if found is None or wanted is None:
        return
    scale = factor_between(found, wanted)
    if scale is None:
        raise FormulaError(f"the formula gives {_told(found)}, its unit is said to be {declared}", position=root.at)
    if abs(scale - 1) > 1e-9:
        hint = f"multiply by {scale:g}, or give it the unit it has"
        raise FormulaError(f"the formula gives {_told(found)}, its unit is said to be {declared}", position=root.at, hint=hint)


@dataclass(frozen=True, slots=True)
class _Units:
    """The units of the variables that have one."""

    known: Mapping[str, Unit]
    variables: frozenset[str]

    def of(self, node: Node) -> Unit | None:
        """Return the unit of a node, None where it is not known."""
        match node:
            case Name():
                return self.known.get(node.name) if node.name in self.variables else None
            case Unary():
                inside = self.of(node.operand)
                return None if node.op == "not" else inside
            case Binary():
                return self._binary(node)
            case Call():
                return self._call(node)
            case _:
                for part in parts(node):
                    self.of(part)
                return None

    def _binary(self, node: Binary) -> Unit | None:
        left, right = self.of(node.left), self.of(node.right)
        if node.op in ("+", "-", "%"):
            return _sum(node.op, left, right, node.at)
        if node.op in COMPARISONS:
            _fit(f"'{node.op}'", left, right, node.at)
            return None
        if node.op == "^":
            return _power(left, node.right)
        if left is None or right is None or node.op not in ("*", "/") or _is_offset(left) or _is_offset(right):
            return None
        return left * right if node.op == "*" else left / right

    def _call(self, node: Call) -> Unit | None:
        args = [self.of(arg) for arg in node.args]
        if node.name in _SECONDS:
            return unit_of("s")
        if node.name in _COMPARING:
            _fit(f"{node.name}()", args[0], args[1], node.at)
            return None
        if node.name in _ANGLES:
            _angle(node, args[0])
            return None
        if node.name in _ROOTS:
            return None if args[0] is None or _is_offset(args[0]) else args[0] ** _ROOTS[node.name]
        if node.name == "pow":
            return _power(args[0], node.args[1])
        mixed = args[1:] if node.name == "if" else args[:1] if node.name in _OPTIONAL else args
        if node.name == "if" or node.name in _SAME or node.name in _SPREAD:
            return self._alike(node, mixed)
        return None

    def _alike(self, node: Call, args: list[Unit | None]) -> Unit | None:
        first: Unit | None = None
        for unit, arg in zip(args, node.args[len(node.args) - len(args) :] if node.name == "if" else node.args, strict=False):
            _fit(f"{node.name}()", first, unit, arg.at)
            first = first if unit is None else unit
        known = first is not None and None not in args
        if not known or first is None or (node.name == "sum" and _is_offset(first)):
            return None
        return _difference(first) if node.name in _SPREAD else first


def _sum(op: str, left: Unit | None, right: Unit | None, at: int) -> Unit | None:
    """Return the unit of a sum: a temperature less a temperature is a difference, two temperatures added are nothing."""
    if left is None or right is None:
        return None
    if _is_offset(left) and not _is_offset(right) and factor_between(_difference(left), right) == 1:
        return left
    _fit(f"'{op}'", left, right, at)
    if _is_offset(left):
        return _difference(left) if op == "-" else None
    return left


def _fit(what: str, left: Unit | None, right: Unit | None, at: int) -> None:
    if left is None or right is None or left == right:
        return
    scale = factor_between(right, left)
    if scale is None:
        raise FormulaError(f"{what} joins {_told(left)} with {_told(right)}", position=at, hint="these are not of one kind")
    if abs(scale - 1) > 1e-9 or _is_offset(left) != _is_offset(right):
        hint = f"convert first: 1 {_told(right)} is {scale:g} {_told(left)}"
        raise FormulaError(f"{what} joins {_told(left)} with {_told(right)}", position=at, hint=hint)


def _power(base: Unit | None, exponent: Node) -> Unit | None:
    value = exponent.operand if isinstance(exponent, Unary) and exponent.op == "-" else exponent
    if base is None or _is_offset(base) or not isinstance(value, Number):
        return None
    return base ** (-value.value if value is not exponent else value.value)


def _angle(node: Call, unit: Unit | None) -> None:
    if unit is None or not unit.dimensionality:
        if unit is not None and abs((factor_between(unit, unit_of("rad")) or 1) - 1) > 1e-9:
            hint = "multiply by pi / 180 first"
            raise FormulaError(f"{node.name}() takes an angle in rad, this is {_told(unit)}", position=node.args[0].at, hint=hint)
        return
    raise FormulaError(f"{node.name}() takes an angle, this is {_told(unit)}", position=node.args[0].at)


def _is_offset(unit: Unit) -> bool:
    """Say whether a unit has a zero of its own, as degrees Celsius do."""
    return str(unit) in ("degree_Celsius", "degree_Fahrenheit")


def _difference(unit: Unit) -> Unit:
    return unit_of(f"delta_{unit}") if _is_offset(unit) else unit


def _told(unit: Any) -> str:
    return f"{unit:~P}" or "a ratio"
