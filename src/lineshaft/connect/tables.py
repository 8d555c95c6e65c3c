"""Tables of connect: edge nodes and the configurations they were given, OT systems, added sources, devices that publish."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import Migration, create, metadata

edges = sa.Table(
    "edge",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False, default=1),
    sa.Column("name", sa.String(31), nullable=False, unique=True),
    sa.Column("invited", sa.BigInteger, nullable=False),
    sa.Column("claim", sa.String(64), nullable=False, default=""),
    sa.Column("claim_until", sa.BigInteger),
    sa.Column("enrolled", sa.BigInteger),
    sa.Column("serial", sa.String(64), nullable=False, default=""),
    sa.Column("expires", sa.BigInteger),
    sa.Column("revoked", sa.BigInteger),
    sa.Column("reason", sa.String(300), nullable=False, default=""),
    sa.Column("wanted", sa.Integer, nullable=False, default=0),
    sa.Column("seen", sa.BigInteger),
    sa.Column("report", sa.JSON, nullable=False, default=dict),
    sa.Column("deeds", sa.JSON, nullable=False, default=dict, server_default="{}"),
)

configs = sa.Table(
    "edge_config",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False, default=1),
    sa.Column("edge_id", sa.String(36), sa.ForeignKey("edge.id"), nullable=False, index=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("by", sa.String(100), nullable=False),
    sa.Column("note", sa.String(300), nullable=False, default=""),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("signature", sa.Text, nullable=False),
    sa.Column("approved_by", sa.String(100), nullable=False, default="", server_default=""),
    sa.UniqueConstraint("edge_id", "number"),
)

systems = sa.Table(
    "ot_system",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False, default=1),
    sa.Column("protocol", sa.String(30), nullable=False),
    sa.Column("address", sa.String(300), nullable=False),
    sa.Column("name", sa.String(300), nullable=False, default=""),
    sa.Column("maker", sa.String(300), nullable=False, default=""),
    sa.Column("model", sa.String(300), nullable=False, default=""),
    sa.Column("owner", sa.String(200), nullable=False, default=""),
    sa.Column("status", sa.String(20), nullable=False, default="new"),
    sa.Column("note", sa.String(2_000), nullable=False, default=""),
    sa.Column("gaps", sa.JSON, nullable=False, default=list),
    sa.Column("facts", sa.JSON, nullable=False, default=dict),
    sa.Column("first_seen", sa.BigInteger, nullable=False),
    sa.Column("last_seen", sa.BigInteger, nullable=False),
    sa.Column("silent_since", sa.BigInteger),
    sa.UniqueConstraint("protocol", "address"),
)

added = sa.Table(
    "added_source",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False, default=1),
    sa.Column("name", sa.String(63), nullable=False, unique=True),
    sa.Column("type", sa.String(60), nullable=False),
    sa.Column("options", sa.JSON, nullable=False, default=dict),
    sa.Column("paused", sa.Boolean, nullable=False, default=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("by", sa.String(100), nullable=False),
)

devices = sa.Table(
    "device",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False, default=1),
    sa.Column("name", sa.String(63), nullable=False, unique=True),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("topics", sa.JSON, nullable=False, default=list),
    sa.Column("note", sa.String(300), nullable=False, default=""),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("revoked", sa.BigInteger),
)


def _approvals(tx: Connection) -> None:
    """Bring tables of an older version up to date: who approved a configuration, and what of an edge's deeds is in the audit."""
    for table, name, kind in (
        (configs, "approved_by", "VARCHAR(100) NOT NULL DEFAULT ''"),
        (edges, "deeds", "JSON DEFAULT '{}'"),
    ):
        if name not in {str(column["name"]) for column in sa.inspect(tx).get_columns(table.name)}:
            tx.execute(sa.text(f"ALTER TABLE {table.name} ADD COLUMN {name} {kind}"))


MIGRATIONS: tuple[Migration, ...] = (
    Migration(1, "edge nodes and their configuration", create(edges, configs)),
    Migration(2, "the inventory of OT systems", create(systems)),
    Migration(3, "sources added on a running node", create(added)),
    Migration(5, "devices that publish to us", create(devices)),
    Migration(6, "approval of edge configurations, deeds of edge rules", _approvals),
)
