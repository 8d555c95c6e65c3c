"""Permits and lock-outs: what must stand before hands go in, and what must be off before the machine is back in service.

A lock belongs to whoever put it on: somebody else takes it off only with a planner's rights and a reason. While one stands,
nothing is written to the machine or anything that is part of it; alarms go on as ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import Conflict, Database, Forbidden, InvalidInput, NotFound, bump, did_you_mean, new_id, now_ns
from lineshaft.guard import Role, Subject
from lineshaft.maintain.records import permits
from lineshaft.maintain.tables import orders

KINDS = ("lockout", "permit")
MASTERS = frozenset({Role.PLANNER, Role.ENGINEER, Role.ADMIN})
"""Who may take off a lock that is not their own."""


def require(tx: Connection, order_id: str, asset: str, wanted: Sequence[Mapping[str, Any]]) -> None:
    """Note what must stand before work begins: `{kind: lockout|permit, text, points: [text, ...]}`."""
    for one in wanted:
        kind = str(one.get("kind", "lockout"))
        if kind not in KINDS:
            raise InvalidInput(f"'{kind}' is no kind of permit", hint=did_you_mean(kind, KINDS), code="permits.kind")
        if not str(one.get("text") or "").strip():
            raise InvalidInput(
                "a lock or permit says what it is: a switch, a valve, a kind of work", where="text", code="permits.text"
            )
        points = [str(point) for point in one.get("points") or []]
        tx.execute(
            permits.insert().values(
                id=new_id(),
                version=1,
                order_id=order_id,
                asset=str(one.get("asset") or asset),
                kind=kind,
                text=str(one.get("text") or ""),
                points=points,
                state="required",
            )
        )


def apply(
    tx: Connection, order_id: str, permit_id: str, by: Subject, points: Sequence[str] | None, version: int | None
) -> dict[str, Any]:
    """Put the lock on (or record the permit as granted): every isolation point must be named as done."""
    row = _row(tx, order_id, permit_id)
    if row["state"] != "required":
        raise Conflict(f"it is {row['state']} already", hint="read the order again", code="permits.step")
    missing = [point for point in row["points"] if point not in (points or [])]
    if missing:
        raise Conflict(
            f"{len(missing)} isolation point(s) are not confirmed, the first is '{missing[0]}'",
            hint="confirm every point, then put the lock on",
            code="permits.points",
        )
    bump(tx, permits, permit_id, version, state="applied", applied_by=by.id, applied=now_ns())
    return _row(tx, order_id, permit_id)


def release(tx: Connection, order_id: str, permit_id: str, by: Subject, reason: str, version: int | None) -> dict[str, Any]:
    """Take the lock off. Raises Forbidden for somebody else's lock without a planner's rights, Conflict without a reason."""
    row = _row(tx, order_id, permit_id)
    if row["state"] != "applied":
        raise Conflict(f"it is {row['state']}, not applied", code="permits.step")
    if row["applied_by"] != by.id:
        if not MASTERS & by.roles or by.kind not in {"person", "token"}:
            raise Forbidden(
                "this lock is somebody else's", hint="whoever put it on takes it off, or a planner with a reason",
                code="permits.not-yours",
            )  # fmt: skip
        if not reason.strip():
            raise InvalidInput("taking off somebody else's lock needs a reason", where="reason", code="permits.reason")
    bump(tx, permits, permit_id, version, state="released", released_by=by.id, released=now_ns(), reason=reason)
    return _row(tx, order_id, permit_id)


def refuse_start(tx: Connection, order_id: str, number: str) -> None:
    """Raise Conflict while a permit or lock the order requires does not stand."""
    query = sa.select(permits.c.kind, permits.c.text).where(permits.c.order_id == order_id, permits.c.state == "required")
    open_ones = list(tx.execute(query))
    if open_ones:
        first = open_ones[0]
        raise Conflict(
            f"{number} may not begin: {first.text or first.kind} does not stand",
            hint="lock the machine out, or have the permit granted, then start",
            code="work-orders.permit",
            details={"open": len(open_ones)},
        )


def refuse_service(tx: Connection, order_id: str, number: str) -> None:
    """Raise Conflict while a lock of the order is still on the machine: then it is not back in service."""
    query = sa.select(permits.c.text).where(
        permits.c.order_id == order_id, permits.c.state == "applied", permits.c.kind == "lockout"
    )
    locks = list(tx.execute(query))
    if locks:
        raise Conflict(
            f"{number} has {len(locks)} lock(s) on the machine: it is not back in service",
            hint="take the locks off, then verify",
            code="work-orders.locked",
        )


def read_permits(tx: Connection, order_id: str) -> list[dict[str, Any]]:
    """Return an order's permits and locks."""
    query = sa.select(permits).where(permits.c.order_id == order_id).order_by(permits.c.kind, permits.c.text, permits.c.id)
    return [dict(row) for row in tx.execute(query).mappings()]


def standing(db: Database, tx: Connection | None = None) -> list[dict[str, Any]]:
    """Return every lock-out that stands, with its order's number."""
    query = (
        sa.select(permits, orders.c.number)
        .join(orders, orders.c.id == permits.c.order_id)
        .where(permits.c.state == "applied", permits.c.kind == "lockout")
        .order_by(permits.c.applied, permits.c.id)
    )
    return db.rows(query, tx)


def why_locked(db: Database, asset: str, tx: Connection | None = None) -> str:
    """Say which lock-out stands on an asset (or property path) or on what it is part of; empty where none does."""
    for lock in standing(db, tx):
        if asset == lock["asset"] or asset.startswith(f"{lock['asset']}/"):
            return f"{lock['asset']} is locked out for {lock['number']}" + (f" ({lock['text']})" if lock["text"] else "")
    return ""


def _row(tx: Connection, order_id: str, permit_id: str) -> dict[str, Any]:
    query = sa.select(permits).where(permits.c.id == permit_id, permits.c.order_id == order_id)
    row = tx.execute(query).mappings().first()
    if row is None:
        raise NotFound(f"this order has no permit {permit_id}", code="permits.unknown")
    return dict(row)
