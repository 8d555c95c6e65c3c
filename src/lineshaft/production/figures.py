"""Figures for which what was ordered, planned and checked is enough: on time in full, yield, throughput against target.

Each comes with what it was computed from; without anything to compute it from it is absent, not zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from lineshaft.assets import Assets
from lineshaft.core import Database, now_ns
from lineshaft.production.calendar import Planned
from lineshaft.production.tables import cycles, lots, order_lines, orders, products, quality, runs

if TYPE_CHECKING:
    from lineshaft.production.floor import Production
    from lineshaft.production.plan import Run


Counted = Mapping[tuple[str, str], float]
"""Good parts by order and product."""


@dataclass(frozen=True)
class OrderFigure:
    """How an order goes at a line: what was made of it over the time against what its planned time allowed at best."""

    order: str
    product: str
    planned_s: float
    """Seconds of its run that lie in shifts, breaks left out."""
    target: float | None
    """Parts that the constraint could have made in that time at the ideal cycle; None if no ideal cycle is known."""
    made: float | None
    """Quantity of the lots of that product made for the order, else what the constraint counted; None if neither is known."""
    ordered: float
    delivered: float
    made_by: str = ""
    """Where `made` is from: `lots`, `counter`, or nothing."""

    @property
    def attainment(self) -> float | None:
        """Made parts per target part."""
        return None if self.made is None or not self.target else self.made / self.target


@dataclass(frozen=True)
class Figures:
    """The figures of a line over (start, end]."""

    line: str
    start: int
    end: int
    due_lines: int
    on_time_in_full: int
    checks: int
    passed: int
    lots_made: float
    lots_scrapped: float
    lots_held: float
    orders: list[OrderFigure] = field(default_factory=list[OrderFigure])

    @property
    def otif(self) -> float | None:
        """Share of the order lines due that were delivered whole and not late."""
        return self.on_time_in_full / self.due_lines if self.due_lines else None

    @property
    def first_pass(self) -> float | None:
        """Share of the checks that were passed."""
        return self.passed / self.checks if self.checks else None

    @property
    def lot_yield(self) -> float | None:
        """Quantity of the lots made that is not scrap, lots on hold included."""
        return 1 - self.lots_scrapped / self.lots_made if self.lots_made else None


def figures(
    db: Database, assets: Assets, production: Production, line: str, start: int, end: int, counted: Counted | None = None
) -> Figures:
    """Return the figures of a line; only what was due until now can be late.

    `counted` are the good parts the line's constraint counted, by order and product, where no lot says what was made.
    """
    path = assets.asset(line).path
    places = [one.id for one in assets.tree() if one.path == path or one.path.startswith(f"{path}/")]
    ran = {row["order_id"] for row in db.rows(sa.select(runs.c.order_id).where(runs.c.asset_id.in_(places)).distinct())}
    due, good = _delivered(db, ran | _never_ran(db, places), start, min(end, now_ns()))
    checks, passed = _checked(db, ran, places, start, end)
    made, scrapped, held = _made(db, ran, start, end)
    orders_ = _throughput(db, assets, production, path, start, end)
    known = [_counted(one, counted or {}) for one in orders_]
    return Figures(path, start, end, due, good, checks, passed, made, scrapped, held, known)


def _counted(one: OrderFigure, counted: Counted) -> OrderFigure:
    """Return the figure with what was counted, if no lot says what was made."""
    if one.made is not None:
        return replace(one, made_by="lots")
    parts = counted.get((one.order, one.product))
    return one if parts is None else replace(one, made=parts, made_by="counter")


def _never_ran(db: Database, places: list[str]) -> set[str]:
    """Return the orders that never ran anywhere but could run here: what is not begun in time is not on time."""
    begun = sa.select(runs.c.order_id)
    able = sa.select(cycles.c.product_id).where(cycles.c.asset_id.in_(places))
    query = sa.select(order_lines.c.order_id).where(order_lines.c.order_id.not_in(begun), order_lines.c.product_id.in_(able))
    return {row["order_id"] for row in db.rows(query.distinct())}


def _delivered(db: Database, ran: set[str], start: int, end: int) -> tuple[int, int]:
    """Count the lines of the line's orders that were due, and those delivered whole and not late."""
    due = (order_lines.c.due > start) & (order_lines.c.due <= end) & order_lines.c.order_id.in_(sorted(ran))
    rows = db.rows(sa.select(order_lines).where(due))
    good = [
        r for r in rows if r["delivered"] >= r["quantity"] and r["delivered_at"] is not None and r["delivered_at"] <= r["due"]
    ]
    return len(rows), len(good)


