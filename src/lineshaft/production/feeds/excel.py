"""Excel files: a sheet of products, orders, lots, quality results or runs, whatever its columns are called.

A wrong row is told with file, sheet and line and left out; a file that is no Excel file is told and stops no other.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import Field

from lineshaft.core import Problem, did_you_mean
from lineshaft.production.feed import FeedDraft, Pulled, pull_folder
from lineshaft.production.mapping import Mapped, Row, drafted

MOST_BYTES = 50_000_000


class ExcelOptions(Mapped):
    """Where Excel files lie, which sheet it is, and which of its columns is which of our fields."""

    folder: str = Field(description="Folder the files are put in; each is read again when it changes.")
    files: str = Field("*.xlsx", description="Patterns of the files' names, separated by blanks.")
    sheet: str = Field("", description="Name of the sheet; the first one, if left out.")
    header: int = Field(1, ge=1, le=1000, description="Line the names of the columns are in.")


class ExcelFeed:
    """Reads Excel files."""

    Options = ExcelOptions

    def __init__(self, name: str, options: ExcelOptions) -> None:
        self.name, self.options = name, options

    def pull(self, mark: str) -> Pulled:
        """Read the files that are new or changed; one that Excel has open (~$...) is not looked at."""
        return pull_folder(Path(self.options.folder), self.options.files, mark, self.read)

    def read(self, path: Path) -> FeedDraft:
        """Read a file; what is wrong goes to the draft's problems."""
        from openpyxl import load_workbook  # noqa: PLC0415 - only where Excel files come
        from openpyxl.utils.exceptions import InvalidFileException  # noqa: PLC0415

        draft = FeedDraft()
        if path.name.startswith("~$"):
            return draft
        if path.stat().st_size > MOST_BYTES:
            draft.problems.append(Problem(path.name, f"this file is larger than {MOST_BYTES // 10**6} MB", "split it"))
            return draft
        try:
            book = load_workbook(path, read_only=True, data_only=True)
            try:
                rows = list(self._rows(path.name, book, draft))
            finally:
                book.close()
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile, InvalidFileException) as error:
            hint = "save it as .xlsx, without a password"
            draft.problems.append(Problem(path.name, f"this file cannot be read: {error}", hint))
            return draft
        draft.join(drafted(self.options, rows))
        return draft

    def _rows(self, name: str, book: Any, draft: FeedDraft) -> Iterator[Row]:
        if self.options.sheet and self.options.sheet not in book.sheetnames:
            hint = did_you_mean(self.options.sheet, book.sheetnames)
            draft.problems.append(Problem(name, f"there is no sheet '{self.options.sheet}'", hint))
            return
        sheet = book[self.options.sheet] if self.options.sheet else book.worksheets[0]
        places: dict[str, int] | None = None
        for number, cells in enumerate(sheet.iter_rows(min_row=self.options.header, values_only=True), start=self.options.header):
            if places is None:
                places = self._places(f"{name}:{sheet.title}!{number}", cells, draft)
                if not places:
                    return
            elif any(cell not in (None, "") for cell in cells):
                found = {field: cells[at] for field, at in places.items() if at < len(cells) and cells[at] not in (None, "")}
                yield f"{name}:{sheet.title}!{number}", found

    def _places(self, where: str, cells: tuple[Any, ...], draft: FeedDraft) -> dict[str, int]:
        """Return in which column each of our fields is; none, and why, if one is not there."""
        named = {str(cell).strip(): at for at, cell in enumerate(cells) if cell is not None}
        missing = [column for column in self.options.columns.values() if column not in named]
        for column in missing:
            draft.problems.append(Problem(where, f"there is no column '{column}'", did_you_mean(column, named)))
        return {} if missing else {field: named[column] for field, column in self.options.columns.items()}


PLUGIN = ExcelFeed
