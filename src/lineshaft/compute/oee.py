"""OEE that can be defended: time elements of ISO 22400, counters with resets, earned time, and the waterfall of losses.

Ratios are always made of summed times and counts, never averaged. Performance is never clamped: above 100 % it says that
the ideal cycle is wrong. What cannot be known is None; what is known to be nothing is 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from lineshaft.compute.formula import Bools, Floats, Ints, rises
from lineshaft.compute.states import MICRO_STOP, PLANNED_STOP, RUNNING, STOPS, UNKNOWN, Stretch
from lineshaft.core import NS, InvalidInput, did_you_mean

TIME_MODELS: Mapping[str, str] = {
    "iso22400": "running / planned busy time (ISO 22400); the default",
    "sitewise": "running / all known time: a planned stop counts as down",
    "calendar": "running / calendar time of the period",
    "run-over-run-plus-down": "running / (running + down)",
    "semi-e10": "uptime (productive and standby) / operations time (SEMI E10, E79): standby is a loss of performance",
}
"""What the availability of each time model is divided by."""
E10: Mapping[str, tuple[str, ...]] = {
    "productive": ("actual_production", MICRO_STOP),
    "standby": ("starved", "blocked", "idle"),
    "scheduled_downtime": ("setup",),
    "unscheduled_downtime": ("down",),
    "non_scheduled": (PLANNED_STOP,),
}
"""The states of SEMI E10 from our elements; engineering time is not told apart by a machine's state."""
BANDS = {"world_class": 0.85, "typical": [0.55, 0.65]}


@dataclass(frozen=True, slots=True)
class Production:
    """Parts by time: `good` and `bad` counted at `ts`, each earning `ideal` seconds (NaN: not known)."""

    ts: Ints
    good: Floats
    bad: Floats
    ideal: Floats

    @staticmethod
    def nothing() -> Production:
        """Return no parts."""
        none = np.zeros(0)
        return Production(np.zeros(0, np.int64), none, none, none)


@dataclass(frozen=True, slots=True)
class Oee:
    """The figures of one machine over one stretch of time, with everything they are made of."""

    asset: str
    start: int
    end: int
    model: str
    elements: Mapping[str, float]
    counts: Mapping[str, float]
    earned: float | None
    earned_good: float | None
    ideal_cycle_s: float | None
    versions: Mapping[str, object] = field(default_factory=dict[str, object])
    rate: float | None = None
    constraint: str | None = None
    explain: Sequence[Mapping[str, object]] = ()
    corrections: Sequence[Mapping[str, object]] = ()
    waiting: float = 0.0
    as_of: int | None = None
    parts: Sequence[Mapping[str, object]] = ()

    @property
    def operating(self) -> float:
        """Seconds the machine ran, short stops included: those are losses of performance. In SEMI E10 standby is, too."""
        running = self.elements["actual_production"] + self.elements[MICRO_STOP]
        return running + sum(self.elements[name] for name in E10["standby"]) if self.model == "semi-e10" else running

    @property
    def e10(self) -> dict[str, float]:
        """Seconds in each state of SEMI E10."""
        return {state: sum(self.elements[name] for name in names) for state, names in E10.items()}

    @property
    def available(self) -> float:
        """Seconds the availability is measured against, by the time model."""
        e = self.elements
        if self.model == "calendar":
            return e["calendar"]
        if self.model == "sitewise":
            return e["calendar"] - e[UNKNOWN]
        return self.operating + e["down"] if self.model == "run-over-run-plus-down" else e["planned_busy"]

    @property
    def availability(self) -> float | None:
        """Share of that time the machine ran; None when there was none."""
        return _ratio(self.operating, self.available)

    @property
    def performance(self) -> float | None:
        """Earned time per operating time; may be above 1."""
        return None if self.earned is None else _ratio(self.earned, self.operating)

    @property
    def quality(self) -> float | None:
        """Earned time of good parts per that of all parts; by counts when no ideal cycle is known."""
        if self.earned and self.earned_good is not None:
            return self.earned_good / self.earned
        return _ratio(self.counts["good"], self.counts["good"] + self.counts["bad"])

    @property
    def oee(self) -> float | None:
        """Earned time of good parts per available time: 0 when nothing was made, None when it cannot be known."""
        return None if self.earned_good is None else _ratio(self.earned_good, self.available)

    @property
    def teep(self) -> float | None:
        """Earned time of good parts per calendar time."""
        return None if self.earned_good is None else _ratio(self.earned_good, self.elements["calendar"])

    @property
    def coverage(self) -> float | None:
        """Share of the busy time in which the state was known."""
        busy = self.elements["planned_busy"]
        return _ratio(busy, busy + self.elements[UNKNOWN])

    @property
    def losses(self) -> list[dict[str, object]]:
        """Return the waterfall: what was lost on the way from calendar time to the time good parts earned."""
        names = (PLANNED_STOP, UNKNOWN, "down", "setup", "idle", "starved", "blocked", MICRO_STOP)
        steps: list[dict[str, object]] = [{"name": name, "seconds": self.elements[name]} for name in names]
        if self.earned is not None and self.earned_good is not None:
            steps.append({"name": "speed", "seconds": self.elements["actual_production"] - self.earned})
            steps.append({"name": "quality", "seconds": self.earned - self.earned_good})
        return steps

    @property
    def bands(self) -> Mapping[str, object]:
        """Where others stand."""
        return BANDS

    @property
    def gain_per_10_points(self) -> dict[str, float | None]:
        """What ten points more are worth at this machine's downtime rate."""
        return {"money_per_hour": None if self.rate is None else 0.1 * self.rate}


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


