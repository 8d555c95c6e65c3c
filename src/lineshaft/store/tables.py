"""Relational tables of the store: documents, and what people write about tables. Values are in the journal and the lake."""

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

catalog_entries = sa.Table(
    "catalog_entry",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("name", sa.String(200), nullable=False, unique=True),
    sa.Column("description", sa.Text),
    sa.Column("owner", sa.String(200), nullable=False),
    sa.Column("tags", sa.JSON, nullable=False),
)
"""What people wrote about a table of the catalog; a description that is null leaves ours."""

MIGRATIONS: tuple[Migration, ...] = (
    Migration(1, "documents", create(documents)),
    Migration(2, "what people write about tables", create(catalog_entries)),
)
