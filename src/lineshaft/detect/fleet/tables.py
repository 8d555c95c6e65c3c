"""Tables of fleets: one row a fleet, one a trained version, one an asset's present forecast."""

from __future__ import annotations

import sqlalchemy as sa

from lineshaft.core import Migration, create, metadata

fleets = sa.Table(
    "life_fleet",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False, default=1),
    sa.Column("name", sa.String(200), nullable=False, unique=True),
    sa.Column("assets", sa.JSON, nullable=False),
    sa.Column("properties", sa.JSON, nullable=False),
    sa.Column("every", sa.BigInteger, nullable=False),
    sa.Column("lookback", sa.BigInteger, nullable=False),
    sa.Column("cap", sa.BigInteger),
    sa.Column("low", sa.BigInteger, nullable=False, default=0),
    sa.Column("index", sa.JSON),
    sa.Column("method", sa.String(10), nullable=False, default=""),
    sa.Column("lives", sa.JSON, nullable=False),
    sa.Column("failure_mode", sa.String(20), nullable=False, default=""),
    sa.Column("retrain", sa.BigInteger, nullable=False, default=0),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("by", sa.String(100), nullable=False),
    sa.Column("active", sa.Integer),
    sa.Column("trained", sa.BigInteger),
    sa.Column("through", sa.BigInteger, nullable=False, default=0),
)
"""`low`: a finding is filed when less is left (0: never). `lives`: what somebody told of lives before the node's own records."""

versions = sa.Table(
    "life_version",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False, default=1),
    sa.Column("fleet_id", sa.String(36), sa.ForeignKey("life_fleet.id"), nullable=False, index=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("share", sa.Float, nullable=False, default=0),
    sa.Column("step", sa.String(100), nullable=False, default=""),
    sa.Column("error", sa.Text, nullable=False, default=""),
    sa.Column("start", sa.BigInteger, nullable=False),
    sa.Column("end", sa.BigInteger, nullable=False),
    sa.Column("begun", sa.BigInteger, nullable=False),
    sa.Column("ended", sa.BigInteger),
    sa.Column("method", sa.String(10), nullable=False, default=""),
    sa.Column("cap", sa.Float),
    sa.Column("why", sa.JSON, nullable=False),
    sa.Column("about", sa.JSON, nullable=False),
    sa.Column("blob", sa.LargeBinary),
    sa.Column("by", sa.String(100), nullable=False),
    # since migration 42: when what it had learned was taken away; its figures stay
    sa.Column("forgotten", sa.BigInteger),
    sa.UniqueConstraint("fleet_id", "number"),
)

forecasts = sa.Table(
    "life_forecast",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False, default=1),
    sa.Column("fleet_id", sa.String(36), sa.ForeignKey("life_fleet.id"), nullable=False, index=True),
    sa.Column("asset", sa.String(500), nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("begin", sa.BigInteger, nullable=False),
    sa.Column("age", sa.Float, nullable=False),
    sa.Column("remaining", sa.Float),
    sa.Column("low", sa.Float),
    sa.Column("high", sa.Float),
    sa.Column("more_than", sa.Boolean, nullable=False),
    sa.Column("why", sa.JSON, nullable=False),
    sa.Column("error", sa.Text, nullable=False, default=""),
    sa.Column("finding", sa.String(36)),
    sa.UniqueConstraint("fleet_id", "asset"),
)
"""Lengths in nanoseconds; `begin` is when the asset's present life began."""

MIGRATIONS: tuple[Migration, ...] = (Migration(40, "remaining life of fleets", create(fleets, versions, forecasts)),)
