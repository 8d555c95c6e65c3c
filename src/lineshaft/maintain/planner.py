"""The planner's clockwork: makes the order of every plan that falls due, once, whatever happens to the node or its clock.

A due date has a key of its own (its date, its count, its occurrence), kept with the order in one transaction: a restart or a
clock that jumps back makes nothing twice. After a jump of more than an hour nothing is made for ten minutes, and what passed
while nobody looked becomes one order, not many. A plan has one open order: a date that comes while it is open is missed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.compute import parse
from lineshaft.core import (
    NS,
    Bus,
    Conflict,
    Database,
    DataType,
    LineshaftError,
    SystemEvent,
    iso,
    new_id,
    now_ns,
    parse_duration,
    parse_time,
)
from lineshaft.detect import Detect
from lineshaft.guard import Command, Guard, Subject
from lineshaft.maintain.instruction import Instructions
from lineshaft.maintain.order import Orders
from lineshaft.maintain.place import Places
from lineshaft.maintain.plan import Plan, Plans, check
from lineshaft.maintain.records import occurrences, plans
from lineshaft.maintain.schedule import dates, step
from lineshaft.maintain.spare import Spares
from lineshaft.maintain.steps import FINAL
from lineshaft.store import Store

RULE = Subject.rule("planner")
JUMP_S, HELD_S = 3600.0, 600.0
FINE = 200
"""A meter's reading is written once it moved by this part of an interval: a count a second needs no row a second."""


@dataclass(frozen=True, slots=True)
class Due:
    """A due date that came: with an order to make, or only to be noted as missed."""

    key: str
    at: int
    make: bool = True


