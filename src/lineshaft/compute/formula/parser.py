"""Reads a formula: precedence from loose to tight is or, and, not, equality, order, + -, * / %, sign, ^, call and index."""

from __future__ import annotations

import re
from dataclasses import replace

from lineshaft.compute.formula.lexer import Token, unquoted, words
from lineshaft.compute.formula.nodes import Binary, Call, Index, Name, Node, Number, Shaped, Slice, Text, Unary, parts
from lineshaft.core import FormulaError

DEEPEST = 60
"""Levels a formula may be nested."""

_BINDING = {"or": 1, "and": 2, "==": 4, "!=": 4, "<": 5, ">": 5, "<=": 5, ">=": 5, "+": 6, "-": 6, "*": 7, "/": 7, "%": 7, "^": 9}
_SIGN, _NOT = 8, 3
_PIECE = re.compile(r"\{([^{}]*)\}")
_SHAPE = re.compile(r"(.*):\s*([\"'])([^\"']*)\2\s*$", re.DOTALL)


def read(source: str) -> Node:
    """Return the tree of a formula. Raises FormulaError with the position of the first thing that does not fit."""
    root = _Reader(words(source)).whole()
    _refuse_deep(root)
    return root


class _Reader:
    """One pass over the words of a formula, each operator binding as tightly as its number says."""

    def __init__(self, tokens: list[Token], depth: int = 0) -> None:
        self._tokens = tokens
        self._next = 0
        self._depth = depth

    def whole(self) -> Node:
        """Read to the end."""
        node = self._expression(0)
        rest = self._peek()
        if rest.kind != "end":
            raise FormulaError(f"an operator is expected before '{rest.text}'", position=rest.at)
        return node

    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        token = self._tokens[self._next]
        self._next = min(self._next + 1, len(self._tokens) - 1)
        return token

    def _is(self, text: str) -> bool:
        token = self._peek()
        return token.kind == "op" and token.text == text

    def _expect(self, text: str) -> Token:
        if not self._is(text):
            token = self._peek()
            found = f"'{token.text}'" if token.text else "the end of the formula"
            raise FormulaError(f"'{text}' is expected, not {found}", position=token.at)
        return self._take()

    def _expression(self, binding: int) -> Node:
        self._depth += 1
        if self._depth > DEEPEST:
            raise FormulaError(f"the formula is nested more than {DEEPEST} deep", position=self._peek().at)
        left = self._first()
        while True:
            token = self._peek()
            if token.kind != "op":
                break
            if token.text in ".[":
                left = self._method(left) if token.text == "." else self._bracket(left)
            elif _BINDING.get(token.text, 0) > binding:
                self._take()
                right = self._expression(_BINDING[token.text] - (token.text == "^"))
                left = Binary(token.text, left, right, token.at)
            else:
                break
        self._depth -= 1
        return left

    def _first(self) -> Node:
        kind, text, at = self._take()
        match kind, text:
            case "num", _:
                return Number(float(text), at)
            case "str", _:
                return Text(unquoted(text), at)
            case "fs", _:
                return self._filled(text, at)
            case "id", _:
                return Call(text.lower(), self._arguments(), at) if self._is("(") else Name(text, at)
            case "op", "(":
                inside = self._expression(0)
                self._expect(")")
                return inside
            case "op", ("-" | "+"):
                return Unary(text, self._expression(_SIGN), at)
            case "op", ("!" | "not"):
                return Unary("not", self._expression(_SIGN if text == "!" else _NOT), at)
            case "end", _:
                raise FormulaError("the formula ends where a value is expected", position=at)
            case _:
                raise FormulaError(f"a value is expected, not '{text}'", position=at)

    def _arguments(self) -> tuple[Node, ...]:
        self._expect("(")
        args: list[Node] = []
        while not self._is(")"):
            if args:
                self._expect(",")
            args.append(self._shaped(self._expression(0)))
        self._take()
        return tuple(args)

    def _shaped(self, node: Node) -> Node:
        if not self._is(":"):
            return node
        at = self._take().at
        spec = self._take()
        if spec.kind != "str":
            raise FormulaError("a format in quotes is expected after ':'", position=spec.at, hint='for example x: ".2f"')
        return Shaped(node, unquoted(spec.text), at)

    def _method(self, of: Node) -> Node:
        at = self._take().at
        name = self._take()
        if name.kind != "id":
            raise FormulaError("a function name is expected after '.'", position=name.at)
        args = self._arguments()
        if name.text.lower() != "elif":
            return Call(name.text.lower(), (of, *args), name.at)
        return _with_else(of, Call("if", args, name.at), at)

    def _bracket(self, of: Node) -> Node:
        at = self._take().at
        found: list[Node | None] = [None]
        colons = 0
        while not self._is("]"):
            if self._is(":"):
                self._take()
                colons += 1
                found.append(None)
                continue
            if found[-1] is not None or colons > 2:
                raise FormulaError("']' is expected", position=self._peek().at)
            found[-1] = self._expression(0)
        self._take()
        first, second, third = [*found, None, None][:3]
        if colons:
            return Slice(of, (first, second, third), at)
        if first is None:
            raise FormulaError("a place in the text is expected between '[' and ']'", position=at)
        return Index(of, first, at)

    def _filled(self, text: str, at: int) -> Node:
        """Read an f-text: `f'a{x: ".1f"}b'` joins its pieces."""
        body = text[2:-1]
        pieces: list[Node] = [Text("", at)]
        done = 0
        for match in _PIECE.finditer(body):
            pieces.append(Text(body[done : match.start()], at))
            done = match.end()
            shape = _SHAPE.match(match.group(1))
            inner = shape.group(1) if shape else match.group(1)
            node = _Reader(words(inner, at + 2 + match.start(1)), self._depth).whole()
            pieces.append(Shaped(node, shape.group(3), node.at) if shape else node)
        return Call("join", (*pieces, Text(body[done:], at)), at)


def _with_else(of: Node, other: Call, at: int) -> Node:
    """Hang `.elif(...)` into the place of the missing else of an `if(...)`."""
    if not (isinstance(of, Call) and of.name == "if" and len(of.args) >= 2):
        raise FormulaError(".elif() can only follow if(condition, value)", position=at)
    if len(of.args) == 2:
        return replace(of, args=(*of.args, other))
    return replace(of, args=(*of.args[:2], _with_else(of.args[2], other, at)))


def _refuse_deep(root: Node) -> None:
    """Refuse chains (`a + b + c ...`) whose tree is too deep to be walked safely."""
    level: list[Node] = [root]
    for _ in range(DEEPEST * 3):
        level = [part for node in level for part in parts(node)]
        if not level:
            return
    raise FormulaError("the formula has too many steps in one chain", position=level[0].at, hint="split it into transforms")
