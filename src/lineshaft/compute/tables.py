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

recomputes = sa.Table(
    "compute_recompute",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False, default=1),
    sa.Column("state", sa.String(16), nullable=False, index=True),
    sa.Column("paths", sa.JSON, nullable=False),
    sa.Column("start", sa.BigInteger, nullable=False),
    sa.Column("end", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.String(32), nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("formula", sa.String(16), nullable=False),
    sa.Column("by", sa.String(256), nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False, index=True),
    sa.Column("ended", sa.BigInteger, nullable=True),
    sa.Column("reached", sa.BigInteger, nullable=False),
    sa.Column("windows", sa.BigInteger, nullable=False, default=0),
    sa.Column("changed", sa.BigInteger, nullable=False, default=0),
    sa.Column("versions", sa.JSON, nullable=False),
    sa.Column("figures", sa.JSON, nullable=False),
    sa.Column("error", sa.Text, nullable=False, default=""),
)
"""Every recompute that was applied: who, when, why, over which range, with which versions, and what it changed."""

changes = sa.Table(
    "compute_change",
    metadata,
    sa.Column("recompute_id", sa.String(36), primary_key=True),
    sa.Column("series", sa.String(512), primary_key=True),
    sa.Column("ts", sa.BigInteger, primary_key=True),
    sa.Column("path", sa.String(1024), nullable=False),
    sa.Column("old", sa.JSON, nullable=True),
    sa.Column("new", sa.JSON, nullable=True),
    sa.Column("old_version", sa.Integer, nullable=False),
    sa.Column("new_version", sa.Integer, nullable=False),
    sa.Index("compute_change_series", "series", "ts"),
)
"""The old and the new value of everything a recompute changed: the past is never changed silently."""

corrections = sa.Table(
    "compute_correction",
    metadata,
    sa.Column("scrap_id", sa.String(36), primary_key=True),
    sa.Column("recompute_id", sa.String(36), nullable=False),
    sa.Column("applied", sa.BigInteger, nullable=False),
)
"""Late scrap that a recompute let count, and since when."""

failed = sa.Table(
    "compute_failed",
    metadata,
    sa.Column("property_id", sa.String(36), primary_key=True),
    sa.Column("since", sa.BigInteger, nullable=False),
    sa.Column("until", sa.BigInteger, nullable=False),
)
"""Stretches that could not be computed; they are computed again until it works."""

edits = sa.Table(
    "compute_edit",
    metadata,
    sa.Column("recompute_id", sa.String(36), primary_key=True),
    sa.Column("edits", sa.JSON, nullable=False),
    sa.Column("before", sa.JSON, nullable=False),
)
"""Raw values a recompute takes back or puts right first, and the machines' figures before that."""

MIGRATIONS: tuple[Migration, ...] = (
    Migration(
        1, "formula versions, closed windows, stop reasons", create(formula_versions, closed, touched, stop_reasons, stop_history)
    ),
    Migration(2, "recomputes and what they changed", create(recomputes, changes, corrections)),
    Migration(3, "what could not be computed", create(failed)),
    Migration(4, "corrections of raw values", create(edits)),
)
