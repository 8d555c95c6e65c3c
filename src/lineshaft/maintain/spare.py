"""Spare parts: a ledger of moves, bins that never go below zero, and a word when less is left than the minimum.

Every move is one conditional UPDATE, so two technicians taking the last bearing at the same moment cannot both get it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import Bus, Conflict, Database, InvalidInput, NotFound, after_commit, bump, did_you_mean, new_id, now_ns
from lineshaft.guard import Subject
from lineshaft.maintain.events import SpareLow
from lineshaft.maintain.tables import moves, purchases, reservations, spares

ON_THE_WAY = ("proposed", "approved", "ordered")


class Spares:
    """The store of spare parts."""

    def __init__(self, db: Database, bus: Bus) -> None:
        self._db = db
        self._bus = bus

    def add(self, tx: Connection, part: str, values: Mapping[str, Any], by: Subject) -> str:
        """Add a part, or change an existing one's card; the stock of an existing part is left alone."""
        row = tx.execute(sa.select(spares.c.id).where(spares.c.part == part)).first()
        on_hand = _amount(values.get("on_hand", 0), zero=True)
        card = {key: value for key, value in values.items() if key not in {"on_hand", "part"}}
        if row is not None:
            bump(tx, spares, row.id, None, **card)
            return str(row.id)
        spare_id = new_id()
        base = {"name": part, "used_by": [], "on_hand": 0.0, "reserved": 0.0}
        tx.execute(spares.insert().values(id=spare_id, version=1, part=part, **{**base, **card}))
        if on_hand:
            self._move(tx, part, "receive", on_hand, by, on_hand=on_hand, note="opening stock")
        return spare_id

    def reserve(self, tx: Connection, order_id: str, part: str, quantity: float, by: Subject) -> dict[str, Any]:
        """Set parts aside for an order. Raises Conflict (`spares.short`) if not that many are free."""
        return self._reserve(tx, order_id, part, _amount(quantity), by)

    def release(self, tx: Connection, order_id: str, by: Subject, note: str = "") -> None:
        """Put everything still set aside for an order back on the free shelf."""
        for row in self._reserved(tx, order_id):
            self._move(tx, row.part, "release", row.quantity, by, reserved=-row.quantity, order_id=order_id, note=note)
            self._rest(tx, row.id, 0.0)

    def issue(self, tx: Connection, order_id: str, part: str, quantity: float, by: Subject) -> None:
        """Hand out parts set aside for an order. Raises Conflict if fewer are reserved."""
        amount = _amount(quantity)
        row = next((r for r in self._reserved(tx, order_id) if r.part == part), None)
        if row is None or row.quantity < amount:
            have = 0 if row is None else row.quantity
            raise Conflict(
                f"{_text(have)} of {part} are reserved for this order, {_text(amount)} were to be issued",
                hint="reserve more first",
                code="spares.not-reserved",
            )
        self._move(tx, part, "issue", amount, by, on_hand=-amount, reserved=-amount, order_id=order_id)
        self._rest(tx, row.id, row.quantity - amount, issued=amount)

    def issue_all(self, tx: Connection, order_id: str, by: Subject, used: Mapping[str, float] | None = None) -> None:
        """Book what a finished job used (by default all that was reserved) and free the rest."""
        rows = {row.part: row for row in self._reserved(tx, order_id)}
        for part in used or {}:
            if part not in rows:
                raise InvalidInput(
                    f"'{part}' is not reserved for this order", hint=did_you_mean(part, rows), code="spares.not-reserved"
                )
        for part, row in rows.items():
            amount = row.quantity if used is None else _amount(used.get(part, 0), zero=True)
            if amount:
                self.issue(tx, order_id, part, amount, by)
        self.release(tx, order_id, by, "not used")

    def give_back(self, tx: Connection, order_id: str, part: str, quantity: float, by: Subject) -> None:
        """Take unused parts back that were issued for an order. Raises Conflict if fewer were issued."""
        amount = _amount(quantity)
        query = (
            sa.select(reservations.c.id, reservations.c.quantity, reservations.c.issued)
            .join(spares, spares.c.id == reservations.c.spare_id)
            .where(reservations.c.order_id == order_id, spares.c.part == part)
            .with_for_update()
        )
        row = tx.execute(query).first()
        if row is None or row.issued < amount:
            raise Conflict(f"fewer than {_text(amount)} of {part} were issued for this order", code="spares.not-issued")
        self._move(tx, part, "return", amount, by, on_hand=amount, order_id=order_id)
        self._rest(tx, row.id, row.quantity, issued=-amount)

    def receive(
        self, tx: Connection, spare: str, quantity: float, by: Subject, *, note: str = "", version: int | None = None
    ) -> dict[str, Any]:
        """Book parts that came in; `spare` is the id or the part number."""
        row = self.get(spare, tx)
        if version is not None and version != row["version"]:
            raise Conflict(f"{row['part']} was changed meanwhile", hint="read it again", code="version.conflict")
        amount = _amount(quantity)
        self._move(tx, row["part"], "receive", amount, by, on_hand=amount, note=note)
        return self.get(row["id"], tx)

    def get(self, spare: str, tx: Connection | None = None) -> dict[str, Any]:
        """Return one part by id or part number."""
        rows = self._db.rows(sa.select(spares).where(sa.or_(spares.c.id == spare, spares.c.part == spare)), tx)
        if not rows:
            known = [row["part"] for row in self._db.rows(sa.select(spares.c.part), tx)]
            raise NotFound(f"there is no spare part '{spare}'", hint=did_you_mean(spare, known), code="spares.unknown")
        return _shown(rows[0])

    def list(self, tx: Connection | None = None) -> list[dict[str, Any]]:
        """Return all parts by part number."""
        return [_shown(row) for row in self._db.rows(sa.select(spares).order_by(spares.c.part), tx)]

    def ledger(self, part: str, limit: int = 200) -> list[dict[str, Any]]:
        """Return a part's moves, newest first."""
        query = sa.select(moves).where(moves.c.spare_id == self.get(part)["id"]).order_by(moves.c.at.desc()).limit(limit)
        return self._db.rows(query)

    def needed_for(self, asset: str, failure_mode: str, tx: Connection | None = None) -> list[dict[str, Any]]:
        """Return the parts an asset's failure mode needs: `{part, name, quantity}`, from the parts' where-used lists.

        Uses that name the failure mode win over those that name none.
        """
        found: dict[str, list[dict[str, Any]]] = {"": [], failure_mode: []}
        for row in self.list(tx):
            for use in row["used_by"]:
                if use["asset"] == asset and use["failure_mode"] in found:
                    one = {"part": row["part"], "name": row["name"], "quantity": float(use["quantity"])}
                    found[use["failure_mode"]].append(one)
        return found[failure_mode] or found[""]

    def outlook(self, part: str, tx: Connection) -> dict[str, Any]:
        """Say what is free, what is on its way, and whether that is less than the minimum."""
        row = self.get(part, tx)
        query = sa.select(sa.func.coalesce(sa.func.sum(purchases.c.quantity - purchases.c.received), 0.0)).where(
            purchases.c.part == row["part"], purchases.c.state.in_(ON_THE_WAY)
        )
        coming = float(tx.execute(query).scalar_one())
        free = row["available"] + coming
        short = max(0.0, row["target"] - free) if free < row["minimum"] else 0.0
        return {
            "part": row["part"],
            "name": row["name"],
            "available": row["available"],
            "on_the_way": coming,
            "minimum": row["minimum"],
            "target": row["target"],
            "unit_cost": row["unit_cost"],
            "low": free < row["minimum"],
            "short": short,
        }

    def _reserve(self, tx: Connection, order_id: str, part: str, amount: float, by: Subject) -> dict[str, Any]:
        spare_id = self._move(tx, part, "reserve", amount, by, reserved=amount, order_id=order_id)
        key = (reservations.c.order_id == order_id) & (reservations.c.spare_id == spare_id)
        row = tx.execute(sa.select(reservations.c.id, reservations.c.quantity).where(key)).first()
        if row is None:
            tx.execute(
                reservations.insert().values(
                    id=new_id(), version=1, order_id=order_id, spare_id=spare_id, quantity=amount, issued=0.0
                )
            )
        else:
            self._rest(tx, row.id, row.quantity + amount)
        outlook = self.outlook(part, tx)
        if outlook["low"]:
            event = SpareLow(part, outlook["available"], outlook["minimum"], outlook["target"])
            after_commit(tx, lambda: self._bus.tell(event))
        return outlook

    def _move(
        self,
        tx: Connection,
        part: str,
        kind: str,
        quantity: float,
        by: Subject,
        *,
        on_hand: float = 0.0,
        reserved: float = 0.0,
        order_id: str | None = None,
        note: str = "",
    ) -> str:
        """Change one bin if it stays possible, and write the ledger row."""
        c = spares.c
        stays = (c.part == part) & (c.reserved + reserved >= 0) & (c.on_hand + on_hand >= c.reserved + reserved)
        changed = {"on_hand": c.on_hand + on_hand, "reserved": c.reserved + reserved, "version": c.version + 1}
        hit = tx.execute(spares.update().where(stays).values(**changed))
        now = self.get(part, tx)
        if hit.rowcount != 1:
            raise Conflict(
                f"{_text(now['available'])} of {part} are free, {_text(quantity)} are asked for",
                hint="order more or take fewer",
                code="spares.short",
                details={"part": part, "available": now["available"], "asked": quantity},
            )
        tx.execute(
            moves.insert().values(
                id=new_id(),
                spare_id=now["id"],
                at=now_ns(),
                by=by.id,
                kind=kind,
                quantity=quantity,
                order_id=order_id,
                note=note,
                on_hand=now["on_hand"],
                reserved=now["reserved"],
            )
        )
        return str(now["id"])

    def _reserved(self, tx: Connection, order_id: str) -> list[Any]:
        query = (
            sa.select(reservations.c.id, reservations.c.quantity, spares.c.part)
            .join(spares, spares.c.id == reservations.c.spare_id)
            .where(reservations.c.order_id == order_id, reservations.c.quantity > 0)
            .order_by(spares.c.part)
            .with_for_update()
        )
        return list(tx.execute(query))

    def _rest(self, tx: Connection, reservation_id: str, quantity: float, issued: float = 0.0) -> None:
        bump(tx, reservations, reservation_id, None, quantity=quantity, issued=reservations.c.issued + issued)


def _amount(value: object, *, zero: bool = False) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidInput(f"'{value}' is not a quantity", code="spares.quantity")
    amount = round(float(value), 3)
    if amount < 0 or (amount == 0 and not zero):
        raise InvalidInput(f"a quantity of {value}", hint="it must be more than 0", code="spares.quantity")
    return amount


def _text(quantity: float) -> str:
    return f"{quantity:g}"


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "available": round(row["on_hand"] - row["reserved"], 3)}
