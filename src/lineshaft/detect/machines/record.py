"""What an edge says of an alert, read with care: it is a text that came over a line."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from lineshaft.core import NS, InvalidInput, now_ns

TAG = "alert record"
MOST = 16_384
AHEAD = 86_400 * NS
"""An edge's clock may be so far ahead of ours."""


@dataclass(frozen=True, slots=True)
class Record:
    """An alert as an edge tells of it in one row (`told`); `end` is None while it lasts."""

    told: int
    model: str
    name: str
    version: str
    start: int
    end: int | None
    peak: float
    sensors: tuple[tuple[str, float], ...]

    def is_of(self, model: Mapping[str, Any], number: int) -> bool:
        """Say whether it is of a version of a model; a file of an earlier edition knows its model by name only."""
        same = self.model == model["id"] if self.model else self.name == model["name"]
        return same and self.version == str(number)


def read(text: str, told: int) -> Record:
    """Read a record. Raises InvalidInput for one that cannot be true."""
    if len(text) > MOST:
        raise InvalidInput("an alert's record is too long", code="models.record")
    try:
        said = json.loads(text)
        sensors = tuple((str(name), float(share)) for name, share in said["sensors"])
        start, end = _whole(said["start"]), None if said["end"] is None else _whole(said["end"])
        who = (str(said["model"]), str(said["name"]), str(said["version"]))
        made = Record(told, *who, start, end, float(said["peak"]), sensors)
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"an alert's record cannot be read: {error}", code="models.record") from None
    if not 0 < made.start <= now_ns() + AHEAD or (made.end is not None and made.end < made.start):
        raise InvalidInput("an alert's record has times that cannot be", code="models.record")
    if not math.isfinite(made.peak) or not all(0 <= share <= 1 for _, share in made.sensors):
        raise InvalidInput("an alert's record has figures that cannot be", code="models.record")
    return made


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{cast('object', value)!r:.40} is no time")
    return value
