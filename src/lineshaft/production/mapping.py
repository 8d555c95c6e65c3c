"""Rows of other systems as checked entries: which of their columns is which of our fields, and their times in whose zone.

A row that does not fit is told with its place and left out. Times without a zone are the other system's local time; a date
alone means the end of that day (an order due on the 10th may be delivered until midnight).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal, cast

from pydantic import Field, ValidationError, field_validator, model_validator

from lineshaft.core import InvalidInput, Problem, Section, check_zone, did_you_mean, iso
from lineshaft.production.calendar import instant
from lineshaft.production.feed import FeedDraft
from lineshaft.production.written import LotEntry, OrderEntry, ProductEntry, QualityEntry, RunEntry

FIELDS: Mapping[str, tuple[str, ...]] = {
    "products": ("product", "name", "unit"),
    "orders": ("order", "customer", "line", "product", "quantity", "due", "delivered", "delivered_at"),
    "lots": ("lot", "material", "product", "quantity", "unit", "made", "order", "parents"),
    "quality": ("check", "lot", "order", "machine", "value", "unit", "low", "high", "passed", "at", "note"),
    "runs": ("order", "line", "at", "start", "end"),
}
NEEDED: Mapping[str, tuple[str, ...]] = {
    "products": ("product",),
    "orders": ("order", "product", "quantity"),
    "lots": ("lot",),
    "quality": ("check", "at"),
    "runs": ("order", "at", "start"),
}
NUMBERS = frozenset({"quantity", "delivered", "value", "low", "high", "line"})
TIMES = frozenset({"due", "delivered_at", "made", "start", "end"})
_LINE = ("product", "quantity", "due", "delivered", "delivered_at")
_TRUE, _FALSE = {"true", "yes", "pass", "passed", "ok", "1", "y"}, {"false", "no", "fail", "failed", "nok", "0", "n"}
Row = tuple[str, Mapping[str, object]]
"""Where a row was found, and its values by our field names."""


class Mapped(Section):
    """Options every feed of rows has: what its rows are, and which of their columns is which of our fields."""

    kind: Literal["products", "orders", "lots", "quality", "runs"] = Field(description="What a row is.")
    columns: dict[str, str] = Field(description="Our field = their column (or path). Unnamed fields stay empty.")
    timezone: str = Field("UTC", description="Zone of times that carry none.")

    @field_validator("timezone")
    @classmethod
    def _zone(cls, name: str) -> str:
        try:
            return check_zone(name)
        except InvalidInput as error:
            raise ValueError(f"{error.what} - {error.hint}") from None

    @model_validator(mode="after")
    def _fields_are_known(self) -> Mapped:
        for name in self.columns:
            if name not in FIELDS[self.kind]:
                raise ValueError(f"columns: '{name}' is no field of {self.kind} - {did_you_mean(name, FIELDS[self.kind])}")
        missing = [name for name in NEEDED[self.kind] if name not in self.columns]
        if missing:
            raise ValueError(f"columns: {self.kind} need {', '.join(missing)} - say which of their columns that is")
        return self


def drafted(options: Mapped, rows: Iterable[Row]) -> FeedDraft:
    """Return rows as checked entries; the rows of one order become its lines."""
    draft = FeedDraft()
    found: list[tuple[str, dict[str, Any]]] = []
    for where, row in rows:
        try:
            found.append((where, _plain(row, options)))
        except (ValueError, ArithmeticError) as error:  # a number or date beyond all sense; it stops no other row
            draft.problems.append(Problem(where, f"a value makes no sense: {error}"))
    for where, row in _orders(found, draft) if options.kind == "orders" else found:
        _take(where, options.kind, row, draft)
    return draft


def moment(value: object, zone: str) -> object:
    """Return a time as ISO 8601 with a zone; what is no time passes, to be refused by the entry with its reason."""
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
        except ValueError:
            return value
    if isinstance(value, datetime):
        if value.tzinfo is not None:
            return value.isoformat()
        return iso(instant(value.date(), value.time(), zone))
    if isinstance(value, date):
        return iso(instant(value + timedelta(days=1), time(), zone))
    return value


def _plain(row: Mapping[str, object], options: Mapped) -> dict[str, Any]:
    """Return a row with numbers, times and truth values in our form, without what is empty."""
    found = {name: _value(name, value, options) for name, value in row.items()}
    return {name: value for name, value in found.items() if value not in (None, "")}


def _value(name: str, value: object, options: Mapped) -> object:
    value = value.strip() if isinstance(value, str) else value
    if value is None or value == "":
        return None
    if name in TIMES or (name == "at" and options.kind == "quality"):
        return moment(value, options.timezone)
    if name in NUMBERS:
        return _number(value)
    if name == "passed":
        word = str(value).lower()
        return True if word in _TRUE else False if word in _FALSE else value
    if name == "parents":
        return value.replace(",", " ").split() if isinstance(value, str) else value
    if name == "lines":
        lines = cast("list[Mapping[str, object]]", value)
        return [_plain(line, options) for line in lines]
    return str(int(value)) if isinstance(value, Decimal | float) and value == int(value) else str(value)


def _number(value: object) -> object:
    if isinstance(value, Decimal | int):
        return float(value)
    try:
        return float(cast("str", value))
    except (TypeError, ValueError):
        return value


def _orders(rows: list[tuple[str, dict[str, Any]]], draft: FeedDraft) -> list[tuple[str, dict[str, Any]]]:
    """Join rows to orders; a row without an order's number is told."""
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for where, row in rows:
        number = row.get("order")
        if number is None:
            draft.problems.append(Problem(where, "it names no order", "look at the column that `order` stands for"))
            continue
        order = found.setdefault(number, (where, {"order": number, "lines": []}))[1]
        if "customer" in row:
            order["customer"] = row["customer"]
        order["lines"] += row.get("lines", [row])
    for _, order in found.values():
        lines = sorted(order["lines"], key=lambda line: line.get("line", 0) if isinstance(line.get("line", 0), float) else 0)
        order["lines"] = [{name: line[name] for name in _LINE if name in line} for line in lines]
    return list(found.values())


def _take(where: str, kind: str, row: dict[str, Any], draft: FeedDraft) -> None:
    if isinstance(row.get("line"), float):
        row["line"] = int(row["line"])
    try:
        if kind == "products":
            draft.products.append((where, ProductEntry.model_validate(row)))
        elif kind == "orders":
            draft.orders.append((where, OrderEntry.model_validate(row)))
        elif kind == "lots":
            draft.lots.append((where, LotEntry.model_validate(row)))
        elif kind == "quality":
            _has_a_time(row)
            draft.quality.append((where, QualityEntry.model_validate(row)))
        else:
            draft.running.append((where, RunEntry.model_validate(row)))
    except InvalidInput as error:
        draft.problems.append(Problem(where, error.what, error.hint))
    except ValidationError as error:
        draft.problems += wrong(where, error)


def _has_a_time(row: Mapping[str, Any]) -> None:
    """Refuse a result without a time: it would be another one at every reading. Raises InvalidInput."""
    if "at" not in row:
        raise InvalidInput("this result has no time", hint="`at` must hold when the check was made")


def wrong(where: str, error: ValidationError) -> list[Problem]:
    """Return what is wrong with an entry, field by field."""
    found: list[Problem] = []
    for one in error.errors():
        what, _, hint = one["msg"].removeprefix("Value error, ").partition(" - ")
        field = ".".join(str(step + 1) if isinstance(step, int) else step for step in one["loc"])
        text = f"{field} is missing" if one["type"] == "missing" else f"{field}: {what}" if field else what
        found.append(Problem(where, text, hint))
    return found
