"""Another maintenance system that works our orders off: the order goes out once, its state, codes and history come back.

An order stays ours: it is verified and closed here. What cannot be taken over (a lock still on the machine, an unanswered
checklist) is told on the order, and tried again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Connection

from lineshaft.core import Bus, Conflict, Database, InvalidInput, LineshaftError, iso, now_ns, parse_duration
from lineshaft.guard import Command, Guard, Subject
from lineshaft.maintain.connector import Connector, Progress
from lineshaft.maintain.connectors import make_connector
from lineshaft.maintain.courier import Courier
from lineshaft.maintain.events import OrderChanged
from lineshaft.maintain.order import Orders
from lineshaft.maintain.outgoing import Errand, Outgoing
from lineshaft.maintain.settings import MaintainSettings
from lineshaft.maintain.steps import BEFORE_WORK

PARTNER = Subject.rule("partner")
OVER = ("done", "verified", "closed", "cancelled", "rejected")
SENT = ("id", "number", "asset", "title", "kind", "priority", "failure_mode", "score", "state", "case_id")


class Partner:
    """The other maintenance system of this plant, where there is one."""

    def __init__(
        self, db: Database, guard: Guard, orders: Orders, bus: Bus, home: Path, settings: MaintainSettings, node: str
    ) -> None:
        self._db, self._guard, self._orders, self._settings = db, guard, orders, settings
        self._every = parse_duration(settings.cmms_every)
        self.system: Connector | None = (
            make_connector(home, settings.cmms, settings.cmms_options, "cmms") if settings.cmms else None
        )
        self.outgoing = Outgoing(db, "order", node, parse_duration(settings.erp_in_flight) / 1e9)
        self.courier = Courier(settings.cmms or "cmms", self.outgoing, self._bring, bus)

    @property
    def name(self) -> str:
        """The plugin of the other system."""
        return self._settings.cmms

    def start(self) -> None:
        """Begin, where there is another system; orders made while nobody listened are sent too."""
        if self.system is not None:
            self.catch_up()
            self.courier.start()

    def take_over(self, node: str) -> None:
        """Bring what another node was at when it died."""
        if self.system is not None:
            self.courier.take_over(node)

    def stop(self) -> None:
        """End."""
        self.courier.stop()

    def on_order(self, event: OrderChanged) -> None:
        """Send a new order."""
        if self.system is not None and event.what == "create":
            with self._db.begin() as tx:
                self._file(tx, self._orders.get(event.order_id, tx))
            self.courier.wake()

    def catch_up(self) -> None:
        """File every open order that was not sent."""
        rows = self._orders.list(state="open", limit=10_000)
        known = self.outgoing.of([row["id"] for row in rows])
        with self._db.begin() as tx:
            for row in rows:
                if row["id"] not in known:
                    self._file(tx, row)

    def stands(self, order_ids: list[str]) -> dict[str, dict[str, Any]]:
        """Return how orders stand in the other system, by id."""
        return self.outgoing.of(order_ids)

    def rehearse(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Say what stands there of an order of ours, what sending it would write, and what asking would take over here.

        Outside any transaction; nothing is written there or here. A draft (`Orders.draft`) is rehearsed as if it were made now.
        """
        sent = _sent(order)
        empty: dict[str, Any] = {"there": "", "now": {}, "would": {}, "steps": [], "comments": [], "why": "", "hint": ""}
        found = {"number": sent["number"], "system": self.name, **empty}
        if self.system is None:
            hint = "an engineer names one in settings.toml, [maintain] cmms"
            return {**found, "why": "no other maintenance system is connected", "hint": hint}
        if (hindered := self._hindered(order)) is not None:
            return {**found, "why": hindered[0], "hint": hindered[1]}
        try:
            told = self.system.rehearse_order(sent)
            if told is None:
                return {**found, "why": "this system has no dry run"}
            progress = self.system.progress(sent, told.there) if told.there else None
        except LineshaftError as error:
            return {**found, "why": error.what, "hint": error.hint}
        if order["state"] in OVER and not told.there:
            return {**found, "why": f"it is {order['state']} and was not sent: it is not sent any more"}
        found.update(there=told.there, now=dict(told.now), would=dict(told.would))
        if progress is not None:
            found.update(steps=way_to(str(order["state"]), progress.state), comments=self._unknown(order, progress))
        return found

    def _hindered(self, order: Mapping[str, Any]) -> tuple[str, str] | None:
        """Return why an order is not sent, and what would change that."""
        if order["kind"] not in self._settings.cmms_kinds:
            kinds = ", ".join(self._settings.cmms_kinds)
            return f"orders of the kind {order['kind']} stay here", f"[maintain] cmms_kinds: {kinds}"
        return None

    def _unknown(self, order: Mapping[str, Any], progress: Progress) -> list[str]:
        """Return those comments from there that are not here yet."""
        known = {str(line["note"]) for line in order.get("history") or () if line["by"] == PARTNER.id}
        return [text for _, text in progress.lines if text not in known]

    def _file(self, tx: Connection, order: dict[str, Any]) -> None:
        if order["kind"] in self._settings.cmms_kinds:
            self.outgoing.file(tx, order["id"])

    def _bring(self, errand: Errand) -> None:
        if self.system is None:
            return
        order = self._orders.get(errand.id)
        sent = _sent(order)
        reference = errand.reference or self._placed(self.system, order, sent)
        if not reference:
            self.outgoing.arrived(order["id"], again_at=None, told={"state": "", "text": "", "asked": iso(now_ns())})
            return
        progress = self.system.progress(sent, reference)
        if progress is not None:
            self._take_over(order, progress)
        over = progress is None or order["state"] in OVER or progress.state in ("done", "cancelled")
        told = {"state": progress.state if progress else "sent", "text": progress.text if progress else reference}
        again = None if over else now_ns() + self._every
        self.outgoing.arrived(order["id"], again_at=again, told={**told, "asked": iso(now_ns())}, reference=reference)

    def _placed(self, system: Connector, order: Mapping[str, Any], sent: Mapping[str, Any]) -> str:
        """Place an order, once, and return its reference; one that is over before it was sent stays here, unless it got there."""
        if order["state"] in OVER:
            seen = system.rehearse_order(sent)
            if seen is not None and not seen.there:
                return ""
        return system.place(sent)

    def _take_over(self, order: dict[str, Any], progress: Progress) -> None:
        """Take the comments, then the steps that lead to where the order stands there."""
        order_id, said = str(order["id"]), progress.text
        for line_id, text in progress.lines:
            comment = partial(self._orders.comment, order_id=order_id, by=PARTNER, note=text)
            self._do(order, f"line:{line_id}", "note", comment, {"line": line_id})
        for verb in way_to(str(order["state"]), progress.state):
            more: dict[str, Any] = {"codes": dict(progress.codes) or None} if verb == "done" else {}
            step = partial(getattr(self._orders, verb), order_id=order_id, by=PARTNER, note=said, **more)
            self._do(order, verb, verb, step, more)

    def _do(self, order: dict[str, Any], key: str, verb: str, run: Callable[[Connection], object], body: dict[str, Any]) -> None:
        order_id = str(order["id"])
        once = f"order:{order_id}:{key}" if key.startswith("line:") else None
        command = Command(PARTNER, f"work-orders.{verb}", f"work-order:{order_id}", body, once, str(order["asset"]))

        def ran(tx: Connection) -> dict[str, Any]:
            run(tx)
            return {}

        try:
            self._guard.perform(command, ran)
        except Conflict as error:
            what = f"'{verb}' of {order['number']} cannot be taken over: {error.what}"
            raise InvalidInput(what, hint=error.hint, code="cmms.step") from None


def _sent(order: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the other system is told of an order."""
    return {**{name: order.get(name) for name in SENT}, "created": iso(order["created"]), "due": iso(order["due"] or 0)}


def way_to(state: str, there: str) -> list[str]:
    """Return our verbs from a state of ours to one of theirs.

    >>> way_to("triaged", "done"), way_to("on_hold", "in_progress"), way_to("done", "in_progress")
    (['start', 'done'], ['resume'], [])
    """
    if state in OVER:
        return []
    if there == "cancelled":
        return ["cancel"]
    if there not in ("in_progress", "on_hold", "done"):
        return []
    begin = ["start"] if state in BEFORE_WORK else ["resume"] if state == "on_hold" and there != "on_hold" else []
    last = {"in_progress": [], "on_hold": [] if state == "on_hold" else ["hold"], "done": ["done"]}[there]
    return [*begin, *last]
