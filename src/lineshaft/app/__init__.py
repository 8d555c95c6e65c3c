"""The one place where rooms are joined: the floor plan (`Plant`), the way of a durable value, and the node's housekeeping."""

from lineshaft.app.edge import EdgeNode
from lineshaft.app.executor import Executor
from lineshaft.app.plant import Plant
from lineshaft.app.settings import MIGRATIONS, SECTIONS, Settings, open_database, read_settings
from lineshaft.connect.edge.identity import enrol

__all__ = ["MIGRATIONS", "SECTIONS", "EdgeNode", "Executor", "Plant", "Settings", "enrol", "open_database", "read_settings"]
