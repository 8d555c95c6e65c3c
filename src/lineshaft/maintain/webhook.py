"""Webhooks: what happens here, told to others as signed CloudEvents, tried again until they have it, replayed on demand.

A message is written down when the change it tells of is committed, and leaves this node as often as needed: a receiver may get
one twice and tells them apart by its id. The signature is that of Standard Webhooks: HMAC-SHA256 over id, time and body.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import Bus, Conflict, Database, LineshaftError, NotFound, after_commit, iso, new_id, now_ns, parse_duration
from lineshaft.maintain.caller import Caller, secret
from lineshaft.maintain.courier import Courier
from lineshaft.maintain.outgoing import Errand, Outgoing, deliveries, outgoing
from lineshaft.maintain.webhook_settings import WebhookEntry

SPEC = "1.0"
FORM = "cloudevents+json"
KEEP = 30 * 86_400 * 10**9
"""Deliveries that arrived are kept so long."""


class _Hook:
    """One receiver: its settings, the line to it, and its courier."""

    def __init__(self, entry: WebhookEntry, db: Database, bus: Bus, node: str, bring: Callable[[Errand], None]) -> None:
        self.entry, self.caller = entry, Caller(f"webhook {entry.name}", entry)
        kind = "hook-" + hashlib.sha256(entry.name.encode()).hexdigest()[:12]
        self.outgoing = Outgoing(db, kind, node, 0.0)
        self.courier = Courier(f"webhook {entry.name}", self.outgoing, bring, bus)


class Webhooks:
    """The receivers of this node and what they were told."""

    def __init__(self, db: Database, bus: Bus, entries: Sequence[WebhookEntry], source: str, node: str) -> None:
        self._db = db
        self._source = source
        self._hooks = {entry.name: _Hook(entry, db, bus, node, self._bring) for entry in entries}

    def start(self) -> None:
        """Begin to deliver, each receiver by a courier of its own: one that hangs holds up no other."""
        for hook in self._hooks.values():
            hook.courier.start()

    def take_over(self, node: str) -> None:
        """Deliver what another node was at when it died."""
        for hook in self._hooks.values():
            hook.courier.take_over(node)

    def stop(self) -> None:
        """End; what is not delivered is at the next start."""
        for hook in self._hooks.values():
            hook.courier.stop()

    @property
    def hooks(self) -> list[dict[str, Any]]:
        """Return the receivers, without their secrets."""
        entries = [hook.entry for hook in self._hooks.values()]
        return [{"name": one.name, "url": one.url, "events": list(one.events), "asset": one.asset} for one in entries]

    def tell(self, kind: str, what: str, asset: str, subject: str, data: Mapping[str, Any], tx: Connection | None = None) -> int:
        """Write down what happened for everybody who asked for it, in its own transaction if given; return for how many."""
        entries = [hook.entry for hook in self._hooks.values()]
        wanted = [one for one in entries if kind in one.events and _below(asset, one.asset)]
        if wanted:
            event = _event(self._source, f"org.lineshaft.{kind}.{what}", subject, data)
            with self._db.begin(tx) as inside:
                for one in wanted:
                    self._write(inside, one.name, event, subject)
        return len(wanted)

    def test(self, tx: Connection, name: str, by: str) -> dict[str, Any]:
        """Write a message to one receiver that only says that it can be reached."""
        self._hook(name)
        return self.delivery(self._write(tx, name, _event(self._source, "org.lineshaft.test", name, {"by": by}), name), tx)

    def rehearse(self, name: str, by: str) -> dict[str, Any]:
        """Return the test message to a receiver as it would go out now, signed; nothing is written or sent."""
        hook = self._hook(name)
        event = _event(self._source, "org.lineshaft.test", name, {"by": by})
        return _as_sent(hook, {"event_id": event["id"], "body": _text(event), "state": "new"})

    def rehearse_again(self, delivery_id: str) -> dict[str, Any]:
        """Return a message that was written down as it would go out now, signed; nothing is sent."""
        row = self.delivery(delivery_id)
        return _as_sent(self._hook(row["hook"]), row)

    def _hook(self, name: str) -> _Hook:
        if name not in self._hooks:
            raise NotFound(f"there is no webhook '{name}'", hint="see [[webhooks]] in settings.toml", code="webhooks.unknown")
        return self._hooks[name]

    def replay(self, tx: Connection, delivery_id: str) -> dict[str, Any]:
        """Send a message again, whatever became of it; it keeps its id, so that a receiver knows it."""
        row = self.delivery(delivery_id, tx)
        tx.execute(deliveries.update().where(deliveries.c.id == row["id"]).values(state="waiting", status=None))
        self._file(tx, row["hook"], row["id"])
        return self.delivery(row["id"], tx)

    def list(
        self, *, hook: str | None = None, state: str | None = None, limit: int = 100, before: int | None = None
    ) -> list[dict[str, Any]]:
        """Return messages, newest first, with their attempts and what went wrong."""
        query = sa.select(deliveries).order_by(deliveries.c.created.desc(), deliveries.c.id).limit(limit)
        for column, value in ((deliveries.c.hook, hook), (deliveries.c.state, state)):
            query = query if value is None else query.where(column == value)
        if before is not None:
            query = query.where(deliveries.c.created < before)
        return self._shown(self._db.rows(query))

    def delivery(self, delivery_id: str, tx: Connection | None = None) -> dict[str, Any]:
        """Return one message."""
        rows = self._db.rows(sa.select(deliveries).where(deliveries.c.id == delivery_id), tx)
        if not rows:
            raise NotFound(f"there is no message {delivery_id}", code="webhooks.unknown-delivery")
        return self._shown(rows, tx)[0]

    def forget(self, now: int) -> int:
        """Delete messages that arrived long ago."""
        old = (deliveries.c.state == "delivered") & (deliveries.c.created < now - KEEP)
        with self._db.begin() as tx:
            tx.execute(outgoing.delete().where(outgoing.c.id.in_(sa.select(deliveries.c.id).where(old))))
            return tx.execute(deliveries.delete().where(old)).rowcount

    def _shown(self, rows: Sequence[Mapping[str, Any]], tx: Connection | None = None) -> list[dict[str, Any]]:
        query = sa.select(outgoing).where(outgoing.c.id.in_([row["id"] for row in rows]))
        errands = {row["id"]: row for row in self._db.rows(query, tx)}
        names = ("attempts", "next_at", "error")
        return [{**row, **{name: errands[row["id"]][name] for name in names}} for row in rows if row["id"] in errands]

    def _write(self, tx: Connection, hook: str, event: Mapping[str, Any], subject: str) -> str:
        delivery_id = new_id()
        row = {
            "id": delivery_id,
            "hook": hook,
            "event_id": event["id"],
            "type": event["type"],
            "subject": subject[:500],
            "body": _text(event),
            "created": now_ns(),
            "state": "waiting",
        }
        tx.execute(deliveries.insert().values(**row))
        self._file(tx, hook, delivery_id)
        return delivery_id

    def _file(self, tx: Connection, name: str, delivery_id: str) -> None:
        hook = self._hooks.get(name)
        if hook is None:
            hint = "it was taken out of settings.toml"
            raise Conflict(f"there is no webhook '{name}' any more", hint=hint, code="webhooks.gone")
        hook.outgoing.file(tx, delivery_id)
        after_commit(tx, hook.courier.wake)

    def _bring(self, errand: Errand) -> None:
        row = self._db.rows(sa.select(deliveries).where(deliveries.c.id == errand.id))[0]
        hook = self._hooks[row["hook"]]
        try:
            status = self._post(hook.entry, hook.caller, row)
        except LineshaftError:
            if now_ns() - row["created"] > parse_duration(hook.entry.give_up):
                self._end(row, "given up", None)
                return
            raise
        self._end(row, "delivered", status)

    def _post(self, hook: WebhookEntry, caller: Caller, row: Mapping[str, Any]) -> int:
        headers = _signed(hook, caller, row)
        return caller.call("POST", "", None, headers, form=FORM, text=row["body"]).status

    def _end(self, row: Mapping[str, Any], state: str, status: int | None) -> None:
        with self._db.begin() as tx:
            values = {"state": state, "status": status, "delivered": now_ns() if state == "delivered" else None}
            tx.execute(deliveries.update().where(deliveries.c.id == row["id"]).values(**values))
        self._hooks[row["hook"]].outgoing.arrived(row["id"], again_at=None, told={"state": state})


def signature(key: str, message_id: str, stamp: str, body: str) -> str:
    """Return the signature a receiver compares (in constant time) with its own.

    >>> signature("key", "id", "1", "{}")
    'v1,5PVmP2AfJGwnp9flV+flrzfukNWA9zyUdqvI+IQalVs='
    """
    digest = hmac.new(key.encode(), f"{message_id}.{stamp}.{body}".encode(), hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def _signed(hook: WebhookEntry, caller: Caller, row: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers that say which message it is, when it goes out, and that it is ours."""
    key = secret(hook.secret_env, f"[[webhooks]] {hook.name}")
    caller.hide(key)
    stamp = str(int(time.time()))
    mine = signature(key, row["event_id"], stamp, row["body"])
    return {"Webhook-Id": row["event_id"], "Webhook-Timestamp": stamp, "Webhook-Signature": mine}


def _as_sent(hook: _Hook, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a message with everything it would carry, or why it cannot be signed."""
    shown: dict[str, Any] = {"hook": hook.entry.name, "url": hook.entry.url, "body": row["body"], "state": row["state"]}
    try:
        headers = {"Content-Type": f"application/{FORM}", **_signed(hook.entry, hook.caller, row)}
    except LineshaftError as error:
        return {**shown, "headers": {}, "why": error.what, "hint": error.hint}
    return {**shown, "headers": headers, "why": "", "hint": ""}


def _text(event: Mapping[str, Any]) -> str:
    return json.dumps(event, ensure_ascii=False, default=str)


def _event(source: str, kind: str, subject: str, data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "specversion": SPEC,
        "id": new_id(),
        "source": source,
        "type": kind,
        "subject": subject,
        "time": iso(now_ns()),
        "datacontenttype": "application/json",
        "data": dict(data),
    }


def _below(asset: str, scope: str) -> bool:
    return not scope or asset == scope or asset.startswith(scope + "/")
