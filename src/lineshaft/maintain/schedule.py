"""When a plan falls due: by the calendar of its place, where 06:00 stays 06:00 over a change of the clocks."""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from lineshaft.core import NS, InvalidInput, parse_duration

_EVERY = re.compile(r"\s*(\d+)\s*(d|days?|w|weeks?|mo|months?|y|years?)\s*", re.IGNORECASE)


def check_every(text: str) -> str:
    """Return an interval if it can be read: `30d`, `2w`, `3mo`, `1y`, or any duration (`12h`)."""
    span = _parts(text)
    if span is None and parse_duration(text) < 60 * NS:
        raise InvalidInput(f"an interval of {text}", where="every", hint="at least a minute", code="plans.every")
    if span is not None and span[0] < 1:
        raise InvalidInput(f"an interval of {text}", where="every", hint="at least one", code="plans.every")
    return text


def step(start: int, every: str, times: int, zone: str) -> int:
    """Return the moment `times` intervals after a start, in the calendar of a zone.

    >>> from lineshaft.core import iso, parse_time
    >>> iso(step(parse_time("2026-01-31T05:00:00Z"), "1mo", 1, "Europe/Berlin"))
    '2026-02-28T05:00:00Z'
    """
    span = _parts(every)
    if span is None:
        return start + times * parse_duration(every)
    count, unit = span
    local = datetime.fromtimestamp(start // NS, UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    moved = _months(local, count * times * (12 if unit == "y" else 1)) if unit in {"mo", "y"} else None
    later = moved or local + timedelta(days=count * times * (7 if unit == "w" else 1))
    return round(later.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).timestamp()) * NS + start % NS


def about(every: str) -> int:
    """Return roughly how long an interval is, in nanoseconds: for looking up where to begin counting."""
    span = _parts(every)
    if span is None:
        return parse_duration(every)
    days = {"d": 1, "w": 7, "mo": 30.4, "y": 365.2}[span[1]]
    return round(span[0] * days * 86_400 * NS)


def dates(start: int, every: str, zone: str, low: int, high: int, most: int = 1000) -> list[int]:
    """Return the fixed dates of a plan in (low, high], counted from its start."""
    number = max(0, (low - start) // about(every) - 2)
    found: list[int] = []
    while len(found) < most:
        at = step(start, every, int(number), zone)
        if at > high:
            break
        if at > low:
            found.append(at)
        number += 1
    return found


def _parts(text: str) -> tuple[int, str] | None:
    match = _EVERY.fullmatch(str(text))
    if match is None:
        return None
    word = match[2].lower()
    return int(match[1]), "mo" if word.startswith("mo") else word[0]


def _months(at: datetime, count: int) -> datetime:
    year, month = divmod(at.year * 12 + at.month - 1 + count, 12)
    return at.replace(year=year, month=month + 1, day=min(at.day, calendar.monthrange(year, month + 1)[1]))
