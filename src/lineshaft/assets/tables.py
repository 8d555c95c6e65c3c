"""What the register keeps: models in versions, positions, attribute values, bindings, things and where they stood."""

from __future__ import annotations

import sqlalchemy as sa

from lineshaft.core import Migration, create, metadata


def _entity(name: str, *columns: sa.Column[object] | sa.Constraint | sa.Index) -> sa.Table:
    return sa.Table(
        name,
        metadata,
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("version", sa.Integer, nullable=False, default=1),
        *columns,
    )


def _text(name: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Text, nullable=null)


def _time(name: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.BigInteger, nullable=null)


models = _entity(
    "asset_model",
    _text("model"),
    sa.Column("number", sa.Integer, nullable=False),
    _time("valid_from"),
    sa.Column("body", sa.JSON, nullable=False),
    _text("file"),
    _text("text"),
    sa.Column("lines", sa.JSON, nullable=False),
    sa.UniqueConstraint("model", "number"),
)

assets = _entity(
    "asset",
    _text("name"),
    sa.Column("parent_id", sa.String(36), sa.ForeignKey("asset.id"), nullable=True),
    sa.Column("place", sa.Integer, nullable=False),
    _text("level"),
    _text("model", null=True),
    _text("description"),
    _text("timezone"),
    _text("source"),
    _text("tag_prefix", null=True),
    sa.Column("aliases", sa.JSON, nullable=False),
    sa.Column("feeds", sa.JSON, nullable=False),
    sa.Column("constraints", sa.JSON, nullable=False),
    sa.Column("id_written", sa.Boolean, nullable=False),
    _time("retired_at", null=True),
)

attributes = _entity(
    "asset_attribute",
    sa.Column("asset_id", sa.String(36), sa.ForeignKey("asset.id"), nullable=False, index=True),
    _text("name"),
    sa.Column("value", sa.JSON, nullable=True),
    _time("valid_from"),
)

bindings = _entity(
    "asset_binding",
    sa.Column("asset_id", sa.String(36), sa.ForeignKey("asset.id"), nullable=False, index=True),
    sa.Column("property_id", sa.String(36), nullable=False, index=True),
    _text("property"),
    _text("source"),
    sa.Column("tag", sa.Text, nullable=False, index=True),
    _time("start_ns"),
    _time("end_ns", null=True),
)

things = _entity(
    "thing", sa.Column("serial", sa.String(256), nullable=False, unique=True), sa.Column("data", sa.JSON, nullable=False)
)

installations = _entity(
    "thing_installation",
    sa.Column("thing_id", sa.String(36), sa.ForeignKey("thing.id"), nullable=False, index=True),
    sa.Column("asset_id", sa.String(36), sa.ForeignKey("asset.id"), nullable=False, index=True),
    _time("start_ns"),
    _time("end_ns", null=True),
)

files = _entity(
    "asset_file",
    sa.Column("name", sa.String(256), nullable=False, unique=True),
    _text("text"),
    sa.Column("wanted", sa.JSON, nullable=False),
    sa.Column("edited", sa.Boolean, nullable=False),
)

followed = sa.Table(
    "asset_followed",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("who", sa.String(40), nullable=False, index=True),
    sa.Column("kind", sa.String(10), nullable=False),
    sa.Column("key", sa.String(600), nullable=False),
    _text("name"),
    sa.UniqueConstraint("who", "kind", "key"),
)
"""The paths a room that keeps paths knew last: of a position by its id, of a model's property by the name it began with."""

MIGRATIONS: tuple[Migration, ...] = (
    Migration(1, "models, assets, bindings, things", create(models, assets, attributes, bindings, things, installations, files)),
    Migration(2, "paths that other rooms go with", create(followed)),
)
