"""Purchases: proposed, approved by a second person, ordered at the ERP exactly once, received into the bin."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import (
    Bus,
    Conflict,
    Database,
    Forbidden,
    InvalidInput,
    NotFound,
    Registry,
    after_commit,
    bump,
    iso,
    new_id,
    now_ns,
)
from lineshaft.guard import Subject
from lineshaft.maintain import erps
from lineshaft.maintain.events import PurchaseChanged
from lineshaft.maintain.settings import MaintainSettings
from lineshaft.maintain.spare import Spares
from lineshaft.maintain.tables import next_number, purchases

FROM: dict[str, tuple[str, ...]] = {
    "approved": ("proposed",),
    "rejected": ("proposed",),
    "ordered": ("approved",),
    "received": ("ordered",),
}
"""Which states a purchase comes from, by the state it goes to."""


class Erp(Protocol):
    """What a purchasing system must do: take one purchase, once, and give its reference for it."""

    def order(self, purchase: Mapping[str, Any]) -> str:
        """Order, or return the reference of the order this purchase id already has."""
        ...


class Purchases:
    """The purchases of spare parts."""

    def __init__(self, db: Database, bus: Bus, home: Path, settings: MaintainSettings | None = None) -> None:
        self._db = db
        self._bus = bus
        self._spares = Spares(db, bus)
        chosen = settings or MaintainSettings()
        plugin = Registry("lineshaft.erps", erps).load(chosen.erp, where="[maintain] erp")
        self._erp: Erp = plugin(home, plugin.Options.model_validate(chosen.erp_options))

    def propose(
        self, tx: Connection, part: str, quantity: float, by: Subject, *, case_id: str | None = None, reason: str = ""
    ) -> dict[str, Any]:
        """File a proposal; the same case proposing the same part again gets the one that is there."""
        spare = self._spares.get(part, tx)
        if case_id is not None:
            key = (purchases.c.case_id == case_id) & (purchases.c.spare_id == spare["id"])
            found = tx.execute(sa.select(purchases.c.id).where(key)).scalar()
            if found is not None:
                return self.get(str(found), tx)
        purchase_id = new_id()
        row = {
            "id": purchase_id,
            "version": 1,
            "number": next_number(tx, "PO"),
            "spare_id": spare["id"],
            "part": spare["part"],
            "name": spare["name"],
            "quantity": _amount(quantity),
            "unit_cost": spare["unit_cost"],
            "state": "proposed",
            "proposed_by": by.id,
            "reason": reason,
            "case_id": case_id,
            "created": now_ns(),
        }
        tx.execute(purchases.insert().values(**row))
        self._told(tx, row, "proposed", by)
        return self.get(purchase_id, tx)

    def approve(
        self, tx: Connection, purchase_id: str, by: Subject, *, quantity: float | None = None, version: int | None = None
    ) -> dict[str, Any]:
        """Approve as proposed or with another quantity. Raises Forbidden for whoever proposed it."""
        row = self._own(tx, purchase_id, by)
        values: dict[str, Any] = {"approved_by": by.id}
        if quantity is not None:
            values["quantity"] = _amount(quantity)
        return self._to(tx, row, "approved", by, version, **values)

    def reject(
        self, tx: Connection, purchase_id: str, by: Subject, *, reason: str = "", version: int | None = None
    ) -> dict[str, Any]:
        """Turn a proposal down; silence until its expiry ends here too."""
        row = self._row(tx, purchase_id)
        return self._to(tx, row, "rejected", by, version, reason=reason)

    def send(self, purchase_id: str) -> str:
        """Hand an approved purchase to the ERP and return its reference: outside any transaction, safe to repeat."""
        row = self.get(purchase_id)
        if row["state"] not in ("approved", "ordered", "received"):
            raise Conflict(f"{row['number']} is {row['state']}, not approved", code="purchases.step")
        return row["reference"] or self._erp.order({**row, "created": iso(row["created"])})

    def ordered(self, tx: Connection, purchase_id: str, reference: str, by: Subject) -> dict[str, Any]:
        """Note that the ERP has it; noting the same again changes nothing."""
        row = self._row(tx, purchase_id)
        if row["state"] in ("ordered", "received"):
            return _shown(row)
        return self._to(tx, row, "ordered", by, None, reference=reference, ordered=now_ns())

    def receive(self, tx: Connection, purchase_id: str, by: Subject, *, version: int | None = None) -> dict[str, Any]:
        """Book the delivery: the parts are in the bin."""
        row = self._row(tx, purchase_id)
        shown = self._to(tx, row, "received", by, version)
        self._spares.receive(tx, row["part"], row["quantity"], by, note=row["number"])
        return shown

    def get(self, purchase_id: str, tx: Connection | None = None) -> dict[str, Any]:
        """Return one purchase by id or number."""
        with self._db.read(tx) as own:
            return _shown(self._row(own, purchase_id))

    def list(self, *, state: str | None = None, limit: int = 100, before: int | None = None) -> list[dict[str, Any]]:
        """Return purchases, newest first."""
        query = sa.select(purchases).order_by(purchases.c.created.desc(), purchases.c.number.desc()).limit(limit)
        if state:
            query = query.where(purchases.c.state == state)
        if before is not None:
            query = query.where(purchases.c.created < before)
        return [_shown(row) for row in self._db.rows(query)]

    def _own(self, tx: Connection, purchase_id: str, by: Subject) -> dict[str, Any]:
        row = self._row(tx, purchase_id)
        if row["proposed_by"] == by.id:
            raise Forbidden(
                f"{row['number']} is your own proposal", hint="a second person must decide", code="approval.own-proposal"
            )
        return row

    def _row(self, tx: Connection, purchase_id: str) -> dict[str, Any]:
        query = sa.select(purchases).where(sa.or_(purchases.c.id == purchase_id, purchases.c.number == purchase_id))
        row = tx.execute(query).mappings().first()
        if row is None:
            raise NotFound(f"there is no purchase {purchase_id}", code="purchases.unknown")
        return dict(row)

    def _to(
        self, tx: Connection, row: Mapping[str, Any], state: str, by: Subject, version: int | None, **values: Any
    ) -> dict[str, Any]:
        if row["state"] not in FROM[state]:
            raise Conflict(
                f"{row['number']} is {row['state']}: it cannot become {state}",
                hint=f"that follows {' or '.join(FROM[state])}",
                code="purchases.step",
            )
        bump(tx, purchases, row["id"], row["version"] if version is None else version, state=state, **values)
        self._told(tx, row, state, by)
        return self.get(row["id"], tx)

    def _told(self, tx: Connection, row: Mapping[str, Any], state: str, by: Subject) -> None:
        event = PurchaseChanged(row["id"], row["number"], row["part"], state, by.id, row["case_id"])
        after_commit(tx, lambda: self._bus.tell(event))


def _amount(quantity: object) -> float:
    if isinstance(quantity, bool) or not isinstance(quantity, int | float) or not 0 < quantity < 1e9:
        raise InvalidInput(f"'{quantity}' is not a quantity to buy", hint="a number above 0", code="purchases.quantity")
    return round(float(quantity), 3)


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "cost": round(row["quantity"] * row["unit_cost"], 2)}
