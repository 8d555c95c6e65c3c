"""Dates in formulas: `mktime(...)` to seconds since 1970, `localtime(seconds, zone)` and its parts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from lineshaft.compute.formula.column import Column, each
from lineshaft.compute.formula.functions import Function, Kind, whole

_FIXED = re.compile(r"^(?:UTC|GMT)?([+-])(\d{1,2})(?::?([0-5]\d))?$")
_JAVA_IDS = {
    "EST": "Etc/GMT+5",
    "MST": "Etc/GMT+7",
    "HST": "Etc/GMT+10",
    "PST": "America/Los_Angeles",
    "CST": "America/Chicago",
    "JST": "Asia/Tokyo",
    "CTT": "Asia/Shanghai",
    "IST": "Asia/Kolkata",
    "ECT": "Europe/Paris",
    "AET": "Australia/Sydney",
}


@lru_cache(maxsize=256)
def zone(name: str) -> tzinfo:
    """Return a zone by `Z`, `+2`, `UTC-01:00`, a three-letter Java id or an IANA name. Raises ValueError if unknown."""
    if name in ("Z", "UTC", "GMT"):
        return UTC
    if match := _FIXED.match(name):
        offset = timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
        if offset > timedelta(hours=18):
            raise ValueError(name)
        return timezone(offset if match[1] == "+" else -offset)
    try:
        return ZoneInfo(_JAVA_IDS.get(name, name))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(name) from error


def _seconds(*parts: Any) -> float:
    """Seconds since 1970 of a civil time; the zone stands first or last, seconds may be 60 and have a fraction."""
    rest = list(parts)
    where: tzinfo = UTC
    for end in (0, -1):
        if isinstance(rest[end], str):
            where = zone(rest.pop(end))
            break
    if len(rest) < 3:
        raise ValueError(rest)
    year, month, day, hour, minute = (whole(part) for part in (*rest[:5], *[0.0] * 5)[:5])
    second = float(rest[5]) if len(rest) > 5 else 0.0
    if not (1970 <= year <= 2250 and 0 <= second < 61):
        raise ValueError(rest)
    return datetime(year, month, day, hour, minute, tzinfo=where).timestamp() + second


def _local(seconds: Any, name: Any = "UTC") -> datetime:
    if isinstance(seconds, str):
        raise TypeError
    return datetime.fromtimestamp(seconds, zone(name))


def _part(rule: Callable[[datetime], float]) -> Function:
    def run(moment: Column) -> Column:
        return each(rule, moment, text=False)

    return Function(run, (Kind.MOMENT,), Kind.NUMBER, 1, 1)


def _mktime(*columns: Column) -> Column:
    return each(_seconds, *columns, text=False)


def _localtime(*columns: Column) -> Column:
    return each(_local, *columns)


DATES: Mapping[str, Function] = {
    "mktime": Function(_mktime, (Kind.ANY,), Kind.NUMBER, 3, 7),
    "localtime": Function(_localtime, (Kind.NUMBER, Kind.TEXT), Kind.MOMENT, 1, 2),
    "year": _part(lambda moment: moment.year),
    "mon": _part(lambda moment: moment.month),
    "mday": _part(lambda moment: moment.day),
    "wday": _part(lambda moment: moment.isoweekday() % 7),
    "yday": _part(lambda moment: moment.timetuple().tm_yday),
    "hour": _part(lambda moment: moment.hour),
    "minute": _part(lambda moment: moment.minute),
    "sec": _part(lambda moment: moment.second + moment.microsecond / 1e6),
}
