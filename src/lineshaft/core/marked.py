"""YAML that people write: every value knows its file and line, and what we write back has one canonical form.

Read by the core schema of YAML 1.2: only `true` and `false` are booleans, `06:00` and `2026-12-25` stay text, and a key is
always text. Anchors, aliases and repeated keys are refused. The canonical form: keys in the given order, two blanks a level,
a mapping of plain values in `{...}` where it fits in 130 columns, text in double quotes only where it must be.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from lineshaft.core.errors import ConfigError, did_you_mean
from lineshaft.core.settings import fields_at

M = TypeVar("M", bound=BaseModel)
Step = str | int
_WIDTH = 130
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)$")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?$|[-+]?\.inf$|\.nan$")
_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None, "~": None, "": None}
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_ ./()+*%=<>;'!?^&$°²³-]*$")
_ELSEWHERE = frozenset({"yes", "no", "on", "off", "y", "n", "true", "false", "null"})


if TYPE_CHECKING:
    _Base = yaml.SafeLoader
else:
    _Base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):
    """Splits YAML into nodes; what a plain word means is decided here, not by the tables of YAML 1.1."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own protocol


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a file somebody wrote: where (file:line), what, and how to mend it."""

    where: str
    what: str
    hint: str = ""

    def __str__(self) -> str:
        """Return `models/pump.yaml:4: what - hint`."""
        return f"{self.where}: {self.what}" + (f" - {self.hint}" if self.hint else "")


@dataclass(frozen=True)
class Marked:
    """The data of one YAML file together with the line of every value."""

    file: str
    text: str
    data: Any
    lines: Mapping[tuple[Step, ...], int] = field(default_factory=dict[tuple[Step, ...], int])

    def where(self, *path: Step) -> str:
        """Return `file:line` of the value at `path`, or of its nearest parent."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.lines:
                return f"{self.file}:{self.lines[path[:end]]}"
        return self.file


