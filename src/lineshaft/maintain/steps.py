"""The steps an order can take: one table of verbs, each with the states it starts from and the state it leads to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from lineshaft.core import Conflict, InvalidInput, did_you_mean


class State(StrEnum):
    """The states of a work order, from a request on a note to closed and coded."""

    REQUESTED = "requested"
    TRIAGED = "triaged"
    PLANNED = "planned"
    WAITING = "waiting"
    ASSIGNED = "assigned"
    IN_PROGRESS = "in_progress"
    ON_HOLD = "on_hold"
    DONE = "done"
    VERIFIED = "verified"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    REJECTED = "rejected"


BEFORE_WORK = (State.REQUESTED, State.TRIAGED, State.PLANNED, State.WAITING, State.ASSIGNED)
FINAL = (State.CLOSED, State.CANCELLED, State.REJECTED)
WAITS = ("parts", "permit", "downtime", "people", "other")
"""What an order can wait for; time spent so is waiting, never repair."""


@dataclass(frozen=True, slots=True)
class Step:
    """One verb: from which states it is possible, and where it leads."""

    verb: str
    sources: tuple[State, ...]
    target: State


STEPS: dict[str, Step] = {
    step.verb: step
    for step in (
        Step("triage", (State.REQUESTED,), State.TRIAGED),
        Step("reject", (State.REQUESTED, State.TRIAGED), State.REJECTED),
        Step("plan", (State.TRIAGED, State.WAITING), State.PLANNED),
        Step("wait", (State.TRIAGED, State.PLANNED, State.ASSIGNED), State.WAITING),
        Step("assign", BEFORE_WORK, State.ASSIGNED),
        Step("start", BEFORE_WORK, State.IN_PROGRESS),
        Step("hold", (State.IN_PROGRESS,), State.ON_HOLD),
        Step("resume", (State.ON_HOLD,), State.IN_PROGRESS),
        Step("done", (State.IN_PROGRESS,), State.DONE),
        Step("reopen", (State.DONE, State.VERIFIED), State.IN_PROGRESS),
        Step("verify", (State.DONE,), State.VERIFIED),
        Step("close", (State.VERIFIED,), State.CLOSED),
        Step("cancel", (*BEFORE_WORK, State.IN_PROGRESS, State.ON_HOLD), State.CANCELLED),
    )
}


def possible(state: str) -> list[str]:
    """Return the verbs possible from a state.

    >>> possible("on_hold")
    ['resume', 'cancel']
    """
    return [verb for verb, step in STEPS.items() if state in step.sources]


def refuse_impossible(number: str, verb: str, state: str) -> Step:
    """Return the step, or raise Conflict naming what is possible instead."""
    if verb not in STEPS:
        raise InvalidInput(
            f"'{verb}' is no step of a work order", hint=did_you_mean(verb, STEPS), code="work-orders.unknown-step"
        )
    step = STEPS[verb]
    if state not in step.sources:
        verbs = possible(state)
        raise Conflict(
            f"{number} is {state}: '{verb}' is not possible from there",
            hint=f"possible now: {', '.join(verbs)}" if verbs else "it is finished; create a new order",
            code="work-orders.step",
            details={"state": state, "possible": verbs},
        )
    return step


def refuse_unknown(what: str, value: str, known: tuple[str, ...], complain: Callable[..., Exception] = InvalidInput) -> str:
    """Return the value if it is on the list."""
    if value not in known:
        raise complain(f"'{value}' is no {what}", hint=did_you_mean(value, known), code="input.unknown")
    return value
