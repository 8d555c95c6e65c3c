"""Tables of detect: one row an alarm (its present state), its log, and findings with their labels."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import Migration, create, metadata
from lineshaft.detect.model_tables import delayed, models, versions, widen

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
    # since migration 3
    sa.Column("condition", sa.Text, nullable=False, default="", server_default=""),
    sa.Column("origin", sa.String(10), nullable=False, default="model", server_default="model"),
    sa.Column("area", sa.String(500), nullable=False, default="", server_default=""),
    sa.Column("impact", sa.String(10), nullable=False, default="", server_default=""),
    sa.Column("respond_within", sa.BigInteger),
    sa.Column("rationalised", sa.BigInteger),
    sa.Column("since", sa.BigInteger),
    sa.Column("tripped", sa.Integer, nullable=False, default=0, server_default="0"),
    sa.Column("suppressing", sa.Integer, nullable=False, default=0, server_default="0"),
    sa.UniqueConstraint("asset_id", "name"),
)

"""`condition` says it in words where it is no limit, `origin` is the model file or a finding, `area` what is grouped for
first-out; `since` is when the condition began, `tripped` that it latched, `suppressing` that its design hides it now."""

log = sa.Table(
    "alarm_log",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("alarm_id", sa.String(36), sa.ForeignKey("alarm.id"), nullable=False),
    sa.Column("occurrence", sa.String(36)),
    sa.Column("at", sa.BigInteger, nullable=False, index=True),
    sa.Column("written", sa.BigInteger, nullable=False),
    sa.Column("what", sa.String(20), nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("value", sa.Float),
    sa.Column("by", sa.String(100)),
    sa.Column("note", sa.Text, nullable=False, default=""),
    # since migration 3
    sa.Column("kind", sa.String(10), nullable=False, default="alarm", server_default="alarm"),
    sa.Column("priority", sa.Integer, nullable=False, default=3, server_default="3"),
    # since migration 24: the newest line of an alarm, in the time of the plant and as it was noted, without reading the others
    sa.Index("ix_alarm_log_of_alarm", "alarm_id", "at"),
    sa.Index("ix_alarm_log_as_noted", "alarm_id", "written"),
)
"""`at` is event time of what happened, `written` our clock when it was noted; `kind` and `priority` are what they then were."""

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

records = sa.Table(
    "alarm_rationalisation",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("alarm_id", sa.String(36), sa.ForeignKey("alarm.id"), nullable=False, index=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("by", sa.String(100), nullable=False),
    sa.Column("kind", sa.String(10), nullable=False),
    sa.Column("impact", sa.String(10), nullable=False),
    sa.Column("respond_within", sa.BigInteger, nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("cause", sa.Text, nullable=False),
    sa.Column("consequence", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("basis", sa.JSON, nullable=False),
    sa.UniqueConstraint("alarm_id", "number"),
)
"""What people decided about an alarm and why; nothing is overwritten. `basis` is the condition they decided about."""


def _widen(tx: Connection) -> None:
    """Give alarms made before the columns they have since, and make the records."""
    create(records)(tx)
    _add_missing(tx, alarms)
    if _add_missing(tx, log):
        of = sa.select(alarms.c.kind, alarms.c.priority).where(alarms.c.id == log.c.alarm_id)
        kind, priority = (of.with_only_columns(column).scalar_subquery() for column in (alarms.c.kind, alarms.c.priority))
        tx.execute(log.update().values(kind=kind, priority=priority))


def _add_missing(tx: Connection, table: sa.Table) -> bool:
    have = {str(column["name"]) for column in sa.inspect(tx).get_columns(table.name)}
    missing = [column for column in table.columns if column.name not in have]
    for column in missing:
        empty = "" if column.server_default is None else f" NOT NULL DEFAULT {_DEFAULTS[column.name]}"
        kind = column.type.compile(tx.dialect)
        tx.execute(sa.text(f'ALTER TABLE {table.name} ADD COLUMN "{column.name}" {kind}{empty}'))
    return bool(missing)


_DEFAULTS = {
    "condition": "''",
    "origin": "'model'",
    "area": "''",
    "impact": "''",
    "tripped": "0",
    "suppressing": "0",
    "kind": "'alarm'",
    "priority": "3",
}


def _order(tx: Connection) -> None:
    """Give the log of alarms its indices; the one of alarms alone is no longer needed."""
    for index in log.indexes:
        index.create(tx, checkfirst=True)
    tx.execute(sa.text("DROP INDEX IF EXISTS ix_alarm_log_alarm_id"))


MIGRATIONS: tuple[Migration, ...] = (
    Migration(1, "alarms, their log, findings", create(alarms, log, findings)),
    Migration(2, "models of machines and their versions", create(models, versions)),
    Migration(3, "rationalisation, suppression by design, first-out", _widen),
    Migration(20, "labels of assets, fleets of models", widen),
    Migration(21, "values of models that come late", delayed),
    Migration(24, "the newest line of each alarm's log is found at once", _order),
)
