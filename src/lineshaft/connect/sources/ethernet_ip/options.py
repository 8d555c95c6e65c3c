"""Options of the EtherNet/IP source."""

from __future__ import annotations

from pydantic import Field, model_validator

from lineshaft.connect.logix_tags import LogixTag
from lineshaft.core import NS, Duration, Section, parse_duration


class EthernetIpOptions(Section):
    """How to reach a Logix controller and which of its tags to ask for."""

    host: str = Field(min_length=1, description="Address of the controller or of its Ethernet module.")
    port: int = Field(44_818, ge=1, le=65_535, description="TCP port.")
    slot: int = Field(0, ge=0, le=16, description="Slot of the CPU in a ControlLogix chassis.")
    micro800: bool = Field(False, description="The controller is a Micro800.")
    tags: tuple[LogixTag, ...] = Field((), description="The tags to ask for, one [[sources.tags]] table each.")
    tags_file: str = Field("", description="A CSV file with more of them; its columns are the fields of a tag.")
    every: Duration = Field("1s", description="How often each tag is asked.")
    timeout: Duration = Field("3s", description="Longest wait for an answer.")
    requests_per_second: float = Field(
        100.0, gt=0, description="The controller's budget: never asked more often, whatever the tags want."
    )
    retry_bad: Duration = Field("60s", description="How often a tag the controller refused is tried again.")

    @model_validator(mode="after")
    def _something_to_ask(self) -> EthernetIpOptions:
        if not self.tags and not self.tags_file:
            raise ValueError("name at least one tag in `tags`, or a `tags_file`")
        return self

    def seconds(self, name: str) -> float:
        """Return one of the durations in seconds."""
        return parse_duration(getattr(self, name)) / NS
