"""The one place where rooms are joined: the floor plan (`Plant`), the way of a durable value, and the node's housekeeping."""

from lineshaft.app.executor import Executor
from lineshaft.app.plant import Plant
from lineshaft.app.settings import MIGRATIONS, SECTIONS, Settings, open_database, read_settings

__all__ = ["MIGRATIONS", "SECTIONS", "Executor", "Plant", "Settings", "open_database", "read_settings"]
