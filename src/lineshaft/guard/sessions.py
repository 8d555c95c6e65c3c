"""Browser sessions and who a bearer secret stands for, remembered for a few seconds so that a screen's polling costs nothing."""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import NS, Database, NotAuthenticated, NotFound, new_id, now_ns
from lineshaft.guard.passwords import check_password, hash_password, is_outdated
from lineshaft.guard.permissions import Permissions
from lineshaft.guard.settings import GuardSettings
from lineshaft.guard.subject import Subject
from lineshaft.guard.tables import sessions, users
from lineshaft.guard.tokens import PREFIX, Tokens, secret_digest
from lineshaft.guard.users import Users, as_subject

REMEMBERED_S = 3.0
"""A token ended by another process is refused at the latest after this time; in this process at once."""


@dataclass(frozen=True, slots=True)
class Session:
    """A login: the secret for the cookie, who it is, and until when (UTC ns)."""

    token: str
    subject: Subject
    expires: int


class Sessions:
    """Opens and ends sessions, and names the subject of any bearer secret."""

    def __init__(
        self, db: Database, settings: GuardSettings, people: Users, tokens: Tokens, permissions: Permissions | None = None
    ) -> None:
        self._db = db
        self._hours = settings.session_hours
        self._people = people
        self._tokens = tokens
        self._permissions = permissions or Permissions(db)
        self._known: dict[str, tuple[Subject, int | None, float]] = {}
        self._changes = 0
        self._lock = threading.Lock()

    def check(self, name: str, password: str) -> Subject | None:
        """Return the person whose name and password these are, or None; takes the same time for unknown names."""
        query = sa.select(users.c.id, users.c.password).where(users.c.name == name.strip(), users.c.disabled.is_(None))
        rows = self._db.rows(query)
        kept = rows[0]["password"] if rows else None
        if not check_password(kept, password):
            return None
        if is_outdated(kept or ""):
            with self._db.begin() as tx:
                tx.execute(users.update().where(users.c.id == rows[0]["id"]).values(password=hash_password(password)))
        return as_subject(self._people.by_name(name.strip()))

    def open(self, tx: Connection, subject: Subject) -> Session:
        """Begin a session of a person."""
        secret, now = "lss_" + secrets.token_urlsafe(32), now_ns()
        expires = now + round(self._hours * 3600 * NS)
        row = {"id": new_id(), "version": 1, "digest": secret_digest(secret), "user_id": subject.id, "created": now}
        tx.execute(sessions.insert().values(**row, expires=expires))
        return Session(secret, subject, expires)

    def end(self, tx: Connection, secret: str) -> None:
        """End a session; ending one that is gone already is fine."""
        tx.execute(sessions.delete().where(sessions.c.digest == secret_digest(secret)))
        self.changed()

    def subject(self, secret: str) -> Subject:
        """Return who a bearer secret stands for. Raises NotAuthenticated."""
        digest = secret_digest(secret)
        known = self._known.get(digest)
        if known is None or time.monotonic() - known[2] > REMEMBERED_S:
            known = self._look_up(secret, digest)
        subject, expires, _ = known
        if expires is not None and expires <= now_ns():
            raise NotAuthenticated("this login has expired", hint="log in again", code="login.expired")
        return subject

    def named(self, who: str) -> Subject | None:
        """Return the person (`user:NAME`) or token (`token:NAME`) as it may act now; None if there is none or it has ended."""
        kind, _, name = who.partition(":")
        try:
            person = self._people.by_name(name) if kind == "user" else None
        except NotFound:
            return None
        if person is not None and person.disabled is not None:
            return None
        found = as_subject(person) if person else self._tokens.named(name)
        return None if found is None else self._permissions.veiled(found)

    def changed(self) -> None:
        """Remember nobody: a user, a token, a session or a permission was changed."""
        self._permissions.changed()
        with self._lock:
            self._known = {}
            self._changes += 1

    def tidy(self, tx: Connection, now: int) -> int:
        """Delete sessions that have expired."""
        return tx.execute(sessions.delete().where(sessions.c.expires <= now)).rowcount

    def _look_up(self, secret: str, digest: str) -> tuple[Subject, int | None, float]:
        changes = self._changes
        found = self._tokens.find(secret) if secret.startswith(PREFIX) else self._session(digest)
        if found is None:
            raise NotAuthenticated("this login or token is not valid", hint="log in again", code="login.unknown")
        entry = (self._permissions.veiled(found[0]), found[1], time.monotonic())
        with self._lock:
            if len(self._known) >= 1_000:
                self._known = {}
            if changes == self._changes:
                self._known[digest] = entry
        return entry

    def _session(self, digest: str) -> tuple[Subject, int] | None:
        query = (
            sa.select(users.c.name, sessions.c.expires)
            .join(users, users.c.id == sessions.c.user_id)
            .where(sessions.c.digest == digest, users.c.disabled.is_(None))
        )
        rows = self._db.rows(query)
        return (as_subject(self._people.by_name(rows[0]["name"])), int(rows[0]["expires"])) if rows else None
