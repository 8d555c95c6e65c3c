"""Options of the files source."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from lineshaft.connect.record import QUALITIES, Codes, zone
from lineshaft.core import NS, Duration, Section, parse_duration


class FilesOptions(Section):
    """Which folder to watch, and how its files are read; nothing in the folder is ever changed."""

    folder: str = Field(min_length=1, description="Folder to watch, absolute or below HOME.")
    files: tuple[str, ...] = Field(("*.csv", "*.parquet"), min_length=1, description="Globs of files; **/*.csv looks deeper.")
    timezone: str = Field(description="IANA zone of times that name none, for example Europe/Berlin; there is no default.")
    layout: Literal["long", "wide"] = Field("long", description="long: a row a value; wide: a column a tag.")
    time: str = Field("", description="Column of the time; empty: found by its usual names.")
    tag: tuple[str, ...] = Field((), description="Column of the tag's name (long); several are joined with /.")
    value: str = Field("", description="Column of the value (long).")
    quality: str = Field("", description="Column of the quality; without one, what can be read is good.")
    quality_codes: Codes = Field("lineshaft", description="What numbers in the quality column mean.")
    time_format: str = Field("", description="Form of the time as in strptime (%d-%b-%y %H:%M:%S), or s, ms, us, ns for numbers.")
    delimiter: str = Field("", max_length=1, description="Between the cells of a CSV; found by itself.")
    decimal: Literal[".", ","] = Field(".", description="Decimal sign of numbers in a CSV.")
    encoding: str = Field("utf-8-sig", description="Encoding of a CSV.")
    integers: bool = Field(False, description="Keep integers as integers; else every number is a double.")
    states: dict[str, Literal["good", "uncertain", "bad"]] = Field(
        default_factory=dict,
        description="Digital states that stand for no value, with their quality, beside those known (I/O Timeout, ...).",
    )
    every: Duration = Field("5s", description="How often the folder is looked at.")
    settle: Duration = Field("5s", description="A file that did not grow for so long is whole: its last line counts too.")

    @field_validator("timezone")
    @classmethod
    def _zone(cls, name: str) -> str:
        zone(name)
        return name

    @field_validator("states")
    @classmethod
    def _states(cls, states: dict[str, str]) -> dict[str, str]:
        strange = [quality for quality in states.values() if quality not in QUALITIES]
        if strange:
            raise ValueError(f"'{strange[0]}' is no quality")
        return {name.strip().lower(): quality for name, quality in states.items()}

    def seconds(self, name: str) -> float:
        """Return one of the durations in seconds."""
        return parse_duration(getattr(self, name)) / NS
