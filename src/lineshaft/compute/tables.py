"""What compute keeps beside the values.

Versions of formulas, how far windows are closed, what is still to be recomputed, and the reasons people gave for stops.
"""

from __future__ import annotations

import sqlalchemy as sa

from lineshaft.core import Migration, create, metadata

formula_versions = sa.Table(
    "compute_formula",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False, default=1),
    sa.Column("property_id", sa.String(36), nullable=False, index=True),
    sa.Column("model", sa.String(256), nullable=False),
    sa.Column("model_version", sa.Integer, nullable=False),
    sa.Column("formula", sa.Text, nullable=False),
    sa.Column("inputs", sa.JSON, nullable=False),
    sa.Column("valid_from", sa.BigInteger, nullable=False),
)
"""The formula of a computed property from a moment of its own time on; the rows' `code` is the model's version."""

closed = sa.Table(
    "compute_closed",
    metadata,
    sa.Column("schedule", sa.String(512), primary_key=True),
    sa.Column("until", sa.BigInteger, nullable=False),
)
"""Until when the windows of a schedule are closed."""

touched = sa.Table(
    "compute_touched",
    metadata,
    sa.Column("property_id", sa.String(36), primary_key=True),
    sa.Column("since", sa.BigInteger, nullable=False),
    sa.Column("until", sa.BigInteger, nullable=False),
)
"""Late values whose windows are not recomputed yet."""

stop_reasons = sa.Table(
    "compute_stop",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False, default=1),
    sa.Column("asset_id", sa.String(36), nullable=False, index=True),
    sa.Column("start", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("coded", sa.BigInteger, nullable=False),
)
"""The reason of a stop as coded afterwards; every version is kept in `compute_stop_history`."""

stop_history = sa.Table(
    "compute_stop_history",
    metadata,
    sa.Column("stop_id", sa.String(36), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("coded", sa.BigInteger, nullable=False),
)

MIGRATIONS: tuple[Migration, ...] = (
    Migration(
        1, "formula versions, closed windows, stop reasons", create(formula_versions, closed, touched, stop_reasons, stop_history)
    ),
)
