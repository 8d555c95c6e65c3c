"""What people and feeds write about production: products, orders, lots, quality results, runs and calendars, each checked."""

from __future__ import annotations

from datetime import date, time
from typing import Annotated, Literal, cast

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from lineshaft.core import InvalidInput, Section, check_zone, parse_time
from lineshaft.production.calendar import DAYS, CalendarVersion, Pause, Shift, overlapping


def _moment(text: str) -> str:
    try:
        parse_time(text)
    except InvalidInput as error:
        raise ValueError(f"{error.what} - {error.hint}") from None
    return text


def _clock(value: object) -> object:
    if isinstance(value, str):
        hours, _, minutes = value.partition(":")
        if hours.isdecimal() and minutes.isdecimal() and int(hours) < 24 and int(minutes) < 60 and len(minutes) == 2:
            return value
    raise ValueError(f'{value!r} is not a time of day - write "06:00" (24 hours; the end of a day is "00:00")')


def _day(value: object) -> object:
    try:
        date.fromisoformat(str(value))
    except ValueError:
        raise ValueError(f"{value!r} is not a day - write 2026-12-25") from None
    return str(value)


def _zone(name: str) -> str:
    try:
        return check_zone(name)
    except InvalidInput as error:
        raise ValueError(f"{error.what} - {error.hint}") from None


def _weekday(word: str) -> str:
    if word not in DAYS:
        raise ValueError(f"'{word}' is not a day of the week - one of {', '.join(DAYS)}")
    return word


Moment = Annotated[str, AfterValidator(_moment)]
Clock = Annotated[str, BeforeValidator(_clock)]
TimeModel = Literal["iso22400", "sitewise", "calendar", "run-over-run-plus-down", "semi-e10"]
"""The time models of OEE, as compute tells them."""
Name = Annotated[str, Field(min_length=1, max_length=256)]


class BreakEntry(Section):
    """A break inside a shift."""

    start: Clock
    end: Clock


class ShiftEntry(Section):
    """A shift of the week."""

    name: Name
    days: list[Annotated[str, AfterValidator(_weekday)]]
    start: Clock
    end: Clock
    breaks: list[BreakEntry] = Field(default_factory=list[BreakEntry])


class CalendarEntry(Section):
    """A calendar, valid from a moment on, for the lines it names."""

    calendar: Name
    timezone: Annotated[str, AfterValidator(_zone)]
    valid_from: Moment | None = None
    shifts: list[ShiftEntry] = Field(default_factory=list[ShiftEntry])
    holidays: list[Annotated[str, BeforeValidator(_day)]] = Field(default_factory=list)
    time_model: TimeModel | None = Field(None, description="what the OEE of these lines is measured against")
    lines: list[Name] = Field(default_factory=list)

    @model_validator(mode="after")
    def _no_overlap(self) -> CalendarEntry:
        clash = overlapping(self.version(0).shifts)
        if clash is not None:
            raise ValueError(
                f"the shifts '{clash[0]}' and '{clash[1]}' run at the same time - let one end where the other begins"
            )
        return self

    def version(self, valid_from: int) -> CalendarVersion:
        """Return the shift model of this entry."""
        shifts = tuple(
            Shift(
                one.name,
                frozenset(DAYS.index(day) for day in one.days),
                _time(one.start),
                _time(one.end),
                tuple(Pause(_time(pause.start), _time(pause.end)) for pause in one.breaks),
            )
            for one in self.shifts
        )
        holidays = frozenset(date.fromisoformat(day) for day in self.holidays)
        return CalendarVersion(valid_from, self.timezone, shifts, holidays, self.time_model)


class CycleEntry(Section):
    """The shortest time one part of a product takes at a machine."""

    machine: Name
    seconds: float = Field(gt=0)
    valid_from: Moment | None = None


class ProductEntry(Section):
    """A product and its ideal cycles."""

    product: Name
    name: str = ""
    unit: str = "part"
    ideal_cycles: list[CycleEntry] = Field(default_factory=list[CycleEntry])


class LineEntry(Section):
    """One line of an order: how much of what, until when."""

    product: Name
    quantity: float = Field(gt=0)
    due: Moment | None = None
    delivered: float | None = Field(None, ge=0, description="all that was delivered so far, where another system knows it")
    delivered_at: Moment | None = Field(None, description="when the last of it was delivered")


class OrderEntry(Section):
    """A production order with its lines."""

    order: Name
    customer: str = ""
    lines: list[LineEntry] = Field(min_length=1)


class LotEntry(Section):
    """A lot or batch of material, and the lots it was made from."""

    lot: Name
    material: str = ""
    product: str | None = None
    quantity: float | None = Field(None, ge=0)
    unit: str = ""
    made: Moment | None = None
    order: str | None = None
    parents: list[Name] = Field(default_factory=list)


class QualityEntry(Section):
    """One quality result: of a lot, an order or a machine; passed or not, or to be told by its limits."""

    check: Name
    lot: str | None = None
    order: str | None = None
    machine: str | None = None
    value: float | None = None
    unit: str = ""
    low: float | None = None
    high: float | None = None
    passed: bool | None = None
    at: Moment | None = None
    note: str = ""
    scrap: float | None = Field(None, ge=0, description="parts counted good that turned out to be scrap")
    start: Moment | None = Field(None, description="the parts were made from then on")
    end: Moment | None = Field(None, description="the parts were made until then")
    reason: str = Field("", max_length=256)

    @model_validator(mode="before")
    @classmethod
    def _scrap_fails(cls, data: object) -> object:
        if isinstance(data, dict) and cast("dict[str, object]", data).get("scrap") and "passed" not in data:
            return {**cast("dict[str, object]", data), "passed": False}
        return cast("object", data)

    @model_validator(mode="after")
    def _scrap_has_a_place(self) -> QualityEntry:
        if self.scrap is not None and self.machine is None:
            raise ValueError("scrap was made at a machine - give the machine whose good parts it was counted among")
        if (self.start is None) != (self.end is None):
            raise ValueError("start and end belong together")
        if self.start is not None and self.end is not None and parse_time(self.start) >= parse_time(self.end):
            raise ValueError("the end is not after the start")
        if self.scrap is not None and self.start is None and self.lot is None:
            raise ValueError("it is not known when the parts were made - give start and end, or a lot")
        return self

    @model_validator(mode="after")
    def _says_something(self) -> QualityEntry:
        if self.lot is None and self.order is None and self.machine is None:
            raise ValueError("a quality result is about something - give a lot, an order or a machine")
        if self.passed is None and (self.value is None or (self.low is None and self.high is None)):
            raise ValueError("it does not say whether the check was passed - give passed, or value with low or high")
        return self

    @property
    def verdict(self) -> bool:
        """True if the check was passed, as said or by its limits."""
        if self.passed is not None:
            return self.passed
        value = cast("float", self.value)
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


class RunEntry(Section):
    """An order ran at a line or a machine from a moment on; the next one there ends it."""

    order: Name
    at: Name
    start: Moment
    end: Moment | None = None
    line: int = Field(1, ge=1)


def _time(text: str) -> time:
    hours, _, minutes = text.partition(":")
    return time(int(hours), int(minutes))
