"""Compensation: what takes a task back when its case is given up, in the same transaction, the last task first.

Nothing that protects somebody is taken back by giving a case up: lots stay on hold until they are released by two people.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.engine import Connection

from lineshaft.act.job import Job
from lineshaft.core import Conflict
from lineshaft.guard import Subject

UNDOER = Subject.rule("compensation")
Undo = Callable[[Connection, Job, Mapping[str, Any]], str]


def _cancel_order(tx: Connection, job: Job, output: Mapping[str, Any]) -> str:
    """Cancel the order unless work on it is over; its parts go back on the free shelf."""
    order = job.rooms.orders.get(str(output["work_order_id"]), tx)
    if order["state"] in ("done", "verified", "closed", "cancelled", "rejected"):
        return ""
    try:
        job.rooms.orders.cancel(tx, order["id"], UNDOER, note=f"{job.case['number']} was given up")
    except Conflict:
        return f"{order['number']} is {order['state']}: it stays"
    return f"{order['number']} cancelled"


def _withdraw_purchase(tx: Connection, job: Job, output: Mapping[str, Any]) -> str:
    """Reject what nobody has decided yet; what was approved is bought."""
    ids: list[str] = output.get("purchases") or []
    said: list[str] = []
    for one in ids:
        row = job.rooms.purchases.get(one, tx)
        if row["state"] == "proposed":
            job.rooms.purchases.reject(tx, one, UNDOER)
            said.append(f"{row['number']} withdrawn")
    return ", ".join(said)


COMPENSATIONS: dict[str, Undo] = {"work-order.cancel": _cancel_order, "purchase.withdraw": _withdraw_purchase}
"""What a task's `compensation:` can name."""
