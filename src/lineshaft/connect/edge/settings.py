"""Settings of both ends: the plant's door for edges, the edge's uplink, and the pipelines of any gateway."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field, model_validator

from lineshaft.connect.edge.derived import DerivedEntry
from lineshaft.connect.edge.function import FunctionEntry
from lineshaft.connect.edge.inference import DetectorEntry
from lineshaft.connect.edge.pipeline import PipelineEntry
from lineshaft.connect.edge.rule import RuleEntry
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
    live_after: Duration = Field(
        "5m", description="When the oldest waiting value is older than this, a part of what is sent is live; 0s: strict order."
    )


class _Tables(Section):
    """An array of tables: one for each entry."""

    @model_validator(mode="before")
    @classmethod
    def _array_of_tables(cls, value: Any) -> Any:
        return {"entries": value} if isinstance(value, list) else value


class DerivedSettings(_Tables):
    """Tags an edge node computes from those of one source: one [[derived]] table each."""

    sample_text: ClassVar[str] = """\
# [[derived]]
# source = "press"
# name = "Energy per part"
# formula = "power / rate"
## The formula's names and the tag each stands for.
# inputs = {power = "Power", rate = "Rate"}"""
    entries: tuple[DerivedEntry, ...] = ()


class FunctionsSettings(_Tables):
    """Python functions an edge node runs beside, each in a process of its own: one [[functions]] table each."""

    sample_text: ClassVar[str] = """\
# [[functions]]
## Its name, and that of the source its values come from.
# name = "peaks"
# source = "press"
# tags = "Force"
# timeout = "1s"
# memory_mb = 256
# code = '''
# def run(rows):
#     highest = max(rows, key=lambda row: row[2])
#     return [("Force/peak", highest[1], highest[2])]
# '''"""
    entries: tuple[FunctionEntry, ...] = ()


class DetectorsSettings(_Tables):
    """Exported detectors an edge node judges its machines with: one [[detectors]] table each."""

    sample_text: ClassVar[str] = """\
# [[detectors]]
# name = "pump 3"
# source = "press"
# sensors = {Vibration = "DB1/Vib", Flow = "DB1/Flow"}
## `base64 -w0 pump-3.zip`, or the page Edge nodes puts it here.
# content = "UEsDB..."
"""
    entries: tuple[DetectorEntry, ...] = ()


class RulesSettings(_Tables):
    """What an edge node may write by itself; only a signed, approved configuration may hold such a rule."""

    entries: tuple[RuleEntry, ...] = ()


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
