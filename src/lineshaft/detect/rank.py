"""How urgent an alarm is: what happens if nobody acts, times how long there is to act.

ISA-18.2 and EEMUA 191 ask for priority from the severity of the consequence and the time to respond; they leave the table to
the plant. The cells below are ours, made so that few alarms end on top (EEMUA 191: about 5 / 15 / 80 of a hundred).
"""

from __future__ import annotations

from typing import Literal

from lineshaft.core import NS

Impact = Literal["minor", "moderate", "major", "severe"]
IMPACTS: tuple[Impact, ...] = ("minor", "moderate", "major", "severe")
STEPS = (3 * 60 * NS, 10 * 60 * NS, 30 * 60 * NS)
"""Bounds of the time to respond: below 3 min, 3 to 10, 10 to 30, and longer."""

TABLE: dict[Impact, tuple[int, int, int, int]] = {
    "severe": (1, 1, 2, 3),
    "major": (1, 2, 3, 3),
    "moderate": (2, 3, 3, 4),
    "minor": (3, 3, 4, 4),
}
"""Priority (1 is the most urgent) by consequence, in the columns of the time to respond."""


def priority_of(impact: Impact, respond_within: int) -> int:
    """Return the priority for a consequence and the time (ns) there is to respond.

    >>> priority_of("major", 5 * 60 * NS), priority_of("minor", 3600 * NS)
    (2, 4)
    """
    return TABLE[impact][sum(respond_within >= bound for bound in STEPS)]
