"""Looks for OT systems in networks that were allowed, keeps an inventory of them, and proposes sources and asset models.

Nothing is looked for until a network is named in `[discovery] networks`; questions are few, slow and read only. What is found
is a proposal: a person confirms it, and nothing is listened to before.
"""

from lineshaft.connect.discovery.inventory import Inventory
from lineshaft.connect.discovery.settings import DiscoverySettings
from lineshaft.connect.discovery.work import Discovery

__all__ = ["Discovery", "DiscoverySettings", "Inventory"]
