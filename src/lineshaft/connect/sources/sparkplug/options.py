"""Options of the Sparkplug B source."""

from __future__ import annotations

from pydantic import Field, field_validator

from lineshaft.connect.broker import BrokerOptions
from lineshaft.core import Duration


class SparkplugOptions(BrokerOptions):
    """How to reach the broker, which groups to listen to, and how to ask for what was missed."""

    groups: tuple[str, ...] = Field((), description="Group ids to listen to; empty: all.")
    host_id: str = Field(
        "", description="Our host application id, whose STATE is published for nodes that wait for us; empty: none."
    )
    session: Duration = Field("0s", description="Hosts begin with a clean session: what was missed is asked for by rebirth.")
    rebirth_after: Duration = Field("5s", description="A node is not asked for a rebirth again sooner; doubles up to 5 minutes.")
    rebirths_per_second: float = Field(10.0, gt=0, description="Most rebirths asked for in a second: no storm after a restart.")
    silence: Duration = Field("60s", description="After we were away, a node silent for so long is taken for dead.")

    @field_validator("groups")
    @classmethod
    def _plain(cls, groups: tuple[str, ...]) -> tuple[str, ...]:
        strange = [group for group in groups if not group or set(group) & set("/+#")]
        if strange:
            raise ValueError(f"'{strange[0]}' is no group id: it has no / + or #")
        return groups
