"""Settings of maintenance: where approved purchases go, and how soon an order of each priority must be done."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator

from lineshaft.core import Duration, Section, parse_duration
from lineshaft.maintain.urgency import SERVICE


class MaintainSettings(Section):
    """Where approved purchases go, and the service levels of orders."""

    erp: str = Field(default="outbox", description="Name of the plugin in maintain/erps that takes approved purchases.")
    erp_options: dict[str, Any] = Field(default_factory=dict, description="Its options, see docs/reference/plugins.md.")
    erp_every: Duration = Field(default="15m", description="How often the ERP is asked how an ordered purchase stands.")
    erp_in_flight: Duration = Field(
        default="10s",
        description="After a lost answer or a crash: how long a request may still be on its way before the ERP is asked again.",
    )
    cmms: str = Field(default="", description="Plugin in maintain/erps of another maintenance system that gets our work orders.")
    cmms_options: dict[str, Any] = Field(default_factory=dict, description="Its options, see docs/reference/plugins.md.")
    cmms_kinds: tuple[str, ...] = Field(
        default=("corrective", "preventive", "predictive", "inspection"), description="Which kinds of work orders it gets."
    )
    cmms_every: Duration = Field(default="5m", description="How often it is asked how those orders stand.")
    b2mml_schemas: str = Field(
        default="",
        description="Folder with MESA's B2MML schemas (B2MML-WorkSchedule.xsd ...): work orders in and out are validated then,\n"
        "for which lxml must be installed.",
    )
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
