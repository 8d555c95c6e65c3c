"""CSV files: `orders*.csv`, `lots*.csv`, `quality*.csv`, one row each; a wrong row is told with line and column and left out.

The header names the fields. Comma, semicolon or tab separate; with a semicolon, numbers may have a decimal comma.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any, cast

from pydantic import Field, ValidationError

from lineshaft.core import ConfigError, Problem, Section, did_you_mean
from lineshaft.production.feed import FeedDraft, Pulled, pull_folder
from lineshaft.production.written import LotEntry, OrderEntry, QualityEntry

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "orders": ("order", "customer", "product", "quantity", "due"),
    "lots": ("lot", "material", "product", "quantity", "unit", "made", "order", "parents"),
    "quality": ("check", "lot", "order", "machine", "value", "unit", "low", "high", "passed", "at", "note"),
}
NUMBERS = frozenset({"quantity", "value", "low", "high"})
_YES, _NO = ("true", "yes", "pass", "passed", "ok", "1"), ("false", "no", "fail", "failed", "nok", "0")
TRUTH = dict.fromkeys(_YES, True) | dict.fromkeys(_NO, False)


class FilesOptions(Section):
    """Where CSV files lie."""

    folder: str = Field("", description="Folder the other system puts its files in; each is read again when it changes.")
    files: str = Field("orders*.csv lots*.csv quality*.csv", description="Patterns of the files' names, separated by blanks.")


class FilesFeed:
    """Reads CSV files."""

    Options = FilesOptions

    def __init__(self, name: str = "files", options: FilesOptions | None = None) -> None:
        self.name, self.options = name, options or FilesOptions.model_validate({})

    def pull(self, mark: str) -> Pulled:
        """Read the files that are new or changed."""
        if not self.options.folder:
            raise ConfigError("no folder is given", where=self.name, hint="set folder in this [[feeds]] table")
        return pull_folder(Path(self.options.folder), self.options.files, mark, self.read)

    def read(self, path: Path) -> FeedDraft:
        """Read a file; its name says what it holds."""
        draft = FeedDraft()
        kind = next((k for k in COLUMNS if path.name.lower().startswith(k)), None)
        if kind is None:
            draft.problems.append(
                Problem(path.name, "its name does not say what it holds", "call it orders..., lots... or quality...csv")
            )
            return draft
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            draft.problems.append(Problem(path.name, f"this file cannot be read: {error}", "save it as UTF-8"))
            return draft
        try:
            rows = _rows(path.name, text, kind, draft)
        except csv.Error as error:
            draft.problems.append(Problem(path.name, f"this file cannot be read: {error}", "is a quote not closed?"))
            return draft
        if kind == "orders":
            _orders(path.name, rows, draft)
        else:
            for line, row in rows:
                _take(path.name, line, kind, row, draft)
        return draft


Numbered = list[tuple[int, dict[str, Any]]]


def _rows(name: str, text: str, kind: str, draft: FeedDraft) -> Numbered:
    """Return the rows with their line numbers, numbers and truth values made of their text."""
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(StringIO(text), delimiter=delimiter)
    header = [word.strip().lower() for word in next(reader, [])]
    for word in header:
        if word not in COLUMNS[kind]:
            draft.problems.append(Problem(f"{name}:1", f"the column '{word}' is not known", did_you_mean(word, COLUMNS[kind])))
    result: Numbered = []
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            what = f"{len(cells)} cells under {len(header)} column names"
            draft.problems.append(Problem(f"{name}:{reader.line_num}", what, "quote cells that hold the separator"))
            continue
        row = {key: _value(key, cell.strip(), delimiter) for key, cell in zip(header, cells, strict=True)}
        result.append((reader.line_num, {key: value for key, value in row.items() if value != "" and key in COLUMNS[kind]}))
    return result


def _value(column: str, cell: str, delimiter: str) -> Any:
    if column in NUMBERS and cell:
        number = cell.replace(",", ".") if delimiter == ";" and "." not in cell else cell
        try:
            return float(number)
        except ValueError:
            return cell
    if column == "passed":
        return TRUTH.get(cell.lower(), cell)
    return cell.split() if column == "parents" else cell


def _orders(name: str, rows: Numbered, draft: FeedDraft) -> None:
    """Join the rows of one order to its lines; an order with a wrong row is left out whole."""
    found: dict[str, tuple[int, dict[str, Any]]] = {}
    for line, row in rows:
        entry = {key: row[key] for key in ("product", "quantity", "due") if key in row}
        order = found.setdefault(str(row.get("order", "")), (line, {"lines": [], "at": []}))[1]
        order |= {key: row[key] for key in ("order", "customer") if key in row}
        cast("list[Any]", order["lines"]).append(entry)
        cast("list[int]", order["at"]).append(line)
    for line, order in found.values():
        lines = order.pop("at")
        _take(name, line, "orders", order, draft, lines)


def _take(name: str, line: int, kind: str, row: dict[str, Any], draft: FeedDraft, lines: list[int] | None = None) -> None:
    try:
        if kind == "orders":
            draft.orders.append((f"{name}:{line}", OrderEntry.model_validate(row)))
        elif kind == "lots":
            draft.lots.append((f"{name}:{line}", LotEntry.model_validate(row)))
        else:
            draft.quality.append((f"{name}:{line}", QualityEntry.model_validate(row)))
    except ValidationError as error:
        for one in error.errors():
            at = [step for step in one["loc"] if isinstance(step, int)]
            place = f"{name}:{lines[at[0]] if lines and at else line}"
            column = str(one["loc"][-1]) if one["loc"] else ""
            what, _, hint = one["msg"].removeprefix("Value error, ").partition(" - ")
            missing = one["type"] == "missing" or not one["loc"]
            text = what if not column else (f"column '{column}' is empty" if missing else f"column '{column}': {what}")
            draft.problems.append(Problem(place, text, hint))


PLUGIN = FilesFeed
