"""Small expressions in process definitions (`'high' if proposal.cost > 100 else 'low'`): names, numbers, comparisons, no calls.

What is not there is nothing (None); comparing with nothing is false. No attribute of a Python object is ever reached: names
and dots walk through plain data only.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Collection, Mapping
from typing import Any

from lineshaft.core import FormulaError, did_you_mean

WORDS: Mapping[str, Any] = {"low": "low", "high": "high", "true": True, "false": False, "none": None}
"""Names every expression knows."""

_LONGEST = 500
_COMPARE: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
}
_COUNT: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


class Expression:
    """A checked expression.

    >>> Expression("high if proposal.cost > 100 else low").value({"proposal": {"cost": 147.0}})
    'high'
    """

    def __init__(self, text: str, known: Collection[str] | None = None) -> None:
        self.text = text
        if len(text) > _LONGEST:
            raise FormulaError(f"an expression has at most {_LONGEST} characters")
        try:
            self._body = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise FormulaError(f"'{text}' is not an expression", position=getattr(error, "offset", 0) or 0) from None
        self._check(self._body, known)

    def value(self, names: Mapping[str, Any]) -> Any:
        """Return what the expression says for these names."""
        return self._of(self._body, names)

    def _check(self, node: ast.expr, known: Collection[str] | None) -> None:
        for part in ast.walk(node):
            if not isinstance(part, _ALLOWED):
                raise FormulaError(
                    f"'{type(part).__name__.lower()}' cannot stand in an expression",
                    position=getattr(part, "col_offset", 0),
                    hint="names, numbers, texts, + - * /, comparisons, and, or, not, if ... else",
                )
            if isinstance(part, ast.Attribute) and part.attr.startswith("_"):
                raise FormulaError(f"'{part.attr}' is not a name", position=part.col_offset)
            if isinstance(part, ast.Name) and known is not None and part.id not in known and part.id not in WORDS:
                names = [*known, *WORDS]
                raise FormulaError(f"'{part.id}' is not known here", position=part.col_offset, hint=did_you_mean(part.id, names))

    def _of(self, node: ast.expr, names: Mapping[str, Any]) -> Any:  # noqa: PLR0911 - one a kind of node
        match node:
            case ast.Constant():
                return node.value
            case ast.Name():
                return names[node.id] if node.id in names else WORDS.get(node.id)
            case ast.Attribute():
                inner = self._of(node.value, names)
                return inner.get(node.attr) if isinstance(inner, Mapping) else None
            case ast.IfExp():
                return self._of(node.body if self._of(node.test, names) else node.orelse, names)
            case ast.Compare():
                return self._compare(node, names)
            case ast.BoolOp():
                gate = all if isinstance(node.op, ast.And) else any
                return gate(self._of(part, names) for part in node.values)
            case ast.UnaryOp():
                inner = self._of(node.operand, names)
                return not inner if isinstance(node.op, ast.Not) else (-inner if _is_number(inner) else None)
            case ast.BinOp():
                return _count(node.op, self._of(node.left, names), self._of(node.right, names))
            case ast.List() | ast.Tuple():
                return [self._of(part, names) for part in node.elts]
            case _:
                raise FormulaError(f"'{self.text}' cannot be computed")

    def _compare(self, node: ast.Compare, names: Mapping[str, Any]) -> bool:
        left = self._of(node.left, names)
        for sign, part in zip(node.ops, node.comparators, strict=True):
            right = self._of(part, names)
            try:
                if not _COMPARE[type(sign)](left, right):
                    return False
            except TypeError:
                return False
            left = right
        return True


_ALLOWED = (
    ast.Constant, ast.Name, ast.Load, ast.Attribute, ast.IfExp, ast.Compare, ast.cmpop, ast.BoolOp, ast.boolop,
    ast.UnaryOp, ast.Not, ast.USub, ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.List, ast.Tuple,
)  # fmt: skip


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _count(sign: ast.operator, left: Any, right: Any) -> Any:
    if not _is_number(left) or not _is_number(right) or (isinstance(sign, ast.Div) and right == 0):
        return None
    return _COUNT[type(sign)](left, right)
