"""What production keeps: calendars and ideal cycles in versions, products, orders, lots, quality results, runs."""

from __future__ import annotations

import sqlalchemy as sa

from lineshaft.core import Migration, create, metadata


def _entity(name: str, *columns: sa.Column[object] | sa.Constraint) -> sa.Table:
    return sa.Table(
        name,
        metadata,
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("version", sa.Integer, nullable=False, default=1),
        *columns,
    )


def _text(name: str, *, unique: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.String(256), nullable=False, unique=unique, default="")


def _time(name: str, *, null: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.BigInteger, nullable=null)


def _of(name: str, table: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.String(36), sa.ForeignKey(f"{table}.id"), nullable=null, index=True)


calendars = _entity(
    "production_calendar",
    _text("name"),
    _time("valid_from", null=False),
    sa.Column("body", sa.JSON, nullable=False),
    sa.Column("asset_ids", sa.JSON, nullable=False),
    sa.UniqueConstraint("name", "valid_from"),
)
products = _entity("product", _text("product", unique=True), _text("name"), _text("unit"))
cycles = _entity(
    "ideal_cycle",
    _of("product_id", "product"),
    _of("asset_id", "asset"),
    sa.Column("seconds", sa.Float, nullable=False),
    _time("valid_from", null=False),
    sa.UniqueConstraint("product_id", "asset_id", "valid_from"),
)
orders = _entity(
    "production_order", _text("number", unique=True), _text("customer"), _text("state"), _time("created", null=False)
)
order_lines = _entity(
    "production_order_line",
    _of("order_id", "production_order"),
    sa.Column("line", sa.Integer, nullable=False),
    _of("product_id", "product"),
    sa.Column("quantity", sa.Float, nullable=False),
    _time("due"),
    sa.Column("delivered", sa.Float, nullable=False, default=0.0),
    _time("delivered_at"),
    sa.UniqueConstraint("order_id", "line"),
)
lots = _entity(
    "lot",
    _text("lot", unique=True),
    _text("material"),
    _of("product_id", "product", null=True),
    sa.Column("quantity", sa.Float, nullable=True),
    _text("unit"),
    _time("made_at"),
    _of("order_id", "production_order", null=True),
    _text("state"),
)
lot_parents = sa.Table(
    "lot_parent",
    metadata,
    sa.Column("lot_id", sa.String(36), sa.ForeignKey("lot.id"), primary_key=True),
    sa.Column("parent_id", sa.String(36), sa.ForeignKey("lot.id"), primary_key=True, index=True),
)
quality = _entity(
    "quality_result",
    _of("lot_id", "lot", null=True),
    _of("order_id", "production_order", null=True),
    _of("asset_id", "asset", null=True),
    _text("check"),
    sa.Column("value", sa.Float, nullable=True),
    _text("unit"),
    sa.Column("low", sa.Float, nullable=True),
    sa.Column("high", sa.Float, nullable=True),
    sa.Column("passed", sa.Boolean, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False, index=True),
    _text("by"),
    sa.Column("note", sa.Text, nullable=False, default=""),
)
runs = _entity(
    "production_run",
    _of("order_id", "production_order"),
    sa.Column("line", sa.Integer, nullable=False),
    _of("asset_id", "asset"),
    _time("start_ns", null=False),
    _time("end_ns"),
)
scrap = _entity(
    "quality_scrap",
    _of("quality_id", "quality_result"),
    _of("asset_id", "asset"),
    _time("start", null=False),
    _time("end", null=False),
    sa.Column("quantity", sa.Float, nullable=False),
    _text("reason"),
    _time("recorded", null=False),
    _text("by"),
)
"""Good parts that turned out to be scrap: only ever added to; a negative quantity takes parts back."""

feeds = _entity(
    "production_feed",
    _text("name", unique=True),
    sa.Column("mark", sa.Text, nullable=False, default=""),
    sa.Column("waiting", sa.JSON, nullable=False),
    _time("last_run"),
    _time("last_ok"),
    sa.Column("taken", sa.BigInteger, nullable=False, default=0),
)
"""How far each feed was read, and what of it waits for something that is not known yet."""
logbook = _entity(
    "logbook_entry",
    sa.Column("entry_id", sa.String(36), nullable=False, index=True),
    _of("asset_id", "asset"),
    sa.Column("at", sa.BigInteger, nullable=False, index=True),
    _text("shift"),
    _text("day"),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("tags", sa.JSON, nullable=False),
    _text("author"),
    _time("written", null=False),
    sa.Column("newest", sa.Boolean, nullable=False, default=True),
    sa.UniqueConstraint("entry_id", "version"),
)
"""The shift logbook: a row a version; a correction is a new row, and only `newest` of the old one changes."""

MIGRATIONS: tuple[Migration, ...] = (
    Migration(
        1,
        "calendars, products, orders, lots, quality results, runs",
        create(calendars, products, cycles, orders, order_lines, lots, lot_parents, quality, runs),
    ),
    Migration(2, "late scrap", create(scrap)),
    Migration(3, "feeds, shift logbook", create(feeds, logbook)),
)
