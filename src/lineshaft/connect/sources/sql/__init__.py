"""Values that another database keeps (a historian, an MES, a line's own PostgreSQL): read on from a high-water mark."""

from lineshaft.connect.sources.sql.options import SqlOptions
from lineshaft.connect.sources.sql.sql import SqlSource

PLUGIN = SqlSource

__all__ = ["PLUGIN", "SqlOptions", "SqlSource"]
