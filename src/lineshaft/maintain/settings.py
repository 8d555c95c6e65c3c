"""Settings of maintenance: where approved purchases go, and how soon an order of each priority must be done."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator

from lineshaft.core import Section, parse_duration
from lineshaft.maintain.urgency import SERVICE


class MaintainSettings(Section):
    """Where approved purchases go, and the service levels of orders."""

    erp: str = Field(default="outbox", description="Name of the plugin in maintain/erps that takes approved purchases.")
    erp_options: dict[str, Any] = Field(default_factory=dict, description="Its options, see docs/reference/plugins.md.")
    service_levels: dict[str, str] = Field(
        default_factory=lambda: dict(SERVICE),
        description="Time from report to done by priority, 1 (at once) to 5 (some day). An asset's attribute RepairWithin\n"
        "(hours) makes it shorter.",
    )

    @field_validator("service_levels")
    @classmethod
    def _spans(cls, value: dict[str, str]) -> dict[str, str]:
        for priority, span in value.items():
            if priority not in SERVICE:
                raise ValueError(f"'{priority}' is no priority: 1 to 5")
            parse_duration(span, where=f"service_levels.{priority}")
        return {**SERVICE, **value}
