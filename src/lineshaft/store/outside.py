"""The lake as other programs see it: which Parquet files are a table now, read from its Delta log while a node runs."""

from __future__ import annotations

from pathlib import Path

from lineshaft.core import ConfigError
from lineshaft.store.tiers.objects import Objects
from lineshaft.store.tiers.outside import Outside
from lineshaft.store.tiers.settings import TiersSettings

TABLES = ("samples", "late", "series", "minute", "hour")


def files_of(lake: Path, table: str, settings: TiersSettings | None = None, folder: Path | None = None) -> list[str]:
    """Return where the files that are a table of the lake now are read. Raises ConfigError if nothing was written yet.

    Files in object storage are s3:// addresses; with a folder they are brought into it, and are paths there.
    """
    found = _named(lake, table)
    if all(Path(path).exists() for path in found):
        return found
    outside, settings = Outside(lake.parent), settings or TiersSettings()
    if folder is not None:
        return outside.fetch(lake, table, found, Objects.of(settings), folder)
    return outside.places(lake, table, found, settings.bucket)


def _named(lake: Path, table: str) -> list[str]:
    from deltalake import DeltaTable  # noqa: PLC0415 - 18 MB that only this question needs here

    path = lake / table
    if DeltaTable.is_deltatable(str(path)):
        return sorted(DeltaTable(str(path)).file_uris())
    if table in {"late", "minute", "hour"} and lake.exists():
        return []
    hint = "a node writes its first files after five minutes, or a million values"
    raise ConfigError(f"there is no table '{table}' yet", where=str(path), hint=hint)
