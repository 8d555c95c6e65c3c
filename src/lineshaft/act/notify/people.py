"""Who is meant by a route: people by role or name, those a cause concerns, or a channel everybody reads.

Nobody is told of what they may not see: the part of the plant and the permissions of each person decide, as on every page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.act.notify.tables import choices
from lineshaft.core import Database, InvalidInput, did_you_mean
from lineshaft.guard import Guard, Role, Sight, Subject, User, allowed

TABLES: Mapping[str, str] = {"alarm": "alarms", "order": "work_orders", "case": "cases", "approval": "approvals"}
"""Which table of the catalog a notice tells of."""
KINDS = ("alarm", "approval", "order", "case", "system")


@dataclass(frozen=True, slots=True)
class Recipient:
    """One who is told: a person with what they chose, or a channel that is nobody's own."""

    person: str
    channels: Mapping[str, str]
    quiet: Mapping[str, Any]
    language: str


def check_who(guard: Guard, channels: Mapping[str, Any], who: str) -> str:
    """Return whom a route is for, if that can be understood. Raises InvalidInput."""
    kind, _, name = who.partition(":")
    known: Mapping[str, list[str]] = {
        "role": [role.value for role in Role],
        "user": [one.name for one in guard.users.list() if one.disabled is None],
        "channel": list(channels),
    }
    if who == "concerned" or name in known.get(kind, []):
        return who
    hint = did_you_mean(name, known[kind]) if kind in known else "role:planner, user:NAME, channel:NAME or concerned"
    raise InvalidInput(f"nobody is '{who}'", where="who", hint=hint, code="notify.who")


class People:
    """Finds the recipients of a notice."""

    def __init__(self, db: Database, guard: Guard) -> None:
        self._db, self._guard = db, guard

    def of(self, tx: Connection, who: str, notice: Mapping[str, Any]) -> list[Recipient]:
        """Return everybody a route names who may know of this notice."""
        kind, _, name = who.partition(":")
        if kind == "channel":
            return [Recipient("", {name: ""}, {}, "")]
        users = [user for user in self._guard.users.list() if user.disabled is None]
        chosen = {row["id"]: row for row in self._db.rows(sa.select(choices), tx)}
        found: list[Recipient] = []
        for user in self._meant(tx, kind, name, notice, users):
            if self._may_know(user, notice):
                mine = chosen.get(user.id) or {"channels": {}, "quiet": {}, "language": ""}
                found.append(Recipient(user.id, mine["channels"], mine["quiet"], mine["language"]))
        return found

    def _meant(self, tx: Connection, kind: str, name: str, notice: Mapping[str, Any], users: list[User]) -> Iterator[User]:
        detail: Mapping[str, Any] = notice["detail"]
        person = detail.get("person")
        to = str(detail.get("to", ""))
        for user in users:
            if kind == "user":
                if user.name == name:
                    yield user
            elif kind == "role":
                if Role(name) in user.roles:
                    yield user
            elif notice["kind"] == "approval":
                own = {self._guard.tokens.made_by(tx, str(one)) for one in detail.get("own", ())}
                if user.id not in own and allowed(user.roles, "person", "approvals.decide"):
                    yield user
            elif user.id == person or user.name == to or to in {role.value for role in user.roles}:
                yield user

    def _may_know(self, user: User, notice: Mapping[str, Any]) -> bool:
        subject: Subject | None = self._guard.sessions.named(f"user:{user.name}")
        if subject is None or (notice["asset"] and not subject.reaches(notice["asset"])):
            return False
        return subject.sight(TABLES.get(notice["kind"], "")) is not Sight.HIDDEN
