"""Quiet hours: when somebody is not to be disturbed, in the wall clock of their own zone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from lineshaft.core import NS, InvalidInput

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def check_quiet(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return quiet hours that can be understood; empty is none. Raises InvalidInput.

    >>> check_quiet({"start": "22:00", "end": "06:00", "timezone": "Europe/Berlin"})["days"]
    ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']
    """
    if not said:
        return {}
    try:
        start, end = (time.fromisoformat(str(said.get(name, ""))) for name in ("start", "end"))
        zone = ZoneInfo(str(said.get("timezone") or "UTC")).key
    except (ValueError, OSError, KeyError):
        hint = 'give {"start": "22:00", "end": "06:00", "timezone": "Europe/Berlin"}'
        raise InvalidInput("these are no quiet hours", where="quiet", hint=hint, code="notify.quiet") from None
    days = [str(day) for day in said.get("days") or DAYS]
    if start == end or not set(days) <= set(DAYS) or start.tzinfo or end.tzinfo:
        hint = f"start and end differ, days are {', '.join(DAYS)}"
        raise InvalidInput("these are no quiet hours", where="quiet", hint=hint, code="notify.quiet")
    return {"start": f"{start:%H:%M}", "end": f"{end:%H:%M}", "timezone": zone, "days": days}


def quiet_until(quiet: Mapping[str, Any], at: int) -> int | None:
    """Return when the quiet hours that cover a moment end; None if it is not quiet then.

    `days` are those on which quiet hours begin: a night from Friday to Saturday is Friday's.
    """
    if not quiet:
        return None
    zone = ZoneInfo(quiet["timezone"])
    here = datetime.fromtimestamp(at / NS, zone)
    for day in (here.date() - timedelta(days=1), here.date()):
        if DAYS[day.weekday()] not in quiet["days"]:
            continue
        begin, end = _night(quiet, day, zone)
        if begin <= at < end:
            return end
    return None


def _night(quiet: Mapping[str, Any], day: date, zone: ZoneInfo) -> tuple[int, int]:
    start, end = time.fromisoformat(quiet["start"]), time.fromisoformat(quiet["end"])
    last = day if end > start else day + timedelta(days=1)
    moments = (datetime.combine(day, start, zone), datetime.combine(last, end, zone))
    return round(moments[0].timestamp()) * NS, round(moments[1].timestamp()) * NS
