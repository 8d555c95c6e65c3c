"""One channel of a file, with what the file itself says about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lineshaft.core import InvalidInput
from lineshaft.detect.detector import Floats


@dataclass(frozen=True, slots=True)
class Channel:
    """Samples, and rate, unit and speed where the file holds them."""

    name: str
    values: Floats
    rate: float | None = None
    unit: str | None = None
    rpm: float | None = None


def broken(path: Path, what: str, hint: str = "is the file complete, and of the format that its name says?") -> InvalidInput:
    """Return the refusal of a file."""
    return InvalidInput(what, where=path.name, hint=hint, code="record.unreadable")
