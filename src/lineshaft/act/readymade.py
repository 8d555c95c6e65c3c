"""What the ready-made processes can do beside maintenance and holds: buy what is low, end idling, watch a delivery at risk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy.engine import Connection

from lineshaft.act.job import Action, Job, Look, RuleAction, Settled, WaitAction, Wake
from lineshaft.core import Conflict, now_ns, parse_duration, parse_time
from lineshaft.guard import Subject

Propose = Callable[[Connection, Job], dict[str, Any]]
Carry = Callable[[Connection, Job, Mapping[str, Any]], dict[str, Any]]

_REPLENISHER = Subject.rule("replenisher")
_STOREKEEPER = Subject.rule("storekeeper")
_ENERGY = Subject.rule("energy")
_PLANNER = Subject.rule("delivery")
_VERIFIER = Subject.rule("verifier")


def low_part(propose: Propose) -> Propose:
    """Return what proposes the purchase of the part an event names, as much as is short by now; nothing if none is."""

    def draft(tx: Connection, job: Job) -> dict[str, Any]:
        outlook = job.rooms.spares.outlook(str(job.names["part"]), tx)
        low = [outlook] if outlook["short"] > 0 else []
        return propose(tx, replace(job, names={**job.names, "stock": {"buy": low}}))

    return draft


def _received(tx: Connection, job: Job) -> Look:
    """See whether every purchase of the case is in the store; one that was cancelled or rejected is not waited for."""
    ids: list[str] = (job.names.get("purchase") or {}).get("purchases") or []
    rows = [job.rooms.purchases.get(one, tx) for one in ids]
    if any(row["state"] in ("proposed", "approved", "ordered") for row in rows):
        return None
    came = sum(float(row["received"]) for row in rows if row["state"] == "received")
    return Settled("done", _STOREKEEPER.id, {"received": came, "number": ", ".join(str(row["number"]) for row in rows)})


def _idle_cost(_tx: Connection, job: Job) -> dict[str, Any]:
    """Say what idling costs an hour: the power the alarm saw, at the price of the task's `with: {price: 0.25}`."""
    power, price = job.names.get("value"), job.task.options.get("price")
    found = {"power": power, "unit": job.names.get("unit") or "", "price": price}
    if not isinstance(power, int | float) or not isinstance(price, int | float):
        return {**found, "per_hour": None}
    return {**found, "per_hour": round(power * price, 2)}


def _normal(tx: Connection, job: Job) -> Look:
    """See whether the alarm's condition is over, and stays so for the task's `with: {hold: 5s}`."""
    alarm_id, row = job.case["alarm_id"], job.row or {}
    if not alarm_id:
        return Settled("skipped", _VERIFIER.id, {"why": "no alarm began this"})
    if not job.rooms.detect.is_normal(alarm_id, tx):
        return None
    if row.get("wake_at") is None:
        return Wake(now_ns() + parse_duration(job.task.options.get("hold", 0)))
    if now_ns() < row["wake_at"]:
        return Wake(row["wake_at"])
    return Settled("done", _VERIFIER.id, {"property": job.names.get("property")}, back_in_service=True)


def _delivery(_tx: Connection, job: Job) -> dict[str, Any]:
    names = ("order_number", "order_line", "product", "quantity", "remaining", "due", "ready", "late_h")
    return {name: job.names.get(name) for name in names}


def _delivered(_tx: Connection, job: Job) -> Look:
    """See whether the order's line was delivered whole, and in time; at its due date it is either or."""
    if job.rooms.production is None:
        raise Conflict("this node keeps no production orders", code="cases.no-production")
    order = job.rooms.production.orders.get(str(job.names["order_number"]))
    line = next((one for one in order["lines"] if one["line"] == job.names["order_line"]), None)
    if line is None:
        return Settled("done", _PLANNER.id, {"on_time": None, "why": "the order has no such line any more"})
    whole, due = line["delivered"] >= line["quantity"], int(line["due"] or 0)
    if whole:
        at = int(line["delivered_at"] or 0)
        return Settled("done", _PLANNER.id, {"on_time": at <= due, "delivered": line["delivered"]})
    if now_ns() >= due:
        return Settled("done", _PLANNER.id, {"on_time": False, "delivered": line["delivered"]})
    return Wake(min(due, parse_time(str(job.names["due"]))) if job.names.get("due") else due)


def _as_is(_tx: Connection, _job: Job, proposal: Mapping[str, Any]) -> dict[str, Any]:
    return dict(proposal)


def readymade(propose: Propose, carry: Carry, decided: Any) -> dict[str, Action]:
    """Return the actions, over what proposes and carries out a purchase."""
    return {
        "spares.replenish": RuleAction(_REPLENISHER, "purchases.propose", low_part(propose), carry, decided),
        "purchase.receive": WaitAction(_STOREKEEPER, "cases.task", _received),
        "idle.cost": RuleAction(_ENERGY, "cases.task", _idle_cost, _as_is),
        "alarm.normal": WaitAction(_VERIFIER, "cases.task", _normal),
        "delivery.judge": RuleAction(_PLANNER, "cases.task", _delivery, _as_is),
        "delivery.watch": WaitAction(_PLANNER, "cases.task", _delivered),
    }
