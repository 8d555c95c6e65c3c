"""What a reading taken by hand says, and what somebody says of how it ended."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lineshaft.doors.rest.frame.shape import Body, MaybeMoment, MaybeName, Moment, Number, Shape

Zone = Annotated[str | None, Field(examples=["B"], description="Zone A to D of the table; null where none fits.")]


class LateShape(Shape):
    """What came after its time: steps that were judged all the same, and values that came too late for it."""

    steps: Annotated[int, Field(examples=[6], description="Judged after their time, in the order of time.")]
    step: Annotated[MaybeMoment, Field(description="The newest of them.")]
    values: Annotated[int, Field(examples=[0], description="Not judged: of a step that was, or from before a repair; kept.")]
    value: Annotated[MaybeMoment, Field(description="The end of the newest step with such a value.")]


class MeasuredShape(Shape):
    """A reading taken now: what it says, judged by zone and baseline; nothing is learned from it."""

    at: Annotated[Moment, Field(description="Of the newest value.")]
    taken: Moment
    by: MaybeName
    running: Annotated[bool, Field(examples=[True])]
    level: Number
    temperature: Number
    zone: Zone
    vibration_z: Number
    temperature_z: Number
    says: Annotated[list[str], Field(examples=[["6.00 mm/s is in zone D (4.5 mm/s and more)"]])]


class ResolveBody(Body):
    """How what was found ended, in the codes of the plant's work orders; nothing said: only that the machine runs well."""

    mode: Annotated[str, Field(max_length=20, examples=["VIB"], description="How it failed; NON: there was no failure.")] = ""
    cause: Annotated[str, Field(max_length=20, examples=["AGE"])] = ""
    remedy: Annotated[str, Field(max_length=20, examples=["REPLACE"])] = ""
    label: Annotated[
        Literal["", "confirmed", "no_fault_found", "false_alarm", "neutral"],
        Field(examples=["confirmed"], description="Of its findings; empty: confirmed, no_fault_found for NON."),
    ] = ""
    note: Annotated[str, Field(max_length=2000, examples=["bearing changed, 6205"])] = ""
