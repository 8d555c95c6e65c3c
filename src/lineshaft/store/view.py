"""A view: a table of a room, offered to SQL and the catalog by a callable that returns its rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa

from lineshaft.store.stored import Column

TYPES: Mapping[str, pa.DataType] = {
    "text": pa.string(),
    "number": pa.float64(),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
    "time": pa.timestamp("us", "UTC"),
    "texts": pa.list_(pa.string()),
    "json": pa.string(),
}
"""Types of a view's columns. A room gives a time as UTC nanoseconds; `json` is written out as text."""


class Field(NamedTuple):
    """One column: its name, its type (of TYPES), its unit and what it says."""

    name: str
    type: str
    unit: str = ""
    description: str = ""


class Range(NamedTuple):
    """The time a question asks for, in UTC nanoseconds (start, end]; None where it is open."""

    start: int | None = None
    end: int | None = None


Fetch = Callable[[Range], Iterable[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class View:
    """A table of a room as SQL sees it.

    `fetch` is only called when a question names the view, with the time the question asks for on the column `time`; it may
    return more. `asset` names the column whose path decides who sees a row; a view without one is for subjects that reach
    the whole plant. `action` is the right a reader needs. `counted` is false where even counting rows takes its time.
    """

    name: str
    columns: tuple[Field, ...]
    fetch: Fetch
    description: str = ""
    asset: str | None = "asset"
    time: str | None = None
    action: str = "read"
    room: str = ""
    counted: bool = True

    def table(self, reaches: Callable[[str], bool] | None, when: Range) -> pa.Table:
        """Return the rows a subject may see; `reaches` says which assets those are, None means all."""
        rows = list(self.fetch(when))
        if reaches is not None:
            rows = [row for row in rows if self.asset and reaches(str(row.get(self.asset) or ""))]
        return pa.table({one.name: _column(one, rows) for one in self.columns})


def _column(one: Field, rows: Iterable[Mapping[str, Any]]) -> Column:
    values: list[Any] = [row.get(one.name) for row in rows]
    if one.type == "time":
        return pa.array([None if value is None else int(value) // 1000 for value in values], TYPES["time"])
    if one.type == "json":
        values = [None if value is None else json.dumps(value, ensure_ascii=False, default=str) for value in values]
    elif one.type == "text":
        values = [None if value is None else str(value) for value in values]
    elif one.type == "number":
        values = [None if value is None else float(value) for value in values]
    return pa.array(values, TYPES[one.type])
