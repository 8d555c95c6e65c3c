"""What a statement asks of a table at most: which of its series, and which time. A bound never leaves out a row it needs.

Conditions joined by AND are looked at one by one: those on time against something constant give the time, those on the
columns that name a series are answered from the dictionary of series. Everything else is left to DuckDB.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, cast

import duckdb

from lineshaft.store.statement import Node, Statement, walk

_SIDES = (("GREATER", "LESS"), ("LESS", "GREATER"))
_FLIP = {f"COMPARE_{a}THAN{equal}": f"COMPARE_{b}THAN{equal}" for a, b in _SIDES for equal in ("", "OREQUALTO")}
_OPEN = -(2**62), 2**62


class Bound(NamedTuple):
    """The time (UTC microseconds, both ends included) and the conditions on series of one mention of a table."""

    start: int
    end: int
    conditions: tuple[Node, ...]


class Mention(NamedTuple):
    """One mention of a table in a FROM: under which alias, and whether WHERE and its ON may narrow it."""

    table: str
    alias: str
    where: bool
    on: tuple[Node, ...]


class Bounds:
    """Reads bounds off a statement; constants are computed by DuckDB."""

    def __init__(
        self, engine: duckdb.DuckDBPyConnection, columns: Mapping[str, frozenset[str]], times: Mapping[str, str]
    ) -> None:
        self._engine = engine
        self._columns = columns
        self._times = times

    def of(self, statement: Statement, series: frozenset[str] = frozenset()) -> dict[str, list[Bound]]:
        """Return the bound of every mention of every table; `series` are the columns a series is named by."""
        found: dict[str, list[Bound]] = {name: [] for name in statement.names}
        for select in walk(statement.tree):
            if select.get("type") != "SELECT_NODE" or not isinstance(select.get("from_table"), dict):
                continue
            mentions = list(_mentions(select["from_table"], (), True))
            where = list(_conjuncts(select.get("where_clause")))
            for one in mentions:
                if one.table in found:
                    terms = [*(where if one.where else []), *one.on]
                    found[one.table].append(self._bound(one, terms, mentions, series))
        return found

    def _bound(self, one: Mention, terms: list[Node], all_: list[Mention], series: frozenset[str]) -> Bound:
        (start, end), conditions = _OPEN, list[Node]()
        for term in terms:
            refs = [node for node in walk(term) if node.get("class") == "COLUMN_REF"]
            if not refs or not all(self._mine(ref, one, all_) for ref in refs):
                continue
            names = {_name(ref) for ref in refs}
            if names == {self._times.get(one.table)}:
                low, high = self._time(term)
                start, end = max(start, low), min(end, high)
            elif names <= series and _plain(term):
                conditions.append(term)
        return Bound(start, end, tuple(conditions))

    def _mine(self, ref: Node, one: Mention, all_: list[Mention]) -> bool:
        path = [str(part).lower() for part in ref["column_names"]]
        columns = self._columns[one.table]
        if path[-1] not in columns:
            return False
        if len(path) == 1:
            return not any(path[0] in self._columns.get(other.table, ()) for other in all_ if other is not one)
        return path[-2] == one.alias and not (len(path) == 2 and path[0] in columns)

    def _time(self, term: Node) -> tuple[int, int]:
        low, high = _OPEN
        if term.get("type") == "COMPARE_BETWEEN":
            if _is_column(term["input"]):
                low, high = self._constant(term["lower"], low), self._constant(term["upper"], high)
            return low, high
        if term.get("class") != "COMPARISON":
            return low, high
        kind, left, right = str(term["type"]), term["left"], term["right"]
        if _is_column(right):
            kind, left, right = _FLIP.get(kind, kind), right, left
        if not _is_column(left):
            return low, high
        if kind.startswith("COMPARE_GREATERTHAN"):
            return self._constant(right, low), high
        if kind.startswith("COMPARE_LESSTHAN"):
            return low, self._constant(right, high)
        if kind == "COMPARE_EQUAL":
            return self._constant(right, low), self._constant(right, high)
        return low, high

    def _constant(self, expression: Node, otherwise: int) -> int:
        """Return a constant expression as UTC microseconds; what is no constant time bounds nothing."""
        if not _plain(expression) or any(node.get("class") == "COLUMN_REF" for node in walk(expression)):
            return otherwise
        try:
            text = write(self._engine, expression)
            value = self._engine.execute(f"select epoch_us(({text})::timestamptz)").fetchall()[0][0]
        except duckdb.Error:
            return otherwise
        return otherwise if value is None else int(value)


def write(engine: duckdb.DuckDBPyConnection, expression: Node) -> str:
    """Return an expression's tree as SQL, its columns without the alias of their table."""
    tree: Node = json.loads(engine.execute("select json_serialize_sql('select 1 where true')").fetchall()[0][0])
    bare = cast("Node", json.loads(json.dumps(expression)))
    for node in walk(bare):
        if node.get("class") == "COLUMN_REF":
            node["column_names"] = node["column_names"][-1:]
    tree["statements"][0]["node"]["where_clause"] = bare
    said = str(engine.execute("select json_deserialize_sql(?::json)", [json.dumps(tree)]).fetchall()[0][0])
    return said.partition(" WHERE ")[2]


