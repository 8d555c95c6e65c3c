"""Relational tables of the store: documents, and what people write about tables. Values are in the journal and the lake."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import Migration, create, metadata

documents = sa.Table(
    "document",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("name", sa.String(400), nullable=False),
    sa.Column("mime", sa.String(200), nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False, index=True),
    sa.Column("about", sa.String(1000), index=True),
    sa.Column("meta", sa.JSON, nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),
)

unnamed = sa.Table(
    "document_unnamed",
    metadata,
    sa.Column("sha256", sa.String(64), primary_key=True),
)
"""Contents of documents that were taken off the shelf: files that are still to be deleted."""

catalog_entries = sa.Table(
    "catalog_entry",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("name", sa.String(200), nullable=False, unique=True),
    sa.Column("description", sa.Text),
    sa.Column("owner", sa.String(200), nullable=False),
    sa.Column("tags", sa.JSON, nullable=False),
    sa.Column("columns", sa.JSON),
    sa.Column("made_of", sa.JSON),
)
"""What people wrote about a table of the catalog; a description that is null leaves ours.

`columns` are units and meanings by name, `made_of` the tables it was made from, both where the node does not know them.
"""

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
    sa.Column("score", sa.Float),
    sa.Column("model", sa.String(200)),
)
"""Images of inspections; the contents are files of the lake named by their hash."""

cost_terms = sa.Table(
    "cost_terms",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("currency", sa.String(10)),
    sa.Column("prices", sa.JSON, nullable=False),
    sa.Column("budget", sa.JSON, nullable=False),
)
"""Prices of storage and the budget as a person wrote them: one row, over what the settings say."""

storage_sizes = sa.Table(
    "storage_size",
    metadata,
    sa.Column("at", sa.BigInteger, primary_key=True),
    sa.Column("name", sa.String(200), primary_key=True),
    sa.Column("tier", sa.String(20), primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("rows", sa.BigInteger),
)
"""How much lay where, every ten minutes; thinned to hours after two days, to days after a month."""

import_jobs = sa.Table(
    "import_job",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("file", sa.String(400), nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False, index=True),
    sa.Column("reading", sa.JSON, nullable=False),
    sa.Column("aim", sa.JSON, nullable=False),
    sa.Column("state", sa.String(20), nullable=False, index=True),
    sa.Column("by", sa.String(200), nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False, index=True),
    sa.Column("started", sa.BigInteger),
    sa.Column("ended", sa.BigInteger),
    sa.Column("total", sa.BigInteger, nullable=False),
    sa.Column("done", sa.BigInteger, nullable=False),
    sa.Column("stored", sa.BigInteger, nullable=False),
    sa.Column("rejected", sa.JSON, nullable=False),
    sa.Column("again", sa.Boolean, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
)
"""Files of an older historian handed to the running node."""


def _widen(table: sa.Table) -> Callable[[Connection], None]:
    """Give a table, where it was made before, the columns it has now."""

    def widen(tx: Connection) -> None:
        have = {str(column["name"]) for column in sa.inspect(tx).get_columns(table.name)}
        for column in table.columns:
            if column.name not in have:
                tx.execute(sa.text(f'ALTER TABLE {table.name} ADD COLUMN "{column.name}" {column.type.compile(tx.dialect)}'))

    return widen


def _take_off(tx: Connection) -> None:
    """Make the list of contents to delete, and let a content's documents be found at once."""
    create(unnamed)(tx)
    for index in documents.indexes:
        index.create(tx, checkfirst=True)


MIGRATIONS: tuple[Migration, ...] = (
    Migration(1, "documents", create(documents)),
    Migration(2, "what people write about tables", create(catalog_entries)),
    Migration(3, "runs of ETL jobs, images", create(etl_runs, images)),
    Migration(4, "what storage costs", create(cost_terms, storage_sizes)),
    Migration(5, "imports into a running node", create(import_jobs)),
    Migration(6, "units and lineage of tables people describe", _widen(catalog_entries)),
    Migration(7, "what a model sees in a picture", _widen(images)),
    Migration(8, "contents of documents that were taken off", _take_off),
)
