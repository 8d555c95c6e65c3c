"""What a case avoided: the hours of standstill a breakdown would have taken, times what an hour costs.

Its assumption is always beside the figure; without a rate, or where nothing was avoided, there is no figure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lineshaft.core import NS, InvalidInput
from lineshaft.maintain.place import Places

FOUND_EARLY = ("predictive", "inspection", "preventive")


def avoided_of(order: Mapping[str, Any], places: Places) -> dict[str, Any] | None:
    """Return `{hours, rate_per_hour, stood_h, value, assumption}` of an order whose fault was found before it broke; else None.

    Hours are what somebody entered, else the asset's attribute BreakdownHours. Standstill the repair itself took is
    subtracted. A label that says there was no fault leaves nothing to avoid.
    """
    said: Mapping[str, Any] = order.get("avoided") or {}
    hours = said.get("hours")
    whose = "entered by a person"
    if hours is None:
        hours, whose = places.attribute(order["asset"], "BreakdownHours"), "attribute BreakdownHours"
    if order["kind"] not in FOUND_EARLY or order["closing"].get("label") in {"false_alarm", "no_fault_found"}:
        return None
    if not isinstance(hours, int | float) or isinstance(hours, bool):
        return None
    rate = said.get("rate_per_hour")
    from_rate = "entered by a person"
    if rate is None:
        rate, from_rate = places.rate(order["asset"]), "attribute DowntimeRate"
    stood = sum((line["end"] - line["start"]) / NS / 3600 for line in order["downtime"] if line["end"] and not line["planned"])
    value = None if rate is None else round(max(0.0, float(hours) - stood) * float(rate), 2)
    by_rate = "no DowntimeRate is set" if rate is None else f"{float(rate):g} per hour ({from_rate})"
    text = (
        f"a breakdown would have stopped it for {float(hours):g} h ({whose}); {by_rate}; the repair stopped it for {stood:.2f} h"
    )
    if said.get("assumption"):
        text = f"{said['assumption']} ({text})"
    return {
        "hours": float(hours),
        "rate_per_hour": None if rate is None else float(rate),
        "stood_h": round(stood, 3),
        "value": value,
        "assumption": text,
        "confirmed": order["closing"].get("label") == "confirmed",
    }


def check_avoided(hours: object, rate: object, assumption: str) -> dict[str, Any]:
    """Return what a person says a case avoided. Raises InvalidInput without a reason for it."""
    for name, value in (("hours", hours), ("rate_per_hour", rate)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e7):
            raise InvalidInput(f"'{value}' is no figure", where=name, code="avoided.figure")
    if not assumption.strip():
        raise InvalidInput("a figure of what was avoided needs its assumption in words", where="assumption", code="avoided.why")
    return {"hours": hours, "rate_per_hour": rate, "assumption": assumption.strip()[:500]}
