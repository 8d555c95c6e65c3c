"""The routes and people's choices, and what the page shows of deliveries."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.act.notify.people import KINDS, check_who
from lineshaft.act.notify.quiet import check_quiet
from lineshaft.act.notify.tables import choices, deliveries, delivery_lines, escalations, notices, routes
from lineshaft.core import NS, Conflict, Database, InvalidInput, NotFound, bump, did_you_mean, new_id, now_ns, parse_duration
from lineshaft.guard import Guard, Subject
from lineshaft.maintain import Outgoing

LANGUAGES = ("", "en", "de")
_ADDRESS = re.compile(r"^[^\s\x00-\x1f\x7f]{1,200}$")
MOST_STEPS = 5


class Book:
    """What people have written down about who is told of what."""

    def __init__(self, db: Database, guard: Guard) -> None:
        self._db, self._guard = db, guard
        self._errands = Outgoing(db, "", "")
        self.channels: Mapping[str, bool] = {}

    # -- routes

    def routes(self, tx: Connection | None = None) -> list[dict[str, Any]]:
        """Return every route, in the order made."""
        return self._db.rows(sa.select(routes).order_by(routes.c.created, routes.c.id), tx)

    def route(self, route_id: str, tx: Connection | None = None) -> dict[str, Any]:
        """Return one route."""
        rows = self._db.rows(sa.select(routes).where(routes.c.id == route_id), tx)
        if not rows:
            raise NotFound(f"there is no route {route_id}", code="notify.route")
        return rows[0]

    def put(self, tx: Connection, said: Mapping[str, Any], route_id: str | None = None, version: int | None = None) -> str:
        """Make a route or change one; return its id. Raises InvalidInput for what would do nothing."""
        values = self._checked(said)
        if route_id is not None:
            self.route(route_id, tx)
            bump(tx, routes, route_id, version, **values)
            return route_id
        made = new_id()
        tx.execute(routes.insert().values(id=made, version=1, created=now_ns(), **values))
        return made

    def drop(self, tx: Connection, route_id: str, version: int | None = None) -> None:
        """End a route; what it led to already still goes its way, what would be told later does not."""
        self.route(route_id, tx)
        bump(tx, routes, route_id, version)
        waiting = (escalations.c.route_id == route_id) & (escalations.c.state == "waiting")
        tx.execute(escalations.update().where(waiting).values(state="needless"))
        tx.execute(routes.delete().where(routes.c.id == route_id))

    def _checked(self, said: Mapping[str, Any]) -> dict[str, Any]:
        kinds = [str(one) for one in said.get("kinds") or KINDS]
        for one in kinds:
            if one not in KINDS:
                raise InvalidInput(f"'{one}' is no kind", where="kinds", hint=did_you_mean(one, KINDS), code="notify.kind")
        channels = [str(one) for one in said.get("channels") or ()]
        for one in channels:
            self._known(one)
        steps: list[Mapping[str, Any]] = list(said.get("steps") or ())
        if len(steps) > MOST_STEPS:
            raise InvalidInput(f"at most {MOST_STEPS} steps", where="steps", code="notify.steps")
        return {
            "name": str(said.get("name") or "")[:100],
            "who": check_who(self._guard, self.channels, str(said.get("who") or "")),
            "kinds": kinds,
            "asset": str(said.get("asset") or "").strip("/"),
            "priority": _between(said.get("priority", 5), 1, 5, "priority"),
            "channels": channels,
            "quiet": check_quiet(said.get("quiet") or {}),
            "through": _between(said.get("through", 1), 0, 5, "through"),
            "gather_s": _between(_seconds(said.get("gather", "10s"), "gather"), 0, 3600, "gather"),
            "steps": [self._step(one) for one in steps],
            "active": bool(said.get("active", True)),
        }

    def _step(self, said: Mapping[str, Any]) -> dict[str, Any]:
        after = _between(_seconds(said.get("after", ""), "steps.after"), 1, 7 * 86_400, "steps.after")
        return {"after_s": after, "who": check_who(self._guard, self.channels, str(said.get("who") or ""))}

    def _known(self, channel: str) -> None:
        if channel not in self.channels:
            hint = did_you_mean(channel, self.channels) or "channels are named in settings.toml: [[act.channels]]"
            raise InvalidInput(f"there is no channel '{channel}'", where="channels", hint=hint, code="notify.channel")

    # -- what a person chose

    def choice(self, user_id: str, tx: Connection | None = None) -> dict[str, Any]:
        """Return a person's own choice."""
        rows = self._db.rows(sa.select(choices).where(choices.c.id == user_id), tx)
        return rows[0] if rows else {"id": user_id, "version": 0, "channels": {}, "quiet": {}, "language": ""}

    def choose(self, tx: Connection, by: Subject, said: Mapping[str, Any]) -> dict[str, Any]:
        """Write down what a person chose for themselves. Raises Conflict for a token: it is nobody to be told."""
        if by.kind != "person":
            raise Conflict("only a person chooses how they are told", hint="log in", code="notify.person")
        wanted: Mapping[str, Any] = said.get("channels") or {}
        for name, address in wanted.items():
            self._known(name)
            if self.channels[name] and not _ADDRESS.match(str(address)):
                hint = "an address for this channel, without blanks"
                raise InvalidInput(f"'{address}' is no address", where=f"channels.{name}", hint=hint, code="notify.address")
        language = str(said.get("language") or "")
        if language not in LANGUAGES:
            raise InvalidInput(f"'{language}' is not spoken here", where="language", hint="en or de", code="notify.language")
        values = {"channels": {name: str(one) for name, one in wanted.items()}, "quiet": check_quiet(said.get("quiet") or {})}
        if self.choice(by.id, tx)["version"]:
            bump(tx, choices, by.id, None, **values, language=language)
        else:
            tx.execute(choices.insert().values(id=by.id, version=1, **values, language=language))
        return self.choice(by.id, tx)

    # -- what became of it

    def deliveries(
        self, state: str | None = None, limit: int = 100, before: int | None = None, person: str | None = None
    ) -> list[dict[str, Any]]:
        """Return messages, newest first, with their attempts and what went wrong."""
        query = sa.select(deliveries)
        for column, value in ((deliveries.c.state, state), (deliveries.c.person, person)):
            query = query if value is None else query.where(column == value)
        if before is not None:
            query = query.where(deliveries.c.created < before)
        rows = self._db.rows(query.order_by(deliveries.c.created.desc(), deliveries.c.id).limit(limit))
        errands = self._errands.of([row["id"] for row in rows])
        nothing: dict[str, Any] = {"attempts": 0, "next_at": None, "error": ""}
        return [{**row, **{name: errands.get(row["id"], nothing)[name] for name in nothing}} for row in rows]

    def delivery(self, delivery_id: str, tx: Connection | None = None) -> dict[str, Any]:
        """Return one message with its notices."""
        rows = self._db.rows(sa.select(deliveries).where(deliveries.c.id == delivery_id), tx)
        if not rows:
            raise NotFound(f"there is no message {delivery_id}", code="notify.unknown")
        return rows[0]

    def places(self, ids: Sequence[str]) -> dict[str, set[str]]:
        """Return the assets each of some messages is about."""
        query = sa.select(delivery_lines.c.delivery_id, notices.c.asset).join(notices, notices.c.id == delivery_lines.c.notice_id)
        found: dict[str, set[str]] = {one: set() for one in ids}
        for row in self._db.rows(query.where(delivery_lines.c.delivery_id.in_(list(ids)))):
            found[row["delivery_id"]].add(row["asset"])
        return found


def _between(value: object, least: int, most: int, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidInput(f"{value!r} is not between {least} and {most}", where=where, code="notify.number")
    return value


def _seconds(value: object, where: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return round(parse_duration(str(value), where=where) / NS)
