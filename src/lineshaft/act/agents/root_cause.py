"""Root-cause helper: lists what may lie behind a trouble, what speaks for and against each, and what to look at next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from lineshaft.act.agency.trade import Reply, Trade


class Cause(Reply):
    """One thing that may lie behind it."""

    cause: str = Field(max_length=300)
    speaks_for: list[str] = Field(
        default_factory=list, max_length=10, description="Readings and facts, with their place and time."
    )
    speaks_against: list[str] = Field(default_factory=list, max_length=10)
    check: str = Field(default="", max_length=500, description="What would tell.")


class Causes(Reply):
    """The likeliest first."""

    causes: list[Cause] = Field(max_length=8)
    advice: str = Field(default="", max_length=1500, description="What to do next.")


def _changes(reply: Causes, draft: Mapping[str, Any]) -> dict[str, Any]:
    said = {"causes": [one.model_dump() for one in reply.causes], "advice": reply.advice}
    return {name: value for name, value in said.items() if draft.get(name) != value}


PLUGIN = Trade(
    name="root_cause",
    title="Root-cause helper",
    does=("cause.find",),
    role="technician",
    tools=("plant_*", "alarms", "work_orders", "stops", "manual", "cases", "propose_work_order"),
    reply=Causes,
    changes=_changes,
    brief="""You help to find why something failed. Compare readings before and during the trouble, across machines that stand in
line, with what changed and with what past orders found. List causes, the likeliest first, each with what
speaks for and against it.""",
)
