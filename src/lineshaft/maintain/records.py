"""Tables of the workshop: what was done for an order, locks and permits, people, plans, instructions, imported codes."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import create, metadata


def _entity(name: str, *columns: sa.schema.SchemaItem) -> sa.Table:
    key = sa.Column("id", sa.String(36), primary_key=True)
    version = sa.Column("version", sa.Integer, nullable=False, default=1)
    return sa.Table(name, metadata, key, version, *columns)


def _of_order() -> sa.Column[str]:
    return sa.Column("order_id", sa.String(36), sa.ForeignKey("work_order.id"), nullable=False, index=True)


joined = _entity(
    "work_order_finding",
    _of_order(),
    sa.Column("source_id", sa.String(100), nullable=False, unique=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("score", sa.Float),
    sa.Column("failure_mode", sa.String(20), nullable=False, default=""),
    sa.Column("sensors", sa.JSON, nullable=False),
    sa.Column("evidence", sa.JSON, nullable=False),
)
"""What an order was made for and what joined it later; `type:id` is here once, whichever order has it."""

permits = _entity(
    "work_order_permit",
    _of_order(),
    sa.Column("asset", sa.String(500), nullable=False, index=True),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("text", sa.String(300), nullable=False, default=""),
    sa.Column("points", sa.JSON, nullable=False),
    sa.Column("state", sa.String(20), nullable=False, index=True),
    sa.Column("applied_by", sa.String(100)),
    sa.Column("applied", sa.BigInteger),
    sa.Column("released_by", sa.String(100)),
    sa.Column("released", sa.BigInteger),
    sa.Column("reason", sa.String(300), nullable=False, default=""),
)
"""A lock-out stands from `applied` to `released`: nothing is written to its machine in between."""

labour = _entity(
    "work_order_labour",
    _of_order(),
    sa.Column("person", sa.String(100), nullable=False, index=True),
    sa.Column("start", sa.BigInteger, nullable=False),
    sa.Column("end", sa.BigInteger, nullable=False),
    sa.Column("hourly_cost", sa.Float),
    sa.Column("note", sa.String(300), nullable=False, default=""),
    sa.Column("by", sa.String(100), nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
)

downtimes = _entity(
    "work_order_downtime",
    _of_order(),
    sa.Column("asset", sa.String(500), nullable=False, index=True),
    sa.Column("start", sa.BigInteger, nullable=False),
    sa.Column("end", sa.BigInteger),
    sa.Column("planned", sa.Boolean, nullable=False, default=False),
    sa.Column("note", sa.String(300), nullable=False, default=""),
    sa.Column("by", sa.String(100), nullable=False),
)

attachments = _entity(
    "work_order_attachment",
    _of_order(),
    sa.Column("document_id", sa.String(36), nullable=False),
    sa.Column("name", sa.String(300), nullable=False),
    sa.Column("mime", sa.String(100), nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("step_id", sa.String(36)),
    sa.Column("by", sa.String(100), nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("order_id", "document_id"),
)

technicians = _entity(
    "technician",
    sa.Column("login", sa.String(100), nullable=False, unique=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("skills", sa.JSON, nullable=False),
    sa.Column("line", sa.String(500), nullable=False, default=""),
    sa.Column("shifts", sa.JSON, nullable=False),
    sa.Column("hours_per_week", sa.Float, nullable=False, default=38.5),
    sa.Column("hourly_cost", sa.Float),
    sa.Column("active", sa.Boolean, nullable=False, default=True),
)
"""`line` names the asset whose production calendar the shifts are from."""

plans = _entity(
    "maintenance_plan",
    sa.Column("name", sa.String(120), nullable=False, unique=True),
    sa.Column("asset", sa.String(500), nullable=False, index=True),
    sa.Column("definition", sa.JSON, nullable=False),
    sa.Column("paused", sa.Boolean, nullable=False, default=False),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("reading", sa.Float),
    sa.Column("used", sa.Float, nullable=False, default=0.0),
    sa.Column("used_since", sa.BigInteger),
    sa.Column("used_at", sa.BigInteger),
    sa.Column("standing", sa.BigInteger),
)
"""`reading` is the meter as last seen, `used` what it counted since `used_since`; `standing`: since when a condition is true."""

occurrences = sa.Table(
    "maintenance_occurrence",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("plan_id", sa.String(36), sa.ForeignKey("maintenance_plan.id"), nullable=False, index=True),
    sa.Column("key", sa.String(80), nullable=False),
    sa.Column("due", sa.BigInteger, nullable=False, index=True),
    sa.Column("made", sa.BigInteger, nullable=False),
    sa.Column("order_id", sa.String(36), sa.ForeignKey("work_order.id"), index=True),
    sa.UniqueConstraint("plan_id", "key"),
)
"""One row a due date that came: with its order, or without one where it was missed. The key makes each of them once."""

instructions = _entity(
    "work_instruction",
    sa.Column("name", sa.String(120), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("title", sa.String(300), nullable=False),
    sa.Column("content", sa.JSON, nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("by", sa.String(100), nullable=False),
    sa.UniqueConstraint("name", "number"),
)

codes = sa.Table(
    "closing_code",
    metadata,
    sa.Column("list", sa.String(20), primary_key=True),
    sa.Column("code", sa.String(20), primary_key=True),
    sa.Column("text", sa.String(200), nullable=False),
    sa.Column("retired", sa.Boolean, nullable=False, default=False),
)
"""Codes a plant added to our own lists, or took off them."""

NEW = (joined, permits, labour, downtimes, attachments, technicians, plans, occurrences, instructions, codes)


def open_workshop(tx: Connection, *widened: sa.Table) -> None:
    """Create the workshop's tables and give the older ones their new columns."""
    create(*NEW)(tx)
    for table in widened:
        have = {str(column["name"]) for column in sa.inspect(tx).get_columns(table.name)}
        for column in table.columns:
            if column.name not in have:
                kind = column.type.compile(tx.dialect)
                tx.execute(sa.text(f"ALTER TABLE {table.name} ADD COLUMN {column.name} {kind}"))