def _mentions(node: Node, on: tuple[Node, ...], where: bool) -> Iterator[Mention]:
    kind = node.get("type")
    if kind == "BASE_TABLE":
        named = [node.get("catalog_name"), node.get("schema_name"), node.get("table_name")]
        table = ".".join(str(part) for part in named if part).lower()
        plain = not node.get("column_name_alias") and not node.get("sample")
        alias = str(node.get("alias") or node.get("table_name")).lower()
        yield Mention(table, alias, where and plain, on if plain else ())
    elif kind == "JOIN":
        regular = node.get("ref_type") in {"REGULAR", "CROSS", "NATURAL"}
        condition = node.get("condition")
        terms = tuple(_conjuncts(condition)) if regular and condition else ()
        join = str(node.get("join_type"))
        first, second = regular or node.get("ref_type") == "ASOF", regular
        # what WHERE says of a side that an outer join fills with nulls may be just those nulls: it narrows nothing there
        yield from _mentions(node["left"], _on(on, terms, join, "LEFT"), where and first and join in {"INNER", "LEFT"})
        yield from _mentions(node["right"], _on(on, terms, join, "RIGHT"), where and second and join in {"INNER", "RIGHT"})
    elif kind in {"SUBQUERY", "EXPRESSION_LIST", "TABLE_FUNCTION", "PIVOT"}:
        yield Mention("", str(node.get("alias") or "").lower(), False, ())


def _on(above: tuple[Node, ...], terms: tuple[Node, ...], join: str, side: str) -> tuple[Node, ...]:
    """Return which conditions of ON narrow one side of a join: its own unless the join keeps all rows of that side."""
    if join == "INNER":
        return (*above, *terms)
    return above if join == side else terms if join in {"LEFT", "RIGHT"} else ()


def _conjuncts(node: Any) -> Iterator[Node]:
    if not isinstance(node, dict):
        return
    term = cast("Node", node)
    if term.get("type") == "CONJUNCTION_AND":
        for child in term["children"]:
            yield from _conjuncts(child)
    else:
        yield term


def _plain(term: Node) -> bool:
    """Return whether a term is the same for every row and time it is asked: no subquery, no chance, no window."""
    volatile = {"random", "uuid", "gen_random_uuid", "setseed", "uuidv4", "uuidv7"}
    return not any(
        node.get("class") in {"SUBQUERY", "WINDOW", "PARAMETER", "LAMBDA"} or node.get("function_name") in volatile
        for node in walk(term)
    )


def _is_column(node: Node) -> bool:
    return node.get("class") == "COLUMN_REF"


def _name(ref: Node) -> str:
    return str(ref["column_names"][-1]).lower()
