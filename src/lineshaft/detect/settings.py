"""Settings of the alarms and of condition monitoring."""

from __future__ import annotations

from pydantic import Field, field_validator

from lineshaft.core import InvalidInput, Section, parse_duration


class AlarmsSettings(Section):
    """The alarms of operators."""

    operators: int = Field(default=1, ge=1, description="How many operators share the alarms: figures are given for one of them.")
    longest_shelf: str = Field(
        default="7d", description="How long an alarm may be shelved at the most; what is away for longer is out of service."
    )
    late_after: str = Field(
        default="",
        description="An alarm that values which come late say began longer ago than this (for example 1h) is noted\n"
        "and told only if it still holds once the values have caught up. Empty: it is told as if it were now.",
    )

    @field_validator("longest_shelf", "late_after")
    @classmethod
    def _duration(cls, text: str) -> str:
        if text:
            try:
                parse_duration(text)
            except InvalidInput as error:
                raise ValueError(f"{error.what} - {error.hint}") from None
        return text

    def shelf(self) -> int:
        """Return the longest time on the shelf in ns."""
        return parse_duration(self.longest_shelf)

    def late(self) -> int | None:
        """Return from which age (ns) a beginning is history, None for never."""
        return parse_duration(self.late_after) if self.late_after else None


class ConditionSettings(Section):
    """Condition monitoring: what the reading of a file of raw vibration may take."""

    record_seconds: float = Field(
        default=60, ge=1, le=3600, description="A file that takes longer to read is refused; the process that reads it is ended."
    )
    record_memory_mb: int = Field(
        default=1024, ge=64, description="Memory that the reading of one file may take, in MB; two are read at the same time."
    )
