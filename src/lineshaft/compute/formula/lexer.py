"""The words of a formula with their places: numbers, texts, f-texts, names and operators."""

from __future__ import annotations

import re
from typing import NamedTuple

from lineshaft.core import FormulaError

LONGEST = 4096
"""Characters a formula may have."""

_WORD = re.compile(
    r"""(?P<fs>[fF](?:'(?:[^']|'')*'|"(?:[^"]|"")*"))
      | (?P<num>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
      | (?P<str>'(?:[^']|'')*'|"(?:[^"]|"")*")
      | (?P<id>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<op><=|>=|==|!=|[-+*/^%<>!()\[\],:.])""",
    re.VERBOSE,
)
_WORD_OPERATORS = frozenset({"and", "or", "not"})
_SPACE = re.compile(r"\s*")


class Token(NamedTuple):
    """One word: its kind (num, str, fs, id, op, end), its text and its offset in the formula."""

    kind: str
    text: str
    at: int


def words(source: str, base: int = 0) -> list[Token]:
    """Return the words of a formula, closed by an `end` word. `base` is added to every place."""
    if len(source) > LONGEST:
        raise FormulaError(f"a formula has at most {LONGEST} characters, this one has {len(source)}", position=LONGEST)
    found: list[Token] = []
    place = _skip(source, 0)
    while place < len(source):
        match = _WORD.match(source, place)
        if match is None:
            raise _stranger(source, place, base)
        kind = str(match.lastgroup)
        text = match.group()
        if kind == "id" and text.lower() in _WORD_OPERATORS:
            kind, text = "op", text.lower()
        found.append(Token(kind, text, base + place))
        place = _skip(source, match.end())
    found.append(Token("end", "", base + len(source)))
    return found


def unquoted(text: str) -> str:
    """Return the content of a quoted word: the doubled quote is the only escape."""
    return text[1:-1].replace(text[0] * 2, text[0])


def _skip(source: str, place: int) -> int:
    match = _SPACE.match(source, place)
    return match.end() if match else place


def _stranger(source: str, place: int, base: int) -> FormulaError:
    char = source[place]
    if char in "'\"":
        return FormulaError("this text is not closed", position=base + place, hint=f"end it with {char}")
    hint = {"&": "write 'and'", "|": "write 'or'", "=": "write '==' to compare"}.get(char, "")
    return FormulaError(f"{char!r} is not part of the formula language", position=base + place, hint=hint)
