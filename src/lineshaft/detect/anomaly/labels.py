"""What people know about times in the past: anomalies, normal running, and what says neither."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lineshaft.core import InvalidInput, did_you_mean, iso
from lineshaft.detect.anomaly.reading import moment
from lineshaft.detect.detector import Bools, Ints

KINDS = ("anomaly", "normal", "neutral")


@dataclass(frozen=True, slots=True)
class Label:
    """A time from start to end and what it was; `code` names the fault, if it has a name."""

    start: int
    end: int
    kind: str = "anomaly"
    code: str = ""


def label(one: Label | tuple[Any, ...], place: int = 0, unit: int = 1) -> Label:
    """Return a label given as such or as (start, end, kind, code); whole numbers count in `unit` nanoseconds.

    Raises InvalidInput for one that says nothing.
    """
    if isinstance(one, Label):
        made = one
    else:
        if not 2 <= len(one) <= 4:
            hint = "give a list of (start, end), or (start, end, 'anomaly' | 'normal' | 'neutral', fault code)"
            raise InvalidInput("a label is (start, end, kind, code)", where=f"labels[{place}]", hint=hint, code="anomaly.label")
        start, end = (moment(at, unit, "labels") for at in one[:2])
        made = Label(start, end, *[str(word) for word in one[2:]])
    if made.kind not in KINDS:
        raise InvalidInput(f"'{made.kind}' is no kind of label", where=f"labels[{place}]", hint=did_you_mean(made.kind, KINDS))
    if made.end <= made.start:
        raise InvalidInput("a label ends before it begins", where=f"labels[{place}]", code="anomaly.label")
    return made


def excluded(labels: Sequence[Label | tuple[Any, ...]], times: Ints, unit: int = 1) -> Bools:
    """Return the rows that are not to be learned from. Raises InvalidInput for a label outside the table's time."""
    out = np.zeros(len(times), np.bool_)
    for place, one in enumerate(labels):
        made = label(one, place, unit)
        if made.end < times[0] or made.start > times[-1]:
            raise InvalidInput(
                f"the label from {iso(made.start)} to {iso(made.end)} is outside the table",
                where=f"labels[{place}]",
                hint=f"the table goes from {iso(int(times[0]))} to {iso(int(times[-1]))}; is the label in another time zone?",
                code="anomaly.label-range",
            )
        if made.kind != "normal":
            out |= (times >= made.start) & (times <= made.end)
    return out
