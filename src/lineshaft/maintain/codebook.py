"""The plant's closing codes: our own short lists, and what a plant added to them or took off (imported as CSV or YAML)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import Database, InvalidInput, did_you_mean
from lineshaft.maintain.codes import LISTS
from lineshaft.maintain.records import codes

IMPORTABLE = tuple(name for name in LISTS if name != "label")
"""The labels are the detectors' own: what each means to them is fixed."""


class CodeBook:
    """The lists in force."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def lists(self, tx: Connection | None = None) -> dict[str, dict[str, str]]:
        """Return every list: code -> text, ours with the plant's own."""
        found = {name: dict(texts) for name, texts in LISTS.items()}
        for row in self._db.rows(sa.select(codes).order_by(codes.c.list, codes.c.code), tx):
            if row["retired"]:
                found[row["list"]].pop(row["code"], None)
            else:
                found[row["list"]][row["code"]] = row["text"]
        return found

    def take(self, tx: Connection, rows: Iterable[Mapping[str, Any]]) -> int:
        """Take codes: `{list, code, text, retired?}`; a code that is there gets the new text. Returns how many."""
        count = 0
        for number, row in enumerate(rows, start=1):
            one = _checked(row, number)
            key = (codes.c.list == one["list"]) & (codes.c.code == one["code"])
            if tx.execute(codes.update().where(key).values(text=one["text"], retired=one["retired"])).rowcount == 0:
                tx.execute(codes.insert().values(**one))
            count += 1
        return count


def rows_of_csv(text: str) -> list[dict[str, Any]]:
    r"""Read `list,code,text[,retired]` with a header line, comma or semicolon.

    >>> rows_of_csv("list;code;text\ncause;WATER;water in the oil\n")
    [{'list': 'cause', 'code': 'WATER', 'text': 'water in the oil'}]
    """
    lines = text.lstrip("\ufeff").splitlines()
    if not lines:
        raise InvalidInput("the file is empty", code="codes.file")
    reader = csv.DictReader(io.StringIO("\n".join(lines)), delimiter=";" if lines[0].count(";") > lines[0].count(",") else ",")
    wanted = {"list", "code", "text"}
    have = {name.strip().lower() for name in reader.fieldnames or []}
    if not wanted <= have:
        raise InvalidInput(
            f"the first line must name the columns {', '.join(sorted(wanted))}", hint=f"it names {', '.join(sorted(have))}",
            code="codes.file",
        )  # fmt: skip
    return [{str(k).strip().lower(): str(v or "").strip() for k, v in row.items() if k} for row in reader]


def _checked(row: Mapping[str, Any], number: int) -> dict[str, Any]:
    name, code, text = (str(row.get(key) or "").strip() for key in ("list", "code", "text"))
    where = f"row {number}"
    if name not in IMPORTABLE:
        raise InvalidInput(f"'{name}' is no list of codes", where=where, hint=did_you_mean(name, IMPORTABLE), code="codes.list")
    if not code or len(code) > 20 or not code.replace("-", "").replace("_", "").isalnum():
        raise InvalidInput(f"'{code}' is no code", where=where, hint="1 to 20 letters, digits, - or _", code="codes.code")
    retired = str(row.get("retired") or "").lower() in {"1", "true", "yes"}
    if not text and not retired:
        raise InvalidInput(f"code '{code}' needs a text", where=where, code="codes.text")
    return {"list": name, "code": code, "text": text[:200], "retired": retired}
