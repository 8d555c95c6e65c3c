"""Triage: judges how urgent a case is and which failure it looks like, from readings, alarms and what was mended before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from lineshaft.act.agency.trade import Reply, Trade


class Judgement(Reply):
    """How urgent, what kind, which failure."""

    priority: int = Field(ge=1, le=5, description="1 is at once, 5 is when there is time.")
    kind: Literal["corrective", "predictive"] = Field(description="corrective: it has failed; predictive: it is going to.")
    failure_mode: str = Field(description="Code of the failure mode, as in the draft or in past orders; empty if none fits.")
    reason: str = Field(max_length=1000, description="Why, in two or three sentences with the figures.")


def _changes(reply: Judgement, draft: Mapping[str, Any]) -> dict[str, Any]:
    said = {"priority": reply.priority, "kind": reply.kind, "failure_mode": reply.failure_mode}
    return {name: value for name, value in said.items() if name in draft and draft[name] != value}


PLUGIN = Trade(
    name="triage",
    title="Triage",
    does=("triage.rule",),
    role="planner",
    tools=("plant_*", "alarms", "work_orders", "manual"),
    reply=Judgement,
    changes=_changes,
    brief="""You judge how urgent a case is. The draft is what a rule made of the alarm's priority alone. Look at the machine's
readings now and over the last hours, at its alarms and at similar past orders. Change the draft only where the data say so.""",
)
