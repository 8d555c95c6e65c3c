"""Named people: created by an administrator, disabled rather than deleted, forgotten after their retention."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import Conflict, Database, InvalidInput, NotFound, bump, did_you_mean, new_id, now_ns
from lineshaft.guard.passwords import hash_password, refuse_weak
from lineshaft.guard.roles import Role
from lineshaft.guard.settings import GuardSettings
from lineshaft.guard.subject import Subject
from lineshaft.guard.tables import keyed, sessions, users


@dataclass(frozen=True, slots=True)
class User:
    """A person as the plant knows them."""

    id: str
    version: int
    name: str
    display: str
    roles: frozenset[Role]
    scope: tuple[str, ...]
    created: int
    disabled: int | None


def parse_role(text: str) -> Role:
    """Return the role called `text`. Raises InvalidInput with the nearest known one."""
    try:
        return Role(text)
    except ValueError:
        hint = did_you_mean(text, [role.value for role in Role])
        raise InvalidInput(f"there is no role '{text}'", hint=hint, code="role.unknown") from None


class Users:
    """The people of this node."""

    def __init__(self, db: Database, settings: GuardSettings) -> None:
        self._db = db
        self._settings = settings

    def create(
        self,
        tx: Connection,
        name: str,
        password: str,
        roles: Iterable[str],
        display: str = "",
        scope: Sequence[str] = (),
        by: Subject | None = None,
    ) -> str:
        """Add a person and return the id. Raises Conflict if the name is taken."""
        clean = name.strip()
        if not clean or len(clean) > 100:
            raise InvalidInput("a user's name has 1 to 100 characters", code="user.name")
        refuse_weak(password, clean, self._settings.password_min_length)
        if tx.execute(sa.select(users.c.id).where(users.c.name == clean)).first():
            raise Conflict(f"there is a user '{clean}' already", hint="take another name", code="user.exists")
        user_id = new_id()
        row = {
            "id": user_id,
            "version": 1,
            "name": clean,
            "display": display or clean,
            "password": hash_password(password),
            "roles": _role_names(roles),
            "scope": list(scope),
            "created": now_ns(),
        }
        tx.execute(users.insert().values(row))
        _key(tx, user_id, by)
        return user_id

    def list(self) -> list[User]:
        """Return everybody, disabled ones too, by name."""
        return [_read(row) for row in self._db.rows(sa.select(users).order_by(users.c.name))]

    def by_name(self, name: str, tx: Connection | None = None) -> User:
        """Return one person. Raises NotFound with the nearest name."""
        rows = self._db.rows(sa.select(users).where(users.c.name == name), tx)
        if not rows:
            names = [row["name"] for row in self._db.rows(sa.select(users.c.name), tx)]
            raise NotFound(f"there is no user '{name}'", hint=did_you_mean(name, names), code="user.unknown")
        return _read(rows[0])

    def set_password(
        self, tx: Connection, user_id: str, password: str, version: int | None = None, by: Subject | None = None
    ) -> int:
        """Give a person a new password and end their sessions; return the new version."""
        user = self._get(tx, user_id)
        refuse_weak(password, user.name, self._settings.password_min_length)
        tx.execute(sessions.delete().where(sessions.c.user_id == user_id))
        _key(tx, user_id, by)
        return bump(tx, users, user_id, version, password=hash_password(password))

    def keyed_by(self, tx: Connection, user_id: str, since: int) -> str | None:
        """Return who else set a person's password since a moment, and so could be that person; None if nobody did."""
        row = tx.execute(sa.select(keyed).where(keyed.c.user_id == user_id)).first()
        return None if row is None or row.at < since or row.by == user_id else str(row.by)

    def set_roles(self, tx: Connection, user_id: str, roles: Iterable[str], version: int | None = None) -> int:
        """Give a person other roles; return the new version. Raises Conflict for the last administrator."""
        names = _role_names(roles)
        user = self._get(tx, user_id)
        if Role.ADMIN.value not in names:
            self._keep_an_admin(tx, user)
        return bump(tx, users, user_id, version, roles=names)

    def disable(self, tx: Connection, user_id: str, version: int | None = None) -> int:
        """Let a person in no more and end their sessions; what they did stays theirs. Returns the new version."""
        user = self._get(tx, user_id)
        self._keep_an_admin(tx, user)
        tx.execute(sessions.delete().where(sessions.c.user_id == user_id))
        return bump(tx, users, user_id, version, disabled=now_ns())

    def enable(self, tx: Connection, user_id: str, version: int | None = None) -> int:
        """Let a disabled person in again; return the new version."""
        self._get(tx, user_id)
        return bump(tx, users, user_id, version, disabled=None)

    def forget(self, tx: Connection, older_than: int) -> int:
        """Take the names off people disabled before a moment; their id stays, so that old records still fit together."""
        query = sa.select(users.c.id).where(users.c.disabled < older_than, users.c.forgotten.is_(None))
        gone = [row.id for row in tx.execute(query)]
        for user_id in gone:
            blank: dict[str, Any] = {
                "name": f"forgotten-{user_id[:8]}",
                "display": "",
                "password": None,
                "roles": [],
                "scope": [],
            }
            tx.execute(sessions.delete().where(sessions.c.user_id == user_id))
            bump(tx, users, user_id, None, forgotten=now_ns(), **blank)
        return len(gone)

    def _get(self, tx: Connection, user_id: str) -> User:
        rows = self._db.rows(sa.select(users).where(users.c.id == user_id), tx)
        if not rows:
            raise NotFound(f"there is no user {user_id}", code="user.unknown")
        return _read(rows[0])

    def _keep_an_admin(self, tx: Connection, leaving: User) -> None:
        """Refuse to take the administrator's role from the last one who has it."""
        if Role.ADMIN not in leaving.roles or leaving.disabled is not None:
            return
        rows = self._db.rows(sa.select(users).where(users.c.disabled.is_(None), users.c.id != leaving.id), tx)
        if not any(Role.ADMIN in _read(row).roles for row in rows):
            raise Conflict(
                f"'{leaving.name}' is the last administrator",
                hint="make somebody else administrator first",
                code="user.last-admin",
            )


def _key(tx: Connection, user_id: str, by: Subject | None) -> None:
    tx.execute(keyed.delete().where(keyed.c.user_id == user_id))
    if by is not None:
        tx.execute(keyed.insert().values(user_id=user_id, by=by.id, at=now_ns()))


def as_subject(user: User) -> Subject:
    """Return a person as the gate sees them."""
    return Subject(user.id, user.name, "person", user.roles, user.display, user.scope)


def _role_names(roles: Iterable[str]) -> list[str]:
    names = sorted({parse_role(role).value for role in roles})
    if not names:
        raise InvalidInput("a user needs at least one role", hint="viewer only looks", code="role.none")
    return names


def _read(row: dict[str, Any]) -> User:
    return User(
        id=row["id"],
        version=row["version"],
        name=row["name"],
        display=row["display"],
        roles=frozenset(Role(name) for name in row["roles"]),
        scope=tuple(row["scope"]),
        created=row["created"],
        disabled=row["disabled"],
    )
