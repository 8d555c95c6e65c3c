"""Raw vibration records from files: CSV, Parquet, MATLAB (7.3 with the extra `hdf5`), WAV and UFF 58 (ASCII and binary).

Each format is one file here and gives channels; a rate or a unit that the file does not hold must be said, never guessed.
"""

from lineshaft.detect.vibration.records.opening import FORMATS, channels, read

__all__ = ["FORMATS", "channels", "read"]
