"""What a machine did when: its state series and its calendar as stretches of time, each of one element.

The elements are those of ISO 22400. A state code nobody mapped and the time before the first value or after a bad one are
`unknown`, never guessed. Starved and blocked are states of their own, not faults.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import numpy as np
import pyarrow as pa
from pydantic import Field, field_validator

from lineshaft.compute.formula import Ints
from lineshaft.core import Quality, Section, did_you_mean, parse_duration

RUNNING, UNKNOWN, PLANNED_STOP, MICRO_STOP = "running", "unknown", "planned_stop", "micro_stop"
STOPS = ("down", "setup", "starved", "blocked", "idle")
"""States in which a machine that should run does not."""
STATES = (RUNNING, *STOPS, PLANNED_STOP)
SHORT = frozenset({"down", "idle"})
"""States that are a loss of performance, not of availability, when they are short."""


class OeeDefinition(Section):
    """How a model's figures are told from its properties: the `oee` section of a model file."""

    state: str
    states: dict[str, str]
    good: str | None = None
    bad: str | None = None
    counting: Literal["counter", "increments"] = Field(
        "counter", description="what Good and Bad say: a total, or parts since the last value"
    )
    rollover: float = Field(2.0**32, gt=1, description="where a counter begins again at 0")
    ideal_cycle: str | float | None = Field(None, description="seconds a part takes at best: an attribute's name, or a number")
    micro_stop: str | float | None = Field(None, description="stops shorter than this are performance losses")
    downtime_rate: str | None = Field(None, description="attribute with the money an hour of standstill costs")
    time_model: str | None = Field(
        None, description="the time model that is meant when neither a person nor the calendar names one"
    )
    reason: str | None = Field(None, description="the property in which the machine says why it stands")
    reasons: dict[str, str] = Field(default_factory=dict[str, str], description="what the machine's codes mean")
    checks: Literal["samples", "parts"] = Field(
        "samples", description="whether a failed check of this machine without a number is one part, or says nothing of parts"
    )

    @field_validator("states")
    @classmethod
    def _known(cls, states: dict[str, str]) -> dict[str, str]:
        for state in states.values():
            if state not in (*STATES, UNKNOWN):
                raise ValueError(f"'{state}' is not a state - {did_you_mean(state, STATES)}")
        return states

    @field_validator("micro_stop")
    @classmethod
    def _duration(cls, text: str | float | None) -> str | float | None:
        if text is not None:
            parse_duration(text)
        return text


class Planned(Protocol):
    """A stretch of the calendar."""

    @property
    def start(self) -> int:
        """Return the start."""
        ...

    @property
    def end(self) -> int:
        """Return the end."""
        ...

    @property
    def kind(self) -> str:
        """Return `shift` for time planned to work in, else why not."""
        ...


@dataclass(frozen=True, slots=True)
class Stretch:
    """A machine was in one state from `start` to `end`; `value` is what it said, `element` where the time counts."""

    start: int
    end: int
    state: str
    value: object = None
    element: str = ""
    plan: str = ""

    @property
    def length(self) -> int:
        """Nanoseconds."""
        return self.end - self.start


def stretches(
    history: pa.Table, before: tuple[int, object] | None, meaning: Mapping[str, str], start: int, end: int
) -> list[Stretch]:
    """Return the states over (start, end] without gap, neighbours of the same state joined.

    `history` has ts, value and q; `before` is the last good value at or before the start.
    """
    ts, values, good = _columns(history)
    times = [start if before else None, *ts]
    said: list[object] = [before[1] if before else None, *values]
    known = [before is not None, *good]
    found = [Stretch(start, end, UNKNOWN)]
    for moment, value, sure in zip(times, said, known, strict=True):
        if moment is None:
            continue
        state = meaning.get(written(value), UNKNOWN) if sure else UNKNOWN
        last = found[-1]
        if state == last.state and (state != UNKNOWN or value == last.value):
            continue
        if moment <= last.start:
            found[-1] = replace(last, state=state, value=value)
        else:
            found[-1] = replace(last, end=moment)
            found.append(Stretch(moment, end, state, value))
    return _joined(one for one in found if one.length > 0)


def _columns(history: pa.Table) -> tuple[list[int], list[object], list[bool]]:
    """Return times, values and goodness where the value changes; at equal times the good value counts."""
    if not len(history):
        return [], [], []
    ts: Ints = history.column("ts").cast(pa.int64()).to_numpy()
    good = history.column("q").to_numpy() == int(Quality.GOOD)
    words: Any = history.column("value").combine_chunks().dictionary_encode()
    if isinstance(words, pa.ChunkedArray):
        words = words.combine_chunks()
    code = words.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    there = ~(good & (code < 0))  # a good row without a value is one that was taken back
    ts, good, code = ts[there], good[there], code[there]
    if not len(ts):
        return [], [], []
    keep = np.ones(len(ts), np.bool_)
    keep[1:] = (code[1:] != code[:-1]) | (good[1:] != good[:-1])
    keep[1:] &= ~((ts[1:] == ts[:-1]) & ~good[1:])
    place = np.flatnonzero(keep)
    known: list[object] = [*words.dictionary.to_pylist(), None]
    sure = (good & (code >= 0))[place].tolist()
    return ts[place].tolist(), [known[number] for number in code[place].tolist()], sure


def _joined(parts: Iterable[Stretch]) -> list[Stretch]:
    found: list[Stretch] = []
    for part in parts:
        if found and found[-1].state == part.state and found[-1].value == part.value:
            found[-1] = replace(found[-1], end=part.end)
        else:
            found.append(part)
    return found


def written(value: object) -> str:
    """Return a state value as it is written in the model: 4 for 4.0, true for True."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def mapping(states: Mapping[str, str]) -> dict[str, str]:
    """Return the states by the text of the value; true and false in any spelling."""
    return {(key.lower() if key.lower() in ("true", "false") else key): state for key, state in states.items()}


def elements(states: Sequence[Stretch], calendar: Sequence[Planned], micro: int) -> list[Stretch]:
    """Cut the states at the calendar and tell where each piece counts.

    Whether a stop is short is told by its whole length, before it is cut. A machine that runs outside of its shifts
    works: that time counts as busy.
    """
    found: list[Stretch] = []
    place = 0
    for one in states:
        while place > 0 and calendar[place - 1].end > one.start:
            place -= 1
        while place < len(calendar) and calendar[place].start < one.end:
            part = calendar[place]
            low, high = max(one.start, part.start), min(one.end, part.end)
            if low < high:
                found.append(Stretch(low, high, one.state, one.value, _element(one, part.kind == "shift", micro), str(part.kind)))
            place += 1
    return found


def _element(one: Stretch, shift: bool, micro: int) -> str:
    if one.state == RUNNING:
        return RUNNING
    if not shift or one.state == PLANNED_STOP:
        return PLANNED_STOP
    if one.state in SHORT and one.length < micro:
        return MICRO_STOP
    return one.state


def clipped(parts: Sequence[Stretch], start: int, end: int) -> list[Stretch]:
    """Return the part of the stretches that lies in (start, end]."""
    cut = (replace(part, start=max(part.start, start), end=min(part.end, end)) for part in parts)
    return [part for part in cut if part.length > 0]


def value_of(found: Any) -> tuple[int, object] | None:
    """Return (ts, value) of the store's answer to `before`."""
    return None if found is None else (int(found.ts), found.value)
