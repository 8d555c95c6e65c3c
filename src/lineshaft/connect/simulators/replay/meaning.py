"""What a recorded column means: times as offsets, values as whole numbers, numbers, yes/no or text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from lineshaft.connect.wire import Value, Wire
from lineshaft.core import NS, ConfigError

WHOLE = re.compile(r"[+-]?(0|[1-9]\d*)")
NUMBERED = re.compile(r"[+-]?0\d+$")
"""A number that begins with zeros names something: 007 is not seven."""
EPOCHS = ((1e17, 1), (1e14, 1_000), (1e11, 1_000_000), (1e8, NS))
"""A number above the first is an epoch time in units of the second (in ns): ns, us, ms, s; below: relative seconds."""


def offsets(texts: Sequence[str], *, where: str) -> tuple[list[int], int | None]:
    """Return nanoseconds since recorded time zero, and that zero as UTC ns if the times are absolute.

    Numbers are seconds from zero, large ones epoch times; everything else is ISO 8601, taken as UTC without a zone.
    """
    known: dict[str, int] = {}
    try:
        numbers = {text: float(text) for text in set(texts)}
    except ValueError:
        _no_mixture(texts, where)
        numbers = {}
    if numbers:
        largest = max(abs(number) for number in numbers.values())
        unit = next((unit for limit, unit in EPOCHS if largest > limit), None)
        if unit is None:
            return [round(numbers[text] * NS) for text in texts], None
        known = {text: int(text) * unit if WHOLE.fullmatch(text) else round(number * unit) for text, number in numbers.items()}
    else:
        known = {text: _absolute(text, where) for text in set(texts)}
    first = min(known.values())
    return [known[text] - first for text in texts], first


def _no_mixture(texts: Sequence[str], where: str) -> None:
    """Name the first time that is no number in a table whose times are numbers."""
    try:
        float(texts[0])
    except ValueError:
        return
    for text in texts:
        try:
            float(text)
        except ValueError:
            raise ConfigError(f"'{text}' is not a time: the times before it are numbers", where=where) from None


def _absolute(text: str, where: str) -> int:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        hint = "seconds from the start, an epoch time, or ISO 8601"
        raise ConfigError(f"'{text}' is not a time", where=where, hint=hint) from None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    passed = aware - datetime(1970, 1, 1, tzinfo=UTC)
    return (passed.days * 86_400 + passed.seconds) * NS + passed.microseconds * 1_000


def values_of(texts: Sequence[str]) -> tuple[Wire, list[Value]]:
    """Return the type that fits every value of a tag, and the values in it; in a column of numbers, empty is null."""
    kinds = {text for text in set(texts) if text.strip()}
    lower = {text.strip().lower() for text in kinds}
    if not kinds:
        return "string", list(texts)
    if lower <= {"true", "false"}:
        return "boolean", [text.strip().lower() == "true" if text.strip() else None for text in texts]
    if all(WHOLE.fullmatch(text.strip()) and -(2**63) <= int(text) < 2**63 for text in kinds):
        return "integer", [int(text) if text.strip() else None for text in texts]
    if all(_is_number(text) for text in kinds):
        return "double", [float(text) if text.strip() else None for text in texts]
    return "string", list(texts)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text and NUMBERED.match(text.strip()) is None
