"""The life of an alarm after ISA-18.2, as one table: from each state, what an occurrence or a hand does to it.

A latched alarm whose condition is over still wants a reset, with and without acknowledgement. Shelved, suppressed and out
of service hide an alarm; its condition is watched on, so that it comes back as what it then is. A lock-out of a machine is
none of these: it never hides an operator's alarm.
"""

from __future__ import annotations

from enum import StrEnum

from lineshaft.core import Conflict


class AlarmState(StrEnum):
    """States of ISA-18.2."""

    NORMAL = "normal"
    UNACK = "unack"
    ACKED = "acked"
    RTN_UNACK = "rtn-unack"
    LATCHED_UNACK = "latched-unack"
    LATCHED_ACKED = "latched-acked"
    SHELVED = "shelved"
    SUPPRESSED = "suppressed"
    OUT_OF_SERVICE = "out-of-service"


S = AlarmState
HIDDEN = (S.SHELVED, S.SUPPRESSED, S.OUT_OF_SERVICE)
SHOWN = (S.UNACK, S.ACKED, S.RTN_UNACK, S.LATCHED_UNACK, S.LATCHED_ACKED)
"""What stands in the operator's list."""

STEPS: dict[tuple[str, str], AlarmState] = {
    (S.NORMAL, "raise"): S.UNACK,
    (S.RTN_UNACK, "raise"): S.UNACK,
    (S.LATCHED_UNACK, "raise"): S.UNACK,
    (S.LATCHED_ACKED, "raise"): S.UNACK,
    (S.UNACK, "clear"): S.RTN_UNACK,
    (S.ACKED, "clear"): S.NORMAL,
    (S.UNACK, "acknowledge"): S.ACKED,
    (S.RTN_UNACK, "acknowledge"): S.NORMAL,
    (S.LATCHED_UNACK, "acknowledge"): S.LATCHED_ACKED,
    (S.LATCHED_ACKED, "reset"): S.NORMAL,
}
LATCHING: dict[str, AlarmState] = {S.UNACK: S.LATCHED_UNACK, S.ACKED: S.LATCHED_ACKED}
"""Where the end of the condition leads when the alarm latches."""

HINTS = {
    ("acknowledge", S.ACKED): "it is acknowledged already",
    ("acknowledge", S.NORMAL): "it is not active",
    ("reset", S.LATCHED_UNACK): "acknowledge it first",
    ("reset", S.UNACK): "its condition still holds",
    ("reset", S.ACKED): "its condition still holds",
}


def after(state: str, step: str, *, latched: bool = False) -> AlarmState:
    """Return the state after a step. Raises Conflict (`alarms.step`) if it is not possible.

    >>> after("unack", "clear").value, after("acked", "clear", latched=True).value
    ('rtn-unack', 'latched-acked')
    """
    if state in HIDDEN and step in {"raise", "clear"}:
        return AlarmState(state)
    if latched and step == "clear" and state in LATCHING:
        return LATCHING[state]
    if (state, step) not in STEPS:
        hint = HINTS.get((step, AlarmState(state)), "")
        raise Conflict(f"an alarm that is {state} cannot take the step '{step}'", hint=hint, code="alarms.step")
    return STEPS[state, step]


def hidden(state: str, to: AlarmState) -> AlarmState:
    """Return the hidden state an alarm goes to. Raises Conflict where one way of hiding would lift a stronger one.

    Out of service is the strongest (only a hand lifts it), then the shelf, then suppression by design.

    >>> hidden("unack", AlarmState.SHELVED).value, hidden("shelved", AlarmState.OUT_OF_SERVICE).value
    ('shelved', 'out-of-service')
    """
    if state == S.OUT_OF_SERVICE or (state == S.SHELVED and to is S.SUPPRESSED):
        raise Conflict(f"this alarm is {state} already", hint="bring it back first", code="alarms.step")
    return to


def uncovered(active: bool, tripped: bool = False) -> AlarmState:
    """Return the state of an alarm that is no longer hidden; `tripped` when it latched and nobody has reset it."""
    if active:
        return S.UNACK
    return S.LATCHED_UNACK if tripped else S.NORMAL
