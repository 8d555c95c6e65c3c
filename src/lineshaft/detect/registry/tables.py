"""Tables of own models: one row a model, one a version with its content, one a scorer."""

from __future__ import annotations

import sqlalchemy as sa

from lineshaft.core import Migration, create, metadata

models = sa.Table(
    "own_model",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False, default=1),
    sa.Column("name", sa.String(100), nullable=False, unique=True),
    sa.Column("asset", sa.String(500), nullable=False, default=""),
    sa.Column("about", sa.Text, nullable=False, default=""),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("by", sa.String(100), nullable=False),
    # since migration 42: the version that was in production before
    sa.Column("previous", sa.Integer),
)
"""`asset`: what the model is about; whoever may not see it does not see the model. Empty: the whole plant."""

versions = sa.Table(
    "own_model_version",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False, default=1),
    sa.Column("model_id", sa.String(36), sa.ForeignKey("own_model.id"), nullable=False, index=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("stage", sa.String(20), nullable=False),
    sa.Column("inputs", sa.JSON, nullable=False),
    sa.Column("outputs", sa.JSON, nullable=False),
    sa.Column("library", sa.String(100), nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("start", sa.BigInteger),
    sa.Column("end", sa.BigInteger),
    sa.Column("metrics", sa.JSON, nullable=False),
    sa.Column("lineage", sa.JSON, nullable=False),
    sa.Column("trusted_by", sa.String(100)),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("by", sa.String(100), nullable=False),
    # since migration 42: when its content was taken away; its figures stay
    sa.Column("forgotten", sa.BigInteger),
    sa.UniqueConstraint("model_id", "number"),
)
"""`start`, `end`: the time whose data it learned from. `trusted_by`: who said to run it, where its content is code."""

scorers = sa.Table(
    "own_model_scorer",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False, default=1),
    sa.Column("model_id", sa.String(36), sa.ForeignKey("own_model.id"), nullable=False, index=True),
    sa.Column("inputs", sa.JSON, nullable=False),
    sa.Column("output", sa.String(100), nullable=False),
    sa.Column("property", sa.String(500), nullable=False, unique=True),
    sa.Column("mode", sa.String(10), nullable=False),
    sa.Column("every", sa.BigInteger, nullable=False),
    sa.Column("number", sa.Integer),
    sa.Column("on", sa.Boolean, nullable=False, default=True),
    sa.Column("through", sa.BigInteger, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False, default=0),
    sa.Column("skipped", sa.BigInteger, nullable=False, default=0),
    sa.Column("error", sa.Text, nullable=False, default=""),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("by", sa.String(100), nullable=False),
)
"""`number`: a version to stay with; empty: the one in production. `skipped`: rows in which an input had no value."""

MIGRATIONS: tuple[Migration, ...] = (Migration(41, "own models and scorers", create(models, versions, scorers)),)
