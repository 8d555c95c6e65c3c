"""Tumbling windows (start, end], stamped at their end, on a grid in UTC or in a plant's own time.

Up to an hour long they follow UTC (shifted by the zone's minutes); longer ones follow the wall clock of the zone, so a
shift from 06:00 to 14:00 stays one through daylight saving, and the night of the change is 7 or 9 hours long.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from lineshaft.compute.formula import Ints
from lineshaft.core import NS, InvalidInput

_DAY = 86_400 * NS
_WEEK = 7 * _DAY
_MONDAY = 4 * _DAY
"""The epoch was a Thursday; weeks end Monday 00:00."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Grid:
    """Where windows end: every `length` nanoseconds, shifted by `offset`, in the time of `zone`."""

    length: int
    offset: int = 0
    zone: str = "UTC"

    def end_of(self, ts: int) -> int:
        """Return the end of the window a moment lies in (a moment on an end belongs to that window)."""
        if not self._by_wall_clock:
            origin = self._origin(ts)
            return origin - ((origin - ts) // self.length) * self.length
        around = self._wall_ends(ts - 2 * _DAY - self.length, ts + 2 * _DAY + self.length)
        return int(around[np.searchsorted(around, ts, "left")])

    def start_of(self, end: int) -> int:
        """Return the start of the window that ends at `end`."""
        return self.end_of(end - 1) - self.length if not self._by_wall_clock else self._before(end)

    def ends(self, after: int, through: int) -> Ints:
        """Return the ends of all windows with `after < end <= through`."""
        if through <= after:
            return np.zeros(0, np.int64)
        if self._by_wall_clock:
            found = self._wall_ends(after - _DAY, through + _DAY)
            return found[(found > after) & (found <= through)]
        first = self.end_of(after + 1)
        return np.arange(first, through + 1, self.length, dtype=np.int64)

    def starts(self, ends: Ints) -> Ints:
        """Return the starts of windows by their ends."""
        if self._by_wall_clock:
            return np.array([self._before(int(end)) for end in ends], np.int64)
        return ends - self.length

    @property
    def _by_wall_clock(self) -> bool:
        return self.length > 3600 * NS and self.zone != "UTC"

    def _origin(self, ts: int) -> int:
        shift = 0 if self.zone == "UTC" else (_offset(ts, self.zone) % self.length)
        return self.offset + (_MONDAY if self.length % _WEEK == 0 else 0) - shift

    def _before(self, end: int) -> int:
        around = self._wall_ends(end - 3 * _DAY - self.length, end)
        return int(around[np.searchsorted(around, end, "left") - 1])

    def _wall_ends(self, start: int, end: int) -> Ints:
        """Return the ends between two moments, laid out on the wall clock and turned into UTC."""
        origin = self.offset + (_MONDAY if self.length % _WEEK == 0 else 0)
        first = (start - origin) // self.length - 1
        last = (end - origin) // self.length + 2
        wall = [origin + step * self.length for step in range(first, last)]
        return np.array(sorted({_utc(moment, self.zone) for moment in wall}), np.int64)


def check_zone(name: str, *, where: str = "") -> str:
    """Return the name of a zone if it is known. Raises InvalidInput otherwise."""
    try:
        _zone(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidInput(f"'{name}' is not a time zone", where=where, hint="write for example Europe/Berlin") from error
    return name


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


@lru_cache(maxsize=65536)
def _utc(wall: int, zone: str) -> int:
    """Return UTC nanoseconds of a wall-clock moment; one that does not exist moves on by the gap."""
    seconds, rest = divmod(wall, NS)
    moment = (_EPOCH + timedelta(seconds=seconds)).replace(tzinfo=_zone(zone))
    return int(moment.timestamp()) * NS + rest


@lru_cache(maxsize=4096)
def _offset_of_hour(hour: int, zone: str) -> int:
    offset = datetime.fromtimestamp(hour * 3600, _zone(zone)).utcoffset() or timedelta(0)
    return int(offset.total_seconds()) * NS


def _offset(ts: int, zone: str) -> int:
    return _offset_of_hour(ts // (3600 * NS), zone)
