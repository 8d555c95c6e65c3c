"""What the plans will ask for: due dates, hours and parts of the coming months, beside what the workshop and the bins have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from lineshaft.core import NS

DAY = 86_400 * NS


def forecast(
    items: Sequence[Mapping[str, Any]], stock: Mapping[str, Mapping[str, Any]], weekly_hours: float, start: int, months: int = 12
) -> dict[str, Any]:
    """Return `{months, parts}` for dated items (`due`, `hours`, `parts`): demand a month, and when a part will run out.

    Hours are a sum of the estimates; `unestimated` counts what has none. A part's `order_by` is the day its stock runs short
    less its lead time.
    """
    rows: dict[str, dict[str, Any]] = {}
    for name in month_names(start, months):
        capacity = round(weekly_hours * 52 / 12, 1)
        rows[name] = {"month": name, "orders": 0, "hours": 0.0, "unestimated": 0, "parts": {}, "capacity_hours": capacity}
    for one in items:
        row = rows.get(month_of(one["due"]))
        if row is None:
            continue
        row["orders"] += 1
        row["hours"] = round(row["hours"] + (one["hours"] or 0.0), 2)
        row["unestimated"] += one["hours"] is None
        for part in one["parts"]:
            row["parts"][part["part"]] = row["parts"].get(part["part"], 0.0) + part["quantity"]
    return {"months": list(rows.values()), "parts": _parts(items, stock)}


def month_of(at: int) -> str:
    """Return the month of a moment, UTC.

    >>> month_of(0)
    '1970-01'
    """
    return datetime.fromtimestamp(at // NS, UTC).strftime("%Y-%m")


def month_names(start: int, count: int) -> list[str]:
    """Return so many months, that of the start first."""
    first = datetime.fromtimestamp(start // NS, UTC)
    index = first.year * 12 + first.month - 1
    return [f"{(index + n) // 12:04d}-{(index + n) % 12 + 1:02d}" for n in range(count)]


def _parts(items: Sequence[Mapping[str, Any]], stock: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    wanted: dict[str, float] = {}
    short: dict[str, int] = {}
    for one in sorted(items, key=lambda item: item["due"]):
        for part in one["parts"]:
            name = part["part"]
            wanted[name] = wanted.get(name, 0.0) + part["quantity"]
            if name in stock and name not in short and wanted[name] > stock[name]["available"]:
                short[name] = one["due"]
    found: list[dict[str, Any]] = []
    for name, quantity in sorted(wanted.items()):
        card = stock.get(name)
        lead = round((card or {}).get("lead_time_days", 0.0) * DAY)
        found.append(
            {
                "part": name,
                "name": card["name"] if card else name,
                "quantity": round(quantity, 3),
                "available": card["available"] if card else None,
                "short_on": short.get(name),
                "order_by": short[name] - lead if name in short else None,
            }
        )
    return found
