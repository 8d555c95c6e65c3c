"""The sections of settings.toml that an edge node heeds; a plant node heeds them and many more."""

from __future__ import annotations

from dataclasses import dataclass

from lineshaft.connect import (
    DerivedSettings,
    DetectorsSettings,
    EdgeSettings,
    FunctionsSettings,
    GatewaySettings,
    PipelinesSettings,
    SourcesSettings,
    UnsSettings,
)
from lineshaft.core import Section

SECTIONS: dict[str, type[Section]] = {
    "gateway": GatewaySettings,
    "sources": SourcesSettings,
    "derived": DerivedSettings,
    "pipelines": PipelinesSettings,
    "functions": FunctionsSettings,
    "detectors": DetectorsSettings,
    "uns": UnsSettings,
    "edge": EdgeSettings,
}
"""The sections of settings.toml an edge node heeds."""


@dataclass(frozen=True, slots=True)
class EdgeHome:
    """settings.toml of an edge node."""

    gateway: GatewaySettings
    sources: SourcesSettings
    derived: DerivedSettings
    pipelines: PipelinesSettings
    functions: FunctionsSettings
    detectors: DetectorsSettings
    uns: UnsSettings
    edge: EdgeSettings
