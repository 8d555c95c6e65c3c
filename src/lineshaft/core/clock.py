"""Time: UTC nanoseconds inside, ISO 8601 with a zone or epoch nanoseconds at the edges, durations as people write them."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from lineshaft.core.errors import InvalidInput

NS = 1_000_000_000
"""Nanoseconds in a second."""

_ISO = re.compile(r"^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,9}))?\s*(Z|[+-]\d\d:?\d\d)$", re.IGNORECASE)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d|w)")
_UNIT = {"ms": 10**6, "s": NS, "m": 60 * NS, "min": 60 * NS, "h": 3600 * NS, "d": 86400 * NS, "w": 7 * 86400 * NS}


def now_ns() -> int:
    """UTC now, in nanoseconds since the epoch."""
    return time.time_ns()


def parse_time(text: str | int, *, where: str = "") -> int:
    """Return UTC nanoseconds for ISO 8601 **with a zone** or for epoch nanoseconds.

    Raises InvalidInput for a local time without a zone: guessing one is how a night shift gets lost.
    """
    if isinstance(text, int):
        return _in_range(text, text, where)
    word = text.strip()
    if re.fullmatch(r"-?\d{10,20}|0", word):
        return _in_range(int(word), text, where)
    if word.lower() == "now":
        return now_ns()
    match = _ISO.match(word)
    if match is None:
        raise InvalidInput(
            f"'{text}' is not a time",
            where=where,
            hint="write ISO 8601 with a zone (2026-11-20T06:00:00Z, 2026-11-20T06:00:00.5+01:00) or epoch nanoseconds",
            code="time.invalid",
        )
    base, fraction, zone = match.groups()
    try:
        moment = datetime.fromisoformat(base + ("+00:00" if zone in "Zz" else zone))
    except ValueError as error:
        raise InvalidInput(f"'{text}' is not a time: {error}", where=where, code="time.invalid") from None
    seconds = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)
    return _in_range(seconds * NS + int((fraction or "0").ljust(9, "0")), text, where)


def _in_range(ns: int, text: object, where: str) -> int:
    """Return nanoseconds that fit into 64 bits: 1677 to 2262."""
    if not -(2**63) <= ns < 2**63:
        hint = "times lie between the years 1678 and 2261"
        raise InvalidInput(f"'{text}' is too far away", where=where, hint=hint, code="time.invalid")
    return ns


def check_zone(name: str, *, where: str = "") -> str:
    """Return the name of an IANA time zone. Raises InvalidInput if there is none of that name."""
    try:
        ZoneInfo(name)
    except (ValueError, KeyError, OSError):
        hint = "IANA names look like Europe/Berlin"
        raise InvalidInput(f"'{name}' is not a time zone", where=where, hint=hint, code="time.zone") from None
    return name


def iso(ns: int) -> str:
    """Return UTC nanoseconds as ISO 8601 with Z and only as many decimals as needed."""
    seconds, rest = divmod(ns, NS)
    text = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{rest:09d}".rstrip("0") + "Z" if rest else text + "Z"


def parse_duration(text: str | float, *, where: str = "") -> int:
    """Return nanoseconds for `90`, `90s`, `5m`, `1h30m`, `200ms`, `1d`, `1w` or ISO 8601 `PT5M` (a number is seconds)."""
    if isinstance(text, int | float):
        return round(text * NS)
    word = text.strip().lower()
    plain = word[1:].replace("t", "") if word.startswith("p") else word
    if word.startswith("p") and re.search(r"[my]", word.partition("t")[0]):
        hint = "a month or a year has no fixed length: write days, such as 30d or P30D"
        raise InvalidInput(f"'{text}' is not a duration", where=where, hint=hint, code="duration.invalid")
    if re.fullmatch(r"\d+(\.\d+)?", plain):
        return round(float(plain) * NS)
    parts = _DURATION.findall(plain)
    if not parts or "".join(a + b for a, b in parts) != plain.replace(" ", ""):
        raise InvalidInput(
            f"'{text}' is not a duration",
            where=where,
            hint="write for example 200ms, 90s, 5m, 1h30m, 1d",
            code="duration.invalid",
        )
    return sum(round(float(n) * _UNIT[u]) if "." in n else int(n) * _UNIT[u] for n, u in parts)
