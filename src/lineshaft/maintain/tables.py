"""Tables of maintenance: orders with history and checklist, the spare ledger, purchases, and the series that number them."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import Migration, create, metadata, new_id, now_ns, returned
from lineshaft.maintain.filed import open_filed
from lineshaft.maintain.outgoing import deliveries, outgoing
from lineshaft.maintain.records import joined, open_workshop


def _entity(name: str, *columns: sa.schema.SchemaItem) -> sa.Table:
    return sa.Table(
        name,
        metadata,
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("version", sa.Integer, nullable=False, default=1),
        *columns,
    )


series = sa.Table(
    "number_series",
    metadata,
    sa.Column("name", sa.String(40), primary_key=True),
    sa.Column("last", sa.Integer, nullable=False, default=0),
)

orders = _entity(
    "work_order",
    sa.Column("number", sa.String(20), nullable=False, unique=True),
    sa.Column("asset", sa.String(500), nullable=False, index=True),
    sa.Column("title", sa.String(300), nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("state", sa.String(20), nullable=False, index=True),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("failure_mode", sa.String(20), nullable=False, default=""),
    sa.Column("created", sa.BigInteger, nullable=False, index=True),
    sa.Column("created_by", sa.String(100), nullable=False),
    sa.Column("due", sa.BigInteger),
    sa.Column("case_id", sa.String(36), unique=True),
    sa.Column("source_type", sa.String(20), nullable=False, default=""),
    sa.Column("source_id", sa.String(100), unique=True),
    sa.Column("evidence", sa.JSON, nullable=False),
    sa.Column("assigned_to", sa.String(100)),
    sa.Column("waiting_for", sa.String(20), nullable=False, default=""),
    sa.Column("closing", sa.JSON, nullable=False),
    sa.Column("started", sa.BigInteger),
    sa.Column("done", sa.BigInteger),
    sa.Column("closed", sa.BigInteger),
    sa.Column("urgency", sa.Integer),
    sa.Column("criticality", sa.Integer),
    sa.Column("score", sa.Float),
    sa.Column("hours", sa.Float),
    sa.Column("skills", sa.JSON),
    sa.Column("planned_for", sa.BigInteger),
    sa.Column("instruction", sa.String(120)),
    sa.Column("instruction_number", sa.Integer),
    sa.Column("avoided", sa.JSON),
)
"""`source_id` holds `type:id`, so that one alarm or finding never makes two orders."""

history = sa.Table(
    "work_order_history",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("order_id", sa.String(36), sa.ForeignKey("work_order.id"), nullable=False, index=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("by", sa.String(100), nullable=False),
    sa.Column("what", sa.String(20), nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("note", sa.Text, nullable=False, default=""),
    sa.UniqueConstraint("order_id", "position"),
)

steps = _entity(
    "work_order_step",
    sa.Column("order_id", sa.String(36), sa.ForeignKey("work_order.id"), nullable=False, index=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("text", sa.String(500), nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("lower", sa.Float),
    sa.Column("upper", sa.Float),
    sa.Column("unit", sa.String(40), nullable=False, default=""),
    sa.Column("result", sa.JSON),
    sa.Column("passed", sa.Boolean),
    sa.Column("done_by", sa.String(100)),
    sa.Column("done_at", sa.BigInteger),
    sa.Column("image", sa.String(36)),
    sa.Column("warning", sa.String(500)),
)

spares = _entity(
    "spare",
    sa.Column("part", sa.String(80), nullable=False, unique=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("bin", sa.String(40), nullable=False, default=""),
    sa.Column("on_hand", sa.Float, nullable=False, default=0.0),
    sa.Column("reserved", sa.Float, nullable=False, default=0.0),
    sa.Column("minimum", sa.Float, nullable=False, default=0.0),
    sa.Column("target", sa.Float, nullable=False, default=0.0),
    sa.Column("unit_cost", sa.Float, nullable=False, default=0.0),
    sa.Column("lead_time_days", sa.Float, nullable=False, default=0.0),
    sa.Column("used_by", sa.JSON, nullable=False),
    sa.Column("alternatives", sa.JSON),
    sa.Column("counted", sa.BigInteger),
    sa.CheckConstraint("reserved >= 0 AND on_hand >= reserved", name="stock_never_below_zero"),
)

moves = sa.Table(
    "spare_move",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("spare_id", sa.String(36), sa.ForeignKey("spare.id"), nullable=False, index=True),
    sa.Column("at", sa.BigInteger, nullable=False, index=True),
    sa.Column("by", sa.String(100), nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("quantity", sa.Float, nullable=False),
    sa.Column("order_id", sa.String(36), sa.ForeignKey("work_order.id"), index=True),
    sa.Column("note", sa.String(300), nullable=False, default=""),
    sa.Column("on_hand", sa.Float, nullable=False),
    sa.Column("reserved", sa.Float, nullable=False),
)
"""The ledger: what moved, and what stood in the bin afterwards."""

reservations = _entity(
    "spare_reservation",
    sa.Column("order_id", sa.String(36), sa.ForeignKey("work_order.id"), nullable=False, index=True),
    sa.Column("spare_id", sa.String(36), sa.ForeignKey("spare.id"), nullable=False, index=True),
    sa.Column("quantity", sa.Float, nullable=False),
    sa.Column("issued", sa.Float, nullable=False, default=0.0),
    sa.UniqueConstraint("order_id", "spare_id"),
)

purchases = _entity(
    "purchase",
    sa.Column("number", sa.String(20), nullable=False, unique=True),
    sa.Column("spare_id", sa.String(36), sa.ForeignKey("spare.id"), nullable=False, index=True),
    sa.Column("part", sa.String(80), nullable=False),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("quantity", sa.Float, nullable=False),
    sa.Column("unit_cost", sa.Float, nullable=False),
    sa.Column("state", sa.String(20), nullable=False, index=True),
    sa.Column("proposed_by", sa.String(100), nullable=False),
    sa.Column("approved_by", sa.String(100)),
    sa.Column("reason", sa.String(500), nullable=False, default=""),
    sa.Column("case_id", sa.String(36)),
    sa.Column("reference", sa.String(200), nullable=False, default=""),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("ordered", sa.BigInteger),
    sa.Column("received", sa.Float, nullable=False, server_default="0"),
    sa.UniqueConstraint("case_id", "spare_id"),
)
"""One case buys one part once, however often its step is repeated."""


def _first(tx: Connection) -> None:
    create(series, orders, history, steps, spares, moves, reservations, purchases)(tx)
    tx.execute(series.insert(), [{"name": "WO", "last": 0}, {"name": "PO", "last": 0}])


def _second(tx: Connection) -> None:
    open_workshop(tx, orders, steps, spares)
    made = sa.select(orders.c.id, orders.c.source_id, orders.c.created, orders.c.failure_mode, orders.c.evidence)
    for row in list(tx.execute(made.where(orders.c.source_id.is_not(None)))):
        tx.execute(
            joined.insert().values(
                id=new_id(),
                version=1,
                order_id=row.id,
                source_id=row.source_id,
                at=row.created,
                failure_mode=row.failure_mode,
                sensors=row.evidence.get("sensors") or [],
                evidence=row.evidence,
            )
        )


def _third(tx: Connection) -> None:
    create(outgoing, deliveries)(tx)
    if "received" not in {str(column["name"]) for column in sa.inspect(tx).get_columns("purchase")}:
        tx.execute(sa.text("ALTER TABLE purchase ADD COLUMN received DOUBLE PRECISION NOT NULL DEFAULT 0"))
    tx.execute(purchases.update().where(purchases.c.state == "received").values(received=purchases.c.quantity))
    for row in list(tx.execute(sa.select(purchases).where(purchases.c.state.in_(("approved", "ordered"))))):
        values = {"attempts": 0, "next_at": now_ns(), "error": "", "code": "", "hint": "", "reference": row.reference, "told": {}}
        tx.execute(outgoing.insert().values(id=row.id, kind="purchase", **values))


MIGRATIONS: tuple[Migration, ...] = (
    Migration(1, "orders, checklists, spare ledger, purchases", _first),
    Migration(2, "the workshop: permits, labour, technicians, plans, instructions, codes", _second),
    Migration(3, "what is on its way to other systems", _third),
    Migration(4, "what the plant's files said last time", open_filed),
)


def add_series(tx: Connection, name: str) -> None:
    """Begin a series of numbers (a migration of a later room calls this)."""
    tx.execute(series.insert().values(name=name, last=0))


def next_number(tx: Connection, name: str) -> str:
    """Return the next number of a series (`WO-000123`); its row stays locked until the commit, so none is given twice."""
    one = series.c.name == name
    return f"{name}-{returned(tx, series.update().where(one).values(last=series.c.last + 1), series.c.last, one):06d}"
