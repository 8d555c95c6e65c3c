"""A reading taken now, because somebody stands at the machine: judged by zone and baseline, and nothing is learned from it."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import numpy as np

from lineshaft.core import Conflict, iso
from lineshaft.detect.positions.reading import running
from lineshaft.detect.positions.watching import Watching
from lineshaft.detect.vibration.baseline import Baseline

FRESH = 60 * 10**9
"""A newest value older than that, and older than two steps of the position, is not of now."""


class Store(Protocol):
    """What is asked of the store."""

    def latest(self, refs: Iterable[Any], /) -> Sequence[Any]:
        """Return the newest value of each, None where there is none."""
        ...


def measure(store: Any, one: Watching, row: dict[str, Any], at: int, by: str) -> dict[str, Any]:
    """Return what the newest values of a position say: level, zone, how far from what is usual. Raises Conflict for old ones."""
    shake, warm = (_now(store, row, name, at) for name in ("vibration", "temperature"))
    if shake is None and warm is None:
        hint = "take a raw record in, or see whether the source of the sensor runs"
        raise Conflict("no value of now is there to be judged", hint=hint, code="position.nothing-now")
    factor, offset = row["settings"]["warmth"]
    level = None if shake is None else shake[1] * row["settings"]["factor"]
    warmth = None if warm is None else warm[1] * factor + offset
    moment = max(told[0] for told in (shake, warm) if told is not None)
    on = _runs(store, row, moment)
    told = copy.deepcopy(one.monitor).take(moment, level, warmth, running=on)
    return {
        "at": iso(moment),
        "taken": iso(at),
        "by": by,
        "running": on,
        "level": level,
        "temperature": warmth,
        "zone": told.zone if on else None,
        "vibration_z": _above(one.monitor.vibration, level),
        "temperature_z": _above(one.monitor.temperature, warmth),
        "says": [found.says for found in told.new],
    }


def _above(usual: Baseline, value: float | None) -> float | None:
    """Return how many spreads a value lies above what is usual, by itself: there is no second reading to smooth it with."""
    told = None if value is None or not usual.learned else copy.deepcopy(usual).take(value)
    return None if told is None else told[0]


def _now(store: Any, row: dict[str, Any], name: str, at: int) -> tuple[int, float] | None:
    """Return time and value of what a stream said last, if it is of now."""
    if not row[name]:
        return None
    (last,) = store.latest([row[name]])
    if last is None or last.quality != 0 or not isinstance(last.value, int | float) or isinstance(last.value, bool):
        return None
    return (int(last.ts), float(last.value)) if at - last.ts <= max(FRESH, 2 * row["every"]) else None


def _runs(store: Any, row: dict[str, Any], at: int) -> bool:
    return bool(running(store, row["running"], at - 1, np.array([at], np.int64))[0])
