"""Tables of detect: one row an alarm (its present state), its log, and findings with their labels."""

from __future__ import annotations

import sqlalchemy as sa

from lineshaft.core import Migration, create, metadata
from lineshaft.detect.model_tables import models, versions

alarms = sa.Table(
    "alarm",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False, default=1),
    sa.Column("asset_id", sa.String(36), nullable=False),
    sa.Column("asset", sa.String(500), nullable=False, index=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("kind", sa.String(10), nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("property", sa.String(500), nullable=False),
    sa.Column("unit", sa.String(40), nullable=False, default=""),
    sa.Column("operator", sa.String(2), nullable=False),
    sa.Column("limit", sa.Float, nullable=False),
    sa.Column("latched", sa.Boolean, nullable=False, default=False),
    sa.Column("failure_mode", sa.String(20), nullable=False, default=""),
    sa.Column("process", sa.String(80), nullable=False, default=""),
    sa.Column("cause", sa.Text, nullable=False, default=""),
    sa.Column("consequence", sa.Text, nullable=False, default=""),
    sa.Column("action", sa.Text, nullable=False, default=""),
    sa.Column("retired", sa.Boolean, nullable=False, default=False),
    # what it is now
    sa.Column("state", sa.String(20), nullable=False, default="normal", index=True),
    sa.Column("input", sa.String(10), nullable=False, default="unknown"),
    sa.Column("active", sa.Boolean, nullable=False, default=False),
    sa.Column("pending", sa.BigInteger),
    sa.Column("last", sa.BigInteger, nullable=False, default=0),
    sa.Column("occurrence", sa.String(36)),
    sa.Column("value", sa.Float),
    sa.Column("raised", sa.BigInteger),
    sa.Column("cleared", sa.BigInteger),
    sa.Column("acknowledged", sa.BigInteger),
    sa.Column("acknowledged_by", sa.String(100)),
    sa.Column("hidden_until", sa.BigInteger),
    sa.Column("hidden_reason", sa.String(300), nullable=False, default=""),
    sa.Column("hidden_by", sa.String(100)),
    sa.UniqueConstraint("asset_id", "name"),
)

log = sa.Table(
    "alarm_log",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("alarm_id", sa.String(36), sa.ForeignKey("alarm.id"), nullable=False, index=True),
    sa.Column("occurrence", sa.String(36)),
    sa.Column("at", sa.BigInteger, nullable=False, index=True),
    sa.Column("written", sa.BigInteger, nullable=False),
    sa.Column("what", sa.String(20), nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("value", sa.Float),
    sa.Column("by", sa.String(100)),
    sa.Column("note", sa.Text, nullable=False, default=""),
)
"""`at` is event time of what happened, `written` our clock when it was noted."""

findings = sa.Table(
    "finding",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False, default=1),
    sa.Column("asset", sa.String(500), nullable=False, index=True),
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("score", sa.Float, nullable=False),
    sa.Column("sensors", sa.JSON, nullable=False),
    sa.Column("failure_mode", sa.String(20), nullable=False, default=""),
    sa.Column("evidence", sa.JSON, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False, index=True),
    sa.Column("by", sa.String(100), nullable=False),
    sa.Column("label", sa.String(20)),
    sa.Column("labelled_by", sa.String(100)),
    sa.Column("labelled", sa.BigInteger),
)

MIGRATIONS: tuple[Migration, ...] = (
    Migration(1, "alarms, their log, findings", create(alarms, log, findings)),
    Migration(2, "models of machines and their versions", create(models, versions)),
)
