"""How soon an order must be done: priority is criticality times urgency, and the priority's service level gives the due date."""

from __future__ import annotations

from collections.abc import Mapping

from lineshaft.core import InvalidInput, parse_duration

SERVICE: dict[str, str] = {"1": "4h", "2": "24h", "3": "72h", "4": "7d", "5": "30d"}
"""Time to act by priority, unless `[maintain] service_levels` says otherwise."""

_STEPS = ((20, 1), (12, 2), (6, 3), (3, 4))


def priority_of(criticality: int, urgency: int) -> int:
    """Return 1 (at once) to 5 (some day) from two figures of 1 (low) to 5 (high).

    >>> priority_of(5, 4), priority_of(3, 3), priority_of(1, 2)
    (1, 3, 5)
    """
    for name, value in (("criticality", criticality), ("urgency", urgency)):
        if not 1 <= value <= 5:
            raise InvalidInput(f"{name} {value}", where=name, hint="1 (low) to 5 (high)", code="work-orders.priority")
    product = criticality * urgency
    return next((priority for least, priority in _STEPS if product >= least), 5)


def due_by(created: int, priority: int, levels: Mapping[str, str] | None = None, within_hours: object = None) -> int:
    """Return when an order is due: by its priority's service level, sooner where the asset's RepairWithin (hours) says so.

    >>> due_by(0, 1) == 4 * 3600 * 10**9, due_by(0, 1, within_hours=1) == 3600 * 10**9
    (True, True)
    """
    chosen = {**SERVICE, **(levels or {})}
    span = parse_duration(chosen[str(priority)])
    if isinstance(within_hours, int | float) and not isinstance(within_hours, bool) and within_hours > 0:
        span = min(span, round(within_hours * 3_600_000_000_000))
    return created + span
