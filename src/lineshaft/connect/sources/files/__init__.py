"""Files of historians and loggers: CSV and Parquet that appear or grow in a folder, long or wide, PI-style exports too."""

from lineshaft.connect.sources.files.files import FilesSource
from lineshaft.connect.sources.files.options import FilesOptions

PLUGIN = FilesSource

__all__ = ["PLUGIN", "FilesOptions", "FilesSource"]
