"""What an order is for: the alarm or finding it was made for, those that joined it, and past cases that looked alike."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import new_id, now_ns
from lineshaft.maintain.records import joined
from lineshaft.maintain.tables import history, moves, orders, spares

BEFORE_DONE = ("requested", "triaged", "planned", "waiting", "assigned", "in_progress", "on_hold")
WEIGHTS = {"same position": 3.0, "same kind of machine": 2.0, "same failure mode": 3.0, "same sensors": 2.0}
"""What makes a past case like this one; a likeness is the share of these points it has."""


def note_source(
    tx: Connection,
    order_id: str,
    source_id: str,
    *,
    score: float | None = None,
    failure_mode: str = "",
    sensors: Sequence[Mapping[str, Any]] = (),
    evidence: Mapping[str, Any] | None = None,
) -> bool:
    """Note that an alarm or finding belongs to an order; false where it belongs to one already."""
    if tx.execute(sa.select(joined.c.id).where(joined.c.source_id == source_id)).first() is not None:
        return False
    tx.execute(
        joined.insert().values(
            id=new_id(),
            version=1,
            order_id=order_id,
            source_id=source_id,
            at=now_ns(),
            score=score,
            failure_mode=failure_mode,
            sensors=[dict(one) for one in sensors],
            evidence=dict(evidence or {}),
        )
    )
    return True


def order_of(tx: Connection, source_id: str) -> str | None:
    """Return the order an alarm or finding belongs to."""
    found = tx.execute(sa.select(joined.c.order_id).where(joined.c.source_id == source_id)).scalar()
    return None if found is None else str(found)


def open_for(tx: Connection, asset: str, failure_mode: str, *, free: bool = False) -> str | None:
    """Return the open order a new finding of the same trouble joins: same position, same failure mode, work not done yet.

    With `free`, one that no case has: a case waits for the steps of its own order.
    """
    query = (
        sa.select(orders.c.id)
        .where(orders.c.asset == asset, orders.c.failure_mode == failure_mode, orders.c.state.in_(BEFORE_DONE))
        .where(orders.c.kind.in_(("corrective", "predictive")))
        .order_by(orders.c.created, orders.c.number)
        .limit(1)
    )
    if free:
        query = query.where(orders.c.case_id.is_(None))
    found = tx.execute(query).scalar()
    return None if found is None else str(found)


def findings_of(tx: Connection, order_id: str) -> list[dict[str, Any]]:
    """Return what an order is for, oldest first: `{type, id, at, score, failure_mode, sensors, evidence}`."""
    query = sa.select(joined).where(joined.c.order_id == order_id).order_by(joined.c.at, joined.c.id)
    found: list[dict[str, Any]] = []
    for row in tx.execute(query).mappings():
        kind, _, ref = row["source_id"].partition(":")
        names = ("at", "score", "failure_mode", "sensors", "evidence")
        found.append({"type": kind, "id": ref, **{name: row[name] for name in names}})
    return found


def similar(tx: Connection, order: Mapping[str, Any], alike: Collection[str], limit: int = 5) -> list[dict[str, Any]]:
    """Return finished orders that looked alike, the likest first, each with why, what was done and which parts it took."""
    mine = {one["property"].rpartition("/")[2] for one in _sensors(findings_of(tx, order["id"]))}
    query = sa.select(orders).where(
        orders.c.id != order["id"],
        orders.c.state.in_(("done", "verified", "closed")),
        sa.or_(orders.c.asset.in_(sorted(alike)), orders.c.failure_mode == order["failure_mode"]),
    )
    ordered = query.order_by(orders.c.created.desc(), orders.c.number).limit(500)
    rows: list[dict[str, Any]] = [dict(row) for row in tx.execute(ordered).mappings()]
    sensors = _sensors_of(tx, [row["id"] for row in rows])
    found: list[dict[str, Any]] = []
    for row in rows:
        why = _why(row, order, alike, mine, sensors.get(row["id"], set()))
        if why:
            found.append({**_brief(row), "likeness": round(sum(why.values()) / sum(WEIGHTS.values()), 3), "why": sorted(why)})
    found.sort(key=lambda one: (-one["likeness"], -one["created"]))
    return [_outcome(tx, one) for one in found[:limit]]


def _why(
    row: Mapping[str, Any], order: Mapping[str, Any], alike: Collection[str], mine: set[str], theirs: set[str]
) -> dict[str, float]:
    why: dict[str, float] = {}
    if row["asset"] == order["asset"]:
        why["same position"] = WEIGHTS["same position"]
    if row["asset"] in alike:
        why["same kind of machine"] = WEIGHTS["same kind of machine"]
    mode = row["closing"].get("mode") or row["failure_mode"]
    if mode and mode == order["failure_mode"]:
        why["same failure mode"] = WEIGHTS["same failure mode"]
    if mine & theirs:
        why["same sensors"] = WEIGHTS["same sensors"] * len(mine & theirs) / len(mine | theirs)
    return why


def _brief(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("id", "number", "asset", "title", "state", "created", "done", "closing")}


def _outcome(tx: Connection, one: dict[str, Any]) -> dict[str, Any]:
    parts = (
        sa.select(spares.c.part, spares.c.name, sa.func.sum(moves.c.quantity).label("quantity"))
        .join(spares, spares.c.id == moves.c.spare_id)
        .where(moves.c.order_id == one["id"], moves.c.kind == "issue")
        .group_by(spares.c.part, spares.c.name)
        .order_by(spares.c.part)
    )
    last = sa.select(history.c.note).where(history.c.order_id == one["id"], history.c.what.in_(("done", "close")))
    notes = [str(row.note) for row in tx.execute(last.order_by(history.c.position)) if row.note]
    return {**one, "parts": [dict(row) for row in tx.execute(parts).mappings()], "notes": notes}


def _sensors(findings: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [sensor for one in findings for sensor in one["sensors"]]


def _sensors_of(tx: Connection, ids: Sequence[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for row in tx.execute(sa.select(joined.c.order_id, joined.c.sensors).where(joined.c.order_id.in_(list(ids)))):
        found.setdefault(row.order_id, set()).update(str(one["property"]).rpartition("/")[2] for one in row.sensors)
    return found
