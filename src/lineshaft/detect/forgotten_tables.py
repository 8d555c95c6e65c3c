"""What is left of what retention took away: how often findings were right, and when a version lost what it had learned."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import Migration, create, metadata
from lineshaft.detect.model_tables import add_missing

counts = sa.Table(
    "finding_count",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False, default=1),
    sa.Column("asset", sa.String(500), nullable=False, index=True),
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("label", sa.String(20), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("newest", sa.BigInteger, nullable=False),
)
"""Findings that were judged and are gone, by asset, kind and label: the published precision counts them for ever."""


def _widen(tx: Connection) -> None:
    create(counts)(tx)
    for table in ("machine_model_version", "life_version", "own_model_version"):
        add_missing(tx, table, {"forgotten": "BIGINT"})
    add_missing(tx, "own_model", {"previous": "INTEGER"})


MIGRATIONS: tuple[Migration, ...] = (
    Migration(42, "findings that went are counted, versions may lose what they learned", _widen),
)
