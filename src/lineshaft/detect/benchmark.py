"""What alarm figures are held against: ISA-18.2 (table of recommended performance metrics) and EEMUA 191, for one operator.

Each is a pair of bounds: up to the first is good, up to the second can still be managed, beyond it is too much.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Verdict = Literal["good", "manageable", "over", "unknown"]


class Bounds(NamedTuple):
    """Up to `good`, up to `manageable`; where it is written."""

    good: float
    manageable: float
    source: str


BOUNDS: dict[str, Bounds] = {
    "per_day": Bounds(150, 300, "ISA-18.2, EEMUA 191"),
    "per_hour": Bounds(6, 12, "ISA-18.2, EEMUA 191"),
    "per_10min": Bounds(1, 2, "ISA-18.2, EEMUA 191"),
    "peak_10min": Bounds(10, 10, "ISA-18.2"),
    "hours_over_30": Bounds(0.01, 0.01, "ISA-18.2"),
    "periods_over_10": Bounds(0.01, 0.01, "ISA-18.2"),
    "flood_share": Bounds(0.01, 0.01, "ISA-18.2"),
    "top_share": Bounds(0.01, 0.05, "ISA-18.2"),
    "chattering": Bounds(0, 0, "ISA-18.2"),
    "stale": Bounds(4, 4, "ISA-18.2: fewer than 5 on any day"),
}

PRIORITIES = {1: 0.05, 2: 0.15, 3: 0.80}
"""Shares of the annunciated alarms EEMUA 191 and ISA-18.2 aim at; what lies below priority 3 counts with it."""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One figure beside what it is held against."""

    name: str
    value: float | None
    good: float
    manageable: float
    verdict: Verdict
    source: str


def judge(name: str, value: float | None) -> Benchmark:
    """Hold a figure against its bounds.

    >>> judge("per_hour", 7.0).verdict, judge("stale", 4).verdict, judge("chattering", 1).verdict
    ('manageable', 'good', 'over')
    """
    bounds = BOUNDS[name]
    verdict: Verdict = "over"
    if value is None:
        verdict = "unknown"
    elif value <= bounds.good:
        verdict = "good"
    elif value <= bounds.manageable:
        verdict = "manageable"
    return Benchmark(name, value, bounds.good, bounds.manageable, verdict, bounds.source)
