"""Tables of models: one row a model with what it does now, one row a trained version with its arrays; labels of assets."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import create, metadata

models = sa.Table(
    "machine_model",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False, default=1),
    sa.Column("name", sa.String(200), nullable=False, unique=True),
    sa.Column("asset", sa.String(500), nullable=False, index=True),
    sa.Column("properties", sa.JSON, nullable=False),
    sa.Column("settings", sa.JSON, nullable=False),
    sa.Column("every", sa.BigInteger, nullable=False),
    sa.Column("lookback", sa.BigInteger, nullable=False),
    sa.Column("retrain", sa.BigInteger, nullable=False, default=0),
    sa.Column("promote", sa.String(10), nullable=False, default="by hand"),
    sa.Column("failure_mode", sa.String(20), nullable=False, default=""),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("by", sa.String(100), nullable=False),
    # which versions work now, and which did before
    sa.Column("active", sa.Integer),
    sa.Column("shadow", sa.Integer),
    sa.Column("previous", sa.Integer),
    sa.Column("trained", sa.BigInteger),
    # models of machines that are alike: the name they share, and whether they learn from each other's rows
    sa.Column("fleet", sa.String(200), nullable=False, server_default=""),
    sa.Column("together", sa.Boolean, nullable=False, server_default=sa.false()),
    # since migration 21: so much later than the end of a step its values may come, and are waited for
    sa.Column("delay", sa.BigInteger, nullable=False, server_default="0"),
)

versions = sa.Table(
    "machine_model_version",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False, default=1),
    sa.Column("model_id", sa.String(36), sa.ForeignKey("machine_model.id"), nullable=False, index=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("share", sa.Float, nullable=False, default=0),
    sa.Column("step", sa.String(100), nullable=False, default=""),
    sa.Column("error", sa.Text, nullable=False, default=""),
    sa.Column("start", sa.BigInteger, nullable=False),
    sa.Column("end", sa.BigInteger, nullable=False),
    sa.Column("begun", sa.BigInteger, nullable=False),
    sa.Column("ended", sa.BigInteger),
    sa.Column("about", sa.JSON, nullable=False),
    sa.Column("backtest", sa.JSON, nullable=False),
    sa.Column("blob", sa.LargeBinary),
    sa.Column("by", sa.String(100), nullable=False),
    # where following the machine has come to
    sa.Column("through", sa.BigInteger, nullable=False, default=0),
    sa.Column("memory", sa.Text, nullable=False, default=""),
    sa.Column("alerts", sa.Integer, nullable=False, default=0),
    sa.Column("finding", sa.String(36)),
    sa.Column("now", sa.JSON, nullable=False),
    # since migration 42: when what it had learned was taken away; its figures stay
    sa.Column("forgotten", sa.BigInteger),
    sa.UniqueConstraint("model_id", "number"),
)

labels = sa.Table(
    "machine_label",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False, default=1),
    sa.Column("asset", sa.String(500), nullable=False, index=True),
    sa.Column("start", sa.BigInteger, nullable=False),
    sa.Column("end", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.String(10), nullable=False),
    sa.Column("code", sa.String(50), nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("by", sa.String(100), nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
)


def widen(tx: Connection) -> None:
    """Make the labels, and give models that were there before the columns they have since."""
    create(labels)(tx)
    kinds = {"fleet": "VARCHAR(200) NOT NULL DEFAULT ''", "together": "BOOLEAN NOT NULL DEFAULT false"}
    add_missing(tx, models.name, kinds)


def delayed(tx: Connection) -> None:
    """Give models that were there before the time by which their values may be late."""
    add_missing(tx, models.name, {"delay": "BIGINT NOT NULL DEFAULT 0"})


def add_missing(tx: Connection, table: str, kinds: dict[str, str]) -> None:
    """Add columns to a table that does not have them yet."""
    have = {str(column["name"]) for column in sa.inspect(tx).get_columns(table)}
    for name, kind in kinds.items():
        if name not in have:
            tx.execute(sa.text(f'ALTER TABLE {table} ADD COLUMN "{name}" {kind}'))
