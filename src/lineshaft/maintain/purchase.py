"""Purchases: proposed, approved by a second person, ordered at the ERP exactly once, received into the bin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import (
    NS,
    Bus,
    Conflict,
    Database,
    Forbidden,
    InvalidInput,
    LineshaftError,
    NotFound,
    bump,
    iso,
    new_id,
    now_ns,
    parse_duration,
)
from lineshaft.guard import Subject
from lineshaft.maintain.connector import Connector, Supply
from lineshaft.maintain.connectors import make_connector
from lineshaft.maintain.events import PurchaseChanged
from lineshaft.maintain.outgoing import Outgoing
from lineshaft.maintain.settings import MaintainSettings
from lineshaft.maintain.spare import Spares
from lineshaft.maintain.tables import next_number, purchases

FROM: dict[str, tuple[str, ...]] = {
    "approved": ("proposed",),
    "rejected": ("proposed",),
    "ordered": ("approved",),
    "received": ("ordered",),
    "cancelled": ("ordered",),
}
"""Which states a purchase comes from, by the state it goes to."""


class Purchases:
    """The purchases of spare parts."""

    def __init__(self, db: Database, bus: Bus, home: Path, settings: MaintainSettings | None = None, node: str = "node") -> None:
        self._db = db
        self._bus = bus
        self._spares = Spares(db, bus)
        self.settings = settings or MaintainSettings()
        self.erp: Connector = make_connector(home, self.settings.erp, self.settings.erp_options, "erp")

        in_flight = parse_duration(self.settings.erp_in_flight) / NS if self.erp.remote else 0.0
        self.outgoing = Outgoing(db, "purchase", node, in_flight)

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
            "received": 0.0,
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
        return row["reference"] or self.erp.order({**row, "created": iso(row["created"])})

    def rehearse(self, purchase_id: str) -> dict[str, Any]:
        """Say what bringing a purchase to the ERP would write there: outside any transaction, nothing is written."""
        row = self.get(purchase_id)
        found: dict[str, Any] = {
            "number": row["number"],
            "system": self.settings.erp,
            "there": "",
            "would": {},
            "why": "",
            "hint": "",
        }
        try:
            told = self.erp.rehearse({**row, "created": iso(row["created"])})
        except LineshaftError as error:
            return {**found, "why": error.what, "hint": error.hint}
        if told is None:
            return {**found, "why": "this system has no dry run"}
        return {**found, "there": told.there, "would": dict(told.would)}

    def supply(self, purchase_id: str) -> Supply | None:
        """Ask the ERP how an ordered purchase stands: outside any transaction."""
        row = self.get(purchase_id)
        return self.erp.supply({**row, "created": iso(row["created"])})

    def ordered(self, tx: Connection, purchase_id: str, reference: str, by: Subject) -> dict[str, Any]:
        """Note that the ERP has it; noting the same again changes nothing."""
        row = self._row(tx, purchase_id)
        if row["state"] in ("ordered", "received", "cancelled"):
            return self._shown([row], tx)[0]
        return self._to(tx, row, "ordered", by, None, reference=reference, ordered=now_ns())

    def receive(
        self, tx: Connection, purchase_id: str, by: Subject, *, quantity: float | None = None, version: int | None = None
    ) -> dict[str, Any]:
        """Book a delivery: all that has not come yet, or a part of it; with the last part the purchase is received."""
        row = self._row(tx, purchase_id)
        if row["state"] not in FROM["received"]:
            self._refuse(row, "received")
        rest = round(row["quantity"] - row["received"], 3)
        came = rest if quantity is None else min(_amount(quantity), rest)
        if version is not None and version != row["version"]:
            raise Conflict(f"{row['number']} was changed meanwhile", hint="read it again", code="version.conflict")
        if came > 0:
            self._spares.receive(tx, row["part"], came, by, note=row["number"])
        so_far = round(row["received"] + came, 3)
        if so_far < row["quantity"]:
            bump(tx, purchases, row["id"], row["version"], received=so_far)
            self._told(tx, row, "ordered", by)
            return self.get(row["id"], tx)
        return self._to(tx, row, "received", by, version, received=so_far)

    def cancelled(self, tx: Connection, purchase_id: str, by: Subject, reason: str) -> dict[str, Any]:
        """Note that the ERP's people cancelled it there: the part counts as not on its way any more."""
        return self._to(tx, self._row(tx, purchase_id), "cancelled", by, None, reason=reason[:500])

    def again(self, tx: Connection, purchase_id: str) -> dict[str, Any]:
        """Try the ERP again now. Raises Conflict where nothing is waiting for it."""
        row = self._row(tx, purchase_id)
        if row["state"] not in ("approved", "ordered") or not self.outgoing.again(tx, row["id"]):
            raise Conflict(f"{row['number']} is {row['state']}: nothing is on its way to the ERP", code="purchases.step")
        self._told(tx, row, row["state"], Subject.system("courier"))
        return self.get(row["id"], tx)

    def get(self, purchase_id: str, tx: Connection | None = None) -> dict[str, Any]:
        """Return one purchase by id or number."""
        with self._db.read(tx) as own:
            row = self._row(own, purchase_id)
            return self._shown([row], own)[0]

    def list(self, *, state: str | None = None, limit: int = 100, before: int | None = None) -> list[dict[str, Any]]:
        """Return purchases, newest first."""
        query = sa.select(purchases).order_by(purchases.c.created.desc(), purchases.c.number.desc()).limit(limit)
        if state:
            query = query.where(purchases.c.state == state)
        if before is not None:
            query = query.where(purchases.c.created < before)
        return self._shown(self._db.rows(query))

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
            self._refuse(row, state)
        if state == "approved":
            self.outgoing.file(tx, row["id"])
        bump(tx, purchases, row["id"], row["version"] if version is None else version, state=state, **values)
        self._told(tx, row, state, by)
        return self.get(row["id"], tx)

    def _refuse(self, row: Mapping[str, Any], state: str) -> None:
        raise Conflict(
            f"{row['number']} is {row['state']}: it cannot become {state}",
            hint=f"that follows {' or '.join(FROM[state])}",
            code="purchases.step",
        )

    def _shown(self, rows: Sequence[Mapping[str, Any]], tx: Connection | None = None) -> list[dict[str, Any]]:
        """Return purchases with their cost and how they stand at the ERP."""
        errands = self.outgoing.of([row["id"] for row in rows], tx)
        return [
            {
                **row,
                "cost": round(row["quantity"] * row["unit_cost"], 2),
                "erp": at_erp(self.settings.erp, errands.get(row["id"])),
            }
            for row in rows
        ]

    def _told(self, tx: Connection, row: Mapping[str, Any], state: str, by: Subject) -> None:
        event = PurchaseChanged(row["id"], row["number"], row["part"], state, by.id, row["case_id"])
        self._bus.tell_with(tx, event)


def _amount(quantity: object) -> float:
    if isinstance(quantity, bool) or not isinstance(quantity, int | float) or not 0 < quantity < 1e9:
        raise InvalidInput(f"'{quantity}' is not a quantity to buy", hint="a number above 0", code="purchases.quantity")
    return round(float(quantity), 3)


def at_erp(name: str, errand: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return how a purchase or order stands at another system; None before anything was sent."""
    if errand is None:
        return None
    told: Mapping[str, Any] = errand["told"]
    return {
        "system": name,
        "state": str(told.get("state", "")),
        "text": str(told.get("text", "")),
        "asked": told.get("asked"),
        "attempts": errand["attempts"],
        "error": errand["error"],
        "code": errand["code"],
        "hint": errand["hint"],
        "next_at": errand["next_at"],
    }
