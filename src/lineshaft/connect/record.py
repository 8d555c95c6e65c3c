"""Recorded rows, from files or a database: what a written time, value and quality mean, and which digital states are no value.

A time without a zone is one of the zone that was named for it; an hour that a clock tells twice is told apart by the order of
the rows, and one that no clock ever showed is refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from lineshaft.core import NS, Quality

Codes = Literal["lineshaft", "opc-da", "opc-ua"]
UNITS = {"s": NS, "ms": 1_000_000, "us": 1_000, "ns": 1}
INTEGER = re.compile(r"[+-]?\d{1,18}")
TRUTH = {"true": True, "false": False}
NOTHING = frozenset({"", "null", "none", "nan", "n/a", "-nan"})
_1970 = datetime(1970, 1, 1, tzinfo=UTC)
STATES: Mapping[str, str] = {
    **dict.fromkeys(
        (
            *(
                "bad",
                "bad input",
                "bad data",
                "bad output",
                "bad quality",
                "bad total",
                "bad_quality",
                "i/o timeout",
                "io timeout",
            ),
            *("no data", "no sample", "no result", "pt created", "comm fail", "comm error", "not connect", "not connected"),
            *("shutdown", "intf shut", "scan off", "scan timeout", "configure", "error", "failed", "calc failed", "calc off"),
            *("calc crash", "invalid data", "invalid float", "inp outrange", "out of serv", "access denied", "arc off-line"),
            *("trace back", "doubtful", "equip fail", "unit down", "dcs failed", "bad conn", "[-11059] no good data"),
        ),
        "bad",
    ),
    **dict.fromkeys(("over range", "under range", "over uce", "under lce", "substituted", "questionable", "manual"), "uncertain"),
}
"""System digital states of PI and its kin that stand in the place of a value, and the quality each means."""
QUALITIES = {"good": Quality.GOOD, "uncertain": Quality.UNCERTAIN, "bad": Quality.BAD}


class Unreadable(ValueError):
    """A cell that is no time, or no value of the kind it must be."""


def zone(name: str) -> ZoneInfo:
    """Return a time zone. Raises ValueError for an unknown name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"'{name}' is no IANA time zone, such as Europe/Berlin or UTC") from None


class Clock:
    """Reads times of one recording; it remembers the last of each tag, for the hour that comes twice in autumn."""

    def __init__(self, timezone: str, form: str = "") -> None:
        self._zone, self._form = zone(timezone), form
        self._last: dict[str, int] = {}

    def read(self, written: object, tag: str = "") -> int:
        """Return UTC nanoseconds. Raises Unreadable."""
        if isinstance(written, datetime):
            return self._local(written, tag)
        if isinstance(written, int | float) and not isinstance(written, bool):
            return self._number(written)
        text = str(written or "").strip()
        if self._form in UNITS or (not self._form and re.fullmatch(r"\d{9,}(\.\d+)?", text)):
            return self._number(float(text) if "." in text else int(text))
        try:
            moment = datetime.strptime(text, self._form) if self._form else datetime.fromisoformat(text)  # noqa: DTZ007 - zone below
        except ValueError:
            raise Unreadable(f"'{text}' is no time" + (f" of the form {self._form}" if self._form else "")) from None
        return self._local(moment, tag) + _below_micro(text, self._form)

    def _number(self, number: float) -> int:
        size = abs(number)
        unit = UNITS.get(self._form) or (NS if size < 1e11 else 1_000_000 if size < 1e14 else 1_000 if size < 1e17 else 1)
        if not math.isfinite(size) or size * unit >= 2**63:
            raise Unreadable(f"{number} is no time")
        return int(number) * unit + round((number - int(number)) * unit)

    def _local(self, moment: datetime, tag: str) -> int:
        if moment.tzinfo is None:
            first, second = (moment.replace(tzinfo=self._zone, fold=fold) for fold in (0, 1))
            if first.utcoffset() != second.utcoffset():
                back = first.astimezone(UTC).astimezone(self._zone).replace(tzinfo=None)
                if back != moment:
                    raise Unreadable(f"{moment} never was in {self._zone.key}: clocks went forward")
                if _ns(first) < self._last.get(tag, -(2**63)):
                    first = second
            moment = first
        at = _ns(moment)
        self._last[tag] = at
        return at


def _ns(moment: datetime) -> int:
    return (moment - _1970) // timedelta(microseconds=1) * 1_000


def _below_micro(text: str, form: str) -> int:
    """Return the nanoseconds that a datetime cannot hold; PI and Parquet exports write seven or nine decimals."""
    match = None if form else re.search(r"\.\d{6}(\d{1,3})", text)
    return int(match[1].ljust(3, "0")) if match else 0


def value_of(
    written: object, *, decimal: str = ".", integers: bool = False, states: Mapping[str, str] = STATES
) -> tuple[object, int]:
    """Return a value and its quality: a number, a truth value or a text; nothing is bad, and so is a state that says so.

    >>> value_of("I/O Timeout"), value_of("21,5", decimal=",")
    ((None, 2), (21.5, 0))
    """
    if isinstance(written, bool):
        return written, Quality.GOOD
    if isinstance(written, int | float):
        return _number(float(written) if not integers and isinstance(written, int) else written)
    text = str(written if written is not None else "").strip()
    word = text.lower()
    if word in NOTHING:
        return None, Quality.BAD
    if word in states:
        return None, QUALITIES[states[word]]
    if word in TRUTH:
        return TRUTH[word], Quality.GOOD
    plain = text.replace(".", "").replace(",", ".") if decimal == "," else text
    if integers and INTEGER.fullmatch(plain):
        return int(plain), Quality.GOOD
    try:
        return _number(float(plain)) if "_" not in plain else (text, Quality.GOOD)
    except ValueError:
        return text, Quality.GOOD


def _number(number: float) -> tuple[object, int]:
    return (number, Quality.GOOD) if math.isfinite(number) else (None, Quality.BAD)


def quality_of(written: object, codes: Codes) -> int:
    """Return the quality a cell says; what is unknown is uncertain, never good."""
    text = str(written if written is not None else "").strip().lower()
    for word, quality in QUALITIES.items():
        if text.startswith(word):
            return quality
    try:
        number = int(float(text))
    except ValueError:
        return Quality.UNCERTAIN
    if codes == "lineshaft":
        return number if number in (0, 1, 2) else Quality.UNCERTAIN
    if codes == "opc-da":
        return Quality.GOOD if number & 0xC0 == 0xC0 else Quality.UNCERTAIN if number & 0xC0 == 0x40 else Quality.BAD
    return Quality.GOOD if number >> 30 == 0 else Quality.UNCERTAIN if number >> 30 == 1 else Quality.BAD
