"""Tables of models that work beside their machines: where a version works, and each of its alerts once, by its start."""

from __future__ import annotations

import sqlalchemy as sa

from lineshaft.core import Migration, create, metadata

places = sa.Table(
    "machine_model_place",
    metadata,
    sa.Column("version_id", sa.String(36), sa.ForeignKey("machine_model_version.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("source", sa.String(200), nullable=False),
    sa.Column("since", sa.BigInteger, nullable=False),
    sa.Column("repaired", sa.BigInteger),
)
"""A version that works at an edge: the source its values come from, since when it is listened to, and the last verified return
to service of its machine, which the edge is told. A version without a row works at this node."""

alerts = sa.Table(
    "machine_model_alert",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column(
        "version_id", sa.String(36), sa.ForeignKey("machine_model_version.id", ondelete="CASCADE"), nullable=False, index=True
    ),
    sa.Column("start", sa.BigInteger, nullable=False),
    sa.Column("source", sa.String(200), nullable=False),
    sa.Column("told", sa.BigInteger, nullable=False),
    sa.Column("end", sa.BigInteger),
    sa.Column("finding", sa.String(36), index=True),
    sa.UniqueConstraint("version_id", "start"),
)
"""`source` is the edge's, empty for an alert of this node; `told` is the row in which it was last told of."""

MIGRATIONS: tuple[Migration, ...] = (Migration(23, "models at edges, and their alerts", create(places, alerts)),)