def read_marked(path: Path, name: str = "") -> Marked:
    """Read a YAML file; `name` is what messages call it. Raises ConfigError with file and line."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"this file cannot be read: {error}", where=name or str(path)) from None
    return parse_marked(text, name or str(path))


def parse_marked(text: str, name: str) -> Marked:
    """Parse YAML text; `name` is what messages call its file. Raises ConfigError with file and line."""
    try:
        node = yaml.compose(text, Loader=_Loader)
        lines: dict[tuple[Step, ...], int] = {}
        data = None if node is None else _Builder(name, lines).build(node, ())
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or str(error)
        place = f"{name}:{mark.line + 1}" if mark else name
        raise ConfigError(f"this is not YAML: {what}", where=place, hint="check the indentation, quotes and brackets") from None
    except RecursionError:
        raise ConfigError("this file is nested too deeply", where=name) from None
    return Marked(name, text, data, lines)


class _Builder:
    """Turns nodes into plain data and notes the line of each."""

    def __init__(self, name: str, lines: dict[tuple[Step, ...], int]) -> None:
        self.name, self.lines = name, lines
        self.seen: set[int] = set()

    def build(self, node: Any, path: tuple[Step, ...]) -> Any:
        place = f"{self.name}:{node.start_mark.line + 1}"
        if id(node) in self.seen:
            raise ConfigError(
                "anchors and aliases are not taken here", where=place, hint="write the value out where it is needed"
            )
        self.seen.add(id(node))
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.ScalarNode):
            return node.value if node.style else plain(str(node.value))
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*path, number)) for number, item in enumerate(node.value)]
        return self._mapping(node, path)

    def _mapping(self, node: Any, path: tuple[Step, ...]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            place = f"{self.name}:{key_node.start_mark.line + 1}"
            if not isinstance(key_node, yaml.ScalarNode):
                raise ConfigError("a key must be a word", where=place, hint='put the whole text in quotes: "{...}"')
            key = str(key_node.value)
            if key in result:
                raise ConfigError(f"'{key}' is here twice", where=place, hint="remove one of the two")
            self.lines[(*path, key)] = key_node.start_mark.line + 1
            result[key] = self.build(value_node, (*path, key))
        return result


def plain(word: str) -> Any:
    """Return what an unquoted word means in our YAML."""
    if word in _WORDS:
        return _WORDS[word]
    if _INT.match(word):
        return int(word)
    return float(word.replace(".inf", "inf").replace(".nan", "nan")) if _FLOAT.match(word) else word


def fit(document: Marked, model: type[M], value: object, *path: Step) -> tuple[M | None, list[Problem]]:
    """Fit the value at `path` into a model: the model, or every problem with its line and the nearest known name."""
    if not isinstance(value, dict):
        return None, [
            Problem(document.where(*path), f"a mapping of {', '.join(list(model.model_fields)[:3])} ... is expected here")
        ]
    try:
        return model.model_validate(value), []
    except ValidationError as error:
        found = {_real(document, one, path): one for one in reversed(error.errors())}
        deepest = [at for at in reversed(found) if not any(len(other) > len(at) and other[: len(at)] == at for other in found)]
        return None, [_problem(document, model, found[at], path, at) for at in deepest]


def _real(document: Marked, error: ErrorDetails, path: tuple[Step, ...]) -> tuple[Step, ...]:
    """Return the place of an error in the text: pydantic also names the shapes it tried for a value that may have several."""
    real = path
    for step in error["loc"]:
        if (*real, step) in document.lines:
            real = (*real, step)
    return (*real, error["loc"][-1]) if error["type"] == "missing" else real


def _problem(
    document: Marked, model: type[BaseModel], error: ErrorDetails, path: tuple[Step, ...], real: tuple[Step, ...]
) -> Problem:
    place = document.where(*real)
    word = real[-1] if len(real) > len(path) and isinstance(real[-1], str) else ""
    if error["type"] == "extra_forbidden":
        return Problem(place, f"'{word}' is not known here", did_you_mean(word, fields_at(model, error)))
    if error["type"] == "missing":
        return Problem(place, f"'{word}' is missing")
    what, _, hint = error["msg"].removeprefix("Value error, ").partition(" - ")
    return Problem(place, f"{word}: {what}" if word else what, hint)


def dump_marked(data: Mapping[str, Any]) -> str:
    """Return data as YAML in the canonical form."""
    return "\n".join(_block(data, 0)) + "\n"


def _block(value: Mapping[Any, Any] | Sequence[Any], indent: int) -> Iterable[str]:
    pad = " " * indent
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _entry(f"{pad}{_key(key)}:", item, indent)
        return
    for item in value:
        line = f"{pad}- {_written(item)}"
        if not isinstance(item, Mapping | list) or not item or (_flat(item, 3) and len(line) <= _WIDTH):
            yield line
            continue
        first, *rest = _block(item, indent + 2)
        yield f"{pad}- {first.lstrip()}"
        yield from rest


def _entry(head: str, item: Any, indent: int) -> Iterable[str]:
    line = f"{head} {_written(item)}"
    if not isinstance(item, Mapping | list) or not item or (_flat(item, 3) and len(line) <= _WIDTH):
        yield line
    else:
        yield head
        yield from _block(cast("Mapping[Any, Any]", item), indent + 2)


def _flat(value: Any, depth: int) -> bool:
    """Say whether the value reads well on one line: no list of mappings, at most `depth` levels of brackets."""
    if isinstance(value, Mapping):
        return depth > 0 and all(_flat(item, depth - 1) for item in cast("Mapping[Any, Any]", value).values())
    if isinstance(value, list):
        items = cast("list[Any]", value)
        return depth > 0 and not any(isinstance(i, Mapping) for i in items) and all(_flat(i, depth - 1) for i in items)
    return True


def _written(value: Any) -> str:
    """Return a value as it stands at the end of a line: there, text may hold commas without quotes."""
    bare = isinstance(value, str) and ", " in value and not value.endswith(",")
    return str(value) if bare and _scalar(value.replace(",", "")) == value.replace(",", "") else _flow(value)


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(k)}: {_flow(v)}" for k, v in cast("Mapping[Any, Any]", value).items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(item) for item in cast("list[Any]", value)) + "]"
    return _scalar(value)


def _key(key: Any) -> str:
    word = str(key)
    return word if word.isdecimal() and word.isascii() else _scalar(word)


def _scalar(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return re.sub(r"^(-?)(inf|nan)$", r"\1.\2", repr(value))
    word = str(value)
    if _PLAIN.match(word) and word == word.strip() and isinstance(plain(word), str) and word.lower() not in _ELSEWHERE:
        return word
    return '"' + "".join(_quoted(letter) for letter in word) + '"'


def _quoted(letter: str) -> str:
    if letter in '"\\':
        return "\\" + letter
    if letter.isprintable():
        return letter
    return {"\n": "\\n", "\t": "\\t"}.get(letter) or f"\\U{ord(letter):08x}"
