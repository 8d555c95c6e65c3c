"""Bad actors: which machine's own standstill costs most, how often it fails, and how long it takes until it runs again.

Only what a machine itself causes is counted: `down`. Starved and blocked are caused by its neighbours. The cost is hours
times the machine's DowntimeRate; where no rate is given the cost is not known, and the machine is ranked by its hours.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lineshaft.compute.downtime import Stop
from lineshaft.compute.oee import Oee
from lineshaft.core import NS


@dataclass(frozen=True, slots=True)
class BadActor:
    """One machine with its failures: mean time between them and until repaired (None while there are none)."""

    asset: str
    down_s: float
    failures: int
    mtbf_s: float | None
    mttr_s: float | None
    rate_per_hour: float | None
    cost: float | None
    assumption: str
    oee: float | None
    reasons: Sequence[tuple[str, float]] = ()


def actor(figures: Oee, stops: Sequence[Stop], start: int, end: int) -> BadActor:
    """Return a machine's failures over (start, end]: its stops in state `down` that are not short."""
    failures = [stop for stop in stops if stop.state == "down" and not stop.micro]
    down = figures.elements["down"]
    reasons: dict[str, float] = {}
    for stop in failures:
        seconds = (min(stop.end or end, end) - max(stop.start, start)) / NS
        reasons[stop.reason or ""] = reasons.get(stop.reason or "", 0.0) + seconds
    count = len(failures)
    rate = figures.rate
    return BadActor(
        figures.asset,
        down,
        count,
        figures.operating / count if count else None,
        down / count if count else None,
        rate,
        None if rate is None else down / 3600 * rate,
        _assumption(rate),
        figures.oee,
        sorted(reasons.items(), key=lambda one: -one[1]),
    )


def _assumption(rate: float | None) -> str:
    if rate is None:
        return "no DowntimeRate is set: the cost is not known"
    return f"hours down x {rate:g} per hour (DowntimeRate), whether or not the line waited for it"


def ranked(actors: Iterable[BadActor]) -> list[BadActor]:
    """Return the dearest first; those without a rate after them, by their time down."""
    return sorted(actors, key=lambda one: (one.cost is None, -(one.cost or 0.0), -one.down_s, one.asset))


def within(path: str, under: str) -> bool:
    """Say whether a path is a position or below it."""
    return path == under or path.startswith(f"{under}/")
