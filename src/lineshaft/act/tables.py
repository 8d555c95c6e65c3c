"""Tables of act: cases with their frozen definition, tasks, approvals, notes, and the control tower's list."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.act.notify.tables import create_all as create_notices
from lineshaft.act.notify.tables import first_route
from lineshaft.core import Migration, create, metadata
from lineshaft.maintain import add_series


def _entity(name: str, *columns: sa.schema.SchemaItem) -> sa.Table:
    return sa.Table(
        name,
        metadata,
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("version", sa.Integer, nullable=False, default=1),
        *columns,
    )


cases = _entity(
    "cases",
    sa.Column("number", sa.String(20), nullable=False, unique=True),
    sa.Column("process", sa.String(80), nullable=False),
    sa.Column("process_version", sa.Integer, nullable=False),
    sa.Column("definition", sa.JSON, nullable=False),
    sa.Column("open_key", sa.String(600), unique=True),
    sa.Column("source_id", sa.String(100), nullable=False, unique=True),
    sa.Column("asset", sa.String(500), nullable=False, index=True),
    sa.Column("alarm_id", sa.String(36), index=True),
    sa.Column("title", sa.String(300), nullable=False),
    sa.Column("state", sa.String(20), nullable=False, index=True),
    sa.Column("opened", sa.BigInteger, nullable=False, index=True),
    sa.Column("closed", sa.BigInteger),
    sa.Column("event", sa.JSON, nullable=False),
    sa.Column("gives", sa.JSON, nullable=False),
    sa.Column("work_order_id", sa.String(36)),
    sa.Column("outcome", sa.Text, nullable=False, default=""),
)
"""`open_key` is the process's `one_open_case_per` until the asset is back in service, then null."""

tasks = _entity(
    "case_task",
    sa.Column("case_id", sa.String(36), sa.ForeignKey("cases.id"), nullable=False, index=True),
    sa.Column("name", sa.String(80), nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("does", sa.String(80), nullable=False),
    sa.Column("mode", sa.String(20), nullable=False),
    sa.Column("complexity", sa.String(10), nullable=False),
    sa.Column("risk", sa.String(10), nullable=False),
    sa.Column("physical", sa.Boolean, nullable=False),
    sa.Column("role", sa.String(20), nullable=False, default=""),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("actor", sa.String(100)),
    sa.Column("actor_kind", sa.String(20)),
    sa.Column("opened", sa.BigInteger, nullable=False),
    sa.Column("closed", sa.BigInteger),
    sa.Column("due", sa.BigInteger),
    sa.Column("escalate_at", sa.BigInteger),
    sa.Column("wake_at", sa.BigInteger, index=True),
    sa.Column("input", sa.JSON, nullable=False),
    sa.Column("output", sa.JSON, nullable=False),
    sa.UniqueConstraint("case_id", "name"),
)

approvals = _entity(
    "approval",
    sa.Column("case_id", sa.String(36), sa.ForeignKey("cases.id"), index=True),
    sa.Column("task", sa.String(80), nullable=False),
    sa.Column("what", sa.String(300), nullable=False),
    sa.Column("proposal", sa.JSON, nullable=False),
    sa.Column("proposed_by", sa.String(100), nullable=False),
    sa.Column("edited_by", sa.JSON, nullable=False),
    sa.Column("state", sa.String(20), nullable=False, index=True),
    sa.Column("decided_by", sa.String(100)),
    sa.Column("decided", sa.BigInteger),
    sa.Column("reason", sa.Text, nullable=False, default=""),
    sa.Column("expires", sa.BigInteger, nullable=False, index=True),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("case_id", "task"),
)

notes = sa.Table(
    "case_note",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("case_id", sa.String(36), sa.ForeignKey("cases.id"), nullable=False, index=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("by", sa.String(100), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("source_id", sa.String(100), unique=True),
)
"""What joined an open case; `source_id` keeps one alarm from joining twice."""

tower = sa.Table(
    "tower",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False, index=True),
    sa.Column("actor", sa.String(100), nullable=False),
    sa.Column("actor_kind", sa.String(20), nullable=False),
    sa.Column("mode", sa.String(20), nullable=False),
    sa.Column("what", sa.String(300), nullable=False),
    sa.Column("case_id", sa.String(36), nullable=False, index=True),
    sa.Column("task", sa.String(80), nullable=False, default=""),
    sa.Column("asset", sa.String(500), nullable=False),
    sa.Column("outcome", sa.String(300), nullable=False, default=""),
)

machine_writes = _entity(
    "machine_write",
    sa.Column("property", sa.String(500), nullable=False, index=True),
    sa.Column("value", sa.JSON, nullable=False),
    sa.Column("state", sa.String(20), nullable=False, index=True),
    sa.Column("approved", sa.BigInteger, nullable=False),
    sa.Column("at", sa.BigInteger),
    sa.Column("before", sa.JSON),
    sa.Column("after", sa.JSON),
    sa.Column("why", sa.Text, nullable=False, default=""),
    sa.Column("holder", sa.String(100)),
)
"""What became of an approved write; its id is the approval's. `waiting` and `writing` are under way, the rest is final.

`holder` is the executor that carries it out."""

executors = sa.Table(
    "executor",
    metadata,
    sa.Column("id", sa.String(100), primary_key=True),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("host", sa.String(200), nullable=False),
    sa.Column("pid", sa.BigInteger, nullable=False),
    sa.Column("born", sa.BigInteger, nullable=False),
    sa.Column("since", sa.BigInteger, nullable=False),
    sa.Column("until", sa.BigInteger, nullable=False),
    sa.Column("taken_by", sa.String(100)),
)
"""Processes that move cases; one whose `until` is past is taken over by another, which is then `taken_by`."""


def _first(tx: Connection) -> None:
    create(cases, tasks, approvals, notes, tower)(tx)
    add_series(tx, "CASE")


def _leases(tx: Connection) -> None:
    create(executors)(tx)
    if "holder" not in {column["name"] for column in sa.inspect(tx).get_columns("machine_write")}:  # made before it had one
        tx.execute(sa.text("ALTER TABLE machine_write ADD COLUMN holder VARCHAR(100)"))


MIGRATIONS: tuple[Migration, ...] = (
    Migration(1, "cases, tasks, approvals, control tower", _first),
    Migration(2, "what became of approved writes to machines", create(machine_writes)),
    Migration(3, "executors and their leases; who carries a write out", _leases),
    Migration(5, "notices, routes and deliveries", create_notices),
    Migration(6, "engineers are told of the node's own health", first_route),
)
