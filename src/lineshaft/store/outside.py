"""The lake as other programs see it: which Parquet files are a table now, read from its Delta log while a node runs."""

from __future__ import annotations

from pathlib import Path

from lineshaft.core import ConfigError

TABLES = ("samples", "late", "series", "minute", "hour")


def files_of(lake: Path, table: str) -> list[str]:
    """Return the paths of the files that are a table of the lake now. Raises ConfigError if nothing was written yet."""
    from deltalake import DeltaTable  # noqa: PLC0415 - 18 MB that only this question needs here

    path = lake / table
    if DeltaTable.is_deltatable(str(path)):
        return sorted(DeltaTable(str(path)).file_uris())
    if table in {"late", "minute", "hour"} and lake.exists():
        return []
    hint = "a node writes its first files after five minutes, or a million values"
    raise ConfigError(f"there is no table '{table}' yet", where=str(path), hint=hint)
