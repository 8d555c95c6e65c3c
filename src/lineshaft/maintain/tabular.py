"""Tables of parts and orders as people keep them: CSV and Excel, read with the line of everything that is wrong, all or nothing.

A file's first line names the columns. Comma or semicolon, a decimal comma where the semicolon separates, UTF-8 or the code
page of an older Excel. Formulas are never evaluated, and a cell that could be taken for one is written with a quote before it.
"""

from __future__ import annotations

import csv
import importlib
import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from pydantic import BaseModel, ValidationError

from lineshaft.core import InvalidInput, did_you_mean

M = TypeVar("M", bound=BaseModel)
MOST_ROWS, MOST_BYTES, MOST_UNPACKED = 50_000, 20_000_000, 200_000_000
SPREADSHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong at a line and column of a file."""

    line: int
    column: str
    what: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Read(Generic[M]):
    """A file's rows by line, and what is wrong with it."""

    rows: tuple[tuple[int, M], ...]
    wrong: tuple[Wrong, ...]


def read_table(content: bytes, model: type[M], names: Mapping[str, str] | None = None) -> Read[M]:
    """Read a CSV or Excel file into rows of a model. Raises InvalidInput for what is no table at all."""
    if len(content) > MOST_BYTES:
        raise InvalidInput(f"the file is larger than {MOST_BYTES} bytes", hint="import it in parts", code="import.size")
    lines = list(_excel(content) if content[:4] == b"PK\x03\x04" else _csv(content))
    if not lines:
        raise InvalidInput("the file is empty", hint="its first line names the columns", code="import.empty")
    if len(lines) > MOST_ROWS + 1:
        raise InvalidInput(f"the file has more than {MOST_ROWS} rows", hint="import it in parts", code="import.size")
    header = [str(cell).strip().lower() for cell in lines[0][1]]
    columns = _columns(header, model, names or {})
    rows: list[tuple[int, M]] = []
    wrong: list[Wrong] = []
    for number, cells in lines[1:]:
        given = {name: cell for name, cell in zip(columns, cells, strict=False) if name and cell not in ("", None)}
        if not given:
            continue
        try:
            rows.append((number, model.model_validate(given)))
        except ValidationError as error:
            wrong += [Wrong(number, ".".join(str(part) for part in one["loc"]), one["msg"]) for one in error.errors()]
    return Read(tuple(rows), tuple(wrong))


def _columns(header: Sequence[str], model: type[BaseModel], names: Mapping[str, str]) -> list[str]:
    """Return our field for each column of the file; empty for one that is not ours to read."""
    known = {**{name: name for name in model.model_fields}, **names}
    columns = [known.get(one, "") for one in header]
    needed = [name for name, field in model.model_fields.items() if field.is_required()]
    missing = [name for name in needed if name not in columns]
    if missing:
        hint = did_you_mean(missing[0], [one for one in header if one])
        raise InvalidInput(f"the column '{missing[0]}' is missing", where="line 1", hint=hint, code="import.column")
    twice = [name for name in columns if name and columns.count(name) > 1]
    if twice:
        raise InvalidInput(f"the column '{twice[0]}' is there twice", where="line 1", code="import.column")
    return columns


def _csv(content: bytes) -> Iterator[tuple[int, list[Any]]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    if "\0" in text:
        raise InvalidInput("this is neither CSV nor Excel (.xlsx)", code="import.format")
    first = text.partition("\n")[0]
    mark = ";" if first.count(";") > first.count(",") else ","
    reader = csv.reader(io.StringIO(text), delimiter=mark)
    try:
        for cells in reader:
            yield reader.line_num, [_cell(cell, decimal_comma=mark == ";") for cell in cells]
    except csv.Error as error:
        raise InvalidInput(f"line {reader.line_num}: {error}", code="import.format") from None


def _cell(cell: str, *, decimal_comma: bool) -> str:
    text = cell.strip()
    if text[:1] == "'" and text[1:2] in ("=", "+", "-", "@"):
        text = text[1:]
    if decimal_comma and text.count(",") == 1 and text.replace(",", "").lstrip("-").isdigit():
        return text.replace(",", ".")
    return text


def _excel(content: bytes) -> Iterator[tuple[int, list[Any]]]:
    """Read the first sheet; a file that unpacks to far more than it is large is refused before it is."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            size = sum(one.file_size for one in packed.infolist())
            declared = any(b"<!DOCTYPE" in packed.read(one)[:2000] for one in packed.infolist() if one.filename.endswith(".xml"))
            if size > MOST_UNPACKED or declared:
                raise InvalidInput("this Excel file is not read", hint="save it anew, or as CSV", code="import.format")
        book = importlib.import_module("openpyxl").load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise InvalidInput(f"this is no Excel file: {error}", hint=".xlsx or CSV", code="import.format") from None
    try:
        for number, cells in enumerate(book.worksheets[0].iter_rows(values_only=True, max_row=MOST_ROWS + 2), 1):
            yield number, [cell.strip() if isinstance(cell, str) else cell for cell in cells]
    finally:
        book.close()


def write_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Return rows as CSV that Excel opens with its umlauts."""
    sink = io.StringIO()
    writer = csv.writer(sink)
    writer.writerow(columns)
    writer.writerows([_safe(row.get(name)) for name in columns] for row in rows)
    return ("\ufeff" + sink.getvalue()).encode()


def write_excel(title: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Return rows as an Excel file."""
    book = importlib.import_module("openpyxl").Workbook(write_only=True)
    sheet = book.create_sheet(title)
    sheet.append(list(columns))
    for row in rows:
        sheet.append([_safe(row.get(name)) for name in columns])
    sink = io.BytesIO()
    book.save(sink)
    return sink.getvalue()


def _safe(value: Any) -> Any:
    """Keep a spreadsheet from taking a text for a formula."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return cast("object", "" if value is None else value)
