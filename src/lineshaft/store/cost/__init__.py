"""What keeping the plant's data costs: how much there is in each tier, how fast it grows, and when a budget is used up.

Everything is measured: sizes from files, growth from the rows and sizes of the last days. What was not measured has no value.
Prices are a person's: the settings say them, and what is written on the Cost page counts instead.
"""

from lineshaft.store.cost.costs import Costs, Prognosis, size_told
from lineshaft.store.cost.scale import Held, Scale, rules_of
from lineshaft.store.cost.settings import TIERS, CostSettings
from lineshaft.store.cost.terms import Terms
from lineshaft.store.cost.told import cost_told

__all__ = ["TIERS", "CostSettings", "Costs", "Held", "Prognosis", "Scale", "Terms", "cost_told", "rules_of", "size_told"]
