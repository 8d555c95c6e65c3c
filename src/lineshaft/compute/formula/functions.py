"""The functions that look at one row: arithmetic, comparison, text. Dates have a file of their own.

Each is listed with what it takes and gives, so that a wrong argument is told when the formula is defined.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

import numpy as np

from lineshaft.compute.formula.column import Bools, Column, as_numbers, each, numbers

TOLERANCE = 1e-9
"""Relative difference below which `==`, `<=` and `>=` take two numbers as equal."""


class Kind(StrEnum):
    """What an expression gives, as far as it is known when the formula is defined."""

    NUMBER = "a number"
    TEXT = "a text"
    ANY = "a number or a text"
    MOMENT = "a local time"


@dataclass(frozen=True, slots=True)
class Function:
    """One function: how many arguments it takes, of what kind (the last repeats), what it gives and how."""

    run: Callable[..., Column]
    takes: tuple[Kind, ...]
    gives: Kind
    least: int
    most: int


def number_op(rule: Callable[..., Any]) -> Callable[..., Column]:
    """Return a rule on float arrays as a rule on columns: what comes out infinite or undefined is no value."""

    def run(*columns: Column) -> Column:
        cells = [as_numbers(column) for column in columns]
        with np.errstate(all="ignore"):
            return numbers(rule(*(cell.values for cell in cells)), np.logical_and.reduce([cell.ok for cell in cells]))

    return run


def compare(op: str, left: Column, right: Column) -> Column:
    """Compare two columns to 1 or 0; a number beside a text has no answer."""
    if left.is_numbers and right.is_numbers:
        with np.errstate(all="ignore"):
            answer = _ORDER[op](left.values, right.values)
        return Column(answer.astype(np.float64), left.ok & right.ok)

    def rule(a: Any, b: Any) -> float | None:
        if isinstance(a, str) != isinstance(b, str):
            return None
        if isinstance(a, str):
            return float({"<": a < b, ">": a > b, "<=": a <= b, ">=": a >= b, "==": a == b, "!=": a != b}[op])
        return float(_ORDER[op](np.float64(a), np.float64(b)))

    return each(rule, left, right, text=False)


def _close(a: Any, b: Any) -> Bools:
    return np.asarray(np.abs(a - b) <= TOLERANCE * np.maximum(np.abs(a), np.abs(b)), np.bool_)


_ORDER: Mapping[str, Callable[[Any, Any], Any]] = {
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: (a < b) | _close(a, b),
    ">=": lambda a, b: (a > b) | _close(a, b),
    "==": _close,
    "!=": lambda a, b: a != b,
}


def plus(left: Column, right: Column) -> Column:
    """Add numbers, or join when either side is a text."""
    if left.is_numbers and right.is_numbers:
        return number_op(np.add)(left, right)
    return each(_joined, left, right)


def _joined(a: Any, b: Any) -> Any:
    return written(a) + written(b) if isinstance(a, str) or isinstance(b, str) else a + b


def written(value: object) -> str:
    """Return a value as it appears inside a text: a whole number without its point."""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value)


_FORMAT = re.compile(r"%(?P<flags>[-+ 0,#]*)(?P<width>\d{0,3})(?:\.(?P<digits>\d{1,3}))?(?P<type>[a-zA-Z%])")


def shape(spec: str, value: object) -> str:
    """Write one value in a Java-style format such as `d`, `.2f`, `%08.3f` or `%,d`.

    >>> shape(".2f", 3.14159), shape("%d", 101.0), shape("%,d", 1234567.0)
    ('3.14', '101', '1,234,567')
    """
    match = _FORMAT.fullmatch(spec if spec.startswith("%") else "%" + spec)
    if match is None:
        raise ValueError(spec)
    flags, kind = match["flags"], match["type"]
    align = "<" if "-" in flags else ">"
    if kind in "sS":
        text = written(value)[: int(match["digits"]) if match["digits"] else None]
        return format(text.upper() if kind == "S" else text, align + match["width"])
    number = float(value)  # type: ignore[arg-type]
    sign = "+" if "+" in flags else " " if " " in flags else ""
    zero = "0" if "0" in flags and align == ">" else ""
    head = (align if align == "<" else "") + sign + ("#" if "#" in flags else "") + zero + match["width"]
    comma = "," if "," in flags else ""
    if kind in "dxXo":
        return format(int(number), head + comma + kind)
    if kind in "feEgG":
        return format(number, f"{head}{comma}.{match['digits'] or 6}{kind}")
    raise ValueError(spec)


def check_format(spec: str) -> None:
    """Raise ValueError if the format is none we know."""
    match = _FORMAT.fullmatch(spec if spec.startswith("%") else "%" + spec)
    if match is None or match["type"] not in "sSdxXofeEgG":
        raise ValueError(spec)


def _format(template: Any, *values: Any) -> str:
    rest = iter(values)
    return _FORMAT.sub(lambda m: "%" if m["type"] == "%" else shape(m.group(), next(rest)), template)


def format_text(*columns: Column) -> Column:
    """`format("The result is %d", x)`: fill a template; a single shaped value is already written."""
    if len(columns) == 1:
        return each(written, *columns)
    return each(_format, *columns)


_STEP = re.compile(r"\.(?P<name>\w+)|\[(?P<place>-?\d+)\]|\['(?P<quoted>[^']*)'\]")


@lru_cache(maxsize=512)
def json_path(path: str) -> tuple[str | int, ...]:
    """Return the steps of a JSON path such as `$.values[1]`. Raises ValueError if it is none."""
    steps: list[str | int] = []
    place = 1
    if not path.startswith("$"):
        raise ValueError(path)
    while place < len(path):
        match = _STEP.match(path, place)
        if match is None:
            raise ValueError(path)
        steps.append(int(match["place"]) if match["place"] else (match["name"] or match["quoted"]))
        place = match.end()
    return tuple(steps)


def _json(text: Any, path: Any) -> float | str | None:
    found: Any = json.loads(text)
    for step in json_path(path):
        found = found[step]
    return float(found) if isinstance(found, bool | int | float) else found if isinstance(found, str) else None


def part_of(text: Any, *places: Any) -> str:
    """Return `text[start:stop:step]` with Python's meaning; a missing part comes as None."""
    if not isinstance(text, str):
        raise TypeError(text)
    start, stop, step = (None if place is None else whole(place) for place in places)
    return text[start:stop:step]


