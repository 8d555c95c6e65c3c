"""The outbox: one JSON and one CSV file a purchase, for the buyer's desk or a nightly import into any ERP.

Files appear whole or not at all (written aside, fsynced, renamed, folder fsynced); a purchase that is already there is
left as it is, so repeating the step never orders twice.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from lineshaft.core import Section, write_whole
from lineshaft.maintain.connector import Connector, Rehearsal

COLUMNS = ("number", "id", "part", "name", "quantity", "unit_cost", "cost", "proposed_by", "approved_by", "case_id", "created")


class Options(Section):
    """Where the files go."""

    folder: str = Field("outbox", description="Folder below the data folder (or an absolute path).")


class Outbox(Connector):
    """A folder of purchases."""

    Options = Options
    purchases = True
    remote = False

    def __init__(self, home: Path, options: Options) -> None:
        self._folder = home / options.folder

    def order(self, purchase: Mapping[str, Any]) -> str:
        """Write the purchase's two files; the JSON comes last and says that both are there."""
        self._folder.mkdir(parents=True, exist_ok=True)
        name = f"{purchase['number']}-{purchase['id']}"
        done = self._folder / f"{name}.json"
        if not done.exists():
            content = {column: purchase.get(column) for column in COLUMNS}
            write_whole(self._folder / f"{name}.csv", _table(content).encode())
            write_whole(done, (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())
        return f"outbox/{done.name}"

    def rehearse(self, purchase: Mapping[str, Any]) -> Rehearsal:
        """Say which file would be written, and what would stand in it."""
        done = self._folder / f"{purchase['number']}-{purchase['id']}.json"
        content = {column: purchase.get(column) for column in COLUMNS}
        return Rehearsal(f"outbox/{done.name}") if done.exists() else Rehearsal("", {"file": f"outbox/{done.name}", **content})

    def check(self) -> str:
        """Say where the files go."""
        self._folder.mkdir(parents=True, exist_ok=True)
        return f"files go to {self._folder}"


def _table(content: Mapping[str, Any]) -> str:
    sink = io.StringIO()
    writer = csv.writer(sink)
    writer.writerow(content)
    writer.writerow([_safe(value) for value in content.values()])
    return sink.getvalue()


def _safe(value: Any) -> Any:
    """Keep a spreadsheet from taking a part's name for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in {"=", "+", "-", "@"} else value


PLUGIN = Outbox
