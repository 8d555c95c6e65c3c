"""The working calendar of a line: shifts, breaks and holidays in local time, right across both changes of the clock.

A shift belongs to the day it begins on, also when it ends after midnight: a night shift is an hour shorter in March and an
hour longer in October. A time that the clock skips means the moment of the change; a time it shows twice means the first.
Calendars have versions with a valid-from, so that a new shift model leaves last month's figures alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from lineshaft.core import NS

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Planned(StrEnum):
    """What a stretch of time is planned for."""

    SHIFT = "shift"
    BREAK = "break"
    HOLIDAY = "holiday"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of time (UTC nanoseconds) planned for one thing; `shift` names the shift it is part of."""

    start: int
    end: int
    kind: Planned
    shift: str = ""

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return (self.end - self.start) / NS


@dataclass(frozen=True, slots=True)
class ShiftTime:
    """One shift on one day: the early shift of 29 March 2026, from when to when."""

    name: str
    day: date
    start: int
    end: int
    holiday: bool = False
    breaks: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Pause:
    """A break inside a shift, in local time."""

    start: time
    end: time


@dataclass(frozen=True, slots=True)
class Shift:
    """A shift of a week: on which days it begins, and from when to when (an end not after its start is the next day)."""

    name: str
    days: frozenset[int]
    start: time
    end: time
    breaks: tuple[Pause, ...] = ()