class Planner:
    """Looks at every plan once in a while; `tick` may be called as often as one likes."""

    def __init__(
        self,
        db: Database,
        guard: Guard,
        orders: Orders,
        spares: Spares,
        places: Places,
        store: Store | None,
        detect: Detect | None,
        bus: Bus,
    ) -> None:
        self._db, self._guard, self._orders, self._spares = db, guard, orders, spares
        self._places, self._store, self._detect, self._bus = places, store, detect, bus
        self._plans, self._instructions = Plans(db), Instructions(db)
        self._offset: float | None = None
        self._held_until = -math.inf
        self._failing: set[str] = set()

    def tick(self, now: int | None = None, monotonic: float | None = None) -> list[str]:
        """Make what is due; return the numbers of the orders made."""
        at = now_ns() if now is None else now
        if self._held(at, time.monotonic() if monotonic is None else monotonic):
            return []
        made: list[str] = []
        for row in self._plans.list():
            if row["paused"]:
                continue
            key = f"plan:{row['name']}"
            try:
                made += self._look(row, at)
            except LineshaftError as error:
                self._failing.add(key)
                self._bus.tell(SystemEvent(key, f"plan '{row['name']}' cannot be judged: {error.what}", hint=error.hint))
            else:
                if key in self._failing:
                    self._failing.discard(key)
                    self._bus.tell(SystemEvent(key, "the plan works again", active=False))
        return made

    def next_due(self, row: Mapping[str, Any], now: int) -> tuple[int | None, str]:
        """Return when a plan is due next, and how that is known."""
        plan, came = check(row["definition"]), self._plans.occurrences([row["id"]])
        if plan.trigger.kind == "time":
            found = self._time_dates(row, plan, came, now, now + 400 * 86_400 * NS * 5)
            return (found[0] if found else None), "date"
        if plan.trigger.kind == "meter":
            return self._foreseen(row, plan), "counted"
        return None, "condition"

    def ahead(self, row: Mapping[str, Any], now: int, until: int) -> list[int]:
        """Return the due dates of a plan up to a moment, as far as they can be foreseen."""
        plan, came = check(row["definition"]), self._plans.occurrences([row["id"]])
        if plan.trigger.kind == "time":
            return self._time_dates(row, plan, came, now, until)
        first = self._foreseen(row, plan) if plan.trigger.kind == "meter" else None
        if first is None or row["used_at"] is None:
            return []
        interval = (row["used_at"] - row["used_since"]) / row["used"] * float(plan.trigger.every_units or 1)
        count = max(0, int((until - first) // interval) + 1) if first <= until and interval > 0 else 0
        return [round(first + n * interval) for n in range(min(count, 400))]

    def _held(self, now: int, monotonic: float) -> bool:
        offset = now / NS - monotonic
        jumped = self._offset is not None and abs(offset - self._offset) > JUMP_S
        self._offset = offset
        if jumped:
            self._held_until = monotonic + HELD_S
            what = "the clock jumped: plans make no orders for ten minutes"
            self._bus.tell(SystemEvent("plans:clock", what, hint="set the clock right, by NTP"))
        held = monotonic < self._held_until
        if not held and self._held_until > -math.inf:
            self._held_until = -math.inf
            self._bus.tell(SystemEvent("plans:clock", "the clock stands", active=False))
        return held

    def _look(self, row: Mapping[str, Any], now: int) -> list[str]:
        plan = check(row["definition"])
        came = self._plans.occurrences([row["id"]])
        known = {one["key"] for one in came}
        judge = {"time": self._by_time, "meter": self._by_meter, "condition": self._by_condition}[plan.trigger.kind]
        still_open = next(
            (one["order_id"] for one in came if one["order_id"] and one["state"] not in (*FINAL, "done", "verified")), None
        )
        made: list[str] = []
        for due in judge(row, plan, came, now):
            if due.key in known or (still_open and due.at > now):
                continue
            number = self._take(row, plan, due if not still_open else Due(due.key, due.at, make=False), still_open)
            if number:
                made.append(number)
                still_open = number
        return made

    # -- by time

    def _by_time(self, row: Mapping[str, Any], plan: Plan, came: list[dict[str, Any]], now: int) -> list[Due]:
        until = now + parse_duration(plan.lead)
        if plan.trigger.floating:
            if any(one["order_id"] and not (one["done"] or one["closed"]) for one in came):
                return []  # it counts from when that one is done
            first = self._time_dates(row, plan, came, now, until)[:1]
            return [Due(f"f:{sum(one['order_id'] is not None for one in came) + 1}", at) for at in first]
        low = max([row["used_since"] or row["created"], *(one["due"] for one in came)])
        found = dates(self._start(row, plan), plan.trigger.every, self._places.zone(plan.asset), low, until)
        past = [at for at in found if at <= now]
        return [Due(f"t:{iso(at)}", at, make=at not in past[:-1]) for at in found]

    def _time_dates(self, row: Mapping[str, Any], plan: Plan, came: list[dict[str, Any]], now: int, until: int) -> list[int]:
        zone, every = self._places.zone(plan.asset), plan.trigger.every
        if not plan.trigger.floating:
            return dates(self._start(row, plan), every, zone, max(now, *(one["due"] for one in came), 0), until, 400)
        ended = [one["done"] or one["closed"] for one in came if one["order_id"] and (one["done"] or one["closed"])]
        base = max([self._start(row, plan), *ended])
        found: list[int] = []
        at = step(base, every, 1, zone)
        while at <= until and len(found) < 400:
            found.append(at)
            at = step(max(at, now), every, 1, zone)
        return found

    def _start(self, row: Mapping[str, Any], plan: Plan) -> int:
        return parse_time(plan.trigger.start) if plan.trigger.start else int(row["created"])

    # -- by meter

    def _by_meter(self, row: Mapping[str, Any], plan: Plan, _came: list[dict[str, Any]], now: int) -> list[Due]:
        value = self._value(plan.trigger.meter)
        if value is None:
            return []
        before, every = row["reading"], float(plan.trigger.every_units or 1)
        moved = 0.0 if before is None else value - before if value >= before else value
        used = row["used"] + moved
        count = math.floor(used / every + 1e-9)
        if before is None or moved >= every / FINE or count > math.floor(row["used"] / every + 1e-9):
            with self._db.begin() as tx:
                here = (plans.c.id == row["id"]) & (plans.c.used == row["used"])
                tx.execute(plans.update().where(here).values(reading=value, used=used, used_at=now))
        return [Due(f"m:{count}", now)] if count >= 1 else []

    def _foreseen(self, row: Mapping[str, Any], plan: Plan) -> int | None:
        """Return when a meter will reach its next mark if it goes on as since the plan began; None while nothing is known."""
        if row["used_at"] is None or row["used"] <= 0 or row["used_at"] <= row["used_since"]:
            return None
        every = float(plan.trigger.every_units or 1)
        rate = row["used"] / (row["used_at"] - row["used_since"])
        return row["used_at"] + round((every - row["used"] % every) / rate)

    # -- by condition

    def _by_condition(self, row: Mapping[str, Any], plan: Plan, _came: list[dict[str, Any]], now: int) -> list[Due]:
        if plan.trigger.alarm:
            rows = self._detect.alarms(True, kind=None, asset=plan.asset) if self._detect is not None else []
            found = next((one for one in rows if one["name"] == plan.trigger.alarm and one["active"] and one["occurrence"]), None)
            return [] if found is None else [Due(f"c:{found['occurrence']}", now)]
        true = self._holds(plan)
        if true is None:
            return []
        since = row["standing"]
        if true != (since is not None):
            since = now if true else None
            with self._db.begin() as tx:
                tx.execute(plans.update().where(plans.c.id == row["id"]).values(standing=since))
        return [Due(f"c:{since}", since)] if since is not None else []

    def _holds(self, plan: Plan) -> bool | None:
        values = {name: self._value(path) for name, path in plan.trigger.inputs.items()}
        if any(value is None for value in values.values()):
            return None
        formula = parse(plan.trigger.when, dict.fromkeys(values, DataType.DOUBLE))
        column = formula.evaluate({name: np.array([value], np.float64) for name, value in values.items()})
        return bool(column.values[0]) if column.ok[0] else None

    def _value(self, path: str) -> float | None:
        """Return a property's newest value if it is good and a number: a plan never acts on a bad one."""
        latest = self._store.latest([path])[0] if self._store is not None else None
        if latest is None or latest.quality != 0 or isinstance(latest.value, str | bool) or latest.value is None:
            return None
        return float(latest.value) if math.isfinite(latest.value) else None

    # -- making

    def _take(self, row: Mapping[str, Any], plan: Plan, due: Due, still_open: str | None) -> str:
        """Note one due date, with its order where one is to be made."""
        body = {"plan": plan.name, "key": due.key, "due": iso(due.at), "make": due.make}
        command = Command(RULE, "work-orders.create", f"plan:{plan.name}", body, f"plan:{row['id']}:{due.key}", plan.asset)

        def run(tx: Connection) -> dict[str, Any]:
            there = sa.select(occurrences.c.id).where(occurrences.c.plan_id == row["id"], occurrences.c.key == due.key)
            if tx.execute(there).first() is not None:
                return {"number": ""}
            made = self._order(tx, row, plan, due) if due.make else None
            if made is None and still_open is not None:
                self._orders.note(tx, still_open, "note", RULE, f"due again: {plan.name}")
            tx.execute(
                occurrences.insert().values(
                    id=new_id(), plan_id=row["id"], key=due.key, due=due.at, made=now_ns(), order_id=made["id"] if made else None
                )
            )
            return {"number": made["number"] if made else ""}

        return str(self._guard.perform(command, run)["number"])

    def _order(self, tx: Connection, row: Mapping[str, Any], plan: Plan, due: Due) -> dict[str, Any]:
        known = self._instructions.for_order(plan.instruction, tx) if plan.instruction else {}
        made = self._orders.create(
            tx,
            RULE,
            asset=plan.asset,
            title=plan.title or plan.name,
            kind=plan.kind,
            priority=plan.priority,
            state="planned",
            due=due.at,
            planned_for=due.at,
            source=("plan", f"{row['id']}:{due.key}"),
            checklist=[*known.get("checklist", []), *plan.checklist],
            permits=[*known.get("permits", []), *plan.permits],
            hours=plan.hours or known.get("hours"),
            skills={**known.get("skills", {}), **plan.skills},
            instruction=known.get("instruction"),
            note=f"plan {plan.name}",
        )
        short = [part for one in plan.parts if (part := self._set_aside(tx, made["id"], one.part, one.quantity))]
        if short:
            self._orders.note(tx, made["id"], "note", RULE, f"not enough in the bin: {', '.join(short)}")
        return made

    def _set_aside(self, tx: Connection, order_id: str, part: str, quantity: float) -> str:
        try:
            self._spares.reserve(tx, order_id, part, quantity, RULE)
        except Conflict:
            return part
        return ""
