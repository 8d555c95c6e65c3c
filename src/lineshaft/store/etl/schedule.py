"""When a job is due: every so often, or at a time of the day in a zone. What was missed is made up for once."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from lineshaft.core import NS, Section, check_zone, parse_duration

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SHORTEST = 10 * NS


class Schedule(Section):
    """`every: 15m`, or `at: "06:05"` with a zone and, if not all, the days of the week."""

    every: str = ""
    at: str = ""
    zone: str = "UTC"
    days: list[Day] = Field(default_factory=lambda: list(DAYS))

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        return check_zone(value)

    @field_validator("at")
    @classmethod
    def _time(cls, value: str) -> str:
        if value:
            datetime.strptime(value, "%H:%M")  # noqa: DTZ007 - a time of day
        return value

    @field_validator("every")
    @classmethod
    def _interval(cls, value: str) -> str:
        if value and parse_duration(value) < _SHORTEST:
            raise ValueError("a job runs every 10 s at most")
        return value

    @model_validator(mode="after")
    def _one(self) -> Schedule:
        if bool(self.every) == bool(self.at):
            raise ValueError("write either every or at")
        return self

    def latest(self, now: int) -> int:
        """Return the newest moment at or before now when the job was due (UTC ns).

        >>> day = Schedule(at="02:30", zone="Europe/Berlin")  # the hour that does not exist on 29 March 2026
        >>> datetime.fromtimestamp(day.latest(1774749600_000000000) / 1e9, UTC).isoformat()
        '2026-03-29T01:30:00+00:00'
        """
        if self.every:
            step = parse_duration(self.every)
            return now // step * step
        zone = ZoneInfo(self.zone)
        here = datetime.fromtimestamp(now / NS, zone).date()
        for back in range(9):
            due = self._on(here - timedelta(days=back), zone)
            if due is not None and due <= now:
                return due
        return 0

    def following(self, now: int) -> int:
        """Return the next moment after now when the job is due."""
        if self.every:
            step = parse_duration(self.every)
            return now // step * step + step
        zone = ZoneInfo(self.zone)
        here = datetime.fromtimestamp(now / NS, zone).date()
        found = (self._on(here + timedelta(days=ahead), zone) for ahead in range(9))
        return next((due for due in found if due is not None and due > now), 0)

    def _on(self, day: date, zone: ZoneInfo) -> int | None:
        if DAYS[day.weekday()] not in self.days:
            return None
        hour, minute = (int(part) for part in self.at.split(":"))
        local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)
        return round(local.astimezone(UTC).timestamp()) * NS

    def words(self) -> str:
        """Say when in words of the file."""
        if self.every:
            return f"every {self.every}"
        days = "" if len(self.days) == len(DAYS) else f" {', '.join(self.days)}"
        return f"{self.at} {self.zone}{days}"
