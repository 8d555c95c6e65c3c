"""What an engineer can set about what storage costs."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lineshaft.core import Duration, Section, parse_duration

Tier = Literal["hot", "local", "object"]
TIERS: tuple[Tier, ...] = ("hot", "local", "object")
"""Where data lies: memory and journal, the lake on the disk of this node, object storage."""


class CostSettings(Section):
    """What storage costs, and the budget it must keep; what is written on the Cost page counts instead.

    The prices are Amazon's list prices of us-east-1 (gp3 volumes, st1 volumes, S3 Standard): put in your own.
    """

    currency: str = Field(default="USD", pattern="^[A-Z]{3}$", description="Currency of prices and budget: three letters.")
    price_hot: float = Field(default=0.08, ge=0, description="Price of a GB (10^9 bytes) in memory and journal, a month.")
    price_local: float = Field(default=0.045, ge=0, description="Price of a GB on the disk of this node, a month.")
    price_object: float = Field(default=0.023, ge=0, description="Price of a GB in object storage, a month.")
    budget_money: float = Field(default=0, ge=0, description="What storage may cost a month; 0 is no budget.")
    budget_hot_gb: float = Field(default=0, ge=0, description="GB memory and journal may take; 0 is no budget.")
    budget_local_gb: float = Field(default=0, ge=0, description="GB the disk of this node may take; 0 is no budget.")
    budget_object_gb: float = Field(default=0, ge=0, description="GB object storage may take; 0 is no budget.")
    window: Duration = Field(default="7d", description="Growth is measured over this time before now.")
    warn_ahead: Duration = Field(default="30d", description="So long before a budget is exceeded a system event says so.")

    def price(self, tier: Tier) -> float:
        """Return the price of a tier."""
        return {"hot": self.price_hot, "local": self.price_local, "object": self.price_object}[tier]

    def limit(self, tier: Tier) -> float | None:
        """Return the GB a tier may take, None for no budget."""
        return {"hot": self.budget_hot_gb, "local": self.budget_local_gb, "object": self.budget_object_gb}[tier] or None

    @property
    def window_ns(self) -> int:
        """The time growth is measured over, in nanoseconds."""
        return parse_duration(self.window)

    @property
    def warn_ahead_ns(self) -> int:
        """How long ahead a budget warns, in nanoseconds."""
        return parse_duration(self.warn_ahead)
