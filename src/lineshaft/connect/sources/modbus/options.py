"""Options of the Modbus source."""

from __future__ import annotations

from pydantic import Field, model_validator

from lineshaft.connect.registers import ModbusTag
from lineshaft.core import NS, Duration, Section, parse_duration


class ModbusOptions(Section):
    """How to reach a Modbus controller and which of its registers to ask for."""

    url: str = Field(
        pattern=r"^(tcp|rtu|rtu\+tcp)://.+",
        description="tcp://10.0.0.5:502, rtu:///dev/ttyUSB0?baud=19200&parity=E, or rtu+tcp://10.0.0.5:4001 (serial server).",
    )
    unit: int = Field(1, ge=0, le=255, description="Unit (slave) id.")
    tags: tuple[ModbusTag, ...] = Field((), description="The values to ask for, one [[sources.tags]] table each.")
    tags_file: str = Field("", description="A CSV file with more of them; its columns are the fields of a tag.")
    every: Duration = Field("1s", description="How often each tag is asked.")
    timeout: Duration = Field("1s", description="Longest wait for an answer.")
    block: int = Field(125, ge=1, le=125, description="Most registers asked at once; some controllers take less than 125.")
    gap: int = Field(10, ge=0, le=124, description="Registers nobody wants that are read along rather than asking twice.")
    requests_per_second: float = Field(
        200.0, gt=0, description="The controller's budget: never asked more often, whatever the tags want."
    )
    retry_bad: Duration = Field("60s", description="How often a tag the controller refused is tried again.")

    @model_validator(mode="after")
    def _something_to_ask(self) -> ModbusOptions:
        if not self.tags and not self.tags_file:
            raise ValueError("name at least one tag in `tags`, or a `tags_file`")
        return self

    def seconds(self, name: str) -> float:
        """Return one of the durations in seconds."""
        return parse_duration(getattr(self, name)) / NS
