"""Shift-report writer: tells the next shift in a page what happened, from alarms, stops, orders and the figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from lineshaft.act.agency.trade import Reply, Trade


class Report(Reply):
    """What the next shift should know."""

    headline: str = Field(max_length=200, description="The shift in one sentence.")
    text: str = Field(max_length=6000, description="What happened, in the order of its weight, with times and figures.")
    open_points: list[str] = Field(default_factory=list, max_length=20, description="What the next shift has to look at.")


def _changes(reply: Report, draft: Mapping[str, Any]) -> dict[str, Any]:
    said = reply.model_dump()
    return {name: value for name, value in said.items() if name in draft and draft[name] != value}


PLUGIN = Trade(
    name="reporter",
    title="Shift-report writer",
    does=("report.write",),
    role="planner",
    changes=_changes,
    tools=("plant_*", "alarms", "work_orders", "oee", "stops", "cases"),
    reply=Report,
    brief="""You write the report of a shift for the people of the next one. Look at the OEE and its losses, the stops, the
alarms, the work orders and cases of the time and place you are asked for. Begin with what matters most. Copy figures exactly.""",
)
