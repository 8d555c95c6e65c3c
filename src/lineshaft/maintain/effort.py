"""What an order took: whose hours, what standstill, what it cost; and the photographs and papers kept with it.

These are lines that are only ever added, each with an id of its own: two phones that were offline never clash over them.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import NS, Conflict, InvalidInput, NotFound, bump, new_id, now_ns
from lineshaft.guard import Subject
from lineshaft.maintain.records import attachments, downtimes, labour, technicians
from lineshaft.maintain.tables import moves, spares

LONGEST = 24 * 3600 * NS
"""One line of labour is at most a day: more is a slip of the pen."""


def add_labour(
    tx: Connection,
    order_id: str,
    by: Subject,
    start: int,
    end: int,
    *,
    person: str = "",
    login: str = "",
    hourly_cost: float | None = None,
    note: str = "",
) -> dict[str, Any]:
    """Write who worked from when to when; the cost of an hour is the technician's of now unless it is given."""
    if not 0 < end - start <= LONGEST:
        raise InvalidInput("labour is from a start to a later end, at most 24 h", where="end", code="labour.span")
    rate = hourly_cost if hourly_cost is not None else _rate(tx, login or by.name)
    row = {
        "id": new_id(),
        "version": 1,
        "order_id": order_id,
        "person": person or by.id,
        "start": start,
        "end": end,
        "hourly_cost": rate,
        "note": note,
        "by": by.id,
        "at": now_ns(),
    }
    tx.execute(labour.insert().values(**row))
    return _labour(row)


def add_downtime(
    tx: Connection,
    order_id: str,
    asset: str,
    by: Subject,
    start: int,
    end: int | None = None,
    *,
    planned: bool = False,
    note: str = "",
) -> dict[str, Any]:
    """Write that the machine stood still; without an end it still does."""
    if end is not None and end <= start:
        raise InvalidInput("a standstill ends after it began", where="end", code="downtime.span")
    row = {
        "id": new_id(),
        "version": 1,
        "order_id": order_id,
        "asset": asset,
        "start": start,
        "end": end,
        "planned": planned,
        "note": note,
        "by": by.id,
    }
    tx.execute(downtimes.insert().values(**row))
    return row


def end_downtime(tx: Connection, order_id: str, line_id: str, end: int, version: int | None = None) -> dict[str, Any]:
    """Write when the machine ran again."""
    query = sa.select(downtimes).where(downtimes.c.id == line_id, downtimes.c.order_id == order_id)
    row = tx.execute(query).mappings().first()
    if row is None:
        raise NotFound(f"this order has no standstill {line_id}", code="downtime.unknown")
    if row["end"] is not None:
        raise Conflict("this standstill has its end", hint="read the order again", code="downtime.ended")
    if end <= row["start"]:
        raise InvalidInput("a standstill ends after it began", where="end", code="downtime.span")
    bump(tx, downtimes, line_id, version, end=end)
    return {**row, "end": end}


def attach(
    tx: Connection, order_id: str, by: Subject, document: dict[str, Any], kind: str = "document", step_id: str | None = None
) -> dict[str, Any]:
    """Keep a document of the shelf with an order; attaching it again changes nothing."""
    key = (attachments.c.order_id == order_id) & (attachments.c.document_id == document["id"])
    there = tx.execute(sa.select(attachments).where(key)).mappings().first()
    if there is not None:
        return dict(there)
    row = {
        "id": new_id(),
        "version": 1,
        "order_id": order_id,
        "document_id": document["id"],
        "name": document["name"],
        "mime": document["mime"],
        "kind": kind,
        "step_id": step_id,
        "by": by.id,
        "at": now_ns(),
    }
    tx.execute(attachments.insert().values(**row))
    return row


def read_effort(tx: Connection, order_id: str) -> dict[str, Any]:
    """Return an order's labour, standstills, attachments and what they and its parts cost (None where a rate is unknown)."""
    work = [_labour(row) for row in tx.execute(_of(labour, order_id).order_by(labour.c.start, labour.c.id)).mappings()]
    stood = [dict(row) for row in tx.execute(_of(downtimes, order_id).order_by(downtimes.c.start, downtimes.c.id)).mappings()]
    kept = [dict(row) for row in tx.execute(_of(attachments, order_id).order_by(attachments.c.at, attachments.c.id)).mappings()]
    costs = [one["cost"] for one in work]
    spent = None if None in costs else round(sum(costs), 2)
    return {
        "labour": work,
        "downtime": stood,
        "attachments": kept,
        "cost": {"labour": spent, "parts": _parts_cost(tx, order_id)},
    }


def _parts_cost(tx: Connection, order_id: str) -> float:
    signed = sa.case((moves.c.kind == "return", -moves.c.quantity), else_=moves.c.quantity)
    query = (
        sa.select(sa.func.coalesce(sa.func.sum(signed * spares.c.unit_cost), 0.0))
        .join(spares, spares.c.id == moves.c.spare_id)
        .where(moves.c.order_id == order_id, moves.c.kind.in_(("issue", "return")))
    )
    return round(float(tx.execute(query).scalar_one()), 2)


def _of(table: sa.Table, order_id: str) -> sa.Select[Any]:
    return sa.select(table).where(table.c.order_id == order_id)


def _labour(row: Any) -> dict[str, Any]:
    hours = (row["end"] - row["start"]) / NS / 3600
    rate = row["hourly_cost"]
    return {**row, "hours": round(hours, 3), "cost": None if rate is None else round(hours * rate, 2)}


def _rate(tx: Connection, login: str) -> float | None:
    return tx.execute(sa.select(technicians.c.hourly_cost).where(technicians.c.login == login)).scalar()
