"""From a detector's scores to alerts beside the machine: persistence, hysteresis, and what belongs together is one alert.

The rule comes with the exported model; the alerts are those the plant raises from the same rows. Rows that were not judged are
not there: persistence and hysteresis count running time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from lineshaft.core import NS

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

GROWN = 1.25
"""So many times as far beyond the threshold as what was told, and it is told at once; else once an hour, if it grew at all."""
HOUR = 3_600 * NS


@dataclass(slots=True)
class Alert:
    """A time in which the machine did not run as in training; `end` is None while it lasts."""

    start: int
    end: int | None = None
    peak: float = 0.0
    peak_at: int = 0
    weights: dict[str, float] = field(default_factory=dict[str, float])
    top: dict[str, float] = field(default_factory=dict[str, float])
    """The sensors' weights in the row of the peak."""
    told: float = 0.0
    told_at: int = 0
    """The peak that was told last, and when."""

    @property
    def sensors(self) -> list[tuple[str, float]]:
        """Return each sensor's share in it, the largest first."""
        return shares(self.weights)

    def grew(self, at: int) -> bool:
        """Say whether its peak is to be told again."""
        return self.peak >= GROWN * self.told or (self.peak > self.told and at - self.told_at >= HOUR)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def shares(weights: Mapping[str, float]) -> list[tuple[str, float]]:
    """Return weights as shares, the largest first."""
    total = sum(weights.values())
    found = [(name, weight / total) for name, weight in weights.items()] if total > 0 else []
    return sorted(found, key=lambda one: -one[1])


@dataclass(frozen=True, slots=True)
class Change:
    """An alert that was raised (`end` is None), grew or ended in one row, and what was known of it then."""

    at: int
    start: int
    end: int | None
    peak: float
    sensors: tuple[tuple[str, float], ...]
    peak_at: int = 0
    top: tuple[tuple[str, float], ...] = ()
    """The sensors' shares in the row of the peak."""
    grew: bool = False

    @property
    def raised(self) -> bool:
        """Return whether it was raised, or went on; else it grew or ended."""
        return self.end is None and not self.grew


class Alerts:
    """Follows one machine's scores row after row."""

    def __init__(self, rule: Mapping[str, float], sensors: tuple[str, ...]) -> None:
        self._window, self._needed, self._clear = int(rule["window"]), int(rule["needed"]), int(rule["clear"])
        self._merge, self._low = int(rule["merge_s"] * NS), rule["low"]
        self._sensors = sensors
        self._hits: list[bool] = [False] * self._window
        self._quiet = self._clear
        self._parted = False
        self.open = False
        self.last: Alert | None = None
        self.raised = 0
        """How many alerts there have been."""
        self.changes: list[Change] = []
        """What was raised, grew or ended in the rows taken last."""

    def take(self, times: Ints, beyond: Floats, weights: Floats) -> Bools:
        """Take rows; `beyond` is 1 at the threshold, NaN: not judged. Returns in which rows an alert is open."""
        flags = np.zeros(len(times), np.bool_)
        self.changes = []
        for place in np.flatnonzero(~np.isnan(beyond)):
            before, at = self.open, int(times[place])
            flags[place] = self._row(at, float(beyond[place]), weights[place])
            if self.open != before:
                self.changes += self._change(at)
            elif self.open and self.last is not None and self.last.grew(at):
                self.changes += self._change(at, grew=True)
        return flags

    def _change(self, at: int, *, grew: bool = False) -> list[Change]:
        """Return what became of the last alert in a row."""
        last = self.last
        if last is None:
            return []
        last.told, last.told_at = last.peak, at
        said = (last.start, last.end, last.peak, tuple(last.sensors), last.peak_at, tuple(shares(last.top)))
        return [Change(at, *said, grew)]

    def _row(self, at: int, beyond: float, weights: Floats) -> bool:
        self._hits = [*self._hits[1:], beyond > 1]
        self._quiet = 0 if beyond >= self._low else min(self._quiet + 1, 2**31)
        if not self.open and beyond > 1 and sum(self._hits) >= self._needed:
            self._raise(at)
        alert = self.last
        if not self.open or alert is None:
            return False
        if self._quiet >= self._clear:
            self.open, alert.end = False, at
            return False
        if beyond > alert.peak:
            alert.peak, alert.peak_at = beyond, at
            alert.top = {name: float(weight) for name, weight in zip(self._sensors, weights, strict=True)}
        if beyond > 1:
            for name, weight in zip(self._sensors, weights, strict=True):
                alert.weights[name] = alert.weights.get(name, 0.0) + float(weight)
        return True

    def _raise(self, at: int) -> None:
        """Open an alert, or go on with the last one if that ended only now."""
        last, self.open = self.last, True
        if last is not None and not self._parted and last.end is not None and at - last.end <= self._merge:
            last.end = None
            return
        self._parted, self.last = False, Alert(at)
        self.raised += 1

    def reset(self, at: int) -> list[Change]:
        """Begin anew, the machine is back in service: its alert is over for good. Returns its end, if one was open."""
        ended: list[Change] = []
        if self.open and self.last is not None:
            self.last.end = at
            ended = self._change(at)
        self._hits, self._quiet, self._parted, self.open = [False] * self._window, self._clear, True, False
        return ended

    def state(self) -> dict[str, Any]:
        """Return what must be remembered, as plain values."""
        last = None if self.last is None else self.last.as_dict()
        return {
            "hits": self._hits,
            "quiet": self._quiet,
            "parted": self._parted,
            "open": self.open,
            "raised": self.raised,
            "last": last,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self._hits, self._quiet, self._parted = list(state["hits"]), int(state["quiet"]), bool(state["parted"])
        self.open, self.raised = bool(state["open"]), int(state["raised"])
        self.last = None if state["last"] is None else Alert(**state["last"])
