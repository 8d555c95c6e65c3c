"""The workshop: everything about maintenance beside orders, bins and purchases, joined for the doors and the node."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy.engine import Connection

from lineshaft.assets import Assets
from lineshaft.core import NS, Bus, Database, NotFound, now_ns, parse_duration
from lineshaft.detect import Detect
from lineshaft.guard import Guard, Subject
from lineshaft.maintain import effort, permit
from lineshaft.maintain.codebook import CodeBook
from lineshaft.maintain.figures import Figures
from lineshaft.maintain.forecast import forecast
from lineshaft.maintain.instruction import Instructions
from lineshaft.maintain.inventory import Inventory
from lineshaft.maintain.moving import follow
from lineshaft.maintain.order import Orders
from lineshaft.maintain.place import Places
from lineshaft.maintain.plan import Plans, check, outcome
from lineshaft.maintain.planner import Planner
from lineshaft.maintain.technician import Technicians
from lineshaft.production import Production
from lineshaft.store import Store

log = logging.getLogger("lineshaft.maintain")
LOOK_EVERY_S = 30.0
YEAR = 365 * 86_400 * NS


class Workshop:
    """Technicians, plans, instructions, codes, permits, labour and figures."""

    def __init__(
        self,
        db: Database,
        guard: Guard,
        orders: Orders,
        bus: Bus,
        assets: Assets | None = None,
        production: Production | None = None,
        store: Store | None = None,
        detect: Detect | None = None,
    ) -> None:
        self._db, self._guard, self._orders, self._store = db, guard, orders, store
        places = Places(assets)
        self.inventory = Inventory(db, bus)
        self.technicians = Technicians(db, production)
        self.instructions = Instructions(db)
        self.codes = CodeBook(db)
        self.plans = Plans(db)
        self.planner = Planner(db, guard, orders, self.inventory, places, store, detect, bus)
        self._figures = Figures(db, self.inventory, self.plans)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def follow(self, assets: Assets) -> None:
        """Let what names machines by path go with those that have another name or place."""
        with self._db.begin() as tx:
            follow(tx, assets)

    # -- running

    def start(self) -> None:
        """Begin to look at the plans every half minute."""
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name="planner", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(10)
            self._thread = None

    def _run(self) -> None:
        wait = 2.0
        while not self._stop.wait(wait):
            wait = LOOK_EVERY_S
            self._look()

    def _look(self) -> None:
        try:
            self.planner.tick()
        except Exception:  # a busy database, most often: the next look takes what this one left
            log.exception("the plans could not be looked at")

    # -- people

    def ids(self) -> dict[str, str]:
        """Return the user id of every login."""
        return {user.name: user.id for user in self._guard.users.list()}

    def people(self) -> list[dict[str, Any]]:
        """Return the technicians with their load."""
        return self.technicians.list(self.ids())

    def candidates(self, order_id: str) -> list[dict[str, Any]]:
        """Return who could take an order, the best first, with the reasons."""
        return self.technicians.propose(self._orders.get(order_id), self.ids())

    def weekly_hours(self) -> float:
        """Return the hours a week of everybody who is active."""
        return round(sum(one["hours_per_week"] for one in self.people() if one["active"]), 2)

    # -- belongings of orders

    def add_labour(self, tx: Connection, order_id: str, by: Subject, start: int, end: int, **more: Any) -> dict[str, Any]:
        """Write who worked from when to when."""
        order = self._orders.get(order_id, tx)
        line = effort.add_labour(tx, order["id"], by, start, end, **more)
        return self._orders.note(tx, order["id"], "labour", by, f"{line['hours']:g} h")

    def add_downtime(
        self, tx: Connection, order_id: str, by: Subject, start: int, end: int | None, **more: Any
    ) -> dict[str, Any]:
        """Write that the order's asset stood still."""
        order = self._orders.get(order_id, tx)
        effort.add_downtime(tx, order["id"], order["asset"], by, start, end, **more)
        return self._orders.note(tx, order["id"], "downtime", by, more.get("note", ""))

    def end_downtime(
        self, tx: Connection, order_id: str, by: Subject, line_id: str, end: int, version: int | None = None
    ) -> dict[str, Any]:
        """Write when it ran again."""
        order = self._orders.get(order_id, tx)
        effort.end_downtime(tx, order["id"], line_id, end, version)
        return self._orders.note(tx, order["id"], "downtime", by, "runs again")

    def attach(
        self, tx: Connection, order_id: str, by: Subject, document_id: str, kind: str = "document", step_id: str | None = None
    ) -> dict[str, Any]:
        """Keep a document of the shelf with an order."""
        if self._store is None:
            raise NotFound("there is no document shelf here", code="document.not-found")
        order, one = self._orders.get(order_id, tx), self._store.documents.get(document_id)
        effort.attach(tx, order["id"], by, {"id": one.id, "name": one.name, "mime": one.mime}, kind, step_id)
        return self._orders.note(tx, order["id"], "attach", by, one.name)

    def require_permit(self, tx: Connection, order_id: str, by: Subject, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Ask for a lock-out or permit before work goes on."""
        order = self._orders.get(order_id, tx)
        permit.require(tx, order["id"], order["asset"], [wanted])
        return self._orders.note(tx, order["id"], "permit", by, str(wanted.get("text") or wanted.get("kind") or ""))

    def apply_permit(
        self,
        tx: Connection,
        order_id: str,
        by: Subject,
        permit_id: str,
        points: Sequence[str] | None = None,
        version: int | None = None,
    ) -> dict[str, Any]:
        """Put a lock on, or record a permit as granted."""
        order = self._orders.get(order_id, tx)
        row = permit.apply(tx, order["id"], permit_id, by, points, version)
        return self._orders.note(tx, order["id"], "lock" if row["kind"] == "lockout" else "granted", by, row["text"])

    def release_permit(
        self, tx: Connection, order_id: str, by: Subject, permit_id: str, reason: str = "", version: int | None = None
    ) -> dict[str, Any]:
        """Take a lock off."""
        order = self._orders.get(order_id, tx)
        row = permit.release(tx, order["id"], permit_id, by, reason, version)
        return self._orders.note(tx, order["id"], "unlock" if row["kind"] == "lockout" else "ended", by, reason or row["text"])

    def move_part(self, tx: Connection, order_id: str, by: Subject, action: str, part: str, quantity: float) -> dict[str, Any]:
        """Reserve, issue or give back parts for an order."""
        order = self._orders.get(order_id, tx)
        moves: dict[str, Callable[[], object]] = {
            "reserve": lambda: self.inventory.reserve(tx, order["id"], part, quantity, by),
            "issue": lambda: self.inventory.issue(tx, order["id"], part, quantity, by),
            "return": lambda: self.inventory.give_back(tx, order["id"], part, quantity, by),
        }
        moves[action]()
        return self._orders.note(tx, order["id"], action, by, f"{quantity:g} x {part}")

    # -- plans

    def plan_list(self, now: int | None = None) -> list[dict[str, Any]]:
        """Return every plan with when it is due next, what came of it, and whether it is behind."""
        at = now_ns() if now is None else now
        return [self._plan(row, at) for row in self.plans.list()]

    def plan(self, name: str, now: int | None = None) -> dict[str, Any]:
        """Return one plan the same way, with all its occurrences."""
        return self._plan(self.plans.get(name), now_ns() if now is None else now)

    def calendar(self, start: int, end: int, now: int | None = None) -> list[dict[str, Any]]:
        """Return what was due and what will be due in (start, end], by date: made orders, missed dates and foreseen ones."""
        at = now_ns() if now is None else now
        found: list[dict[str, Any]] = []
        for row in self.plans.list():
            plan = check(row["definition"])
            grace = parse_duration(plan.grace)
            base: dict[str, Any] = {
                "plan": plan.name,
                "asset": plan.asset,
                "title": plan.title or plan.name,
                "hours": self._hours(plan),
            }
            base["parts"] = [one.model_dump() for one in plan.parts]
            for one in self.plans.occurrences([row["id"]], limit=2000):
                if start < one["due"] <= end:
                    more = {"due": one["due"], "order_id": one["order_id"], "number": one["number"]}
                    found.append({**base, **more, "outcome": outcome(one, grace, at)})
            if not row["paused"]:
                ahead = self.planner.ahead(row, max(at, start), end)
                found += [{**base, "due": due, "order_id": None, "number": None, "outcome": "foreseen"} for due in ahead]
        return sorted(found, key=lambda one: (one["due"], one["plan"]))

    def forecast(self, months: int = 12, now: int | None = None) -> dict[str, Any]:
        """Return hours and parts the plans will ask for, month by month, and which plans cannot be foreseen."""
        at = now_ns() if now is None else now
        items = [one for one in self.calendar(at, at + months * YEAR // 12, at) if one["outcome"] in {"foreseen", "open"}]
        stock = {row["part"]: row for row in self.inventory.list()}
        unforeseen = [row["name"] for row in self.plans.list() if check(row["definition"]).trigger.kind == "condition"]
        return {**forecast(items, stock, self.weekly_hours(), at, months), "unforeseen": unforeseen}

    def figures(self, start: int, end: int, asset: str | None = None) -> dict[str, Any]:
        """Return the figures of maintenance over (start, end]."""
        return self._figures.of(start, end, now_ns(), self.weekly_hours(), asset)

    def _plan(self, row: Mapping[str, Any], now: int) -> dict[str, Any]:
        plan = check(row["definition"])
        came = row.get("occurrences") or self.plans.occurrences([row["id"]])
        grace = parse_duration(plan.grace)
        due, known = self.planner.next_due(row, now)
        return {
            "id": row["id"],
            "version": row["version"],
            "paused": row["paused"],
            **plan.model_dump(mode="json", by_alias=True),
            "hours": self._hours(plan),
            "own_hours": plan.hours,
            "trigger_kind": plan.trigger.kind,
            "next_due": None if row["paused"] else due,
            "next_known": known,
            "used": row["used"] if plan.trigger.kind == "meter" else None,
            "occurrences": [{**one, "outcome": outcome(one, grace, now)} for one in came[:20]],
        }

    def _hours(self, plan: Any) -> float | None:
        if plan.hours is not None or not plan.instruction:
            return plan.hours
        try:
            return self.instructions.get(plan.instruction)["content"].get("hours")
        except NotFound:
            return None