def check_model(name: str) -> str:
    """Return the name of a time model. Raises InvalidInput with the nearest known one."""
    if name not in TIME_MODELS:
        raise InvalidInput(f"there is no time model '{name}'", hint=did_you_mean(name, TIME_MODELS), code="oee.unknown-model")
    return name


def times(pieces: Sequence[Stretch]) -> dict[str, float]:
    """Return the seconds of every element; pieces are cut at the calendar and clipped to the period."""
    sums: dict[str, int] = dict.fromkeys((RUNNING, PLANNED_STOP, UNKNOWN, MICRO_STOP, *STOPS), 0)
    for piece in pieces:
        sums[piece.element] += piece.length
    calendar = sum(sums.values())
    found = {name: length / NS for name, length in sums.items() if name != RUNNING}
    return {
        "calendar": calendar / NS,
        "planned_busy": (calendar - sums[PLANNED_STOP] - sums[UNKNOWN]) / NS,
        "actual_production": sums[RUNNING] / NS,
        **found,
    }


def parts_made(ts: Ints, values: Floats, before: float | None, modulus: float) -> tuple[Ints, Floats]:
    """Return (time, parts) from the readings of a counter; the first one ever only says where it stands."""
    if not len(ts):
        return ts, values
    earlier = np.concatenate([[values[0] if before is None else before], values[:-1]])
    return ts, rises(earlier, values, np.full(len(ts), modulus))


def earned(made: Production) -> tuple[float | None, float | None, float | None]:
    """Return (earned seconds, those of good parts, mean ideal cycle); None where an ideal cycle is missing."""
    parts = made.good + made.bad
    counted: Bools = (made.good != 0) | (made.bad != 0)
    if not np.isfinite(made.ideal[counted]).all():
        return None, None, None
    total, good = float((parts * made.ideal)[counted].sum()), float((made.good * made.ideal)[counted].sum())
    return total, good, total / float(parts.sum()) if parts.sum() > 0 else None


def rolled_up(asset: str, figures: Sequence[Oee]) -> Oee:
    """Return the figures of several periods or machines as one: times and counts are summed, ratios made of the sums."""
    first = figures[0]
    if any(one.model != first.model for one in figures):
        raise InvalidInput(
            "figures of different time models cannot be summed", hint="name the time model to take", code="oee.mixed-models"
        )
    known = all(one.earned is not None and one.earned_good is not None for one in figures)
    parts = sum(one.counts["good"] + one.counts["bad"] for one in figures)
    total = sum(one.earned or 0.0 for one in figures)
    return Oee(
        asset,
        min(one.start for one in figures),
        max(one.end for one in figures),
        first.model,
        {name: sum(one.elements[name] for one in figures) for name in first.elements},
        {name: sum(one.counts[name] for one in figures) for name in first.counts},
        total if known else None,
        sum(one.earned_good or 0.0 for one in figures) if known else None,
        total / parts if known and parts else first.ideal_cycle_s,
        figures[-1].versions,
        first.rate if len({one.rate for one in figures}) == 1 else None,
        corrections=[correction for one in figures for correction in one.corrections],
        waiting=sum(one.waiting for one in figures),
        as_of=first.as_of,
    )
