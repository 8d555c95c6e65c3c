"""What is wrong with an alarm definition as it is written, in the words of the plant: all of it at once, and how to mend it."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from lineshaft.core import Problem, did_you_mean
from lineshaft.detect.definition import AlarmDefinition

MEND = {
    "name": "give it a name that no other alarm of the model has",
    "operator": "one of > >= < <= == !=",
    "limit": "a number, or the name of an attribute so that each asset sets its own",
    "deadband": "a number, or the name of an attribute",
    "priority": "from 1 (the most urgent) to 5",
    "impact": "one of minor, moderate, major, severe",
    "kind": "alarm (for operators) or alert (for maintenance)",
    "latched": "true or false",
    "inputs": "the names of the formula and the properties they stand for: {t: Temperature}",
}


def mistakes(error: ValidationError, raw: object, number: int, where: str) -> Problem:
    """Return everything that is wrong with one entry of a model's `alarms` as one problem."""
    name = raw.get("name") if isinstance(raw, dict) else None
    whose = f"alarm '{name}'" if name else f"alarm {number + 1}"
    found: dict[str, tuple[str, str]] = {}
    for one in error.errors():
        field = str(one["loc"][0]) if one["loc"] else ""
        if field not in found:
            found[field] = _said(one, field)
    what = "; ".join(said for said, _ in found.values())
    hints = [hint for _, hint in found.values() if hint]
    return Problem(where, f"{whose}: {what}" if next(iter(found)) else f"{whose} {what}", "; ".join(hints))


def _said(one: ErrorDetails, field: str) -> tuple[str, str]:
    """Return what is wrong and how to mend it."""
    mend, given, kind = MEND.get(field, ""), _short(one["input"]), one["type"]
    if kind == "extra_forbidden":
        return f"'{field}' is not known here", did_you_mean(field, AlarmDefinition.model_fields)
    if kind == "missing":
        return f"the {field} is missing", mend
    if kind == "string_too_short":
        return f"the {field} is empty", mend
    if kind == "string_too_long":
        return f"the {field} {given} is too long", f"at most {one['ctx']['max_length']} characters" if "ctx" in one else ""
    if kind == "value_error":
        what, _, hint = one["msg"].removeprefix("Value error, ").partition(" - ")
        return (f"{field}: {what}" if field else what), hint
    if not mend:
        mend = (
            "a duration, for example 90s, 5m, 1h30m, or the name of an attribute" if field in _DURATIONS else one["msg"].lower()
        )
    return f"the {field} is {given}", mend


_DURATIONS = ("on_delay", "off_delay", "missing", "heartbeat", "stale_after", "respond_within")


def _short(given: Any) -> str:
    text = repr(given)
    return text if len(text) <= 40 else f"{text[:36]} ..."
