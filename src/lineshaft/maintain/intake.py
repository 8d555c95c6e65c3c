"""Parts and orders from files: what a row must hold, a dry run that says what would happen, and the import, all or nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from sqlalchemy.engine import Connection

from lineshaft.core import LineshaftError, iso, now_ns, parse_time
from lineshaft.guard import Subject
from lineshaft.maintain.order import Orders
from lineshaft.maintain.spare import Spares
from lineshaft.maintain.tabular import Read, Wrong, read_table

PART_COLUMNS = (
    *("part", "name", "bin", "on_hand", "minimum", "target", "unit_cost", "lead_time_days", "used_by", "alternatives"),
)
ORDER_COLUMNS = (
    *("number", "external", "asset", "title", "kind", "state", "priority", "failure_mode", "due", "created", "assigned_to"),
)
What = Literal["parts", "orders"]
ZONE = re.compile(r"(Z|[+-]\d\d:?\d\d)$")
"""A time without a zone is taken for UTC."""


class _Row(BaseModel):
    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)


class PartRow(_Row):
    """A part; `used_by` is `asset*quantity@mode` separated by `|`, `alternatives` part numbers separated by `|`."""

    part: str = Field(min_length=1, max_length=80)
    name: str = Field(min_length=1, max_length=200)
    bin: str = Field("", max_length=40)
    on_hand: float = Field(0.0, ge=0, le=1e9, allow_inf_nan=False)
    minimum: float = Field(0.0, ge=0, le=1e9, allow_inf_nan=False)
    target: float = Field(0.0, ge=0, le=1e9, allow_inf_nan=False)
    unit_cost: float = Field(0.0, ge=0, le=1e9, allow_inf_nan=False)
    lead_time_days: float = Field(0.0, ge=0, le=10_000, allow_inf_nan=False)
    used_by: list[dict[str, Any]] = Field(default_factory=list[dict[str, Any]])
    alternatives: list[str] = Field(default_factory=list[str])

    @field_validator("used_by", mode="before")
    @classmethod
    def _uses(cls, value: object) -> object:
        return [_use(one) for one in value.split("|") if one.strip()] if isinstance(value, str) else value

    @field_validator("alternatives", mode="before")
    @classmethod
    def _others(cls, value: object) -> object:
        return [one.strip() for one in value.split("|") if one.strip()] if isinstance(value, str) else value


class OrderRow(_Row):
    """A work order of another system; `external` is its number there, and makes importing twice import once."""

    external: str = Field(min_length=1, max_length=80)
    asset: str = Field(min_length=1)
    title: str = Field(min_length=1, max_length=300)
    kind: Literal["corrective", "preventive", "predictive", "inspection"] = "corrective"
    priority: int = Field(3, ge=1, le=5)
    failure_mode: str = ""
    due: int | None = None
    note: str = ""

    @field_validator("due", mode="before")
    @classmethod
    def _moment(cls, value: object) -> object:
        if value is None or isinstance(value, int):
            return value
        text = value.isoformat() if hasattr(value, "isoformat") else str(value)  # pyright: ignore[reportAttributeAccessIssue]
        try:
            day = len(text.strip()) == 10
            return parse_time(f"{text.strip()}T00:00:00Z" if day else text if ZONE.search(text) else f"{text}Z")
        except LineshaftError as error:
            raise ValueError(error.what) from None


def _use(text: str) -> dict[str, Any]:
    place, _, mode = text.strip().partition("@")
    asset, _, count = place.partition("*")
    try:
        quantity = float(count.replace(",", ".")) if count.strip() else 1.0
    except ValueError:
        raise ValueError(f"'{count}' is no quantity") from None
    return {"asset": asset.strip(), "quantity": quantity, "failure_mode": mode.strip()}


class Intake:
    """Takes parts and orders from files."""

    def __init__(self, orders: Orders, spares: Spares, asset_of: Callable[[str], str]) -> None:
        self._orders, self._spares, self._asset_of = orders, spares, asset_of

    def read(self, what: What, content: bytes) -> Read[Any]:
        """Read a file and check every row against what is known here."""
        found: Read[Any] = read_table(content, PartRow if what == "parts" else OrderRow)
        wrong = [*found.wrong, *_twice(found, "part" if what == "parts" else "external")]
        places = [
            (line, "used_by" if what == "parts" else "asset", asset)
            for line, row in found.rows
            for asset in ([use["asset"] for use in row.used_by] if what == "parts" else [row.asset])
        ]
        for line, column, asset in places:
            try:
                self._asset_of(asset)
            except LineshaftError as error:
                wrong.append(Wrong(line, column, error.what, error.hint))
        return Read(found.rows, tuple(sorted(wrong, key=lambda one: one.line)))

    def take(self, tx: Connection, what: What, found: Read[Any], by: Subject) -> dict[str, int]:
        """Write the rows; a part that is there gets its new card and keeps its stock, an order that is there stays as it is."""
        counts = {"added": 0, "changed": 0, "known": 0}
        for line, row in found.rows:
            try:
                counts[self._part(tx, row, by) if what == "parts" else self._order(tx, row, by)] += 1
            except LineshaftError as error:
                raise type(error)(error.what, where=f"line {line}", hint=error.hint, code=error.code) from None
        return counts

    def _part(self, tx: Connection, row: PartRow, by: Subject) -> str:
        known = {one["part"] for one in self._spares.list(tx)}
        self._spares.add(tx, row.part, row.model_dump(exclude={"part"}), by)
        return "changed" if row.part in known else "added"

    def _order(self, tx: Connection, row: OrderRow, by: Subject) -> str:
        values, now = row.model_dump(exclude={"external", "asset"}), now_ns()
        made = self._orders.create(tx, by, asset=self._asset_of(row.asset), source=("import", row.external), **values)
        return "added" if made["created"] >= now else "known"

    def parts(self) -> list[dict[str, Any]]:
        """Return the parts as rows of a file."""
        return [
            {
                **row,
                "used_by": "|".join(_text(use) for use in row["used_by"]),
                "alternatives": "|".join(row["alternatives"] or ()),
            }
            for row in self._spares.list()
        ]

    @staticmethod
    def order_rows(orders: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return orders as rows of a file."""
        return [
            {
                **row,
                "external": row["source"]["id"] if row["source"] and row["source"]["type"] == "import" else "",
                "due": iso(row["due"]) if row["due"] else "",
                "created": iso(row["created"]),
            }
            for row in orders
        ]


def _twice(found: Read[Any], column: str) -> list[Wrong]:
    seen: dict[str, int] = {}
    wrong: list[Wrong] = []
    for line, row in found.rows:
        key = str(getattr(row, column))
        if key in seen:
            wrong.append(Wrong(line, column, f"'{key}' is in line {seen[key]} already"))
        seen.setdefault(key, line)
    return wrong


def _text(use: Mapping[str, Any]) -> str:
    count = "" if use["quantity"] == 1 else f"*{use['quantity']:g}"
    return f"{use['asset']}{count}" + (f"@{use['failure_mode']}" if use["failure_mode"] else "")
