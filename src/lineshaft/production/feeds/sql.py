"""Any SQL database: the rows of a query that are new since the highest mark read, in pages, whatever its brand.

The query is read inside a reading transaction that is always rolled back. Rows that carry the highest mark are read again
the next time, and `overlap` reads further back for systems that commit late: every entry is idempotent, so twice is once.
"""

from __future__ import annotations

import json
import os
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from pydantic import Field, model_validator

from lineshaft.core import NS, ConfigError, Duration, parse_duration
from lineshaft.production.feed import Pulled
from lineshaft.production.mapping import Mapped, drafted

_MOST = 1_000_000


class SqlOptions(Mapped):
    """How to ask an SQL database what is being made."""

    url: str = Field("", description="SQLAlchemy URL of the database, if it holds no password.")
    url_env: str = Field("", description="Name of the environment variable that holds the URL.")
    query: str = Field(min_length=1, description="A SELECT of the rows, without ORDER BY and without a semicolon.")
    mark: str = Field(
        min_length=1, description="Column of the query that rises with every change (a time or number); empty rows are not read."
    )
    overlap: Duration = Field("0s", description="If the mark is a time: read again so far back, for systems that commit late.")
    page: int = Field(5_000, ge=1, le=_MOST, description="Rows read at once.")

    @model_validator(mode="after")
    def _one_url(self) -> SqlOptions:
        if bool(self.url) == bool(self.url_env):
            raise ValueError("give the database either as url or as url_env")
        return self


class SqlFeed:
    """Reads one query of one database."""

    Options = SqlOptions

    def __init__(self, name: str, options: SqlOptions) -> None:
        self.name, self.options = name, options
        self._rows = sa.text(f"({options.query.strip().rstrip(';')}) feed")
        self._mark: sa.ColumnElement[Any] = sa.column(options.mark)

    def pull(self, mark: str) -> Pulled:
        """Read the next page of rows. Raises what the database says if it cannot be asked."""
        engine = sa.create_engine(self._url(), poolclass=sa.NullPool)
        try:
            with engine.connect() as connection:
                rows, more = self._page(connection, mark)
                rows_of = self._whole_orders(connection, rows) if self.options.kind == "orders" else rows
                connection.rollback()
        finally:
            engine.dispose()
        draft = drafted(self.options, [(self._where(row), self._ours(row)) for row in rows_of])
        return Pulled(draft, _kept(self._value(rows[-1], self.options.mark)) if rows else mark, more)

    def _url(self) -> str:
        if not self.options.url_env:
            return self.options.url
        found = os.environ.get(self.options.url_env, "")
        if not found:
            hint = "set it where the node is started"
            raise ConfigError(f"the environment variable {self.options.url_env} is empty", where=self.name, hint=hint)
        return found

    def _page(self, connection: sa.Connection, mark: str) -> tuple[list[sa.RowMapping], bool]:
        """Return rows from the mark on and whether there are more; a page of one mark only is widened until it moves on."""
        limit = self.options.page
        query = sa.select(sa.text("*")).select_from(self._rows).where(self._mark.is_not(None)).order_by(self._mark)
        if mark:
            since, kind = _since(mark, parse_duration(self.options.overlap))
            query = query.where(self._mark >= sa.bindparam("since", since, kind))
        while True:
            rows = connection.execute(query.limit(limit)).mappings().all()
            if len(rows) < limit:
                return list(rows), False
            last = _kept(self._value(rows[-1], self.options.mark))
            if last not in (mark, _kept(self._value(rows[0], self.options.mark))) or limit >= _MOST:
                return list(rows), limit < _MOST
            limit *= 4

    def _whole_orders(self, connection: sa.Connection, rows: list[sa.RowMapping]) -> list[sa.RowMapping]:
        """Return all lines of the orders of which any line is new: an order is never taken in part."""
        name = self.options.columns["order"]
        numbers = list(dict.fromkeys(self._value(row, name) for row in rows))
        found: list[sa.RowMapping] = []
        for at in range(0, len(numbers), 500):
            query = sa.select(sa.text("*")).select_from(self._rows).where(sa.column(name).in_(numbers[at : at + 500]))
            found += connection.execute(query).mappings().all()
        return found

    def _ours(self, row: sa.RowMapping) -> dict[str, object]:
        return {ours: self._value(row, theirs) for ours, theirs in self.options.columns.items()}

    def _where(self, row: sa.RowMapping) -> str:
        key = next(iter(self.options.columns.values()))
        return f"{self.name}: {key} {self._value(row, key)}, {self.options.mark} {self._value(row, self.options.mark)}"

    def _value(self, row: sa.RowMapping, column: str) -> Any:
        if column in row:
            return row[column]
        names = [str(name) for name in row]
        for name in names:
            if name.lower() == column.lower():
                return row[name]
        hint = f"it has {', '.join(names)}"
        raise ConfigError(f"the query returns no column '{column}'", where=self.name, hint=hint)


def _kept(value: object) -> str:
    """Return a mark as text that can be kept."""
    if isinstance(value, datetime):
        return json.dumps(["time", value.isoformat()])
    if isinstance(value, date):
        return json.dumps(["date", value.isoformat()])
    if isinstance(value, Decimal | int | float):
        return json.dumps(["number", str(value)])
    return json.dumps(["text", str(value)])


def _since(mark: str, overlap_ns: int) -> tuple[object, sa.types.TypeEngine[Any]]:
    """Return a kept mark as the value to compare with, and its SQL type."""
    kind, text = json.loads(mark)
    if kind == "time":
        moment = datetime.fromisoformat(text)
        return moment - timedelta(seconds=overlap_ns / NS), sa.DateTime(timezone=moment.tzinfo is not None)
    if kind == "date":
        return date.fromisoformat(text) - timedelta(days=-(-overlap_ns // (86_400 * NS))), sa.Date()
    if kind == "number":
        return (int(text), sa.BigInteger()) if text.lstrip("-").isdigit() else (Decimal(text), sa.Numeric(asdecimal=True))
    return _earlier(text, overlap_ns), sa.String()


def _earlier(text: str, overlap_ns: int) -> str:
    """Return a text mark, moved back if it is a time as text (SQLite has no other)."""
    if not overlap_ns:
        return text
    try:
        moment = datetime.fromisoformat(text) - timedelta(seconds=overlap_ns / NS)
    except ValueError:
        return text
    return moment.isoformat(sep="T" if "T" in text else " ")


PLUGIN = SqlFeed
