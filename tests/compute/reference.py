"""A formula evaluated the slow and obvious way, one row at a time with Python floats: what columns are compared with."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

from lineshaft.compute.formula import Formula
from lineshaft.compute.formula.functions import json_path, shape, written
from lineshaft.compute.formula.nodes import Binary, Call, Index, Name, Number, Shaped, Slice, Text, Unary


class NoValue(Exception):
    pass


def evaluate(formula: Formula, row: Mapping[str, float | str | None]) -> float | str | None:
    try:
        value = _value(formula.root, row)
    except (NoValue, ZeroDivisionError, OverflowError, ValueError, IndexError, KeyError, TypeError, RecursionError):
        return None
    if isinstance(value, str):
        return value if len(value) <= 1024 else None
    return value


def _value(node, row):  # noqa: PLR0911 - one line a kind of node
    match node:
        case Number() | Text():
            return node.value
        case Name():
            return _named(node, row)
        case Unary():
            inside = _value(node.operand, row)
            if node.op == "not":
                return float(inside in (0, ""))
            return -_number(inside) if node.op == "-" else _number(inside)
        case Binary():
            return _finite(_binary(node, row))
        case Index():
            return _text(_value(node.of, row))[_whole(_value(node.index, row))]
        case Slice():
            places = [None if part is None or _is_none(part, row) else _whole(_value(part, row)) for part in node.parts]
            return _text(_value(node.of, row))[slice(*places)]
        case Shaped():
            return shape(node.spec, _value(node.of, row))
        case Call():
            return _finite(_call(node, row))


def _is_none(node, row):
    return isinstance(node, Name) and node.name.lower() == "none" and node.name not in row


def _named(node, row):
    if node.name in row:
        if row[node.name] is None:
            raise NoValue
        return row[node.name]
    value = {"pi": math.pi, "e": math.e, "true": 1.0, "false": 0.0}.get(node.name.lower())
    if value is None:
        raise NoValue
    return value


def _number(value):
    if isinstance(value, str):
        raise NoValue
    return value


def _text(value):
    if not isinstance(value, str):
        raise NoValue
    return value


def _whole(value):
    if not _number(value).is_integer():
        raise NoValue
    return int(value)


def _finite(value):
    if value is None or isinstance(value, complex) or (isinstance(value, float) and not math.isfinite(value)):
        raise NoValue
    if isinstance(value, str) and len(value) > 1024:
        raise NoValue
    return value


def _compare(op, a, b):
    if isinstance(a, str) != isinstance(b, str):
        raise NoValue
    close = a == b if isinstance(a, str) else math.isclose(a, b, rel_tol=1e-9)
    return float({"<": a < b, ">": a > b, "<=": a < b or close, ">=": a > b or close, "==": close, "!=": a != b}[op])


def _binary(node, row):  # noqa: PLR0911 - one line an operator
    left = _value(node.left, row)
    if node.op == "and":
        return _value(node.right, row) if left not in (0, "") else 0.0
    if node.op == "or":
        return 1.0 if left not in (0, "") else _value(node.right, row)
    right = _value(node.right, row)
    if node.op in ("<", ">", "<=", ">=", "==", "!="):
        return _compare(node.op, left, right)
    if node.op == "+" and (isinstance(left, str) or isinstance(right, str)):
        return written(left) + written(right)
    a, b = _number(left), _number(right)
    match node.op:
        case "+":
            return a + b
        case "-":
            return a - b
        case "*":
            return a * b
        case "/":
            return a / b
        case "%":
            return math.fmod(a, b)
        case _:
            return a**b


def _call(node, row):  # noqa: C901, PLR0911, PLR0912 - one line a function
    if node.name == "if":
        if _number(_value(node.args[0], row)) != 0:
            return _value(node.args[1], row)
        return _value(node.args[2], row) if len(node.args) > 2 else None
    args = [_value(arg, row) for arg in node.args]
    compare = {"gt": ">", "gte": ">=", "eq": "==", "neq": "!=", "lt": "<", "lte": "<="}.get(node.name)
    if compare:
        return _compare(compare, *args)
    match node.name:
        case "abs":
            return abs(_number(args[0]))
        case "sqrt" | "log" | "exp" | "sin":
            return getattr(math, node.name)(_number(args[0]))
        case "floor" | "ceil":
            return float(getattr(math, node.name)(_number(args[0])))
        case "pow":
            return _number(args[0]) ** _number(args[1])
        case "len":
            return float(len(_text(args[0])))
        case "find":
            return float(_text(args[0]).find(_text(args[1])))
        case "contains":
            return float(_text(args[1]) in _text(args[0]))
        case "upper":
            return _text(args[0]).upper()
        case "lower":
            return _text(args[0]).lower()
        case "join":
            return _text(args[0]).join(written(arg) for arg in args[1:])
        case "jp":
            found = json.loads(_text(args[0]))
            for step in json_path(args[1]):
                found = found[step]
            return float(found) if isinstance(found, bool | int | float) else found if isinstance(found, str) else None
    raise AssertionError(node.name)
