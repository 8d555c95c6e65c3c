"""Deliveries at risk: which order lines will be ready after they are due, at the pace so far and by the line's calendar."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lineshaft.core import NS, iso, now_ns
from lineshaft.production import Production

HORIZON = 60 * 86_400 * NS
"""What would be ready later than in so many days counts as ready then."""
_DAY = 86_400 * NS


def at_risk(production: Production, at: int | None = None) -> list[dict[str, Any]]:
    """Return the running order lines that will be late, as the names of an event: order, line, ready, due, late_h ..."""
    now = now_ns() if at is None else at
    made = _made(production)
    found: list[dict[str, Any]] = []
    for run in production.orders.running_now():
        place = str(run["asset"])
        order = production.orders.get(run["order"])
        line = next((one for one in order["lines"] if one["line"] == run["line"]), None)
        if line is None or line["due"] is None or line["due"] <= now:
            continue
        done = max(float(line["delivered"]), made.get((order["id"], line["product_id"]), 0.0))
        remaining = float(line["quantity"]) - done
        ready = None if remaining <= 0 else _ready(production, place, run, done, remaining, now)
        if ready is not None and ready > line["due"]:
            found.append(_event(place, order, line, remaining, ready, now))
    return found


def _event(
    place: str, order: Mapping[str, Any], line: Mapping[str, Any], remaining: float, ready: int, now: int
) -> dict[str, Any]:
    return {
        "event": "delivery",
        "asset": place,
        "asset_name": place.rpartition("/")[2],
        "name": f"{order['number']} will be late",
        "order_number": order["number"],
        "order_line": line["line"],
        "product": line["product"],
        "quantity": line["quantity"],
        "remaining": remaining,
        "due": iso(line["due"]),
        "ready": iso(ready),
        "late_h": round((ready - line["due"]) / NS / 3600, 1),
        "at": iso(now),
    }


def _made(production: Production) -> dict[tuple[str, str], float]:
    """Return the good parts in lots, by order and product."""
    total: dict[tuple[str, str], float] = {}
    for lot in production.lots.list():
        if lot["order_id"] and lot["product_id"] and lot["state"] in ("free", "hold"):
            key = (str(lot["order_id"]), str(lot["product_id"]))
            total[key] = total.get(key, 0.0) + float(lot["quantity"] or 0.0)
    return total


def _ready(production: Production, place: str, run: Mapping[str, Any], done: float, remaining: float, now: int) -> int | None:
    """Return when the rest will be made: at the pace since the run began, or at the ideal cycle while nothing is made yet."""
    calendar = production.calendar(place)
    worked = sum(one.seconds for one in calendar.planned(run["start_ns"], now) if one.kind.value == "shift")
    if done > 0 and worked > 0:
        seconds = remaining * worked / done
    else:
        ideal = next((one.ideal_cycle_s for one in production.running(place, now - 1, now) if one.ideal_cycle_s), None)
        if ideal is None:
            return None
        seconds = remaining * ideal
    at = now
    while at < now + HORIZON:
        for one in calendar.planned(at, at + _DAY):
            if one.kind.value != "shift":
                continue
            if one.seconds >= seconds:
                return one.start + round(seconds * NS)
            seconds -= one.seconds
        at += _DAY
    return now + HORIZON
