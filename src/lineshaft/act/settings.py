"""Settings of act: where processes come from and how long a proposal waits."""

from __future__ import annotations

from pydantic import Field

from lineshaft.act.notify.settings import Channel
from lineshaft.core import Duration, Section


class ActSettings(Section):
    """Cases: which processes run here, and how long silence is waited for."""

    processes: str = Field(
        default="processes", description="Folder of process definitions (YAML) below the data folder, beside the built-in ones."
    )
    approval_expiry: Duration = Field(
        default="7d", description="A proposal nobody decides within this time is refused: silence is no."
    )
    unattended_cost: float = Field(
        default=50.0, ge=0, description="A purchase from this amount on waits for a person, whatever a process definition says."
    )
    write_within: Duration = Field(
        default="5m", description="An approved write to a machine that could not be carried out within this time is dropped."
    )
    low_stock_after: Duration = Field(
        default="1m", description="A part below its minimum for so long, with nothing on its way, begins a replenishment."
    )
    deliveries_every: Duration = Field(default="5m", description="How often running orders are looked at for being late.")
    executor: str = Field(default="node", description="Name of this process among several on one PostgreSQL database.")
    lease: Duration = Field(
        default="15s",
        description="On PostgreSQL: an executor silent for so long is dead, and another takes its cases over.",
    )
    link: str = Field(
        default="", description="Address of this node as people open it, for links in messages: https://plant.example"
    )
    channels: tuple[Channel, ...] = Field(
        default=(), description="Ways messages leave this node, one [[act.channels]] table each: name, url or url_env, give_up."
    )
    threads: int = Field(default=4, ge=1, le=64, description="Cases that move at the same moment; waiting cases cost none.")
