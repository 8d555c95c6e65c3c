"""Tags of a Logix controller by name: shared by what reads them and what writes them."""

from __future__ import annotations

import re

from pydantic import Field, field_validator

from lineshaft.core import Duration, Section

MEMBER = r"[A-Za-z_][A-Za-z0-9_]*(?:\[\d+(?:,\d+){0,2}\])?"
WRITTEN = re.compile(rf"^(?:Program:[A-Za-z_]\w*\.)?{MEMBER}(?:\.(?:{MEMBER}|\d{{1,2}}))*$")


class LogixTag(Section):
    """One tag of the controller."""

    at: str = Field(description="Its name: Speed, Motor.Speed, Recipe[3], Status.5 (a bit), Program:Main.Step.")
    name: str = Field("", description="Name of our tag; empty: as in the controller.")
    count: int = Field(1, ge=1, le=10_000, description="Elements of an array from `at` on; each becomes a tag name[i].")
    scale: float = Field(1.0, description="The value is the number times scale plus shift.")
    shift: float = Field(0.0, description="Added after scaling.")
    every: Duration | None = Field(None, description="How often it is asked, if not the source's `every`.")

    @field_validator("at")
    @classmethod
    def _is_a_tag(cls, at: str) -> str:
        if not WRITTEN.match(at.strip()):
            raise ValueError(f"'{at}' names no Logix tag: write Speed, Motor.Speed, Recipe[3] or Program:Main.Step")
        return at.strip()

    @property
    def label(self) -> str:
        """Return the name of our tag."""
        return self.name or self.at

    @property
    def labels(self) -> list[str]:
        """Return the names of our tags, one for each element."""
        if self.count == 1:
            return [self.label]
        first = re.search(r"\[(\d+)\]$", self.at)
        base = re.sub(r"\[\d+\]$", "", self.label)
        start = int(first[1]) if first else 0
        return [f"{base}[{start + i}]" for i in range(self.count)]
