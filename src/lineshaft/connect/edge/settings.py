"""Settings of both ends: the plant's door for edges, the edge's uplink, and the pipelines of any gateway."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field, model_validator

from lineshaft.connect.edge.pipeline import PipelineEntry
from lineshaft.core import Duration, Section


class EdgesSettings(Section):
    """The door for edge nodes: they dial in over TLS and show a certificate this plant signed."""

    listen: bool = Field(default=False, description="Open the door.")
    host: str = Field("0.0.0.0", description="Address to listen on for edge nodes.")  # noqa: S104 - edges come from elsewhere
    port: int = Field(8443, ge=1, le=65_535, description="Port to listen on for edge nodes.")
    claim_valid: Duration = Field(
        "24h", description="How long the code of an invitation is good, if the invitation says nothing."
    )
    certificate_valid: Duration = Field(
        "365d", description="How long an edge's certificate is valid; edges renew theirs by themselves after two thirds of it."
    )


class EdgeSettings(Section):
    """An edge node's line to its plant (`lineshaft edge`)."""

    timeout: Duration = Field("30s", description="Longest wait for the plant's answer; then the line is opened anew.")
    report_every: Duration = Field("5s", description="How often the plant is told how this node is, and asked for configuration.")
    healthy_within: Duration = Field(
        "60s",
        description="Sources of a new configuration that are not up after this long send the node back to the previous one.",
    )
    rows: int = Field(200_000, ge=1_000, description="Most values sent at once.")


class PipelinesSettings(Section):
    """What is done to values before they are kept and sent: one [[pipelines]] table for each group of tags."""

    sample_text: ClassVar[str] = """\
# [[pipelines]]
## Which sources and tags; * is any.
# source = "press"
# tags = "*Temperature"
## Steps, in this order; each may be left out.
# drop_bad = true
# least = -40.0
# most = 300.0
# unit = "degF"
# to = "degC"
# scale = 1.0
# offset = 0.0
# deadband = 0.2
## After so long without a sent value the deadband lets the next one pass.
# heartbeat = "1m"
# at_most_every = "1s"
## The first value of each stretch; it picks, it never averages.
# downsample = "10s\""""
    entries: tuple[PipelineEntry, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _array_of_tables(cls, value: Any) -> Any:
        return {"entries": value} if isinstance(value, list) else value
