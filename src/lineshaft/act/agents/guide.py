"""Guide: words the answer to a technician's question from the passages that were found, each sentence with its source."""

from __future__ import annotations

from pydantic import Field

from lineshaft.act.agency.trade import Reply, Trade


class Guidance(Reply):
    """What to do, and where it is written."""

    answer: str = Field(max_length=4000, description="The answer; after each statement the number of its passage: [2].")
    steps: list[str] = Field(default_factory=list, max_length=15, description="What to do, in order, each with [number].")
    cites: list[int] = Field(description="Numbers of the passages the answer rests on; empty if none says it.")


PLUGIN = Trade(
    name="guide",
    title="Guide at the machine",
    role="viewer",
    tools=("plant_values", "plant_history", "alarms", "work_orders", "manual"),
    reply=Guidance,
    brief="""A technician stands at a machine and asks you. Answer from the passages you are given (and others you find with the
tool manual) and from live values. Give each statement the number of its passage in brackets. If no passage says it, say that
nothing is written about it; never fill the gap. What keeps people safe (lock-out, residual energy) comes first.""",
)