def char_of(text: Any, place: Any) -> str:
    """Return one character of a text."""
    if not isinstance(text, str):
        raise TypeError(text)
    return text[whole(place)]


def whole(value: float) -> int:
    """Return a number that must be whole as an integer."""
    if not float(value).is_integer():
        raise ValueError(value)
    return int(value)


def _numeric(rule: Callable[..., Any], count: int = 1) -> Function:
    return Function(number_op(rule), (Kind.NUMBER,), Kind.NUMBER, count, count)


def _comparison(op: str) -> Function:
    def run(left: Column, right: Column) -> Column:
        return compare(op, left, right)

    return Function(run, (Kind.ANY,), Kind.NUMBER, 2, 2)


def _text(rule: Callable[..., Any], count: int, gives: Kind = Kind.TEXT) -> Function:
    def run(*columns: Column) -> Column:
        return each(rule, *columns, text=gives != Kind.NUMBER)

    return Function(run, (Kind.TEXT,), gives, count, count)


def _join(*columns: Column) -> Column:
    return each(_joined_by, *columns)


def _joined_by(mark: str, *rest: Any) -> str:
    return mark.join(map(written, rest))


def _cot(x: Any) -> Any:
    return 1.0 / np.tan(x)


def _find(text: str, part: str) -> float:
    return text.find(part)


def _contains(text: str, part: str) -> bool:
    return part in text


def _is_nan(column: Column) -> Column:
    return Column(np.zeros(len(column.ok)), as_numbers(column).ok)


FUNCTIONS: Mapping[str, Function] = {
    **{
        name: _numeric(getattr(np, name))
        for name in ("abs", "cbrt", "ceil", "cos", "cosh", "exp", "expm1", "floor", "log", "log10", "log1p", "log2")
    },
    **{name: _numeric(getattr(np, name)) for name in ("sin", "sinh", "sqrt", "tan", "tanh")},
    **{name: _numeric(getattr(np, "arc" + name[1:])) for name in ("acos", "asin", "atan")},
    "cot": _numeric(_cot),
    "pow": _numeric(np.power, 2),
    "signum": _numeric(np.sign),
    "isnan": Function(_is_nan, (Kind.NUMBER,), Kind.NUMBER, 1, 1),
    "gt": _comparison(">"),
    "gte": _comparison(">="),
    "eq": _comparison("=="),
    "neq": _comparison("!="),
    "lt": _comparison("<"),
    "lte": _comparison("<="),
    "len": _text(len, 1, Kind.NUMBER),
    "find": _text(_find, 2, Kind.NUMBER),
    "contains": _text(_contains, 2, Kind.NUMBER),
    "upper": _text(str.upper, 1),
    "lower": _text(str.lower, 1),
    "jp": _text(_json, 2, Kind.ANY),
    "join": Function(_join, (Kind.TEXT, Kind.ANY), Kind.TEXT, 1, 64),
    "format": Function(format_text, (Kind.ANY,), Kind.TEXT, 1, 32),
}
