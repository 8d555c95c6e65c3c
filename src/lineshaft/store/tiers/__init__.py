"""Tiers: hot rows, files of the lake on this disk, and old ones in object storage, moved by rules and brought back to be read.

A file leaves this disk only after its object was verified and the move is noted durably; it comes back to its own place,
so that whoever reads the lake - a question, a rewrite, another program - finds it where it always was.
"""

from lineshaft.store.tiers.placed import Holding, Tier
from lineshaft.store.tiers.settings import Rule, TiersSettings

__all__ = ["Holding", "Rule", "Tier", "TiersSettings"]
