"""The estimate as plain data, the same for every door."""

from __future__ import annotations

from typing import Any

from lineshaft.core import iso
from lineshaft.store.cost.costs import Prognosis
from lineshaft.store.index import DAY


def cost_told(found: Prognosis) -> dict[str, Any]:
    """Return an estimate as data: for the REST door and for the command line."""
    terms = found.terms
    months = [
        {"days": one.days, "at": iso(found.at + one.days * DAY), "sizes": _whole_bytes(one.sizes), "money": one.money}
        for one in found.months
    ]
    budget = [
        {
            "what": one.what,
            "limit": one.limit,
            "used": one.now,
            "exceeded_in_days": one.day,
            "exceeded_at": None if one.day is None else iso(found.at + one.day * DAY),
        }
        for one in found.budget
    ]
    return {
        "at": iso(found.at),
        "terms": {
            "currency": terms.currency,
            "prices": dict(terms.prices),
            "budget_money": terms.money,
            "budget_gb": {tier: terms.gigabytes.get(tier) for tier in terms.prices},
            "version": terms.version,
        },
        "pace": {
            "rows_per_s": found.pace.rows_per_s,
            "bytes_per_row": found.pace.bytes_per_row,
            "rows": found.pace.rows,
            "measured_s": found.pace.over / 1e9,
        },
        "money": found.now.money,
        "sizes": _whole_bytes(found.now.sizes),
        "lines": _lines(found),
        "months": months,
        "history": [],
        "what_if": [{"older_than_days": one.older_than, "money": one.money, "moved": round(one.moved)} for one in found.what_if],
        "rules": dict(found.rules),
        "budget": budget,
        "unmeasured": list(found.unmeasured),
        "kept_days": found.keep / DAY,
    }


def _lines(found: Prognosis) -> list[dict[str, Any]]:
    """Return a line for each table and tier, the largest first."""
    known = {(line.table, line.tier): line for line in found.lines}
    rows: list[dict[str, Any]] = []
    for (table, tier), sizes in found.per_table.items():
        line = known.get((table, tier))
        now, *later = [None if size is None else round(size) for size in sizes]
        rows.append(
            {
                "table": table,
                "tier": tier,
                "rows": line.rows if line else None,
                "now": now,
                **dict(zip(("months_1", "months_3", "months_12"), later, strict=True)),
                "per_day": None if line is None or line.rate.day is None else round(line.rate.day),
                "money": (now or 0) / 1e9 * found.terms.prices[tier],
            }
        )
    return sorted(rows, key=lambda row: (-row["now"], row["table"], row["tier"]))


def _whole_bytes(sizes: Any) -> dict[str, int]:
    return {str(tier): round(size) for tier, size in sizes.items()}