@dataclass(frozen=True)
class CalendarVersion:
    """The shift model that is valid from a moment on."""

    valid_from: int
    timezone: str
    shifts: tuple[Shift, ...]
    holidays: frozenset[date] = frozenset()
    time_model: str | None = None
    """What the availability of the lines is measured against, where the calendar says so."""

    def shifts_of(self, day: date) -> list[ShiftTime]:
        """Return the shifts that begin on a local day, in order."""
        return list(_day(self, day))

    def day_at(self, at: int) -> date:
        """Return the local day of a moment."""
        return (_EPOCH + timedelta(microseconds=at // 1000)).astimezone(ZoneInfo(self.timezone)).date()


@dataclass(frozen=True)
class Calendar:
    """All versions of one calendar, oldest first; without any, all time is planned."""

    name: str = "always"
    versions: tuple[CalendarVersion, ...] = field(default=())

    def planned(self, start: int, end: int) -> list[Interval]:
        """Return what the time from `start` to `end` is planned for, without gap or overlap."""
        if end <= start:
            return []
        if not self.versions:
            return [Interval(start, end, Planned.SHIFT)]
        return _filled([piece for shift in self.shifts(start, end) for piece in _pieces(shift)], start, end)

    def shifts(self, start: int, end: int) -> list[ShiftTime]:
        """Return every shift that lies, at least in part, between two moments; cut where another version begins."""
        found: list[ShiftTime] = []
        for number, version in enumerate(self.versions):
            since = version.valid_from if number else min(version.valid_from, start)
            until = self.versions[number + 1].valid_from if number + 1 < len(self.versions) else end
            low, high = max(start, since), min(end, until)
            if low >= high:
                continue
            day, last = version.day_at(low) - timedelta(days=2), version.day_at(high) + timedelta(days=1)
            while day <= last:
                for shift in _day(version, day):
                    cut = replace(shift, start=max(shift.start, since), end=min(shift.end, until) if until < end else shift.end)
                    if cut.start < min(cut.end, high) and cut.end > low:
                        found.append(cut)
                day += timedelta(days=1)
        return found

    def shift_at(self, at: int) -> ShiftTime | None:
        """Return the shift that runs at a moment; none outside of shifts and on holidays."""
        return next((s for s in self.shifts(at, at + 1) if s.start <= at < s.end and not s.holiday), None)

    def version_at(self, at: int) -> CalendarVersion | None:
        """Return the shift model in force at a moment (before the first one: the first one)."""
        valid = [v for v in self.versions if v.valid_from <= at]
        return valid[-1] if valid else (self.versions[0] if self.versions else None)


def overlapping(shifts: tuple[Shift, ...]) -> tuple[str, str] | None:
    """Return the names of two shifts that run at the same time in some week, if there are any."""
    spans = sorted(
        (day * 1440 + _minutes(s.start), day * 1440 + _minutes(s.start) + _length(s), s.name) for s in shifts for day in s.days
    )
    week = 7 * 1440
    spans += [(a + week, b + week, name) for a, b, name in spans[:1]]
    for (_, end, one), (start, _, other) in pairwise(spans):
        if start < end:
            return one, other
    return None


def instant(day: date, clock: time, zone: str) -> int:
    """Return UTC nanoseconds of a local clock time; one that the clock skips is the moment of the change."""
    tz = ZoneInfo(zone)
    local = datetime.combine(day, clock, tz)
    moment = local.astimezone(UTC)
    if moment.astimezone(tz).replace(tzinfo=None) != local.replace(tzinfo=None):
        moment = _change(local.replace(fold=1).astimezone(UTC), moment, tz)
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


def _change(low: datetime, high: datetime, tz: ZoneInfo) -> datetime:
    """Return the first second after the clock was changed, between two moments around it."""
    before = low.astimezone(tz).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        low, high = (middle, high) if middle.astimezone(tz).utcoffset() == before else (low, middle)
    return high


def _minutes(clock: time) -> float:
    return clock.hour * 60 + clock.minute + clock.second / 60


def _length(shift: Shift) -> float:
    length = _minutes(shift.end) - _minutes(shift.start)
    return length if length > 0 else length + 1440


@lru_cache(maxsize=4096)
def _day(version: CalendarVersion, day: date) -> tuple[ShiftTime, ...]:
    holiday = day in version.holidays
    found: list[ShiftTime] = []
    for shift in sorted(version.shifts, key=lambda s: s.start):
        if day.weekday() in shift.days:
            start = instant(day, shift.start, version.timezone)
            end = instant(day if shift.end > shift.start else day + timedelta(days=1), shift.end, version.timezone)
            if start < end:
                breaks = sorted(_break(pause, shift, day, version.timezone) for pause in shift.breaks)
                found.append(ShiftTime(shift.name, day, start, end, holiday, tuple(breaks)))
    return tuple(found)


def _pieces(shift: ShiftTime) -> list[Interval]:
    """Return a shift as work and breaks."""
    if shift.holiday:
        return [Interval(shift.start, shift.end, Planned.HOLIDAY, shift.name)]
    pieces: list[Interval] = []
    at = shift.start
    for start, end in shift.breaks:
        low, high = max(start, at), min(end, shift.end)
        if low < high:
            pieces += [Interval(at, low, Planned.SHIFT, shift.name), Interval(low, high, Planned.BREAK, shift.name)]
            at = high
    return [p for p in [*pieces, Interval(at, shift.end, Planned.SHIFT, shift.name)] if p.start < p.end]


def _break(pause: Pause, shift: Shift, day: date, zone: str) -> tuple[int, int]:
    first = day if pause.start >= shift.start else day + timedelta(days=1)
    last = first if pause.end > pause.start else first + timedelta(days=1)
    return instant(first, pause.start, zone), instant(last, pause.end, zone)


def _filled(pieces: list[Interval], start: int, end: int) -> list[Interval]:
    """Return the pieces cut to the time asked for, with "off" between them; an earlier piece wins over a later one."""
    result: list[Interval] = []
    at = start
    for piece in sorted(pieces, key=lambda p: p.start):
        low, high = max(piece.start, at), min(piece.end, end)
        if low >= high:
            continue
        if low > at:
            result.append(Interval(at, low, Planned.OFF))
        result.append(replace(piece, start=low, end=high))
        at = high
    return [*result, Interval(at, end, Planned.OFF)] if at < end else result
