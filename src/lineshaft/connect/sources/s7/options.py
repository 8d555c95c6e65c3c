"""Options of the S7 source."""

from __future__ import annotations

from pydantic import Field, model_validator

from lineshaft.connect.s7_tags import S7Tag
from lineshaft.core import NS, Duration, Section, parse_duration


class S7Options(Section):
    """How to reach an S7 controller and which of its values to ask for."""

    host: str = Field(min_length=1, description="Address of the controller.")
    port: int = Field(102, ge=1, le=65_535, description="TCP port.")
    rack: int = Field(0, ge=0, le=7, description="Rack; 0 nearly always.")
    slot: int = Field(1, ge=0, le=31, description="Slot of the CPU: 1 for S7-1200 and 1500, 2 for S7-300, its place for S7-400.")
    tags: tuple[S7Tag, ...] = Field((), description="The values to ask for, one [[sources.tags]] table each.")
    tags_file: str = Field("", description="A CSV file with more of them; its columns are the fields of a tag.")
    every: Duration = Field("1s", description="How often each tag is asked.")
    timeout: Duration = Field("3s", description="Longest wait for an answer.")
    block: int = Field(4_000, ge=16, le=60_000, description="Most bytes asked at once; they are cut to what the CPU takes.")
    gap: int = Field(32, ge=0, le=1_000, description="Bytes nobody wants that are read along rather than asking twice.")
    requests_per_second: float = Field(50.0, gt=0, description="The controller's budget: never asked more often.")
    retry_bad: Duration = Field("60s", description="How often a tag the controller refused is tried again.")

    @model_validator(mode="after")
    def _something_to_ask(self) -> S7Options:
        if not self.tags and not self.tags_file:
            raise ValueError("name at least one tag in `tags`, or a `tags_file`")
        return self

    def seconds(self, name: str) -> float:
        """Return one of the durations in seconds."""
        return parse_duration(getattr(self, name)) / NS
