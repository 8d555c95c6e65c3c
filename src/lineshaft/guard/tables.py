"""Tables of the gate: users, tokens, sessions, the audit chain with its head, and the answers kept for repeated commands."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import Migration, create, metadata

users = sa.Table(
    "users",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False, default=1),
    sa.Column("name", sa.String(100), nullable=False, unique=True),
    sa.Column("display", sa.String(200), nullable=False, default=""),
    sa.Column("password", sa.String(200)),
    sa.Column("roles", sa.JSON, nullable=False),
    sa.Column("scope", sa.JSON, nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("disabled", sa.BigInteger),
    sa.Column("forgotten", sa.BigInteger),
)

tokens = sa.Table(
    "token",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False, default=1),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False, unique=True),
    sa.Column("role", sa.String(20), nullable=False),
    sa.Column("scope", sa.JSON, nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("created_by", sa.String(100), nullable=False, default=""),
    sa.Column("expires", sa.BigInteger),
    sa.Column("disabled", sa.BigInteger),
)

agent_tokens = sa.Table(
    "agent_token",
    metadata,
    sa.Column("token_id", sa.String(36), sa.ForeignKey("token.id"), primary_key=True),
    sa.Column("agent", sa.String(60), nullable=False, index=True),
)
"""Tokens that are an agent's: whoever carries one acts as that agent, never as a person's program."""

sessions = sa.Table(
    "session",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False, default=1),
    sa.Column("digest", sa.String(64), nullable=False, unique=True),
    sa.Column("user_id", sa.String(36), sa.ForeignKey("users.id"), nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("expires", sa.BigInteger, nullable=False, index=True),
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", sa.BigInteger, nullable=False, index=True),
    sa.Column("subject_kind", sa.String(20), nullable=False),
    sa.Column("action", sa.String(80), nullable=False, index=True),
    sa.Column("resource", sa.String(400), nullable=False),
    sa.Column("outcome", sa.String(20), nullable=False),
    # What can be forgotten: the chain holds only salted digests of these three.
    sa.Column("subject_id", sa.String(100)),
    sa.Column("detail", sa.Text),
    sa.Column("salt", sa.String(32)),
    sa.Column("sealed", sa.String(64), nullable=False),
    sa.Column("prev", sa.String(64), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
)

audit_head = sa.Table(
    "audit_head",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
)

answers = sa.Table(
    "command_answer",
    metadata,
    sa.Column("subject_id", sa.String(100), primary_key=True),
    sa.Column("key", sa.String(200), primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("answer", sa.Text),
    sa.Column("at", sa.BigInteger, nullable=False, index=True),
)

permissions = sa.Table(
    "permission",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False, default=1),
    sa.Column("who", sa.String(200), nullable=False),
    sa.Column("tables", sa.String(200), nullable=False),
    sa.Column("columns", sa.JSON, nullable=False),
    sa.Column("effect", sa.String(10), nullable=False),
    sa.Column("assets", sa.JSON, nullable=False),
    sa.Column("note", sa.String(1000), nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("created_by", sa.String(100), nullable=False),
)
"""What an administrator takes away from a role, a person or a token."""

keyed = sa.Table(
    "user_key",
    metadata,
    sa.Column("user_id", sa.String(36), primary_key=True),
    sa.Column("by", sa.String(100), nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
)
"""Who set a person's password last, and when: whoever did could be that person for a while."""

GENESIS = "0" * 64
"""What the first row of the audit chain names as its predecessor."""


def _first(tx: Connection) -> None:
    create(users, tokens, sessions, audit, audit_head, answers)(tx)
    tx.execute(audit_head.insert().values(id=1, seq=0, hash=GENESIS))


MIGRATIONS: tuple[Migration, ...] = (
    Migration(1, "users, tokens, sessions, audit chain, kept answers", _first),
    Migration(2, "permissions on tables, columns and parts of the plant", create(permissions)),
    Migration(20, "tokens of agents", create(agent_tokens)),
    Migration(21, "who set a password last", create(keyed)),
)
