"""The buyer: brings approved purchases to the ERP, exactly once each, and books what the ERP says has come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.engine import Connection

from lineshaft.core import Bus, SystemEvent, iso, now_ns, parse_duration
from lineshaft.guard import Command, Guard, Subject
from lineshaft.maintain.courier import Courier
from lineshaft.maintain.outgoing import Errand
from lineshaft.maintain.purchase import Purchases

REPLENISHER = Subject.rule("replenisher")
STOREKEEPER = Subject.rule("storekeeper")


class Buyer:
    """Carries purchases out; every change of ours passes the gate."""

    def __init__(self, guard: Guard, purchases: Purchases, bus: Bus) -> None:
        self._guard, self._purchases, self._bus = guard, purchases, bus
        self._every = parse_duration(purchases.settings.erp_every)
        self.courier = Courier(purchases.settings.erp, purchases.outgoing, self._bring, bus)

    def _bring(self, errand: Errand) -> None:
        row = self._purchases.get(errand.id)
        told: dict[str, Any] = {**errand.told}
        if row["state"] == "approved":
            reference = self._purchases.send(row["id"])
            key = f"purchase:{row['id']}:ordered"
            body = {"reference": reference}
            command = Command(REPLENISHER, "purchases.order", f"purchase:{row['id']}", body, key)
            self._do(command, lambda tx: self._purchases.ordered(tx, row["id"], reference, REPLENISHER))
            told = {"state": "ordered", "text": reference, "asked": iso(now_ns())}
            self._purchases.outgoing.arrived(row["id"], again_at=now_ns() + self._every, told=told, reference=reference)
            return
        supply = self._purchases.supply(row["id"]) if row["state"] == "ordered" else None
        if supply is None:
            self._purchases.outgoing.arrived(row["id"], again_at=None, told=told)
            return
        told = {"state": supply.state, "text": supply.text, "asked": iso(now_ns())}
        over = self._book(row, supply.state, supply.received, supply.text)
        self._purchases.outgoing.arrived(row["id"], again_at=None if over else now_ns() + self._every, told=told)

    def _book(self, row: dict[str, Any], state: str, received: float, text: str) -> bool:
        """Book what came since we last asked; say whether nothing more is to be asked."""
        purchase_id, resource = str(row["id"]), f"purchase:{row['id']}"
        all_of_it = row["quantity"] if state == "received" else min(received, row["quantity"])
        came = round(all_of_it - row["received"], 3)
        if came > 0:
            key = f"{resource}:received:{all_of_it:g}"
            command = Command(STOREKEEPER, "purchases.receive", resource, {"quantity": came, "said": text}, key)
            self._do(command, lambda tx: self._purchases.receive(tx, purchase_id, STOREKEEPER, quantity=came))
        if state == "cancelled":
            reason = f"cancelled in {self._purchases.settings.erp}: {text}"
            command = Command(REPLENISHER, "purchases.order", resource, {"state": state}, f"{resource}:cancelled")
            self._do(command, lambda tx: self._purchases.cancelled(tx, purchase_id, REPLENISHER, reason))
            message = f"{row['number']} ({row['part']}) was {reason}"
            self._bus.tell(SystemEvent(f"purchase:{row['number']}", message, hint="propose it again if it is still needed"))
        return state in ("received", "cancelled") or all_of_it >= row["quantity"]

    def _do(self, command: Command, run: Callable[[Connection], object]) -> None:
        def ran(tx: Connection) -> dict[str, Any]:
            run(tx)
            return {}

        self._guard.perform(command, ran)
