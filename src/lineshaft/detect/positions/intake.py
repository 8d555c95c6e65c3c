"""Sensor positions from a table, all or none: a line a position, the columns called like what is said at commissioning."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.engine import Connection

from lineshaft.core import InvalidInput, LineshaftError, did_you_mean
from lineshaft.detect.positions.book import Book
from lineshaft.detect.positions.wanted import Wanted

COLUMNS = tuple(Wanted.model_fields)
MOST = 5_000


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong at a line."""

    line: int
    column: str
    what: str
    hint: str = ""


@dataclass(slots=True)
class Taken:
    """How many positions are new, how many were there, and what is wrong with which line."""

    rows: int = 0
    added: list[str] = field(default_factory=list[str])
    known: int = 0
    wrong: list[Wrong] = field(default_factory=list[Wrong])


def positions_read(text: str) -> list[tuple[int, dict[str, Any]]]:
    """Return a table's rows by line, what is empty left out. Raises InvalidInput for a heading that names no position."""
    lines = text.lstrip("\ufeff").splitlines()
    first = lines[0] if lines else ""
    delimiter = ";" if first.count(";") > first.count(",") else ","
    rows = csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter)
    names = [name.strip().lower().replace(" ", "_") for name in next(rows, [])]
    for name in names:
        if name not in COLUMNS:
            hint = did_you_mean(name, COLUMNS)
            raise InvalidInput(f"'{name}' is nothing a position has", where="line 1", hint=hint, code="position.columns")
    if missing := [name for name in ("asset", "name") if name not in names]:
        raise InvalidInput(f"no column is called '{missing[0]}'", where="line 1", code="position.columns")
    comma = delimiter == ";"
    found = [(rows.line_num, _row(names, cells, decimal_comma=comma)) for cells in rows if any(cell.strip() for cell in cells)]
    if len(found) > MOST:
        raise InvalidInput(f"{len(found)} positions are more than {MOST}", where="content", code="position.many")
    return found


def _row(names: list[str], cells: list[str], *, decimal_comma: bool) -> dict[str, Any]:
    said = {name: cell.strip() for name, cell in zip(names, cells, strict=False) if cell.strip()}
    return {name: _decimal(cell) if decimal_comma else cell for name, cell in said.items()}


def _decimal(cell: str) -> str:
    """Return a number with a decimal comma as one with a point.

    >>> _decimal("7,5"), _decimal("Pump 1, drive end")
    ('7.5', 'Pump 1, drive end')
    """
    whole, comma, rest = cell.partition(",")
    return f"{whole}.{rest}" if comma and whole.lstrip("-").isdigit() and rest.isdigit() else cell


def positions_take(tx: Connection, book: Book, rows: Iterable[tuple[int, dict[str, Any]]], by: str, at: int) -> Taken:
    """Commission what is not there yet; with anything wrong, the caller takes all of it back."""
    made = Taken()
    there = {row["path"] for row in book.list()}
    for line, said in rows:
        made.rows += 1
        path = f"{said.get('asset')}/{said.get('name')}"
        if path in there:
            made.known += 1
            continue
        try:
            made.added.append(book.commission(tx, said, by, at)["path"])
        except LineshaftError as error:
            made.wrong.append(Wrong(line, error.where, error.what, error.hint))
            continue
        there.add(path)
    return made


def positions_table(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return what was said of positions as CSV, in a form that is read again; a bearing by its geometry has no column."""
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n")
    write.writerow(COLUMNS)
    for row in rows:
        write.writerow([_cell(row.get(name)) for name in COLUMNS])
    return out.getvalue()


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, Mapping):
        return ""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return f"'{text}" if isinstance(value, str) and text[:1] in ("=", "+", "-", "@") else text
