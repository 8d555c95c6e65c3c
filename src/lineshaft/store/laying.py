"""Lays tables of the lake and dropped files before a question, as the one who asks may see them."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

import duckdb

from lineshaft.core import Forbidden
from lineshaft.guard import Subject
from lineshaft.store.sight import select_list, sights
from lineshaft.store.statement import Statement, parse, walk
from lineshaft.store.tablet import Tablets


def lay_tables(connection: duckdb.DuckDBPyConnection, names: Iterable[str], tablets: Tablets, subject: Subject) -> None:
    """Offer named tables of the lake: only rows of assets in reach, only columns that may be seen."""
    for name in names:
        columns, source = tablets.columns(name), tablets.source(name)
        if not source:
            shape = ", ".join(f'null as "{one}"' for one, _ in columns) or "null as nothing"
            source = f"(select {shape} where false)"
        where = ""
        if subject.scope:
            hidden = f"_ls_{secrets.token_hex(6)}"
            found = [row[0] for row in connection.execute(f"select distinct asset from {source}").fetchall()]
            mine = [[one] for one in found if one is not None and subject.reaches(str(one))]
            connection.execute(f"create temp table {hidden} (asset varchar)")
            if mine:
                connection.executemany(f"insert into {hidden} values (?)", mine)
            where = f" where asset in (select asset from {hidden})"
        shown = select_list(subject, name, columns, tablets.about(name).get("made_of", ()))
        connection.execute(f'create temp view "{name}" as select {shown} from (select * from {source}{where})')


def without_veiled(
    connection: duckdb.DuckDBPyConnection, statement: Statement, columns: Mapping[str, list[tuple[str, str]]], subject: Subject
) -> str:
    """Return the statement with dropped files that have hidden columns replaced by what may be seen of them."""
    stands: dict[str, str] = {}
    for name, of in columns.items():
        if name in statement.names and any(sights(subject, name, [one for one, _ in of]).values()):
            stands[name] = f"_ls_{secrets.token_hex(6)}"
            quoted = ".".join(f'"{part}"' for part in name.split("."))
            connection.execute(f"create temp view {stands[name]} as select {select_list(subject, name, of)} from {quoted}")
    if not stands:
        return statement.sql
    for node in walk(statement.tree):
        if node.get("type") == "BASE_TABLE":
            _stand_in(node, stands)
    said = json.dumps({"error": False, "statements": [statement.tree]})
    text = str(connection.execute("select json_deserialize_sql(?::json)", [said]).fetchall()[0][0])
    again = parse(connection, text, {*statement.names, *stands.values()})
    if again.names & set(stands):  # an engine that reads the tree in another way must not open what is closed
        raise Forbidden("columns of this file are taken away, and the question cannot be put without them", where=text)
    return text


def _stand_in(node: dict[str, Any], stands: Mapping[str, str]) -> None:
    parts = [str(node.get(key) or "") for key in ("catalog_name", "schema_name", "table_name")]
    name = ".".join(part for part in parts if part).lower()
    if name in stands:
        node["alias"] = node.get("alias") or parts[2]
        node["catalog_name"], node["schema_name"], node["table_name"] = "", "", stands[name]
        node["qualified_name"] = {"path": [stands[name]]}
