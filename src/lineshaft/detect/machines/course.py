"""What an alert showed at its beginning and at its strongest step so far: remembered with every step, written down seldom.

A creeping fault is weakest where its alert begins. A finding keeps what it began with, and has beside it the step that says most.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lineshaft.core import iso
from lineshaft.detect.anomaly import Alert, Scored
from lineshaft.detect.anomaly.scoring import ANOMALY

MOST_PARTS = 30
"""So many sensors of a step are kept; what the others add up to is `rest`."""
GROWN = 1.25
"""So many times as far beyond the threshold as what is written, and it is written at once; else once an hour."""
HOUR = 3_600 * 10**9

Seen = Callable[[int], Sequence[Mapping[str, Any]]]
"""What each sensor showed on average over the time the charts look back on from a step, if the store has it."""


class Course:
    """How the last alert of one version went."""

    def __init__(self, kept: Mapping[str, Any] | None = None) -> None:
        kept = kept or {}
        self.start = int(kept.get("start", 0))
        self.beginning: dict[str, Any] = dict(kept.get("beginning", {}))
        self.strongest: dict[str, Any] = dict(kept.get("strongest", {}))
        self._written, self._at = float(kept.get("written", 0.0)), int(kept.get("at", 0))

    def as_dict(self) -> dict[str, Any]:
        """Return what must be remembered."""
        both = {"beginning": self.beginning, "strongest": self.strongest}
        return {"start": self.start, **both, "written": self._written, "at": self._at}

    def take(self, scored: Scored, alert: Alert) -> None:
        """Look at the rows in which an alert lasted; another alert begins a new course."""
        if alert.start != self.start:
            self.start, self.beginning, self.strongest, self._written, self._at = alert.start, {}, {}, 0.0, 0
        lasted = (scored.reasons == ANOMALY) & (scored.times >= alert.start) & ~np.isnan(scored.exceedance)
        rows = np.flatnonzero(lasted)
        if not len(rows):
            return
        if not self.beginning:
            self.beginning = _step(scored, int(rows[0]))
        top = int(rows[np.argmax(scored.exceedance[rows])])
        if float(scored.exceedance[top]) > self.strongest.get("peak", 0.0):
            self.strongest = _step(scored, top)

    def due(self, at: int, *, ended: bool = False) -> bool:
        """Say whether the strongest step is to be written: when it grew by much, once an hour if it grew, and at the end."""
        peak = self.strongest.get("peak", 0.0)
        return peak > self._written and (ended or peak >= GROWN * self._written or at - self._at >= HOUR)

    def written(self, at: int) -> None:
        """Note that the strongest step was written into the finding."""
        self._written, self._at = self.strongest.get("peak", 0.0), at

    def smooth(self, seen: Seen) -> None:
        """Give the steps their means over what the charts look back on, where too few rows came with them; asked for once."""
        for step in (self.beginning, self.strongest):
            if step.pop("alone", False):
                over(step, seen(step["at_ns"]))


def over(step: dict[str, Any], parts: Sequence[Mapping[str, Any]]) -> None:
    """Put what the sensors showed over a longer time in place of what they showed in one step; the shares stay."""
    told = {part["sensor"]: part for part in parts}
    means = ("observed", "expected", "marginal_z")
    step["explanation"] = [
        {**one, **{name: told[one["sensor"]][name] for name in means}} if one["sensor"] in told else one
        for one in step["explanation"]
    ]


def urgency(peak: float) -> float:
    """Return a finding's score: .7 at the threshold (its alert has lasted already), nearer to 1 the further beyond it."""
    return round(1 - 0.3 / max(peak, 1.0), 4)


def step_of(at: int, peak: float, parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what is kept of a step: its time and score, and the sensors' parts; the shares and the `rest` sum to 1."""
    listed = [dict(part) for part in parts[:MOST_PARTS]]
    said: dict[str, Any] = {"at": iso(at), "at_ns": at, "peak": peak, "score": urgency(peak), "explanation": listed}
    if listed:
        said["rest"] = max(0.0, 1 - sum(part["share"] for part in listed)) if len(parts) > MOST_PARTS else 0.0
    return said


def shown(step: Mapping[str, Any]) -> dict[str, Any]:
    """Return a step as a finding has it."""
    return {name: value for name, value in step.items() if name not in ("alone", "peak")}


def _step(scored: Scored, row: int) -> dict[str, Any]:
    at, before = int(scored.times[row]), scored.exceedance[: row + 1]
    parts = [part.as_dict() for part in scored.explain(at)]
    alone = int((~np.isnan(before)).sum()) < scored.model.span
    return step_of(at, float(scored.exceedance[row]), parts) | ({"alone": True} if alone else {})
