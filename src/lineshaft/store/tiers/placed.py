"""What lies where: for each table and tier how much, how old, and when anybody last read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from lineshaft.store.index import SERIES_TABLE, File

Tier = Literal["hot", "local", "object"]
Key = tuple[str, str]
"""A file of the lake: its table and its name there."""


@dataclass(frozen=True, slots=True)
class Holding:
    """What one table has in one tier; times are in ns, None where there is none. `cached` bytes of objects are here as well."""

    table: str
    tier: Tier
    files: int
    size: int
    rows: int
    oldest: int | None = None
    newest: int | None = None
    last_read: int | None = None
    cached: int = 0


def holdings(files: Iterable[File], away: Mapping[Key, int], read: Mapping[Key, int]) -> list[Holding]:
    """Return the holdings of the lake's files; `away` are those in object storage and how many bytes of each are here too."""
    groups: dict[tuple[str, Tier], list[File]] = {}
    for file in files:
        tier: Tier = "object" if (file.kind, file.name) in away else "local"
        groups.setdefault((file.kind, tier), []).append(file)
    return [_holding(table, tier, group, away, read) for (table, tier), group in sorted(groups.items())]


def _holding(table: str, tier: Tier, group: list[File], away: Mapping[Key, int], read: Mapping[Key, int]) -> Holding:
    keys = [(file.kind, file.name) for file in group]
    timed = [] if table == SERIES_TABLE else [file for file in group if file.max_ts]
    return Holding(
        table,
        tier,
        len(group),
        sum(file.size for file in group),
        sum(file.rows for file in group),
        min((file.min_ts for file in timed), default=None),
        max((file.max_ts // 1000 * 1000 for file in timed), default=None),  # files tell it to the microsecond
        max((read[key] for key in keys if key in read), default=None),
        sum(away.get(key, 0) for key in keys),
    )
