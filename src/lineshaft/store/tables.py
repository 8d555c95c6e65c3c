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

etl_runs = sa.Table(
    "etl_run",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("job", sa.String(200), nullable=False, index=True),
    sa.Column("job_version", sa.String(20), nullable=False),
    sa.Column("state", sa.String(20), nullable=False, index=True),
    sa.Column("why", sa.String(20), nullable=False),
    sa.Column("by", sa.String(200), nullable=False),
    sa.Column("until", sa.BigInteger, nullable=False),
    sa.Column("started", sa.BigInteger, nullable=False, index=True),
    sa.Column("ended", sa.BigInteger),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("step", sa.String(200), nullable=False),
    sa.Column("steps_done", sa.Integer, nullable=False),
    sa.Column("steps", sa.Integer, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("reads", sa.JSON, nullable=False),
    sa.Column("writes", sa.JSON, nullable=False),
)
"""Runs of ETL jobs, the last 1,000 of each."""

images = sa.Table(
    "image",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("asset", sa.String(1000), nullable=False, index=True),
    sa.Column("lot", sa.String(200), index=True),
    sa.Column("ts", sa.BigInteger, nullable=False, index=True),
    sa.Column("station", sa.String(200), nullable=False),
    sa.Column("result", sa.String(50), nullable=False),
    sa.Column("name", sa.String(400), nullable=False),
    sa.Column("mime", sa.String(100), nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("width", sa.Integer),
    sa.Column("height", sa.Integer),
    sa.Column("sha256", sa.String(64), nullable=False, index=True),
    sa.Column("path", sa.String(200), nullable=False),
    sa.Column("taken_in", sa.BigInteger, nullable=False, index=True),
)
"""Images of inspections; the contents are files of the lake named by their hash."""

MIGRATIONS: tuple[Migration, ...] = (
    Migration(1, "documents", create(documents)),
    Migration(2, "what people write about tables", create(catalog_entries)),
    Migration(3, "runs of ETL jobs, images", create(etl_runs, images)),
)
