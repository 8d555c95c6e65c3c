"""Tables of the agents: the register, the switch for all, what each used a day, its runs and calls, and how it was judged."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import Migration, create, metadata


def _entity(name: str, *columns: sa.schema.SchemaItem) -> sa.Table:
    return sa.Table(
        name,
        metadata,
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("version", sa.Integer, nullable=False, default=1),
        *columns,
    )


agents = _entity(
    "agent",
    sa.Column("name", sa.String(60), nullable=False, unique=True),
    sa.Column("job", sa.String(60), nullable=False),
    sa.Column("title", sa.String(200), nullable=False, default=""),
    sa.Column("endpoint", sa.String(60), nullable=False, default=""),
    sa.Column("model", sa.String(200), nullable=False, default=""),
    sa.Column("role", sa.String(20), nullable=False),
    sa.Column("scope", sa.JSON, nullable=False),
    sa.Column("tools", sa.JSON, nullable=False),
    sa.Column("calls_a_day", sa.Integer),
    sa.Column("tokens_a_day", sa.BigInteger),
    sa.Column("money_a_day", sa.Float),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("dry_run", sa.Boolean, nullable=False, default=False),
    sa.Column("expires", sa.BigInteger),
    sa.Column("why", sa.String(300), nullable=False, default=""),
    sa.Column("changed_by", sa.String(100), nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("created_by", sa.String(100), nullable=False),
)
"""`job` is what it does here, or `outside` for a program of somebody else's; a null budget is no limit."""

switch = sa.Table(
    "agent_switch",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("stopped", sa.Boolean, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("by", sa.String(100), nullable=False),
    sa.Column("why", sa.String(300), nullable=False, default=""),
)
"""One row: whether all agents are stopped."""

use = sa.Table(
    "agent_use",
    metadata,
    sa.Column("agent", sa.String(60), primary_key=True),
    sa.Column("day", sa.String(10), primary_key=True),
    sa.Column("calls", sa.Integer, nullable=False),
    sa.Column("tokens", sa.BigInteger, nullable=False),
    sa.Column("money", sa.Float, nullable=False),
    sa.Column("refused", sa.Integer, nullable=False),
)

runs = _entity(
    "agent_run",
    sa.Column("agent", sa.String(60), nullable=False, index=True),
    sa.Column("job", sa.String(60), nullable=False),
    sa.Column("case_id", sa.String(36), index=True),
    sa.Column("process", sa.String(80), nullable=False, default=""),
    sa.Column("task", sa.String(80), nullable=False, default=""),
    sa.Column("asset", sa.String(500), nullable=False, default=""),
    sa.Column("state", sa.String(20), nullable=False, index=True),
    sa.Column("dry_run", sa.Boolean, nullable=False, default=False),
    sa.Column("fingerprint", sa.String(64), nullable=False, default=""),
    sa.Column("input", sa.JSON, nullable=False),
    sa.Column("output", sa.JSON, nullable=False),
    sa.Column("diff", sa.JSON, nullable=False),
    sa.Column("why", sa.Text, nullable=False, default=""),
    sa.Column("asked_by", sa.String(100), nullable=False),
    sa.Column("opened", sa.BigInteger, nullable=False, index=True),
    sa.Column("started", sa.BigInteger),
    sa.Column("closed", sa.BigInteger),
    sa.Column("tokens", sa.BigInteger, nullable=False, default=0),
    sa.Column("money", sa.Float, nullable=False, default=0.0),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("alone", sa.Boolean, nullable=False, default=False),
    sa.Column("holder", sa.String(60), nullable=False, default=""),
    sa.UniqueConstraint("case_id", "task"),
)
"""One piece of work of one agent; `input` is frozen, so that a run cut off goes on with what it had."""

calls = sa.Table(
    "agent_call",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("agent", sa.String(60), nullable=False, index=True),
    sa.Column("run_id", sa.String(36), index=True),
    sa.Column("key", sa.String(200)),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("arguments", sa.JSON, nullable=False),
    sa.Column("answer", sa.JSON),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("why", sa.String(300), nullable=False, default=""),
    sa.Column("tokens_in", sa.BigInteger, nullable=False, default=0),
    sa.Column("tokens_out", sa.BigInteger, nullable=False, default=0),
    sa.Column("money", sa.Float, nullable=False, default=0.0),
    sa.Column("at", sa.BigInteger, nullable=False, index=True),
    sa.Column("took_ns", sa.BigInteger),
    sa.UniqueConstraint("run_id", "key"),
)
"""Every question to a model and every use of a tool: the journal a run that was cut off is replayed from."""

verdicts = _entity(
    "agent_verdict",
    sa.Column("agent", sa.String(60), nullable=False, index=True),
    sa.Column("process", sa.String(80), nullable=False),
    sa.Column("task", sa.String(80), nullable=False),
    sa.Column("approval_id", sa.String(36), nullable=False, unique=True),
    sa.Column("case_id", sa.String(36)),
    sa.Column("verdict", sa.String(20), nullable=False),
    sa.Column("agreed", sa.Boolean, nullable=False),
    sa.Column("by", sa.String(100), nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False, index=True),
    sa.Column("fingerprint", sa.String(64), nullable=False),
)

trust = _entity(
    "agent_trust",
    sa.Column("agent", sa.String(60), nullable=False),
    sa.Column("process", sa.String(80), nullable=False),
    sa.Column("task", sa.String(80), nullable=False),
    sa.Column("level", sa.Float, nullable=False),
    sa.Column("confidence", sa.Float, nullable=False),
    sa.Column("least", sa.Integer, nullable=False),
    sa.Column("age_ns", sa.BigInteger, nullable=False),
    sa.Column("check_every", sa.Integer, nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("since", sa.BigInteger, nullable=False),
    sa.Column("counts_from", sa.BigInteger, nullable=False),
    sa.Column("alone", sa.Integer, nullable=False, default=0),
    sa.Column("fingerprint", sa.String(64), nullable=False, default=""),
    sa.Column("why", sa.String(300), nullable=False, default=""),
    sa.UniqueConstraint("agent", "process", "task"),
)
"""Which tasks an agent may come to do alone: from which level of agreement; `alone` counts what it did so."""


def _first(tx: Connection) -> None:
    create(agents, switch, use, runs, calls, verdicts, trust)(tx)
    tx.execute(switch.insert().values(id=1, stopped=False, at=0, by="", why=""))


MIGRATIONS: tuple[Migration, ...] = (Migration(20, "agents: register, budgets, runs, calls, trust", _first),)
"""Numbered from 20: the cases' own tables are numbered below."""
