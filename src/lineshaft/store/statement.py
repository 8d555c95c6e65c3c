"""One SQL statement, read by DuckDB's own parser before anything runs: it may only select, and only from what we offer."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import duckdb

from lineshaft.core import InvalidInput, did_you_mean

LONGEST = 100_000
"""Characters a statement may have."""

Node = dict[str, Any]
_NOWHERE = 1 << 62
_TABLE_FUNCTIONS = frozenset({"range", "generate_series", "unnest", "generate_subscripts", "repeat", "repeat_row", "json_each"})
_REFS = frozenset({"BASE_TABLE", "SUBQUERY", "JOIN", "EXPRESSION_LIST", "EMPTY", "PIVOT", "COLUMN_DATA", "CTE"})
_CLOSED = frozenset({"getenv", "getvariable", "current_setting", "nextval", "currval", "write_log", "pg_sleep"})
_DEEP = "Max expression depth"
_MAKERS = frozenset(
    {"range", "generate_series", "list_resize", "array_resize", "bar", "printf", "format", "lpad", "rpad", "repeat"}
)
"""One call of these makes a value of many gigabytes, which neither the engine's limit of memory nor its clock stops."""
_COUNTED = frozenset({"lpad", "rpad", "repeat"})
_LONGEST_VALUE = 10_000
"""These may be called with a number in the statement up to this; nested or with a computed number they are refused."""
_HINT = "send one statement that begins with SELECT or WITH"


class SqlError(InvalidInput):
    """A statement cannot be answered; `position` is the 0-based character it is about, if one is known."""

    code = "sql.invalid"

    def __init__(self, what: str, *, position: int | None = None, sql: str = "", hint: str = "", code: str = "") -> None:
        place, where = ({}, "") if position is None or not sql else _place(sql, position)
        super().__init__(what, where=where, hint=hint, code=code, details=place)
        self.position = position


class Reference(NamedTuple):
    """A table a statement names, and where in the text."""

    name: str
    position: int


class Statement:
    """A checked statement: its text, its tree, and the tables it names."""

    def __init__(self, sql: str, tree: Node, tables: tuple[Reference, ...]) -> None:
        self.sql = sql
        self.tree = tree
        self.tables = tables

    @property
    def names(self) -> frozenset[str]:
        """The tables it names."""
        return frozenset(one.name for one in self.tables)


def parse(engine: duckdb.DuckDBPyConnection, sql: str, known: Iterable[str]) -> Statement:
    """Return the statement. Raises SqlError unless it is one SELECT over known tables, without functions that reach out."""
    text = sql.rstrip().rstrip(";").rstrip()
    if not text.strip():
        raise SqlError("there is no statement", hint=_HINT)
    if len(text) > LONGEST:
        raise SqlError(f"a statement has at most {LONGEST:,} characters", hint="put the list into a file in HOME/lake/drop")
    said: Node = {"error": True, "error_message": _DEEP}
    with contextlib.suppress(RecursionError):
        said = json.loads(engine.execute("select json_serialize_sql(?::varchar)", [text]).fetchall()[0][0])
    if said.get("error"):
        raise _refused(engine, text, said)
    if not said["statements"]:
        raise SqlError("there is no statement", hint=_HINT)
    if len(said["statements"]) > 1:
        raise SqlError("more than one statement", hint=_HINT, code="sql.many")
    tree: Node = said["statements"][0]
    names = frozenset(known)
    _refuse_makers(text, tree)
    return Statement(text, tree, tuple(_tables(text, tree, names)))


def _refused(engine: duckdb.DuckDBPyConnection, text: str, said: Node) -> SqlError:
    if _DEEP in str(said.get("error_message")):
        return SqlError("the statement is nested too deeply", hint="use WITH, IN (...) or a file in HOME/lake/drop")
    if said.get("error_type") == "parser":
        position = said.get("position")
        return SqlError(str(said["error_message"]), position=int(position) if position else None, sql=text, hint=_HINT)
    try:
        many = len(engine.extract_statements(text)) > 1
    except duckdb.Error:
        many = False
    if many:
        return SqlError("more than one statement", hint=_HINT, code="sql.many")
    return SqlError("this statement would change something: only reading is possible", hint=_HINT, code="sql.read-only")


def walk(tree: Any) -> Iterator[Node]:
    """Return every node of a tree; deep trees do not need a deep stack."""
    waiting = [tree]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            node: Node = one
            yield node
            waiting.extend(node.values())
        elif isinstance(one, list):
            waiting.extend(one)


