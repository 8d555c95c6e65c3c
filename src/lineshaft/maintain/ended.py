"""When lives of an asset ended, as its work orders tell: a failure that was mended, or a replacement before it failed."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from lineshaft.core import Database
from lineshaft.maintain.tables import orders

ENDING = {"corrective": True, "predictive": False}
"""Kinds of orders that end a life, and whether the asset had failed. Preventive work and inspections end none."""
WRONG = ("false_alarm", "no_fault_found", "neutral")


def ended_lives(db: Database, asset: str, failure_mode: str, start: int, end: int) -> Sequence[tuple[int, int, bool]]:
    """Return (when it ended, when it was as good as new, whether it failed) in (start, end], oldest first.

    A failure counts from its report, a replacement from when it was done; orders that found no fault end nothing.
    """
    query = (
        sa.select(orders)
        .where(orders.c.asset == asset, orders.c.kind.in_(list(ENDING)), orders.c.done > start, orders.c.done <= end)
        .order_by(orders.c.done, orders.c.number)
    )
    if failure_mode:
        query = query.where(orders.c.failure_mode.in_([failure_mode, ""]))
    found: list[tuple[int, int, bool]] = []
    for row in db.rows(query):
        if (row["closing"] or {}).get("label") in WRONG or row["state"] in {"cancelled", "rejected"}:
            continue
        failed = ENDING[row["kind"]]
        found.append((int(row["created"] if failed else row["done"]), int(row["done"]), failed))
    return found
