"""API tokens: a program's key with one role, kept only as a digest, shown once, ended by date or by hand."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import Conflict, Database, InvalidInput, NotFound, bump, new_id, now_ns
from lineshaft.guard.roles import Role
from lineshaft.guard.subject import Subject
from lineshaft.guard.tables import agent_tokens, tokens
from lineshaft.guard.users import parse_role

PREFIX = "lst_"
"""Every API token starts so, which lets secret scanners find one that leaked."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token as an administrator sees it: everything but the secret."""

    id: str
    version: int
    name: str
    role: Role
    scope: tuple[str, ...]
    created: int
    created_by: str
    expires: int | None
    disabled: int | None


def secret_digest(secret: str) -> str:
    """Return what is kept of a secret: with 256 random bits a plain SHA-256 cannot be guessed back."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Tokens:
    """The keys given to programs."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def create_token(
        self,
        tx: Connection,
        name: str,
        role: str,
        *,
        expires: int | None = None,
        scope: Sequence[str] = (),
        by: Subject | None = None,
        agent: str = "",
    ) -> tuple[str, str]:
        """Make a token and return its id and its secret: the only time the secret is seen.

        With `agent`, whoever carries it is that agent: it may read and propose, and is stopped with it.
        """
        clean = name.strip()
        if not clean or len(clean) > 100:
            raise InvalidInput("a token's name has 1 to 100 characters", code="token.name")
        if expires is not None and expires <= now_ns():
            raise InvalidInput("the token would have expired already", hint="give a time to come", code="token.expiry")
        token_id, secret = new_id(), PREFIX + secrets.token_urlsafe(32)
        row = {
            "id": token_id,
            "version": 1,
            "name": clean,
            "digest": secret_digest(secret),
            "role": parse_role(role).value,
            "scope": list(scope),
            "created": now_ns(),
            "created_by": by.id if by else "",
            "expires": expires,
        }
        tx.execute(tokens.insert().values(row))
        if agent:
            tx.execute(agent_tokens.insert().values(token_id=token_id, agent=agent))
        return token_id, secret

    def list(self) -> list[Token]:
        """Return every token, ended ones too, newest first."""
        return [_read(row) for row in self._db.rows(sa.select(tokens).order_by(tokens.c.created.desc()))]

    def made_by(self, tx: Connection, token_id: str) -> str:
        """Return who made a token, up the chain to a person; the id itself if it is no token or nobody is known."""
        seen: set[str] = set()
        while token_id not in seen:
            seen.add(token_id)
            maker = tx.execute(sa.select(tokens.c.created_by).where(tokens.c.id == token_id)).scalar()
            if not maker:
                return token_id
            token_id = str(maker)
        return token_id

    def disable(self, tx: Connection, token_id: str, version: int | None = None) -> int:
        """End a token for good; return its new version."""
        rows = self._db.rows(sa.select(tokens.c.disabled).where(tokens.c.id == token_id), tx)
        if not rows:
            raise NotFound(f"there is no token {token_id}", code="token.unknown")
        if rows[0]["disabled"] is not None:
            raise Conflict(f"token {token_id} has ended already", code="token.ended")
        return bump(tx, tokens, token_id, version, disabled=now_ns())

    def find(self, secret: str) -> tuple[Subject, int | None] | None:
        """Return who a secret stands for and when it expires, or None if it is not (or no more) valid."""
        query = sa.select(tokens, agent_tokens.c.agent).outerjoin(agent_tokens, agent_tokens.c.token_id == tokens.c.id)
        rows = self._db.rows(query.where(tokens.c.digest == secret_digest(secret), tokens.c.disabled.is_(None)))
        if not rows:
            return None
        token, agent = _read(rows[0]), rows[0]["agent"]
        if agent:
            return Subject.agent(agent, token.role, token.scope), token.expires
        return Subject(token.id, token.name, "token", frozenset({token.role}), token.name, token.scope), token.expires

    def named(self, name: str) -> Subject | None:
        """Return what the newest valid token of a name stands for, or None."""
        valid = sa.or_(tokens.c.expires.is_(None), tokens.c.expires > now_ns())
        theirs = tokens.c.id.in_(sa.select(agent_tokens.c.token_id))
        query = sa.select(tokens).where(tokens.c.name == name, tokens.c.disabled.is_(None), valid, ~theirs)
        rows = self._db.rows(query.order_by(tokens.c.created.desc()).limit(1))
        if not rows:
            return None
        token = _read(rows[0])
        return Subject(token.id, token.name, "token", frozenset({token.role}), token.name, token.scope)


def _read(row: dict[str, Any]) -> Token:
    return Token(
        id=row["id"],
        version=row["version"],
        name=row["name"],
        role=Role(row["role"]),
        scope=tuple(row["scope"]),
        created=row["created"],
        created_by=row["created_by"],
        expires=row["expires"],
        disabled=row["disabled"],
    )
