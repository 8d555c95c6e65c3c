"""Times and windows in a query: ISO 8601 with a zone, epoch nanoseconds, or `now`."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Query

from lineshaft.core import NS, InvalidInput, now_ns, parse_duration, parse_time

_HOW = "ISO 8601 with a zone, epoch nanoseconds, or `now`."
Start = Annotated[
    str | None, Query(description=f"Begin (excluded). {_HOW} Default: an hour before the end.", examples=["2026-11-20T06:00:00Z"])
]
End = Annotated[str | None, Query(description=f"End (included). {_HOW} Default: now.", examples=["2026-11-20T14:00:00Z"])]

LONGEST_WINDOW = 3653 * 86400 * NS
_BLANK_ZONE = re.compile(r"(T[\d:.]+) (\d\d:?\d\d)$", re.IGNORECASE)


def span(start: str | None, end: str | None, default_s: int = 3600) -> tuple[int, int]:
    """Return (start, end] in UTC ns. Raises InvalidInput if it is empty or upside down."""
    last = parse_time(_plus(end), where="end") if end is not None else now_ns()
    first = parse_time(_plus(start), where="start") if start is not None else last - default_s * NS
    if first >= last:
        raise InvalidInput("the end is not after the start", where="end", hint="give start < end", code="time.span")
    return first, last


def window_of(text: str) -> int:
    """Return a window's length in ns. Raises InvalidInput for one below a millisecond or above ten years."""
    window = parse_duration(text, where="window")
    if window < 1_000_000:
        raise InvalidInput("a window is at least 1 ms", where="window", code="window.short")
    if window > LONGEST_WINDOW:
        raise InvalidInput("a window is at most ten years", where="window", code="window.long")
    return window


def _plus(text: str) -> str:
    """Return a time as it was typed: a `+` that was not escaped arrives as a blank (06:00:00+01:00)."""
    return _BLANK_ZONE.sub(r"\1+\2", text)
