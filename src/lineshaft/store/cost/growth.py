"""How fast each table grows, from what was measured: rows and bytes of the last days, and sizes noted over time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lineshaft.store.cost.scale import COPIES, JOURNAL, MEMORY, Held, Weighed
from lineshaft.store.index import DAY, HOUR_TABLE, LATE_TABLE, MINUTE_TABLE, SAMPLES_TABLE, File

ENOUGH = 600 * 1_000_000_000
"""Growth seen for less than ten minutes says nothing."""
ROWS = (SAMPLES_TABLE, LATE_TABLE)


class Noted(NamedTuple):
    """The size of a table in a tier at a moment."""

    at: int
    table: str
    tier: str
    size: int


@dataclass(frozen=True, slots=True)
class Rate:
    """Bytes a day a table grows by and how long that was measured (ns); `day` is None where nothing was."""

    day: float | None
    over: int = 0


@dataclass(frozen=True, slots=True)
class Pace:
    """How values come: rows a second and bytes a row, the time that was measured, and from how many rows."""

    rows_per_s: float | None
    bytes_per_row: float | None
    over: int
    rows: int


def pace_of(weighed: Weighed, now: int, window: int) -> Pace:
    """Return how values came in the window before now: by their own times, from files and memory."""
    start = now - window
    mine = [file for file in weighed.files if file.kind in ROWS and file.max_ts > start and file.min_ts <= now]
    until = now if weighed.hot_rows is not None else min(now, max((file.max_ts for file in mine), default=now))
    rows = sum(_within(file, start, until) for file in mine) + (weighed.hot_rows or 0)
    over = until - max(start, min((file.min_ts for file in mine), default=until))
    each = _bytes_per_row(mine, now)
    if not mine or over < ENOUGH:
        return Pace(None, each, over, round(rows))
    return Pace(rows / (over / 1e9), each, over, round(rows))


def _within(file: File, start: int, end: int) -> float:
    """Return how many of a file's rows lie in (start, end], as if they were spread evenly."""
    low, high = max(file.min_ts, start), min(file.max_ts, end)
    span = file.max_ts - file.min_ts
    return file.rows * (high - low) / span if span > 0 and high >= low else float(file.rows)


def _bytes_per_row(mine: Sequence[File], now: int) -> float | None:
    """Return bytes a row takes to stay: of whole days once there are any, as those are rewritten closely packed."""
    samples = [file for file in mine if file.kind == SAMPLES_TABLE] or list(mine)
    whole = [file for file in samples if file.day < now // DAY] or samples
    rows = sum(file.rows for file in whole)
    return sum(file.size for file in whole) / rows if rows else None


def rates(weighed: Weighed, past: Iterable[Noted], pace: Pace, now: int, window: int) -> Mapping[tuple[str, str], Rate]:
    """Return how fast each (table, tier) grows."""
    before: dict[tuple[str, str], Noted] = {}
    oldest = min((one.at for one in past), default=now)
    for one in past:
        if one.at >= now - window and one.at < before.get((one.table, one.tier), Noted(now, "", "", 0)).at:
            before[one.table, one.tier] = one
    return {(one.table, one.tier): _rate(one, weighed, before, pace, now, max(oldest, now - window)) for one in weighed.held}


def _rate(one: Held, weighed: Weighed, before: Mapping[tuple[str, str], Noted], pace: Pace, now: int, since: int) -> Rate:
    if one.table in (JOURNAL, MEMORY, COPIES, LATE_TABLE):
        return Rate(0.0, now - since)  # they come and go: what is there now stays, more or less
    if one.tier == "object":
        return Rate(0.0, now - since)  # it grows here, on this disk; rules move it
    if one.table == SAMPLES_TABLE:
        known = pace.rows_per_s is not None and pace.bytes_per_row is not None
        return Rate(_times(pace) if known else None, pace.over)
    if one.table in (MINUTE_TABLE, HOUR_TABLE):
        return _rolled([file for file in weighed.files if file.kind == one.table and file.max_ts > since])
    then = before.get((one.table, one.tier))
    seen = 0 if then is None else now - then.at
    if then is None or seen < ENOUGH:
        return Rate(None, seen)
    return Rate(max(0.0, (one.size - then.size) * DAY / seen), seen)


def _times(pace: Pace) -> float:
    return (pace.rows_per_s or 0.0) * (pace.bytes_per_row or 0.0) * 86_400


def _rolled(files: Sequence[File]) -> Rate:
    """Return how fast a roll-up grows: bytes of its files by the time they cover."""
    over = sum(file.max_ts - file.min_ts for file in files)
    return Rate(sum(file.size for file in files) * DAY / over, over) if over >= ENOUGH else Rate(None, over)
