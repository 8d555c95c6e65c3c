"""A database: its tables and views, their columns with type and one row, and the query that would read each."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar, cast

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from lineshaft.connect.insides.files import roles
from lineshaft.connect.sight import Inside, Pick, Seen, Wish, cut, short
from lineshaft.connect.sources.sql.options import SqlOptions
from lineshaft.connect.sources.sql.sql import brief, engine_of, read_only
from lineshaft.core import Retryable

MOST_TABLES = 300


class SqlInside:
    """Reads the catalogue, and one row of the table that is opened; the database itself is told to refuse changes."""

    FILL: ClassVar[dict[str, Any]] = {"query": "SELECT 1", "timezone": "UTC"}

    async def look(self, name: str, options: SqlOptions, wish: Wish) -> Seen:
        """Return the tables, or the columns of one."""
        del name
        return await asyncio.to_thread(_seen, options, wish.below)


def _seen(options: SqlOptions, below: str) -> Seen:
    engine = engine_of(options)
    try:
        with engine.connect() as line:
            read_only(line)
            look = sa.inspect(line)
            return _columns(line, look, below) if below else _tables(look)
    except SQLAlchemyError as error:
        where = options.url.rpartition("@")[2]
        raise Retryable(
            f"{where}: {brief(error)}", hint="is the address right, and may this user read?", code="inside.away"
        ) from None
    finally:
        engine.dispose()


def _tables(look: Any) -> Seen:
    schema = look.default_schema_name
    names = sorted([*look.get_table_names(), *look.get_view_names()])
    others = [one for one in look.get_schema_names() if one not in (schema, "information_schema") and not one.startswith("pg_")]
    names += [f"{one}.{name}" for one in others for name in sorted([*look.get_table_names(one), *look.get_view_names(one)])]
    items = [Inside(name, "", name, "branch", more=True) for name in names[:MOST_TABLES]]
    return Seen(items, (cut(MOST_TABLES),) if len(names) > MOST_TABLES else ())


def _columns(line: sa.Connection, look: Any, below: str) -> Seen:
    schema, _, table = below.rpartition(".")
    columns = look.get_columns(table, schema or None)
    quoted = line.dialect.identifier_preparer
    where = ".".join(quoted.quote(part) for part in ([schema] if schema else []) + [table])
    query = sa.select(sa.text("*")).select_from(sa.text(where)).limit(1)
    row = cast("dict[str, Any] | None", line.execute(query).mappings().first()) or {}
    names = [str(one["name"]) for one in columns]
    sets = {"query": f"SELECT * FROM {where}", **roles(names)}
    time = str(sets.get("time", ""))
    items = [Inside(f"{below}\n*", below, "*", "value", pick=Pick(sets=sets))]
    for one in columns:
        name = str(one["name"])
        wanted = {"from": where, "time": time, "columns": [quoted.quote(time), quoted.quote(name)]}
        pick = Pick("query", wanted) if time and name != time and sets["layout"] == "wide" else None
        items.append(Inside(f"{below}\n{name}", below, name, "value", str(one["type"]), short(row.get(name, "")), pick=pick))
    return Seen(items)


PLUGIN = SqlInside
