"""From figures a row to alerts: persistence, hysteresis, one alert for what belongs together, and an end.

Rows that were not judged (off, unknown regime, bad data) are not there: persistence and hysteresis count running time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lineshaft.detect.detector import Bools, Floats, Ints

LOW = 0.7
"""An alert ends when the figure stays below this share of the threshold."""


Weigh = Callable[[Ints], Floats]


@dataclass(slots=True)
class Alert:
    """A time in which the machine did not run as it did in training; `end` is None while it lasts."""

    start: int
    end: int | None = None
    peak: float = 0.0
    peak_at: int = 0
    rows: int = 0
    weights: Floats = field(default_factory=lambda: np.zeros(0))
    sensors: tuple[tuple[str, float], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the alert as plain values."""
        return {
            "start": self.start,
            "end": self.end,
            "peak": self.peak,
            "peak_at": self.peak_at,
            "rows": self.rows,
            "weights": self.weights.tolist(),
        }


def alert_of(plain: dict[str, Any]) -> Alert:
    """Return the alert of which these are the plain values."""
    weights = np.array(plain["weights"], np.float64)
    return Alert(plain["start"], plain["end"], plain["peak"], plain["peak_at"], plain["rows"], weights)


@dataclass(frozen=True, slots=True)
class Rule:
    """How many rows of how many must be beyond the threshold, and when an alert ends or goes on (times in nanoseconds)."""

    window: int
    needed: int
    clear: int
    merge: int


class Watch:
    """Follows one machine's figure row after row; may be fed in pieces of any size."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.alerts: list[Alert] = []
        self.open = False
        self._hits: Bools = np.zeros(rule.window - 1, np.bool_)
        self._quiet = rule.clear
        self._parted = False

    def reset(self, at: int) -> None:
        """Begin anew, the machine is back in service: what was before is no evidence any more, and its alert is over for good."""
        if self.open:
            self.alerts[-1].end = at
        self.open = False
        self._hits[:] = False
        self._quiet = self.rule.clear
        self._parted = True

    def feed(self, times: Ints, figure: Floats, weigh: Weigh | None = None) -> Bools:
        """Take rows; `figure` is 1 at the threshold, `weigh` gives the sensors' parts in rows. Returns where an alert is open."""
        size = len(figure)
        flags = np.zeros(size, np.bool_)
        if not size:
            return flags
        hits = figure > 1
        beyond = np.concatenate((self._hits, hits))
        counts = np.cumsum(np.concatenate(([0], beyond)))
        raising = hits & (counts[self.rule.window :] - counts[:size] >= self.rule.needed)
        high = np.where(figure >= LOW, np.arange(size), -1 - self._quiet)
        since = np.arange(size) - np.maximum.accumulate(np.maximum(high, -1 - self._quiet))
        here = 0
        while here < size:
            here = self._go_on(here, times, figure, weigh, flags, raising, since)
        self._hits = beyond[len(beyond) - len(self._hits) :] if len(self._hits) else self._hits
        self._quiet = int(min(since[-1], 2**31))
        return flags

    def _go_on(
        self, here: int, times: Ints, figure: Floats, weigh: Weigh | None, flags: Bools, raising: Bools, since: Ints
    ) -> int:
        """Go from `here` to the next change of state; returns the row after it."""
        if not self.open:
            after = np.flatnonzero(raising[here:])
            if not len(after):
                return len(figure)
            here += int(after[0])
            self._raise(int(times[here]))
        quiet = np.flatnonzero(since[here:] >= self.rule.clear)
        end = here + int(quiet[0]) if len(quiet) else len(figure)
        self._note(slice(here, end), times, figure, weigh)
        flags[here:end] = True
        if len(quiet):
            self.open = False
            self.alerts[-1].end = int(times[end])
        return max(end, here + 1)

    def _raise(self, at: int) -> None:
        self.open = True
        last = self.alerts[-1] if self.alerts else None
        if last is not None and not self._parted and last.end is not None and at - last.end <= self.rule.merge:
            last.end = None
            return
        self._parted = False
        self.alerts.append(Alert(at))

    def _note(self, rows: slice, times: Ints, figure: Floats, weigh: Weigh | None) -> None:
        alert, part = self.alerts[-1], figure[rows]
        if not len(part):
            return
        top = int(np.argmax(part))
        if part[top] > alert.peak:
            alert.peak, alert.peak_at = float(part[top]), int(times[rows][top])
        if weigh is not None:
            strong = np.flatnonzero(part > 1)
            total = weigh(strong + rows.start).sum(axis=0)
            alert.weights = total if not len(alert.weights) else alert.weights + total
            alert.rows += len(strong)

    def state(self) -> dict[str, Any]:
        """Return what must be remembered to go on later, as plain values; only the last alert is kept."""
        return {
            "open": self.open,
            "parted": self._parted,
            "hits": self._hits.tolist(),
            "quiet": self._quiet,
            "alerts": [alert.as_dict() for alert in self.alerts[-1:]],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.open, self._parted, self._quiet = bool(state["open"]), bool(state["parted"]), int(state["quiet"])
        self._hits = np.array(state["hits"], np.bool_)
        self.alerts = [alert_of(one) for one in state["alerts"]]


def threshold(times: Ints, figure: Floats, rule: Rule, allowed: int) -> float:
    """Return the lowest level of `figure` at which no more than `allowed` alerts are raised and hardly any time is in alert."""
    low, high = 0.0, float(figure.max(initial=1e-9)) * 1.001
    for _ in range(24):
        middle = (low + high) / 2
        watch = Watch(rule)
        share = float(watch.feed(times, figure / middle).mean()) if len(figure) else 0.0
        if len(watch.alerts) <= allowed and share <= (0.05 if allowed else 0.0):
            high = middle
        else:
            low = middle
        if high - low < 0.002 * high:
            break
    return high
