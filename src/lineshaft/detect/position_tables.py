"""Tables of condition monitoring: one row a sensor position with what it remembers, one row a raw record taken there."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import Migration, create, metadata
from lineshaft.detect.model_tables import add_missing

positions = sa.Table(
    "sensor_position",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False, default=1),
    sa.Column("name", sa.String(200), nullable=False),
    # ids of the register, so that a move or another name of the machine changes nothing here
    sa.Column("machine", sa.String(36), nullable=False, index=True),
    sa.Column("place", sa.String(36), nullable=False, unique=True),
    sa.Column("vibration", sa.String(36), nullable=False, default=""),
    sa.Column("temperature", sa.String(36), nullable=False, default=""),
    sa.Column("running", sa.String(36), nullable=False, default=""),
    sa.Column("speed", sa.String(36), nullable=False, default=""),
    sa.Column("settings", sa.JSON, nullable=False),
    sa.Column("every", sa.BigInteger, nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("by", sa.String(100), nullable=False),
    sa.Column("retired", sa.Boolean, nullable=False, default=False),
    # what it is now, and what it must remember over a restart
    sa.Column("state", sa.String(20), nullable=False, default="healthy"),
    sa.Column("since", sa.BigInteger, nullable=False),
    sa.Column("through", sa.BigInteger, nullable=False, default=0),
    sa.Column("memory", sa.JSON, nullable=False),
    sa.Column("now", sa.JSON, nullable=False),
    sa.Column("noticed", sa.JSON, nullable=False),
    # written within other transactions, worked off by the node's thread
    sa.Column("returned", sa.BigInteger),
    sa.Column("unsent", sa.JSON, nullable=False),
    # since migration 22: of sensors that say how they themselves are
    sa.Column("battery", sa.String(36), nullable=False, default="", server_default=""),
    sa.Column("signal", sa.String(36), nullable=False, default="", server_default=""),
    # since migration 25: with how many values each of the latest steps was judged
    sa.Column("seen", sa.JSON, nullable=False, default={}, server_default="{}"),
)

records = sa.Table(
    "vibration_record",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("position_id", sa.String(36), sa.ForeignKey("sensor_position.id"), nullable=False, index=True),
    sa.Column("at", sa.BigInteger, nullable=False, index=True),
    sa.Column("taken", sa.BigInteger, nullable=False),
    sa.Column("file", sa.String(400), nullable=False),
    sa.Column("channel", sa.String(200), nullable=False),
    sa.Column("document", sa.String(36), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("rate", sa.Float, nullable=False),
    sa.Column("unit", sa.String(20), nullable=False),
    sa.Column("rpm", sa.Float),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("figures", sa.JSON, nullable=False),
    sa.Column("refused", sa.JSON, nullable=False),
    sa.Column("zone", sa.String(1)),
    sa.Column("diagnosis", sa.JSON, nullable=False),
    sa.Column("judged", sa.Boolean, nullable=False),
    sa.Column("by", sa.String(100), nullable=False),
    sa.UniqueConstraint("position_id", "digest", "at"),
)

resolutions = sa.Table(
    "condition_resolution",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("position_id", sa.String(36), sa.ForeignKey("sensor_position.id"), nullable=False, index=True),
    sa.Column("asset", sa.String(500), nullable=False, index=True),
    sa.Column("position", sa.String(700), nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False, index=True),
    sa.Column("by", sa.String(100), nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("since", sa.BigInteger, nullable=False),
    sa.Column("mode", sa.String(20), nullable=False),
    sa.Column("cause", sa.String(20), nullable=False),
    sa.Column("remedy", sa.String(20), nullable=False),
    sa.Column("label", sa.String(20), nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("findings", sa.JSON, nullable=False),
)
"""How what was found at a position ended: how it failed, why, what was done; `state` and `since` are what it was then."""


def _widen(tx: Connection) -> None:
    """Make the resolutions, and give positions that were there before the columns they have since."""
    create(resolutions)(tx)
    add_missing(tx, positions.name, dict.fromkeys(("battery", "signal"), "VARCHAR(36) NOT NULL DEFAULT ''"))


def _remember(tx: Connection) -> None:
    """Give positions that were there before the account of what they judged."""
    add_missing(tx, positions.name, {"seen": "JSON NOT NULL DEFAULT '{}'"})


MIGRATIONS: tuple[Migration, ...] = (
    Migration(12, "sensor positions and their raw records", create(positions, records)),
    Migration(22, "how findings of positions ended, batteries and signals of sensors", _widen),
    Migration(25, "with how many values the steps of positions were judged", _remember),
)
