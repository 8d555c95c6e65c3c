"""Work-order drafter: words an order so that a technician knows before leaving the workshop what to look at and what to bring."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from lineshaft.act.agency.trade import Reply, Trade


class Draft(Reply):
    """A work order as it should read."""

    title: str = Field(min_length=5, max_length=200, description="What is wrong and where, in a few words.")
    priority: int = Field(ge=1, le=5, description="As in the draft unless the data say otherwise.")
    failure_mode: str = Field(description="Code of the failure mode, as in the draft or in past orders; empty if none fits.")
    note: str = Field(max_length=2000, description="What is known, what to check first, what to bring.")


def _changes(reply: Draft, draft: Mapping[str, Any]) -> dict[str, Any]:
    said = reply.model_dump()
    return {name: said[name] for name in said if name in draft and draft[name] != said[name]}


PLUGIN = Trade(
    name="drafter",
    title="Work-order drafter",
    does=("work-order.create",),
    role="technician",
    tools=("plant_*", "alarms", "work_orders", "spares", "manual"),
    reply=Draft,
    changes=_changes,
    brief="""You word a work order. The draft is what a rule made. Write what a technician needs to know before walking to the
machine: what was measured, what similar orders found, what the manual says to check first. Invent no figures and no parts.""",
)
