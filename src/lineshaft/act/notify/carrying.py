"""Carries messages out, one courier a channel: one that hangs holds up no other, and nothing is lost by a crash.

A message is noted before it leaves and noted again when it arrived. Between the two it may arrive twice: it carries its id.
"""

from __future__ import annotations

import hashlib
import importlib
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.act.notify.settings import Channel
from lineshaft.act.notify.tables import choices, deliveries, delivery_lines, notices
from lineshaft.act.notify.words import message
from lineshaft.core import (
    Bus,
    ConfigError,
    Conflict,
    Database,
    LineshaftError,
    NotFound,
    SystemEvent,
    after_commit,
    now_ns,
    parse_duration,
)
from lineshaft.maintain import Courier, Errand, Outgoing

Over = Callable[[Mapping[str, Any]], bool]
"""Asked with a notice; says whether somebody answered it, so that nobody needs to be told any more."""


class _Line:
    """One channel: its settings, its errands and its courier."""

    def __init__(self, channel: Channel, db: Database, bus: Bus, node: str, bring: Callable[[Errand], None]) -> None:
        self.channel = channel
        kind = "note-" + hashlib.sha256(channel.name.encode()).hexdigest()[:12]
        self.outgoing = Outgoing(db, kind, node, 0.0)
        self.courier = Courier(f"notify {channel.name}", self.outgoing, bring, bus)

    @property
    def url(self) -> str:
        """The address, with its secret. Raises ConfigError when the environment has none."""
        if self.channel.url:
            return self.channel.url
        found = os.environ.get(self.channel.url_env, "")
        if not found:
            what = f"the environment variable {self.channel.url_env} is not set"
            raise ConfigError(what, where=f"[[act.channels]] {self.channel.name}", hint="set it where the node is started")
        return found

    @property
    def personal(self) -> bool:
        """Whether a person's own address is put in."""
        try:
            return "{address}" in self.url
        except ConfigError:
            return False


class Carrying:
    """The channels of this node."""

    def __init__(self, db: Database, bus: Bus, channels: Sequence[Channel], node: str, link: str, over: Over) -> None:
        self._db, self._bus, self._link, self._over = db, bus, link, over
        self._lines = {one.name: _Line(one, db, bus, node, self._bring) for one in channels}

    @property
    def channels(self) -> dict[str, bool]:
        """Return the channels by name, and whether each takes a person's own address."""
        return {name: line.personal for name, line in self._lines.items()}

    def start(self) -> None:
        """Begin; what was under way when this node died is sent again, under its id."""
        for line in self._lines.values():
            line.courier.start()

    def stop(self) -> None:
        """End; what waits is sent at the next start."""
        for line in self._lines.values():
            line.courier.stop()

    def take_over(self, node: str) -> None:
        """Send what a node that died was at."""
        for line in self._lines.values():
            line.courier.take_over(node)

    def settle(self, timeout: float) -> bool:
        """Wait until nothing is due."""
        return all(line.courier.settle(timeout) for line in self._lines.values())

    def send(self, tx: Connection, channel: str, delivery_id: str, due: int) -> None:
        """Have a delivery sent at a moment."""
        line = self._lines.get(channel)
        if line is None:
            hint = "it was taken out of settings.toml"
            raise Conflict(f"there is no channel '{channel}' any more", hint=hint, code="notify.channel")
        line.outgoing.file(tx, delivery_id, due)
        after_commit(tx, line.courier.wake)

    def again(self, tx: Connection, delivery_id: str) -> None:
        """Send a message again, whatever became of it; it keeps its id."""
        rows = self._db.rows(sa.select(deliveries).where(deliveries.c.id == delivery_id), tx)
        if not rows:
            raise NotFound(f"there is no message {delivery_id}", code="notify.unknown")
        tx.execute(deliveries.update().where(deliveries.c.id == delivery_id).values(state="waiting", created=now_ns()))
        self.send(tx, rows[0]["channel"], delivery_id, now_ns())

    def _bring(self, errand: Errand) -> None:
        row, rows = self._take(errand.id)
        line = self._lines[row["channel"]]
        if not rows:
            self._end(row, "needless", None)
            return
        title, text = message(rows, row["language"], row["id"], self._link, late=row["step"] > 0)
        try:
            carrier = importlib.import_module(
                "lineshaft.act.notify.apprise"
            )  # 0.2 s and 30 MB that a node without channels saves
            carrier.deliver(line.channel.name, carrier.address_in(line.url, row["address"]), title, text, row["priority"])
        except LineshaftError as error:
            if now_ns() - row["created"] <= parse_duration(line.channel.give_up):
                raise
            self._end(row, "dead", None)
            what = f"a message over '{line.channel.name}' was given up: {error.what}"
            self._bus.tell(SystemEvent(f"notify:dead:{line.channel.name}", what, "error", hint="see the page Notifications"))
            return
        self._end(row, "delivered", title)

    def _take(self, delivery_id: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Close a message for joiners and return it with its notices, without those that somebody answered meanwhile."""
        with self._db.begin() as tx:
            tx.execute(deliveries.update().where(deliveries.c.id == delivery_id).values(state="sending"))
            language = sa.func.coalesce(choices.c.language, "").label("language")
            found = sa.select(deliveries, language).outerjoin(choices, choices.c.id == deliveries.c.person)
            row = self._db.rows(found.where(deliveries.c.id == delivery_id), tx)[0]
            lines = sa.select(notices).join(delivery_lines, delivery_lines.c.notice_id == notices.c.id)
            rows = self._db.rows(lines.where(delivery_lines.c.delivery_id == delivery_id), tx)
        if row["held"] or row["step"]:
            rows = [one for one in rows if not self._over(one)]
        return row, rows

    def _end(self, row: Mapping[str, Any], state: str, title: str | None) -> None:
        values: dict[str, Any] = {"state": state, "sent": now_ns() if state == "delivered" else None}
        if title is not None:
            values["title"] = title
        with self._db.begin() as tx:
            tx.execute(deliveries.update().where(deliveries.c.id == row["id"]).values(**values))
        self._lines[row["channel"]].outgoing.arrived(row["id"], again_at=None, told={"state": state})
        if state == "delivered":
            self._bus.tell(SystemEvent(f"notify:dead:{row['channel']}", "messages arrive again", active=False))