def _checked(db: Database, ran: set[str], places: list[str], start: int, end: int) -> tuple[int, int]:
    """Count the checks at the line's machines, of its orders and of their lots, and those passed."""
    own = quality.c.asset_id.in_(places) | quality.c.order_id.in_(sorted(ran)) | lots.c.order_id.in_(sorted(ran))
    query = sa.select(quality.c.passed).outerjoin(lots, lots.c.id == quality.c.lot_id)
    rows = db.rows(query.where((quality.c.at > start) & (quality.c.at <= end) & own))
    return len(rows), sum(bool(row["passed"]) for row in rows)


def _made(db: Database, ran: set[str], start: int, end: int) -> tuple[float, float, float]:
    """Sum the lots of products that were made for the line's orders: all, scrap, on hold."""
    own = lots.c.order_id.in_(sorted(ran)) & lots.c.product_id.is_not(None) & lots.c.quantity.is_not(None)
    rows = db.rows(sa.select(lots.c.quantity, lots.c.state).where(own, lots.c.made_at > start, lots.c.made_at <= end))

    def total(states: Iterable[str]) -> float:
        return sum(row["quantity"] for row in rows if row["state"] in states)

    return total({"free", "hold", "scrap"}), total({"scrap"}), total({"hold"})


def _throughput(db: Database, assets: Assets, production: Production, line: str, start: int, end: int) -> list[OrderFigure]:
    """Return every order that ran, with the target of its planned time at the line's constraint."""
    calendar = production.calendar(line)
    planned: dict[tuple[str, str], float] = {}
    target: dict[tuple[str, str], float | None] = {}
    for low, high, machine in assets.constraints(line, start, min(end, now_ns())) if start < min(end, now_ns()) else []:
        ran: list[Run] = production.running(line if machine is None else machine.path, low, high)
        for run in ran:
            key = (run.order, run.product)
            seconds = sum(one.seconds for one in calendar.planned(run.start, run.end) if one.kind is Planned.SHIFT)
            planned[key] = planned.get(key, 0.0) + seconds
            before = target.get(key, 0.0)
            known = run.ideal_cycle_s is not None and before is not None
            target[key] = before + seconds / run.ideal_cycle_s if known and run.ideal_cycle_s and before is not None else None
    quantities = _quantities(db, start, end)
    return [OrderFigure(*key, seconds, target[key], **quantities.get(key, _NOTHING)) for key, seconds in planned.items()]


_NOTHING: dict[str, Any] = {"made": None, "ordered": 0.0, "delivered": 0.0}


def _quantities(db: Database, start: int, end: int) -> dict[tuple[str, str], dict[str, Any]]:
    """Return by order and product what was ordered and delivered, and what lots of it were made over the time."""
    asked = sa.select(orders.c.number, products.c.product, order_lines.c.quantity, order_lines.c.delivered)
    asked = asked.join(orders, orders.c.id == order_lines.c.order_id).join(products, products.c.id == order_lines.c.product_id)
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in db.rows(asked):
        one = found.setdefault((row["number"], row["product"]), dict(_NOTHING))
        one["ordered"] += row["quantity"]
        one["delivered"] += row["delivered"]
    query = sa.select(orders.c.number, products.c.product, sa.func.sum(lots.c.quantity).label("made"))
    query = (
        query.select_from(lots).join(orders, orders.c.id == lots.c.order_id).join(products, products.c.id == lots.c.product_id)
    )
    query = query.where(lots.c.made_at > start, lots.c.made_at <= end).group_by(orders.c.number, products.c.product)
    for row in db.rows(query):
        found.setdefault((row["number"], row["product"]), dict(_NOTHING))["made"] = row["made"]
    return found
