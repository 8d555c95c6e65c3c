"""Prices and budget: what the settings say, and over it what a person wrote on the Cost page, in versions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import Conflict, Database, InvalidInput, bump
from lineshaft.store.cost.settings import TIERS, CostSettings, Tier
from lineshaft.store.tables import cost_terms

_ID = "terms"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a GB costs a month in each tier, and what may be spent; None is no budget. Version 0: as the settings say."""

    currency: str
    prices: Mapping[Tier, float]
    money: float | None = None
    gigabytes: Mapping[Tier, float] = field(default_factory=dict["Tier", float])
    version: int = 0


def read_terms(db: Database, settings: CostSettings) -> Terms:
    """Return what holds now."""
    rows = db.rows(sa.select(cost_terms).where(cost_terms.c.id == _ID))
    said: Mapping[str, Any] = rows[0] if rows else {"version": 0, "currency": None, "prices": {}, "budget": {}}
    prices, budget = cast("dict[str, Any]", said["prices"]), cast("dict[str, Any]", said["budget"])
    limits: dict[Tier, Any] = {tier: budget.get(tier, settings.limit(tier)) for tier in TIERS}
    money = budget.get("money", settings.budget_money or None)
    return Terms(
        said["currency"] or settings.currency,
        {tier: float(prices.get(tier, settings.price(tier))) for tier in TIERS},
        money,
        {tier: float(limit) for tier, limit in limits.items() if limit is not None},
        int(said["version"]),
    )


def write_terms(tx: Connection, change: Mapping[str, Any], version: int | None = None) -> int:
    """Write currency, prices and budgets; what is not named stays, a budget of None is none. Raises Conflict when stale."""
    prices, budget = dict(change.get("prices") or {}), dict(change.get("budget") or {})
    for name, value in (*prices.items(), *((name, value) for name, value in budget.items() if value is not None)):
        if not float(value) >= 0:
            raise InvalidInput(f"{name} cannot be {value}", hint="a price or a budget is 0 or more", code="cost.invalid")
    row = tx.execute(sa.select(cost_terms).where(cost_terms.c.id == _ID)).mappings().first()
    if row is None:
        if version:
            raise Conflict("prices were never written", hint="read them again", code="cost.stale")
        fresh = {"id": _ID, "version": 1, "currency": change.get("currency"), "prices": prices, "budget": budget}
        tx.execute(sa.insert(cost_terms).values(**fresh))
        return 1
    whole: dict[str, Any] = {"prices": {**row["prices"], **prices}, "budget": {**row["budget"], **budget}}
    if change.get("currency"):
        whole["currency"] = change["currency"]
    return bump(tx, cost_terms, _ID, version, **whole)
