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
    strongest_at: int | None = None
    """The step of the peak; an edge of an earlier edition does not tell it."""
    top: tuple[tuple[str, float], ...] = ()
    """The sensors' shares in that step."""

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
        sensors, top = _shares(said["sensors"]), said.get("strongest") or {}
        start, end = _whole(said["start"]), None if said["end"] is None else _whole(said["end"])
        who = (str(said["model"]), str(said["name"]), str(said["version"]))
        strongest_at = _whole(top["at"]) if top else None
        shares = _shares(top["sensors"]) if top else ()
        made = Record(told, *who, start, end, float(said["peak"]), sensors, strongest_at, shares)
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"an alert's record cannot be read: {error}", code="models.record") from None
    if not 0 < made.start <= now_ns() + AHEAD or (made.end is not None and made.end < made.start):
        raise InvalidInput("an alert's record has times that cannot be", code="models.record")
    if made.strongest_at is not None and not made.start <= made.strongest_at <= (made.end or now_ns() + AHEAD):
        raise InvalidInput("an alert's record has times that cannot be", code="models.record")
    if not math.isfinite(made.peak) or not all(0 <= share <= 1 for _, share in (*made.sensors, *made.top)):
        raise InvalidInput("an alert's record has figures that cannot be", code="models.record")
    return made


def _shares(said: Any) -> tuple[tuple[str, float], ...]:
    return tuple((str(name), float(share)) for name, share in said)


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{cast('object', value)!r:.40} is no time")
    return value
