"""What a formula is made of once it has been read: small frozen nodes that remember where they stood in the text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Number:
    """A number as written."""

    value: float
    at: int


@dataclass(frozen=True, slots=True)
class Text:
    """A quoted text, its doubled quotes undone."""

    value: str
    at: int


@dataclass(frozen=True, slots=True)
class Name:
    """A variable or, where no variable has the name, a constant."""

    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Unary:
    """`-x`, `+x` or `not x`."""

    op: str
    operand: Node
    at: int


@dataclass(frozen=True, slots=True)
class Binary:
    """Two operands and what stands between them."""

    op: str
    left: Node
    right: Node
    at: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments; `x.f(y)` is read as `f(x, y)`. The name is lower case."""

    name: str
    args: tuple[Node, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Index:
    """One character of a text: `s[i]`."""

    of: Node
    index: Node
    at: int


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of a text: `s[start:stop:step]`, each of them optional."""

    of: Node
    parts: tuple[Node | None, Node | None, Node | None]
    at: int


@dataclass(frozen=True, slots=True)
class Shaped:
    """A value with the format it is to be written in: `x: ".2f"` inside `format()` or an f-string."""

    of: Node
    spec: str
    at: int


Node = Number | Text | Name | Unary | Binary | Call | Index | Slice | Shaped


def parts(node: Node) -> tuple[Node, ...]:
    """Return the nodes directly inside a node."""
    match node:
        case Unary():
            return (node.operand,)
        case Binary():
            return (node.left, node.right)
        case Call():
            return node.args
        case Index():
            return (node.of, node.index)
        case Slice():
            return (node.of, *(part for part in node.parts if part is not None))
        case Shaped():
            return (node.of,)
        case _:
            return ()


def walk(node: Node) -> Iterator[Node]:
    """Yield the node and everything inside it."""
    stack = [node]
    while stack:
        here = stack.pop()
        yield here
        stack.extend(reversed(parts(here)))
