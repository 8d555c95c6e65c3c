"""The figures of maintenance, each with how it is computed; what is not defined has no value and says why.

Formulas are in docs/explanation/maintain.md. Nothing here is an average of averages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from lineshaft.core import NS, Database, parse_duration
from lineshaft.maintain.inventory import Inventory
from lineshaft.maintain.kpi import repair_times
from lineshaft.maintain.plan import Plans, check, outcome
from lineshaft.maintain.records import downtimes
from lineshaft.maintain.steps import FINAL
from lineshaft.maintain.tables import history, orders

FIXED_FOR = 30 * 86_400 * NS
"""An order fixed it the first time if the same trouble needed no other order for so long."""
NO_FAILURE = ("no_fault_found", "false_alarm")


class Figures:
    """Computes the figures from the orders' own rows."""

    def __init__(self, db: Database, inventory: Inventory, plans: Plans) -> None:
        self._db, self._inventory, self._plans = db, inventory, plans

    def of(self, start: int, end: int, now: int, weekly_hours: float, asset: str | None = None) -> dict[str, Any]:
        """Return all figures over (start, end], of the plant or of an asset and what lies below it."""
        rows = self._orders(asset)
        done = [row for row in rows if row["done"] is not None and start < row["done"] <= end]
        return {
            "mttr": self._mttr(start, end, asset),
            "mtbf": self._mtbf(rows, start, end, asset),
            "pm_compliance": self._compliance(start, end, now, asset),
            "backlog": _backlog(rows, weekly_hours),
            "planned_share": self._planned(done),
            "first_time_fix": self._first_time(rows, start, end, now),
            "stock_outs": self._stock_outs(start, end),
            "late": _late(rows, now),
        }

    def _orders(self, asset: str | None) -> list[dict[str, Any]]:
        query = sa.select(orders).order_by(orders.c.created, orders.c.number)
        return self._db.rows(query if asset is None else query.where(_below(orders.c.asset, asset)))

    def _mttr(self, start: int, end: int, asset: str | None) -> dict[str, Any]:
        found = repair_times(self._db, start, end, asset, kinds=("corrective", "predictive"))
        return {
            "value_s": found.mean_total_s,
            "active_s": found.mean_active_s,
            "waiting_s": found.mean_waiting_s,
            "orders": found.orders,
            "why": "" if found.orders else "no repair was finished",
        }

    def _mtbf(self, rows: Sequence[Mapping[str, Any]], start: int, end: int, asset: str | None) -> dict[str, Any]:
        failures = sum(row["kind"] == "corrective" and start < row["created"] <= end and _failed(row) for row in rows)
        if asset is None:
            return {
                "value_s": None,
                "failures": failures,
                "why": "ask for one asset: a mean over different machines says nothing",
            }
        if not failures:
            return {"value_s": None, "failures": 0, "why": "no failure in this time"}
        stood = self._stood(start, end, asset)
        return {"value_s": ((end - start) / NS - stood) / failures, "failures": failures, "stood_s": stood, "why": ""}

    def _stood(self, start: int, end: int, asset: str) -> float:
        """Return the seconds an asset stood still by its orders' standstills, each second counted once."""
        query = sa.select(downtimes.c.start, downtimes.c.end).where(_below(downtimes.c.asset, asset), downtimes.c.start < end)
        spans = sorted((max(row["start"], start), min(row["end"] or end, end)) for row in self._db.rows(query))
        total, until = 0, start
        for low, high in spans:
            total += max(0, high - max(low, until))
            until = max(until, high)
        return total / NS

    def _compliance(self, start: int, end: int, now: int, asset: str | None) -> dict[str, Any]:
        counts: dict[str, int] = dict.fromkeys(("in_time", "late", "missed", "overdue", "open"), 0)
        for row in self._plans.list():
            if asset is not None and row["asset"] != asset and not row["asset"].startswith(f"{asset}/"):
                continue
            grace = parse_duration(check(row["definition"]).grace)
            for one in self._plans.occurrences([row["id"]], limit=2000):
                if start < one["due"] <= min(end, now):
                    counts[outcome(one, grace, now)] += 1
        judged = counts["in_time"] + counts["late"] + counts["missed"] + counts["overdue"]
        why = "" if judged else "nothing was due"
        return {"value": counts["in_time"] / judged if judged else None, **counts, "why": why}

    def _planned(self, done: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        ids = [row["id"] for row in done]
        query = sa.select(history.c.order_id).where(history.c.what == "plan").distinct()
        planned = {row["order_id"] for row in self._db.rows(query)} if ids else set[str]()
        ahead = [row for row in done if row["planned_for"] is not None or row["id"] in planned]
        return {
            "value": len(ahead) / len(done) if done else None,
            "planned": len(ahead),
            "orders": len(done),
            "why": "" if done else "no order was finished",
        }

    def _first_time(self, rows: Sequence[Mapping[str, Any]], start: int, end: int, now: int) -> dict[str, Any]:
        ended = "verified"
        query = sa.select(history.c.order_id, history.c.what, history.c.at).where(history.c.what.in_(("verify", "reopen")))
        verified: dict[str, int] = {}
        reopened: set[str] = set()
        for line in self._db.rows(query.order_by(history.c.at, history.c.position)):
            if line["what"] == "verify":
                verified[line["order_id"]] = line["at"]
            else:
                reopened.add(line["order_id"])
        mine = [
            row
            for row in rows
            if row["kind"] in {"corrective", "predictive"} and start < verified.get(row["id"], start) <= min(end, now - FIXED_FOR)
        ]
        fixed = [row for row in mine if row["id"] not in reopened and not _again(row, verified[row["id"]], rows)]
        why = "" if mine else f"no repair was {ended} at least 30 days ago in this time"
        return {"value": len(fixed) / len(mine) if mine else None, "fixed": len(fixed), "orders": len(mine), "why": why}

    def _stock_outs(self, start: int, end: int) -> dict[str, Any]:
        events = self._inventory.stock_outs(start, end)
        out = [row["part"] for row in self._inventory.list() if row["available"] <= 0 and row["minimum"] > 0]
        return {"value": len(events), "events": events, "out_now": out}


def _below(column: sa.ColumnElement[str], asset: str) -> sa.ColumnElement[bool]:
    return sa.or_(column == asset, column.startswith(f"{asset}/", autoescape=True))


def _failed(row: Mapping[str, Any]) -> bool:
    return row["state"] not in {"cancelled", "rejected"} and row["closing"].get("label") not in NO_FAILURE


def _again(row: Mapping[str, Any], verified: int, rows: Sequence[Mapping[str, Any]]) -> bool:
    return any(
        other["id"] != row["id"]
        and other["asset"] == row["asset"]
        and other["failure_mode"] == row["failure_mode"]
        and other["kind"] in {"corrective", "predictive"}
        and verified < other["created"] <= verified + FIXED_FOR
        and _failed(other)
        for other in rows
    )


def _backlog(rows: Sequence[Mapping[str, Any]], weekly_hours: float) -> dict[str, Any]:
    waiting = [row for row in rows if row["state"] not in (*FINAL, "done", "verified")]
    known = [row["hours"] for row in waiting if row["hours"] is not None]
    hours = round(sum(known), 2)
    return {
        "orders": len(waiting),
        "hours": hours if known or not waiting else None,
        "weeks": round(hours / weekly_hours, 2) if weekly_hours and (known or not waiting) else None,
        "unestimated": len(waiting) - len(known),
        "weekly_hours": weekly_hours or None,
        "why": "" if weekly_hours else "no technician's hours are known",
    }


def _late(rows: Sequence[Mapping[str, Any]], now: int) -> dict[str, Any]:
    waiting = [row for row in rows if row["state"] not in (*FINAL, "done", "verified")]
    late = [row["number"] for row in waiting if row["due"] is not None and row["due"] < now]
    return {"value": len(late), "orders": late[:20], "open": len(waiting)}
