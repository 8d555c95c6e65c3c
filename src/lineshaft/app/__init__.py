"""The one place where rooms are joined: the floor plan (`Plant`), the way of a durable value, and the node's housekeeping.

A name is imported when it is asked for: an edge node is joined here too, and has the memory of a small machine.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lineshaft.app.edge import EdgeNode
    from lineshaft.app.executor import Executor
    from lineshaft.app.plant import Plant
    from lineshaft.app.settings import MIGRATIONS, SECTIONS, Settings, open_database, read_settings
    from lineshaft.connect.edge.identity import enrol

__all__ = ["MIGRATIONS", "SECTIONS", "EdgeNode", "Executor", "Plant", "Settings", "enrol", "open_database", "read_settings"]

_FROM = {
    "EdgeNode": "lineshaft.app.edge",
    "Executor": "lineshaft.app.executor",
    "Plant": "lineshaft.app.plant",
    "enrol": "lineshaft.connect.edge.identity",
    **dict.fromkeys(("MIGRATIONS", "SECTIONS", "Settings", "open_database", "read_settings"), "lineshaft.app.settings"),
}


def __getattr__(name: str) -> object:
    if name not in _FROM:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_FROM[name]), name)
