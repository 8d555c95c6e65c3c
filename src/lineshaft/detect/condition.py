"""When a condition holds: limits with deadband, on and off delays in event time, many rows at a time.

Pure functions over arrays: feeding the same rows in one piece or in many gives the same changes at the same moments.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

ABOVE = (">", ">=")
BELOW = ("<", "<=")
EQUAL = ("==", "!=")
OPERATORS = (*ABOVE, *BELOW, *EQUAL)


class Limits(NamedTuple):
    """When a condition begins and ends; also as arrays, one entry a definition."""

    sign: Floats | float
    strict: Bools | bool
    equal: Bools | bool
    negated: Bools | bool
    limit: Floats | float
    deadband: Floats | float


def limits(operator: str, limit: float, deadband: float) -> Limits:
    """Return the limits of one condition, e.g. `> 7.1` with a deadband of 0.5: begins above 7.1, ends at 6.6."""
    return Limits(
        -1.0 if operator in BELOW else 1.0, operator in (">", "<"), operator in EQUAL, operator == "!=", limit, deadband
    )


def begins_ends(rule: Limits, value: Floats) -> tuple[Bools, Bools]:
    """Say for each value whether it begins the condition and whether it ends it (between the two it keeps what was)."""
    over = rule.sign * (value - rule.limit)
    begins = np.where(rule.strict, over > 0, over >= 0)
    ends = np.where(rule.strict, over <= -np.asarray(rule.deadband), over < -np.asarray(rule.deadband))
    same = value == rule.limit
    hit = np.where(rule.negated, ~same, same)
    return np.where(rule.equal, hit, begins), np.where(rule.equal, ~hit, ends & ~begins)


@dataclass(frozen=True, slots=True)
class Condition:
    """Where a condition stands: what it counts as (`active`), and since when the values say otherwise (`pending`)."""

    active: bool = False
    pending: int | None = None

    @property
    def raw(self) -> bool:
        """What the values say now, delays aside."""
        return self.active != (self.pending is not None)


class Change(NamedTuple):
    """The condition began or ended at a moment (event time), with the value of that moment."""

    at: int
    active: bool
    value: float


def walk(
    state: Condition, rule: Limits, delays: tuple[int, int], ts: Ints, value: Floats, held: float = float("nan")
) -> tuple[Condition, list[Change]]:
    """Feed good values in time order and return the new standing and every change.

    `delays` are (on, off) in ns, `held` is the value that stood before the first row.
    """
    if not len(ts):
        return state, []
    says = _held(state.raw, *begins_ends(rule, value))
    turns = np.flatnonzero(np.diff(says, prepend=says[0])).tolist()
    changes: list[Change] = []

    def fall_due(at: int) -> None:
        nonlocal state
        state, change = _due(state, at, delays)
        if change is not None:
            row = int(np.searchsorted(ts, change[0], "right")) - 1
            changes.append(Change(*change, float(value[row]) if row >= 0 else held))

    for start, end in zip([0, *turns], [*turns, len(ts)], strict=True):
        fall_due(int(ts[start]))  # what was pending: the value before held until this row
        if bool(says[start]) == state.active:
            state = Condition(state.active)
        elif state.pending is None:
            state = Condition(state.active, int(ts[start]))
        fall_due(int(ts[end - 1]))
    return state, changes


def due(state: Condition, at: int, delays: tuple[int, int], held: float) -> tuple[Condition, list[Change]]:
    """Return the standing at a moment when no new value came: a value that does not change is still there."""
    new, change = _due(state, at, delays)
    return new, [] if change is None else [Change(*change, held)]


def _due(state: Condition, at: int, delays: tuple[int, int]) -> tuple[Condition, tuple[int, bool] | None]:
    if state.pending is None:
        return state, None
    moment = state.pending + delays[1 if state.active else 0]
    if at < moment:
        return state, None
    return Condition(not state.active), (moment, not state.active)


def _held(raw: bool, begins: Bools, ends: Bools) -> Bools:
    """Return what each row says, rows between the limits saying what the row before them said."""
    decided = begins | ends
    last = np.maximum.accumulate(np.where(decided, np.arange(len(begins)), -1))
    return np.where(last >= 0, begins[np.maximum(last, 0)], raw)
