"""Checks a formula when it is defined: unknown names, wrong arguments, texts where numbers are needed, misplaced functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from lineshaft.compute.formula.dates import zone
from lineshaft.compute.formula.evaluate import COMPARISONS, CONSTANTS, ROW_FUNCTIONS
from lineshaft.compute.formula.functions import Function, Kind, check_format, json_path
from lineshaft.compute.formula.nodes import Binary, Call, Index, Name, Node, Number, Shaped, Slice, Text, Unary, walk
from lineshaft.compute.formula.windowed import AGGREGATES, TEMPORAL, WINDOWED
from lineshaft.core import DataType, FormulaError, did_you_mean

Use = Literal["transform", "metric", "any"]
_CONTEXT = {"if": (2, 3), "now": (0, 0), "timestamp": (0, 1), "pretrigger": (1, 1)}
_ARGUMENTS = {"timeweightedavg": (1, 2), "timeweightedstdev": (1, 2), "increase": (1, 2)}
COMPARING = frozenset({"lt", "gt", "lte", "gte", "eq", "neq"})
_OPTIONS = {"timeweightedavg": ("locf", "linear"), "timeweightedstdev": ("f", "p")}
_KNOWN = sorted({*ROW_FUNCTIONS, *_CONTEXT, *WINDOWED})


def known_functions() -> list[str]:
    """Return the name of every function of the language."""
    return list(_KNOWN)


@dataclass(frozen=True, slots=True)
class Checker:
    """Knows the variables with their types, the pooled ones, what the formula is for, and whether it must have an answer."""

    variables: Mapping[str, DataType | None]
    pooled: frozenset[str]
    use: Use
    strict: bool = False

    def result(self, root: Node) -> Kind:
        """Return what the whole formula gives."""
        kind = self.kind(root)
        if kind == Kind.MOMENT:
            raise FormulaError("a local time cannot be stored", position=root.at, hint="take a part of it: .hour(), .wday() ...")
        return kind

    def kind(self, node: Node) -> Kind:
        """Return what the node gives. Raises FormulaError at the first thing that cannot work."""
        match node:
            case Number():
                return Kind.NUMBER
            case Text():
                return Kind.TEXT
            case Name():
                return self._name(node)
            case Unary():
                inside = self.kind(node.operand)
                return Kind.NUMBER if node.op == "not" else self._number(inside, node.operand, f"'{node.op}'")
            case Binary():
                return self._binary(node)
            case Call():
                return self._call(node)
            case Index() | Slice():
                return self._part(node)
            case Shaped():
                self.kind(node.of)
                _try(check_format, node.spec, node.at, f"'{node.spec}' is not a format", 'for example "d", ".2f", "s"')
                return Kind.TEXT

    def _name(self, node: Name) -> Kind:
        if node.name in self.variables:
            data = self.variables[node.name]
            if data is None:
                return Kind.ANY
            return Kind.TEXT if data in (DataType.STRING, DataType.JSON) else Kind.NUMBER
        if node.name.lower() in CONSTANTS:
            return Kind.ANY if node.name.lower() == "none" else Kind.NUMBER
        hint = did_you_mean(node.name, [*self.variables, *CONSTANTS])
        raise FormulaError(f"there is no variable '{node.name}'", position=node.at, hint=hint)

    def _number(self, kind: Kind, node: Node, what: str) -> Kind:
        if kind in (Kind.TEXT, Kind.MOMENT):
            raise FormulaError(f"{what} needs a number, this is {kind}", position=node.at)
        return Kind.NUMBER

    def _binary(self, node: Binary) -> Kind:
        left, right = self.kind(node.left), self.kind(node.right)
        for kind, side in ((left, node.left), (right, node.right)):
            if kind == Kind.MOMENT:
                raise FormulaError(
                    "a local time can only be asked for its parts", position=side.at, hint="add .hour(), .wday() ..."
                )
        if node.op in ("and", "or"):
            self._true_or_false(node.op, (left, node.left), (right, node.right))
            return right if right == Kind.NUMBER else Kind.ANY
        if node.op in COMPARISONS:
            self._alike(f"'{node.op}'", (left, node.left), (right, node.right))
            return Kind.NUMBER
        if node.op == "+" and Kind.TEXT in (left, right):
            return Kind.TEXT
        if node.op == "+" and Kind.ANY in (left, right):
            return Kind.ANY
        self._number(left, node.left, f"'{node.op}'")
        return self._number(right, node.right, f"'{node.op}'")

    def _alike(self, what: str, left: tuple[Kind, Node], right: tuple[Kind, Node]) -> None:
        """Refuse, where the formula must have an answer, a number beside a text: they never compare."""
        if self.strict and {left[0], right[0]} == {Kind.NUMBER, Kind.TEXT}:
            text, number = (left, right) if left[0] == Kind.TEXT else (right, left)
            hint = _text_or_number(text[1], number[1])
            raise FormulaError(f"{what} compares a text with a number, which has no answer", position=right[1].at, hint=hint)

    def _true_or_false(self, op: str, *sides: tuple[Kind, Node]) -> None:
        for kind, side in sides:
            if self.strict and kind == Kind.TEXT:
                named = side.name if isinstance(side, Name) else "it"
                hint = f"compare {named} with something: {named} == 'MANUAL'"
                raise FormulaError(f"'{op}' joins conditions, this is a text", position=side.at, hint=hint)

    def _part(self, node: Index | Slice) -> Kind:
        of = self.kind(node.of)
        if of in (Kind.NUMBER, Kind.MOMENT):
            raise FormulaError(f"'[...]' takes a part of a text, this is {of}", position=node.of.at)
        places = (node.index,) if isinstance(node, Index) else tuple(part for part in node.parts if part is not None)
        for place in places:
            self._number(self.kind(place), place, "a place in a text")
        return Kind.TEXT

    def _call(self, node: Call) -> Kind:
        function = ROW_FUNCTIONS.get(node.name)
        if function is not None:
            return self._row_function(node, function)
        if node.name in WINDOWED:
            return self._windowed(node)
        if node.name not in _CONTEXT:
            raise FormulaError(f"there is no function '{node.name}'", position=node.at, hint=did_you_mean(node.name, _KNOWN))
        _count(node, *_CONTEXT[node.name])
        if node.name == "if":
            return self._choice(node)
        return self._contextual(node)

    def _choice(self, node: Call) -> Kind:
        self._number(self.kind(node.args[0]), node.args[0], "the condition of if()")
        kinds = {self.kind(arg) for arg in node.args[1:] if not (isinstance(arg, Name) and arg.name.lower() == "none")}
        if Kind.MOMENT in kinds:
            raise FormulaError("if() chooses between numbers and texts, not local times", position=node.at)
        return kinds.pop() if len(kinds) == 1 else Kind.ANY

    def _contextual(self, node: Call) -> Kind:
        if node.name == "now" or not node.args:
            return Kind.NUMBER
        if self.use == "metric":
            hint = "in a metric timestamp() is the end of the window"
            raise FormulaError(f"{node.name}(x) works in transforms only", position=node.at, hint=hint)
        inside = node.args[0]
        if isinstance(inside, Call) and inside.name == "pretrigger" and node.name == "timestamp":
            inside = inside.args[0] if inside.args else inside
        if not isinstance(inside, Name) or inside.name not in self.variables:
            raise FormulaError(f"{node.name}() takes a variable", position=node.args[0].at)
        return self._name(inside) if node.name == "pretrigger" else Kind.NUMBER

    def _row_function(self, node: Call, function: Function) -> Kind:
        _count(node, function.least, function.most)
        for place, arg in enumerate(node.args):
            wanted = function.takes[min(place, len(function.takes) - 1)]
            given = self.kind(arg)
            allowed = {wanted, Kind.ANY} if wanted in (Kind.NUMBER, Kind.TEXT) else {Kind.NUMBER, Kind.TEXT, Kind.ANY}
            if given not in ({Kind.MOMENT} if wanted == Kind.MOMENT else allowed):
                hint = "write localtime(seconds, 'Europe/Berlin')" if wanted == Kind.MOMENT else ""
                raise FormulaError(f"{node.name}() takes {wanted} here, this is {given}", position=arg.at, hint=hint)
        if node.name in COMPARING:
            left, right = node.args
            self._alike(f"{node.name}()", (self.kind(left), left), (self.kind(right), right))
        _literals(node)
        return function.gives

    def _windowed(self, node: Call) -> Kind:
        if self.use == "transform":
            hint = "make the property a metric with a window"
            raise FormulaError(f"{node.name}() works over a window, a transform has none", position=node.at, hint=hint)
        least, most = _ARGUMENTS.get(node.name, (1, 10 if node.name in AGGREGATES else 1))
        _count(node, least, most)
        kinds = [self._argument(node, arg, place) for place, arg in enumerate(node.args)]
        return kinds[0] if node.name in ("first", "last", "earliest", "latest") else Kind.NUMBER

    def _argument(self, node: Call, arg: Node, place: int) -> Kind:
        if place == 1 and node.name in _OPTIONS:
            choices = _OPTIONS[node.name]
            if not (isinstance(arg, Text) and arg.value.lower() in choices):
                raise FormulaError(f"{node.name}() takes '{choices[0]}' or '{choices[1]}' here", position=arg.at)
            return Kind.TEXT
        kind = self.kind(arg)
        if kind == Kind.MOMENT or (kind == Kind.TEXT and node.name not in ("count", "first", "last", "earliest", "latest")):
            raise FormulaError(f"{node.name}() takes a number, this is {kind}", position=arg.at)
        if place == 0 or node.name in AGGREGATES:
            self._one_variable(node, arg)
        return kind

    def _one_variable(self, node: Call, arg: Node) -> None:
        names = {part.name for part in walk(arg) if isinstance(part, Name) and part.name in self.variables}
        inner = [part for part in walk(arg) if isinstance(part, Call) and part.name in WINDOWED]
        if node.name in TEMPORAL:
            if inner:
                raise FormulaError(f"{node.name}() looks at points, not at the result of {inner[0].name}()", position=inner[0].at)
            if pooled := names & self.pooled:
                raise FormulaError(
                    f"{node.name}() takes a property of this asset; '{pooled.pop()}' pools the children", position=arg.at
                )
            if not names:
                raise FormulaError(f"{node.name}() takes an expression of one variable", position=arg.at)
        if len(names) > 1 and not inner:
            raise FormulaError(
                f"{node.name}() takes one variable per argument, here are {', '.join(sorted(names))}",
                position=arg.at,
                hint="compute the combination in a transform first",
            )


def _text_or_number(text: Node, number: Node) -> str:
    """Return how to mend a comparison of the two: a number in quotes is no number, a text without quotes no text."""
    if isinstance(text, Text):
        return f"write {text.value} without quotes" if _is_number(text.value) else "a number compares with a number"
    if isinstance(number, Number):
        return f"a text stands in quotes: '{number.value:g}'"
    return "compare the text with a text in quotes, the number with a number"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _count(node: Call, least: int, most: int) -> None:
    if not least <= len(node.args) <= most:
        wanted = str(least) if least == most else f"{least} to {most}"
        raise FormulaError(f"{node.name}() takes {wanted} arguments, here are {len(node.args)}", position=node.at)


def _literals(node: Call) -> None:
    """Refuse zones and JSON paths that are written out and cannot work."""
    if node.name == "localtime" and len(node.args) == 2 and isinstance(node.args[1], Text):
        arg = node.args[1]
        _try(zone, arg.value, arg.at, f"'{arg.value}' is not a time zone", "for example 'Europe/Berlin', 'UTC+1', 'Z'")
    if node.name == "jp":
        path = node.args[1]
        if not isinstance(path, Text):
            raise FormulaError("jp() takes its path as a text in quotes", position=path.at, hint="for example '$.status'")
        _try(json_path, path.value, path.at, f"'{path.value}' is not a path in a JSON value", "for example '$.values[1]'")


def _try(rule: object, value: str, at: int, what: str, hint: str) -> None:
    try:
        rule(value)  # type: ignore[operator]
    except ValueError as error:
        raise FormulaError(what, position=at, hint=hint) from error
