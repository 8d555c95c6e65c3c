"""The desk where notices are written, routed and made into deliveries, always in the transaction of the caller.

A delivery is one message to one person over one channel. While it waits, further notices for the same person and channel join
it: a flood is one message. What repeats is counted, not told again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from lineshaft.act.notify.people import People, Recipient
from lineshaft.act.notify.quiet import quiet_until
from lineshaft.act.notify.tables import deliveries, delivery_lines, escalations, notices, routes
from lineshaft.act.notify.words import plain
from lineshaft.core import NS, Database, new_id, now_ns

REPEAT_OVER, REPEAT_OPEN = 900 * NS, 3600 * NS
"""What comes again within these times after it was over, or while nobody answered, is counted and not told again."""
FLOOD = 5
PAUSES = {1: 60 * NS}
PAUSE = 300 * NS
"""After a message with more than FLOOD notices the next one to the same person and channel waits so long."""


@dataclass(frozen=True, slots=True)
class Cause:
    """What happened: `name` is unique for ever, `thing` is what it is about."""

    kind: str
    name: str
    thing: str
    title: str
    priority: int = 3
    asset: str = ""
    at: int = 0
    detail: Mapping[str, Any] = field(default_factory=dict[str, Any])


class Desk:
    """Writes notices and deliveries. `send` has a delivery sent at a moment; `channels` are the names there are."""

    def __init__(
        self, db: Database, people: People, channels: Mapping[str, bool], send: Callable[[Connection, str, str, int], None]
    ) -> None:
        self._db, self._people, self._send = db, people, send
        self._channels = channels

    def file(self, tx: Connection, cause: Cause) -> str | None:
        """Write a notice and what follows from it; return its id, or None if it was written before or repeats another."""
        before = self._earlier(tx, cause)
        now = now_ns()
        row: dict[str, Any] = {
            "id": new_id(),
            "cause": cause.name[:200],
            "kind": cause.kind,
            "thing": cause.thing[:200],
            "repeats": before["id"] if before else None,
            "priority": cause.priority,
            "asset": cause.asset[:500],
            "title": plain(cause.title),
            "detail": dict(cause.detail),
            "at": cause.at or now,
            "count": 1,
            "last_at": now,
        }
        if not _insert(tx, row):
            return None
        if before is not None:
            counted = notices.update().where(notices.c.id == before["id"])
            tx.execute(counted.values(count=notices.c.count + 1, last_at=now, ended=None))
            return None
        for route in self._db.rows(sa.select(routes).where(routes.c.active).order_by(routes.c.created, routes.c.id), tx):
            if _concerns(route, row):
                self.tell(tx, row, route, 0, route["who"])
                self._plan(tx, row, route, now)
        return str(row["id"])

    def tell(self, tx: Connection, notice: Mapping[str, Any], route: Mapping[str, Any], step: int, who: str) -> None:
        """Make the deliveries of a notice to everybody somebody names."""
        for recipient in self._people.of(tx, who, notice):
            for channel, address in self._ways(route, recipient):
                self._deliver(tx, notice, route, step, recipient, (channel, address))

    def test(self, tx: Connection, person: str, channel: str, address: str, title: str) -> str:
        """Make a delivery that only says that the channel works."""
        name = new_id()
        row = {"id": new_id(), "cause": f"test:{name}", "kind": "test", "thing": f"test:{name}", "priority": 3, "asset": ""}
        row |= {"title": plain(title), "detail": {}, "at": now_ns(), "count": 1, "last_at": now_ns(), "ended": None}
        _insert(tx, row)
        return self._write(tx, row, None, 0, person, (channel, address), held=False, due=now_ns())

    def end(self, tx: Connection, thing: str) -> None:
        """Note that somebody answered: nothing of it goes any further."""
        open_ = (notices.c.thing == thing) & notices.c.ended.is_(None)
        ids = [row.id for row in tx.execute(sa.select(notices.c.id).where(open_))]
        if ids:
            tx.execute(notices.update().where(notices.c.id.in_(ids)).values(ended=now_ns()))
            waiting = (escalations.c.notice_id.in_(ids)) & (escalations.c.state == "waiting")
            tx.execute(escalations.update().where(waiting).values(state="needless"))

    def _earlier(self, tx: Connection, cause: Cause) -> dict[str, Any] | None:
        query = sa.select(notices).where(notices.c.thing == cause.thing, notices.c.repeats.is_(None))
        rows = self._db.rows(query.order_by(notices.c.at.desc(), notices.c.id).limit(1), tx)
        if not rows or rows[0]["cause"] == cause.name:
            return None
        age, is_open = now_ns() - rows[0]["last_at"], rows[0]["ended"] is None
        again = age < REPEAT_OPEN if is_open else (age < REPEAT_OVER and cause.priority > 1)
        return rows[0] if again else None

    def _plan(self, tx: Connection, notice: Mapping[str, Any], route: Mapping[str, Any], now: int) -> None:
        for number, step in enumerate(route["steps"], 1):
            row = {"id": new_id(), "notice_id": notice["id"], "route_id": route["id"], "step": number, "who": step["who"]}
            tx.execute(escalations.insert().values(**row, at=now + round(step["after_s"] * NS), state="waiting"))

    def _ways(self, route: Mapping[str, Any], recipient: Recipient) -> list[tuple[str, str]]:
        """Return the channels a recipient is told over: those of the route, or their own choice, or what needs no address."""
        wanted: Sequence[str] = route["channels"] or list(recipient.channels) or list(self._channels)
        here = {
            name: recipient.channels.get(name, "") if self._channels[name] else "" for name in wanted if name in self._channels
        }
        return [(name, address) for name, address in here.items() if address or not self._channels[name]]

    def _deliver(
        self,
        tx: Connection,
        notice: Mapping[str, Any],
        route: Mapping[str, Any],
        step: int,
        recipient: Recipient,
        way: tuple[str, str],
    ) -> None:
        person = recipient.person if self._channels[way[0]] else ""  # a channel without an address is one for all
        if self._has(tx, notice["id"], person, way[0], step):
            return
        now = now_ns()
        until = self._quiet(notice, route, recipient, now)
        joined = self._join(tx, notice, person, way[0], until is not None)
        if not joined:
            due = until or self._after_a_flood(tx, person, way[0], notice["priority"], now + round(route["gather_s"] * NS))
            self._write(tx, notice, route["id"], step, person, way, held=until is not None, due=due)

    def _quiet(self, notice: Mapping[str, Any], route: Mapping[str, Any], recipient: Recipient, now: int) -> int | None:
        """Return until when this waits for the morning, the later of the route's and the person's; None: not at all."""
        if notice["priority"] <= route["through"]:
            return None
        ends = [quiet_until(route["quiet"], now), quiet_until(recipient.quiet, now)]
        return max((end for end in ends if end is not None), default=None)

    def _has(self, tx: Connection, notice_id: str, person: str, channel: str, step: int) -> bool:
        query = sa.select(deliveries.c.id).join(delivery_lines, delivery_lines.c.delivery_id == deliveries.c.id)
        here = (deliveries.c.person == person) & (deliveries.c.channel == channel) & (deliveries.c.step >= step)
        return tx.execute(query.where(delivery_lines.c.notice_id == notice_id, here).limit(1)).first() is not None

    def _join(self, tx: Connection, notice: Mapping[str, Any], person: str, channel: str, held: bool) -> bool:
        """Put a notice into the message that waits for the same person and channel already."""
        here = (deliveries.c.person == person) & (deliveries.c.channel == channel) & (deliveries.c.held == held)
        waits = here & (deliveries.c.state == "waiting")
        found = tx.execute(sa.select(deliveries.c.id).where(waits).order_by(deliveries.c.created).limit(1)).scalar()
        if found is None:
            return False
        mine = (deliveries.c.id == found) & (deliveries.c.state == "waiting")
        least = sa.case((deliveries.c.priority > notice["priority"], notice["priority"]), else_=deliveries.c.priority)
        hit = tx.execute(deliveries.update().where(mine).values(lines=deliveries.c.lines + 1, priority=least))
        if hit.rowcount != 1:
            return False
        tx.execute(delivery_lines.insert().values(delivery_id=found, notice_id=notice["id"]))
        return True

    def _after_a_flood(self, tx: Connection, person: str, channel: str, priority: int, due: int) -> int:
        here = (deliveries.c.person == person) & (deliveries.c.channel == channel) & (deliveries.c.lines > FLOOD)
        last = tx.execute(sa.select(sa.func.max(deliveries.c.sent)).where(here)).scalar()
        return due if last is None else max(due, last + PAUSES.get(priority, PAUSE))

    def _write(
        self,
        tx: Connection,
        notice: Mapping[str, Any],
        route_id: str | None,
        step: int,
        person: str,
        way: tuple[str, str],
        *,
        held: bool,
        due: int,
    ) -> str:
        row = {
            "id": new_id(),
            "route_id": route_id,
            "step": step,
            "person": person,
            "channel": way[0],
            "address": way[1],
            "held": held,
            "priority": notice["priority"],
            "created": now_ns(),
            "state": "waiting",
            "title": notice["title"],
            "lines": 1,
        }
        tx.execute(deliveries.insert().values(**row))
        tx.execute(delivery_lines.insert().values(delivery_id=row["id"], notice_id=notice["id"]))
        self._send(tx, way[0], str(row["id"]), due)
        return str(row["id"])


def _insert(tx: Connection, row: Mapping[str, Any]) -> bool:
    """Write a notice once; false if its cause was written before."""
    if tx.execute(sa.select(notices.c.id).where(notices.c.cause == row["cause"])).first() is not None:
        return False
    try:
        with tx.begin_nested():
            tx.execute(notices.insert().values(**row))
    except IntegrityError:  # another node, in the same moment
        return False
    return True


def _concerns(route: Mapping[str, Any], notice: Mapping[str, Any]) -> bool:
    if notice["kind"] not in route["kinds"] or notice["priority"] > route["priority"]:
        return False
    asset, branch = str(notice["asset"]), str(route["asset"])
    return not branch or asset == branch or asset.startswith(branch + "/")
