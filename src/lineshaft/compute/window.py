"""Tumbling windows (start, end], stamped at their end, on a grid in UTC or in a plant's own time.

Up to an hour long they follow UTC (shifted by the zone's minutes); longer ones follow the wall clock of the zone, so a
shift from 06:00 to 14:00 stays one through daylight saving, and the night of the change is 7 or 9 hours long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Protocol
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
    def key(self) -> str:
        """Return a lasting name."""
        return f"{self.length}:{self.offset}:{self.zone}"

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


class ShiftTime(Protocol):
    """A shift of a calendar on one day."""

    @property
    def start(self) -> int:
        """Return when it begins."""
        ...

    @property
    def end(self) -> int:
        """Return when it is over."""
        ...

    @property
    def holiday(self) -> bool:
        """Return whether nobody works."""
        ...


class Calendar(Protocol):
    """What shift windows ask a calendar."""

    @property
    def name(self) -> str:
        """Return its name."""
        ...

    @property
    def versions(self) -> Sequence[object]:
        """Return its versions; without any there are no shifts."""
        ...

    def shifts(self, start: int, end: int) -> Sequence[ShiftTime]:
        """Return every shift that lies, at least in part, between two moments."""
        ...


@dataclass(frozen=True, slots=True)
class Shifts:
    """Windows that are the shifts of a calendar, (start, end] each; what lies between two shifts is in no window."""

    calendar: Calendar
    place: str = field(default="", compare=False)
    length: int = field(default=_DAY, compare=False)

    @property
    def key(self) -> str:
        """Return a lasting name."""
        return f"shift:{self.calendar.name}"

    def end_of(self, ts: int) -> int:
        """Return the end of the shift a moment lies in, or of the next one."""
        for days in (3, 30, 400):
            found = next((end for _, end in self._between(ts, ts + days * _DAY) if end >= ts), None)
            if found is not None:
                return found
        return ts + 400 * _DAY

    def start_of(self, end: int) -> int:
        """Return the start of the shift that ends at `end`."""
        return next((start for start, over in self._between(end - 3 * _DAY, end) if over == end), end - self.length)

    def ends(self, after: int, through: int) -> Ints:
        """Return the ends of all shifts with `after < end <= through`."""
        if through <= after:
            return np.zeros(0, np.int64)
        return np.array([end for _, end in self._between(after, through) if after < end <= through], np.int64)

    def starts(self, ends: Ints) -> Ints:
        """Return the starts of shifts by their ends."""
        if not len(ends):
            return np.zeros(0, np.int64)
        known = {end: start for start, end in self._between(int(ends[0]) - 3 * _DAY, int(ends[-1]))}
        return np.array([known.get(int(end), int(end) - self.length) for end in ends], np.int64)

    def _between(self, low: int, high: int) -> list[tuple[int, int]]:
        found = self.calendar.shifts(low - 3 * _DAY, high + 3 * _DAY)
        return sorted({(one.start, one.end) for one in found if not one.holiday}, key=lambda span: span[1])


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
