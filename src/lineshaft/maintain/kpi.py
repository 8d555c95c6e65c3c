"""Figures of maintenance: time to repair, with waiting told apart from active repair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import sqlalchemy as sa

from lineshaft.core import NS, Database, now_ns
from lineshaft.maintain.tables import history, orders


@dataclass(frozen=True, slots=True)
class Repair:
    """How long one order took, in seconds: from report to done, of which hands were at work."""

    total_s: float
    active_s: float

    @property
    def waiting_s(self) -> float:
        """Time nobody worked on it: parts, permit, people, sleep."""
        return self.total_s - self.active_s


@dataclass(frozen=True, slots=True)
class RepairTimes:
    """Mean times over finished orders; None while there are none."""

    orders: int
    mean_total_s: float | None
    mean_active_s: float | None
    mean_waiting_s: float | None


def repair_of(lines: Sequence[dict[str, Any]]) -> Repair | None:
    """Compute one order's repair from its history (`at`, `state`), oldest first; None while it is not done.

    >>> lines = [{"at": 0, "state": "triaged"}, {"at": 2 * NS, "state": "in_progress"}, {"at": 5 * NS, "state": "done"}]
    >>> repair_of(lines)
    Repair(total_s=5.0, active_s=3.0)
    """
    ends = [number for number, line in enumerate(lines) if line["state"] == "done"]
    if not ends:
        return None
    until = lines[: ends[-1] + 1]
    active = sum(b["at"] - a["at"] for a, b in pairwise(until) if a["state"] == "in_progress")
    return Repair((until[-1]["at"] - until[0]["at"]) / NS, active / NS)


def repair_times(
    db: Database, start: int, end: int | None = None, asset: str | None = None, kinds: Sequence[str] = ()
) -> RepairTimes:
    """Return MTTR over orders done in (start, end], of all kinds or some, of the plant or an asset and what lies below it."""
    query = (
        sa.select(history.c.order_id, history.c.at, history.c.state)
        .join(orders, orders.c.id == history.c.order_id)
        .where(orders.c.done > start, orders.c.done <= (now_ns() if end is None else end))
        .order_by(history.c.order_id, history.c.position)
    )
    if asset:
        query = query.where(sa.or_(orders.c.asset == asset, orders.c.asset.startswith(f"{asset}/", autoescape=True)))
    if kinds:
        query = query.where(orders.c.kind.in_(list(kinds)))
    lines: dict[str, list[dict[str, Any]]] = {}
    for row in db.rows(query):
        lines.setdefault(row["order_id"], []).append(row)
    found = [repair for repair in map(repair_of, lines.values()) if repair is not None]
    if not found:
        return RepairTimes(0, None, None, None)
    total = sum(r.total_s for r in found) / len(found)
    active = sum(r.active_s for r in found) / len(found)
    return RepairTimes(len(found), total, active, total - active)
