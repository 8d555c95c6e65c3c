"""Relational tables of the store: documents. Values are not here; they are in the journal and the lake."""

from __future__ import annotations

import sqlalchemy as sa

from lineshaft.core import Migration, create, metadata

documents = sa.Table(
    "document",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("name", sa.String(400), nullable=False),
    sa.Column("mime", sa.String(200), nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("about", sa.String(1000), index=True),
    sa.Column("meta", sa.JSON, nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),
)

MIGRATIONS: tuple[Migration, ...] = (Migration(1, "documents", create(documents)),)