def _tables(sql: str, tree: Node, known: frozenset[str]) -> Iterator[Reference]:
    local = {str(entry["key"]).lower() for node in walk(tree) if "cte_map" in node for entry in node["cte_map"]["map"]}
    taken = sorted(local & known)
    if taken:
        raise SqlError(f"WITH {taken[0]} hides the table '{taken[0]}'", hint="give it another name")
    for node in walk(tree):
        kind = node.get("type")
        if not isinstance(kind, str):
            continue
        if kind == "BASE_TABLE":
            found = _reference(sql, node, known, local)
            if found is not None:
                yield found
        elif kind == "TABLE_FUNCTION" and "function" in node:
            _allowed(sql, node["function"], _TABLE_FUNCTIONS)
        elif kind in {"SHOW_REF", "BOUND_TABLE_REF", "DELIM_GET"}:
            raise SqlError(
                "DESCRIBE and SHOW are not offered here", hint="the catalog lists tables and columns", code="sql.read-only"
            )
        elif node.get("class") == "FUNCTION" and _function(node) in _CLOSED:
            raise _no_function(sql, node)
        elif "sample" in node and "query_location" in node and "class" not in node and kind not in _REFS | {"TABLE_FUNCTION"}:
            raise SqlError(f"this kind of FROM is not offered here ({kind})", position=_position(node), sql=sql)


def _refuse_makers(sql: str, tree: Node) -> None:
    """Refuse what makes one huge value; the same names are fine as tables, which come row by row."""
    rows = {id(node["function"]) for node in walk(tree) if node.get("type") == "TABLE_FUNCTION" and "function" in node}
    for node in walk(tree):
        if node.get("class") == "FUNCTION" and _function(node) in _MAKERS and id(node) not in rows:
            if _function(node) in _COUNTED and _short(node):
                continue
            hint = "as a table it is: FROM range(...), FROM generate_series(...)"
            if _function(node) in _COUNTED:
                hint = f"its number is written out and at most {_LONGEST_VALUE:,}, and it stands once"
            what = f"the function '{_function(node)}' is not offered as a value"
            raise SqlError(what, position=_position(node), sql=sql, hint=hint, code="sql.forbidden")


def _short(node: Node) -> bool:
    """Say whether a call makes a value of a known, small size: a written number, and no other maker inside."""
    arguments: list[Node] = [one["expression"] for one in node.get("arguments") or () if "expression" in one]
    if len(arguments) < 2 or any(_function(inner) in _MAKERS for one in arguments for inner in walk(one)):
        return False
    first, number = (str((one.get("literal") or {}).get("text", "")) for one in arguments[:2])
    return number.isdigit() and int(number) <= _LONGEST_VALUE and len(first) <= _LONGEST_VALUE


def _reference(sql: str, node: Node, known: frozenset[str], local: set[str]) -> Reference | None:
    parts = [str(node.get(key) or "") for key in ("catalog_name", "schema_name", "table_name")]
    name = ".".join(part for part in parts if part).lower()
    if name in known:
        return Reference(name, _position(node) or 0)
    if name in local and not parts[0] and not parts[1]:
        return None
    hint = did_you_mean(name, known | local)
    raise SqlError(f"there is no table '{name}'", position=_position(node), sql=sql, hint=hint, code="sql.unknown-table")


def _allowed(sql: str, function: Node, names: frozenset[str]) -> None:
    if _function(function) not in names or function.get("schema") or function.get("catalog"):
        raise _no_function(sql, function)


def _function(node: Node) -> str:
    return str(node.get("function_name", "")).lower()


def _no_function(sql: str, node: Node) -> SqlError:
    hint = "files, the network and settings cannot be reached from SQL; drop a file into HOME/lake/drop to read it as drop.NAME"
    what = f"the function '{_function(node)}' is not offered here"
    position = _position(node)
    if position is None:
        found = sql.lower().find(_function(node))
        position = found if found >= 0 else None
    return SqlError(what, position=position, sql=sql, hint=hint, code="sql.forbidden")


def _position(node: Node) -> int | None:
    place = int(node.get("query_location", _NOWHERE))
    return place if place < _NOWHERE else None


def _place(sql: str, position: int) -> tuple[dict[str, object], str]:
    """Return line and column (from 1) of a byte offset, as details and as words."""
    before = sql.encode()[:position].decode(errors="ignore")
    line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
    return {"position": len(before), "line": line, "column": column}, f"line {line}, column {column}"


def told(sql: str, error: duckdb.Error) -> SqlError:
    """Return what DuckDB said about a statement in our words: position, and the nearest name where it knows one."""
    text = str(error)
    _, brace, rest = text.partition("{")
    try:
        said: Node = json.loads(brace + rest) if brace else {}
    except ValueError:
        said = {}
    lines = [line for line in str(said.get("exception_message") or text).splitlines() if line]
    what = lines[0] if lines else "the statement failed"
    name, candidates = str(said.get("name", "")), str(said.get("candidates", ""))
    hint = " ".join(lines[1:3]) if said else ""
    if name and candidates:
        near = [part.strip().strip('"') for part in candidates.split(",")]
        hint = did_you_mean(name, {one.rpartition(".")[2] or one for one in near})
    if not said:
        what = what.partition(": ")[2] or what
    position = said.get("position")
    return SqlError(what, position=None if position is None else int(position), sql=sql, hint=hint)
