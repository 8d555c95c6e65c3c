"""The notifier: hears what happens, has the desk write it down, and escalates what nobody answers.

What act itself does (a proposal, a late task) is written in the transaction of its cause. What other rooms tell is written a
moment later by this thread; what a crash took from it is found again at the start, from the rows of those rooms.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from lineshaft.act.notify.book import Book
from lineshaft.act.notify.carrying import Carrying
from lineshaft.act.notify.desk import Cause, Desk
from lineshaft.act.notify.people import People
from lineshaft.act.notify.settings import Channel
from lineshaft.act.notify.tables import escalations, notices, routes
from lineshaft.core import NS, Bus, Database, NotFound, SystemEvent, new_id, now_ns
from lineshaft.detect import AlarmChanged, AlarmRaised, Detect
from lineshaft.guard import Guard, Subject
from lineshaft.maintain import OrderChanged, Orders

log = logging.getLogger("lineshaft.act")
LONGEST_SLEEP = 60.0
AT_ONCE = 200
OWN = ("outgoing:notify", "notify:")
"""Keys of system events that tell of this room itself: a broken channel must not fill itself."""
URGENCY = {"error": 2, "warning": 3, "info": 4}
UNANSWERED = frozenset(("unack", "rtn-unack", "latched-unack"))
Wire = tuple[type[Any], Callable[[Any], None], str]


class Notifier:
    """Notifications of this node: `book` is what people decided, `desk` writes, `carrying` sends."""

    def __init__(
        self,
        db: Database,
        guard: Guard,
        orders: Orders,
        detect: Detect,
        bus: Bus,
        channels: tuple[Channel, ...],
        node: str,
        link: str,
    ) -> None:
        self._db, self._guard, self._orders, self._detect = db, guard, orders, detect
        self.book = Book(db, guard)
        self.carrying = Carrying(db, bus, channels, node, link, self._over)
        self.desk = Desk(db, People(db, guard), self.carrying.channels, self.carrying.send)
        self.book.channels = self.carrying.channels
        self._on = bool(channels)
        self.is_open: Callable[[str, str], bool] = lambda _kind, _id: True
        """Says whether a proposal or a task of a case still waits; act gives it."""
        self._heard: deque[Callable[[Connection], object]] = deque()
        self._change = threading.Condition()
        self._busy, self._stopping = False, True
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin; what happened while nobody listened is told now."""
        if not self._on:
            return
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name="notifier", daemon=True)
        self._hear(self._catch_up)
        self._thread.start()
        self.carrying.start()

    def stop(self, timeout: float = 5.0) -> None:
        """End; what waits is durable."""
        with self._change:
            self._stopping = True
            self._change.notify_all()
        if self._thread is not None:
            self._thread.join(timeout)
            self.carrying.stop()
        self._thread = None

    def settle(self, timeout: float = 30.0) -> bool:
        """Wait until everything heard is written and everything due is sent."""
        with self._change:
            quiet = self._thread is None or self._change.wait_for(lambda: not self._heard and not self._busy, timeout)
        return quiet and self.carrying.settle(timeout)

    def wires(self) -> Iterator[Wire]:
        """Yield what to connect: the event, its handler, its name for `lineshaft rooms`."""
        if self._on:
            yield AlarmRaised, self._on_alarm, "notify: an alarm is told"
            yield AlarmChanged, self._on_alarm_step, "notify: an answered alarm goes no further"
            yield OrderChanged, self._on_order, "notify: an order is told to whom it was given"
            yield SystemEvent, self._on_system, "notify: the node's own health is told"

    # -- in the transaction of the cause

    def approval(self, tx: Connection, row: Mapping[str, Any], asset: str) -> None:
        """Tell whoever may decide of a proposal that was filed; no more of one that was decided."""
        if not self._on:
            return
        thing = f"approval:{row['id']}"
        if row["state"] != "open":
            self.desk.end(tx, thing)
            return
        detail = {"id": row["id"], "own": [row["proposed_by"], *row["edited_by"]], "expires": row["expires"]}
        self.desk.file(tx, Cause("approval", thing, thing, row["what"], 2, asset, row["created"], detail))

    def overdue(self, tx: Connection, case: Mapping[str, Any], task: Mapping[str, Any], to: str) -> None:
        """Tell whom a process names of a task that stayed open beyond its time."""
        if self._on:
            thing = f"task:{task['id']}"
            detail = {"id": case["id"], "to": to, "due": task["due"]}
            title = f"{case['number']} {case['title']}: {task['name']}"
            self.desk.file(tx, Cause("case", f"{thing}:{task['escalate_at']}", thing, title, 2, case["asset"], 0, detail))

    # -- what other rooms tell

    def _on_alarm(self, event: AlarmRaised) -> None:
        self._hear(lambda tx: self.desk.file(tx, _alarm(event)))

    def _on_alarm_step(self, event: AlarmChanged) -> None:
        if event.state not in UNANSWERED:
            self._hear(lambda tx: self.desk.end(tx, f"alarm:{event.alarm_id}"))

    def _on_order(self, event: OrderChanged) -> None:
        if event.what == "assign":
            self._hear(lambda tx: self._order(tx, event.order_id, event.by))
        elif event.state not in {"assigned", "waiting", "planned"}:
            self._hear(lambda tx: self._end_order(tx, event.order_id))

    def _on_system(self, event: SystemEvent) -> None:
        if event.key.startswith(OWN):
            return
        thing = f"system:{event.key}"[:200]
        if not event.active:
            self._hear(lambda tx: self.desk.end(tx, thing))
            return
        detail = {"hint": event.hint, "key": event.key}
        cause = Cause("system", f"system:{new_id()}", thing, event.message, URGENCY.get(event.severity, 3), "", event.at, detail)
        self._hear(lambda tx: self.desk.file(tx, cause))

    def _order(self, tx: Connection, order_id: str, by: str = "") -> None:
        row = self._orders.get(order_id, tx)
        person = row["assigned_to"]
        if row["state"] != "assigned" or not person or person == by:
            return
        thing = f"order:{row['id']}:{person}"
        detail = {"id": row["id"], "person": person, "due": row["due"]}
        title = f"{row['number']} {row['title']}"
        self.desk.file(
            tx, Cause("order", f"{thing}:{row['version']}"[:200], thing, title, row["priority"], row["asset"], 0, detail)
        )

    def _end_order(self, tx: Connection, order_id: str) -> None:
        query = sa.select(notices.c.thing).where(notices.c.thing.startswith(f"order:{order_id}:"), notices.c.ended.is_(None))
        for row in tx.execute(query.distinct()).all():
            self.desk.end(tx, row.thing)

    def _catch_up(self, tx: Connection) -> None:
        """Tell what stands unanswered and was never written down here."""
        for row in self._detect.alarms(kind=None):
            if row["state"] in UNANSWERED and row["occurrence"]:
                self.desk.file(tx, _alarm(self._detect.raised(row)))
        for row in self._orders.list(state="assigned", limit=500):
            self._order(tx, row["id"])

    # -- nobody answers

    def _escalate(self) -> None:
        now = now_ns()
        due = (escalations.c.state == "waiting") & (escalations.c.at <= now)
        for row in self._db.rows(sa.select(escalations).where(due).order_by(escalations.c.at, escalations.c.id)):
            with self._db.begin() as tx:
                mine = (escalations.c.id == row["id"]) & (escalations.c.state == "waiting")
                if tx.execute(escalations.update().where(mine).values(state="done")).rowcount != 1:
                    continue
                notice = self._db.rows(sa.select(notices).where(notices.c.id == row["notice_id"]), tx)[0]
                route = self._db.rows(sa.select(routes).where(routes.c.id == row["route_id"]), tx)
                if self._over(notice) or not route:
                    self.desk.end(tx, notice["thing"])
                    tx.execute(escalations.update().where(escalations.c.id == row["id"]).values(state="needless"))
                else:
                    self.desk.tell(tx, notice, route[0], row["step"], row["who"])

    def _over(self, notice: Mapping[str, Any]) -> bool:
        """Say whether somebody answered: asked of the room it is about, not of what was heard."""
        if notice["ended"] is not None:
            return True
        kind, _, name = notice["thing"].partition(":")
        try:
            if kind == "alarm":
                return self._detect.alarm(name)["state"] not in UNANSWERED
            if kind == "order":
                row = self._orders.get(name.split(":")[0])
                return row["state"] != "assigned" or row["assigned_to"] != notice["detail"].get("person")
        except NotFound:
            return True
        return kind in {"approval", "task"} and not self.is_open(kind, name)

    # -- the thread

    def test(self, tx: Connection, by: Subject, channel: str, address: str = "") -> dict[str, Any]:
        """Send the asker a message that only says that the channel works."""
        chosen = self.book.choice(by.id, tx)["channels"].get(channel, "")
        delivery = self.desk.test(tx, by.id if by.kind == "person" else "", channel, address or chosen, by.display or by.name)
        return self.book.delivery(delivery, tx)

    def _hear(self, what: Callable[[Connection], object]) -> None:
        with self._change:
            if not self._stopping:
                self._heard.append(what)
                self._change.notify_all()

    def _work(self) -> None:
        while True:
            with self._change:
                if not self._heard and not self._stopping:
                    self._busy = False
                    self._change.notify_all()
                    self._change.wait(self._sleep())
                if self._stopping and not self._heard:
                    self._busy = False
                    return
                heard = [self._heard.popleft() for _ in range(min(AT_ONCE, len(self._heard)))]
                self._busy = True
            self._write(heard)

    def _write(self, heard: list[Callable[[Connection], object]]) -> None:
        """Write what was heard, all of it together or, where that fails, one by one."""
        if heard and not self._together(heard):
            for number, one in enumerate(heard):
                try:
                    with self._db.begin() as tx:
                        one(tx)
                except DBAPIError:
                    log.warning("the database was busy: %d notices are written later", len(heard) - number, exc_info=True)
                    self._later(heard[number:])
                    return
                except Exception:
                    log.exception("a notice could not be written")
        try:
            self._escalate()
        except Exception:
            log.exception("what nobody answered could not be told to the next; it is tried again")

    def _together(self, heard: list[Callable[[Connection], object]]) -> bool:
        try:
            with self._db.begin() as tx:
                for one in heard:
                    one(tx)
        except Exception:  # noqa: BLE001 - whichever it was is told of when they are written one by one
            return False
        return True

    def _later(self, heard: list[Callable[[Connection], object]]) -> None:
        with self._change:
            self._heard.extendleft(reversed(heard))
            if not self._stopping:
                self._change.wait(0.5)

    def _sleep(self) -> float:
        try:
            query = sa.select(sa.func.min(escalations.c.at)).where(escalations.c.state == "waiting")
            with self._db.read() as look:
                at = look.execute(query).scalar()
        except Exception:
            log.exception("the notifier could not look; it looks again")
            return 5.0
        return LONGEST_SLEEP if at is None else min(LONGEST_SLEEP, max(0.05, (at - now_ns()) / NS))


def _alarm(event: AlarmRaised) -> Cause:
    detail = {"id": event.alarm_id, "value": event.value, "limit": event.limit, "unit": event.unit}
    name = f"alarm:{event.occurrence}"
    return Cause("alarm", name, f"alarm:{event.alarm_id}", event.name, event.priority, event.asset_path, event.at, detail)
