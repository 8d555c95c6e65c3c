"""Purchase proposer: looks whether a purchase of the stock rule has the right size, from use, lead time and what is coming."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from lineshaft.act.agency.trade import Reply, Trade


class Purchase(Reply):
    """How many to buy."""

    quantity: float = Field(gt=0, lt=1e6, description="How many to buy; the draft's where nothing speaks against it.")
    reason: str = Field(max_length=1000, description="Why, with the figures: use, lead time, what is on the way.")


def _changes(reply: Purchase, draft: Mapping[str, Any]) -> dict[str, Any]:
    if "quantity" not in draft or draft["quantity"] == reply.quantity:
        return {}  # several parts in one proposal are left as the stock rule made them
    return {"quantity": reply.quantity}


PLUGIN = Trade(
    name="purchaser",
    title="Purchase proposer",
    does=("purchase.propose",),
    role="planner",
    tools=("spares", "work_orders", "plant_assets"),
    reply=Purchase,
    changes=_changes,
    brief="""You look at a purchase that the stock rule proposes: how much of the part past orders used, its lead time, its
minimum and target, what is on the way. Keep the quantity unless the figures say otherwise; never buy for more than a year.""",
)
